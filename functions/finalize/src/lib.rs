//! The finalize stage: proves that every customer of a run ended in exactly one outcome, and chains the records.
//!
//! The chain: the first link is [`first_link`] of the run and the dataset; each customer, in the dataset's order, adds
//! [`next_link`] of the link before, the reference and the digest of their record. A record that is changed, missing,
//! added or moved gives another last link.
//!
//! **Invariant:** knows nothing of AWS, of Lambda, of the file system or of the other stages, and opens nothing personal.

mod manifest;
#[cfg(test)]
mod tests;

use contracts::evidence::{Evidence, FailureRecord, Manifest, Outcome};
use contracts::facts::Skip;
use contracts::key::{Artefact, RunPart};
use contracts::review::Waiting;
use contracts::stage::{FinalizeInput, IndexRow, Stage};
use contracts::{CustomerRef, DatasetId, Digest, ErrorName, NamedError, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use storage::store::StoreError;
use storage::vault::{Vault, VaultError};
use thiserror::Error;

pub use manifest::{chain_holds, document, first_link, next_link, seal, table};

/// How many records are read at once.
const AT_ONCE: usize = 32;

/// What the stage works with.
pub struct Deps<'a> {
    /// Where the run's objects lie.
    pub vault: &'a Vault,
}

/// Why a run could not be summed up.
#[derive(Debug, Error)]
pub enum Error {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The dataset's index cannot be read. It holds nothing personal, so that the cause may be told.
    #[error("{key}: not an index of customers")]
    Index {
        /// The object's key.
        key: String,
        /// Where.
        source: csv::Error,
    },
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Index { .. } => ErrorName::SealBroken,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Store(_) | Self::Index { .. } => None,
        }
    }
}

/// Reads every customer's record and writes `manifest.csv` and `manifest.json`, which replace those of an earlier
/// attempt. Without a dataset (merge failed) nothing has changed for any customer: an earlier manifest stays.
pub async fn run(input: FinalizeInput, deps: &Deps<'_>) -> Result<Manifest, Error> {
    let FinalizeInput { run, dataset } = input;
    if dataset.is_none()
        && let Some(manifest) = earlier(deps, &run).await?
    {
        return Ok(manifest);
    }
    let manifest = sum_up(run, dataset.as_ref(), deps).await?;
    write(deps, &manifest).await?;
    tracing::info!(run = %manifest.run, customers = manifest.customers, counts = ?manifest.counts, "finalized");
    Ok(manifest)
}

/// The manifest that the records amount to as they lie now. Writes nothing.
pub async fn sum_up(run: RunId, dataset: Option<&DatasetId>, deps: &Deps<'_>) -> Result<Manifest, Error> {
    let ended = stream::iter(customers(deps, &run).await?)
        .map(|reference| ending(deps, &run, reference))
        .buffered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(manifest::compose(run, dataset, deps.vault.keys(), ended))
}

/// The manifest that an earlier attempt of the run left.
async fn earlier(deps: &Deps<'_>, run: &RunId) -> Result<Option<Manifest>, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::ManifestJson);
    let found = deps.vault.store().find(&key).await?;
    Ok(found.and_then(|json| serde_json::from_slice(&json).ok()))
}

/// Whom the run is for, in the dataset's order; nobody if no attempt of it came past merge.
async fn customers(deps: &Deps<'_>, run: &RunId) -> Result<Vec<CustomerRef>, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::Index);
    let Some(index) = deps.vault.store().find(&key).await? else { return Ok(Vec::new()) };
    let rows = IndexRow::read_all(&index).map_err(|source| Error::Index { key: key.to_string(), source })?;
    Ok(rows.into_iter().map(|row| row.reference).collect())
}

/// How one customer's part ended, and the digest of the record that says so.
struct Ended {
    reference: CustomerRef,
    outcome: Outcome,
    record: Digest,
}

async fn ending(deps: &Deps<'_>, run: &RunId, reference: CustomerRef) -> Result<Ended, Error> {
    let store = deps.vault.store();
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let (outcome, record) = if let Some(bytes) = store.find(&key(Artefact::Evidence)).await? {
        (outcome_of_evidence(&bytes, run, &reference), Digest::of(&bytes))
    } else if let Some(bytes) = store.find(&key(Artefact::Failure)).await? {
        (outcome_of_failure(&bytes), Digest::of(&bytes))
    } else if let Some(bytes) = store.find(&ObjectKey::Review(run.clone(), reference.clone())).await? {
        (outcome_of_waiting(&bytes), Digest::of(&bytes))
    } else if let Some(bytes) = store.find(&ObjectKey::Forgotten(reference.clone())).await? {
        (Outcome::Skipped { skip: Skip::Suppressed }, Digest::of(&bytes))
    } else {
        (Outcome::Failed { error: ErrorName::RunIncomplete, stage: Stage::Finalize }, Digest::of(b""))
    };
    Ok(Ended { reference, outcome, record })
}

/// A record that cannot be read does not hide the others: it is an outcome of its own.
const UNREADABLE: Outcome = Outcome::Failed { error: ErrorName::SealBroken, stage: Stage::Finalize };

fn outcome_of_evidence(bytes: &[u8], run: &RunId, reference: &CustomerRef) -> Outcome {
    match serde_json::from_slice::<Evidence>(bytes) {
        Ok(evidence) if evidence.run == *run && evidence.reference == *reference => evidence.outcome,
        Ok(_) | Err(_) => UNREADABLE,
    }
}

fn outcome_of_failure(bytes: &[u8]) -> Outcome {
    match serde_json::from_slice::<FailureRecord>(bytes) {
        Ok(FailureRecord { error, stage, .. }) => Outcome::Failed { error, stage },
        Err(_) => UNREADABLE,
    }
}

fn outcome_of_waiting(bytes: &[u8]) -> Outcome {
    match serde_json::from_slice::<Waiting>(bytes) {
        Ok(waiting) => Outcome::Held { why: waiting.why.words() },
        Err(_) => UNREADABLE,
    }
}

/// The JSON last: whoever waits for it finds the table too.
async fn write(deps: &Deps<'_>, manifest: &Manifest) -> Result<(), Error> {
    let store = deps.vault.store();
    let key = |part| ObjectKey::Run(manifest.run.clone(), part);
    store.put(&key(RunPart::ManifestCsv), manifest::table(manifest).into()).await?;
    store.put(&key(RunPart::ManifestJson), manifest::document(manifest).into()).await?;
    Ok(())
}
