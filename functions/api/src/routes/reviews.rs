//! Reviews of results before publication, and recalls after it.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::error::chain;
use contracts::evidence::{Evidence, Outcome};
use contracts::facts::{Assessment, Facts};
use contracts::key::{Artefact, RunKind};
use contracts::review::ReviewChoice;
use contracts::{CustomerRef, ErrorName, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::StatusCode;
use jiff::Timestamp;
use lifecycle::review::{ReviewItem, Reviewer};
use policy::control;
use policy::recall::is_recalled;
use storage::store::StoreError;
use storage::vault::{Owner, VaultError};

use crate::access::Caller;
use crate::backend::SharedBackend;
use crate::extract::Json;
use crate::problem::{DecisionProblems, Problem, RecallProblems, ReviewProblems};
use crate::results;
use crate::runs::{self, CustomerRun};
use crate::view::{
    DecisionRequest, DecisionResult, OutcomeName, PendingReview, PendingReviewList, RecallRequest,
    RecommendationContent,
};

/// The maximum number of pending reviews in a response.
const MAX_REVIEWS: usize = 100;

/// The number of concurrent reads for a list.
const CONCURRENCY: usize = 16;

/// The reason that changed content cannot be approved.
const CONTENT_CHANGED: &str =
    "the catalog or the brand has changed since this result was made: reject it and start the recommendation again";

/// Lists pending reviews
///
/// Lists the results that are waiting for a reviewer, with everything that would be published apart from the preview and
/// the plain-text file, which are made from it. Reviewers see the results of all callers. On AWS, they also see those of
/// runs that a schedule started, or a batch that the bank put into the bucket.
///
/// The results that the caller may not approve, because they started the run, come last. Customers who may no longer be
/// contacted are left out.
#[utoipa::path(
    get, path = "/v1/reviews", operation_id = "listReviews", tag = "reviews",
    responses((status = 200, description = "The pending reviews", body = PendingReviewList), ReviewProblems)
)]
pub(super) async fn list(
    State(backend): State<SharedBackend>,
    caller: Caller,
) -> Result<axum::Json<PendingReviewList>, Problem> {
    let catalogue = backend.catalogue().await?;
    let brand = backend.brand().await?;
    let own_runs = runs_to_leave_to_others(&caller, &backend).await?;
    let mut listed = lifecycle::review::list_keys(backend.vault().store(), None).await?;
    // Otherwise, a caller who started a large campaign would never see the other results.
    listed.sort_by_key(|(run, _)| own_runs.contains(run));
    let review = async |(run, reference)| load(&run, &reference, &catalogue, &brand, &backend).await;
    let reviews = stream::iter(listed).map(review).buffered(CONCURRENCY).try_filter_map(async |review| Ok(review));
    // One result beyond the maximum shows that there are more.
    let mut items: Vec<PendingReview> = reviews.take(MAX_REVIEWS + 1).try_collect().await?;
    let has_more = items.len() > MAX_REVIEWS;
    items.truncate(MAX_REVIEWS);
    for review in &mut items {
        review.may_approve = review.unavailable_reason.is_none() && !own_runs.contains(&review.run);
    }
    items.sort_by_key(|review| (own_runs.contains(&review.run), review.waiting_since));
    Ok(axum::Json(PendingReviewList { items, has_more }))
}

/// Returns the runs whose results the caller may not approve, because they started them.
async fn runs_to_leave_to_others(caller: &Caller, backend: &SharedBackend) -> Result<BTreeSet<RunId>, Problem> {
    let mut started = BTreeSet::new();
    if !may_approve_own(backend).await? {
        for kind in RunKind::ALL {
            started.extend(runs::list_started(caller, kind, backend).await?.into_iter().map(|(run, _)| run));
        }
    }
    Ok(started)
}

/// Returns whether callers may approve results of their own runs, as on a machine with one user.
async fn may_approve_own(backend: &SharedBackend) -> Result<bool, Problem> {
    Ok(backend.is_local() && backend.settings().await?.local.approve_own)
}

