//! The runs of this server: each is written down before it begins and once it has ended, so that what was under way goes on
//! when the server is started again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use api::Event as Told;
use api::campaigns::{Bounds, Decided, Known};
use api::events::{Kind, StageState};
use async_trait::async_trait;
use contracts::evidence::Outcome;
use contracts::executions::{Begun, Execution, Executions, ExecutionsError, State};
use contracts::key::RunPart;
use contracts::request::Request;
use contracts::secret::Secrets;
use contracts::settings::Settings;
use contracts::stage::{Stage, WorkflowInput};
use contracts::vault::{Owner, Vault};
use contracts::{CustomerRef, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::journal::{Journal, Journals};
use crate::campaign::{Limits, Tally, forecast};
use crate::commands::{deliver, review};
use crate::failure::Failure;
use crate::folder::create_private;
use crate::project::{Folders, Project};
use crate::runner::{Event, Programs, Runner};

/// How many runs may wait or be under way.
const MOST: usize = 100;

/// How many customers' runs are under way at once: while one is narrated, the other is rendered.
const AT_ONCE: usize = 2;

/// By how much a share must have grown to be told.
const SHARE: f64 = 0.02;

/// What every run of this server is made with.
pub struct Workshop {
    pub folders: Folders,
    pub scratch: PathBuf,
    pub settings: Settings,
    pub vault: Vault,
    pub secrets: Arc<dyn Secrets>,
    pub engines: Arc<narrate::Engines>,
    pub http: reqwest::Client,
    pub limiter: Arc<recommend::Limiter>,
    pub known: Arc<render::ProbeCache>,
    pub programs: Programs,
}

impl Workshop {
    /// Lets the outcome of a decision follow: publishes what was approved or records what was rejected, and writes the
    /// manifest of a run that has ended anew.
    pub async fn follow(&self, run: &RunId, reference: &CustomerRef) -> Result<(), Failure> {
        let Some(waiting) = publish::review::find(self.vault.store(), run, reference).await? else { return Ok(()) };
        let project = Project::load(self.folders.clone())?;
        review::publish(&waiting, &project, &self.settings, &self.vault).await?;
        review::finalize(run, &self.vault).await
    }

    /// Tells the bank's own system what a run or a decision changed.
    async fn tell(&self, run: &RunId) {
        deliver::tell(run, &self.settings, &self.vault, self.secrets.as_ref()).await;
    }
}

/// A run, as its file holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    run: RunId,
    /// What it may take.
    #[serde(default)]
    bounds: Bounds,
    /// Whether it only looks what it would do and take.
    #[serde(default)]
    dry_run: bool,
    /// How it ended; nothing as long as it has not.
    ended: Option<Ended>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ended {
    at: Timestamp,
    /// Why it failed as a whole, if it did.
    error: Option<(ErrorName, String)>,
    /// What it found or why it stopped, if it did either.
    #[serde(default)]
    found: Found,
}

/// What a run found besides its results.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Found {
    /// Of a dry run: a [`crate::campaign::Forecast`].
    forecast: Option<Value>,
    /// Why no further customer was begun with.
    stopped: Option<String>,
}

