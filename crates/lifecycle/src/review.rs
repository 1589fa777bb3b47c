//! Review: lists results in review, shows one to a reviewer, and records the reviewer's decision.

use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::facts::Skip;
use contracts::key::{Artefact, Prefix, RunKind};
use contracts::review::{Decision, PendingReview, ReviewChoice};
use contracts::script::{RefusedText, Script};
use contracts::text::recommendation_text;
use contracts::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control::{self, ControlError};
pub use policy::review::find_pending as find;
use storage::store::{ObjectStore, StoreError};
use storage::vault::{Owner, Vault, VaultError};
use thiserror::Error;

pub use crate::record_text::check_reason;
use crate::record_text::{RecordTextError, check_name};

/// An error during a review.
#[derive(Debug, Error)]
pub enum ReviewError {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `control/` cannot be read, so it is unknown whether the customer may be contacted.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The name or the reason is not valid for the record.
    #[error(transparent)]
    RecordText(#[from] RecordTextError),
    /// The text or video is not the one that the reviewer saw.
    #[error("{key}: the text or video changed since it was reviewed")]
    NotAsReviewed {
        /// The key of the pending review.
        key: String,
    },
    /// The reviewer started the run.
    #[error("{by} started run {run}, so another person must approve its results")]
    OwnRun {
        /// The run.
        run: RunId,
        /// The reviewer's name.
        by: String,
    },
    /// No result for this customer is in review.
    #[error("run {run} has no result in review for this customer")]
    NotWaiting {
        /// The run.
        run: RunId,
    },
}

impl NamedError for ReviewError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Control(error) => error.name(),
            Self::RecordText(error) => error.name(),
            Self::NotAsReviewed { .. } => ErrorName::SealBroken,
            Self::NotWaiting { .. } => ErrorName::ReviewNotWaiting,
            Self::OwnRun { .. } => ErrorName::AccessForbidden,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Vault(error) => error.help(),
            Self::Control(error) => error.help(),
            Self::NotAsReviewed { .. } => Some("start a new run".to_owned()),
            Self::OwnRun { .. } => {
                Some("ask another person; on a machine with one user, set local.approve_own = true".to_owned())
            }
            Self::NotWaiting { .. } => Some("list the results in review: bespoke review".to_owned()),
            Self::Store(_) | Self::RecordText(_) => None,
        }
    }
}

/// A result in review, as a reviewer sees it.
#[derive(Clone, Debug)]
pub struct ReviewItem {
    /// The pending review. The result's files are already stored, but they are not published.
    pub pending: PendingReview,
    /// The text as it will be published.
    pub text: String,
    /// The script that the text came from. It passed the guard.
    pub script: Script,
}

impl ReviewItem {
    /// Returns the model's text that the guard rejected, if that rejection is the reason for the review. That text is
    /// never published.
    #[must_use]
    pub fn refused(&self) -> Option<&RefusedText> {
        self.script.text_review.as_ref()?.refused.as_ref()
    }
}

/// The person who decides.
#[derive(Clone, Copy, Debug)]
pub struct Reviewer<'a> {
    /// The name for the record, up to 400 characters.
    pub name: &'a str,
    /// The digest of the authenticated subject: [`storage::vault::Keys::staff`].
    pub subject: Digest,
    /// Whether they may approve results of runs that they started, as on a machine with one user.
    pub may_approve_own: bool,
}

/// A reviewer's decision that has not been recorded yet.
#[derive(Clone, Copy, Debug)]
pub struct NewDecision<'a> {
    /// The [`digest`] of what the reviewer saw.
    pub reviewed: &'a Digest,
    /// The choice.
    pub choice: ReviewChoice,
    /// The reviewer.
    pub by: Reviewer<'a>,
    /// The reason, up to 500 characters.
    pub reason: Option<&'a str>,
}

/// Returns the pending reviews of one run or of all runs, oldest first.
pub async fn list_pending(vault: &Vault, run: Option<&RunId>) -> Result<Vec<PendingReview>, ReviewError> {
    let mut pending = Vec::new();
    for (run, reference) in list_keys(vault.store(), run).await? {
        // A review that was decided after the listing is no longer in the store.
        pending.extend(find(vault, &run, &reference).await?);
    }
    pending.sort_by_key(|pending| pending.since);
    Ok(pending)
}

