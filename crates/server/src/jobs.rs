//! The runs of this server. Each run is recorded in a file before it starts and after it ends, so a restarted server
//! can continue the runs that were in progress.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use api::backend::{CampaignBounds, CampaignState, DryRunDecision};
use api::view::{CampaignCounts, CampaignProgress, RunEvent, RunEventKind, StageStatus};
use async_trait::async_trait;
use contracts::evidence::Outcome;
use contracts::executions::{Execution, ExecutionState, Executions, ExecutionsError, StartOutcome};
use contracts::key::RunPart;
use contracts::request::Request;
use contracts::settings::Settings;
use contracts::stage::{Stage, WorkflowInput};
use contracts::{CustomerRef, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use runner::event::RunnerEvent;
use runner::failure::Failure;
use runner::folder::create_private;
use runner::follow_up;
use runner::forecast::forecast;
use runner::limits::RunLimits;
use runner::project::Project;
use runner::run::Runner;
use runner::services::Services;
use runner::tally::{RunProgress, Tally};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::vault::Owner;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::event_log::{DiskEventLog, RunLog};

/// The maximum number of runs that are queued or in progress.
const MAX_OPEN_RUNS: usize = 100;

/// The maximum number of single-customer runs in progress. With two, one can be narrated while the other is rendered.
const CONCURRENCY: usize = 2;

/// The number of times that the process may crash while it works on a run.
const MAX_CRASHES: u32 = 2;

/// The minimum increase in a video's rendered fraction that creates a progress event.
const SHARE_STEP: f64 = 0.02;

/// A run, as recorded in its file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    run: RunId,
    /// The limits of the run.
    #[serde(default)]
    bounds: CampaignBounds,
    /// Whether the run is only a forecast.
    #[serde(default)]
    dry_run: bool,
    /// The number of times that the server started to work on the run, without finishing it or shutting down properly.
    #[serde(default)]
    open_attempts: u32,
    /// The result of the run. `None` until it ends.
    ended: Option<Ended>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ended {
    at: Timestamp,
    /// The error of the whole run, if the run failed.
    error: Option<(ErrorName, String)>,
    /// The forecast, or the reason why the run stopped early.
    #[serde(default)]
    found: Findings,
}

/// Facts about a run that are not among its stored results.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Findings {
    /// The forecast of a dry run: a [`runner::forecast::Forecast`].
    forecast: Option<Value>,
    /// The reason why the run stopped early.
    stopped: Option<String>,
}

impl From<&Job> for Execution {
    fn from(job: &Job) -> Self {
        let failed = job.ended.as_ref().and_then(|ended| ended.error.clone());
        Self {
            run: job.run.clone(),
            state: match &job.ended {
                None => ExecutionState::Running,
                Some(Ended { error: None, .. }) => ExecutionState::Succeeded,
                Some(Ended { error: Some(_), .. }) => ExecutionState::Failed,
            },
            stopped: job.ended.as_ref().map(|ended| ended.at),
            error: failed.as_ref().map(|(name, _)| name.to_string()),
            message: failed.map(|(_, message)| message),
        }
    }
}

/// All runs of this server.
pub struct Jobs {
    folder: PathBuf,
    services: Services,
    events: Arc<DiskEventLog>,
    table: Mutex<HashMap<String, Job>>,
    queue: UnboundedSender<String>,
    queued: AsyncMutex<UnboundedReceiver<String>>,
    /// The progress of the campaigns that this server has run since it started.
    tallies: Mutex<HashMap<RunId, Arc<Mutex<Tally>>>>,
    customers: Semaphore,
    campaigns: Semaphore,
    stop: CancellationToken,
}

