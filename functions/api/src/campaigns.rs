//! Campaigns: the run of a whole batch, or a look at what it would take.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use contracts::catalogue::Category;
use contracts::evidence::{Manifest, Outcome};
use contracts::executions::Executions;
use contracts::key::{RunKind, RunPart};
use contracts::media::Shape;
use contracts::request::Request;
use contracts::stage::{IndexRow, WorkflowLimits};
use contracts::{Batch, CustomerRef, ErrorName, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use start::Wish;
use utoipa::{IntoParams, ToSchema};

use crate::asked::{Asking, Caller, Json, Once};
use crate::recommendations::{self, Part, Place, Standing};
use crate::shown::{self, OutcomeWord, Reason};
use crate::{Problem, Problems, Shared};

/// How many records are read at once.
const AT_ONCE: usize = 32;

/// What a campaign may take. By default all there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The first so many customers who have something to be told.
    pub customers: Option<usize>,
    /// How many are worked on at once.
    pub concurrency: Option<usize>,
    /// US dollars for models and outside voices.
    pub budget_usd: Option<f64>,
}

/// Customers by how they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CampaignCounts)]
pub struct Counts {
    /// A text is published, and a video if one was asked for.
    pub published: usize,
    /// Nothing was said.
    pub skipped: usize,
    /// A person must look first.
    pub held: usize,
    /// A stage failed.
    pub failed: usize,
    /// Not begun, or only assessed.
    pub waiting: usize,
    /// Being written to, narrated, rendered or published.
    pub running: usize,
}

impl Counts {
    /// Customers whose part ended.
    #[must_use]
    pub const fn ended(&self) -> usize {
        self.published + self.skipped + self.held + self.failed
    }
}

/// How a campaign stands, as whoever runs it sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = CampaignProgress)]
pub struct Progress {
    /// Customers of the run.
    pub customers: usize,
    /// By how they stand.
    pub counts: Counts,
    /// Of those who were skipped: how many for each reason.
    pub skipped_because: BTreeMap<String, usize>,
    /// Of those that failed: how many by each error, in which stage.
    pub failed_with: BTreeMap<String, usize>,
    /// Customers a minute, those who were skipped left out, since whoever runs it began to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_minute: Option<f64>,
    /// Seconds until the last customer ends, by the rate so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
    /// US dollars spent on models and outside voices, earlier attempts of the run included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent_usd: Option<f64>,
}

/// What a server on one machine knows of a campaign.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Whether it only looks.
    pub dry_run: bool,
    /// What it may take.
    pub bounds: Bounds,
    /// How it stands, if it has begun in this server's time.
    pub progress: Option<Progress>,
    /// What a dry run found: an object.
    pub forecast: Option<Value>,
    /// What a dry run decided of each customer.
    pub decisions: Vec<Decided>,
    /// Why it began with no further customer.
    pub stopped: Option<String>,
}

/// What a dry run decided of a customer.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The customer.
    pub reference: CustomerRef,
    /// Why they would be told nothing, if so.
    pub because: Option<String>,
}

/// What is asked for: by the settings where nothing is said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignAsked {
    /// An upload through this API.
    #[schema(value_type = Option<String>, pattern = "^upload-[A-Za-z0-9._-]{1,57}$")]
    upload: Option<Batch>,
    /// A batch by its name; the newest if neither is named.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]
    batch: Option<Batch>,
    /// Whether only to say what it would do and take: on one machine only.
    #[serde(default)]
    dry_run: bool,
    /// The first so many customers who have something to be told: on one machine only.
    #[schema(minimum = 1)]
    #[serde(default, deserialize_with = "crate::asked::whole")]
    limit: Option<usize>,
    /// US dollars for models and outside voices: on one machine only.
    #[schema(minimum = 0)]
    budget_usd: Option<f64>,
    /// How many customers are worked on at once.
    #[schema(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "crate::asked::whole")]
    max_concurrency: Option<u16>,
    /// The lines of business.
    #[serde(default)]
    #[schema(value_type = Vec<crate::recommendations::CategoryName>)]
    categories: Vec<Category>,
    /// Tone and emphasis, for the model.
    #[schema(max_length = 2000)]
    prompt: Option<String>,
    /// Speaking rate.
    #[schema(minimum = 80, maximum = 220)]
    #[serde(default, deserialize_with = "crate::asked::whole")]
    words_per_minute: Option<u16>,
    /// The voice: `NAME`, `ENGINE` or `ENGINE:NAME`.
    #[schema(max_length = 100)]
    voice: Option<String>,
    /// The frame.
    #[schema(value_type = Option<crate::recommendations::ShapeName>)]
    shape: Option<Shape>,
    /// Whether there are videos beside the texts; there are if nothing is said.
    video: Option<bool>,
}

