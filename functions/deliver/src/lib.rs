//! Delivery of results to the bank's own systems and to customers.
//!
//! | Module | Purpose |
//! |---|---|
//! | [`export`] | The table of a run's results and links for the bank's mail or CRM system. It is made on demand. |
//! | [`links`] | Customers' links: a page with the video, the offers with their reasons, answers, choices and an opt-out. |
//! | [`page_events`] | Customers' actions on their pages, without the visits of scanners. |
//! | [`answers`] | Customers' answers and choices, each recorded once. |
//! | [`mail`] | The e-mail kit: one message for each customer, which the bank's own system sends. |
//! | [`look`] | The brand's look on the page and in e-mails. |
//! | [`webhook`] | Signed notifications about outcomes. |
//! | [`event`] | The events that trigger the `notify` Lambda, which sends notifications. |
//!
//! **Invariant:** this library does not depend on AWS, Lambda, the file system or a stage. Only the digest of a link's
//! token is stored. A notification contains no personal data. Before a result is exported or shown, `control/` is read
//! again.

pub mod answers;
mod customer_ids;
mod error;
pub mod event;
pub mod export;
pub mod links;
pub mod look;
pub mod mail;
mod page;
pub mod page_events;
mod signature;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod webhook;

pub use error::Error;

use std::collections::{BTreeMap, BTreeSet};

use contracts::choice::Choice;
use contracts::customer_page::CustomerPage;
use contracts::evidence::{Evidence, Outcome};
use contracts::facts::Skip;
use contracts::key::Artefact;
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control;
use policy::recall::is_recalled;
use storage::vault::Vault;

/// The content that a run published to a customer.
struct PublishedContent {
    video: bool,
    text: String,
    /// The digests of the published files.
    files: BTreeMap<Artefact, Digest>,
    /// The content of the customer's page. `None` in results of older versions.
    page: Option<CustomerPage>,
    /// The choices that the customer has made so far.
    choices: BTreeSet<Choice>,
}

/// Returns whether a file has the digest in the evidence. Customers never see any other file.
fn is_as_published(key: &ObjectKey, artefact: Artefact, bytes: &[u8], published: &BTreeMap<Artefact, Digest>) -> bool {
    let same = published.get(&artefact) == Some(&Digest::of(bytes));
    if !same {
        tracing::error!(%key, "a published file was changed; it is not shown");
    }
    same
}

/// Returns a customer's published content if it may be shown now, or else the outcome that forbids showing it.
async fn published(
    run: &RunId,
    reference: &CustomerRef,
    vault: &Vault,
    now: Timestamp,
) -> Result<Result<PublishedContent, Outcome>, Error> {
    let store = vault.store();
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    // If the evidence or the text is missing, the customer was erased.
    let erased = || Outcome::Skipped { skip: Skip::Suppressed };
    let evidence_key = key(Artefact::Evidence);
    let Some(bytes) = store.find(&evidence_key).await? else { return Ok(Err(erased())) };
    let evidence: Evidence =
        serde_json::from_slice(&bytes).map_err(|source| Error::Malformed { key: evidence_key.to_string(), source })?;
    let Outcome::Published { video } = evidence.outcome else { return Ok(Err(evidence.outcome)) };
    let control = control::read(vault, reference, now).await?;
    if let Some(skip) = control.forbids(evidence.from_posts) {
        return Ok(Err(Outcome::Skipped { skip }));
    }
    if is_recalled(store, run, reference).await? {
        return Ok(Err(Outcome::Skipped { skip: Skip::Recalled }));
    }
    let mut words = Vec::new();
    for artefact in [Artefact::Text, Artefact::Page].into_iter().filter(|artefact| {
        // In results of older versions, there is no page.
        *artefact == Artefact::Text || evidence.artefacts.contains_key(artefact)
    }) {
        let key = key(artefact);
        let Some(bytes) = store.find(&key).await? else { return Ok(Err(erased())) };
        if !is_as_published(&key, artefact, &bytes, &evidence.artefacts) {
            return Ok(Err(Outcome::Skipped { skip: Skip::Recalled }));
        }
        words.push((key, bytes));
    }
    let text = words.first().map(|(_, text)| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
    let page = match words.get(1) {
        Some((key, page)) => {
            Some(serde_json::from_slice(page).map_err(|source| Error::Malformed { key: key.to_string(), source })?)
        }
        None => None,
    };
    let choices = control.as_read.choices;
    Ok(Ok(PublishedContent { video, text, files: evidence.artefacts, page, choices }))
}
