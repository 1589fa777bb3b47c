//! The runner of one machine: the stages in the order of [`contracts::stage::STAGES`], customers side by side, each stage
//! tried again as the table says, and one outcome for each customer in the end.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use contracts::evidence::{Evidence, Manifest, Outcome};
use contracts::key::{Artefact, RunPart};
use contracts::request::Request;
use contracts::script::{Script, Usage};
use contracts::settings::Settings;
use contracts::stage::{
    self, AssessInput, CustomerTask, FinalizeInput, IndexRow, MergeInput, MergeOutput, PublishInput, RecommendInput,
    STAGES, Stage,
};
use contracts::{CustomerRef, DatasetId, Digest, ErrorName, NamedError, ObjectKey, RunId};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use storage::secret::Secrets;
use storage::vault::{Owner, Vault};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::campaign::{Brakes, Limits, Stop, spend};
use crate::failure::Failure;
use crate::folder::BACKGROUNDS;
use crate::project::Project;
use crate::report::read_evidence;

/// Something that happened, for whoever watches.
#[derive(Clone, Debug)]
pub enum Event {
    /// The dataset is there; the run has this many customers.
    Customers(usize),
    /// A stage began: of a customer, or of the run as a whole.
    Started(Option<CustomerRef>, Stage),
    /// A stage came to its end, after so many seconds.
    Done(Option<CustomerRef>, Stage, f64),
    /// A stage failed for good.
    Failed(Option<CustomerRef>, Stage, ErrorName),
    /// The video is done to this share, 0 to 1.
    Rendering(CustomerRef, f64),
    /// A stage failed in passing and is tried again.
    Retrying(Option<CustomerRef>, Stage, ErrorName),
    /// A customer's part has cost so many US dollars.
    Spent(f64),
    /// A customer's part ended.
    Ended(CustomerRef, Outcome),
}

/// The programs that stages run.
#[derive(Clone, Debug)]
pub struct Programs {
    /// ffmpeg and ffprobe.
    pub media: render::Tools,
    /// espeak-ng.
    pub espeak: PathBuf,
}

/// All that the stages need on one machine.
pub struct Runner {
    /// The bank's own material.
    pub project: Project,
    /// The settings in force.
    pub settings: Settings,
    /// Where objects lie, sealed.
    pub vault: Vault,
    /// Where secrets come from.
    pub secrets: Arc<dyn Secrets>,
    /// Who can speak; shared by all runs of a process, because a model is loaded once.
    pub engines: Arc<narrate::Engines>,
    /// The client for the model service.
    pub http: reqwest::Client,
    /// What all runs of a process share, so that together they keep to the model service's limits.
    pub limiter: Arc<recommend::Limiter>,
    /// What all runs of a process share, so that what is known of the brand's files is found out once.
    pub known: Arc<render::Known>,
    /// What the run may take.
    pub limits: Limits,
    /// The programs.
    pub programs: Programs,
    /// A folder for temporary files.
    pub scratch: PathBuf,
    /// The caller's own background.
    pub background: Option<PathBuf>,
    /// Fires when the person stops the run.
    pub cancel: CancellationToken,
    /// Where events go.
    pub events: UnboundedSender<Event>,
}

/// How one customer's part ended.
#[derive(Clone, Debug)]
pub struct CustomerReport {
    /// The customer.
    pub reference: CustomerRef,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, if it failed.
    pub message: Option<String>,
    /// Seconds of work, as the clock has it; results found from before take almost none.
    pub seconds: f64,
}

/// How a run ended.
#[derive(Debug)]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// Its customers, in the dataset's order.
    pub customers: Vec<CustomerReport>,
    /// The manifest that was written.
    pub manifest: Manifest,
    /// The dataset that it was made from.
    pub dataset: DatasetId,
    /// How many customers no attempt has begun with: beyond [`Limits::customers`], or after the run had to stop.
    pub waiting: usize,
    /// Why the run stopped before its end, if it did.
    pub stop: Option<Stop>,
}

/// A stage that failed for good.
#[derive(Debug)]
struct StageFailed {
    failure: stage::Failure,
    help: Option<String>,
}

