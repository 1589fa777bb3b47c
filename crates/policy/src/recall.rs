//! Whether a result was recalled.

use contracts::{CustomerRef, ObjectKey, RunId};
use storage::store::{ObjectStore, StoreError};

/// Whether the run, or the customer's part of it, was taken back.
pub async fn is_recalled(store: &dyn ObjectStore, run: &RunId, reference: &CustomerRef) -> Result<bool, StoreError> {
    for whom in [None, Some(reference.clone())] {
        if store.find(&ObjectKey::Recall(run.clone(), whom)).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
