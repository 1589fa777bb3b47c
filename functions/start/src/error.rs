//! Why no run was started.

use contracts::executions::ExecutionsError;
use contracts::{ErrorName, NamedError};
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

/// Why no run was started.
#[derive(Debug, Error)]
pub enum Error {
    /// The request cannot be sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The uploads cannot be listed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The workbooks cannot be read.
    #[error(transparent)]
    Workbooks(#[from] merge::Error),
    /// The workflow's service failed.
    #[error(transparent)]
    Executions(#[from] ExecutionsError),
    /// The settings, the catalogue, the lexicon or the assets cannot be read.
    #[error("{message}")]
    Material {
        /// The error's name.
        error: ErrorName,
        /// What happened.
        message: String,
    },
    /// No batch is complete.
    #[error("no batch under incoming/ has all three workbooks")]
    NoBatch,
    /// The service says both that the name is taken and that there is no such execution.
    #[error("the execution {name} was started and cannot be found")]
    Lost {
        /// The execution.
        name: String,
    },
    /// The same trigger failed too often.
    #[error("this trigger failed {attempts} times")]
    TooManyAttempts {
        /// How often.
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
            Self::NoBatch => ErrorName::InputMissingWorkbook,
            Self::Lost { .. } => ErrorName::StartUnavailable,
            Self::TooManyAttempts { .. } => ErrorName::InputInvalidRequest,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Store(error) => error.help(),
            Self::Workbooks(error) => error.help(),
            Self::Executions(_) | Self::Material { .. } | Self::Lost { .. } => None,
            Self::NoBatch => Some("upload the three workbooks into one folder under incoming/".to_owned()),
            Self::TooManyAttempts { .. } => {
                Some("change a workbook, or call with another Idempotency-Key: either is another trigger".to_owned())
            }
        }
    }
}
