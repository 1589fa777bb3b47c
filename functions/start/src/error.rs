//! Errors that occur when a run is started.

use contracts::executions::ExecutionsError;
use contracts::schedule::{ScheduleError, TimersError};
use contracts::{ErrorName, NamedError, ScheduleName};
use phrases::materials::NotApproved;
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

/// An error that prevents a run from starting.
#[derive(Debug, Error)]
pub enum Error {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The workbooks could not be read, or the call is for an erased customer.
    #[error(transparent)]
    Workbooks(#[from] merge::Error),
    /// The workflow service failed.
    #[error(transparent)]
    Executions(#[from] ExecutionsError),
    /// One of the bank's inputs, such as the settings or the catalog, could not be read.
    #[error("{message}")]
    Material {
        /// The name of the error.
        error: ErrorName,
        /// The cause.
        message: String,
    },
    /// The catalog or the rules lack an approval.
    #[error(transparent)]
    NotApproved(#[from] NotApproved),
    /// A schedule is invalid, or no run may start now.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The timer of a schedule could not be set or removed.
    #[error(transparent)]
    Timers(#[from] TimersError),
    /// A schedule without a file is due.
    #[error("schedule {schedule} is due, but schedules/{schedule}.toml does not exist")]
    NoSchedule {
        /// The schedule.
        schedule: ScheduleName,
    },
    /// The file of a schedule changed again and again while its timer was set.
    #[error("schedule {schedule} changes faster than its timer can follow")]
    Unsettled {
        /// The schedule.
        schedule: ScheduleName,
    },
    /// No batch is complete.
    #[error("no batch under incoming/ has all three workbooks")]
    NoBatch,
    /// The workflow service rejected a name as taken, but then found no execution with that name.
    #[error("the workflow service reports that execution {name} exists but cannot find it")]
    Lost {
        /// The name of the execution.
        name: String,
    },
    /// All executions for the same trigger failed.
    #[error("all {attempts} executions for this trigger failed")]
    TooManyAttempts {
        /// The number of executions.
        attempts: u32,
    },
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Workbooks(error) => error.name(),
            Self::Executions(error) => error.name(),
            Self::Material { error, .. } => *error,
            Self::NotApproved(error) => error.name(),
            Self::Schedule(error) => error.name(),
            Self::Timers(error) => error.name(),
            Self::NoBatch => ErrorName::InputMissingWorkbook,
            Self::Lost { .. } | Self::Unsettled { .. } => ErrorName::StartUnavailable,
            Self::NoSchedule { .. } | Self::TooManyAttempts { .. } => ErrorName::InputInvalidRequest,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Store(error) => error.help(),
            Self::NotApproved(error) => error.help(),
            Self::Workbooks(error) => error.help(),
            Self::Schedule(error) => error.help(),
            Self::Executions(_)
            | Self::Timers(_)
            | Self::Material { .. }
            | Self::Lost { .. }
            | Self::Unsettled { .. } => None,
            Self::NoSchedule { .. } => Some("write the file, or name a batch to start a run by hand".to_owned()),
            Self::NoBatch => Some("upload the three workbooks into one folder under incoming/".to_owned()),
            Self::TooManyAttempts { .. } => Some("upload a changed workbook, or use a new Idempotency-Key".to_owned()),
        }
    }
}
