//! Recommendations: the run of one customer, started by a person.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use contracts::catalogue::Category;
use contracts::executions::{Execution, ExecutionState, Executions};
use contracts::key::{Prefix, RunKind, RunPart};
use contracts::media::Shape;
use contracts::request::{Request, Trigger};
use contracts::stage::WorkflowLimits;
use contracts::{Batch, CustomerId, CustomerRef, Digest, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use start::{Started, Wish};
use storage::store::{ListedObject, StoreError};
use storage::vault::{Owner, VaultError};
use utoipa::{IntoParams, ToSchema};

use crate::asked::{Asking, Caller, Json, Once};
use crate::shown::{OutcomeWord, Recommendation};
use crate::{Problem, Problems, Shared, campaigns, events, shown};

/// The longest wish for tone and emphasis, in characters.
pub(crate) const LONGEST_PROMPT: usize = 2_000;

/// The slowest and the fastest speaking rate, words a minute.
pub(crate) const RATES: (u16, u16) = (80, 220);

/// The longest name of a voice, in characters.
const LONGEST_VOICE: usize = 100;

/// The most items of a list, and how many there are if nothing is asked.
const MOST: usize = 100;
const FEW: usize = 20;

/// How many records are read at once.
const AT_ONCE: usize = 16;

/// The lines of business, for the document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for `contracts::catalogue::Category` in the document")]
pub(crate) enum CategoryName {
    #[schema(rename = "Consumer and Small Business Banking")]
    ConsumerAndSmallBusiness,
    #[schema(rename = "Consumer Lending")]
    ConsumerLending,
    #[schema(rename = "Corporate and Investment Banking")]
    CorporateAndInvestment,
    #[schema(rename = "Wealth and Investment Management")]
    Wealth,
    #[schema(rename = "Commercial Banking")]
    Commercial,
}

/// The frames, for the document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for `contracts::media::Shape` in the document")]
pub(crate) enum ShapeName {
    #[schema(rename = "16:9")]
    Wide,
    #[schema(rename = "9:16")]
    Tall,
    #[schema(rename = "1:1")]
    Square,
}

/// What is asked for: by the settings where nothing is said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecommendationAsked {
    /// The customer's id, as the workbooks write it.
    #[schema(value_type = String, max_length = 64, pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,62}[^\s\x00-\x1f\x7f-\x9f])?$")]
    customer_id: CustomerId,
    /// The batch; the newest if none is named.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]
    batch: Option<Batch>,
    /// The lines of business.
    #[serde(default)]
    #[schema(value_type = Vec<CategoryName>)]
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
    #[schema(value_type = Option<ShapeName>)]
    shape: Option<Shape>,
    /// Whether there is a video beside the text; there is if nothing is said.
    video: Option<bool>,
}

/// Checks what a wish may be in ways that its types do not.
pub(crate) fn check(wish: &Wish) -> Result<(), Problem> {
    if wish.prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > LONGEST_PROMPT) {
        return Err(Problem::invalid("the field prompt must have at most 2000 characters"));
    }
    if wish.voice.as_ref().is_some_and(|voice| voice.chars().count() > LONGEST_VOICE) {
        return Err(Problem::invalid("the field voice must have at most 100 characters"));
    }
    if wish.words_per_minute.is_some_and(|rate| !(RATES.0..=RATES.1).contains(&rate)) {
        return Err(Problem::invalid("the field words_per_minute must be 80 to 220"));
    }
    Ok(())
}

/// What was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecommendationStarted {
    id: String,
    /// Where it stands.
    #[serde(rename = "self")]
    place: String,
    /// What happens to it.
    events: String,
    /// What stands for the customer wherever they are not named.
    customer_ref: String,
}

/// Starts a recommendation
///
/// The same key again is the same call: the answer is then 200.
#[utoipa::path(
    post, path = "/v1/recommendations", operation_id = "startRecommendation", tag = "recommendations",
    params(("Idempotency-Key" = String, Header, description = "Makes a repeated call the same call", min_length = 1, max_length = 255)),
    request_body = RecommendationAsked,
    responses(
        (status = 202, description = "Started", body = RecommendationStarted, headers(("Location" = String, description = "Where it stands"))),
        (status = 200, description = "Was started before with this key", body = RecommendationStarted, headers(("Location" = String, description = "Where it stands"))),
        Problems
    )
)]
pub(crate) async fn start(
    State(host): State<Shared>,
    once: Once,
    Json(asked): Json<RecommendationAsked>,
) -> Result<Response, Problem> {
    let reference = host.vault().keys().reference(&asked.customer_id);
    let wish = Wish {
        only: Some(reference.clone()),
        categories: asked.categories,
        prompt: asked.prompt,
        words_per_minute: asked.words_per_minute,
        voice: asked.voice,
        shape: asked.shape,
        videos: (asked.video == Some(false)).then_some(0),
    };
    let (executions, limits) = (host.executions(), host.limits());
    let (run, already) = begin(once, RunKind::Recommendation, asked.batch, wish, executions, limits, &host).await?;
    let place = format!("/v1/recommendations/{run}");
    let started = RecommendationStarted {
        id: run.to_string(),
        events: format!("{place}/events"),
        place: place.clone(),
        customer_ref: reference.to_string(),
    };
    let status = if already { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, [(header::LOCATION, place)], axum::Json(started)).into_response())
}

