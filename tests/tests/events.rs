//! Every sample payload under `events/` is one that its function takes.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use bespoke_tests::root;
use contracts::ObjectKey;
use contracts::key::Workbook;
use contracts::stage::{
    AssessInput, CustomerTask, FinalizeInput, MergeInput, PublishInput, RecommendInput, STAGES, WorkflowInput,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use start::Event;

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

/// The function whose payload it is: the first word of the file's name.
fn function(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

/// Decodes, and gives what was understood.
fn decoded<T: DeserializeOwned + Serialize>(payload: &Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<T>(payload.clone())?)
}

#[test]
fn every_event_of_a_stage_decodes_and_no_field_of_it_is_ignored() {
    for (name, payload) in events() {
        let understood = match function(&name) {
            "merge" => decoded::<MergeInput>(&payload),
            "assess" => decoded::<AssessInput>(&payload),
            "recommend" => decoded::<RecommendInput>(&payload),
            "narrate" | "render" => decoded::<CustomerTask>(&payload),
            "publish" => decoded::<PublishInput>(&payload),
            "finalize" => decoded::<FinalizeInput>(&payload),
            "workflow" => decoded::<WorkflowInput>(&payload),
            "start" | "api" | "notify" => continue,
            other => panic!("events/{name}.json: {other} is no function"),
        };
        let understood = understood.unwrap_or_else(|error| panic!("events/{name}.json: {error}"));
        let fields = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
        let ignored: Vec<String> = fields(&payload).difference(&fields(&understood)).cloned().collect();
        assert!(ignored.is_empty(), "events/{name}.json: {ignored:?} are read by nobody");
    }
}

#[test]
fn every_event_that_starts_something_is_understood() {
    let events = events();
    let event = |name: &str| -> Event {
        serde_json::from_value(events[name].clone()).unwrap_or_else(|error| panic!("events/{name}.json: {error}"))
    };
    for name in events.keys().filter(|name| function(name) == "start") {
        event(name);
    }
    let Event::Uploaded { key, at } = event("start-upload") else { panic!("an upload") };
    assert_eq!(ObjectKey::incoming(&key).expect("a workbook's key").1, Workbook::Profile);
    assert_eq!(at.to_string(), "2026-11-20T06:15:02Z");
    let Event::Schedule { name, batch: Some(batch), .. } = event("start-schedule-of-a-batch") else {
        panic!("a schedule")
    };
    assert_eq!((name.as_str(), batch.as_str()), ("campaign", "2026-11-20"));
}

#[test]
fn what_is_none_of_the_events_starts_nothing() {
    let others = [
        serde_json::json!({}),
        serde_json::json!({"schedule": "campaign"}),
        serde_json::json!({"schedule": "no/such name", "at": "2026-11-23T08:00:00Z"}),
        serde_json::json!({"detail-type": "Object Deleted", "time": "2026-11-23T08:00:00Z", "detail": {"object": {"key": "k"}}}),
    ];
    for other in others {
        assert!(serde_json::from_value::<Event>(other.clone()).is_err(), "{other}");
    }
}

#[test]
fn the_calls_are_those_of_an_http_api_with_a_token_authorizer() {
    for (name, payload) in events().into_iter().filter(|(name, _)| function(name) == "api") {
        let request: ApiGatewayV2httpRequest =
            serde_json::from_value(payload).unwrap_or_else(|error| panic!("events/{name}.json: {error}"));
        let authorizer = request.request_context.authorizer.expect("an authorizer");
        assert!(authorizer.jwt.expect("a token").claims.contains_key("sub"), "{name}");
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
