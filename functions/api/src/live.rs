//! The live counts of a campaign that many processes work on.
//!
//! `publish` writes one empty object for each outcome. The object's key contains the outcome, so counting lists keys but
//! reads no objects. The keys are in sixteen folders, which are listed concurrently.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use contracts::key::Prefix;
use contracts::{CustomerRef, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use storage::store::{ObjectStore, StoreError};

use crate::view::{CampaignCounts, CampaignProgress};

/// The minimum time for which a count is reused.
const FRESH: Duration = Duration::from_secs(10);
/// The number of finished customers that extends this time by a second, because listing a large campaign costs money.
const CUSTOMERS_PER_SECOND: usize = 2_000;

/// The last counts of the campaigns that pages poll.
#[derive(Default)]
pub struct LiveCounts(Mutex<HashMap<RunId, (CampaignProgress, Instant)>>);

impl LiveCounts {
    /// Returns the progress of a campaign. `customers` counts its customers, for which it has to read the whole index.
    pub async fn progress(
        &self,
        run: &RunId,
        store: &dyn ObjectStore,
        customers: impl AsyncFnOnce() -> Result<usize, StoreError>,
    ) -> Result<CampaignProgress, StoreError> {
        let earlier = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(run).cloned();
        let mut known = 0;
        if let Some((progress, counted)) = earlier {
            let ended = u32::try_from(progress.counts.ended() / CUSTOMERS_PER_SECOND).unwrap_or(u32::MAX);
            if counted.elapsed() < FRESH + Duration::from_secs(u64::from(ended)) {
                return Ok(progress);
            }
            known = progress.customers;
        }
        // The index never changes once it is written.
        let customers = if known == 0 { customers().await? } else { known };
        let progress = count(run, customers, store).await?;
        let entry = (progress.clone(), Instant::now());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone(), entry);
        Ok(progress)
    }
}

/// Counts the outcomes of a run. A customer may have several objects, for example after a review. Only the most final
/// outcome counts.
async fn count(run: &RunId, customers: usize, store: &dyn ObjectStore) -> Result<CampaignProgress, StoreError> {
    let lists = stream::iter(0..16).map(|shard| async move { store.list(&Prefix::Ended(run.clone(), shard)).await });
    let lists: Vec<_> = lists.buffer_unordered(16).try_collect().await?;
    let mut outcomes: HashMap<CustomerRef, String> = HashMap::new();
    for object in lists.iter().flatten() {
        let Some((reference, word)) = ObjectKey::ended_of(&object.key) else { continue };
        let rank = |word: &str| {
            ["in-review", "failed", "held-out", "skipped", "published"].iter().position(|known| *known == word)
        };
        if outcomes.get(&reference).is_none_or(|earlier| rank(earlier) < rank(word)) {
            outcomes.insert(reference, word.to_owned());
        }
    }
    let of = |wanted: &str| outcomes.values().filter(|word| *word == wanted).count();
    let mut counts = CampaignCounts {
        published: of("published"),
        skipped: of("skipped") + of("held-out"),
        in_review: of("in-review"),
        failed: of("failed"),
        ..CampaignCounts::default()
    };
    counts.waiting = customers.saturating_sub(counts.ended());
    Ok(CampaignProgress { customers, counts, ..CampaignProgress::default() })
}

#[cfg(test)]
mod tests {
    use storage::store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn counts_include_new_outcomes_and_ended_reviews() {
        let store = MemoryStore::default();
        let run = RunId::parse("run-1").unwrap();
        let customer = |number: u8| CustomerRef::parse(format!("{number:02x}").repeat(16)).unwrap();
        let end = async |number, word| {
            store.put(&ObjectKey::Ended(run.clone(), customer(number), word), "".into()).await.unwrap();
        };
        for (number, word) in
            [(1, "published"), (0x22, "skipped"), (0xf3, "in-review"), (4, "failed"), (5, "in-review")]
        {
            end(number, word).await;
        }
        end(5, "published").await;
        let progress = LiveCounts::default().progress(&run, &store, async || Ok(9)).await.unwrap();
        let counts = CampaignCounts {
            published: 2,
            skipped: 1,
            in_review: 1,
            failed: 1,
            waiting: 4,
            ..CampaignCounts::default()
        };
        assert_eq!((progress.customers, progress.counts), (9, counts));
    }

    #[tokio::test]
    async fn pages_that_poll_share_one_count() {
        let store = MemoryStore::default();
        let run = RunId::parse("run-1").unwrap();
        let counts = LiveCounts::default();
        for _ in 0..8 {
            counts.progress(&run, &store, async || Ok(1)).await.unwrap();
        }
        let key = ObjectKey::Ended(run.clone(), CustomerRef::parse("0".repeat(32)).unwrap(), "published");
        store.put(&key, "".into()).await.unwrap();
        let progress =
            counts.progress(&run, &store, async || panic!("the index must be read only once")).await.unwrap();
        assert_eq!(progress.counts.published, 0, "the count is a few seconds old");
    }
}
