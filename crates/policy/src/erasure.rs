//! Deletes a customer's artifacts for an erasure.

use contracts::CustomerRef;
use contracts::key::{Artefact, Prefix};
use storage::store::{ObjectStore, StoreError};

/// Deletes all of a customer's artifacts and reactions, including every kept version, and returns how many it deleted.
/// Keeps evidence, whose personal part cannot be opened without the customer's key, and failure records, which hold no
/// personal data.
pub async fn delete_artefacts(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<usize, StoreError> {
    let mut deleted = 0;
    for prefix in prefixes(reference) {
        for key in store.list_kept(&prefix).await? {
            if !survives(&key) {
                store.erase(&key).await?;
                deleted += 1;
            }
        }
    }
    Ok(deleted)
}

/// Returns whether the customer has artifacts that [`delete_artefacts`] would delete. Old versions do not count.
pub async fn has_artefacts(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<bool, StoreError> {
    for prefix in prefixes(reference) {
        if store.list(&prefix).await?.iter().any(|listed| !survives(&listed.key)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn prefixes(reference: &CustomerRef) -> [Prefix; 3] {
    [Prefix::Customer(reference.clone()), Prefix::Recalled(reference.clone()), Prefix::Reactions(reference.clone())]
}

/// Returns whether an object survives an erasure.
fn survives(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    key.starts_with("customers/") && [Artefact::Evidence, Artefact::Failure].map(Artefact::file_name).contains(&name)
}