impl From<StageFailed> for Failure {
    fn from(failed: StageFailed) -> Self {
        Self::Told { name: failed.failure.error, message: failed.failure.message, help: failed.help }
    }
}

impl Runner {
    /// Runs `request` to its end. A customer's failure is an outcome; only what concerns the whole run is an error.
    pub async fn run(&self, request: &Request) -> Result<RunReport, Failure> {
        // Before anything is written: a wish may name them.
        if let Some(only) = &request.only
            && self.vault.store().find(&ObjectKey::Forgotten(only.clone())).await?.is_some()
        {
            return Err(merge::Error::Forgotten { batch: request.batch.clone() }.into());
        }
        let run = request.run_id();
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        self.vault.write_json(Owner::Run, &key, &Digest::of_json(request), request.clone()).await?;

        let merged = match self.merge(&run, request).await {
            Ok(merged) => merged,
            Err(failed) => {
                self.finalize(&run, None).await?;
                return Err(failed.into());
            }
        };
        let mut rows = self.rows(&run).await?;
        let all = rows.len();
        if let Some(count) = self.limits.customers {
            let first = self.first(&run, &merged, &rows, count).await;
            let last = first.last().and_then(|last| rows.iter().position(|row| row.reference == *last));
            // Whoever has nothing to be told is recorded too, as far as it goes.
            rows.truncate(if first.len() < count { all } else { last.map_or(0, |last| last + 1) });
        }
        let videos = match request.videos {
            Some(count) => Some(self.first(&run, &merged, &rows, count).await.into_iter().collect()),
            None => None,
        };
        let _watched = self.events.send(Event::Customers(rows.len()));

        let work = Work {
            run: &run,
            merged: &merged,
            videos,
            brakes: Brakes::new(&self.limits),
            usd: spend::expected(&self.settings, request),
            speaking: Semaphore::new(self.concurrency()),
            rendering: Semaphore::new(self.concurrency()),
        };
        let customers = self.customers(&work, rows).await?;
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        let manifest = self.finalize(&run, Some(&merged)).await?;
        let (waiting, stop) = (all - customers.len(), work.brakes.stop());
        Ok(RunReport { run, customers, manifest, dataset: merged.dataset, waiting, stop })
    }

