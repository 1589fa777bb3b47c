//! What delivery can fail with.

use contracts::{ErrorName, NamedError, RunId};
use policy::control::ControlError;
use storage::secret::SecretError;
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

/// Why something could not be delivered.
#[derive(Debug, Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What `control/` says cannot be understood. Nothing is shown on a guess.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The key of the signature cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A plain JSON object cannot be read. It holds nothing personal, so that the cause may be told.
    #[error("{key}: not what this version writes")]
    Malformed {
        /// The object's key.
        key: String,
        /// Where.
        source: serde_json::Error,
    },
    /// The run has not ended, or there is none.
    #[error("run {run} has no manifest: it has not come to its end")]
    NotEnded {
        /// The run.
        run: RunId,
    },
    /// The customer after whom the table should go on is none of the run's.
    #[error("no customer of run {run} has the reference that `after` names")]
    NotInRun {
        /// The run.
        run: RunId,
    },
    /// The address of the webhook cannot be called.
    #[error("delivery.webhook.url cannot be called: {reason}")]
    Client {
        /// Why.
        reason: String,
    },
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::Vault(error) => error.name(),
            Self::Control(error) => error.name(),
            Self::Secret(error) => error.name(),
            Self::Malformed { .. } => ErrorName::SealBroken,
            Self::NotEnded { .. } | Self::NotInRun { .. } => ErrorName::InputInvalidRequest,
            Self::Client { .. } => ErrorName::ConfigInvalid,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Control(error) => error.help(),
            Self::Secret(error) => error.help(),
            Self::NotEnded { .. } => Some("see artifacts/runs, and take the run up again".to_owned()),
            Self::NotInRun { .. } => Some("give the reference that the last answer calls `next`".to_owned()),
            Self::Store(_) | Self::Malformed { .. } | Self::Client { .. } => None,
        }
    }
}
