//! Starts runs: when the upload of a batch is complete, when a schedule says so, and when a person asks through the API.
//!
//! Whatever comes often, late or out of order starts one execution: its name holds the trigger's own identity (the digest
//! of the upload, the schedule's time, the caller's idempotency key), and the workflow's service gives a name once in 90
//! days.
//!
//! **Invariant:** knows nothing of AWS or of Lambda, but for `OfHost`, which the feature `lambda` adds for the two mains.
//! An execution's name and input hold nothing personal.

mod batches;
mod error;
mod event;
mod material;
#[cfg(test)]
mod tests;

use contracts::catalogue::Category;
use contracts::executions::{Begun, Execution, Executions, State};
use contracts::key::{RunPart, Workbook};
use contracts::media::Shape;
use contracts::request::{Request, Trigger};
use contracts::stage::{Limits, WorkflowInput};
use contracts::{Batch, CustomerRef, Digest, ObjectKey, RunId};
use jiff::Timestamp;
use serde::Serialize;
use storage::vault::{Owner, Vault};

pub use batches::{Incomplete, incomplete};
pub use error::Error;
pub use event::Event;
#[cfg(feature = "lambda")]
pub use material::OfHost;
pub use material::{Material, Source};

/// How often the same trigger may be taken up again after executions that failed.
const ATTEMPTS: u32 = 100;

/// What starting works with.
pub struct Deps<'a> {
    /// Seals the request, and keeps the store.
    pub vault: &'a Vault,
    /// Where the material of a new run comes from.
    pub source: &'a dyn Source,
    /// The workflow.
    pub executions: &'a dyn Executions,
    /// Of the workflow.
    pub limits: Limits,
}

/// What a person may ask of a run; the settings' own values where nothing is asked.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// One customer only.
    pub only: Option<CustomerRef>,
    /// The lines of business.
    pub categories: Vec<Category>,
    /// Tone and emphasis.
    pub prompt: Option<String>,
    /// Speaking rate.
    pub words_per_minute: Option<u16>,
    /// The engine's voice.
    pub voice: Option<String>,
    /// The frame.
    pub shape: Option<Shape>,
    /// How many customers get a video; all if none.
    pub videos: Option<usize>,
}

/// What came of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The object is none of the three workbooks, or one that was uploaded through the API.
    Ignored,
    /// The batch is not complete.
    Waiting {
        /// Which workbooks are missing.
        missing: Vec<Workbook>,
    },
    /// An execution runs or ran.
    Started(Started),
    /// The batches that have been incomplete for long.
    Looked {
        /// Those batches.
        incomplete: Vec<Incomplete>,
    },
}

/// An execution of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// The execution's name.
    pub execution: String,
    /// Whether it had been started before.
    pub already: bool,
}

/// Does what an event asks for.
pub async fn run(event: Event, deps: &Deps<'_>) -> Result<Outcome, Error> {
    match event {
        Event::Uploaded { key, at } => uploaded(&key, at, deps).await,
        Event::Schedule { name, at, batch } => {
            let batch = batches::named_or_newest(batch, deps.vault.store()).await?;
            let trigger = Trigger::Schedule { name, at };
            Ok(Outcome::Started(start(trigger, batch, Wish::default(), at, deps).await?))
        }
        Event::LookForIncomplete => {
            let incomplete = incomplete(deps.vault.store(), Timestamp::now()).await?;
            for batch in &incomplete {
                tracing::warn!(batch = batch.batch.as_str(), missing = ?batch.missing, since = %batch.since, "incomplete");
            }
            Ok(Outcome::Looked { incomplete })
        }
    }
}

/// Starts a run over the newest complete batch, or the one that is named, for a person who called.
pub async fn call(
    key: Digest,
    caller: Digest,
    batch: Option<Batch>,
    wish: Wish,
    deps: &Deps<'_>,
) -> Result<Started, Error> {
    let batch = batches::named_or_newest(batch, deps.vault.store()).await?;
    // Before the request is written: a wish may name them.
    if let Some(only) = &wish.only
        && deps.vault.store().find(&ObjectKey::Forgotten(only.clone())).await?.is_some()
    {
        return Err(merge::Error::Forgotten { batch }.into());
    }
    start(Trigger::Call { key, caller }, batch, wish, Timestamp::now(), deps).await
}

/// The executions of a run that lies in the store: one for each attempt, the first one first.
pub async fn executions(request: &Request, executions: &dyn Executions) -> Result<Vec<Execution>, Error> {
    let mut all = Vec::new();
    for attempt in 0..ATTEMPTS {
        match executions.find(&execution_name(request, attempt)).await? {
            Some(found) => all.push(found),
            None => break,
        }
    }
    Ok(all)
}

