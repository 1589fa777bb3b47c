//! Which objects of a customer an erasure deletes.

use contracts::CustomerRef;
use contracts::key::{Artefact, Prefix};
use storage::store::{ObjectStore, StoreError};

/// Deletes all artifacts of a customer, with every kept version. Returns how many it deleted. Keeps evidence and failure
/// records, which hold nothing personal that opens without the customer's key.
pub async fn delete_artefacts(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<usize, StoreError> {
    let kept = [Artefact::Evidence, Artefact::Failure].map(Artefact::file_name);
    let mut deleted = 0;
    for prefix in [Prefix::Customer(reference.clone()), Prefix::Recalled(reference.clone())] {
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
