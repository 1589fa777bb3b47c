//! Campaigns: runs over all customers in a batch, and dry runs.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use contracts::evidence::Manifest;
use contracts::executions::ExecutionState;
use contracts::key::{RunKind, RunPart};
use contracts::{CustomerRef, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{StatusCode, header};
use jiff::Timestamp;

use crate::access::Caller;
use crate::backend::{CampaignBounds, DryRunDecision, SharedBackend};
use crate::extract::{IdempotencyKey, Json, Query};
use crate::problem::{FindProblems, PageProblems, Problem, StartCampaignProblems, SubpageProblems};
use crate::runs::{self, CustomerRun, Launch, find_json};
use crate::view::{
    Campaign, CampaignAccepted, CampaignCustomer, CampaignCustomerPage, CampaignPage, CampaignProgress,
    CreateCampaignRequest, CustomerQuery, CustomerStatus, PageQuery, RunStatus, StatusReason,
};
use crate::{results, timeline};

/// The number of concurrent reads for a list.
const CONCURRENCY: usize = 32;

/// Starts a campaign or a dry run
///
/// Starts a run over all customers in a batch. The run continues after the response, so poll the campaign. A dry run
/// makes no results. It forecasts the customers, the duration and the cost. *Retries* describes repeated requests.
#[utoipa::path(
    post, path = "/v1/campaigns", operation_id = "createCampaign", tag = "campaigns",
    params(("Idempotency-Key" = String, Header, description = "A key that the client chooses for this request, such as a UUID: up to 255 printable ASCII characters, without a space at either end. It is required, and makes a retry safe. A key belongs to one caller and covers recommendations and campaigns together. A local server keeps keys forever. AWS keeps them for 90 days after the run ends.", pattern = "^[!-~]([ -~]{0,253}[!-~])?$", min_length = 1, max_length = 255)),
    request_body = CreateCampaignRequest,
    responses(
        (status = 202, description = "The campaign was started.", body = CampaignAccepted, headers(("Location" = String, description = "The path of the campaign"))),
        (status = 200, description = "An earlier request with this key started the campaign.", body = CampaignAccepted, headers(("Location" = String, description = "The path of the campaign"))),
        StartCampaignProblems
    )
)]
pub(super) async fn create(
    State(backend): State<SharedBackend>,
    key: IdempotencyKey,
    Json(request): Json<CreateCampaignRequest>,
) -> Result<Response, Problem> {
    request.validate()?;
    let dry_run = request.dry_run;
    let bounds = CampaignBounds {
        customers: request.max_customers.map(|customers| customers as usize),
        concurrency: request.max_concurrency.map(usize::from),
        budget_usd: request.budget_usd,
    };
    let (executions, limits) = backend.campaign_executions(bounds, dry_run)?;
    let launch = Launch {
        kind: RunKind::Campaign,
        batch: request.upload.clone().or_else(|| request.batch.clone()),
        options: request.into_options(),
        executions: executions.as_ref(),
        limits,
    };
    let (run, already) = runs::start(key, launch, &backend).await?;
    if already
        && let Some(state) = backend.campaign_state(&run).await?
        && (state.dry_run != dry_run || state.bounds != bounds)
    {
        return Err(Problem::key_reused());
    }
    let path = format!("/v1/campaigns/{run}");
    let accepted = CampaignAccepted { id: run.to_string(), path: path.clone() };
    let status = if already { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, [(header::LOCATION, path)], axum::Json(accepted)).into_response())
}

