//! The workflow on Step Functions.

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use contracts::RunId;
use contracts::error::chain;
use contracts::executions::{Execution, ExecutionState, Executions, ExecutionsError, StartOutcome};
use contracts::stage::WorkflowInput;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::step_functions_error;

/// A state machine.
#[derive(Clone, Debug)]
pub struct StateMachine {
    client: Client,
    arn: String,
}

impl StateMachine {
    /// Returns the state machine with this ARN.
    #[must_use]
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        Self { client, arn: arn.into() }
    }

    /// Returns the ARN of an execution: `arn:…:execution:NAME:EXECUTION` for `arn:…:stateMachine:NAME`.
    fn execution(&self, name: &str) -> String {
        format!("{}:{name}", self.arn.replacen(":stateMachine:", ":execution:", 1))
    }
}

/// The workflow that rewrites a run's manifest after review decisions, and announces the new manifest.
///
/// Decisions come one by one, but a manifest covers a whole run. So time is divided into five-minute windows. One execution
/// waits for the end of a window and covers all decisions in it. Its name consists of the run and the window, so later
/// decisions in the window do not start another execution.
#[derive(Clone, Debug)]
pub struct Refreshes {
    client: Client,
    arn: String,
}

/// The length of the window that one refresh covers, in seconds.
const REFRESH_SECONDS: i64 = 300;

impl Refreshes {
    /// Returns the state machine with this ARN.
    #[must_use]
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        Self { client, arn: arn.into() }
    }

    /// Starts the refresh whose window includes `now`, unless it has already started.
    pub async fn start(&self, run: &RunId, now: Timestamp) -> Result<(), ExecutionsError> {
        let (name, input) = refresh(run, now);
        let request = self.client.start_execution().state_machine_arn(&self.arn).name(&name).input(input.to_string());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) => {
                Ok(())
            }
            Err(error) => Err(unavailable(&name, "start", chain(&error))),
        }
    }
}

/// Returns the name and the input of the refresh whose window includes `now`.
fn refresh(run: &RunId, now: Timestamp) -> (String, Value) {
    let window = now.as_second().div_euclid(REFRESH_SECONDS);
    let end = Timestamp::from_second((window + 1) * REFRESH_SECONDS).unwrap_or(now);
    (format!("{run}-{window}"), json!({ "run": run, "at": end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }))
}

/// The known part of an execution's input. Other fields may belong to another version.
#[derive(Deserialize)]
struct RunInput {
    run: RunId,
}

fn unavailable(name: &str, action: &'static str, reason: String) -> ExecutionsError {
    ExecutionsError { name: name.to_owned(), action, reason }
}

#[async_trait]
impl Executions for StateMachine {
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<StartOutcome, ExecutionsError> {
        let json = serde_json::to_string(input).expect("every type in the contracts crate serializes to JSON");
        let request = self.client.start_execution().state_machine_arn(&self.arn).name(name).input(json);
        match request.send().await {
            Ok(_) => Ok(StartOutcome::Started),
            Err(error) if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) => {
                Ok(StartOutcome::NameTaken)
            }
            Err(error) => Err(unavailable(name, "start", chain(&error))),
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        let described = match self.client.describe_execution().execution_arn(self.execution(name)).send().await {
            Ok(described) => described,
            Err(error) if error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist) => {
                return Ok(None);
            }
            Err(error) => return Err(unavailable(name, "read", chain(&error))),
        };
        let state = match described.status {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => ExecutionState::Running,
            ExecutionStatus::Succeeded => ExecutionState::Succeeded,
            _ => ExecutionState::Failed,
        };
        // An execution that was started by hand may have any input.
        let input = described.input.as_deref().unwrap_or_default();
        let input: RunInput = serde_json::from_str(input)
            .map_err(|_| unavailable(name, "read", "its input does not contain a run".to_owned()))?;
        let stopped = described.stop_date.and_then(|at| Timestamp::from_millisecond(at.to_millis().ok()?).ok());
        let message = described.cause.as_deref().map(step_functions_error::message);
        Ok(Some(Execution { run: input.run, state, stopped, error: described.error, message }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_within_five_minutes_share_a_refresh() {
        let run = RunId::parse("run-4c1f09a2b7d83e56").unwrap();
        let at = |second: i64| refresh(&run, Timestamp::from_second(1_800_000_000 + second).unwrap());
        assert_eq!(at(0), at(299));
        assert_ne!(at(299).0, at(300).0);
        let (name, input) = at(17);
        assert!(name.len() <= 80, "{name}");
        assert_eq!(input["at"], "2027-01-15T08:05:00Z");
    }
}
