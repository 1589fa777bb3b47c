//! Records the outcome, and makes the store consistent with it.

use contracts::Digest;
use contracts::evidence::{Evidence, Outcome};
use contracts::facts::Skip;
use contracts::key::Artefact;
use policy::control;
use policy::evidence::seal_personal;
use policy::recall::{is_recalled, move_to_recalled};
use storage::store::{PutOutcome, StoreError};

use crate::Deps;
use crate::ending::{Ending, SEALED};
use crate::error::Error;
use crate::place::{Place, json};

pub async fn find_evidence(deps: &Deps<'_>, place: Place<'_>) -> Result<Option<Evidence>, Error> {
    let key = place.key(Artefact::Evidence);
    let Some(bytes) = deps.vault.store().find(&key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Malformed { key: key.to_string(), source })
}

/// Writes the evidence once. Returns the evidence on record: this one, or an earlier writer's.
pub async fn write_evidence(
    deps: &Deps<'_>,
    place: Place<'_>,
    request: Digest,
    ending: Ending,
) -> Result<Evidence, Error> {
    let Ending { outcome, artefacts, made_by, media, from_posts, review, personal } = ending;
    let inputs = Digest::of_json(&(request, &artefacts, env!("CARGO_PKG_VERSION")));
    let evidence = Evidence {
        run: place.run.clone(),
        reference: place.reference.clone(),
        outcome,
        written_at: deps.now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        catalogue: deps.catalogue.digest(),
        catalogue_version: deps.catalogue.version().to_owned(),
        request,
        key_id: deps.vault.keys().id(),
        artefacts,
        from_posts,
        made_by,
        media,
        review,
        personal: seal_personal(deps.vault, place.run, place.reference, &inputs, &personal).await?,
    };
    let key = place.key(Artefact::Evidence);
    match deps.vault.store().put_new(&key, json(&evidence).into()).await? {
        PutOutcome::Created => {
            tracing::info!(reference = %place.reference, outcome = evidence.outcome.word(), "recorded the outcome");
            Ok(evidence)
        }
        PutOutcome::AlreadyExists => match find_evidence(deps, place).await? {
            Some(first) => Ok(first),
            None => Err(StoreError::NotFound { key: key.to_string() }.into()),
        },
    }
}

/// Makes the store consistent with the current outcome, and returns that outcome. If the outcome is not `published`,
/// deletes the text, the page and the media, or moves them away if the result was recalled. Then deletes the records of
/// an earlier failure and of the review.
///
/// This runs again whenever existing evidence is found, so a later call removes files that a killed process left
/// behind.
pub async fn settle(deps: &Deps<'_>, place: Place<'_>, evidence: Evidence) -> Result<Outcome, Error> {
    let store = deps.vault.store();
    let was_published = matches!(evidence.outcome, Outcome::Published { .. });
    let CurrentOutcome { outcome, posts_withdrawn } = current_outcome(deps, place, evidence).await?;
    match outcome {
        Outcome::Published { .. } => {}
        Outcome::Skipped { skip: Skip::Recalled } if was_published => {
            move_to_recalled(store, place.run, place.reference).await?;
        }
        Outcome::Skipped { .. }
        | Outcome::HeldOut
        | Outcome::InReview { .. }
        | Outcome::NotStarted
        | Outcome::Failed { .. } => {
            for artefact in Artefact::PUBLISHED {
                store.delete(&place.key(artefact)).await?;
            }
            if posts_withdrawn {
                for artefact in SEALED {
                    store.delete(&place.key(artefact)).await?;
                }
                for artefact in Artefact::PUBLISHED {
                    store.delete(&place.recalled(artefact)).await?;
                }
            }
        }
    }
    store.delete(&place.key(Artefact::Failure)).await?;
    // The review has ended, so only the decision is kept.
    store.delete(&place.review()).await?;
    store.delete(&place.review_ended()).await?;
    Ok(outcome)
}

struct CurrentOutcome {
    outcome: Outcome,
    /// Whether posts contributed to the result and the customer has withdrawn consent to use them.
    posts_withdrawn: bool,
}

/// Returns the current outcome. `Published` and `HeldOut` become `Skipped` if the customer may no longer be contacted,
/// or if the result or the run was recalled. The evidence does not change.
async fn current_outcome(deps: &Deps<'_>, place: Place<'_>, evidence: Evidence) -> Result<CurrentOutcome, Error> {
    let Evidence { outcome, from_posts, artefacts, .. } = evidence;
    match outcome {
        Outcome::Published { .. } | Outcome::HeldOut | Outcome::InReview { .. } => {
            let store = deps.vault.store();
            let control = control::read(deps.vault, place.reference, deps.now).await?;
            if let Some(skip) = control.forbids(from_posts) {
                let posts_withdrawn = from_posts && control.withdraws_posts();
                return Ok(CurrentOutcome { outcome: Outcome::Skipped { skip }, posts_withdrawn });
            }
            if is_recalled(store, place.run, place.reference).await? {
                let outcome = Outcome::Skipped { skip: Skip::Recalled };
                return Ok(CurrentOutcome { outcome, posts_withdrawn: false });
            }
            Ok(CurrentOutcome { outcome, posts_withdrawn: false })
        }
        // The evidence of a skip lists no artifacts only if the customer withdrew consent to the use of posts.
        Outcome::Skipped { .. } => Ok(CurrentOutcome { outcome, posts_withdrawn: artefacts.is_empty() }),
        Outcome::NotStarted | Outcome::Failed { .. } => Ok(CurrentOutcome { outcome, posts_withdrawn: false }),
    }
}
