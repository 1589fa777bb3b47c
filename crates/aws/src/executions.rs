//! The workflow on Step Functions.

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use contracts::RunId;
use contracts::error::chain;
use contracts::executions::{Execution, ExecutionState, Executions, ExecutionsError, StartOutcome, Tasks};
use contracts::stage::WorkflowInput;
use jiff::Timestamp;
use serde::Deserialize;

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

/// Workflow tasks that are waiting for a reviewer. A token identifies its task.
#[derive(Clone, Debug)]
pub struct WaitingTasks {
    client: Client,
}

impl WaitingTasks {
    /// Returns the tasks in this account and region.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Tasks for WaitingTasks {
    async fn succeed(&self, token: &str) -> Result<(), ExecutionsError> {
        match self.client.send_task_success().task_token(token).output("{}").send().await {
            Ok(_) => Ok(()),
            // The task timed out, or another call completed it.
            Err(error)
                if error.as_service_error().is_some_and(|error| {
                    error.is_task_timed_out() || error.is_task_does_not_exist() || error.is_invalid_token()
                }) =>
            {
                Ok(())
            }
            // The error does not contain the token.
            Err(error) => Err(unavailable("of a review", "go on with", chain(&error))),
        }
    }
}

/// The known part of an execution's input. Other fields may come from another version.
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
        let json = serde_json::to_string(input).expect("the types of contracts serialize to JSON");
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
            .map_err(|_| unavailable(name, "read", "its input does not name a run".to_owned()))?;
        let stopped = described.stop_date.and_then(|at| Timestamp::from_millisecond(at.to_millis().ok()?).ok());
        let message = described.cause.as_deref().map(step_functions_error::message);
        Ok(Some(Execution { run: input.run, state, stopped, error: described.error, message }))
    }
}
