//! What waits for a person: seen, approved or rejected; and what is taken back.

use axum::Json;
use axum::extract::{Path, State};
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::error::chain;
use contracts::evidence::{Evidence, Outcome};
use contracts::key::Artefact;
use contracts::review::ReviewChoice;
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::StatusCode;
use jiff::Timestamp;
use lifecycle::review::ReviewItem;
use policy::control;
use policy::recall::is_recalled;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::asked::{Json as Asked, Reviewer};
use crate::recommendations::Place;
use crate::shown::{LINK_SECONDS, Made, OutcomeWord, Paragraph, ResultLinks};
use crate::{Problem, Problems, Shared, shown};

/// The most that are shown at once, the oldest first.
const MOST: usize = 100;

/// How many are read at once.
const AT_ONCE: usize = 16;

/// Why what waits can be approved no more.
const CHANGED: &str = "the catalogue or the brand changed since it was made, so that it would not be published as it was shown: reject it, and make it anew";

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
    /// Why it cannot be looked at, and hence not be approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
    /// The text as it will be published; the guard has passed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    text: Vec<Paragraph>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disclosures: Vec<String>,
    /// The video with what belongs to it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<ResultLinks>,
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
    let (catalogue, brand) = (host.catalogue().await?, host.brand().await?);
    let listed = lifecycle::review::list_keys(host.vault().store(), None).await?;
    let (host, catalogue, brand) = (&host, &catalogue, &brand);
    let read = async |(run, reference)| review(&run, &reference, catalogue, brand, host).await;
    let items = stream::iter(listed).map(read).buffered(AT_ONCE).try_filter_map(async |item| Ok(item));
    let mut items: Vec<Review> = items.take(MOST).try_collect().await?;
    items.sort_by_key(|item| item.since);
    Ok(Json(Reviews { items }))
}

/// What there is to see of it; nothing if it was decided meanwhile, or may not be shown any more.
async fn review(
    run: &RunId,
    reference: &CustomerRef,
    catalogue: &Catalogue,
    brand: &Brand,
    host: &Shared,
) -> Result<Option<Review>, Problem> {
    let store = host.vault().store();
    let Some(waiting) = policy::review::find_pending(store, run, reference).await? else { return Ok(None) };
    let control = control::read(store, reference, Timestamp::now()).await?;
    if control.forbids(waiting.from_posts).is_some() || is_recalled(store, run, reference).await? {
        return Ok(None);
    }
    let mut review = Review {
        run: run.clone(),
        customer_ref: reference.to_string(),
        why: waiting.why.words(),
        since: waiting.since,
        seen: lifecycle::review::digest(&waiting).to_string(),
        problem: None,
        text: Vec::new(),
        disclosures: Vec::new(),
        links: None,
    };
    let video = waiting.video;
    match lifecycle::review::load(waiting, host.vault(), catalogue, brand).await {
        Ok(ReviewItem { script, .. }) => {
            let mut made = Made::default();
            made.say(&script);
            (review.text, review.disclosures) = made.words();
            review.links = if video { Some(links(run, reference, host).await?) } else { None };
        }
        // One that cannot be shown does not hide the others, and can be rejected.
        Err(error) => {
            tracing::warn!(%run, %reference, error = chain(&error), "what waits cannot be shown");
            review.problem = Some(match error {
                lifecycle::ReviewError::NotAsReviewed { .. } => CHANGED,
                _ => "it cannot be read now; the log tells why",
            });
        }
    }
    Ok(Some(review))
}

async fn links(run: &RunId, reference: &CustomerRef, host: &Shared) -> Result<ResultLinks, Problem> {
    let mut links = ResultLinks::none();
    for artefact in [Artefact::Video, Artefact::Captions, Artefact::Poster] {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), artefact);
        links.add(artefact, host.links().link(&key, LINK_SECONDS).await?);
    }
    Ok(links)
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

impl From<Verdict> for ReviewChoice {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approve => Self::Approve,
            Verdict::Reject => Self::Reject,
        }
    }
}

