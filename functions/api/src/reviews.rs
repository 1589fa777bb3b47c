//! What waits for a person: seen, approved or rejected; and what is taken back.

use axum::Json;
use axum::extract::{Path, State};
use contracts::key::Artefact;
use contracts::recall::is_recalled;
use contracts::review::{Choice, Waiting};
use contracts::script::Script;
use contracts::vault::Owner;
use contracts::{CustomerRef, Digest, ObjectKey, RunId, control};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::asked::{Caller, Json as Asked, Reviewer};
use crate::recommendations::Place;
use crate::shown::{LINK_SECONDS, Made, OutcomeWord, Paragraph, ResultLinks};
use crate::{Problem, Problems, Shared, shown};

/// The most that are shown at once, the oldest first.
const MOST: usize = 100;

/// A result that waits.
#[derive(Serialize, ToSchema)]
pub(crate) struct Review {
    #[schema(value_type = String)]
    run: RunId,
    customer_ref: String,
    /// Why it waits.
    why: String,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Stands for this very text and video; a decision names it.
    seen: String,
    /// The text as it will be published; the guard has passed it.
    text: Vec<Paragraph>,
    disclosures: Vec<String>,
    links: ResultLinks,
}

/// What waits.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reviews {
    items: Vec<Review>,
}

/// What waits for a person, the oldest first
#[utoipa::path(
    get, path = "/v1/reviews", operation_id = "listReviews", tag = "reviews",
    responses((status = 200, description = "What waits, at most 100", body = Reviews), Problems)
)]
pub(crate) async fn list(State(host): State<Shared>, _: Reviewer) -> Result<Json<Reviews>, Problem> {
    let store = host.vault().store();
    let mut items = Vec::new();
    for waiting in publish::review::waiting(store, None).await? {
        if items.len() == MOST {
            break;
        }
        let control = control::read(store, &waiting.reference, Timestamp::now()).await?;
        let recalled = is_recalled(store, &waiting.run, &waiting.reference).await?;
        if control.forbids(waiting.from_posts).is_none() && !recalled {
            items.extend(review(waiting, &host).await?);
        }
    }
    Ok(Json(Reviews { items }))
}

/// What there is to see of it; nothing if the guard has not passed the text, or it is gone.
async fn review(waiting: Waiting, host: &Shared) -> Result<Option<Review>, Problem> {
    let seen = publish::review::digest(&waiting).to_string();
    let Waiting { run, reference, why, since, video, .. } = waiting;
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let read = host.vault().read_json::<Script>(Owner::Customer(&reference), &key(Artefact::Script)).await;
    let Ok((script, _)) = read else { return Ok(None) };
    if !script.verdict.passed() {
        return Ok(None);
    }
    let mut made = Made::default();
    made.say(&script);
    let expires_at = Timestamp::now() + SignedDuration::from_secs(LINK_SECONDS.cast_signed());
    let mut links = ResultLinks::none(expires_at);
    if video {
        let link = async |artefact| host.links().link(&key(artefact), LINK_SECONDS).await;
        links.video = Some(link(Artefact::Video).await?);
        links.captions = Some(link(Artefact::Captions).await?);
        links.poster = Some(link(Artefact::Poster).await?);
    }
    let (text, disclosures) = made.words();
    Ok(Some(Review {
        run,
        customer_ref: reference.to_string(),
        why: why.words(),
        since,
        seen,
        text,
        disclosures,
        links,
    }))
}

/// What a reviewer decides.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Publish it as it was shown.
    Approve,
    /// Never publish it.
    Reject,
}

/// A decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionAsked {
    decision: Verdict,
    /// What was looked at, as the list has it.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    seen: Digest,
    /// Why, for the record.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    reason: Option<String>,
}

/// What stands now.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecisionTaken {
    /// What stands: whoever decided first. Nothing if the customer may not be shown anything any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Verdict>,
    /// How it ended, once it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeWord>,
}

/// Approves or rejects what waits
///
/// Consent and the bank's lists are read again first. Whoever decides first decides.
#[utoipa::path(
    post, path = "/v1/reviews/{run}/{customer_ref}", operation_id = "decideReview", tag = "reviews",
    params(("run" = String, Path, description = "The run"), ("customer_ref" = String, Path, description = "The customer")),
    request_body = DecisionAsked,
    responses((status = 200, description = "Decided", body = DecisionTaken), Problems)
)]
pub(crate) async fn decide(
    State(host): State<Shared>,
    Reviewer(by): Reviewer,
    Path((run, customer_ref)): Path<(String, String)>,
    Asked(asked): Asked<DecisionAsked>,
) -> Result<Json<DecisionTaken>, Problem> {
    let (Ok(run), Ok(reference)) = (RunId::parse(run), CustomerRef::parse(customer_ref)) else {
        return Err(Problem::not_found());
    };
    let choice = match asked.decision {
        Verdict::Approve => Choice::Approve,
        Verdict::Reject => Choice::Reject,
    };
    let now = Timestamp::now();
    let verdict = publish::review::Verdict { shown: &asked.seen, choice, by: &by, reason: asked.reason.as_deref() };
    let decided = publish::review::decide(&run, &reference, verdict, host.vault(), now).await;
    let decided = decided.map_err(|error| match error {
        publish::Error::NotWaiting { .. } => Problem::not_found(),
        publish::Error::NotAsReviewed { .. } => {
            Problem::with_status(StatusCode::CONFLICT, "it is not what was looked at any more")
        }
        error => error.into(),
    })?;
    host.follow(&run, &reference, decided.task).await?;
    let outcome = shown::outcome_of(&run, &reference, &host).await?;
    let decision = decided.standing.ok().map(|decision| match decision.choice {
        Choice::Approve => Verdict::Approve,
        Choice::Reject => Verdict::Reject,
    });
    Ok(Json(DecisionTaken { decision, outcome }))
}

/// That something is to be taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecallAsked {
    /// Why, for the record.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    reason: Option<String>,
}

/// Takes back what was published to the customer
///
/// From now on no link to it opens. The evidence stays. Doing it again changes nothing.
#[utoipa::path(
    post, path = "/v1/recommendations/{id}/recall", operation_id = "recallRecommendation", tag = "reviews",
    params(("id" = String, Path, description = "The recommendation")), request_body = RecallAsked,
    responses((status = 204, description = "Taken back"), Problems)
)]
pub(crate) async fn recall(
    State(host): State<Shared>,
    caller: Caller,
    Reviewer(by): Reviewer,
    Path(id): Path<String>,
    Asked(RecallAsked { reason }): Asked<RecallAsked>,
) -> Result<StatusCode, Problem> {
    let Place { run, reference, .. } = Place::find(&id, caller, &host).await?;
    let (vault, now) = (host.vault(), Timestamp::now());
    let recalled = publish::recall::recall(&run, Some(&reference), &by, reason.as_deref(), vault, now).await;
    recalled.map_err(|error| match error {
        publish::Error::NoSuchRun { .. } => {
            Problem::with_status(StatusCode::CONFLICT, "nothing of it was published yet")
        }
        error => error.into(),
    })?;
    Ok(StatusCode::NO_CONTENT)
}
