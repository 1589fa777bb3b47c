//! The finalize stage: lists each customer in a run with exactly one outcome, chains the records, and appends the
//! signed head of the run to the transparency log.
//!
//! The chain starts with [`first_link`], computed from the run and the dataset. Each customer, in the dataset's order,
//! adds a [`next_link`], computed from the previous link, the reference and the digest of their record. If a record is
//! changed, missing, added or moved, the last link changes.
//!
//! **Invariant:** this crate does not depend on AWS, Lambda, the file system or another stage. It opens no object that
//! is sealed with a customer's key.

mod forecast;
mod head;
mod manifest;
#[cfg(test)]
mod tests;

use contracts::evidence::{Evidence, FailureRecord, Manifest, Outcome};
use contracts::facts::Skip;
use contracts::key::{Artefact, RunPart};
use contracts::review::PendingReview;
use contracts::stage::{FinalizeInput, IndexRow, Stage};
use contracts::{CustomerRef, DatasetId, Digest, ErrorName, NamedError, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use policy::ledger::LedgerError;
use storage::store::StoreError;
use storage::vault::{Vault, VaultError};
use thiserror::Error;
use transparency::log::LogError;
use transparency::signer::Signer;

pub use forecast::{Decision, Forecast, ModelUse, forecast};
pub use head::{FILES, digest_files, read_head};
pub use manifest::{chain_holds, document, first_link, next_link, seal, table};

/// The number of records that are read concurrently.
const CONCURRENCY: usize = 32;

/// The maximum number of times that a manifest is written. It is written again if another writer replaced it.
const ATTEMPTS: usize = 5;

/// The dependencies of the stage.
pub struct Deps<'a> {
    /// The vault with the run's objects.
    pub vault: &'a Vault,
    /// The key that signs the log.
    pub signer: &'a dyn Signer,
    /// The time to record.
    pub now: Timestamp,
}

/// An error that prevents the manifest from being written.
#[derive(Debug, Error)]
pub enum Error {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The head cannot be appended to the log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The ledger of control data does not match the store or the log.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Other writers replaced the manifest each time.
    #[error("{key}: other writers replaced it {ATTEMPTS} times")]
    Replaced {
        /// The object's key.
        key: String,
    },
    /// The dataset's index cannot be parsed. It holds no personal data, so the source may quote it.
    #[error("{key}: not a valid customer index")]
    Index {
        /// The object's key.
        key: String,
        /// The parse error, with its position.
        source: csv::Error,
    },
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Log(error) => error.name(),
            Self::Ledger(error) => error.name(),
            // This is transient, so the workflow retries.
            Self::Replaced { .. } => ErrorName::StoreUnavailable,
            Self::Index { .. } => ErrorName::SealBroken,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Log(error) => error.help(),
            Self::Ledger(error) => error.help(),
            Self::Store(_) | Self::Index { .. } | Self::Replaced { .. } => None,
        }
    }
}

/// Reads every customer's record, and writes `manifest.csv` and `manifest.json`, replacing those from an earlier
/// attempt. Then appends the signed head to the log, unless it is already there. If merge failed, there is no dataset,
/// and an earlier manifest is kept, because no customer's outcome has changed.
pub async fn run(input: FinalizeInput, deps: &Deps<'_>) -> Result<Manifest, Error> {
    let FinalizeInput { run, dataset } = input;
    if dataset.is_none()
        && let Some(manifest) = find_earlier(deps.vault, &run).await?
    {
        head::publish(deps, &manifest).await?;
        return Ok(manifest);
    }
    for _ in 0..ATTEMPTS {
        let manifest = sum_up(run.clone(), dataset.as_ref(), deps.vault).await?;
        write(deps.vault, &manifest).await?;
        head::publish(deps, &manifest).await?;
        // The last head in the log must match the manifest in the store, even if several writers competed.
        if find_earlier(deps.vault, &run).await?.as_ref() == Some(&manifest) {
            tracing::info!(%run, customers = manifest.customers, counts = ?manifest.counts, "finalized");
            return Ok(manifest);
        }
    }
    Err(Error::Replaced { key: ObjectKey::Run(run, RunPart::ManifestJson).to_string() })
}