impl CampaignAsked {
    fn bounds(&self) -> Result<Bounds, Problem> {
        if self.limit == Some(0) {
            return Err(Problem::invalid("the field limit must be 1 or more"));
        }
        if self.budget_usd.is_some_and(|usd| !(usd.is_finite() && usd >= 0.0)) {
            return Err(Problem::invalid("the field budget_usd must be 0 or more"));
        }
        if self.max_concurrency.is_some_and(|customers| !(1..=1000).contains(&customers)) {
            return Err(Problem::invalid("the field max_concurrency must be 1 to 1000"));
        }
        if self.upload.is_some() && self.batch.is_some() {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Problem::with_status(status, "the fields upload and batch are one too many"));
        }
        if self.upload.as_ref().is_some_and(|upload| !upload.is_through_api()) {
            return Err(Problem::invalid("the field upload is not what it must be"));
        }
        let concurrency = self.max_concurrency.map(usize::from);
        Ok(Bounds { customers: self.limit, concurrency, budget_usd: self.budget_usd })
    }
}

/// What was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct CampaignStarted {
    id: String,
    /// Where it stands.
    #[serde(rename = "self")]
    place: String,
}

/// Starts a campaign, or a look at what it would take
///
/// The same key again is the same call: the answer is then 200.
#[utoipa::path(
    post, path = "/v1/campaigns", operation_id = "startCampaign", tag = "campaigns",
    params(("Idempotency-Key" = String, Header, description = "Makes a repeated call the same call", min_length = 1, max_length = 255)),
    request_body = CampaignAsked,
    responses(
        (status = 202, description = "Started", body = CampaignStarted, headers(("Location" = String, description = "Where it stands"))),
        (status = 200, description = "Was started before with this key", body = CampaignStarted, headers(("Location" = String, description = "Where it stands"))),
        Problems
    )
)]
pub(crate) async fn start(
    State(host): State<Shared>,
    once: Once,
    Json(asked): Json<CampaignAsked>,
) -> Result<Response, Problem> {
    let (bounds, dry_run) = (asked.bounds()?, asked.dry_run);
    let limits = host.limits();
    let bounded;
    let (executions, limits): (&dyn Executions, WorkflowLimits) = match host.machine() {
        Some(machine) => {
            bounded = machine.bounded(bounds, dry_run);
            (bounded.as_ref(), limits)
        }
        None if dry_run || bounds.customers.is_some() || bounds.budget_usd.is_some() => {
            let detail =
                "dry_run, limit and budget_usd are for a server on one machine: bespoke serve, bespoke campaign";
            return Err(Problem::invalid(detail));
        }
        None => {
            let most = asked.max_concurrency.map_or(limits.concurrency, u32::from);
            (host.executions(), WorkflowLimits { concurrency: limits.concurrency.min(most), ..limits })
        }
    };
    let wish = Wish {
        only: None,
        categories: asked.categories,
        prompt: asked.prompt,
        words_per_minute: asked.words_per_minute,
        voice: asked.voice,
        shape: asked.shape,
        videos: (asked.video == Some(false)).then_some(0),
    };
    let batch = asked.upload.or(asked.batch);
    let (run, already) =
        recommendations::begin(once, RunKind::Campaign, batch, wish, executions, limits, &host).await?;
    if already
        && let Some(machine) = host.machine()
        && machine.campaign(&run).await?.is_none_or(|known| known.dry_run != dry_run || known.bounds != bounds)
    {
        return Err(Problem::key_used());
    }
    let place = format!("/v1/campaigns/{run}");
    let started = CampaignStarted { id: run.to_string(), place: place.clone() };
    let status = if already { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, [(header::LOCATION, place)], axum::Json(started)).into_response())
}

