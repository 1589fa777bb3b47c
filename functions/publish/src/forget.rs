//! Erasure: destroys a customer's key, deletes what was made for them, and leaves a record without personal data.
//!
//! What is left is sealed with a key that is gone, or holds nothing but the reference. The evidence stays: its personal part
//! cannot be opened any more, and the digests that it names still prove what was done.

use std::collections::BTreeSet;

use contracts::key::{Artefact, Prefix, RunPart};
use contracts::request::Request;
use contracts::{CustomerRef, Digest, ErrorName, NamedError as _, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control::{self, Forgotten, SuppressedBy, Suppression};
use serde::Serialize;
use storage::store::ObjectStore;
use storage::vault::{Owner, Vault};

use crate::{Error, json};

/// What an erasure did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Of whom.
    pub reference: CustomerRef,
    /// When it was first begun.
    pub at: Timestamp,
    /// How many objects were deleted this time.
    pub objects: usize,
    /// The runs that had something of the customer.
    pub runs: Vec<RunId>,
    /// Digests of what had been published to the customer, so that copies of it can be found and deleted too.
    #[serde(skip)]
    pub published: BTreeSet<Digest>,
}

/// Forgets a customer. First they are suppressed, so that nothing new is made; then, unless a hold forbids it, the key goes,
/// and then everything. It can be done again at any time: it goes on where it was stopped. Of an id that nobody has nothing
/// is recorded.
pub async fn forget(reference: &CustomerRef, vault: &Vault, now: Timestamp) -> Result<Erased, Error> {
    let store = vault.store();
    let known = [ObjectKey::CustomerKey(reference.clone()), ObjectKey::Forgotten(reference.clone())];
    if store.find(&known[0]).await?.is_none() && store.find(&known[1]).await?.is_none() {
        return Err(Error::UnknownCustomer);
    }
    let suppression = Suppression { by: SuppressedBy::Erasure, since: now };
    store.put_new(&ObjectKey::Suppression(reference.clone()), json(&suppression).into()).await?;
    if let Some(holds) = control::holds(store).await?.remove(reference) {
        return Err(Error::OnHold { holds });
    }
    let key = ObjectKey::Forgotten(reference.clone());
    let record = Forgotten { at: now, program: env!("CARGO_PKG_VERSION").to_owned() };
    store.put_new(&key, json(&record).into()).await?;
    let stands: Forgotten = serde_json::from_slice(&store.get(&key).await?)
        .map_err(|source| Error::Malformed { key: key.to_string(), source })?;
    vault.destroy_customer_key(reference).await?;

    let runs = runs(store, reference).await?;
    let published = published(store, reference, &runs).await?;
    // Whatever cannot be deleted keeps nothing else: it is told at the end.
    let (mut objects, mut failed) = (0, Ok(()));
    for run in &runs {
        match erase_of_run(run, reference, vault).await {
            Ok(erased) => objects += erased,
            Err(error) => failed = failed.and(Err(error)),
        }
    }
    objects += erase(store, reference).await?;
    failed?;
    tracing::info!(%reference, objects, "forgotten");
    Ok(Erased { reference: reference.clone(), at: stands.at, objects, runs: runs.into_iter().collect(), published })
}

/// Deletes all that was made for a customer but the evidence, and the records of failures, which hold nothing personal.
pub(crate) async fn erase(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<usize, Error> {
    let mut objects = 0;
    for prefix in [Prefix::Customer(reference.clone()), Prefix::Recalled(reference.clone())] {
        for key in store.list_kept(&prefix).await? {
            let kept = [Artefact::Evidence, Artefact::Failure].map(Artefact::file_name);
            let name = key.rsplit('/').next().unwrap_or_default();
            if !(key.starts_with("customers/") && kept.contains(&name)) {
                store.erase(&key).await?;
                objects += 1;
            }
        }
    }
    Ok(objects)
}

/// Every run that made something for the customer.
async fn runs(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<BTreeSet<RunId>, Error> {
    let mut runs = BTreeSet::new();
    for prefix in [Prefix::Customer(reference.clone()), Prefix::Recalled(reference.clone())] {
        let listed = store.list(&prefix).await?;
        runs.extend(listed.iter().filter_map(|listed| ObjectKey::run_of(&listed.key, reference)));
    }
    Ok(runs)
}

async fn published(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    runs: &BTreeSet<RunId>,
) -> Result<BTreeSet<Digest>, Error> {
    let mut published = BTreeSet::new();
    for run in runs {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
        let Some(bytes) = store.find(&key).await? else { continue };
        // A record that cannot be read names no copies; what was made goes all the same.
        if let Ok(evidence) = serde_json::from_slice::<contracts::evidence::Evidence>(&bytes) {
            published.extend(evidence.artefacts.into_values());
        }
    }
    Ok(published)
}

/// Deletes what a run has of the customer outside the customer's own folder. A request for this one customer goes too: a
/// wish for tone may name them, and it is sealed with a key that stays. A decision stays as the evidence does, sealed with
/// the key that is gone: on AWS it may be locked.
async fn erase_of_run(run: &RunId, reference: &CustomerRef, vault: &Vault) -> Result<usize, Error> {
    let store = vault.store();
    let own = |key: fn(RunId, CustomerRef) -> ObjectKey| key(run.clone(), reference.clone());
    let mut keys = vec![own(ObjectKey::Review), own(ObjectKey::ReviewTask)];
    let request = ObjectKey::Run(run.clone(), RunPart::Request);
    match vault.read_json::<Request>(Owner::Run, &request).await {
        Ok((asked, _)) => keys.extend((asked.only.as_ref() == Some(reference)).then_some(request)),
        // One that cannot be opened by the keys that there are is read by nobody.
        Err(error) if matches!(error.name(), ErrorName::SealBroken | ErrorName::StoreNotFound) => {}
        Err(error) => return Err(error.into()),
    }
    let mut objects = 0;
    for key in keys {
        objects += usize::from(store.find(&key).await?.is_some());
        store.erase(&key.to_string()).await?;
    }
    Ok(objects)
}
