//! Reads whom a run reached, who opted out, and who adopted an offered product.

use std::collections::HashMap;

use contracts::effect::Reaction;
use contracts::evidence::{Evidence, ManifestEntry};
use contracts::facts::{Assessment, Facts, Stance};
use contracts::key::{Artefact, Prefix};
use contracts::{CustomerRef, ObjectKey, ProductId, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use policy::control::{SuppressedBy, Suppression};
use policy::evidence;
use storage::vault::{Owner, Vault, VaultError};

use super::groups::existing;
use super::report::{CONCURRENCY, read_manifest};
use crate::failure::Failure;

/// The outcome of a run for one customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CustomerOutcome {
    /// The run published a recommendation or a service message to the customer.
    pub reached: bool,
    /// The customer opted out through a link, at any time.
    pub opted_out: bool,
    /// The customer adopted a product that the run offered, on or after the day of the offer.
    pub benefited: bool,
}

/// The outcomes of a run. A customer who was erased later still counts as reached, but never as having benefited.
#[derive(Debug, Default)]
pub struct RunOutcomes {
    /// The customers.
    pub customers: HashMap<CustomerRef, CustomerOutcome>,
    /// Whether any adoption by these customers was imported. If not, it is unknown who benefited.
    pub has_adoptions: bool,
}

/// Returns the outcomes of a run that has ended.
pub async fn outcomes(run: &RunId, vault: &Vault) -> Result<RunOutcomes, Failure> {
    let manifest = read_manifest(run, vault).await?;
    let read: Vec<(CustomerRef, CustomerOutcome, bool)> = stream::iter(&manifest.entries)
        .map(|entry| outcome(run, entry, vault))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let has_adoptions = read.iter().any(|(.., has_adoptions)| *has_adoptions);
    let customers = read.into_iter().map(|(reference, outcome, _)| (reference, outcome)).collect();
    Ok(RunOutcomes { customers, has_adoptions })
}

/// Returns a customer's outcome, and whether any of their adoptions was imported.
async fn outcome(
    run: &RunId,
    entry: &ManifestEntry,
    vault: &Vault,
) -> Result<(CustomerRef, CustomerOutcome, bool), Failure> {
    let reference = &entry.reference;
    let record = evidence::find(vault.store(), reference, run).await?;
    let offered = offered(run, reference, vault).await?;
    let mut outcome = CustomerOutcome {
        reached: record.as_ref().is_some_and(Evidence::is_published),
        opted_out: has_opted_out(reference, vault).await?,
        benefited: false,
    };
    let mut has_adoptions = false;
    for listed in vault.store().list(&Prefix::Reactions(reference.clone())).await? {
        let Some(key) = ObjectKey::reaction(&listed.key) else { continue };
        let reaction = existing(vault.read_json::<Reaction>(Owner::Customer(reference), &key).await)?;
        let (Some((Reaction::Adopted { product, on }, _)), Some(record)) = (reaction, &record) else { continue };
        has_adoptions = true;
        let since = record.written_at.to_zoned(jiff::tz::TimeZone::UTC).date();
        outcome.benefited |= on >= since && offered.contains(&product);
    }
    Ok((reference.clone(), outcome, has_adoptions))
}

async fn offered(run: &RunId, reference: &CustomerRef, vault: &Vault) -> Result<Vec<ProductId>, Failure> {
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Facts);
    Ok(match existing(vault.read_json(Owner::Customer(reference), &key).await)? {
        Some((Assessment::Proceed(Facts { stance: Stance::Recommend { offers }, .. }), _)) => {
            offers.into_iter().map(|offer| offer.product).collect()
        }
        Some((Assessment::Proceed(_) | Assessment::HeldOut(_) | Assessment::Skip { .. }, _)) | None => Vec::new(),
    })
}

async fn has_opted_out(reference: &CustomerRef, vault: &Vault) -> Result<bool, Failure> {
    let key = ObjectKey::Suppression(reference.clone());
    let Some(json) = vault.store().find(&key).await? else { return Ok(false) };
    let suppression: Suppression =
        serde_json::from_slice(&json).map_err(|error| VaultError::malformed(&key.to_string(), &error))?;
    Ok(suppression.by == SuppressedBy::OptOut)
}
