//! Tests that the workflow's definition agrees with the stages' retry rules and with the list of errors.

use std::collections::{BTreeMap, BTreeSet};

use bespoke_tests::root;
use contracts::ErrorName;
use contracts::stage::{STAGES, Stage, StageRow, WorkflowInput};
use serde_json::Value;

/// The errors from Step Functions and Lambda that every task must retry.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html>
const SERVICE_ERRORS: [&str; 4] = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
];
/// The error if Lambda refuses a call because too many functions are running.
const REFUSED: &str = "Lambda.TooManyRequestsException";
/// The errors for functions that crashed or timed out.
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
fn tasks_retry_as_the_stage_table_specifies() {
    let states = states(&definition());
    for StageRow { stage, retries, interval_seconds, backoff, .. } in STAGES {
        let tasks = tasks(&states, stage);
        assert!(!tasks.is_empty(), "no task calls {stage}");
        for (name, task) in tasks {
            let rules = task["Retry"].as_array().unwrap_or_else(|| panic!("{name} is not retried"));
            let (throttled, rules): (Vec<&Value>, Vec<&Value>) = rules.iter().partition(|rule| {
                names(rule).iter().all(|name| [REFUSED, ErrorName::NarrateThrottled.as_str()].contains(name))
            });
            let own = rules[0];
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
            assert_eq!(names(rules[1]), BTreeSet::from(SERVICE_ERRORS), "{name}");
            assert_eq!(names(rules[2]), BTreeSet::from(CRASH_ERRORS), "{name}");
            for rule in &throttled {
                assert!(seconds_of(rule) > 1_800.0, "{name} gives up on {:?} too early", names(rule));
                assert_eq!(rule["JitterStrategy"], "FULL", "{name}");
            }
            assert!(throttled.iter().any(|rule| names(rule).contains(REFUSED)), "{name}");
            assert!(task["TimeoutSeconds"].as_u64().is_some_and(|seconds| seconds > 30), "{name} has no timeout");
        }
    }
}

/// Returns the maximum total duration of a retry rule's waits, in seconds.
fn seconds_of(rule: &Value) -> f64 {
    let number = |field: &str| rule[field].as_f64().expect("a number");
    let attempts = rule["MaxAttempts"].as_u64().expect("a number");
    let waits = std::iter::successors(Some(number("IntervalSeconds")), |wait| Some(wait * number("BackoffRate")));
    (0..attempts).zip(waits).map(|(_, wait)| wait.min(number("MaxDelaySeconds"))).sum()
}

#[test]
fn throttled_speech_waits_instead_of_changing_the_voice() {
    let states = states(&definition());
    let first = &states["Narrate"]["Retry"][0];
    assert_eq!(names(first), BTreeSet::from([ErrorName::NarrateThrottled.as_str()]));
    let caught = states["Narrate"]["Catch"].as_array().expect("rules");
    assert_eq!(caught[0]["Next"], "NarrateFailed", "no other state calls a voice engine");
}

#[test]
fn every_transient_error_is_retried_by_a_stage() {
    let by_table = STAGES.iter().flat_map(|row| transient(row.stage));
    // Throttled speech has a longer rule of its own.
    let retried: BTreeSet<&str> = by_table.chain([ErrorName::NarrateThrottled.as_str()]).collect();
    let all = ErrorName::ALL.iter().filter(|name| name.is_transient()).map(|name| name.as_str());
    // `start` runs before the workflow, so Lambda itself retries it.
    let all: BTreeSet<&str> = all.filter(|name| *name != ErrorName::StartUnavailable.as_str()).collect();
    assert_eq!(retried, all);
}

#[test]
fn every_error_in_the_definition_exists() {
    let known: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    let of_aws: BTreeSet<&str> =
        SERVICE_ERRORS.into_iter().chain(CRASH_ERRORS).chain([REFUSED, "States.ALL"]).collect();
    for (state, body) in states(&definition()) {
        let rules = ["Retry", "Catch"].into_iter().filter_map(|field| body[field].as_array()).flatten();
        for name in rules.flat_map(names).chain(body["Error"].as_str()) {
            assert!(known.contains(name) || of_aws.contains(name), "{state} refers to the unknown error {name}");
        }
    }
}

#[test]
fn failures_are_passed_to_the_stage_that_the_table_specifies() {
    let states = states(&definition());
    for StageRow { stage, catch, .. } in STAGES {
        for (name, task) in tasks(&states, stage) {
            let all = |rule: &&Value| names(rule).contains("States.ALL");
            let caught = task["Catch"].as_array().and_then(|rules| rules.iter().find(all));
            match (catch, caught) {
                (Some(to), Some(rule)) => {
                    let pass = &states[rule["Next"].as_str().expect("a state")];
                    let reported = pass["Parameters"]["stage"].as_str();
                    assert!(to == Stage::Finalize || reported == Some(stage.as_str()), "{name}: {reported:?}");
                    let end = &states[pass["Next"].as_str().expect("a state")];
                    let function = end["Parameters"]["FunctionName"].as_str().expect("a task").to_lowercase();
                    assert_eq!(function, format!("${{{to}functionarn}}"), "{name}");
                }
                (Some(to), None) => panic!("{name} does not continue with {to} when it fails"),
                // After a failure, `publish` runs once more to record it. If that fails too, `finalize` reports it.
                (None, _) => {}
            }
        }
    }
}

/// A Distributed Map counts only children that fail, and stops when too many do.
#[test]
fn failed_customer_fails_its_child_after_it_is_recorded() {
    let states = states(&definition());
    let record = &states["RecordFailure"];
    let recorded = &states[record["Next"].as_str().expect("a state")];
    assert_eq!(
        (&recorded["Choices"][0]["StringEquals"], &recorded["Choices"][0]["Next"]),
        (&"failed".into(), &"CustomerFailed".into())
    );
    assert_eq!(record["Catch"][0]["Next"], "CustomerFailed", "the child fails even if the failure cannot be recorded");
    assert_eq!(states["CustomerFailed"]["Type"], "Fail");
    assert_eq!(states["Customers"]["ToleratedFailureCountPath"], "$.merged.tolerated_failures");
}

/// A result in review does not keep its child running, because the reviewer's decision publishes it.
#[test]
fn no_state_waits_for_a_person() {
    let states = states(&definition());
    let waits = states.iter().filter(|(_, state)| {
        state["Type"] == "Wait" || state["Resource"].as_str().is_some_and(|task| task.ends_with("waitForTaskToken"))
    });
    assert_eq!(waits.count(), 0);
}

#[test]
fn announcement_of_an_ended_run_contains_only_its_id() {
    let states = states(&definition());
    for (name, ends) in [("Announce", "Succeeded"), ("AnnounceFailed", "WhoseError")] {
        let state = &states[name];
        assert_eq!(state["Resource"], "arn:aws:states:::events:putEvents");
        assert_eq!(state["Parameters"]["Entries"][0]["Detail"], serde_json::json!({ "run.$": "$.run" }));
        assert_eq!(
            (&state["Next"], &state["Catch"][0]["Next"]),
            (&ends.into(), &ends.into()),
            "a failed announcement must not make the run fail"
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
        limit: None,
        dry_run: false,
        video: true,
    };
    for field in serde_json::to_value(input).expect("plain fields").as_object().expect("an object").keys() {
        assert!(text.contains(&format!("\"$.{field}\"")), "the definition does not read {field}");
    }
}
