//! Reads the evidence of earlier runs, and seals and opens its personal part.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::evidence::{Evidence, PersonalEvidence};
use contracts::key::Artefact;
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use storage::store::ObjectStore;
use storage::vault::{Owner, Vault, VaultError};

/// Returns a run's evidence about a customer, or `None` if there is none yet.
pub async fn find(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    run: &RunId,
) -> Result<Option<Evidence>, VaultError> {
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
    let Some(bytes) = store.find(&key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| VaultError::malformed(&key.to_string(), &error))
}

/// Returns the location that authenticates the sealed personal part of `evidence.json`.
#[must_use]
pub fn personal_place(run: &RunId, reference: &CustomerRef) -> String {
    format!("{reference}/{run}/personal evidence")
}

/// Seals the personal part of the evidence, as base64.
///
/// # Panics
/// Never: every type in the contracts crate serializes to JSON.
pub async fn seal_personal(
    vault: &Vault,
    run: &RunId,
    reference: &CustomerRef,
    inputs: &Digest,
    personal: &PersonalEvidence,
) -> Result<String, VaultError> {
    let plain = serde_json::to_vec(personal).expect("every type in the contracts crate serializes to JSON");
    let place = personal_place(run, reference);
    let sealed = vault.seal(Owner::Customer(reference), &place, inputs, &plain).await?;
    Ok(BASE64.encode(sealed))
}

/// Opens the personal part of the evidence. Fails with [`VaultError::Broken`] if the customer has been erased.
pub async fn open_personal(vault: &Vault, evidence: &Evidence) -> Result<PersonalEvidence, VaultError> {
    let place = personal_place(&evidence.run, &evidence.reference);
    let sealed = BASE64
        .decode(&evidence.personal)
        .map_err(|_| VaultError::Broken { place: place.clone(), reason: "not base64" })?;
    let (plain, _) = vault.open(Owner::Customer(&evidence.reference), &place, &sealed).await?;
    serde_json::from_slice(&plain).map_err(|error| VaultError::malformed(&place, &error))
}