impl From<&Job> for Execution {
    fn from(job: &Job) -> Self {
        let failed = job.ended.as_ref().and_then(|ended| ended.error.clone());
        Self {
            run: job.run.clone(),
            state: match &job.ended {
                None => State::Running,
                Some(Ended { error: None, .. }) => State::Succeeded,
                Some(Ended { error: Some(_), .. }) => State::Failed,
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
    workshop: Arc<Workshop>,
    journals: Arc<Journals>,
    table: Mutex<HashMap<String, Job>>,
    queue: UnboundedSender<String>,
    queued: AsyncMutex<UnboundedReceiver<String>>,
    /// How campaigns stand that are or were under way since the server was started.
    tallies: Mutex<HashMap<RunId, Arc<Mutex<Tally>>>>,
    customers: Semaphore,
    campaigns: Semaphore,
    stop: CancellationToken,
}

impl Jobs {
    /// Reads what was written down in `folder`; what was under way is taken up by [`Self::work`].
    pub fn open(
        folder: &Path,
        workshop: Arc<Workshop>,
        journals: Arc<Journals>,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, Failure> {
        let table = read(folder).map_err(Failure::file(ErrorName::StoreUnavailable, folder))?;
        let (queue, queued) = mpsc::unbounded_channel();
        for (name, _) in table.iter().filter(|(_, job)| job.ended.is_none()) {
            // The receiver is at hand.
            let _queued = queue.send(name.clone());
        }
        Ok(Arc::new(Self {
            folder: folder.to_owned(),
            workshop,
            journals,
            table: Mutex::new(table),
            queue,
            queued: AsyncMutex::new(queued),
            tallies: Mutex::default(),
            customers: Semaphore::new(AT_ONCE),
            campaigns: Semaphore::new(1),
            stop,
        }))
    }

    /// What runs are made with.
    pub fn workshop(&self) -> &Workshop {
        &self.workshop
    }

    /// Fires when the server stops.
    pub const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Tells the bank's own system what a decision or a recall changed; nobody waits for that. What a server that stops has
    /// not told, `bespoke deliver RUN --notify` tells.
    pub fn tell_later(&self, run: RunId) {
        let (workshop, stop, runtime) = (self.workshop.clone(), self.stop.clone(), Handle::current());
        // On a thread of its own, as the runs are.
        tokio::task::spawn_blocking(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = workshop.tell(&run) => {}
                    () = stop.cancelled() => tracing::warn!(%run, "the server stops before all notices were sent"),
                }
            });
        });
    }

    /// Works on what is queued until the server stops, and then until what is under way has stopped too.
    pub async fn work(self: Arc<Self>) {
        let mut queued = self.queued.lock().await;
        let mut working = JoinSet::new();
        loop {
            tokio::select! {
                Some(name) = queued.recv() => {
                    let jobs = self.clone();
                    // On a thread of its own: the runner's future borrows in ways for which the compiler cannot show that
                    // it may go from one thread to another.
                    let runtime = Handle::current();
                    working.spawn_blocking(move || runtime.block_on(jobs.execute(&name)));
                }
                // Those that have ended are let go of.
                Some(_) = working.join_next() => {}
                () = self.stop.cancelled() => break,
            }
        }
        while working.join_next().await.is_some() {}
    }

