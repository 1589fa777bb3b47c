//! Reads what earlier runs recorded.

use contracts::evidence::Evidence;
use contracts::key::Artefact;
use contracts::{CustomerRef, ObjectKey, RunId};
use storage::store::ObjectStore;
use storage::vault::VaultError;

/// The evidence of a run about a customer; nothing if there is none yet.
pub async fn find(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    run: &RunId,
) -> Result<Option<Evidence>, VaultError> {
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
    let Some(evidence) = store.find(&key).await? else { return Ok(None) };
    serde_json::from_slice(&evidence).map(Some).map_err(|error| VaultError::Malformed {
        place: key.to_string(),
        line: error.line(),
        column: error.column(),
    })
}