async fn uploaded(key: &str, at: Timestamp, deps: &Deps<'_>) -> Result<Outcome, Error> {
    let Some((batch, _)) = ObjectKey::incoming(key) else {
        // The key is not told: it is whatever somebody uploaded.
        tracing::info!("an object that is no workbook of a batch was uploaded");
        return Ok(Outcome::Ignored);
    };
    if batch.is_through_api() {
        tracing::info!("whoever uploaded this batch through the API starts its campaign");
        return Ok(Outcome::Ignored);
    }
    let missing = batches::missing(&batch, deps.vault.store()).await?;
    if !missing.is_empty() {
        tracing::info!(batch = batch.as_str(), ?missing, "waiting for the rest of the batch");
        return Ok(Outcome::Waiting { missing });
    }
    Ok(Outcome::Started(start(Trigger::Upload, batch, Wish::default(), at, deps).await?))
}

/// Writes the request and starts its execution, unless the trigger's execution was started before. One that failed is
/// taken up by another attempt if the trigger came after its end: a batch that is uploaded again once its password was
/// put right runs, while an old event that is delivered late does not.
async fn start(trigger: Trigger, batch: Batch, wish: Wish, at: Timestamp, deps: &Deps<'_>) -> Result<Started, Error> {
    let request = request(trigger, batch, wish, deps).await?;
    let run = request.run_id();
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    deps.vault.write_json(Owner::Run, &key, &Digest::of_json(&request), request.clone()).await?;
    let input = WorkflowInput {
        run: run.clone(),
        batch: request.batch.clone(),
        concurrency: deps.limits.concurrency,
        tolerated_failure_percentage: deps.limits.tolerated_failure_percentage,
    };
    for attempt in 0..ATTEMPTS {
        let name = execution_name(&request, attempt);
        let there = deps.executions.find(&name).await?;
        let there = match there {
            Some(there) => there,
            None if deps.executions.start(&name, &input).await? == Begun::Started => {
                tracing::info!(%run, execution = name, "started");
                return Ok(Started { run, execution: name, already: false });
            }
            // Somebody was quicker between the two calls.
            None => continue_with(&name, deps.executions).await?,
        };
        let failed_before = there.state == State::Failed && there.stopped.is_some_and(|stopped| stopped < at);
        // A caller's key stands for one request: another one under it goes no further.
        let key_is_taken = matches!(request.trigger, Trigger::Call { .. }) && there.run != run;
        if !failed_before || key_is_taken {
            tracing::info!(run = %there.run, execution = name, "was started before");
            return Ok(Started { run: there.run, execution: name, already: true });
        }
    }
    Err(Error::TooManyAttempts { attempts: ATTEMPTS })
}

async fn continue_with(name: &str, executions: &dyn Executions) -> Result<Execution, Error> {
    executions.find(name).await?.ok_or_else(|| Error::Lost { name: name.to_owned() })
}

/// The name of a trigger's execution: at most 80 letters, digits, `-` and `_`.
fn execution_name(request: &Request, attempt: u32) -> String {
    match &request.trigger {
        Trigger::Command | Trigger::Upload => format!("upload-{}-{attempt}", request.upload.short()),
        Trigger::Schedule { name, at } => format!("schedule-{name}-{}-{attempt}", at.strftime("%Y%m%dT%H%M%SZ")),
        Trigger::Call { key, .. } => format!("call-{}-{attempt}", key.short()),
    }
}

async fn request(trigger: Trigger, batch: Batch, wish: Wish, deps: &Deps<'_>) -> Result<Request, Error> {
    let Material { settings, catalogue, phrases, lexicon, assets, backgrounds, engines } =
        deps.source.material().await?;
    let upload = merge::upload_digest(deps.vault.store(), &batch).await?;
    Ok(Request {
        trigger,
        batch,
        only: wish.only,
        categories: if wish.categories.is_empty() { settings.offers.categories.clone() } else { wish.categories },
        prompt: wish.prompt,
        words_per_minute: wish.words_per_minute.unwrap_or(settings.voice.words_per_minute),
        voice: wish.voice,
        engines,
        shape: wish.shape.unwrap_or(settings.video.shape),
        background: None,
        backgrounds,
        videos: wish.videos,
        upload,
        catalogue: catalogue.digest(),
        phrases,
        writer: settings.writer.mode,
        lexicon: lexicon.digest(),
        assets,
        settings: settings.digest(),
        keys: deps.vault.keys().id(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        attempt: 0,
    })
}
