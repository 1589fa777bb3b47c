//! Translates an error that Step Functions has caught and passed on: `{"Error": …, "Cause": …}`.
//!
//! If a Lambda returned the error, `Cause` is JSON with an `errorMessage`. `Error` is either one of our names, or one of the
//! service's (`States.Timeout`, `Lambda.Unknown`, …), which says only that the stage did not finish. The workflow passes
//! both on as the `error` and `message` fields of [`contracts::stage::StageFailure`]. This module translates
//! them into our names.

use contracts::ErrorName;
use serde_json::Value;

/// The maximum length of a message, in characters. The evidence records it, so it must be short.
const MAX_MESSAGE: usize = 2_000;

/// Rewrites the `failure` in a payload for `publish`, so it can be decoded. Leaves other payloads and unknown formats
/// unchanged; the decoding error then names the field.
pub fn translate(payload: &mut Value) {
    let Some(failure) = payload.get_mut("failure").and_then(Value::as_object_mut) else { return };
    let Some(error) = failure.get("error").and_then(Value::as_str).map(ToOwned::to_owned) else { return };
    let stage = failure.get("stage").and_then(Value::as_str).unwrap_or_default();
    let cause = failure.get("message").and_then(Value::as_str).unwrap_or_default();
    let mut message = message(cause);
    let known = ErrorName::ALL.iter().any(|name| name.as_str() == error);
    if !known {
        let name = stopped(stage);
        message = if message.is_empty() { error } else { format!("{error}: {message}") };
        failure.insert("error".to_owned(), name.as_str().into());
    }
    failure.insert("message".to_owned(), message.chars().take(MAX_MESSAGE).collect::<String>().into());
}

/// Returns the error name for a stage that the service stopped or lost.
fn stopped(stage: &str) -> ErrorName {
    match stage {
        "narrate" => ErrorName::NarrateFailed,
        "render" => ErrorName::RenderFailed,
        _ => ErrorName::RunIncomplete,
    }
}

/// Returns the error message in a cause.
pub fn message(cause: &str) -> String {
    let json = serde_json::from_str::<Value>(cause).ok();
    let lambda_message = json.as_ref().and_then(|cause| cause.get("errorMessage")).and_then(Value::as_str);
    lambda_message.unwrap_or(cause).to_owned()
}

#[cfg(test)]
mod tests {
    use contracts::stage::{PublishInput, Stage, StageFailure};
    use serde_json::json;

    use super::*;

    fn caught(stage: &str, error: &str, cause: &str) -> StageFailure {
        let mut payload = json!({
            "run": "run-1", "reference": "0".repeat(32), "video": true,
            "failure": {"stage": stage, "error": error, "message": cause},
        });
        translate(&mut payload);
        serde_json::from_value::<PublishInput>(payload).unwrap().failure.unwrap()
    }

    #[test]
    fn own_error_keeps_its_name_and_message() {
        let cause = r#"{"errorType": "Render.OutOfRange", "errorMessage": "loudness: -9 LUFS"}"#;
        let expected = StageFailure {
            stage: Stage::Render,
            error: ErrorName::RenderOutOfRange,
            message: "loudness: -9 LUFS".to_owned(),
        };
        assert_eq!(caught("render", "Render.OutOfRange", cause), expected);
    }

    #[test]
    fn stopped_stage_gets_its_own_error_name() {
        let failure = caught("render", "States.Timeout", "");
        assert_eq!((failure.error, failure.message.as_str()), (ErrorName::RenderFailed, "States.Timeout"));
        let cause = r#"{"errorMessage": "RequestId: 1 Error: Runtime exited with error: signal: killed"}"#;
        let failure = caught("narrate", "Lambda.Unknown", cause);
        assert_eq!(failure.error, ErrorName::NarrateFailed);
        assert!(failure.message.starts_with("Lambda.Unknown: RequestId"), "{}", failure.message);
        assert_eq!(caught("assess", "Lambda.Unknown", "").error, ErrorName::RunIncomplete);
    }

    #[test]
    fn payload_without_failure_is_unchanged() {
        for payload in [json!({"run": "r"}), json!({"run": "r", "failure": null}), json!([])] {
            let mut translated = payload.clone();
            translate(&mut translated);
            assert_eq!(translated, payload);
        }
    }
}
