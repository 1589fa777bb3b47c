//! The port to whatever executes the workflow.

use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;

use crate::stage::WorkflowInput;
use crate::{ErrorName, NamedError, RunId};

/// The workflow's service cannot be reached, or refuses.
#[derive(Debug, Error)]
#[error("cannot {action} the execution {name}: {reason}")]
pub struct ExecutionsError {
    /// The execution.
    pub name: String,
    /// What was tried: `start`, `read` or `go on with`.
    pub action: &'static str,
    /// What the service said.
    pub reason: String,
}

impl NamedError for ExecutionsError {
    fn name(&self) -> ErrorName {
        ErrorName::StartUnavailable
    }
}

/// How a start ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It runs, or ran already with this very input.
    Started,
    /// An execution of this name was started before, and holds the name.
    NameTaken,
}

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It came to its end; each customer has an outcome.
    Succeeded,
    /// It failed, was stopped, or ran out of time.
    Failed,
}

/// An execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The run that it executes.
    pub run: RunId,
    /// Where it stands.
    pub state: State,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// The name of the error that it failed with.
    pub error: Option<String>,
    /// What happened, if it failed and whoever executes it keeps that. Without personal data.
    pub message: Option<String>,
}

/// Lets tasks of the workflow go on that wait for a person.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Tells the task of this token to go on. Not an error if it does not wait any more.
    async fn succeed(&self, token: &str) -> Result<(), ExecutionsError>;
}

/// Starts and reads executions of the one workflow.
#[async_trait]
pub trait Executions: Send + Sync {
    /// Starts one. Names are given once.
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<Begun, ExecutionsError>;

    /// The execution of a name, or nothing if there is none.
    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError>;
}