impl Jobs {
    /// Reads the recorded runs in `folder`. [`Self::work`] continues the unfinished ones.
    pub fn open(
        folder: &Path,
        services: Services,
        events: Arc<DiskEventLog>,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, Failure> {
        let table = read(folder).map_err(Failure::file(ErrorName::StoreUnavailable, folder))?;
        let (queue, queued) = mpsc::unbounded_channel();
        for (name, _) in table.iter().filter(|(_, job)| job.ended.is_none()) {
            // Cannot fail, because the receiver is still open.
            let _queued = queue.send(name.clone());
        }
        Ok(Arc::new(Self {
            folder: folder.to_owned(),
            services,
            events,
            table: Mutex::new(table),
            queue,
            queued: AsyncMutex::new(queued),
            tallies: Mutex::default(),
            customers: Semaphore::new(CONCURRENCY),
            campaigns: Semaphore::new(1),
            stop,
        }))
    }

    /// Returns the services that all runs share.
    pub const fn services(&self) -> &Services {
        &self.services
    }

    /// Returns the token that is canceled when the server stops.
    pub const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Executes a decision: publishes an approved result or records a rejected one, and rewrites the manifest of a run
    /// that has ended.
    pub async fn follow(&self, run: &RunId, reference: &CustomerRef) -> Result<(), Failure> {
        let Services { vault, folders, settings, signer, .. } = &self.services;
        let Some(waiting) = policy::review::find_pending(vault, run, reference).await? else { return Ok(()) };
        let project = Project::load(folders.clone(), settings.language)?;
        follow_up::publish_decision(&waiting, &project, settings, vault).await?;
        follow_up::rewrite_manifest(run, vault, signer.as_ref()).await
    }

    /// Notifies the bank's system about a decision or a recall in the background. If the server stops before all
    /// notifications are sent, `bespoke notify RUN` sends the rest.
    pub fn notify_later(self: &Arc<Self>, run: RunId) {
        let jobs = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = jobs.notify(&run) => {}
                () = jobs.stop.cancelled() => tracing::warn!(%run, "the server is stopping before all notifications have been sent"),
            }
        });
    }

    /// Notifies the bank's system about a customer's answers in the background. If the server stops before all
    /// notifications are sent, `bespoke notify RUN` sends the rest.
    pub fn notify_answers_later(self: &Arc<Self>, run: RunId, reference: CustomerRef) {
        let jobs = self.clone();
        tokio::spawn(async move {
            let Services { settings, vault, secrets, .. } = &jobs.services;
            let sent = follow_up::send_answers(&run, &reference, settings, vault, secrets.as_ref());
            tokio::select! {
                sent = sent => if let Err(error) = sent {
                    tracing::warn!(%run, error = %error.name(), "{error}");
                },
                () = jobs.stop.cancelled() => tracing::warn!(%run, "the server is stopping before all notifications have been sent"),
            }
        });
    }

    /// Notifies the bank's system about a run or a decision.
    async fn notify(&self, run: &RunId) {
        let Services { settings, vault, secrets, .. } = &self.services;
        if let Some(warning) = follow_up::notify_if_configured(run, settings, vault, secrets.as_ref()).await {
            tracing::warn!(%run, error = %warning.name, "{}", warning.message);
        }
    }

    /// Works on queued runs until the server stops, and then waits until the running ones have stopped.
    pub async fn work(self: Arc<Self>) {
        let mut queued = self.queued.lock().await;
        let mut working = JoinSet::new();
        loop {
            tokio::select! {
                Some(name) = queued.recv() => {
                    let jobs = self.clone();
                    working.spawn(async move { jobs.execute(&name).await });
                }
                // Remove finished runs from the set.
                Some(_) = working.join_next() => {}
                () = self.stop.cancelled() => break,
            }
        }
        while working.join_next().await.is_some() {}
    }

    async fn execute(&self, name: &str) {
        let Some(job) = self.find(name) else { return };
        let log = match self.events.of(&job.run) {
            Ok(log) => log,
            Err(failure) => return tracing::error!(run = %job.run, %failure, "failed to open the run's event log"),
        };
        let job = Job { open_attempts: job.open_attempts + 1, ..job };
        let worked = if job.open_attempts > MAX_CRASHES {
            Err(crashed())
        } else if let Err(error) = self.write(name, &job) {
            Err(Failure::file(ErrorName::StoreUnavailable, &self.folder)(error))
        } else {
            self.run(&job, &log).await
        };
        let (found, error) = match worked {
            Ok(found) => (found, None),
            // A restarted server continues the run.
            Err(_) if self.stop.is_cancelled() => {
                let job = Job { open_attempts: job.open_attempts - 1, ..job };
                if let Err(error) = self.write(name, &job) {
                    tracing::error!(run = %job.run, %error, "failed to record that the server stopped");
                }
                return;
            }
            Err(failure) => (Findings::default(), Some((failure.name(), failure.to_string()))),
        };
        if let Some((error, message)) = &error {
            tracing::error!(run = %job.run, error = error.as_str(), message, "run failed");
            log.append(RunEvent { message: Some(message.clone()), ..event(RunEventKind::Log) });
        }
        let message = error.as_ref().map(|(name, _)| name.to_string());
        let job = Job { open_attempts: 0, ended: Some(Ended { at: Timestamp::now(), error, found }), ..job };
        // Update the table first, because a reader who gets the end event must see that the run has ended. Write the
        // file last. If the server is killed before that, the restarted server repeats the job, reuses all results, and
        // sends the end event again.
        self.table.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), job.clone());
        log.append(RunEvent { message, ..event(RunEventKind::End) });
        // If the end event was not written, the run stays open, and a restarted server sends the event.
        if !log.is_written() {
            return tracing::error!(run = %job.run, "failed to write the run's end event");
        }
        if let Err(error) = self.write(name, &job) {
            tracing::error!(run = %job.run, %error, "failed to record the run's end");
        }
    }

    async fn run(&self, job: &Job, log: &Arc<RunLog>) -> Result<Findings, Failure> {
        let key = ObjectKey::Run(job.run.clone(), RunPart::Request);
        let (request, _): (Request, _) = self.services.vault.read_json(Owner::Run, &key).await?;
        let lane = if request.only.is_some() { &self.customers } else { &self.campaigns };
        let _permit = tokio::select! {
            permit = lane.acquire() => permit.expect("the lane is never closed"),
            () = self.stop.cancelled() => return Err(stopped()),
        };
        let folders = self.services.folders.clone();
        let language = self.services.settings.language;
        let project = tokio::task::spawn_blocking(move || Project::load(folders, language)).await;
        let project = project.map_err(|panic| {
            let help = "start another run";
            Failure::new(ErrorName::ConfigInvalid, format!("failed to read the bank's materials: {panic}"), help)
        })??;
        let (sender, events) = mpsc::unbounded_channel();
        let runner = Runner {
            project,
            services: self.services.clone(),
            limits: limits(job.bounds, request.only.is_none().then_some(&self.services.settings)),
            background: None,
            cancel: self.stop.clone(),
            events: sender,
        };
        let tally = request.only.is_none().then(|| self.tally(&job.run));
        let logging = tokio::spawn(append_events(events, log.clone(), tally));
        let ended = if job.dry_run {
            forecast_run(&runner, &request).await
        } else {
            let ended = runner.run(&request).await;
            ended.map(|report| Findings { forecast: None, stopped: report.stop.map(|stop| stop.to_string()) })
        };
        if ended.is_ok() && !job.dry_run {
            self.notify(&job.run).await;
        }
        drop(runner);
        // The run's last event must precede its end event.
        let _logged = logging.await;
        ended
    }

    /// Returns a tally that starts from zero, because each attempt at a campaign also reports the customers whom earlier
    /// attempts finished.
    fn tally(&self, run: &RunId) -> Arc<Mutex<Tally>> {
        let tally = Arc::<Mutex<Tally>>::default();
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone(), tally.clone());
        tally
    }

    /// Returns the state of a campaign's last attempt.
    pub fn campaign(&self, run: &RunId) -> Option<CampaignState> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let of_run = table.values().filter(|job| job.run == *run);
        let job = of_run.max_by_key(|job| job.ended.as_ref().map_or(Timestamp::MAX, |ended| ended.at))?.clone();
        drop(table);
        let tally = self.tallies.lock().unwrap_or_else(PoisonError::into_inner).get(run).cloned();
        let progress = tally.map(|tally| tally.lock().unwrap_or_else(PoisonError::into_inner).progress());
        let Findings { mut forecast, stopped } = job.ended.map(|ended| ended.found).unwrap_or_default();
        let decisions = forecast.as_mut().and_then(|forecast| forecast.as_object_mut()?.remove("each"));
        let decisions =
            decisions.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(decided).collect();
        let progress = progress.filter(|_| !job.dry_run).map(shown);
        Some(CampaignState {
            dry_run: job.dry_run,
            bounds: job.bounds,
            progress,
            forecast,
            decisions,
            stop_reason: stopped,
        })
    }

    /// Records a run and queues it, unless the name is taken.
    fn begin(&self, name: &str, job: Job) -> Result<StartOutcome, ExecutionsError> {
        let refused = |reason| ExecutionsError { name: name.to_owned(), action: "start", reason };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.contains_key(name) {
            return Ok(StartOutcome::NameTaken);
        }
        if table.values().filter(|job| job.ended.is_none()).count() >= MAX_OPEN_RUNS {
            return Err(refused(format!("{MAX_OPEN_RUNS} runs are already queued or in progress")));
        }
        self.write(name, &job).map_err(|error| refused(error.to_string()))?;
        table.insert(name.to_owned(), job);
        self.queue.send(name.to_owned()).map_err(|_| refused("the server is stopping".to_owned()))?;
        Ok(StartOutcome::Started)
    }

    fn find(&self, name: &str) -> Option<Job> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn write(&self, name: &str, job: &Job) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut file, job)?;
        file.as_file().sync_data()?;
        file.persist(self.folder.join(format!("{name}.json")))?;
        Ok(())
    }
}