/// A campaign.
#[derive(Serialize, ToSchema)]
pub(crate) struct Campaign {
    id: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    state: Standing,
    /// Whether it only looks.
    dry_run: bool,
    #[schema(value_type = String)]
    batch: Batch,
    #[serde(flatten)]
    progress: Progress,
    /// What a dry run found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    forecast: Option<Value>,
    /// Why it began with no further customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    /// Why it failed as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

async fn campaign(run: &RunId, started_at: Timestamp, caller: Caller, host: &Shared) -> Result<Campaign, Problem> {
    let request = campaigns_request(run, caller, host).await?;
    let execution = start::executions(&request, host.executions()).await?.pop();
    let known = match host.machine() {
        Some(machine) => machine.campaign(run).await?.unwrap_or_default(),
        None => Known::default(),
    };
    let manifest = manifest(run, host).await?;
    let state = Standing::of(execution.as_ref(), true, manifest.is_some());
    // What the manifest says is final, unless another attempt is under way.
    let progress = match (known.progress, manifest) {
        (Some(progress), _) => progress,
        (None, Some(manifest)) => of_manifest(&manifest),
        (None, None) => Progress { customers: index(run, host).await?.len(), ..Progress::default() },
    };
    let failed = execution.and_then(|execution| Some((execution.error?, execution.message)));
    Ok(Campaign {
        id: run.to_string(),
        started_at,
        state,
        dry_run: known.dry_run,
        batch: request.batch,
        progress,
        forecast: known.forecast,
        stopped: known.stopped,
        reason: failed.map(|(error, message)| Reason::of_error(&error, message)),
    })
}

fn of_manifest(manifest: &Manifest) -> Progress {
    let count = |word: &str| manifest.counts.get(word).copied().unwrap_or_default();
    let mut counts = Counts {
        published: count("published"),
        skipped: count("skipped"),
        held: count("in-review"),
        failed: count("failed"),
        ..Counts::default()
    };
    counts.waiting = manifest.customers.saturating_sub(counts.ended());
    let mut progress = Progress { customers: manifest.customers, counts, ..Progress::default() };
    for entry in &manifest.entries {
        match &entry.outcome {
            Outcome::Skipped { skip } => {
                *progress.skipped_because.entry(skip.because().to_owned()).or_default() += 1;
            }
            Outcome::Failed { error, stage } => {
                *progress.failed_with.entry(format!("{error} in {stage}")).or_default() += 1;
            }
            Outcome::Published { .. } | Outcome::InReview { .. } => {}
        }
    }
    progress
}

async fn campaigns_request(run: &RunId, caller: Caller, host: &Shared) -> Result<Request, Problem> {
    let request = recommendations::callers_request(run, caller, host).await?;
    if request.only.is_some() { Err(Problem::not_found()) } else { Ok(request) }
}

async fn manifest(run: &RunId, host: &Shared) -> Result<Option<Manifest>, Problem> {
    shown::find(host.vault().store(), &ObjectKey::Run(run.clone(), RunPart::ManifestJson)).await
}

/// The customers of a run, in the dataset's order; none before the batch is read.
pub(crate) async fn index(run: &RunId, host: &Shared) -> Result<Vec<CustomerRef>, Problem> {
    let key = ObjectKey::Run(run.clone(), RunPart::Index);
    let Some(index) = host.vault().store().find(&key).await? else { return Ok(Vec::new()) };
    let rows = IndexRow::read_all(&index);
    let rows = rows.map_err(|error| Problem::new(ErrorName::SealBroken, format!("{key}: {error}")))?;
    Ok(rows.into_iter().map(|row| row.reference).collect())
}

/// Where a campaign stands
#[utoipa::path(
    get, path = "/v1/campaigns/{id}", operation_id = "readCampaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign")),
    responses((status = 200, description = "The campaign", body = Campaign), Problems)
)]
pub(crate) async fn read(
    State(host): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<Campaign>, Problem> {
    let run = RunId::parse(id).map_err(|_| Problem::not_found())?;
    let all = recommendations::all_started(caller.0, RunKind::Campaign, &host).await?;
    let started = all.into_iter().find(|(other, _)| *other == run);
    let (run, at) = started.ok_or_else(Problem::not_found)?;
    Ok(axum::Json(campaign(&run, at, caller, &host).await?))
}

/// A part of the campaigns.
#[derive(Serialize, ToSchema)]
pub(crate) struct Campaigns {
    items: Vec<Campaign>,
    /// What to ask with as `after` for more; none if there is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The campaigns that the caller started, the newest first
#[utoipa::path(
    get, path = "/v1/campaigns", operation_id = "listCampaigns", tag = "campaigns",
    params(Part), responses((status = 200, description = "A part of the campaigns", body = Campaigns), Problems)
)]
pub(crate) async fn list(
    State(host): State<Shared>,
    caller: Caller,
    Asking(part): Asking<Part>,
) -> Result<axum::Json<Campaigns>, Problem> {
    let (started, next) = recommendations::started(caller.0, RunKind::Campaign, part, &host).await?;
    let read = async |(run, at)| campaign(&run, at, caller, &host).await;
    let items = stream::iter(started).map(read).buffered(AT_ONCE).try_collect().await?;
    Ok(axum::Json(Campaigns { items, next }))
}

