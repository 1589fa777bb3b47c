//! Recall: what was published and is taken back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{ObjectStore, StoreError};
use crate::{CustomerRef, ObjectKey, RunId};

/// `control/recalls/<run>/run.json`, or of one customer. That it lies there is what counts: it is written before anything
/// is moved, and from then on no link opens and nothing of the run is published any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// When.
    pub at: Timestamp,
    /// Who took it back.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

/// Whether the run, or the customer's part of it, was taken back.
pub async fn is_recalled(store: &dyn ObjectStore, run: &RunId, reference: &CustomerRef) -> Result<bool, StoreError> {
    for whom in [None, Some(reference.clone())] {
        if store.find(&ObjectKey::Recall(run.clone(), whom)).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