#[async_trait]
impl Executions for Jobs {
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<StartOutcome, ExecutionsError> {
        self.begin(
            name,
            Job {
                run: input.run.clone(),
                bounds: CampaignBounds::default(),
                dry_run: false,
                open_attempts: 0,
                ended: None,
            },
        )
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        Ok(Self::find(self, name).map(|job| Execution::from(&job)))
    }
}

/// The jobs of this server, for runs that start within limits.
pub struct BoundedJobs<'a> {
    pub jobs: &'a Jobs,
    pub bounds: CampaignBounds,
    pub dry_run: bool,
}

#[async_trait]
impl Executions for BoundedJobs<'_> {
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<StartOutcome, ExecutionsError> {
        let job =
            Job { run: input.run.clone(), bounds: self.bounds, dry_run: self.dry_run, open_attempts: 0, ended: None };
        self.jobs.begin(name, job)
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        Executions::find(self.jobs, name).await
    }
}

/// Returns the limits of a run. For a campaign, `settings` determines how many failures it tolerates.
fn limits(bounds: CampaignBounds, settings: Option<&Settings>) -> RunLimits {
    RunLimits {
        customers: bounds.customers,
        concurrency: bounds.concurrency,
        budget_usd: bounds.budget_usd,
        tolerated_failure_percentage: settings.map(|settings| settings.local.tolerated_failure_percentage),
    }
}

