//! The HTTP API: a banker starts the run of one customer, and reads how it stands and what it made.
//!
//! | Route | What |
//! |---|---|
//! | `POST /v1/runs` | starts a run; the header `Idempotency-Key` makes a repeated call the same call |
//! | `GET /v1/runs/{run}` | where the run stands, step by step, and its results |
//!
//! Errors are problem details (RFC 9457) with the error's name.
//!
//! **Invariant:** whoever calls has been authenticated before; a run is shown to nobody but its caller. A customer id
//! comes in the body, never in an address, and neither it nor a text is logged. What `control/` says is read afresh before a
//! result is shown. Knows nothing of AWS or of Lambda.

mod problem;
mod results;
#[cfg(test)]
mod tests;

use contracts::catalogue::Category;
use contracts::executions::State;
use contracts::key::{Prefix, RunPart};
use contracts::media::Shape;
use contracts::progress::StepName;
use contracts::request::{Request as RunRequest, Trigger};
use contracts::store::Links;
use contracts::vault::{Owner, Vault, VaultError};
use contracts::{Batch, CustomerId, Digest, ObjectKey, RunId};
use http::{Method, Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use start::{Started, Wish};

pub use problem::Problem;
use results::Results;

/// The longest wish for tone and emphasis, in characters.
const LONGEST_PROMPT: usize = 2_000;
/// The longest idempotency key, in characters.
const LONGEST_KEY: usize = 255;

/// What every call works with.
pub struct Deps<'a> {
    /// Starts runs; its vault opens them, and keeps the store.
    pub start: start::Deps<'a>,
    /// Makes addresses of results.
    pub links: &'a dyn Links,
}

impl Deps<'_> {
    const fn vault(&self) -> &Vault {
        self.start.vault
    }
}

/// The body of `POST /v1/runs`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    customer_id: CustomerId,
    batch: Option<Batch>,
    #[serde(default)]
    categories: Vec<Category>,
    prompt: Option<String>,
    words_per_minute: Option<u16>,
    voice: Option<String>,
    shape: Option<Shape>,
}

/// Where a run stands.
#[derive(Serialize)]
struct Standing {
    run: RunId,
    state: &'static str,
    /// The error that the execution failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What was done, in the order of time.
    steps: Vec<StepName>,
    #[serde(flatten)]
    results: Results,
}

/// Answers a call of `caller`, the subject that the authorizer vouches for.
pub async fn handle(request: Request<Vec<u8>>, caller: &str, deps: &Deps<'_>) -> Response<String> {
    let answered = match (request.method(), request.uri().path().trim_end_matches('/')) {
        (&Method::POST, "/v1/runs") => begin(&request, caller, deps).await,
        (&Method::GET, path) => match path.strip_prefix("/v1/runs/") {
            Some(run) => read(run, caller, deps).await,
            None => Err(Problem::not_found()),
        },
        _ => Err(Problem::not_found()),
    };
    answered.unwrap_or_else(|problem| problem.response())
}

async fn begin(request: &Request<Vec<u8>>, caller: &str, deps: &Deps<'_>) -> Result<Response<String>, Problem> {
    let key = idempotency_key(request, caller, deps)?;
    let asked = asked(request.body())?;
    let wish = Wish {
        only: Some(deps.vault().keys().reference(&asked.customer_id)),
        categories: asked.categories,
        prompt: asked.prompt,
        words_per_minute: asked.words_per_minute,
        voice: asked.voice,
        shape: asked.shape,
    };
    let (caller, batch, expected) = (caller_digest(caller, deps), asked.batch.clone(), wish.clone());
    let Started { run, already, .. } = start::call(key, caller, batch, wish, &deps.start).await?;
    if already && !is_same(&run, &expected, asked.batch.as_ref(), deps).await? {
        return Err(Problem::key_used());
    }
    let status = if already { StatusCode::OK } else { StatusCode::ACCEPTED };
    let place = format!("/v1/runs/{run}");
    let mut response = json(status, &serde_json::json!({ "run": run, "self": place }));
    response.headers_mut().insert(header::LOCATION, place.parse().expect("a run's id is letters, digits and dashes"));
    Ok(response)
}

