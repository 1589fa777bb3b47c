//! Deletes a customer's artifacts for an erasure.

use contracts::CustomerRef;
use contracts::key::{Artefact, Prefix};
use storage::store::{ObjectStore, StoreError};

/// Deletes all of a customer's artifacts and reactions, including every kept version, and returns how many it deleted. Keeps evidence
/// and failure records, because their personal parts cannot be opened without the customer's key.
pub async fn delete_artefacts(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<usize, StoreError> {
    let kept = [Artefact::Evidence, Artefact::Failure].map(Artefact::file_name);
    let mut deleted = 0;
    let prefixes = [
        Prefix::Customer(reference.clone()),
        Prefix::Recalled(reference.clone()),
        Prefix::Reactions(reference.clone()),
    ];
    for prefix in prefixes {
        for key in store.list_kept(&prefix).await? {
            let name = key.rsplit('/').next().unwrap_or_default();
            if !(key.starts_with("customers/") && kept.contains(&name)) {
                store.erase(&key).await?;
                deleted += 1;
            }
        }
    }
    Ok(deleted)
}
