//! The review policy: which results a reviewer must see, and the records of pending reviews and decisions.

use contracts::key::RunPart;
use contracts::review::{Decision, PendingReview, ReviewReason};
use contracts::settings::ReviewSettings;
use contracts::stage::IndexRow;
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use storage::store::{ObjectStore, StoreError};
use storage::vault::{Keys, Owner, Vault, VaultError};

/// The maximum length, in bytes, of a line in `runs/<run>/index.csv`: 32 + 20 + 20 + 64 characters, three commas and a
/// line break of up to two bytes.
const LONGEST_LINE: u64 = 141;

/// Returns the reason why the settings require a review of a customer's result, or `None` if they do not. A keyed
/// digest of run and customer picks about one result in `every`, so the workbook's order does not influence the choice.
pub async fn review_reason(
    settings: ReviewSettings,
    run: &RunId,
    reference: &CustomerRef,
    keys: &Keys,
    store: &dyn ObjectStore,
) -> Result<Option<ReviewReason>, StoreError> {
    let ReviewSettings { first, every } = settings;
    if first > 0 && is_among_first(first, run, reference, store).await? {
        return Ok(Some(ReviewReason::First { first }));
    }
    let sampled = every > 0 && {
        let digest = keys.keyed_digest("review", format!("{run}\0{reference}").as_bytes());
        let [a, b, c, d, ..] = *digest.as_bytes();
        u32::from_be_bytes([a, b, c, d]) % every == 0
    };
    Ok(sampled.then_some(ReviewReason::Sampled { every }))
}

/// Returns the pending review of one customer's part of a run, or `None` if there is none. Fails if it was not written
/// with the reference key, or has changed since.
pub async fn find_pending(
    vault: &Vault,
    run: &RunId,
    reference: &CustomerRef,
) -> Result<Option<PendingReview>, VaultError> {
    let key = ObjectKey::Review(run.clone(), reference.clone());
    let Some(bytes) = vault.store().find(&key).await? else { return Ok(None) };
    vault.open_authenticated(&key, &bytes).map(Some)
}

/// Returns the decision about one customer's part of a run with the digest of its object, or `None` if there is none.
pub async fn find_decision(
    vault: &Vault,
    run: &RunId,
    reference: &CustomerRef,
) -> Result<Option<(Decision, Digest)>, VaultError> {
    let key = ObjectKey::Decision(run.clone(), reference.clone());
    if vault.store().find(&key).await?.is_none() {
        return Ok(None);
    }
    vault.read_json(Owner::Customer(reference), &key).await.map(Some)
}

/// Returns whether the customer is on one of the first lines of the run's index. Reads only the bytes that these lines
/// can occupy.
async fn is_among_first(
    first: u32,
    run: &RunId,
    reference: &CustomerRef,
    store: &dyn ObjectStore,
) -> Result<bool, StoreError> {
    let key = ObjectKey::Run(run.clone(), RunPart::Index);
    let head = store.get_range(&key, 0, (u64::from(first) + 1) * LONGEST_LINE).await?;
    // The last line may be incomplete.
    let whole = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let rows = IndexRow::read_all(&head[..whole]).map_err(|_| StoreError::Unavailable {
        key: key.to_string(),
        action: "read",
        reason: "not a valid customer index".to_owned(),
    })?;
    Ok(rows.iter().take(first as usize).any(|row| row.reference == *reference))
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::store::MemoryStore;

    fn reference(number: u32) -> CustomerRef {
        CustomerRef::parse(format!("{number:032x}")).unwrap()
    }

    async fn picked(settings: ReviewSettings, customers: u32) -> Vec<u32> {
        let store = MemoryStore::default();
        let keys = Keys::new([1; 32], [2; 32]);
        let run = RunId::parse("run-1").unwrap();
        let mut index = "reference,offset,length,digest\n".to_owned();
        for number in 0..customers {
            let row = [reference(number).to_string(), (number * 10_000).to_string(), "9999".to_owned(), "0".repeat(64)];
            index.push_str(&row.join(","));
            index.push('\n');
        }
        let key = ObjectKey::Run(run.clone(), RunPart::Index);
        store.put(&key, index.into()).await.unwrap();
        let mut picked = Vec::new();
        for number in 0..customers {
            if review_reason(settings, &run, &reference(number), &keys, &store).await.unwrap().is_some() {
                picked.push(number);
            }
        }
        picked
    }

    #[tokio::test]
    async fn first_customers_of_a_run_are_reviewed() {
        assert_eq!(picked(ReviewSettings { first: 3, every: 0 }, 10).await, [0, 1, 2]);
        assert_eq!(picked(ReviewSettings { first: 300, every: 0 }, 10).await.len(), 10);
        assert_eq!(picked(ReviewSettings::default(), 10).await, Vec::<u32>::new());
    }

    #[tokio::test]
    async fn one_in_every_n_others_is_reviewed() {
        assert_eq!(picked(ReviewSettings { first: 0, every: 1 }, 10).await.len(), 10);
        let some = picked(ReviewSettings { first: 0, every: 4 }, 400).await.len();
        assert!((70..=130).contains(&some), "{some} of 400");
    }
}
