//! Tests that every sample payload in `events/` decodes as its function's input.

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
use start::StartEvent;

/// Reads all payloads. The keys are the file names without `.json`.
fn events() -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(root().join("events")).expect("the folder of events");
    let read_payload = |path: std::path::PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable event");
        (name, serde_json::from_str(&text).expect("an event is JSON"))
    };
    files.map(|file| read_payload(file.expect("a listed file").path())).collect()
}

/// Returns the function that a payload belongs to, which is the first word of the file name.
fn function(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

/// Decodes a payload and encodes it again. Fields that decoding ignores are missing from the result.
fn round_trip<T: DeserializeOwned + Serialize>(payload: &Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<T>(payload.clone())?)
}

#[test]
fn stage_events_decode_without_ignored_fields() {
    for (name, payload) in events() {
        let decoded = match function(&name) {
            "merge" => round_trip::<MergeInput>(&payload),
            "assess" => round_trip::<AssessInput>(&payload),
            "recommend" => round_trip::<RecommendInput>(&payload),
            "narrate" | "render" => round_trip::<CustomerTask>(&payload),
            "publish" => round_trip::<PublishInput>(&payload),
            "finalize" => round_trip::<FinalizeInput>(&payload),
            "workflow" => round_trip::<WorkflowInput>(&payload),
            "start" | "api" | "notify" => continue,
            other => panic!("events/{name}.json: there is no function {other}"),
        };
        let decoded = decoded.unwrap_or_else(|error| panic!("events/{name}.json: {error}"));
        let fields = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
        let ignored: Vec<String> = fields(&payload).difference(&fields(&decoded)).cloned().collect();
        assert!(ignored.is_empty(), "events/{name}.json: no function reads {ignored:?}");
    }
}

#[test]
fn start_events_decode() {
    let events = events();
    let event = |name: &str| -> StartEvent {
        serde_json::from_value(events[name].clone()).unwrap_or_else(|error| panic!("events/{name}.json: {error}"))
    };
    for name in events.keys().filter(|name| function(name) == "start") {
        event(name);
    }
    let StartEvent::Uploaded { key, at } = event("start-upload") else { panic!("an upload") };
    assert_eq!(ObjectKey::incoming(&key).expect("a workbook's key").1, Workbook::Profile);
    assert_eq!(at.to_string(), "2026-11-20T06:15:02Z");
    let StartEvent::Schedule { name, batch: Some(batch), .. } = event("start-schedule-of-a-batch") else {
        panic!("a schedule")
    };
    assert_eq!((name.as_str(), batch.as_str()), ("campaign", "2026-11-20"));
    for changed in ["start-schedule-written", "start-schedule-deleted"] {
        let StartEvent::ScheduleChanged { name } = event(changed) else { panic!("a schedule's file") };
        assert_eq!(name.as_str(), "travel");
    }
}

#[test]
fn start_refuses_other_events() {
    let others = [
        serde_json::json!({}),
        serde_json::json!({"schedule": "campaign"}),
        serde_json::json!({"schedule": "no/such name", "at": "2026-11-23T08:00:00Z"}),
        serde_json::json!({"detail-type": "Object Deleted", "time": "2026-11-23T08:00:00Z", "detail": {"object": {"key": "schedules/a/b.toml"}}}),
        serde_json::json!({"detail-type": "Object Deleted", "time": "2026-11-23T08:00:00Z", "detail": {"object": {"key": "k"}}}),
    ];
    for other in others {
        assert!(serde_json::from_value::<StartEvent>(other.clone()).is_err(), "{other}");
    }
}

#[test]
fn api_events_contain_token_claims() {
    for (name, payload) in events().into_iter().filter(|(name, _)| function(name) == "api") {
        let request: ApiGatewayV2httpRequest =
            serde_json::from_value(payload).unwrap_or_else(|error| panic!("events/{name}.json: {error}"));
        let authorizer = request.request_context.authorizer.expect("an authorizer");
        let claims = authorizer.jwt.expect("a token").claims;
        for claim in ["sub", "email", "cognito:groups"] {
            assert!(claims.contains_key(claim), "{name}: {claim}");
        }
    }
}

#[test]
fn every_stage_has_an_event() {
    let events = events();
    let missing: Vec<&str> =
        STAGES.iter().map(|row| row.stage.as_str()).filter(|stage| !events.contains_key(*stage)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn numbers_in_csv_items_decode_as_numbers() {
    let row = round_trip::<AssessInput>(&events()["assess-from-csv"]).expect("decodes")["row"].clone();
    assert_eq!((row["offset"].as_u64(), row["length"].as_u64()), (Some(1825), Some(1790)));
}
