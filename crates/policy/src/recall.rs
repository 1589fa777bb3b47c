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
        if store.exists(&ObjectKey::Recall(run.clone(), customer)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves the published files of one customer's part of a run to `recalled/`: copies each file, then deletes the
/// original. Files that have already been moved are left in place. If there is no evidence, moves nothing, because the
/// publish stage deletes unpublished files itself. Returns how many files are now under `recalled/`.
pub async fn move_to_recalled(
    store: &dyn ObjectStore,
    run: &RunId,
    reference: &CustomerRef,
) -> Result<usize, MoveError> {
    let published = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    if !store.exists(&published(Artefact::Evidence)).await? {
        return Ok(0);
    }
    let mut files = 0;
    for artefact in Artefact::PUBLISHED {
        let from = published(artefact);
        let to = ObjectKey::Recalled(reference.clone(), run.clone(), artefact);
        match store.copy_new(&from, &to).await? {
            Some(PutOutcome::Created) => {}
            // An earlier call copied the file and was interrupted before it deleted the original.
            Some(PutOutcome::AlreadyExists) => {
                let moved = store.find(&to).await?;
                if store.find(&from).await?.is_some_and(|original| Some(original) != moved) {
                    return Err(MoveError::Changed { key: to.to_string() });
                }
            }
            None => {
                files += usize::from(store.exists(&to).await?);
                continue;
            }
        }
        store.delete(&from).await?;
        files += 1;
    }
    Ok(files)
}
