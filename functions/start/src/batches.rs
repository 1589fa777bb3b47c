//! Which batches lie under `incoming/`, and what they lack.

use std::collections::BTreeMap;

use contracts::key::{Prefix, Workbook};
use contracts::{Batch, ObjectKey};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use storage::store::{ListedObject, ObjectStore, StoreError};

use crate::Error;

/// How long a workbook may be missing from a batch before that is reported.
const PATIENCE: SignedDuration = SignedDuration::from_hours(6);

/// A batch of which a workbook has been missing for long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incomplete {
    /// The batch.
    pub batch: Batch,
    /// Which workbooks it lacks.
    pub missing: Vec<Workbook>,
    /// When the last of the others came.
    pub since: Timestamp,
}

/// The workbooks of a batch that are there, and when each came.
type Found = BTreeMap<Workbook, Timestamp>;

fn by_batch(listed: Vec<ListedObject>) -> BTreeMap<Batch, Found> {
    let mut batches: BTreeMap<Batch, Found> = BTreeMap::new();
    for ListedObject { key, modified } in listed {
        if let Some((batch, workbook)) = ObjectKey::incoming(&key) {
            batches.entry(batch).or_default().insert(workbook, modified);
        }
    }
    batches
}

fn lacking(found: &Found) -> Vec<Workbook> {
    Workbook::ALL.into_iter().filter(|workbook| !found.contains_key(workbook)).collect()
}

fn newest(found: &Found) -> Timestamp {
    found.values().max().copied().unwrap_or(Timestamp::MIN)
}

/// The workbooks that a batch lacks.
pub async fn missing(batch: &Batch, store: &dyn ObjectStore) -> Result<Vec<Workbook>, StoreError> {
    let batches = by_batch(store.list(&Prefix::Incoming).await?);
    Ok(batches.get(batch).map_or_else(|| Workbook::ALL.to_vec(), lacking))
}

/// The batch that is named, or the complete one whose last workbook came last, those uploaded through the API left out:
/// somebody may only have looked at them.
pub async fn named_or_newest(named: Option<Batch>, store: &dyn ObjectStore) -> Result<Batch, Error> {
    if let Some(batch) = named {
        return Ok(batch);
    }
    let batches = by_batch(store.list(&Prefix::Incoming).await?);
    let complete = batches.into_iter().filter(|(batch, found)| !batch.is_through_api() && lacking(found).is_empty());
    let newest = complete.max_by_key(|(_, found)| newest(found));
    newest.map(|(batch, _)| batch).ok_or(Error::NoBatch)
}

/// The batches to which nothing was added for six hours, and which lack something.
pub async fn incomplete(store: &dyn ObjectStore, now: Timestamp) -> Result<Vec<Incomplete>, Error> {
    let before = now - PATIENCE;
    let batches = by_batch(store.list(&Prefix::Incoming).await?).into_iter();
    let incomplete =
        batches.map(|(batch, found)| Incomplete { batch, missing: lacking(&found), since: newest(&found) });
    let forgotten =
        |batch: &Incomplete| !batch.batch.is_through_api() && !batch.missing.is_empty() && batch.since < before;
    Ok(incomplete.filter(forgotten).collect())
}