impl From<ReviewChoice> for Verdict {
    fn from(choice: ReviewChoice) -> Self {
        match choice {
            ReviewChoice::Approve => Self::Approve,
            ReviewChoice::Reject => Self::Reject,
        }
    }
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
    #[serde(default, deserialize_with = "for_the_record")]
    reason: Option<String>,
}

/// Why, in words that can be put on record. It is looked at before anything else is, so that a call that is wrong is told so
/// whatever it is about.
fn for_the_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let reason = Option::<String>::deserialize(deserializer)?;
    reason.as_deref().map_or(Ok(()), lifecycle::review::check_reason).map_err(D::Error::custom)?;
    Ok(reason)
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
    let refused = |error| match error {
        lifecycle::ReviewError::NotAsReviewed { .. } => {
            Problem::with_status(StatusCode::CONFLICT, "it is not what was looked at any more")
        }
        error => error.into(),
    };
    let choice = ReviewChoice::from(asked.decision);
    let (vault, now) = (host.vault(), Timestamp::now());
    // What would not be published as it was shown is not approved in vain.
    if choice == ReviewChoice::Approve
        && let Some(waiting) = policy::review::find_pending(vault.store(), &run, &reference).await?
        && control::read(vault.store(), &reference, now).await?.forbids(waiting.from_posts).is_none()
    {
        let shown = lifecycle::review::load(waiting, vault, &host.catalogue().await?, &host.brand().await?).await;
        shown.map_err(refused)?;
    }
    let verdict =
        lifecycle::review::NewDecision { reviewed: &asked.seen, choice, by: &by, reason: asked.reason.as_deref() };
    let decided = match lifecycle::review::decide(&run, &reference, verdict, vault, now).await {
        Ok(decided) => decided,
        Err(lifecycle::ReviewError::NotWaiting { .. }) => return before(&run, &reference, &host).await,
        Err(error) => return Err(refused(error)),
    };
    host.follow(&run, &reference, decided.task).await?;
    let outcome = shown::evidence(&run, &reference, &host).await?.map(|evidence| OutcomeWord::of(&evidence.outcome));
    let decision = decided.decision.ok().map(|decision| decision.choice.into());
    Ok(Json(DecisionTaken { decision, outcome }))
}

/// What somebody else had decided about what waits no more.
async fn before(run: &RunId, reference: &CustomerRef, host: &Shared) -> Result<Json<DecisionTaken>, Problem> {
    let evidence = shown::evidence(run, reference, host).await?;
    let Some(Evidence { review: Some(review), outcome, .. }) = evidence else { return Err(Problem::not_found()) };
    let (decision, outcome) = (Some(review.choice.into()), Some(OutcomeWord::of(&outcome)));
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
    #[serde(default, deserialize_with = "for_the_record")]
    reason: Option<String>,
}

/// Takes back what was published to the customer
///
/// From now on no link to it opens. The evidence stays. Doing it again changes nothing. Reviewers take back also what
/// somebody else had made.
#[utoipa::path(
    post, path = "/v1/recommendations/{id}/recall", operation_id = "recallRecommendation", tag = "reviews",
    params(("id" = String, Path, description = "The recommendation")), request_body = RecallAsked,
    responses((status = 204, description = "Taken back"), Problems)
)]
pub(crate) async fn recall(
    State(host): State<Shared>,
    Reviewer(by): Reviewer,
    Path(id): Path<String>,
    Asked(RecallAsked { reason }): Asked<RecallAsked>,
) -> Result<StatusCode, Problem> {
    let Place { run, reference, .. } = Place::of_anybody(&id, &host).await?;
    let evidence = shown::evidence(&run, &reference, &host).await?;
    let Some(Evidence { outcome: Outcome::Published { .. }, artefacts, .. }) = evidence else {
        return Err(Problem::with_status(StatusCode::CONFLICT, "nothing of it was published"));
    };
    let (vault, now) = (host.vault(), Timestamp::now());
    lifecycle::recall::recall(&run, Some(&reference), &by, reason.as_deref(), vault, now).await?;
    host.recalled(&run, artefacts.into_values().collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}