/// Starts a run, or finds the one that the same key started; whether it had been started before.
pub(crate) async fn begin(
    once: Once,
    kind: RunKind,
    batch: Option<Batch>,
    wish: Wish,
    executions: &dyn Executions,
    limits: WorkflowLimits,
    host: &Shared,
) -> Result<(RunId, bool), Problem> {
    check(&wish)?;
    let Once { caller: Caller(caller), key } = once;
    let batch = batch.or_else(|| host.batch());
    let deps = start::Deps { vault: host.vault(), source: host.source(), executions, limits };
    let Started { run, already, .. } = start::call(key, caller, batch.clone(), wish.clone(), &deps).await?;
    if already && !is_same(&run, &wish, batch.as_ref(), host).await? {
        return Err(Problem::key_used());
    }
    // Also when it was started before: the call that started it may have come no further.
    host.vault().store().put_new(&ObjectKey::Started(caller, kind, run.clone()), "{}".into()).await?;
    Ok((run, already))
}

/// Whether the run that the key started before asks for the same. What the caller left to the settings may have been
/// another then.
async fn is_same(run: &RunId, wish: &Wish, batch: Option<&Batch>, host: &Shared) -> Result<bool, Problem> {
    let Some(before) = request_of(run, host).await? else { return Ok(false) };
    Ok(before.only == wish.only
        && batch.is_none_or(|batch| before.batch == *batch)
        && before.prompt == wish.prompt
        && before.voice == wish.voice
        && before.videos == wish.videos
        && (wish.categories.is_empty() || before.categories == wish.categories)
        && wish.words_per_minute.is_none_or(|rate| before.words_per_minute == rate)
        && wish.shape.is_none_or(|shape| before.shape == shape))
}

/// One customer's part of a run that its caller may see.
pub(crate) struct Place {
    pub(crate) run: RunId,
    pub(crate) reference: CustomerRef,
    pub(crate) request: Request,
}

impl Place {
    /// Reads the id of a recommendation: a run's own, or `RUN~REFERENCE` of a campaign's customer. Nothing is found that
    /// somebody else started.
    pub(crate) async fn find(id: &str, caller: Caller, host: &Shared) -> Result<Self, Problem> {
        let place = Self::of_anybody(id, host).await?;
        if is_of(&place.request, caller) { Ok(place) } else { Err(Problem::not_found()) }
    }

    /// The same, whoever started it: for those who may decide about all of them.
    pub(crate) async fn of_anybody(id: &str, host: &Shared) -> Result<Self, Problem> {
        let (run, reference) = match id.split_once('~') {
            Some((run, reference)) => (run, CustomerRef::parse(reference).map(Some)),
            None => (id, Ok(None)),
        };
        let (Ok(run), Ok(reference)) = (RunId::parse(run), reference) else { return Err(Problem::not_found()) };
        let request = request_of(&run, host).await?.ok_or_else(Problem::not_found)?;
        let reference = match (&request.only, reference) {
            (Some(only), None) => only.clone(),
            (None, Some(reference)) if campaigns::index(&run, host).await?.contains(&reference) => reference,
            _ => return Err(Problem::not_found()),
        };
        Ok(Self { run, reference, request })
    }

    /// Whether the run is this customer's alone.
    pub(crate) const fn is_own(&self) -> bool {
        self.request.only.is_some()
    }

    /// Its id.
    pub(crate) fn id(&self) -> String {
        if self.is_own() { self.run.to_string() } else { format!("{}~{}", self.run, self.reference) }
    }
}

/// The request of a run that `caller` started.
pub(crate) async fn callers_request(run: &RunId, caller: Caller, host: &Shared) -> Result<Request, Problem> {
    let request = request_of(run, host).await?;
    request.filter(|request| is_of(request, caller)).ok_or_else(Problem::not_found)
}

fn is_of(request: &Request, caller: Caller) -> bool {
    matches!(request.trigger, Trigger::Call { caller: by, .. } if by == caller.0)
}