/// Whether the run that the key started before asks for the same. What the caller left to the settings may have been
/// another then.
async fn is_same(run: &RunId, wish: &Wish, batch: Option<&Batch>, deps: &Deps<'_>) -> Result<bool, Problem> {
    let Some(before) = request_of(run, deps).await? else { return Ok(false) };
    Ok(before.only == wish.only
        && batch.is_none_or(|batch| before.batch == *batch)
        && before.prompt == wish.prompt
        && before.voice == wish.voice
        && (wish.categories.is_empty() || before.categories == wish.categories)
        && wish.words_per_minute.is_none_or(|rate| before.words_per_minute == rate)
        && wish.shape.is_none_or(|shape| before.shape == shape))
}

/// The caller's key, hashed with the caller, so that two callers' keys are never the same.
fn idempotency_key(request: &Request<Vec<u8>>, caller: &str, deps: &Deps<'_>) -> Result<Digest, Problem> {
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
    let key = key.filter(|key| (1..=LONGEST_KEY).contains(&key.len()));
    let key = key.ok_or_else(|| Problem::invalid("the header Idempotency-Key must have 1 to 255 characters"))?;
    Ok(deps.vault().keys().keyed_digest("idempotency", format!("{caller}\0{key}").as_bytes()))
}

/// The body, checked. A problem names the field, never its value.
fn asked(body: &[u8]) -> Result<Asked, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let asked: Asked = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        Problem::invalid(&match path.as_str() {
            "." => "the body must be JSON with the field customer_id and none that is unknown".to_owned(),
            field => format!("the field {field} is not what it must be"),
        })
    })?;
    json.end().map_err(|_| Problem::invalid("the body must end after its JSON"))?;
    if asked.prompt.as_ref().is_some_and(|prompt| prompt.chars().count() > LONGEST_PROMPT) {
        return Err(Problem::invalid("the field prompt must have at most 2000 characters"));
    }
    if asked.words_per_minute.is_some_and(|rate| !(80..=220).contains(&rate)) {
        return Err(Problem::invalid("the field words_per_minute must be 80 to 220"));
    }
    Ok(asked)
}

async fn read(run: &str, caller: &str, deps: &Deps<'_>) -> Result<Response<String>, Problem> {
    let run = RunId::parse(run).map_err(|_| Problem::not_found())?;
    let request = request_of(&run, deps).await?.ok_or_else(Problem::not_found)?;
    let only = request.only.as_ref().filter(|_| is_callers(&request, caller, deps)).ok_or_else(Problem::not_found)?;
    let execution = start::execution(&request, deps.start.executions).await?.map(|(_, execution)| execution);
    let results = results::of(&run, only, deps).await?;
    let state = match execution.as_ref().map(|execution| execution.state) {
        // The workflow's service forgets an execution after 90 days.
        None if results.is_there() => "done",
        None => "waiting",
        Some(State::Running) => "running",
        Some(State::Succeeded) => "done",
        Some(State::Failed) => "failed",
    };
    let mut steps = steps(Prefix::Progress(run.clone(), None), deps).await?;
    steps.extend(self::steps(Prefix::Progress(run.clone(), Some(only.clone())), deps).await?);
    steps.sort_by_key(|step| step.at);
    let error = execution.and_then(|execution| execution.error);
    Ok(json(StatusCode::OK, &Standing { run, state, error, steps, results }))
}

/// Whether the run was started by this caller.
fn is_callers(request: &RunRequest, caller: &str, deps: &Deps<'_>) -> bool {
    match &request.trigger {
        Trigger::Call { caller: by, .. } => *by == caller_digest(caller, deps),
        Trigger::Command | Trigger::Upload | Trigger::Schedule { .. } => false,
    }
}

fn caller_digest(caller: &str, deps: &Deps<'_>) -> Digest {
    deps.vault().keys().keyed_digest("caller", caller.as_bytes())
}

async fn request_of(run: &RunId, deps: &Deps<'_>) -> Result<Option<RunRequest>, Problem> {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    match deps.vault().read_json(Owner::Run, &key).await {
        Ok((request, _)) => Ok(Some(request)),
        Err(VaultError::Store(contracts::store::StoreError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn steps(prefix: Prefix, deps: &Deps<'_>) -> Result<Vec<StepName>, Problem> {
    let listed = deps.vault().store().list(&prefix).await?;
    Ok(listed.iter().filter_map(|listed| StepName::of_key(&listed.key)).collect())
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<String> {
    let body = serde_json::to_string(body).expect("plain fields serialize to JSON");
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    // Results are personal: no cache may keep them.
    response.header(header::CACHE_CONTROL, "no-store").body(body).expect("constant headers")
}
