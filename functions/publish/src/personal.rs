//! The sealed part of the evidence.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::evidence::{Evidence, PersonalEvidence};
use contracts::{CustomerRef, Digest, RunId};
use storage::vault::{Owner, Vault, VaultError};

/// The place with which the personal part of `evidence.json` is sealed.
#[must_use]
pub fn personal_place(run: &RunId, reference: &CustomerRef) -> String {
    format!("{reference}/{run}/personal evidence")
}

pub(crate) async fn seal(
    vault: &Vault,
    run: &RunId,
    reference: &CustomerRef,
    inputs: &Digest,
    personal: &PersonalEvidence,
) -> Result<String, VaultError> {
    let plain = serde_json::to_vec(personal).expect("the types of contracts serialize to JSON");
    let place = personal_place(run, reference);
    let sealed = vault.seal(Owner::Customer(reference), &place, inputs, &plain).await?;
    Ok(BASE64.encode(sealed))
}

/// Opens the personal part of the evidence. Fails as [`VaultError::Broken`] once the customer was forgotten.
pub async fn open_personal(vault: &Vault, evidence: &Evidence) -> Result<PersonalEvidence, VaultError> {
    let place = personal_place(&evidence.run, &evidence.reference);
    let sealed = BASE64
        .decode(&evidence.personal)
        .map_err(|_| VaultError::Broken { place: place.clone(), reason: "not base64" })?;
    let (plain, _) = vault.open(Owner::Customer(&evidence.reference), &place, &sealed).await?;
    serde_json::from_slice(&plain).map_err(|error| VaultError::Malformed {
        place,
        line: error.line(),
        column: error.column(),
    })
}
