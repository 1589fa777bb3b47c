//! The interface to the service that executes the workflow.

use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;

use crate::stage::WorkflowInput;
use crate::{ErrorName, NamedError, RunId};

/// An error from the workflow service: the service refused the call or cannot be reached.
#[derive(Debug, Error)]
#[error("cannot {action} the execution {name}: {reason}")]
pub struct ExecutionsError {
    /// The name of the execution.
    pub name: String,
    /// The attempted action: `start` or `read`.
    pub action: &'static str,
    /// The service's message.
    pub reason: String,
}

impl NamedError for ExecutionsError {
    fn name(&self) -> ErrorName {
        ErrorName::StartUnavailable
    }
}

/// The outcome of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartOutcome {
    /// The execution is running, or has already run with the same input.
    Started,
    /// An earlier execution with another input has this name.
    NameTaken,
}

/// The state of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionState {
    /// It is running.
    Running,
    /// It has finished, and each customer has an outcome.
    Succeeded,
    /// It failed, was stopped, or timed out.
    Failed,
}

/// An execution of the workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The run that it executes.
    pub run: RunId,
    /// The state.
    pub state: ExecutionState,
    /// The time at which it ended. `None` while it is running.
    pub stopped: Option<Timestamp>,
    /// The name of the error that ended it.
    pub error: Option<String>,
    /// The error's message, if it failed and the service keeps messages. Holds no personal data.
    pub message: Option<String>,
}

/// Starts and reads executions of the workflow.
#[async_trait]
pub trait Executions: Send + Sync {
    /// Starts an execution. Each name can be used once.
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<StartOutcome, ExecutionsError>;

    /// Returns the execution with this name, if there is one.
    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError>;
}
