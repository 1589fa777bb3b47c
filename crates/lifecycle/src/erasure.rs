//! Erasure: destroys a customer's key, deletes their artifacts, and leaves a record without personal data.
//!
//! All remaining data is either sealed with the destroyed key or identifies the customer only by the reference. The
//! evidence remains: its personal part can no longer be opened, but its digests still show what was done.

use std::collections::BTreeSet;

use contracts::evidence::Evidence;
use contracts::key::{Artefact, Prefix, RunPart};
use contracts::request::Request;
use contracts::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control::{self, ControlError, ErasureRecord, SuppressedBy, Suppression};
use policy::erasure::{delete_artefacts, has_artefacts};
use policy::ledger::{self, LedgerError};
use serde::Serialize;
use storage::store::{ObjectStore, PutOutcome, StoreError};
use storage::vault::{Owner, Vault, VaultError};
use thiserror::Error;

/// An error during an erasure.
#[derive(Debug, Error)]
pub enum ErasureError {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger of control data does not match the store.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// `control/` cannot be read, so it is unknown whether the customer is under a legal hold.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// No dataset has a customer with this id.
    #[error("no dataset has a customer with that id: nothing was erased")]
    UnknownCustomer,
    /// The customer is under a legal hold.
    #[error("nothing was erased: the customer is under legal hold {}", holds.join(", "))]
    OnHold {
        /// The names of the holds.
        holds: Vec<String>,
    },
}

impl NamedError for ErasureError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Control(error) => error.name(),
            Self::Ledger(error) => error.name(),
            Self::UnknownCustomer => ErrorName::InputUnknownCustomer,
            Self::OnHold { .. } => ErrorName::ForgetOnHold,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Control(error) => error.help(),
            Self::Ledger(error) => error.help(),
            Self::UnknownCustomer => Some(
                "customer ids are text, so 0001 is not 1; to prevent messages to a person who was never a customer, suppress them".to_owned(),
            ),
            Self::OnHold { .. } => Some(
                "the customer is suppressed from now on; once the hold ends, remove it and repeat the erasure"
                    .to_owned(),
            ),
            Self::Store(_) => None,
        }
    }
}

/// The result of an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasureReport {
    /// The customer.
    pub reference: CustomerRef,
    /// The time at which the first erasure of this customer began.
    pub at: Timestamp,
    /// The number of objects that this call deleted.
    pub objects: usize,
    /// The runs that had objects about the customer.
    pub runs: Vec<RunId>,
    /// The digests of everything that was published to the customer. Callers use them to find and delete copies.
    #[serde(skip)]
    pub published: BTreeSet<Digest>,
}

/// Erases a customer. Suppresses them first, so no run makes anything new; then destroys their key; then deletes their
/// artifacts. Fails without destroying any data if a legal hold exists.
///
/// Repeating an erasure finishes the work of an interrupted one. An unknown id leaves no record.
pub async fn erase(reference: &CustomerRef, vault: &Vault, now: Timestamp) -> Result<ErasureReport, ErasureError> {
    let store = vault.store();
    check_known(store, reference).await?;
    let suppression = Suppression { by: SuppressedBy::Erasure, since: now };
    control::record(vault, reference, &ObjectKey::Suppression(reference.clone()), json(&suppression).into()).await?;
    if let Some(holds) = control::holds(vault).await?.remove(reference) {
        return Err(ErasureError::OnHold { holds });
    }
    let record = write_record(vault, reference, now).await?;
    ledger::add(vault, reference, &[ObjectKey::Forgotten(reference.clone())]).await?;
    vault.destroy_customer_key(reference).await?;

    let runs = list_runs(store, reference).await?;
    let published = published_digests(store, reference, &runs).await?;
    // If the objects of one run cannot be deleted, still delete the others, and report the first error at the end.
    let mut objects = 0;
    let mut result = Ok(());
    for run in &runs {
        match erase_from_run(run, reference, vault).await {
            Ok(erased) => objects += erased,
            Err(error) => result = result.and(Err(error)),
        }
    }
    objects += delete_artefacts(store, reference).await?;
    let choices = Prefix::Choices(reference.clone());
    ledger::remove(vault, reference, &store.list_kept(&choices).await?).await?;
    objects += erase_all(store, &choices).await?;
    result?;
    tracing::info!(%reference, objects, "erased a customer");
    Ok(ErasureReport {
        reference: reference.clone(),
        at: record.at,
        objects,
        runs: runs.into_iter().collect(),
        published,
    })
}

/// Fails if the customer is unknown or under a legal hold, so an erasure would fail.
pub async fn check(reference: &CustomerRef, vault: &Vault) -> Result<(), ErasureError> {
    check_known(vault.store(), reference).await?;
    match control::holds(vault).await?.remove(reference) {
        Some(holds) => Err(ErasureError::OnHold { holds }),
        None => Ok(()),
    }
}