/// Rewrites the manifest of a run that has ended, after decisions changed its outcomes. Returns `None` if the run has
/// no manifest yet; the manifest that is written at its end will include the decisions.
pub async fn refresh(run: RunId, deps: &Deps<'_>) -> Result<Option<Manifest>, Error> {
    let Some(earlier) = find_earlier(deps.vault, &run).await? else { return Ok(None) };
    self::run(FinalizeInput { run, dataset: earlier.dataset }, deps).await.map(Some)
}

/// Composes the manifest from the current records, but does not write it.
pub async fn sum_up(run: RunId, dataset: Option<&DatasetId>, vault: &Vault) -> Result<Manifest, Error> {
    let outcomes = stream::iter(list_customers(vault, &run).await?)
        .map(|reference| read_outcome(vault, &run, reference))
        .buffered(CONCURRENCY)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(manifest::compose(run, dataset, vault.keys(), outcomes))
}

/// Returns the manifest from an earlier attempt of the run. Returns `None` if there is none, or if it cannot be parsed.
async fn find_earlier(vault: &Vault, run: &RunId) -> Result<Option<Manifest>, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::ManifestJson);
    let found = vault.store().find(&key).await?;
    Ok(found.and_then(|json| serde_json::from_slice(&json).ok()))
}

/// Returns the customers in the run, in the dataset's order. Returns an empty list if no attempt got past merge.
async fn list_customers(vault: &Vault, run: &RunId) -> Result<Vec<CustomerRef>, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::Index);
    let Some(index) = vault.store().find(&key).await? else { return Ok(Vec::new()) };
    let rows = IndexRow::read_all(&index).map_err(|source| Error::Index { key: key.to_string(), source })?;
    Ok(rows.into_iter().map(|row| row.reference).collect())
}

/// A customer's outcome, with the digest of the record that contains it, or of nothing if there is no record.
struct CustomerOutcome {
    reference: CustomerRef,
    outcome: Outcome,
    record: Digest,
}

async fn read_outcome(vault: &Vault, run: &RunId, reference: CustomerRef) -> Result<CustomerOutcome, Error> {
    let store = vault.store();
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let review = ObjectKey::Review(run.clone(), reference.clone());
    let (outcome, record) = if let Some(bytes) = store.find(&key(Artefact::Evidence)).await? {
        (outcome_of_evidence(&bytes, run, &reference), Digest::of(&bytes))
    } else if let Some(bytes) = store.find(&key(Artefact::Failure)).await? {
        (outcome_of_failure(&bytes), Digest::of(&bytes))
    } else if let Some(bytes) = store.find(&review).await? {
        (outcome_of_review(vault, &review, &bytes), Digest::of(&bytes))
    } else if let Some(bytes) = store.find(&ObjectKey::Forgotten(reference.clone())).await? {
        (Outcome::Skipped { skip: Skip::Suppressed }, Digest::of(&bytes))
    } else if store.find(&key(Artefact::Script)).await?.is_some() {
        (Outcome::Failed { error: ErrorName::RunIncomplete, stage: Stage::Finalize }, Digest::of(b""))
    } else {
        (Outcome::NotStarted, Digest::of(b""))
    };
    Ok(CustomerOutcome { reference, outcome, record })
}

/// The outcome of a customer whose record cannot be read. The manifest must still list all other customers.
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

fn outcome_of_review(vault: &Vault, key: &ObjectKey, bytes: &[u8]) -> Outcome {
    match vault.open_authenticated::<PendingReview>(key, bytes) {
        Ok(pending) => Outcome::InReview { why: pending.why.words() },
        Err(_) => UNREADABLE,
    }
}

/// Writes the manifest as CSV and JSON. The JSON comes last, so once it exists, the CSV is complete too.
async fn write(vault: &Vault, manifest: &Manifest) -> Result<(), Error> {
    let store = vault.store();
    let key = |part| ObjectKey::Run(manifest.run.clone(), part);
    store.put(&key(RunPart::ManifestCsv), manifest::table(manifest).into()).await?;
    store.put(&key(RunPart::ManifestJson), manifest::document(manifest).into()).await?;
    Ok(())
}
