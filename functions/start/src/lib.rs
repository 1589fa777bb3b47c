//! Starts runs: when the upload of a batch is complete, when a schedule is due, and when a caller asks the API to.
//!
//! Events may arrive late, more than once or out of order. Each trigger still starts only one execution, or one more
//! after a failure, because the execution's name identifies the trigger and the attempt. The name contains the digest
//! of the upload, the schedule's name and time, or the digest of the caller's idempotency key. The workflow service
//! accepts each name only once in 90 days.
//!
//! **Invariant:** only `BucketSource` depends on AWS or Lambda. The `lambda` feature adds it for two Lambda functions.
//! The name and the input of an execution contain no personal data.

mod batches;
mod bounds;
mod error;
mod event;
mod material;
mod schedules;
#[cfg(test)]
mod tests;

use contracts::executions::{Execution, ExecutionState, Executions, StartOutcome};
use contracts::key::{RunPart, Workbook};
use contracts::request::{Request, RunInputs, RunOptions, Trigger};
use contracts::schedule::Timers;
use contracts::settings::Settings;
use contracts::stage::{WorkflowInput, WorkflowLimits};
use contracts::{Batch, Digest, ObjectKey, RunId, ScheduleName};
use jiff::Timestamp;
use phrases::materials::ensure_approved;
use serde::Serialize;
use storage::vault::{Owner, Vault};

pub use batches::{IncompleteBatch, incomplete};
pub use bounds::{BoundedExecutions, CampaignBounds, CampaignRecord};
pub use error::Error;
pub use event::StartEvent;
#[cfg(feature = "lambda")]
pub use material::BucketSource;
pub use material::{Material, Source};

/// The maximum number of executions for the same trigger. Each execution after the first one retries a failed one.
const MAX_ATTEMPTS: u32 = 100;

/// The dependencies for starting a run.
pub struct Deps<'a> {
    /// The vault that seals the request.
    pub vault: &'a Vault,
    /// The source of the bank's inputs to a new run.
    pub source: &'a dyn Source,
    /// The executions of the workflow.
    pub executions: &'a dyn Executions,
    /// The limits that each run passes to the workflow.
    pub limits: WorkflowLimits,
}

/// The result of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum EventOutcome {
    /// The object is not a workbook in a batch, or was uploaded through the API. Or the schedule is paused.
    Ignored,
    /// The schedule has a timer that matches its file.
    TimerSet {
        /// The schedule.
        schedule: ScheduleName,
    },
    /// The schedule has no file, and so no timer.
    TimerRemoved {
        /// The schedule.
        schedule: ScheduleName,
    },
    /// The batch is not complete yet.
    Waiting {
        /// The workbooks that are missing from the batch.
        missing: Vec<Workbook>,
    },
    /// The run has an execution, started by this event or by an earlier one.
    Started(StartedRun),
    /// The check for incomplete batches ran.
    #[serde(rename = "looked")]
    Checked {
        /// The incomplete batches.
        incomplete: Vec<IncompleteBatch>,
    },
}

/// A run with its execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StartedRun {
    /// The run.
    pub run: RunId,
    /// The name of the execution.
    pub execution: String,
    /// Whether an earlier event or call started the execution.
    pub already: bool,
}

/// Handles an event at the time `now`.
pub async fn run(
    event: StartEvent,
    deps: &Deps<'_>,
    timers: &dyn Timers,
    now: Timestamp,
) -> Result<EventOutcome, Error> {
    match event {
        StartEvent::Uploaded { key, at } => handle_upload(&key, at, deps).await,
        StartEvent::ScheduleChanged { name } => schedules::update_timer(name, deps.vault.store(), timers).await,
        StartEvent::Schedule { name, at, batch } => {
            schedules::run_due(schedules::DueRun { name, at, batch, now }, deps).await
        }
        StartEvent::CheckIncomplete => {
            let incomplete = incomplete(deps.vault.store(), now).await?;
            for IncompleteBatch { batch, missing, since } in &incomplete {
                tracing::warn!(batch = batch.as_str(), ?missing, %since, "batch is incomplete; upload the missing workbooks");
            }
            Ok(EventOutcome::Checked { incomplete })
        }
    }
}

/// Starts a run for an API call, with the given batch, or else with the newest complete one.
pub async fn call(
    key: Digest,
    caller: Digest,
    batch: Option<Batch>,
    options: RunOptions,
    deps: &Deps<'_>,
) -> Result<StartedRun, Error> {
    let batch = batches::named_or_newest(batch, deps.vault.store()).await?;
    // The stored request would contain the customer's reference, so check for an erasure first.
    if let Some(only) = &options.only
        && deps.vault.store().find(&ObjectKey::Forgotten(only.clone())).await?.is_some()
    {
        return Err(merge::Error::Forgotten { batch }.into());
    }
    start(Trigger::Call { key, caller }, batch, options, Timestamp::now(), deps).await
}

