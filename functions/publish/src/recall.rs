//! Recall: takes back what a run published. Links die, files are moved aside, the evidence stays.

use contracts::key::{Artefact, RunPart};
use contracts::recall::Recall;
use contracts::stage::IndexRow;
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;
use storage::store::{ObjectStore, Written};
use storage::vault::{Owner, Vault};

use crate::review::{check_name, check_reason};
use crate::{Error, PUBLIC, Place};

/// How many customers' files are moved at once.
const AT_ONCE: usize = 8;

/// What was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recalled {
    /// The customer.
    pub reference: CustomerRef,
    /// The files that lie aside now, this time or before.
    pub files: usize,
}

/// Takes back a run, or one customer's part of it. The record is written first: from then on no link opens, and whatever of
/// the run is still under way is not published. Doing it again moves what a killed process left, and changes nothing else.
/// Gives every customer of whom something lies aside.
pub async fn recall(
    run: &RunId,
    only: Option<&CustomerRef>,
    by: &str,
    reason: Option<&str>,
    vault: &Vault,
    now: Timestamp,
) -> Result<Vec<Recalled>, Error> {
    check_name(by)?;
    reason.map_or(Ok(()), check_reason)?;
    let customers = customers(run, only, vault.store()).await?;
    let record = Recall { at: now, by: by.to_owned(), reason: reason.map(ToOwned::to_owned) };
    let key = ObjectKey::Recall(run.clone(), only.cloned());
    let owner = only.map_or(Owner::Run, Owner::Customer);
    let first = vault.write_json(owner, &key, &Digest::of(b"recall"), record).await?;
    tracing::info!(%run, customers = customers.len(), at = %first.at, "taken back");

    let moved = stream::iter(customers).map(|reference| async move {
        let place = Place { run, reference: &reference };
        move_aside(vault.store(), place).await?;
        let mut files = 0;
        for artefact in PUBLIC {
            files += usize::from(vault.store().find(&place.recalled(artefact)).await?.is_some());
        }
        Ok::<_, Error>(Recalled { reference, files })
    });
    let moved: Vec<Recalled> = moved.buffered(AT_ONCE).try_collect().await?;
    Ok(moved.into_iter().filter(|recalled| recalled.files > 0).collect())
}

/// Of whom the run may have published something.
async fn customers(
    run: &RunId,
    only: Option<&CustomerRef>,
    store: &dyn ObjectStore,
) -> Result<Vec<CustomerRef>, Error> {
    let none = || Error::NoSuchRun { run: run.clone() };
    let index = store.find(&ObjectKey::Run(run.clone(), RunPart::Index)).await?.ok_or_else(none)?;
    let rows = IndexRow::read_all(&index).map_err(|_| none())?;
    let customers: Vec<_> = rows.into_iter().map(|row| row.reference).collect();
    match only {
        None => Ok(customers),
        Some(only) if customers.contains(only) => Ok(vec![only.clone()]),
        Some(_) => Err(none()),
    }
}

/// Moves what is published aside: each file is copied, then removed. What was moved before stays as it lies. Without
/// evidence that it was published nothing is moved: `publish` takes that away.
pub(crate) async fn move_aside(store: &dyn ObjectStore, place: Place<'_>) -> Result<(), Error> {
    if store.find(&place.key(Artefact::Evidence)).await?.is_none() {
        return Ok(());
    }
    for artefact in PUBLIC {
        let (from, to) = (place.key(artefact), place.recalled(artefact));
        let Some(bytes) = store.find(&from).await? else { continue };
        if store.put_new(&to, bytes.clone()).await? == Written::AlreadyThere && store.get(&to).await? != bytes {
            return Err(Error::Changed { key: to.to_string() });
        }
        store.delete(&from).await?;
    }
    Ok(())
}
