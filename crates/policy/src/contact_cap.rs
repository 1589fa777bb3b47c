//! Whose turn it is to tell a customer something, where `offers.at_most_every_days` caps how often a customer hears from the
//! bank. [`evidence::heard_lately`] sees what other runs have published; between that look and the record of their
//! own, two runs at once would both publish. So each takes a turn first, and of one turn only one writer is the first.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use contracts::key::Prefix;
use contracts::{CustomerRef, ObjectKey, RunId};
use storage::store::{ObjectStore, Written};
use storage::vault::VaultError;

use crate::evidence::find as find_evidence;

/// `turns/<reference>/<number>.json`. Holds nothing personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The run that has the turn.
    pub run: RunId,
    /// When it took it.
    pub at: Timestamp,
}

/// Takes the customer's turn for `run`, unless another run took it in the `days` before `now`. A turn whose run ended without
/// publishing is over. One whose run has not ended holds: whoever is not told something twice is told once at most.
pub async fn take(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    run: &RunId,
    days: u16,
    now: Timestamp,
) -> Result<bool, VaultError> {
    if days == 0 {
        return Ok(true);
    }
    let since = before(now, days);
    loop {
        let last = last(store, reference).await?;
        if let Some((_, turn)) = &last {
            if turn.run == *run {
                return Ok(true);
            }
            if turn.at > since && !ended_in_silence(store, reference, &turn.run).await? {
                return Ok(false);
            }
        }
        let key = ObjectKey::Turn(reference.clone(), last.map_or(1, |(number, _)| number + 1));
        let turn = serde_json::json!(Turn { run: run.clone(), at: now }).to_string();
        if store.put_new(&key, turn.into()).await? == Written::Created {
            return Ok(true);
        }
        // Somebody else was first, and is now the last.
    }
}

/// Whether another run than `run` published something to the customer in the `days` before `now`, by its evidence.
pub async fn heard_lately(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    run: &RunId,
    days: u16,
    now: Timestamp,
) -> Result<bool, VaultError> {
    if days == 0 {
        return Ok(false);
    }
    let since = before(now, days);
    for listed in store.list(&Prefix::Customer(reference.clone())).await? {
        let Some(other) = ObjectKey::evidence_of(&listed.key, reference).filter(|other| other != run) else { continue };
        let evidence = find_evidence(store, reference, &other).await?;
        if evidence.is_some_and(|evidence| evidence.is_published() && evidence.written_at > since) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `days` before `now`.
fn before(now: Timestamp, days: u16) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}

async fn last(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<Option<(u32, Turn)>, VaultError> {
    let listed = store.list(&Prefix::Turns(reference.clone())).await?;
    let Some(number) = listed.iter().filter_map(|listed| ObjectKey::turn_of(&listed.key, reference)).max() else {
        return Ok(None);
    };
    let key = ObjectKey::Turn(reference.clone(), number);
    let turn = serde_json::from_slice(&store.get(&key).await?).map_err(|error| VaultError::Malformed {
        place: key.to_string(),
        line: error.line(),
        column: error.column(),
    })?;
    Ok(Some((number, turn)))
}

/// Whether the run's part for the customer is over, and told them nothing.
async fn ended_in_silence(store: &dyn ObjectStore, reference: &CustomerRef, run: &RunId) -> Result<bool, VaultError> {
    Ok(find_evidence(store, reference, run).await?.is_some_and(|evidence| !evidence.is_published()))
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use storage::store::MemoryStore;

    fn who() -> CustomerRef {
        CustomerRef::parse("0".repeat(32)).unwrap()
    }

    fn run(number: usize) -> RunId {
        RunId::parse(format!("run-{number}")).unwrap()
    }

    fn day(day: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
    }

    #[tokio::test]
    async fn of_many_runs_at_once_one_has_the_turn() {
        let (store, who) = (MemoryStore::default(), who());
        let runs: Vec<RunId> = (0..20).map(run).collect();
        let taken = join_all(runs.iter().map(|run| take(&store, &who, run, 7, day(0)))).await;
        assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count(), 1);
    }

    #[tokio::test]
    async fn a_run_keeps_its_turn_and_others_wait_for_as_long_as_the_cap_says() {
        let (store, who) = (MemoryStore::default(), who());
        for (number, at, taken) in
            [(1, 0, true), (1, 3, true), (2, 6, false), (2, 8, true), (1, 9, false), (3, 16, true)]
        {
            assert_eq!(take(&store, &who, &run(number), 7, day(at)).await.unwrap(), taken, "run {number}, day {at}");
        }
        assert!(take(&store, &who, &run(4), 0, day(16)).await.unwrap(), "there is no cap");
    }
}