/// Forecasts a run.
async fn forecast_run(runner: &Runner, request: &Request) -> Result<Findings, Failure> {
    let forecast = forecast(runner, request).await?;
    let forecast = serde_json::to_value(&forecast).expect("a forecast serializes to JSON");
    Ok(Findings { forecast: Some(forecast), stopped: None })
}

/// Reads the dry run's decision about one customer from a forecast's JSON.
fn decided(decision: &Value) -> Option<DryRunDecision> {
    let reference = CustomerRef::parse(decision["reference"].as_str()?).ok()?;
    Some(DryRunDecision { reference, skip_reason: decision["because"].as_str().map(str::to_owned) })
}

/// Returns the progress in the API's format.
fn shown(progress: RunProgress) -> CampaignProgress {
    let counts = progress.counts;
    CampaignProgress {
        customers: progress.customers,
        counts: CampaignCounts {
            published: counts.published,
            skipped: counts.skipped,
            in_review: counts.held,
            failed: counts.failed,
            waiting: counts.waiting,
            running: counts.running,
        },
        skipped_because: progress.skipped_because,
        failed_with: progress.failed_with,
        rate_per_minute: progress.rate_per_minute,
        seconds_left: progress.seconds_left,
        spent_usd: progress.spent_usd,
    }
}

