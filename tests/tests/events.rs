//! Every sample payload under `events/` is one that its function takes.

use std::collections::{BTreeMap, BTreeSet};

use bespoke_tests::root;
use contracts::stage::{AssessInput, CustomerTask, FinalizeInput, MergeInput, PublishInput, STAGES, Stage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The payloads by file name without `.json`.
fn events() -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(root().join("events")).expect("the folder of events");
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable event");
        (name, serde_json::from_str(&text).expect("an event is JSON"))
    };
    files.map(|file| read(file.expect("a listed file").path())).collect()
}

/// The stage whose payload it is: the first word of the file's name.
fn stage(name: &str) -> Stage {
    let word = name.split('-').next().unwrap_or(name);
    let found = STAGES.iter().find(|row| row.stage.as_str() == word);
    found.unwrap_or_else(|| panic!("events/{name}.json: {word} is no stage")).stage
}

/// Decodes, and gives what was understood.
fn decoded<T: DeserializeOwned + Serialize>(payload: &Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<T>(payload.clone())?)
}

#[test]
fn every_event_decodes_and_no_field_of_it_is_ignored() {
    for (name, payload) in events() {
        let understood = match stage(&name) {
            Stage::Merge => decoded::<MergeInput>(&payload),
            Stage::Assess => decoded::<AssessInput>(&payload),
            Stage::Recommend | Stage::Narrate | Stage::Render => decoded::<CustomerTask>(&payload),
            Stage::Publish => decoded::<PublishInput>(&payload),
            Stage::Finalize => decoded::<FinalizeInput>(&payload),
        };
        let understood = understood.unwrap_or_else(|error| panic!("events/{name}.json: {error}"));
        let fields = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
        let ignored: Vec<String> = fields(&payload).difference(&fields(&understood)).cloned().collect();
        assert!(ignored.is_empty(), "events/{name}.json: {ignored:?} are read by nobody");
    }
}

#[test]
fn every_stage_has_an_event_of_its_own_name() {
    let events = events();
    let missing: Vec<&str> =
        STAGES.iter().map(|row| row.stage.as_str()).filter(|stage| !events.contains_key(*stage)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn numbers_from_a_csv_item_source_are_read_as_numbers() {
    let row = decoded::<AssessInput>(&events()["assess-from-csv"]).expect("decodes")["row"].clone();
    assert_eq!((row["offset"].as_u64(), row["length"].as_u64()), (Some(1825), Some(1790)));
}
