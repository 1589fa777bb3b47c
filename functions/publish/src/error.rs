//! The errors of the stage.

use contracts::key::Artefact;
use contracts::{ErrorName, NamedError, ProductId, RunId};
use policy::control::ControlError;
use policy::recall::MoveError;
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

/// An error that keeps a customer's outcome from being recorded.
#[derive(Debug, Error)]
pub enum Error {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A recalled file could not be moved.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// `control/` cannot be read, so it is unknown whether the customer may be contacted.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A file differs from the one that its stage recorded.
    #[error("{key}: changed since its stage recorded it")]
    Changed {
        /// The object's key.
        key: String,
    },
    /// The stored text differs from the text of this script.
    #[error("{key}: the stored text differs from the text of this script")]
    OtherText {
        /// The object's key.
        key: String,
    },
    /// A file is missing from the render stage's record.
    #[error("{key}: does not list {missing}", missing = .missing.file_name())]
    Unrecorded {
        /// The key of the record.
        key: String,
        /// The missing file.
        missing: Artefact,
    },
    /// An unsealed JSON object cannot be parsed. It holds no personal data, so the source may quote it.
    #[error("{key}: not in the format that this version writes")]
    Malformed {
        /// The object's key.
        key: String,
        /// The parse error, with its position.
        source: serde_json::Error,
    },
    /// The catalog, the phrasebook or the settings have changed since the run started.
    #[error("the {what} changed since run {run} started")]
    ChangedSince {
        /// `catalog`, `phrasebook` or `settings`.
        what: &'static str,
        /// The run.
        run: RunId,
    },
    /// The script's text has not passed the guard. A reviewer cannot override the guard.
    #[error("{key}: the text did not pass the guard")]
    NotPassed {
        /// The key of the script.
        key: String,
    },
    /// The decision was made about different text or a different video.
    #[error("{key}: the decision was made about different text or a different video")]
    NotAsReviewed {
        /// The key of the decision.
        key: String,
    },
    /// Today is outside the product's validity dates.
    #[error("today is outside the validity dates of product {product}")]
    Expired {
        /// The product.
        product: ProductId,
    },
    /// The script shows a product that differs from the catalog.
    #[error("{key}: product {product} differs from the catalog")]
    OtherProduct {
        /// The key of the script.
        key: String,
        /// The product.
        product: ProductId,
    },
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Move(error) => error.name(),
            Self::Control(error) => error.name(),
            Self::Changed { .. } | Self::Malformed { .. } | Self::NotAsReviewed { .. } => ErrorName::SealBroken,
            Self::OtherText { .. } => ErrorName::StoreConflict,
            Self::Unrecorded { .. } => ErrorName::StoreNotFound,
            Self::ChangedSince { .. } | Self::Expired { .. } | Self::OtherProduct { .. } | Self::NotPassed { .. } => {
                ErrorName::ConfigChanged
            }
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Control(error) => error.help(),
            Self::ChangedSince { .. }
            | Self::Expired { .. }
            | Self::OtherProduct { .. }
            | Self::OtherText { .. }
            | Self::NotPassed { .. }
            | Self::NotAsReviewed { .. } => Some("start a new run".to_owned()),
            Self::Store(_)
            | Self::Move(_)
            | Self::Changed { .. }
            | Self::Unrecorded { .. }
            | Self::Malformed { .. } => None,
        }
    }
}
