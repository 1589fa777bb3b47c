//! Checks whether a result has been recalled, and moves the files of recalled results.

use contracts::key::Artefact;
use contracts::{CustomerRef, ErrorName, NamedError, ObjectKey, RunId};
use storage::store::{ObjectStore, PutOutcome, StoreError};
use thiserror::Error;

/// An error from [`move_to_recalled`].
#[derive(Debug, Error)]
pub enum MoveError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file under `recalled/` differs from the published one.
    #[error("{key}: differs from the published file")]
    Changed {
        /// The key under `recalled/`.
        key: String,
    },
}

impl NamedError for MoveError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::Changed { .. } => ErrorName::SealBroken,
        }
    }
}

/// Returns whether the run, or the customer's part of it, has been recalled.
pub async fn is_recalled(store: &dyn ObjectStore, run: &RunId, reference: &CustomerRef) -> Result<bool, StoreError> {
    for customer in [None, Some(reference.clone())] {
        if store.find(&ObjectKey::Recall(run.clone(), customer)).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves the published files from one customer's part of a run to `recalled/`: copies each file, then deletes the
/// original. Files that have already been moved are left in place. Without evidence, it moves nothing, because the
/// publish stage deletes unpublished files itself.
pub async fn move_to_recalled(store: &dyn ObjectStore, run: &RunId, reference: &CustomerRef) -> Result<(), MoveError> {
    let published = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    if store.find(&published(Artefact::Evidence)).await?.is_none() {
        return Ok(());
    }
    for artefact in Artefact::PUBLISHED {
        let from = published(artefact);
        let to = ObjectKey::Recalled(reference.clone(), run.clone(), artefact);
        let Some(bytes) = store.find(&from).await? else { continue };
        if store.put_new(&to, bytes.clone()).await? == PutOutcome::AlreadyThere && store.get(&to).await? != bytes {
            return Err(MoveError::Changed { key: to.to_string() });
        }
        store.delete(&from).await?;
    }
    Ok(())
}