/// How a customer of a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CustomerStanding {
    /// The text is published, and the video if one was asked for.
    Published,
    /// Nothing was said, or in a dry run would be.
    Skipped,
    /// A person must look first.
    Held,
    /// A stage failed.
    Failed,
    /// It has not ended.
    Waiting,
    /// In a dry run: something would be said.
    Told,
}

/// Which customers.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Those who stand so; all if nothing is said.
    #[param(inline)]
    outcome: Option<CustomerStanding>,
    /// `next` of the part before.
    #[param(max_length = 64)]
    after: Option<String>,
    /// How many; 20 if nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// A customer of a campaign.
#[derive(Serialize, ToSchema)]
pub(crate) struct CampaignCustomer {
    customer_ref: String,
    outcome: CustomerStanding,
    /// Why, in words, or by the error's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Where their recommendation stands; none in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    recommendation: Option<String>,
}

/// A part of the table.
#[derive(Serialize, ToSchema)]
pub(crate) struct CampaignTable {
    items: Vec<CampaignCustomer>,
    /// What to ask with as `after` for more; none if there is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A campaign's customers, in the dataset's order
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/customers", operation_id = "listCampaignCustomers", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign"), Filter),
    responses((status = 200, description = "A part of the table", body = CampaignTable), Problems)
)]
pub(crate) async fn customers(
    State(host): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Asking(filter): Asking<Filter>,
) -> Result<axum::Json<CampaignTable>, Problem> {
    let run = RunId::parse(id).map_err(|_| Problem::not_found())?;
    let request = campaigns_request(&run, caller, &host).await?;
    let limit = recommendations::limit(filter.limit)?;
    let known = match host.machine() {
        Some(machine) => machine.campaign(&run).await?.unwrap_or_default(),
        None => Known::default(),
    };
    let (mut references, decisions) = if known.dry_run {
        let decisions: BTreeMap<CustomerRef, Decided> =
            known.decisions.iter().map(|decided| (decided.reference.clone(), decided.clone())).collect();
        (known.decisions.into_iter().map(|decided| decided.reference).collect(), decisions)
    } else {
        (index(&run, &host).await?, BTreeMap::new())
    };
    if let Some(after) = filter.after {
        let place = references.iter().position(|reference| reference.as_str() == after);
        references.drain(..=place.ok_or_else(Problem::no_such_part)?);
    }
    let read = async |reference: CustomerRef| match decisions.get(&reference) {
        Some(decided) => Ok(of_decision(decided)),
        None => customer(Place { run: run.clone(), reference, request: request.clone() }, &host).await,
    };
    let mut found = std::pin::pin!(stream::iter(references).map(read).buffered(AT_ONCE));
    let mut items: Vec<CampaignCustomer> = Vec::new();
    while let Some(customer) = found.try_next().await? {
        if filter.outcome.is_none_or(|wanted| customer.outcome == wanted) {
            items.push(customer);
        }
        // One more than is asked for tells that there is more.
        if items.len() > limit {
            break;
        }
    }
    let next = (items.len() > limit).then(|| items[limit - 1].customer_ref.clone());
    items.truncate(limit);
    Ok(axum::Json(CampaignTable { items, next }))
}

fn of_decision(decided: &Decided) -> CampaignCustomer {
    let outcome = if decided.because.is_some() { CustomerStanding::Skipped } else { CustomerStanding::Told };
    let (customer_ref, reason) = (decided.reference.to_string(), decided.because.clone());
    CampaignCustomer { customer_ref, outcome, reason, recommendation: None }
}

async fn customer(place: Place, host: &Shared) -> Result<CampaignCustomer, Problem> {
    let ended = shown::ended(&place, host).await?;
    let outcome = match ended.as_ref().map(|(outcome, _)| *outcome) {
        None => CustomerStanding::Waiting,
        Some(OutcomeWord::Published) => CustomerStanding::Published,
        Some(OutcomeWord::Skipped | OutcomeWord::Recalled) => CustomerStanding::Skipped,
        Some(OutcomeWord::Held) => CustomerStanding::Held,
        Some(OutcomeWord::Failed) => CustomerStanding::Failed,
    };
    Ok(CampaignCustomer {
        customer_ref: place.reference.to_string(),
        outcome,
        reason: ended.and_then(|(_, why)| why),
        recommendation: Some(format!("/v1/recommendations/{}", place.id())),
    })
}