/// Returns whether an erasure of the customer is complete: their key is destroyed, and none of their artifacts is left.
pub async fn is_complete(reference: &CustomerRef, store: &dyn ObjectStore) -> Result<bool, StoreError> {
    if store.find(&ObjectKey::Forgotten(reference.clone())).await?.is_none()
        || store.find(&ObjectKey::CustomerKey(reference.clone())).await?.is_some()
    {
        return Ok(false);
    }
    Ok(!has_artefacts(store, reference).await?)
}

/// Returns whether a run has read a batch with this customer: the customer has a key or an erasure record.
pub async fn is_known(reference: &CustomerRef, store: &dyn ObjectStore) -> Result<bool, StoreError> {
    for key in [ObjectKey::CustomerKey(reference.clone()), ObjectKey::Forgotten(reference.clone())] {
        if store.find(&key).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn check_known(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<(), ErasureError> {
    if is_known(reference, store).await? { Ok(()) } else { Err(ErasureError::UnknownCustomer) }
}

/// Writes the erasure record. Returns the record that counts, which is the first one written with the keys.
async fn write_record(vault: &Vault, reference: &CustomerRef, now: Timestamp) -> Result<ErasureRecord, ErasureError> {
    let store = vault.store();
    let key = ObjectKey::Forgotten(reference.clone());
    let record = ErasureRecord { at: now, program: env!("CARGO_PKG_VERSION").to_owned() };
    let authenticated = vault.authenticate(&key, &record);
    if store.put_new(&key, authenticated.clone()).await? == PutOutcome::Created {
        return Ok(record);
    }
    match vault.open_authenticated(&key, &store.get(&key).await?) {
        Ok(first) => Ok(first),
        // An earlier version, or someone without the keys, wrote the record.
        Err(_) => store.put(&key, authenticated).await.map(|()| record).map_err(ErasureError::from),
    }
}

/// Returns every run that has objects about the customer.
async fn list_runs(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<BTreeSet<RunId>, ErasureError> {
    let mut runs = BTreeSet::new();
    for prefix in [Prefix::Customer(reference.clone()), Prefix::Recalled(reference.clone())] {
        let listed = store.list(&prefix).await?;
        runs.extend(listed.iter().filter_map(|listed| ObjectKey::run_of(&listed.key, reference)));
    }
    Ok(runs)
}

async fn published_digests(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    runs: &BTreeSet<RunId>,
) -> Result<BTreeSet<Digest>, ErasureError> {
    let mut published = BTreeSet::new();
    for run in runs {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
        let Some(bytes) = store.find(&key).await? else { continue };
        // Unreadable evidence lists no copies, but must not stop the erasure.
        if let Ok(evidence) = serde_json::from_slice::<Evidence>(&bytes) {
            published.extend(evidence.artefacts.into_values());
        }
    }
    Ok(published)
}

/// Deletes a run's objects about the customer that are outside the customer's own folder. Returns how many it deleted.
///
/// A request for only this customer is deleted too: its prompt may mention them, and it is sealed with the data key,
/// which remains. A decision remains, like the evidence: it is sealed with the destroyed key, and on AWS it may be
/// locked.
async fn erase_from_run(run: &RunId, reference: &CustomerRef, vault: &Vault) -> Result<usize, ErasureError> {
    let store = vault.store();
    let mut keys = vec![
        ObjectKey::Review(run.clone(), reference.clone()),
        ObjectKey::ReviewEnded(run.clone(), reference.clone()),
        ObjectKey::Admitted(run.clone(), reference.clone()),
        ObjectKey::DryRun(run.clone(), reference.clone()),
    ];
    let request_key = ObjectKey::Run(run.clone(), RunPart::Request);
    match vault.read_json::<Request>(Owner::Run, &request_key).await {
        Ok((request, _)) if request.only.as_ref() == Some(reference) => keys.push(request_key),
        Ok(_) => {}
        // A request that is missing, or that the current keys cannot open, need not be deleted.
        Err(error) if matches!(error.name(), ErrorName::SealBroken | ErrorName::StoreNotFound) => {}
        Err(error) => return Err(error.into()),
    }
    let mut objects = 0;
    for key in keys {
        objects += usize::from(store.find(&key).await?.is_some());
        store.erase(&key.to_string()).await?;
    }
    objects += erase_all(store, &Prefix::Answers(run.clone(), Some(reference.clone()))).await?;
    Ok(objects)
}

/// Deletes all objects with a prefix, in all their versions. Returns how many it deleted.
async fn erase_all(store: &dyn ObjectStore, prefix: &Prefix) -> Result<usize, StoreError> {
    let keys = store.list_kept(prefix).await?;
    for key in &keys {
        store.erase(key).await?;
    }
    Ok(keys.len())
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("the records serialize to JSON");
    bytes.push(b'\n');
    bytes
}