    async fn execute(&self, name: &str) {
        let Some(job) = self.find(name) else { return };
        let journal = match self.journals.of(&job.run) {
            Ok(journal) => journal,
            Err(failure) => return tracing::error!(run = %job.run, %failure, "the run's events cannot be kept"),
        };
        let (found, error) = match self.run(&job, &journal).await {
            Ok(found) => (found, None),
            // Taken up when the server is started again.
            Err(_) if self.stop.is_cancelled() => return,
            Err(failure) => (Found::default(), Some((failure.name(), failure.to_string()))),
        };
        if let Some((error, message)) = &error {
            tracing::error!(run = %job.run, error = error.as_str(), message, "the run failed");
            journal.tell(Told { message: Some(message.clone()), ..event(Kind::Log) });
        }
        let word = error.as_ref().map(|(name, _)| name.to_string());
        let job = Job { ended: Some(Ended { at: Timestamp::now(), error, found }), ..job };
        // Whoever is told of the end must find it ended. It is written down last: a server that is killed before finds
        // all results, and tells of the end once more.
        self.table.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), job.clone());
        journal.tell(Told { message: word, ..event(Kind::End) });
        // What nobody could be told of is not over: it is told of when the server is started again.
        if !journal.is_written() {
            return tracing::error!(run = %job.run, "the run's end cannot be written down");
        }
        if let Err(error) = self.write(name, &job) {
            tracing::error!(run = %job.run, %error, "the run's end cannot be written down");
        }
    }

    async fn run(&self, job: &Job, journal: &Arc<Journal>) -> Result<Found, Failure> {
        let key = ObjectKey::Run(job.run.clone(), RunPart::Request);
        let (request, _): (Request, _) = self.workshop.vault.read_json(Owner::Run, &key).await?;
        let lane = if request.only.is_some() { &self.customers } else { &self.campaigns };
        let _turn = tokio::select! {
            turn = lane.acquire() => turn.expect("the lane is never closed"),
            () = self.stop.cancelled() => return Err(stopped()),
        };
        let folders = self.workshop.folders.clone();
        let project = tokio::task::spawn_blocking(move || Project::load(folders)).await;
        let project = project.map_err(|panic| {
            let help = "start another run";
            Failure::told(ErrorName::ConfigInvalid, format!("the bank's material cannot be read: {panic}"), help)
        })??;
        let (events, happening) = mpsc::unbounded_channel();
        let workshop = &self.workshop;
        let runner = Runner {
            project,
            settings: workshop.settings.clone(),
            vault: workshop.vault.clone(),
            secrets: workshop.secrets.clone(),
            engines: workshop.engines.clone(),
            http: workshop.http.clone(),
            limiter: workshop.limiter.clone(),
            known: workshop.known.clone(),
            limits: limits(job.bounds, request.only.is_none().then_some(&workshop.settings)),
            programs: workshop.programs.clone(),
            scratch: workshop.scratch.clone(),
            background: None,
            cancel: self.stop.clone(),
            events,
        };
        let tally = request.only.is_none().then(|| self.tally(&job.run));
        let telling = tokio::spawn(tell(happening, journal.clone(), tally));
        let ended = if job.dry_run {
            look(&runner, &request).await
        } else {
            let ended = runner.run(&request).await;
            ended.map(|report| Found { forecast: None, stopped: report.stop.map(|stop| stop.to_string()) })
        };
        if ended.is_ok() && !job.dry_run {
            workshop.tell(&job.run).await;
        }
        drop(runner);
        // What was told last is written before the end is.
        let _told = telling.await;
        ended
    }

    /// A new count of a campaign's customers: whoever ended before is told of again.
    fn tally(&self, run: &RunId) -> Arc<Mutex<Tally>> {
        let tally = Arc::<Mutex<Tally>>::default();
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone(), tally.clone());
        tally
    }

    /// What is known of a campaign: of its last attempt.
    pub fn campaign(&self, run: &RunId) -> Option<Known> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let of_run = table.values().filter(|job| job.run == *run);
        let job = of_run.max_by_key(|job| job.ended.as_ref().map_or(Timestamp::MAX, |ended| ended.at))?.clone();
        drop(table);
        let tally = self.tallies.lock().unwrap_or_else(PoisonError::into_inner).get(run).cloned();
        let standing = tally.map(|tally| tally.lock().unwrap_or_else(PoisonError::into_inner).standing());
        let Found { mut forecast, stopped } = job.ended.map(|ended| ended.found).unwrap_or_default();
        let decisions = forecast.as_mut().and_then(|forecast| forecast.as_object_mut()?.remove("each"));
        let decisions =
            decisions.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(decided).collect();
        let progress = standing.filter(|_| !job.dry_run);
        Some(Known { dry_run: job.dry_run, bounds: job.bounds, progress, forecast, decisions, stopped })
    }

    /// Writes a run down and queues it, unless one of its name was.
    fn begin(&self, name: &str, job: Job) -> Result<Begun, ExecutionsError> {
        let refused = |reason| ExecutionsError { name: name.to_owned(), action: "start", reason };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.contains_key(name) {
            return Ok(Begun::NameTaken);
        }
        if table.values().filter(|job| job.ended.is_none()).count() >= MOST {
            return Err(refused(format!("{MOST} runs wait already")));
        }
        self.write(name, &job).map_err(|error| refused(error.to_string()))?;
        table.insert(name.to_owned(), job);
        self.queue.send(name.to_owned()).map_err(|_| refused("the server stops".to_owned()))?;
        Ok(Begun::Started)
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
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<Begun, ExecutionsError> {
        self.begin(name, Job { run: input.run.clone(), bounds: Bounds::default(), dry_run: false, ended: None })
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        Ok(Self::find(self, name).map(|job| Execution::from(&job)))
    }
}

/// The runs of this server, begun within bounds.
pub struct Bounded<'a> {
    pub jobs: &'a Jobs,
    pub bounds: Bounds,
    pub dry_run: bool,
}