/// Lists the executions for the trigger of a stored run: one per attempt, first attempt first.
pub async fn executions(request: &Request, executions: &dyn Executions) -> Result<Vec<Execution>, Error> {
    let mut all = Vec::new();
    for attempt in 0..MAX_ATTEMPTS {
        match executions.find(&execution_name(request, attempt)).await? {
            Some(execution) => all.push(execution),
            None => break,
        }
    }
    Ok(all)
}

async fn handle_upload(key: &str, at: Timestamp, deps: &Deps<'_>) -> Result<EventOutcome, Error> {
    let Some((batch, _)) = ObjectKey::incoming(key) else {
        // The log omits the key, because users choose keys freely and a key could contain anything.
        tracing::info!("ignored an upload that is not a workbook in a batch");
        return Ok(EventOutcome::Ignored);
    };
    if batch.is_through_api() {
        tracing::info!("ignored an upload made through the API; the API caller starts the campaign");
        return Ok(EventOutcome::Ignored);
    }
    let missing = batches::missing(&batch, deps.vault.store()).await?;
    if !missing.is_empty() {
        tracing::info!(batch = batch.as_str(), ?missing, "waiting for the missing workbooks of the batch");
        return Ok(EventOutcome::Waiting { missing });
    }
    Ok(EventOutcome::Started(start(Trigger::Upload, batch, RunOptions::default(), at, deps).await?))
}

/// Stores the request and starts its execution, unless the trigger already has one. If a trigger occurs again after its
/// execution has failed, another attempt starts. For example, uploading a batch again with the right password starts a
/// new attempt, but a late delivery of an old event does not.
async fn start(
    trigger: Trigger,
    batch: Batch,
    options: RunOptions,
    at: Timestamp,
    deps: &Deps<'_>,
) -> Result<StartedRun, Error> {
    let (request, settings) = build_request(trigger, batch, options, deps).await?;
    let run = request.run_id();
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    deps.vault.write_json(Owner::Run, &key, &Digest::of_json(&request), request.clone()).await?;
    let json = serde_json::to_vec(&settings).expect("the settings serialize to JSON");
    deps.vault.store().put(&ObjectKey::Run(run.clone(), RunPart::Settings), json.into()).await?;
    let input = WorkflowInput {
        run: run.clone(),
        batch: request.batch.clone(),
        concurrency: deps.limits.concurrency,
        tolerated_failure_percentage: deps.limits.tolerated_failure_percentage,
        limit: deps.limits.customers,
        dry_run: deps.limits.dry_run,
        video: request.videos != Some(0),
    };
    for attempt in 0..MAX_ATTEMPTS {
        let name = execution_name(&request, attempt);
        let existing = match deps.executions.find(&name).await? {
            Some(execution) => execution,
            None if deps.executions.start(&name, &input).await? == StartOutcome::Started => {
                tracing::info!(%run, execution = name, "started the run");
                return Ok(StartedRun { run, execution: name, already: false });
            }
            // Another caller took the name between the two calls.
            None => find_existing(&name, deps.executions).await?,
        };
        let failed_before =
            existing.state == ExecutionState::Failed && existing.stopped.is_some_and(|stopped| stopped < at);
        // An idempotency key belongs to one request. A different request with the same key must not retry that request.
        let key_is_taken = matches!(request.trigger, Trigger::Call { .. }) && existing.run != run;
        if !failed_before || key_is_taken {
            tracing::info!(run = %existing.run, execution = name, "the run had already been started");
            return Ok(StartedRun { run: existing.run, execution: name, already: true });
        }
    }
    Err(Error::TooManyAttempts { attempts: MAX_ATTEMPTS })
}

async fn find_existing(name: &str, executions: &dyn Executions) -> Result<Execution, Error> {
    executions.find(name).await?.ok_or_else(|| Error::Lost { name: name.to_owned() })
}

/// Returns the name of a trigger's execution: at most 80 letters, digits, `-` and `_`.
fn execution_name(request: &Request, attempt: u32) -> String {
    match &request.trigger {
        Trigger::Command | Trigger::Upload => format!("upload-{}-{attempt}", request.upload.short()),
        Trigger::Schedule { name, at, .. } => format!("schedule-{name}-{}-{attempt}", at.strftime("%Y%m%dT%H%M%SZ")),
        Trigger::Call { key, .. } => format!("call-{}-{attempt}", key.short()),
    }
}

async fn build_request(
    trigger: Trigger,
    batch: Batch,
    options: RunOptions,
    deps: &Deps<'_>,
) -> Result<(Request, Settings), Error> {
    let Material {
        settings,
        catalogue,
        institution,
        approvals,
        phrases,
        languages,
        lexicon,
        assets,
        backgrounds,
        engines,
    } = deps.source.material().await?;
    ensure_approved(&catalogue, institution, &approvals)?;
    let inputs = RunInputs {
        settings: &settings,
        catalogue: catalogue.digest(),
        phrases,
        languages,
        lexicon: lexicon.digest(),
        assets,
        background: None,
        backgrounds,
        engines,
        upload: merge::upload_digest(deps.vault.store(), &batch).await?,
        keys: deps.vault.keys().id(),
    };
    Ok((Request::new(trigger, batch, options, inputs), settings))
}