/// Returns the facts from which the offers of a result were chosen. Returns `None` if they no longer exist.
async fn facts(run: &RunId, reference: &CustomerRef, backend: &SharedBackend) -> Result<Option<Facts>, Problem> {
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Facts);
    match backend.vault().read_json(Owner::Customer(reference), &key).await {
        Ok((Assessment::Proceed(facts) | Assessment::HeldOut(facts), _)) => Ok(Some(facts)),
        Ok((Assessment::Skip { .. }, _)) | Err(VaultError::Store(StoreError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Loads a pending review. Returns `None` if it has been decided in the meantime, or if the customer may no longer be
/// contacted.
async fn load(
    run: &RunId,
    reference: &CustomerRef,
    catalogue: &Catalogue,
    brand: &Brand,
    backend: &SharedBackend,
) -> Result<Option<PendingReview>, Problem> {
    let store = backend.vault().store();
    let waiting = match policy::review::find_pending(backend.vault(), run, reference).await {
        Ok(Some(waiting)) => waiting,
        Ok(None) => return Ok(None),
        // A record that was not written with the keys must not hide the others.
        Err(error @ (VaultError::Broken { .. } | VaultError::Malformed { .. })) => {
            tracing::error!(%run, %reference, error = chain(&error), "a pending review was changed");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let control = control::read(backend.vault(), reference, Timestamp::now()).await?;
    if control.forbids(waiting.from_posts).is_some() || is_recalled(store, run, reference).await? {
        return Ok(None);
    }
    let mut review = PendingReview {
        run: run.clone(),
        customer_ref: reference.to_string(),
        reason: waiting.why.words(),
        waiting_since: waiting.since,
        content_digest: lifecycle::review::digest(&waiting).to_string(),
        unavailable_reason: None,
        may_approve: false,
        text: Vec::new(),
        disclosures: Vec::new(),
        offers: Vec::new(),
        candidates: Vec::new(),
        links: None,
    };
    let has_video = waiting.video;
    match lifecycle::review::load(waiting, backend.vault(), catalogue, brand).await {
        Ok(ReviewItem { script, .. }) => {
            let mut content = RecommendationContent::default();
            content.add_text(&script);
            if let Some(facts) = facts(run, reference, backend).await? {
                content.add_ranking(&facts, catalogue);
            }
            review.text = content.text;
            review.disclosures = content.disclosures;
            review.offers = content.offers;
            review.candidates = content.candidates;
            if has_video {
                let files = [Artefact::Video, Artefact::Captions, Artefact::Poster];
                review.links = Some(results::links(run, reference, &files, backend).await?);
            }
        }
        // The review stays in the list, so it can be rejected and the others stay visible.
        Err(error) => {
            tracing::warn!(%run, %reference, error = chain(&error), "cannot show a pending review");
            review.unavailable_reason = Some(match error {
                lifecycle::ReviewError::NotAsReviewed { .. } => CONTENT_CHANGED,
                _ => "the server cannot read it; see its log",
            });
        }
    }
    Ok(Some(review))
}

/// Approves or rejects a result
///
/// Approval publishes the result, unless consent or a suppression now forbids it. Rejection makes the outcome
/// `skipped`. The first decision counts: a later one changes nothing and returns the first, so compare `decision` with
/// the one that you sent. A repeated request is therefore safe. The server applies these rules in order:
///
/// 1. The first decision approves a pending result that can no longer be published as reviewed, for example after a change
///    to the catalog: 409.
/// 2. The caller approves a result of a run that they started: 403. A local server allows it if the setting
///    `local.approve_own` is true. Without that setting, its callers can only reject, because they count as one person.
/// 3. No review is pending: 200 with the earlier decision, or 404 if no decision is on record.
/// 4. `content_digest` differs from the pending one: 409.
/// 5. The customer may no longer be contacted: 200 without `decision`.
/// 6. Otherwise: 200 with the decision in effect.
///
/// On AWS, an approved result is published within seconds.
#[utoipa::path(
    post, path = "/v1/reviews/{run}/{customer_ref}", operation_id = "decideReview", tag = "reviews",
    params(
        ("run" = String, Path, description = "The id of the run"),
        ("customer_ref" = String, Path, description = "The customer reference: 32 hexadecimal digits", pattern = "^[0-9a-f]{32}$")
    ),
    request_body = DecisionRequest,
    responses((status = 200, description = "The decision in effect", body = DecisionResult), DecisionProblems)
)]
pub(super) async fn decide(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path((run, customer_ref)): Path<(String, String)>,
    Json(request): Json<DecisionRequest>,
) -> Result<axum::Json<DecisionResult>, Problem> {
    let (Ok(run), Ok(reference)) = (RunId::parse(run), CustomerRef::parse(customer_ref)) else {
        return Err(Problem::no_review());
    };
    let choice = ReviewChoice::from(request.decision);
    if choice == ReviewChoice::Approve {
        check_content(&run, &reference, &backend).await?;
    }
    let verdict = lifecycle::review::NewDecision {
        reviewed: &request.content_digest,
        choice,
        by: Reviewer {
            name: caller.name(),
            subject: caller.digest(),
            may_approve_own: may_approve_own(&backend).await?,
        },
        reason: request.reason.as_deref(),
    };
    let decided = match lifecycle::review::decide(&run, &reference, verdict, backend.vault(), Timestamp::now()).await {
        Ok(decided) => decided,
        Err(lifecycle::ReviewError::NotWaiting { .. }) => return earlier_decision(&run, &reference, &backend).await,
        Err(error) => return Err(review_problem(error)),
    };
    backend.complete_review(&run, &reference, decided.is_ok()).await?;
    let evidence = results::evidence(&run, &reference, &backend).await?;
    Ok(axum::Json(DecisionResult {
        decision: decided.ok().map(|decision| decision.choice.into()),
        outcome: evidence.map(|evidence| OutcomeName::from(&evidence.outcome)),
    }))
}

/// Before an approval, checks that `publish` would still publish exactly this content. Does nothing if a decision is
/// already on record, because it stays in effect. Does nothing either if the customer may no longer be contacted, because
/// the decision handles that case.
async fn check_content(run: &RunId, reference: &CustomerRef, backend: &SharedBackend) -> Result<(), Problem> {
    let vault = backend.vault();
    let Some(waiting) = policy::review::find_pending(vault, run, reference).await? else { return Ok(()) };
    if vault.store().find(&ObjectKey::Decision(run.clone(), reference.clone())).await?.is_some() {
        return Ok(());
    }
    let control = control::read(vault, reference, Timestamp::now()).await?;
    if control.forbids(waiting.from_posts).is_some() {
        return Ok(());
    }
    let catalogue = backend.catalogue().await?;
    let brand = backend.brand().await?;
    match lifecycle::review::load(waiting, vault, &catalogue, &brand).await {
        Ok(_) => Ok(()),
        Err(lifecycle::ReviewError::NotAsReviewed { .. }) => {
            Err(Problem::new(ErrorName::ReviewOutdated, CONTENT_CHANGED.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

fn review_problem(error: lifecycle::ReviewError) -> Problem {
    match error {
        lifecycle::ReviewError::NotAsReviewed { .. } => {
            let detail = "the content differs from the reviewed content; list the reviews again".to_owned();
            Problem::new(ErrorName::ReviewChanged, detail)
        }
        error => error.into(),
    }
}

/// Returns the decision on a review that is no longer pending.
async fn earlier_decision(
    run: &RunId,
    reference: &CustomerRef,
    backend: &SharedBackend,
) -> Result<axum::Json<DecisionResult>, Problem> {
    let evidence = results::evidence(run, reference, backend).await?;
    let Some(Evidence { review: Some(review), outcome, .. }) = evidence else { return Err(Problem::no_review()) };
    Ok(axum::Json(DecisionResult { decision: Some(review.choice.into()), outcome: Some(OutcomeName::from(&outcome)) }))
}

/// Recalls a published recommendation
///
/// Before the response, all links to the text and the video stop working, on AWS too, because the files are moved. The
/// evidence is kept. Compliance may recall any caller's recommendations, also while their campaign is still running.
/// Repeating the request changes nothing and returns 204 again. The response is 409 if nothing was published, for example
/// while the result is in review. After an erasure, it is 409 for a campaign, and 404 for a run for one customer.
///
/// The id is `RUN~CUSTOMER_REF`, from the run and the customer reference in reviews, notifications and exports. A run for
/// one customer also has the id `RUN`. An operator recalls a whole run with `bespoke recall RUN`, or on AWS with the state
/// machine in the stack's output `Recall`.
#[utoipa::path(
    post, path = "/v1/recommendations/{id}/recall", operation_id = "recallRecommendation", tag = "reviews",
    params(("id" = String, Path, description = "The id of the recommendation")), request_body = RecallRequest,
    responses((status = 204, description = "The recommendation has been recalled."), RecallProblems)
)]
pub(super) async fn recall(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path(id): Path<String>,
    Json(RecallRequest { reason }): Json<RecallRequest>,
) -> Result<StatusCode, Problem> {
    let CustomerRun { run, reference, .. } = CustomerRun::find_of_any_caller(&id, &backend).await?;
    let vault = backend.vault();
    let evidence = results::evidence(&run, &reference, &backend).await?;
    let Some(Evidence { outcome: Outcome::Published { .. }, artefacts, .. }) = evidence else {
        return Err(Problem::new(ErrorName::RecallNotPublished, "the recommendation was not published".to_owned()));
    };
    if vault.store().find(&ObjectKey::Forgotten(reference.clone())).await?.is_some() {
        let detail = "the customer has been erased, so no file is left to recall".to_owned();
        return Err(Problem::new(ErrorName::RecallNotPublished, detail));
    }
    lifecycle::recall::recall(&run, Some(&reference), caller.name(), reason.as_deref(), vault, Timestamp::now())
        .await?;
    backend.complete_recall(&run, artefacts.into_values().collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}