/// Returns the run and customer of each pending review, for one run or for all runs, without reading the objects. Sorts
/// by the store's modification times, oldest first.
pub async fn list_keys(store: &dyn ObjectStore, run: Option<&RunId>) -> Result<Vec<(RunId, CustomerRef)>, ReviewError> {
    let mut listed = store.list(&Prefix::Reviews(run.cloned())).await?;
    listed.sort_by_key(|listed| listed.modified);
    Ok(listed.iter().filter_map(|listed| ObjectKey::review_of(&listed.key)).collect())
}

/// Loads a result in review. Fails if the text did not pass the guard. Also fails if the text would no longer be
/// published as recorded, because the catalog or the brand has changed.
pub async fn load(
    pending: PendingReview,
    vault: &Vault,
    catalogue: &Catalogue,
    brand: &Brand,
) -> Result<ReviewItem, ReviewError> {
    let PendingReview { run, reference, .. } = &pending;
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
    let (script, _): (Script, _) = vault.read_json(Owner::Customer(reference), &key).await?;
    let text = recommendation_text(&script, catalogue, brand, run, pending.video);
    if Digest::of(text.as_bytes()) != pending.seen.text || !script.verdict.passed() {
        return Err(not_as_reviewed(run, reference));
    }
    Ok(ReviewItem { pending, text, script })
}

/// Records a decision about a pending review. Only the first reviewer's decision counts.
///
/// Reads `control/` again before it records the decision, because a customer who may no longer be contacted needs none.
/// The caller then completes the outcome: on one machine with `publish::run`; on AWS, writing the decision invokes
/// `publish`. Returns the decision on record: this one, or an earlier reviewer's. The inner error says why the customer
/// may no longer be contacted, in which case no decision is needed. Fails if the result has changed since the reviewer
/// saw it, or if the reviewer approves a result of a run that they started.
pub async fn decide(
    run: &RunId,
    reference: &CustomerRef,
    new: NewDecision<'_>,
    vault: &Vault,
    now: Timestamp,
) -> Result<Result<Decision, Skip>, ReviewError> {
    let NewDecision { reviewed, choice, by, reason } = new;
    check_name(by.name)?;
    reason.map_or(Ok(()), check_reason)?;
    let store = vault.store();
    if choice == ReviewChoice::Approve {
        check_two_people(run, by, store).await?;
    }
    let pending = find(vault, run, reference).await?.ok_or_else(|| ReviewError::NotWaiting { run: run.clone() })?;
    let inputs = digest(&pending);
    if inputs != *reviewed {
        return Err(not_as_reviewed(run, reference));
    }
    if let Some(skip) = control::read(vault, reference, now).await?.forbids(pending.from_posts) {
        return Ok(Err(skip));
    }
    check_files(&pending, store).await?;
    let decision =
        Decision { choice, by: by.name.to_owned(), at: now, reason: reason.map(ToOwned::to_owned), seen: pending.seen };
    let key = ObjectKey::Decision(run.clone(), reference.clone());
    Ok(Ok(vault.write_json(Owner::Customer(reference), &key, &inputs, decision).await?))
}

/// Fails if the reviewer started the run.
async fn check_two_people(run: &RunId, by: Reviewer<'_>, store: &dyn ObjectStore) -> Result<(), ReviewError> {
    if by.may_approve_own {
        return Ok(());
    }
    for kind in RunKind::ALL {
        if store.find(&ObjectKey::Started(by.subject, kind, run.clone())).await?.is_some() {
            return Err(ReviewError::OwnRun { run: run.clone(), by: by.name.to_owned() });
        }
    }
    Ok(())
}

/// Fails if a file is not the one that the reviewer saw.
async fn check_files(pending: &PendingReview, store: &dyn ObjectStore) -> Result<(), ReviewError> {
    let PendingReview { run, reference, seen, .. } = pending;
    for (artefact, digest) in &seen.artefacts {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), *artefact);
        if Digest::of(&store.get(&key).await?) != *digest {
            return Err(not_as_reviewed(run, reference));
        }
    }
    Ok(())
}

/// Returns the digest of the text and media that a reviewer sees.
#[must_use]
pub fn digest(pending: &PendingReview) -> Digest {
    Digest::of_json(&pending.seen)
}

fn not_as_reviewed(run: &RunId, reference: &CustomerRef) -> ReviewError {
    ReviewError::NotAsReviewed { key: ObjectKey::Review(run.clone(), reference.clone()).to_string() }
}