async fn request_of(run: &RunId, host: &Shared) -> Result<Option<Request>, Problem> {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    match host.vault().read_json(Owner::Run, &key).await {
        Ok((request, _)) => Ok(Some(request)),
        Err(VaultError::Store(StoreError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Where a recommendation stands, and what came of it
#[utoipa::path(
    get, path = "/v1/recommendations/{id}", operation_id = "readRecommendation", tag = "recommendations",
    params(("id" = String, Path, description = "The recommendation")),
    responses((status = 200, description = "The recommendation", body = Recommendation), Problems)
)]
pub(crate) async fn read(
    State(host): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<Recommendation>, Problem> {
    let place = Place::find(&id, caller, &host).await?;
    let executions = start::executions(&place.request, host.executions()).await?;
    let events = events::of(&place, &executions, &host).await?;
    Ok(axum::Json(shown::recommendation(&place, executions.last(), &events, &host).await?))
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// `next` of the part before.
    #[param(max_length = 120)]
    after: Option<String>,
    /// How many; 20 if nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// It has not begun.
    Waiting,
    /// It is under way.
    Running,
    /// It came to its end; the outcome says how.
    Done,
    /// It ended before there was an outcome; the reason says why.
    Failed,
}

impl Standing {
    /// By the execution, where there is one, or else by whether there is a result.
    pub(crate) fn of(execution: Option<&Execution>, begun: bool, has_result: bool) -> Self {
        match execution.map(|execution| execution.state) {
            Some(ExecutionState::Running) if begun => Self::Running,
            Some(ExecutionState::Succeeded) => Self::Done,
            Some(ExecutionState::Failed) => Self::Failed,
            // The workflow's service forgets an execution after 90 days.
            None if has_result => Self::Done,
            Some(ExecutionState::Running) | None => Self::Waiting,
        }
    }
}

/// A recommendation in the history.
#[derive(Serialize, ToSchema)]
pub(crate) struct Past {
    id: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    state: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeWord>,
    customer_ref: String,
    #[schema(value_type = Vec<CategoryName>)]
    categories: Vec<Category>,
}

/// A part of the history.
#[derive(Serialize, ToSchema)]
pub(crate) struct History {
    items: Vec<Past>,
    /// What to ask with as `after` for more; none if there is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What the caller started, the newest first
#[utoipa::path(
    get, path = "/v1/recommendations", operation_id = "listRecommendations", tag = "recommendations",
    params(Part), responses((status = 200, description = "A part of the history", body = History), Problems)
)]
pub(crate) async fn list(
    State(host): State<Shared>,
    caller: Caller,
    Asking(part): Asking<Part>,
) -> Result<axum::Json<History>, Problem> {
    let (started, next) = started(caller.0, RunKind::Recommendation, part, &host).await?;
    let read = async |(run, at)| {
        let place = Place::find(RunId::as_str(&run), caller, &host).await?;
        let execution = start::executions(&place.request, host.executions()).await?.pop();
        let outcome = shown::ended(&place, &host).await?.map(|(outcome, _)| outcome);
        Ok::<_, Problem>(Past {
            id: place.id(),
            started_at: at,
            state: Standing::of(execution.as_ref(), true, outcome.is_some()),
            outcome,
            customer_ref: place.reference.to_string(),
            categories: place.request.categories,
        })
    };
    let items = stream::iter(started).map(read).buffered(AT_ONCE).try_collect().await?;
    Ok(axum::Json(History { items, next }))
}

/// How many items of a list are wanted.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(FEW);
    if (1..=MOST).contains(&limit) { Ok(limit) } else { Err(Problem::invalid("limit must be 1 to 100")) }
}

/// The runs that a caller started, and when, the newest first.
pub(crate) async fn all_started(
    caller: Digest,
    kind: RunKind,
    host: &Shared,
) -> Result<Vec<(RunId, Timestamp)>, Problem> {
    let mut listed = host.vault().store().list(&Prefix::Started(caller, kind)).await?;
    listed.sort_by(|a, b| (b.modified, &b.key).cmp(&(a.modified, &a.key)));
    Ok(listed.iter().filter_map(|ListedObject { key, modified }| Some((ObjectKey::started(key)?, *modified))).collect())
}

/// A part of them, and what to ask with for more.
pub(crate) async fn started(
    caller: Digest,
    kind: RunKind,
    part: Part,
    host: &Shared,
) -> Result<(Vec<(RunId, Timestamp)>, Option<String>), Problem> {
    let limit = limit(part.limit)?;
    let mut runs = all_started(caller, kind, host).await?;
    if let Some(after) = part.after {
        let place = runs.iter().position(|(run, _)| run.as_str() == after);
        runs.drain(..=place.ok_or_else(Problem::no_such_part)?);
    }
    let next = (runs.len() > limit).then(|| runs[limit - 1].0.to_string());
    runs.truncate(limit);
    Ok((runs, next))
}
