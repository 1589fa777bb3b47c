//! Enforces a run's limit on the number of customers who may get a recommendation, across many processes.

use contracts::{CustomerRef, ObjectKey, RunId};
use storage::store::{ObjectStore, PutOutcome, StoreError};

/// Returns whether a customer is one of the `limit` customers whom the run admits. Always true if there is no limit.
///
/// Each of the `limit` places is an object that only one writer can create. A repeated call returns the same answer.
/// Customers who are assessed concurrently compete for the places. The first to claim a place gets it, regardless of
/// the dataset's order.
pub async fn admit(
    run: &RunId,
    reference: &CustomerRef,
    limit: Option<usize>,
    store: &dyn ObjectStore,
) -> Result<bool, StoreError> {
    let Some(limit) = limit else { return Ok(true) };
    let admitted = ObjectKey::Admitted(run.clone(), reference.clone());
    if store.find(&admitted).await?.is_some() {
        return Ok(true);
    }
    let full = ObjectKey::AdmissionsFull(run.clone());
    if store.find(&full).await?.is_some() {
        return Ok(false);
    }
    // A reference is a keyed hash, so each customer's search starts at an evenly distributed place.
    let first = usize::from_str_radix(&reference.as_str()[..7], 16).unwrap_or_default();
    for offset in 0..limit {
        let place = ObjectKey::Admission(run.clone(), first.wrapping_add(offset) % limit);
        let is_own = match store.put_new(&place, reference.as_str().to_owned().into()).await? {
            PutOutcome::Created => true,
            // An earlier call for this customer may have died after it took the place.
            PutOutcome::AlreadyExists => store.get(&place).await? == reference.as_str().as_bytes(),
        };
        if is_own {
            store.put(&admitted, "{}".into()).await?;
            return Ok(true);
        }
    }
    store.put(&full, "{}".into()).await?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use futures::future::try_join_all;
    use storage::store::MemoryStore;

    use super::*;

    fn customer(number: usize) -> CustomerRef {
        let digest = contracts::Digest::of(&number.to_be_bytes());
        CustomerRef::parse(&digest.to_string()[..32]).unwrap()
    }

    #[tokio::test]
    async fn concurrent_customers_compete_for_places_and_keep_their_answer() {
        let store = MemoryStore::default();
        let run = RunId::parse("run-1").unwrap();
        let all: Vec<CustomerRef> = (0..50).map(customer).collect();
        let ask = async || try_join_all(all.iter().map(|one| admit(&run, one, Some(7), &store))).await.unwrap();
        let first = ask().await;
        assert_eq!(first.iter().filter(|admitted| **admitted).count(), 7);
        assert_eq!(ask().await, first);
        assert!(admit(&run, &customer(99), None, &store).await.unwrap(), "without a limit, everyone is admitted");
        assert!(!admit(&run, &customer(99), Some(0), &store).await.unwrap());
    }
}