    /// Every customer of the run, as far as its limits let them begin, in the dataset's order.
    async fn customers(&self, work: &Work<'_>, rows: Vec<IndexRow>) -> Result<Vec<CustomerReport>, Failure> {
        let (mut ended, mut open) = (Vec::new(), Vec::new());
        for (at, row) in rows.into_iter().enumerate() {
            let to = if self.has_evidence(work.run, &row.reference).await? { &mut ended } else { &mut open };
            to.push((at, row));
        }
        let (mut customers, mut failure) = (Vec::new(), None);
        let broken = AtomicBool::new(false);
        let goes_on = || work.brakes.stop().is_none() && !self.cancel.is_cancelled() && !broken.load(Ordering::Relaxed);
        // What has ended before comes first, so that it is known what was spent before more is.
        for rows in [ended, open] {
            let mut parts = stream::iter(rows.into_iter().take_while(|_| goes_on()))
                .map(|(at, row)| async move { (at, self.customer(work, row).await) })
                .buffer_unordered(self.concurrency() * AHEAD);
            // Those under way come to their end whatever happens to one of them.
            while let Some((at, part)) = parts.next().await {
                match part {
                    Ok(customer) => customers.extend(customer.map(|customer| (at, customer))),
                    Err(error) => {
                        broken.store(true, Ordering::Relaxed);
                        failure.get_or_insert(error);
                    }
                }
            }
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        customers.sort_by_key(|(at, _)| *at);
        Ok(customers.into_iter().map(|(_, customer)| customer).collect())
    }

    /// How many customers are narrated and rendered at once.
    pub(crate) fn concurrency(&self) -> usize {
        match self.limits.concurrency.unwrap_or(self.settings.local.concurrency) {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            set => set,
        }
    }

    async fn merge(&self, run: &RunId, request: &Request) -> Result<MergeOutput, StageFailed> {
        self.attempt(Stage::Merge, None, || async {
            let deps = merge::Deps {
                vault: &self.vault,
                secrets: self.secrets.as_ref(),
                settings: &self.settings,
                catalogue: &self.project.catalogue,
                now: Timestamp::now(),
            };
            merge::run(MergeInput { run: run.clone(), batch: request.batch.clone() }, &deps).await
        })
        .await
    }

    async fn rows(&self, run: &RunId) -> Result<Vec<IndexRow>, Failure> {
        let key = ObjectKey::Run(run.clone(), RunPart::Index);
        let index = self.vault.store().get(&key).await?;
        IndexRow::read_all(&index).map_err(|error| {
            let help = "remove the run's folder and run again";
            Failure::told(ErrorName::SealBroken, format!("{key}: {error}"), help)
        })
    }

    /// The first `count` customers who have something to be told, in the dataset's order: the same ones whenever the run
    /// is taken up.
    async fn first(&self, run: &RunId, merged: &MergeOutput, rows: &[IndexRow], count: usize) -> Vec<CustomerRef> {
        let assess = |row: &IndexRow| {
            let row = row.clone();
            async move { (row.reference.clone(), self.assess(run, merged, &row).await.unwrap_or(false)) }
        };
        let assessed = stream::iter(rows).map(assess).buffered(self.concurrency());
        assessed.filter_map(|(reference, told)| async move { told.then_some(reference) }).take(count).collect().await
    }

    /// Whether there is anything to tell the customer.
    async fn assess(&self, run: &RunId, merged: &MergeOutput, row: &IndexRow) -> Result<bool, StageFailed> {
        let deps = assess::Deps {
            vault: &self.vault,
            settings: &self.settings,
            catalogue: &self.project.catalogue,
            lexicon: &self.project.lexicon,
            now: Timestamp::now(),
        };
        let assessed = self.attempt(Stage::Assess, Some(&row.reference), || {
            assess::run(AssessInput { run: run.clone(), dataset: merged.dataset.clone(), row: row.clone() }, &deps)
        });
        Ok(assessed.await?.proceed)
    }

    /// One customer's part; nothing if the run must stop before it begins. Fails only when the run was stopped by somebody
    /// or the outcome cannot be written.
    async fn customer(&self, work: &Work<'_>, row: IndexRow) -> Result<Option<CustomerReport>, Failure> {
        let begun = Instant::now();
        let (run, reference) = (work.run, row.reference.clone());
        let video = work.videos.as_ref().is_none_or(|videos| videos.contains(&reference));
        let (used, mut under_way) = (Mutex::default(), None);
        // What an earlier run left is only settled: nothing is made again.
        let made = if self.has_evidence(run, &reference).await? {
            Ok(())
        } else {
            match self.assess(run, work.merged, &row).await {
                Ok(true) => {
                    under_way = work.brakes.begin(work.usd).await;
                    if under_way.is_none() {
                        return Ok(None);
                    }
                    self.make(work, &reference, video, &used).await
                }
                Ok(false) => Ok(()),
                Err(failed) => Err(failed),
            }
        };
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        let published = match made {
            Ok(()) => self.publish(run, &reference, video, None).await,
            Err(failed) => Err(failed),
        };
        // A failure to publish is this customer's own too: the others go on.
        let (outcome, message) = match published {
            Ok(outcome) => (outcome, None),
            Err(failed) => {
                let message = failed.failure.message.clone();
                (self.publish(run, &reference, video, Some(failed.failure)).await?, Some(message))
            }
        };
        let used = *used.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = self.spent(run, &reference, used).await;
        work.brakes.ended(&outcome, spent);
        drop(under_way);
        let seconds = begun.elapsed().as_secs_f64();
        tracing::info!(%run, %reference, outcome = outcome.word(), seconds, "customer ended");
        let _watched = self.events.send(Event::Spent(spent));
        let _watched = self.events.send(Event::Ended(reference.clone(), outcome.clone()));
        Ok(Some(CustomerReport { reference, outcome, message, seconds }))
    }

    async fn has_evidence(&self, run: &RunId, reference: &CustomerRef) -> Result<bool, Failure> {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
        Ok(self.vault.store().find(&key).await?.is_some())
    }

    /// What a customer's part has cost, in US dollars: by the record, or else by the script, or else what was `used` just
    /// now. What cannot be read any more, because the customer was forgotten, counts as nothing.
    async fn spent(&self, run: &RunId, reference: &CustomerRef, used: Usage) -> f64 {
        let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
        let made_by = match read_evidence(&self.vault, &key(Artefact::Evidence)).await {
            Ok(Some(Evidence { made_by: Some(made_by), .. })) => Some(made_by),
            _ => None,
        };
        let outside = made_by.as_ref().and_then(|made_by| spend::price_of_voice(made_by.voice.as_deref()?));
        let recorded = made_by.and_then(|made_by| made_by.usage);
        if outside.is_none() && (used.usd > 0.0 || recorded.is_some()) {
            return used.usd.max(recorded.unwrap_or_default().usd);
        }
        let script = self.vault.read_json::<Script>(Owner::Customer(reference), &key(Artefact::Script)).await;
        let Ok((script, _)) = script else { return used.usd };
        let usage = recorded.unwrap_or_else(|| spend::usage(&script.written_by));
        used.usd.max(usage.usd) + outside.map_or(0.0, |price| price.of(&script))
    }

    /// The stages from `recommend` to `render`. Adds what a model used to `used`.
    async fn make(
        &self,
        work: &Work<'_>,
        reference: &CustomerRef,
        video: bool,
        used: &Mutex<Usage>,
    ) -> Result<(), StageFailed> {
        let (run, who) = (work.run, Some(reference));
        let task = || CustomerTask { run: run.clone(), reference: reference.clone() };
        let (vault, settings) = (&self.vault, &self.settings);
        let project = &self.project;

        let deps = recommend::Deps {
            vault,
            settings,
            catalogue: &project.catalogue,
            phrases: &project.phrases,
            brand: &project.brand,
            secrets: self.secrets.as_ref(),
            http: &self.http,
            limiter: &self.limiter,
        };
        let recommend = async |without_model| {
            let write = || async {
                let input = RecommendInput { run: run.clone(), reference: reference.clone(), without_model };
                // The script says what all attempts used.
                let mut usage = *used.lock().unwrap_or_else(PoisonError::into_inner);
                let written = recommend::run(input, &mut usage, &deps).await;
                *used.lock().unwrap_or_else(PoisonError::into_inner) = usage;
                written
            };
            self.attempt(Stage::Recommend, who, write).await
        };
        match recommend(false).await {
            Err(failed) if failed.failure.error == ErrorName::WriterThrottled => recommend(true).await?,
            written => written?,
        };
        if !video {
            return Ok(());
        }
        let (engines, pronunciations) = (self.engines.as_ref(), &project.pronunciations);
        let deps = narrate::Deps { vault, settings, engines, pronunciations, secrets: self.secrets.as_ref() };
        {
            let _turn = work.speaking.acquire().await;
            self.attempt(Stage::Narrate, who, || narrate::run(task(), &deps)).await?;
        }

        let progress = |share| {
            tracing::debug!(%run, %reference, share, "rendering");
            let _watched = self.events.send(Event::Rendering(reference.clone(), share));
        };
        let deps = render::Deps {
            vault,
            settings,
            brand: &project.brand,
            assets: &project.folders.assets,
            background: self.background.as_deref(),
            prepared: &project.folders.artifacts.join(BACKGROUNDS),
            scratch: &self.scratch,
            known: &self.known,
            tools: &self.programs.media,
            cancel: &self.cancel,
            progress: &progress,
        };
        let _turn = work.rendering.acquire().await;
        self.attempt(Stage::Render, who, || render::run(task(), &deps)).await?;
        Ok(())
    }

    async fn publish(
        &self,
        run: &RunId,
        reference: &CustomerRef,
        video: bool,
        failure: Option<stage::Failure>,
    ) -> Result<Outcome, StageFailed> {
        self.attempt(Stage::Publish, Some(reference), || async {
            let deps = publish::Deps {
                vault: &self.vault,
                settings: &self.settings,
                catalogue: &self.project.catalogue,
                brand: &self.project.brand,
                now: Timestamp::now(),
            };
            let (run, reference, failure) = (run.clone(), reference.clone(), failure.clone());
            publish::run(PublishInput { run, reference, video, failure }, &deps).await
        })
        .await
    }

    async fn finalize(&self, run: &RunId, merged: Option<&MergeOutput>) -> Result<Manifest, Failure> {
        let dataset = merged.map(|merged| merged.dataset.clone());
        let deps = finalize::Deps { vault: &self.vault };
        let finalized = self.attempt(Stage::Finalize, None, || {
            finalize::run(FinalizeInput { run: run.clone(), dataset: dataset.clone() }, &deps)
        });
        Ok(finalized.await?)
    }

    /// Does a stage's work, and again after a transient failure, as the stage table says.
    async fn attempt<T, E, F>(
        &self,
        stage: Stage,
        who: Option<&CustomerRef>,
        work: impl Fn() -> F,
    ) -> Result<T, StageFailed>
    where
        E: NamedError,
        F: Future<Output = Result<T, E>>,
    {
        let row = STAGES.iter().find(|row| row.stage == stage).expect("the table has every stage");
        let mut wait = Duration::from_secs(row.interval_seconds.into());
        let mut retries = row.retries;
        let _watched = self.events.send(Event::Started(who.cloned(), stage));
        let begun = Instant::now();
        loop {
            if self.cancel.is_cancelled() {
                return Err(stopped(stage));
            }
            // A stage is never dropped half-way: each ends its own programs and removes its own files when it is told to.
            let error = match work().await {
                Ok(done) => {
                    let seconds = begun.elapsed().as_secs_f64();
                    tracing::info!(%stage, reference = who.map(tracing::field::display), seconds, "stage done");
                    let _watched = self.events.send(Event::Done(who.cloned(), stage, seconds));
                    return Ok(done);
                }
                Err(error) => error,
            };
            let name = error.name();
            let message = contracts::error::chain(&error);
            if !name.is_transient() || retries == 0 {
                tracing::error!(%stage, reference = who.map(tracing::field::display), error = %name, message, "stage failed");
                let _watched = self.events.send(Event::Failed(who.cloned(), stage, name));
                return Err(StageFailed {
                    failure: stage::Failure { stage, error: name, message },
                    help: error.help(),
                });
            }
            retries -= 1;
            tracing::warn!(%stage, reference = who.map(tracing::field::display), error = %name, message, "stage is tried again");
            let _watched = self.events.send(Event::Retrying(who.cloned(), stage, name));
            // Full jitter would at times retry at once; half of the wait is always kept.
            let jittered = wait.mul_f64(rand::random_range(0.5..1.0));
            tokio::select! {
                () = tokio::time::sleep(jittered) => {}
                () = self.cancel.cancelled() => return Err(stopped(stage)),
            }
            wait = wait.mul_f64(row.backoff);
        }
    }
}

/// How many customers are under way for each that is rendered: others are written to, narrated and published meanwhile, so
/// that neither a core nor the model service waits.
const AHEAD: usize = 4;

/// What the customers of a run share.
struct Work<'a> {
    run: &'a RunId,
    merged: &'a MergeOutput,
    /// Who gets a video; everybody if none.
    videos: Option<HashSet<CustomerRef>>,
    brakes: Brakes<'a>,
    /// What one customer may cost, US dollars.
    usd: f64,
    speaking: Semaphore,
    rendering: Semaphore,
}

fn stopped(stage: Stage) -> StageFailed {
    let failure = stage::Failure { stage, error: ErrorName::RunCancelled, message: "stopped".to_owned() };
    StageFailed { failure, help: None }
}

fn cancelled() -> Failure {
    Failure::told(ErrorName::RunCancelled, "stopped before the end", "the same command goes on from here")
}
