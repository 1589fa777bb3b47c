//! Delivery: what a run made reaches the bank's own systems and its customers.
//!
//! | Module | What |
//! |---|---|
//! | [`manifest`] | the table with customer ids and links, for the bank's mail or CRM system; made on demand, kept nowhere; on AWS by the Lambda `export` |
//! | [`links`] | a customer's link: a page with video, transcript and opt-out, as long as it may be shown |
//! | [`webhook`] | signed notices of each outcome |
//! | [`event`] | what calls the Lambda `notify`, which sends them |
//!
//! **Invariant:** knows nothing of AWS, of Lambda, of the file system or of the stages. A link's token is kept nowhere, only
//! its digest; a notice holds nothing personal; what `control/` says is read afresh whenever a link is made or opened.

mod error;
pub mod event;
pub mod links;
pub mod manifest;
mod page;
#[cfg(test)]
mod tests;
pub mod webhook;

pub use error::Error;

use contracts::evidence::{Evidence, Outcome};
use contracts::facts::Skip;
use contracts::key::Artefact;
use contracts::{CustomerRef, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control;
use policy::recall::is_recalled;
use storage::store::ObjectStore;

/// What a run published to a customer, as long as it may be shown.
struct Published {
    video: bool,
    text: String,
}

/// What may be shown of a customer's part of a run as things stand now, or why nothing may.
async fn published(
    run: &RunId,
    reference: &CustomerRef,
    store: &dyn ObjectStore,
    now: Timestamp,
) -> Result<Result<Published, Outcome>, Error> {
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let place = key(Artefact::Evidence);
    let gone = || Outcome::Skipped { skip: Skip::Suppressed };
    let Some(bytes) = store.find(&place).await? else { return Ok(Err(gone())) };
    let evidence: Evidence =
        serde_json::from_slice(&bytes).map_err(|source| Error::Malformed { key: place.to_string(), source })?;
    let Outcome::Published { video } = evidence.outcome else { return Ok(Err(evidence.outcome)) };
    if let Some(skip) = control::read(store, reference, now).await?.forbids(evidence.from_posts) {
        return Ok(Err(Outcome::Skipped { skip }));
    }
    if is_recalled(store, run, reference).await? {
        return Ok(Err(Outcome::Skipped { skip: Skip::Recalled }));
    }
    let Some(text) = store.find(&key(Artefact::Text)).await? else { return Ok(Err(gone())) };
    Ok(Ok(Published { video, text: String::from_utf8_lossy(&text).into_owned() }))
}
