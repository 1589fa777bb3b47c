//! Recall: withdraws a run's published results. Links stop working, files move to `recalled/`, and the evidence
//! remains.

use contracts::key::RunPart;
use contracts::recall::Recall;
use contracts::stage::IndexRow;
use contracts::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use policy::recall::{MoveError, is_recalled, move_to_recalled};
use serde::Serialize;
use storage::store::{ObjectStore, StoreError};
use storage::vault::{Owner, Vault, VaultError};
use thiserror::Error;

use crate::record_text::{RecordTextError, check_name, check_reason};

/// The number of customers whose files are moved concurrently.
const CONCURRENCY: usize = 8;

/// An error during a recall.
#[derive(Debug, Error)]
pub enum RecallError {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be moved.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// The name or the reason is not valid for the record.
    #[error(transparent)]
    RecordText(#[from] RecordTextError),
    /// The run, or the customer's part of it, does not exist.
    #[error("run {run} does not exist, does not include this customer, or did not get past merge")]
    NoSuchRun {
        /// The run.
        run: RunId,
    },
    /// The recall of the run is not on record.
    #[error("the recall of run {run} is not on record; record it before moving its files")]
    NotRecorded {
        /// The run.
        run: RunId,
    },
}

impl NamedError for RecallError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Move(error) => error.name(),
            Self::RecordText(error) => error.name(),
            Self::NoSuchRun { .. } | Self::NotRecorded { .. } => ErrorName::InputInvalidRequest,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Store(_)
            | Self::Move(_)
            | Self::RecordText(_)
            | Self::NoSuchRun { .. }
            | Self::NotRecorded { .. } => None,
        }
    }
}

/// A customer whose result was recalled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecalledCustomer {
    /// The customer.
    pub reference: CustomerRef,
    /// The number of files now under `recalled/`, whether this call or an earlier one moved them.
    pub files: usize,
}

/// Recalls a run, or one customer's part of it. Returns every customer who has recalled files.
///
/// Writes the record first. From then on, links do not work, and customers still in progress are not published.
/// Repeating a recall completes an interrupted one and changes nothing else.
pub async fn recall(
    run: &RunId,
    only: Option<&CustomerRef>,
    by: &str,
    reason: Option<&str>,
    vault: &Vault,
    now: Timestamp,
) -> Result<Vec<RecalledCustomer>, RecallError> {
    let customers = record(run, only, by, reason, vault, now).await?;
    move_files(run, customers, vault.store()).await
}

/// Writes the record of a recall. Returns the customers whose files must still be moved.
pub async fn record(
    run: &RunId,
    only: Option<&CustomerRef>,
    by: &str,
    reason: Option<&str>,
    vault: &Vault,
    now: Timestamp,
) -> Result<Vec<CustomerRef>, RecallError> {
    check_name(by)?;
    reason.map_or(Ok(()), check_reason)?;
    let customers = list_customers(run, only, vault.store()).await?;
    let record = Recall { at: now, by: by.to_owned(), reason: reason.map(ToOwned::to_owned) };
    let key = ObjectKey::Recall(run.clone(), only.cloned());
    let owner = only.map_or(Owner::Run, Owner::Customer);
    let first = vault.write_json(owner, &key, &Digest::of(b"recall"), record).await?;
    tracing::info!(%run, customers = customers.len(), at = %first.at, "recalled a run");
    Ok(customers)
}

/// Moves the files of customers whose recall is on record. Returns every customer who has recalled files. Fails if
/// there is no record, because links must stop working before any file moves.
pub async fn move_files(
    run: &RunId,
    customers: Vec<CustomerRef>,
    store: &dyn ObjectStore,
) -> Result<Vec<RecalledCustomer>, RecallError> {
    let moves = stream::iter(customers).map(|reference| async move {
        if !is_recalled(store, run, &reference).await? {
            return Err(RecallError::NotRecorded { run: run.clone() });
        }
        let files = move_to_recalled(store, run, &reference).await?;
        Ok(RecalledCustomer { reference, files })
    });
    let recalled: Vec<RecalledCustomer> = moves.buffered(CONCURRENCY).try_collect().await?;
    Ok(recalled.into_iter().filter(|recalled| recalled.files > 0).collect())
}

/// Returns the customers in a run. With `only`, returns just that customer, if the run contains them.
async fn list_customers(
    run: &RunId,
    only: Option<&CustomerRef>,
    store: &dyn ObjectStore,
) -> Result<Vec<CustomerRef>, RecallError> {
    let no_such_run = || RecallError::NoSuchRun { run: run.clone() };
    let index = store.find(&ObjectKey::Run(run.clone(), RunPart::Index)).await?.ok_or_else(no_such_run)?;
    let rows = IndexRow::read_all(&index).map_err(|_| no_such_run())?;
    let customers: Vec<_> = rows.into_iter().map(|row| row.reference).collect();
    match only {
        None => Ok(customers),
        Some(only) if customers.contains(only) => Ok(vec![only.clone()]),
        Some(_) => Err(no_such_run()),
    }
}
