//! The contact cap: `offers.at_most_every_days` limits how often a customer hears from the bank.
//!
//! [`heard_lately`] finds earlier publications. Two concurrent runs could both pass that check and then publish. To
//! prevent this, each run first writes a reservation with the customer's next number, and only one writer can create
//! it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use contracts::key::Prefix;
use contracts::{CustomerRef, ObjectKey, RunId};
use storage::store::{ObjectStore, PutOutcome};
use storage::vault::VaultError;

use crate::evidence::find as find_evidence;

/// A contact-cap reservation: `contacts/<reference>/<number>.json`. Holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactReservation {
    /// The run that holds the reservation.
    pub run: RunId,
    /// The time of the reservation.
    pub at: Timestamp,
}

/// Reserves the customer's next contact for `run`. Returns `false` if another run has reserved it within the `days`
/// before `now`.
///
/// A reservation lapses if the run ends without publishing to the customer. Until then it counts, because missing a
/// message is better for the customer than getting two.
pub async fn reserve(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    run: &RunId,
    days: u16,
    now: Timestamp,
) -> Result<bool, VaultError> {
    if days == 0 {
        return Ok(true);
    }
    let since = days_before(now, days);
    loop {
        let last_reservation = last_reservation(store, reference).await?;
        if let Some((_, reservation)) = &last_reservation {
            if reservation.run == *run {
                return Ok(true);
            }
            if reservation.at > since && !ended_unpublished(store, reference, &reservation.run).await? {
                return Ok(false);
            }
        }
        let key =
            ObjectKey::ContactReservation(reference.clone(), last_reservation.map_or(1, |(number, _)| number + 1));
        let reservation = serde_json::json!(ContactReservation { run: run.clone(), at: now }).to_string();
        if store.put_new(&key, reservation.into()).await? == PutOutcome::Created {
            return Ok(true);
        }
        // Another run created this reservation first. Check whether it still counts.
    }
}

/// Returns whether, according to the evidence, another run published something to the customer, or held them out, in the
/// `days` before `now`.
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
    let since = days_before(now, days);
    for listed in store.list(&Prefix::Customer(reference.clone())).await? {
        let Some(other) = ObjectKey::evidence_of(&listed.key, reference).filter(|other| other != run) else { continue };
        let evidence = find_evidence(store, reference, &other).await?;
        if evidence.is_some_and(|evidence| evidence.counts_as_contact() && evidence.written_at > since) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the time that is `days` before `now`.
fn days_before(now: Timestamp, days: u16) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}

async fn last_reservation(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
) -> Result<Option<(u32, ContactReservation)>, VaultError> {
    let listed = store.list(&Prefix::ContactReservations(reference.clone())).await?;
    let Some(number) =
        listed.iter().filter_map(|listed| ObjectKey::contact_reservation_of(&listed.key, reference)).max()
    else {
        return Ok(None);
    };
    let key = ObjectKey::ContactReservation(reference.clone(), number);
    let reservation = serde_json::from_slice(&store.get(&key).await?)
        .map_err(|error| VaultError::malformed(&key.to_string(), &error))?;
    Ok(Some((number, reservation)))
}

/// Returns whether the customer's part of the run has ended without publishing.
async fn ended_unpublished(store: &dyn ObjectStore, reference: &CustomerRef, run: &RunId) -> Result<bool, VaultError> {
    Ok(find_evidence(store, reference, run).await?.is_some_and(|evidence| !evidence.is_published()))
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use storage::store::MemoryStore;

    fn customer() -> CustomerRef {
        CustomerRef::parse("0".repeat(32)).unwrap()
    }

    fn run(number: usize) -> RunId {
        RunId::parse(format!("run-{number}")).unwrap()
    }

    fn day(day: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
    }

    #[tokio::test]
    async fn only_one_of_concurrent_runs_gets_the_reservation() {
        let store = MemoryStore::default();
        let customer = customer();
        let runs: Vec<RunId> = (0..20).map(run).collect();
        let reserved = join_all(runs.iter().map(|run| reserve(&store, &customer, run, 7, day(0)))).await;
        assert_eq!(reserved.into_iter().filter(|reserved| *reserved.as_ref().unwrap()).count(), 1);
    }

    #[tokio::test]
    async fn run_keeps_reservation_and_others_wait_out_the_cap() {
        let store = MemoryStore::default();
        let customer = customer();
        for (number, at, reserved) in
            [(1, 0, true), (1, 3, true), (2, 6, false), (2, 8, true), (1, 9, false), (3, 16, true)]
        {
            assert_eq!(
                reserve(&store, &customer, &run(number), 7, day(at)).await.unwrap(),
                reserved,
                "run {number}, day {at}"
            );
        }
        assert!(reserve(&store, &customer, &run(4), 0, day(16)).await.unwrap(), "there is no cap");
    }
}
