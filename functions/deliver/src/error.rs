//! Errors in delivery.

use contracts::{ErrorName, NamedError, RunId};
use policy::control::ControlError;
use storage::secret::SecretError;
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

/// An error in an export, a link or a notification.
#[derive(Debug, Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The control data cannot be read, so no result may be shown.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The signing key is unavailable or malformed.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// An unsealed JSON object is malformed. It holds no personal data, so the message may quote it.
    #[error("{key}: not in the format that this version writes")]
    Malformed {
        /// The key of the object.
        key: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The run has no manifest.
    #[error("run {run} has no manifest: it has not ended or does not exist")]
    NotEnded {
        /// The run.
        run: RunId,
    },
    /// The cursor of an export refers to a customer who is not in the run.
    #[error("run {run} has no customer with the reference in `after`")]
    NotInRun {
        /// The run.
        run: RunId,
    },
    /// The address of the webhook is malformed, or the HTTP client could not be built.
    #[error("cannot build the HTTP client for delivery.webhook.url: {reason}")]
    Client {
        /// The cause.
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
            Self::NotEnded { .. } => Some("check the id in artifacts/runs, or resume the run".to_owned()),
            Self::NotInRun { .. } => Some("use the value of `next` from the previous page".to_owned()),
            Self::Store(_) | Self::Malformed { .. } | Self::Client { .. } => None,
        }
    }
}
