//! The workflow's definition agrees with the stages' retry rules and with the list of errors.

use std::collections::{BTreeMap, BTreeSet};

use bespoke_tests::root;
use contracts::ErrorName;
use contracts::stage::{STAGES, Stage, StageRow, WorkflowInput};
use serde_json::Value;

/// Errors of Step Functions and Lambda that every task must retry.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html>
const SERVICE_ERRORS: [&str; 5] = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
];
/// Errors of functions that died or timed out.
const CRASH_ERRORS: [&str; 4] = ["Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"];

/// The resource that a task uses to call a function.
const INVOKE: &str = "arn:aws:states:::lambda:invoke";

fn definition() -> Value {
    let text = std::fs::read_to_string(root().join("infra/workflow.asl.json")).expect("the definition");
    serde_json::from_str(&text).expect("the definition is JSON")
}

/// Returns every state by name, including those in the map.
fn states(definition: &Value) -> BTreeMap<String, Value> {
    let outer = definition["States"].as_object().expect("states");
    let inner = outer["Customers"]["ItemProcessor"]["States"].as_object().expect("the map's states");
    outer.iter().chain(inner).map(|(name, state)| (name.clone(), state.clone())).collect()
}

/// Returns the tasks that call a stage's function.
fn tasks(states: &BTreeMap<String, Value>, stage: Stage) -> Vec<(&String, &Value)> {
    let function = |state: &Value| state["Parameters"]["FunctionName"].as_str().map(str::to_lowercase);
    let wanted = format!("${{{stage}functionarn}}");
    let calls = |state: &Value| function(state).as_ref() == Some(&wanted) && state["Resource"] == INVOKE;
    states.iter().filter(|(_, state)| calls(state)).collect()
}

fn names(rule: &Value) -> BTreeSet<&str> {
    rule["ErrorEquals"].as_array().expect("names").iter().map(|name| name.as_str().expect("a name")).collect()
}

/// Returns the transient errors of a stage.
fn transient(stage: Stage) -> BTreeSet<&'static str> {
    let common = [ErrorName::StoreUnavailable, ErrorName::SecretUnavailable];
    let own = match stage {
        Stage::Recommend => Some(ErrorName::WriterThrottled),
        Stage::Narrate => Some(ErrorName::NarrateFailed),
        Stage::Render => Some(ErrorName::RenderFailed),
        Stage::Merge | Stage::Assess | Stage::Publish | Stage::Finalize => None,
    };
    common.into_iter().chain(own).map(ErrorName::as_str).collect()
}

#[test]
fn tasks_retry_as_the_stage_table_says() {
    let states = states(&definition());
    for StageRow { stage, retries, interval_seconds, backoff, .. } in STAGES {
        let tasks = tasks(&states, stage);
        assert!(!tasks.is_empty(), "no task calls {stage}");
        for (name, task) in tasks {
            let rules = task["Retry"].as_array().unwrap_or_else(|| panic!("{name} is not retried"));
            let own = &rules[0];
            let mut expected = transient(stage);
            if name == "RecommendWithoutModel" {
                // This task does not call a model, so it is never throttled.
                assert_eq!(task["Parameters"]["Payload"]["without_model"], true);
                expected.remove(ErrorName::WriterThrottled.as_str());
            }
            assert_eq!(names(own), expected, "{name}");
            assert_eq!(own["MaxAttempts"], retries, "{name}");
            assert_eq!(own["IntervalSeconds"], interval_seconds, "{name}");
            assert_eq!(own["BackoffRate"].as_f64(), Some(backoff), "{name}");
            assert_eq!(own["JitterStrategy"], "FULL", "{name}");
            assert_eq!(names(&rules[1]), BTreeSet::from(SERVICE_ERRORS), "{name}");
            assert_eq!(names(&rules[2]), BTreeSet::from(CRASH_ERRORS), "{name}");
            assert!(task["TimeoutSeconds"].as_u64().is_some_and(|seconds| seconds > 30), "{name} has no timeout");
        }
    }
}

#[test]
fn every_transient_error_is_retried_by_a_stage() {
    let retried: BTreeSet<&str> = STAGES.iter().flat_map(|row| transient(row.stage)).collect();
    let all = ErrorName::ALL.iter().filter(|name| name.is_transient()).map(|name| name.as_str());
    // A run is started before the workflow, so Lambda itself retries the start.
    let all: BTreeSet<&str> = all.filter(|name| *name != ErrorName::StartUnavailable.as_str()).collect();
    assert_eq!(retried, all);
}

