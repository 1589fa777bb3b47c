//! Finds the batches under `incoming/`, and the workbooks missing from them.

use std::collections::BTreeMap;

use contracts::key::{Prefix, Workbook};
use contracts::{Batch, ObjectKey};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use storage::store::{ListedObject, ObjectStore, StoreError};

use crate::Error;

/// How long a batch may remain incomplete before it is reported.
const GRACE_PERIOD: SignedDuration = SignedDuration::from_hours(6);

/// A batch that is still incomplete six hours after its last upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncompleteBatch {
    /// The batch.
    pub batch: Batch,
    /// The missing workbooks.
    pub missing: Vec<Workbook>,
    /// The upload time of its newest workbook.
    pub since: Timestamp,
}

/// The workbooks in a batch, with their upload times.
type Workbooks = BTreeMap<Workbook, Timestamp>;

fn group_by_batch(listed: Vec<ListedObject>) -> BTreeMap<Batch, Workbooks> {
    let mut batches: BTreeMap<Batch, Workbooks> = BTreeMap::new();
    for ListedObject { key, modified } in listed {
        if let Some((batch, workbook)) = ObjectKey::incoming(&key) {
            batches.entry(batch).or_default().insert(workbook, modified);
        }
    }
    batches
}

fn missing_from(workbooks: &Workbooks) -> Vec<Workbook> {
    Workbook::ALL.into_iter().filter(|workbook| !workbooks.contains_key(workbook)).collect()
}

fn newest_upload(workbooks: &Workbooks) -> Timestamp {
    workbooks.values().max().copied().unwrap_or(Timestamp::MIN)
}

/// Lists the workbooks that are missing from a batch.
pub async fn missing(batch: &Batch, store: &dyn ObjectStore) -> Result<Vec<Workbook>, StoreError> {
    let batches = group_by_batch(store.list(&Prefix::Incoming).await?);
    Ok(batches.get(batch).map_or_else(|| Workbook::ALL.to_vec(), missing_from))
}

/// Returns the given batch, or else the complete batch with the newest upload. Batches uploaded through the API are not
/// considered, because the uploader may have wanted only a dry run. Fails if there is no complete batch.
pub async fn named_or_newest(named: Option<Batch>, store: &dyn ObjectStore) -> Result<Batch, Error> {
    if let Some(batch) = named {
        return Ok(batch);
    }
    let batches = group_by_batch(store.list(&Prefix::Incoming).await?);
    let is_candidate =
        |batch: &Batch, workbooks: &Workbooks| !batch.is_through_api() && missing_from(workbooks).is_empty();
    let candidates = batches.into_iter().filter(|(batch, workbooks)| is_candidate(batch, workbooks));
    let newest = candidates.max_by_key(|(_, workbooks)| newest_upload(workbooks));
    newest.map(|(batch, _)| batch).ok_or(Error::NoBatch)
}

/// Lists the incomplete batches that have received no upload for six hours. Leaves out batches uploaded through the
/// API.
pub async fn incomplete(store: &dyn ObjectStore, now: Timestamp) -> Result<Vec<IncompleteBatch>, Error> {
    let deadline = now - GRACE_PERIOD;
    let batches = group_by_batch(store.list(&Prefix::Incoming).await?).into_iter();
    let batches = batches.map(|(batch, workbooks)| IncompleteBatch {
        batch,
        missing: missing_from(&workbooks),
        since: newest_upload(&workbooks),
    });
    let is_overdue =
        |batch: &IncompleteBatch| !batch.batch.is_through_api() && !batch.missing.is_empty() && batch.since < deadline;
    Ok(batches.filter(is_overdue).collect())
}