/// Returns a campaign
///
/// Returns the campaign's status and progress, and the forecast of a dry run.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}", operation_id = "getCampaign", tag = "campaigns",
    params(("id" = String, Path, description = "The id of the campaign")),
    responses((status = 200, description = "The campaign", body = Campaign), FindProblems)
)]
pub(super) async fn get(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<Campaign>, Problem> {
    let run = RunId::parse(id).map_err(|_| Problem::not_found())?;
    let started = runs::list_started(&caller, RunKind::Campaign, &backend).await?;
    let started = started.into_iter().find(|(other, _)| *other == run);
    let (run, started_at) = started.ok_or_else(Problem::not_found)?;
    Ok(axum::Json(load(&run, started_at, &caller, &backend).await?))
}

/// Lists campaigns
///
/// Lists the campaigns and dry runs that the caller started, newest first. They include those that the caller's schedules
/// started.
#[utoipa::path(
    get, path = "/v1/campaigns", operation_id = "listCampaigns", tag = "campaigns",
    params(PageQuery), responses((status = 200, description = "A page of campaigns", body = CampaignPage), PageProblems)
)]
pub(super) async fn list(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<CampaignPage>, Problem> {
    let (started, next) = runs::page_of_started(&caller, RunKind::Campaign, query, &backend).await?;
    let campaign = async |(run, started_at)| Problem::skip_missing(load(&run, started_at, &caller, &backend).await);
    let items: Vec<_> = stream::iter(started).map(campaign).buffered(CONCURRENCY).try_collect().await?;
    Ok(axum::Json(CampaignPage { items: items.into_iter().flatten().collect(), next }))
}

async fn load(
    run: &RunId,
    started_at: Timestamp,
    caller: &Caller,
    backend: &SharedBackend,
) -> Result<Campaign, Problem> {
    let request = runs::campaign_request(run, caller, backend).await?;
    let execution = start::executions(&request, backend.executions()).await?.pop();
    let state = backend.campaign_state(run).await?.unwrap_or_default();
    let manifest: Option<Manifest> =
        find_json(backend.vault().store(), &ObjectKey::Run(run.clone(), RunPart::ManifestJson)).await?;
    let has_started = timeline::has_run_started(run, backend).await?;
    let status = RunStatus::new(execution.as_ref(), has_started, manifest.is_some());
    let execution_state = execution.as_ref().map(|execution| execution.state);
    let mut progress = CampaignProgress::default();
    if !state.dry_run {
        progress = newest_progress(state.progress, manifest.as_ref(), execution_state, backend.is_local());
        // A local server counts only the customers that its limit admits.
        if progress.customers == 0 || (backend.is_local() && state.bounds.customers.is_some()) {
            let customers = runs::customers(run, backend).await?.len();
            progress.counts.waiting += customers.saturating_sub(progress.customers);
            progress.customers = progress.customers.max(customers);
        }
    }
    let failure = execution.and_then(|execution| Some((execution.error?, execution.message)));
    Ok(Campaign {
        id: run.to_string(),
        schedule: request.schedule,
        started_at,
        status,
        dry_run: state.dry_run,
        batch: request.batch,
        progress,
        forecast: state.forecast,
        stop_reason: state.stop_reason,
        reason: failure.map(|(error, message)| StatusReason::of_error(&error, message)),
    })
}

/// Returns the progress from the newest record: the backend's own, or the manifest.
///
/// While a campaign runs, the backend counts. Decisions after the end change the manifest only, but only the backend knows
/// the cost. If an attempt on a local server fails, the manifest may be that of an earlier attempt.
fn newest_progress(
    own: Option<CampaignProgress>,
    manifest: Option<&Manifest>,
    execution: Option<ExecutionState>,
    is_local: bool,
) -> CampaignProgress {
    let progress = match (execution, own, manifest) {
        (Some(ExecutionState::Running), Some(own), _) => return own,
        (Some(ExecutionState::Failed), Some(own), _) if is_local => own,
        (_, own, Some(manifest)) => {
            CampaignProgress { spent_usd: own.and_then(|own| own.spent_usd), ..CampaignProgress::from(manifest) }
        }
        (_, own, None) => own.unwrap_or_default(),
    };
    CampaignProgress { rate_per_minute: None, seconds_left: None, ..progress }
}

/// Lists a campaign's customers
///
/// Lists the customers in the dataset's order, each with a status. The list is empty until the batch has been read. It
/// includes the customers whom a limit leaves out, and erased customers. In a dry run, the status is the decision that the
/// campaign would make, and never `failed`. The list is then empty until the dry run ends, and has only the customers that
/// `forecast` counts.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/customers", operation_id = "listCampaignCustomers", tag = "campaigns",
    params(("id" = String, Path, description = "The id of the campaign"), CustomerQuery),
    responses((status = 200, description = "A page of customers", body = CampaignCustomerPage), SubpageProblems)
)]
pub(super) async fn customers(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<CustomerQuery>,
) -> Result<axum::Json<CampaignCustomerPage>, Problem> {
    let run = RunId::parse(id).map_err(|_| Problem::not_found())?;
    let request = runs::campaign_request(&run, &caller, &backend).await?;
    let limit = runs::page_limit(query.limit)?;
    let state = backend.campaign_state(&run).await?.unwrap_or_default();
    let mut decisions: BTreeMap<CustomerRef, DryRunDecision> = BTreeMap::new();
    let mut references: Vec<CustomerRef> = Vec::new();
    if state.dry_run {
        references.extend(state.decisions.iter().map(|decision| decision.reference.clone()));
        decisions.extend(state.decisions.into_iter().map(|decision| (decision.reference.clone(), decision)));
    } else {
        references = runs::customers(&run, &backend).await?;
    }
    if let Some(after) = query.after {
        let position = references.iter().position(|reference| reference.as_str() == after);
        references.drain(..=position.ok_or_else(Problem::unknown_cursor)?);
    }
    let customer = async |reference: CustomerRef| {
        if let Some(decision) = decisions.get(&reference) {
            return Ok(forecast_customer(decision));
        }
        let customer = CustomerRun { run: run.clone(), reference, request: request.clone() };
        load_customer(customer, &backend).await
    };
    let mut loaded = std::pin::pin!(stream::iter(references).map(customer).buffered(CONCURRENCY));
    let mut items: Vec<CampaignCustomer> = Vec::new();
    while let Some(customer) = loaded.try_next().await? {
        if query.status.is_none_or(|status| customer.status == status) {
            items.push(customer);
        }
        // One item beyond the limit shows that another page exists.
        if items.len() > limit {
            break;
        }
    }
    let next = (items.len() > limit).then(|| items[limit - 1].customer_ref.clone());
    items.truncate(limit);
    Ok(axum::Json(CampaignCustomerPage { items, next }))
}

fn forecast_customer(decision: &DryRunDecision) -> CampaignCustomer {
    let is_skipped = decision.skip_reason.is_some();
    CampaignCustomer {
        customer_ref: decision.reference.to_string(),
        status: if is_skipped { CustomerStatus::Skipped } else { CustomerStatus::Selected },
        reason: decision.skip_reason.clone(),
        recommendation: None,
    }
}

async fn load_customer(customer: CustomerRun, backend: &SharedBackend) -> Result<CampaignCustomer, Problem> {
    let (outcome, reason) = results::outcome(&customer, backend).await?.unzip();
    Ok(CampaignCustomer {
        customer_ref: customer.reference.to_string(),
        status: CustomerStatus::from(outcome),
        reason: reason.flatten(),
        recommendation: Some(format!("/v1/recommendations/{}", customer.id())),
    })
}