#[test]
fn every_named_error_exists() {
    let known: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    let of_aws: BTreeSet<&str> = SERVICE_ERRORS.into_iter().chain(CRASH_ERRORS).chain(["States.ALL"]).collect();
    for (state, body) in states(&definition()) {
        let rules = ["Retry", "Catch"].into_iter().filter_map(|field| body[field].as_array()).flatten();
        for name in rules.flat_map(names).chain(body["Error"].as_str()) {
            assert!(known.contains(name) || of_aws.contains(name), "{state} names {name}");
        }
    }
}

#[test]
fn failures_reach_the_stage_in_the_table() {
    let states = states(&definition());
    for StageRow { stage, catch, .. } in STAGES {
        for (name, task) in tasks(&states, stage) {
            let all = |rule: &&Value| names(rule).contains("States.ALL");
            let caught = task["Catch"].as_array().and_then(|rules| rules.iter().find(all));
            match (catch, caught) {
                (Some(to), Some(rule)) => {
                    let pass = &states[rule["Next"].as_str().expect("a state")];
                    let reported = pass["Parameters"]["failure"]["stage"].as_str();
                    assert!(to == Stage::Finalize || reported == Some(stage.as_str()), "{name}: {reported:?}");
                    let end = &states[pass["Next"].as_str().expect("a state")];
                    let function = end["Parameters"]["FunctionName"].as_str().expect("a task").to_lowercase();
                    assert_eq!(function, format!("${{{to}functionarn}}"), "{name}");
                }
                (Some(to), None) => panic!("{name} does not end in {to} when it fails"),
                // `publish` runs once more with its own failure; `finalize` reports what fails then.
                (None, _) => {}
            }
        }
    }
}

#[test]
fn results_in_review_wait_for_a_decision() {
    let states = states(&definition());
    let choice = &states["InReview"]["Choices"][0];
    assert_eq!((&choice["Variable"], &choice["StringEquals"]), (&"$.published.outcome".into(), &"in-review".into()));
    let wait = &states[choice["Next"].as_str().expect("a state")];
    assert_eq!(wait["Resource"], format!("{INVOKE}.waitForTaskToken"));
    assert_eq!(wait["Parameters"]["Payload"]["task_token.$"], "$$.Task.Token");
    assert!(
        wait["TimeoutSeconds"].as_u64().is_some_and(|seconds| seconds < 604_800),
        "the wait ends before the workflow's week"
    );
    let retried = wait["Retry"].as_array().expect("rules").iter().flat_map(names).collect::<BTreeSet<_>>();
    assert!(!retried.contains("States.Timeout"), "a timeout is not retried");
    // Whether decided or timed out, `publish` records the outcome. It publishes only approved results.
    let caught = wait["Catch"].as_array().and_then(|rules| rules.last()).expect("a rule");
    assert!(names(caught).contains("States.ALL"));
    assert_eq!((&caught["Next"], &wait["Next"]), (&"PublishReviewed".into(), &"PublishReviewed".into()));
    assert!(tasks(&states, Stage::Publish).iter().any(|(name, _)| *name == "PublishReviewed"));
}

#[test]
fn ended_run_is_announced_by_id_only() {
    let states = states(&definition());
    for (name, ends) in [("Announce", "Succeeded"), ("AnnounceFailed", "WhoseError")] {
        let state = &states[name];
        assert_eq!(state["Resource"], "arn:aws:states:::events:putEvents");
        assert_eq!(state["Parameters"]["Entries"][0]["Detail"], serde_json::json!({ "run.$": "$.run" }));
        assert_eq!(
            (&state["Next"], &state["Catch"][0]["Next"]),
            (&ends.into(), &ends.into()),
            "a failed announcement fails no run"
        );
    }
}

#[test]
fn every_state_exists_and_is_reachable() {
    let definition = definition();
    for machine in [&definition, &definition["States"]["Customers"]["ItemProcessor"]] {
        let states = machine["States"].as_object().expect("states");
        let mut reached = BTreeSet::from([machine["StartAt"].as_str().expect("a start")]);
        for state in states.values() {
            let rules = ["Catch", "Choices"].into_iter().filter_map(|field| state[field].as_array()).flatten();
            let ways = rules.chain([state]).flat_map(|rule| [&rule["Next"], &rule["Default"]]);
            reached.extend(ways.filter_map(Value::as_str));
        }
        assert_eq!(reached, states.keys().map(String::as_str).collect());
    }
}

#[test]
fn definition_reads_every_input_field() {
    let text = std::fs::read_to_string(root().join("infra/workflow.asl.json")).expect("the definition");
    let input = WorkflowInput {
        run: contracts::RunId::parse("run-1").expect("a run"),
        batch: contracts::Batch::parse("b").expect("a batch"),
        concurrency: 1,
        tolerated_failure_percentage: 1,
    };
    for field in serde_json::to_value(input).expect("plain fields").as_object().expect("an object").keys() {
        assert!(text.contains(&format!("\"$.{field}\"")), "the definition does not read {field}");
    }
}