#[async_trait]
impl Executions for Bounded<'_> {
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<Begun, ExecutionsError> {
        let (run, bounds, dry_run) = (input.run.clone(), self.bounds, self.dry_run);
        self.jobs.begin(name, Job { run, bounds, dry_run, ended: None })
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        Executions::find(self.jobs, name).await
    }
}

/// What a run may take: a campaign no more failures than the settings tolerate.
fn limits(bounds: Bounds, settings: Option<&Settings>) -> Limits {
    Limits {
        customers: bounds.customers,
        concurrency: bounds.concurrency,
        budget_usd: bounds.budget_usd,
        tolerated_failure_percentage: settings.map(|settings| settings.local.tolerated_failure_percentage),
    }
}

/// What a run would do and take.
async fn look(runner: &Runner, request: &Request) -> Result<Found, Failure> {
    let forecast = forecast(runner, request).await?;
    let forecast = serde_json::to_value(&forecast).expect("a forecast serializes to JSON");
    Ok(Found { forecast: Some(forecast), stopped: None })
}

/// What a forecast, read back, decided of a customer.
fn decided(decision: &Value) -> Option<Decided> {
    let reference = CustomerRef::parse(decision["reference"].as_str()?).ok()?;
    Some(Decided { reference, because: decision["because"].as_str().map(str::to_owned) })
}

/// What was written down, by name. What a killed process left half-written has a name of its own, and is removed.
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

fn stopped() -> Failure {
    Failure::told(ErrorName::RunCancelled, "the server stops", "it goes on when the server is started again")
}

fn event(kind: Kind) -> Told {
    Told::new(0, Timestamp::now(), kind)
}

/// Writes into the journal what happens in a run. Of a campaign only what concerns the whole; its customers are counted.
async fn tell(mut happening: UnboundedReceiver<Event>, journal: Arc<Journal>, campaign: Option<Arc<Mutex<Tally>>>) {
    let one_customer = campaign.is_none();
    let mut share_told = 0.0;
    let told_stage = |stage, state| Told::of_stage(0, Timestamp::now(), stage, state);
    while let Some(happened) = happening.recv().await {
        if let Some(tally) = &campaign {
            tally.lock().unwrap_or_else(PoisonError::into_inner).hear(&happened);
        }
        let of_customer = matches!(
            happened,
            Event::Started(Some(_), _)
                | Event::Done(Some(_), ..)
                | Event::Failed(Some(_), ..)
                | Event::Retrying(Some(_), ..)
        );
        if of_customer && !one_customer {
            continue;
        }
        match happened {
            Event::Customers(1) => {}
            Event::Customers(customers) => {
                journal.tell(Told { message: Some(format!("{customers} customers")), ..event(Kind::Log) });
            }
            Event::Started(_, stage) => {
                // Only what the guard has passed is spoken.
                if stage == Stage::Narrate && !journal.has_text() {
                    journal.tell(event(Kind::Text));
                }
                share_told = 0.0;
                journal.tell(told_stage(stage, StageState::Running));
            }
            Event::Done(_, stage, _) => journal.tell(told_stage(stage, StageState::Done)),
            Event::Failed(_, stage, error) => {
                journal.tell(Told { message: Some(error.to_string()), ..told_stage(stage, StageState::Failed) });
            }
            Event::Rendering(_, share) if one_customer && share >= share_told + SHARE => {
                share_told = share;
                let share = Some(share.clamp(0.0, 1.0));
                journal.tell(Told { stage: Some(Stage::Render), share, ..event(Kind::Progress) });
            }
            Event::Retrying(_, stage, error) => {
                journal.tell(Told { stage: Some(stage), message: Some(error.to_string()), ..event(Kind::Retry) });
            }
            Event::Ended(_, outcome) if one_customer => {
                if matches!(outcome, Outcome::Published { .. }) && !journal.has_text() {
                    journal.tell(event(Kind::Text));
                }
                journal.tell(Told { message: Some(outcome.word().to_owned()), ..event(Kind::Result) });
            }
            Event::Rendering(..) | Event::Spent(_) | Event::Ended(..) => {}
        }
    }
}
