//! Recommendations: runs for one customer.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use contracts::key::RunKind;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{StatusCode, header};

use crate::access::Caller;
use crate::backend::SharedBackend;
use crate::extract::{IdempotencyKey, Json, Query};
use crate::problem::{FindProblems, PageProblems, Problem, StartRecommendationProblems};
use crate::runs::{self, CustomerRun, Launch};
use crate::view::{
    CreateRecommendationRequest, PageQuery, Recommendation, RecommendationAccepted, RecommendationPage,
    RecommendationSummary, RunStatus,
};
use crate::{results, timeline};

/// The number of concurrent reads for a list.
const CONCURRENCY: usize = 16;

/// Starts a recommendation
///
/// Starts a run that writes the text, and makes a video if requested, for one customer. The run continues after the
/// response, so follow its events or poll the recommendation. *Retries* describes repeated requests.
#[utoipa::path(
    post, path = "/v1/recommendations", operation_id = "createRecommendation", tag = "recommendations",
    params(("Idempotency-Key" = String, Header, description = "A key that the client chooses for this request, such as a UUID: up to 255 printable ASCII characters, without a space at either end. It is required, and makes a retry safe. A key belongs to one caller and covers recommendations and campaigns together. A local server keeps keys forever. AWS keeps them for 90 days after the run ends.", pattern = "^[!-~]([ -~]{0,253}[!-~])?$", min_length = 1, max_length = 255)),
    request_body = CreateRecommendationRequest,
    responses(
        (status = 202, description = "The recommendation was started.", body = RecommendationAccepted, headers(("Location" = String, description = "The path of the recommendation"))),
        (status = 200, description = "An earlier request with this key started the recommendation.", body = RecommendationAccepted, headers(("Location" = String, description = "The path of the recommendation"))),
        StartRecommendationProblems
    )
)]
pub(super) async fn create(
    State(backend): State<SharedBackend>,
    key: IdempotencyKey,
    Json(request): Json<CreateRecommendationRequest>,
) -> Result<Response, Problem> {
    let reference = backend.vault().keys().reference(&request.customer_id);
    let launch = Launch {
        kind: RunKind::Recommendation,
        batch: request.batch.clone(),
        options: request.into_options(reference.clone()),
        executions: backend.executions(),
        limits: backend.limits(),
    };
    let (run, already) = runs::start(key, launch, &backend).await?;
    let path = format!("/v1/recommendations/{run}");
    let accepted = RecommendationAccepted {
        id: run.to_string(),
        events: format!("{path}/events"),
        path: path.clone(),
        customer_ref: reference.to_string(),
    };
    let status = if already { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, [(header::LOCATION, path)], axum::Json(accepted)).into_response())
}

/// Returns a recommendation
///
/// Returns the recommendation's status, its outcome, and the content that the caller may see. Each request checks
/// consent and suppressions again. The id of a campaign gets status 404.
#[utoipa::path(
    get, path = "/v1/recommendations/{id}", operation_id = "getRecommendation", tag = "recommendations",
    params(("id" = String, Path, description = "The id of the recommendation")),
    responses((status = 200, description = "The recommendation", body = Recommendation), FindProblems)
)]
pub(super) async fn get(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<Recommendation>, Problem> {
    let customer = CustomerRun::find(&id, &caller, &backend).await?;
    let executions = start::executions(&customer.request, backend.executions()).await?;
    let events = timeline::load(&customer, &executions, &backend).await?;
    Ok(axum::Json(results::recommendation(&customer, executions.last(), &events, &backend).await?))
}

/// Lists recommendations
///
/// Lists the recommendations that the caller started, newest first. Customers in campaigns are not included.
#[utoipa::path(
    get, path = "/v1/recommendations", operation_id = "listRecommendations", tag = "recommendations",
    params(PageQuery),
    responses((status = 200, description = "A page of recommendations", body = RecommendationPage), PageProblems)
)]
pub(super) async fn list(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<RecommendationPage>, Problem> {
    let (started, next) = runs::page_of_started(&caller, RunKind::Recommendation, query, &backend).await?;
    let summary = async |(run, started_at)| {
        let run: contracts::RunId = run;
        let found = CustomerRun::find(run.as_str(), &caller, &backend).await;
        let Some(customer) = Problem::skip_missing(found)? else { return Ok(None) };
        let execution = start::executions(&customer.request, backend.executions()).await?.pop();
        let has_started = timeline::has_run_started(&run, &backend).await?;
        let outcome = results::outcome(&customer, &backend).await?.map(|(outcome, _)| outcome);
        Ok::<_, Problem>(Some(RecommendationSummary {
            id: customer.id(),
            started_at,
            status: RunStatus::new(execution.as_ref(), has_started, outcome.is_some()),
            outcome,
            customer_ref: customer.reference.to_string(),
            categories: customer.request.categories,
        }))
    };
    let items: Vec<_> = stream::iter(started).map(summary).buffered(CONCURRENCY).try_collect().await?;
    Ok(axum::Json(RecommendationPage { items: items.into_iter().flatten().collect(), next }))
}
