//! The publish stage: gives one customer's part of a run exactly one outcome, and records the evidence for it.
//!
//! Stored text and media count as published only once `evidence.json` says so. The stage writes the evidence last, and
//! only once. If evidence already exists, the stage adopts its outcome. If two writers run concurrently, the first
//! record to be written counts. Unless the outcome is `published`, the stage then deletes the text, the page and the
//! media.
//!
//! A result in review ([`contracts::review`]) stays unpublished until a reviewer has approved exactly that text and
//! video. The stage never republishes a recalled result and never publishes a result for an erased customer. The
//! `lifecycle` crate writes the records of decisions, recalls and erasures.
//!
//! **Invariant:** this crate does not depend on AWS, Lambda, the file system or another stage.

mod artefacts;
mod contact;
mod ending;
mod error;
mod outcome;
mod place;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::evidence::{FailureRecord, Outcome};
use contracts::facts::Skip;
use contracts::key::{Artefact, RunPart};
use contracts::request::{ChangedInput, CurrentInput, Request};
use contracts::review::PendingReview;
use contracts::settings::Settings;
use contracts::stage::{PublishInput, StageFailure};
use contracts::{CustomerRef, Digest, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use policy::erasure::delete_artefacts;
use policy::review::find_pending;
use storage::vault::{Owner, Vault, VaultError};

pub use error::Error;

use crate::ending::{Disposition, Ending};
use crate::place::{Place, json};

/// The dependencies of the stage.
pub struct Deps<'a> {
    /// The vault with the customer's artifacts.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// The digest of the phrasebooks and their approvals, read immediately before this call.
    pub phrases: Digest,
    /// The bank's look, sound and legal lines.
    pub brand: &'a Brand,
    /// The current time, as it will be recorded.
    pub now: Timestamp,
}

/// Publishes one customer's result, or records why there is none.
///
/// A repeated call returns the first outcome, with two exceptions. If the customer may no longer be contacted, for
/// example after an opt-out, the stage deletes the published files. If the result was recalled, the stage moves them
/// away. Both count as skipped.
///
/// A result in review gets [`Outcome::InReview`] without evidence. Once a decision has been made, the next call
/// completes the result.
pub async fn run(input: PublishInput, deps: &Deps<'_>) -> Result<Outcome, Error> {
    let place = Place { run: &input.run, reference: &input.reference };
    if let Some(evidence) = outcome::find_evidence(deps, place).await? {
        return Box::pin(outcome::settle(deps, place, evidence)).await;
    }
    let store = deps.vault.store();
    if store.find(&ObjectKey::Forgotten(input.reference.clone())).await?.is_some() {
        // A stage that was running during the erasure may have left artifacts behind.
        delete_artefacts(store, place.reference).await?;
        return Ok(Outcome::Skipped { skip: Skip::Suppressed });
    }
    let failure = match input.failure {
        // A stage that ended because the customer withdrew consent did not fail.
        Some(failure) if failure.error == ErrorName::ConsentWithdrawn => Some(failure),
        Some(failure) => return record_failure(deps, place, failure).await,
        None => None,
    };
    let (request, request_digest): (Request, _) =
        deps.vault.read_json(Owner::Run, &ObjectKey::Run(input.run.clone(), RunPart::Request)).await?;
    check_unchanged(deps, place, &request)?;
    if let Some(failure) = failure {
        return match ending::withdrawn(deps, place, &request).await? {
            Some(ending) => Box::pin(conclude(deps, place, request_digest, ending)).await,
            None => record_failure(deps, place, failure).await,
        };
    }
    match Box::pin(ending::decide(deps, place, &request, input.video)).await? {
        Disposition::Final(ending) => Box::pin(conclude(deps, place, request_digest, ending)).await,
        Disposition::InReview(pending) => put_in_review(deps, place, pending).await,
    }
}

/// Writes the evidence of an outcome, and makes the store consistent with it.
async fn conclude(deps: &Deps<'_>, place: Place<'_>, request: Digest, ending: Ending) -> Result<Outcome, Error> {
    let evidence = outcome::write_evidence(deps, place, request, ending).await?;
    Box::pin(outcome::settle(deps, place, evidence)).await
}

/// Completes a customer's part of a run after a decision. Returns `None` if no result is in review, for example because
/// an earlier call completed it.
pub async fn complete_review(run: &RunId, reference: &CustomerRef, deps: &Deps<'_>) -> Result<Option<Outcome>, Error> {
    let Some(pending) = find_pending(deps.vault, run, reference).await? else { return Ok(None) };
    let input = PublishInput { run: run.clone(), reference: reference.clone(), video: pending.video, failure: None };
    self::run(input, deps).await.map(Some)
}

/// Fails if the catalog, the phrasebook or the settings have changed since the run started. Withdrawing an approval
/// counts as a change to the phrasebook.
fn check_unchanged(deps: &Deps<'_>, place: Place<'_>, request: &Request) -> Result<(), Error> {
    let current = [
        CurrentInput::Catalogue(deps.catalogue.digest()),
        CurrentInput::Phrases(deps.phrases),
        CurrentInput::Settings(deps.settings.digest()),
    ];
    let changed = |ChangedInput(what)| Error::ChangedSince { what, run: place.run.clone() };
    request.ensure_unchanged(current).map_err(changed)
}

async fn put_in_review(deps: &Deps<'_>, place: Place<'_>, pending: PendingReview) -> Result<Outcome, Error> {
    let store = deps.vault.store();
    let why = pending.why.words();
    // Replace a record that is malformed or was not authenticated with these keys.
    let earlier = match find_pending(deps.vault, place.run, place.reference).await {
        Err(VaultError::Broken { .. } | VaultError::Malformed { .. }) => None,
        earlier => earlier?,
    };
    if earlier.is_none_or(|earlier| earlier.seen != pending.seen) {
        store.put(&place.review(), deps.vault.authenticate(&place.review(), &pending)).await?;
        tracing::info!(reference = %place.reference, why, "put a result in review");
    }
    store.delete(&place.key(Artefact::Failure)).await?;
    Ok(Outcome::InReview { why })
}

async fn record_failure(deps: &Deps<'_>, place: Place<'_>, failure: StageFailure) -> Result<Outcome, Error> {
    let StageFailure { stage, error, message } = failure;
    let record = FailureRecord { error, stage, message, at: deps.now };
    let store = deps.vault.store();
    store.put(&place.key(Artefact::Failure), json(&record).into()).await?;
    // After a transient error, a retry may still publish the files. After any other error, delete the files and the
    // review.
    if !error.is_transient() {
        for artefact in Artefact::PUBLISHED {
            store.delete(&place.key(artefact)).await?;
        }
        store.delete(&place.review()).await?;
        store.delete(&place.review_ended()).await?;
    }
    tracing::info!(reference = %place.reference, %stage, %error, "recorded a failure");
    Ok(Outcome::Failed { error, stage })
}