/// Reads the recorded runs and returns them keyed by name. Removes all other files, such as those that a killed process
/// left incomplete.
fn read(folder: &Path) -> std::io::Result<HashMap<String, Job>> {
    create_private(folder)?;
    let mut table = HashMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json"));
        let job = std::fs::read(&path)?;
        match (name, serde_json::from_slice(&job)) {
            (Some(name), Ok(job)) => {
                table.insert(name.to_owned(), job);
            }
            _ => std::fs::remove_file(&path)?,
        }
    }
    Ok(table)
}

fn crashed() -> Failure {
    let message = "the server crashed twice while it worked on this run";
    Failure::new(ErrorName::RunCrashed, message, "see the log for the cause, and start the run again")
}

fn stopped() -> Failure {
    Failure::new(ErrorName::RunCancelled, "the server is stopping", "start the server again to continue the run")
}

fn event(kind: RunEventKind) -> RunEvent {
    RunEvent::new(0, Timestamp::now(), kind)
}

/// Appends a run's events to its log. For a campaign, logs only events about the whole run, because its tally counts
/// the customers.
async fn append_events(
    mut events: UnboundedReceiver<RunnerEvent>,
    log: Arc<RunLog>,
    campaign: Option<Arc<Mutex<Tally>>>,
) {
    let one_customer = campaign.is_none();
    let mut logged_share = 0.0;
    let stage_event = |stage, state| RunEvent::of_stage(0, Timestamp::now(), stage, state);
    while let Some(happened) = events.recv().await {
        if let Some(tally) = &campaign {
            tally.lock().unwrap_or_else(PoisonError::into_inner).record(&happened);
        }
        let of_customer = matches!(
            happened,
            RunnerEvent::Started(Some(_), _)
                | RunnerEvent::Done(Some(_), ..)
                | RunnerEvent::Failed(Some(_), ..)
                | RunnerEvent::Retrying(Some(_), ..)
        );
        if of_customer && !one_customer {
            continue;
        }
        match happened {
            RunnerEvent::Customers(1) => {}
            RunnerEvent::Customers(customers) => {
                log.append(RunEvent { message: Some(format!("{customers} customers")), ..event(RunEventKind::Log) });
            }
            RunnerEvent::Started(_, stage) => {
                // Text is narrated only after it has passed the guard.
                if stage == Stage::Narrate && !log.has_text() {
                    log.append(event(RunEventKind::Text));
                }
                logged_share = 0.0;
                log.append(stage_event(stage, StageStatus::Running));
            }
            RunnerEvent::Done(_, stage, _) => log.append(stage_event(stage, StageStatus::Done)),
            RunnerEvent::Failed(_, stage, error) => {
                let failed = stage_event(stage, StageStatus::Failed);
                log.append(RunEvent { message: Some(error.to_string()), ..failed });
            }
            RunnerEvent::Rendering(_, share) if one_customer && share >= logged_share + SHARE_STEP => {
                logged_share = share;
                let fraction = Some(share.clamp(0.0, 1.0));
                log.append(RunEvent { stage: Some(Stage::Render), fraction, ..event(RunEventKind::Progress) });
            }
            RunnerEvent::Retrying(_, stage, error) => {
                log.append(RunEvent {
                    stage: Some(stage),
                    message: Some(error.to_string()),
                    ..event(RunEventKind::Retry)
                });
            }
            RunnerEvent::Ended(_, outcome) if one_customer => {
                if matches!(outcome, Outcome::Published { .. }) && !log.has_text() {
                    log.append(event(RunEventKind::Text));
                }
                log.append(RunEvent { message: Some(outcome.word().to_owned()), ..event(RunEventKind::Result) });
            }
            RunnerEvent::Rendering(..) | RunnerEvent::Spent(_) | RunnerEvent::Ended(..) => {}
        }
    }
}
