//! Executes a request. Runs the stages in the order of [`contracts::stage::STAGES`], for several customers at a time,
//! and retries them as the stage table specifies. Each customer gets exactly one outcome.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use contracts::evidence::{Manifest, Outcome};
use contracts::key::{Artefact, RunPart};
use contracts::request::Request;
use contracts::script::{Script, Usage};
use contracts::stage::{
    self, AssessInput, CustomerTask, FinalizeInput, IndexRow, MergeInput, MergeOutput, PublishInput, RecommendInput,
    STAGES, Stage,
};
use contracts::{CustomerRef, DatasetId, Digest, ErrorName, NamedError, ObjectKey, RunId};
use futures::{FutureExt as _, StreamExt as _, stream};
use jiff::Timestamp;
use policy::evidence;
use storage::vault::Owner;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::budget::BudgetGate;
use crate::event::RunnerEvent;
use crate::failure::Failure;
use crate::folder::BACKGROUNDS;
use crate::limits::{RunLimits, StopReason};
use crate::logs::{CUSTOMER_FAILED, RUN_FAILED};
use crate::project::Project;
use crate::services::Services;
use cost::prices;

/// How many customers to keep in progress for each concurrent render. While one video renders, the others are in
/// earlier or later stages, so neither the cores nor the model service sits idle.
const AHEAD: usize = 4;

/// The local runner. It executes runs on one machine.
pub struct Runner {
    /// The bank's materials.
    pub project: Project,
    /// The services that all runs share.
    pub services: Services,
    /// The limits of the run.
    pub limits: RunLimits,
    /// A background that the caller supplied.
    pub background: Option<PathBuf>,
    /// Cancels the run.
    pub cancel: CancellationToken,
    /// Receives the run's events.
    pub events: UnboundedSender<RunnerEvent>,
}

/// The result for one customer.
#[derive(Clone, Debug)]
pub struct CustomerReport {
    /// The customer.
    pub reference: CustomerRef,
    /// The outcome.
    pub outcome: Outcome,
    /// The error message, if a stage failed.
    pub message: Option<String>,
    /// The elapsed time in seconds. Almost 0 for a result from an earlier attempt.
    pub seconds: f64,
}

/// The result of a run.
#[derive(Debug)]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// The customers whom this attempt finished, in the dataset's order.
    pub customers: Vec<CustomerReport>,
    /// The manifest that finalize wrote.
    pub manifest: Manifest,
    /// The dataset of the run.
    pub dataset: DatasetId,
    /// The number of customers whom this attempt did not finish, because they are beyond [`RunLimits::customers`] or
    /// because the run stopped first.
    pub waiting: usize,
    /// The reason why the run stopped early, or `None` if it did not.
    pub stop: Option<StopReason>,
}

/// A stage that failed and will not be retried.
#[derive(Debug)]
struct StageFailed {
    failure: stage::StageFailure,
    help: Option<String>,
}

impl From<StageFailed> for Failure {
    fn from(failed: StageFailed) -> Self {
        Self::Refused { name: failed.failure.error, message: failed.failure.message, help: failed.help }
    }
}

/// The state that the customers in a run share.
struct Shared<'a> {
    run: &'a RunId,
    merged: &'a MergeOutput,
    /// The customers who get a video. `None` means all.
    videos: Option<HashSet<CustomerRef>>,
    budget: BudgetGate<'a>,
    /// The maximum cost of one customer in US dollars.
    worst_case_usd: f64,
    speaking: Semaphore,
    rendering: Semaphore,
}

impl Runner {
    /// Executes `request`. A customer's failure is an outcome. Only a failure of the whole run is an error.
    pub async fn run(&self, request: &Request) -> Result<RunReport, Failure> {
        // Check this before writing anything, because the prompt may mention the customer.
        if let Some(only) = &request.only
            && self.services.vault.store().find(&ObjectKey::Forgotten(only.clone())).await?.is_some()
        {
            return Err(merge::Error::Forgotten { batch: request.batch.clone() }.into());
        }
        let run = request.run_id();
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        self.services.vault.write_json(Owner::Run, &key, &Digest::of_json(request), request.clone()).await?;

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
            let first = self.first_to_proceed(&run, &merged, &rows, count).await;
            let last = first.last().and_then(|last| rows.iter().position(|row| row.reference == *last));
            // Customers before the last selected one also get an outcome, even if they are skipped.
            rows.truncate(if first.len() < count { all } else { last.map_or(0, |last| last + 1) });
        }
        let videos = match request.videos {
            Some(count) => Some(self.first_to_proceed(&run, &merged, &rows, count).await.into_iter().collect()),
            None => None,
        };
        self.send(RunnerEvent::Customers(rows.len()));

        let shared = Shared {
            run: &run,
            merged: &merged,
            videos,
            budget: BudgetGate::new(&self.limits),
            worst_case_usd: prices::worst_case(&self.services.settings, request),
            speaking: Semaphore::new(self.concurrency()),
            rendering: Semaphore::new(self.concurrency()),
        };
        let customers = self.customers(&shared, rows).await?;
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        let manifest = self.finalize(&run, Some(&merged)).await?;
        let waiting = all - customers.len();
        let stop = shared.budget.stop_reason();
        Ok(RunReport { run, customers, manifest, dataset: merged.dataset, waiting, stop })
    }

    /// Processes every customer whom the limits admit, and returns the reports in the dataset's order.
    async fn customers(&self, shared: &Shared<'_>, rows: Vec<IndexRow>) -> Result<Vec<CustomerReport>, Failure> {
        let mut ended = Vec::new();
        let mut open = Vec::new();
        for (position, row) in rows.into_iter().enumerate() {
            let list = if self.has_evidence(shared.run, &row.reference).await? { &mut ended } else { &mut open };
            list.push((position, row));
        }
        let mut customers = Vec::new();
        let mut failure = None;
        let broken = AtomicBool::new(false);
        let goes_on =
            || shared.budget.stop_reason().is_none() && !self.cancel.is_cancelled() && !broken.load(Ordering::Relaxed);
        // The futures are boxed, here and below, so the compiler can verify that a run is `Send`. Finished customers
        // are processed first, so their cost is known before the run spends more.
        for rows in [ended, open] {
            let mut running = stream::iter(rows.into_iter().take_while(|_| goes_on()))
                .map(|(position, row)| async move { (position, Box::pin(self.customer(shared, row)).await) }.boxed())
                .buffer_unordered(self.concurrency() * AHEAD);
            // If processing one customer returns an error, still finish the customers in progress.
            while let Some((position, result)) = running.next().await {
                match result {
                    Ok(customer) => customers.extend(customer.map(|customer| (position, customer))),
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
        customers.sort_by_key(|(position, _)| *position);
        Ok(customers.into_iter().map(|(_, customer)| customer).collect())
    }

    /// Returns the number of customers whose videos are narrated and rendered concurrently.
    pub(crate) fn concurrency(&self) -> usize {
        match self.limits.concurrency.unwrap_or(self.services.settings.local.concurrency) {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            set => set,
        }
    }

    async fn merge(&self, run: &RunId, request: &Request) -> Result<MergeOutput, StageFailed> {
        self.attempt(Stage::Merge, None, || async {
            let guarded = self.services.guard_batch(&request.batch, &self.project.catalogue).await;
            guarded.map_err(|failure| merge::Error::Reader {
                name: failure.name(),
                message: failure.to_string(),
                help: failure.help(),
            })?;
            let deps = merge::Deps {
                vault: &self.services.vault,
                secrets: self.services.secrets.as_ref(),
                settings: &self.services.settings,
                catalogue: &self.project.catalogue,
                now: Timestamp::now(),
            };
            merge::run(MergeInput { run: run.clone(), batch: request.batch.clone() }, &deps).await
        })
        .await
    }

    async fn rows(&self, run: &RunId) -> Result<Vec<IndexRow>, Failure> {
        let key = ObjectKey::Run(run.clone(), RunPart::Index);
        let index = self.services.vault.store().get(&key).await?;
        IndexRow::read_all(&index).map_err(|error| {
            let help = "remove the run's folder and start the run again";
            Failure::new(ErrorName::SealBroken, format!("{key}: {error}"), help)
        })
    }

    /// Returns the first `count` customers who get a message, in the dataset's order. Every attempt returns the same
    /// customers, unless assess fails for one of them.
    async fn first_to_proceed(
        &self,
        run: &RunId,
        merged: &MergeOutput,
        rows: &[IndexRow],
        count: usize,
    ) -> Vec<CustomerRef> {
        let assess = |row: IndexRow| {
            async move {
                let proceeds = self.assess(run, merged, &row).await.unwrap_or(false);
                proceeds.then_some(row.reference)
            }
            .boxed()
        };
        let assessed = stream::iter(rows.to_vec()).map(assess).buffered(self.concurrency());
        assessed.filter_map(std::future::ready).take(count).collect().await
    }

    /// Assesses a customer, and returns whether they would get a message.
    async fn assess(&self, run: &RunId, merged: &MergeOutput, row: &IndexRow) -> Result<bool, StageFailed> {
        let deps = assess::Deps {
            vault: &self.services.vault,
            settings: &self.services.settings,
            catalogue: &self.project.catalogue,
            lexicon: &self.project.lexicon,
            now: Timestamp::now(),
        };
        let assessed = self.attempt(Stage::Assess, Some(&row.reference), || {
            assess::run(AssessInput { run: run.clone(), dataset: merged.dataset.clone(), row: row.clone() }, &deps)
        });
        Ok(assessed.await?.proceed)
    }

    /// Processes one customer, or returns `None` if the run stops first. Fails only if the run is canceled or the store
    /// fails.
    async fn customer(&self, shared: &Shared<'_>, row: IndexRow) -> Result<Option<CustomerReport>, Failure> {
        let started = Instant::now();
        let run = shared.run;
        let reference = row.reference.clone();
        let video = shared.videos.as_ref().is_none_or(|videos| videos.contains(&reference));
        let used = Mutex::default();
        let mut admission = None;
        // If an earlier attempt finished processing the customer, only the publish stage runs again.
        let made = if self.has_evidence(run, &reference).await? {
            Ok(())
        } else {
            match self.assess(run, shared.merged, &row).await {
                Ok(true) => {
                    admission = shared.budget.admit(shared.worst_case_usd).await;
                    if admission.is_none() {
                        return Ok(None);
                    }
                    self.make(shared, &reference, video, &used).await
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
        // Publish the failure of any stage as this customer's outcome, so the other customers continue.
        let (outcome, message) = match published {
            Ok(outcome) => (outcome, None),
            Err(failed) => {
                let message = failed.failure.message.clone();
                let outcome = self.publish(run, &reference, video, Some(failed.failure)).await?;
                let is_failure = matches!(outcome, Outcome::Failed { .. });
                (outcome, is_failure.then_some(message))
            }
        };
        let used = *used.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = self.spent(run, &reference, used).await;
        shared.budget.record(&outcome, spent);
        drop(admission);
        let seconds = started.elapsed().as_secs_f64();
        tracing::info!(%run, %reference, outcome = outcome.word(), seconds, "finished processing customer");
        self.send(RunnerEvent::Spent(spent));
        self.send(RunnerEvent::Ended(reference.clone(), outcome.clone()));
        Ok(Some(CustomerReport { reference, outcome, message, seconds }))
    }

    async fn has_evidence(&self, run: &RunId, reference: &CustomerRef) -> Result<bool, Failure> {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
        Ok(self.services.vault.store().find(&key).await?.is_some())
    }

    /// Returns a customer's cost in US dollars: the larger of the recorded model cost and the cost `used` in this
    /// attempt, plus the outside voice. If a needed script cannot be read, such as after an erasure, counts only
    /// `used`.
    async fn spent(&self, run: &RunId, reference: &CustomerRef, used: Usage) -> f64 {
        let vault = &self.services.vault;
        let evidence = evidence::find(vault.store(), reference, run).await.ok().flatten();
        let made_by = evidence.and_then(|evidence| evidence.made_by);
        let outside = made_by.as_ref().and_then(|made_by| prices::voice_price(made_by.voice.as_deref()?));
        let recorded = made_by.and_then(|made_by| made_by.usage);
        if outside.is_none() && (used.usd > 0.0 || recorded.is_some()) {
            return used.usd.max(recorded.unwrap_or_default().usd);
        }
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
        let script = vault.read_json::<Script>(Owner::Customer(reference), &key).await;
        let Ok((script, _)) = script else { return used.usd };
        let usage = recorded.unwrap_or_else(|| prices::usage(&script.written_by));
        used.usd.max(usage.usd) + outside.map_or(0.0, |price| price.of_script(&script))
    }

    /// Runs recommend, and for a video also narrate and render. If the model service is throttled, writes without a
    /// model. Adds the model's usage to `used`.
    async fn make(
        &self,
        shared: &Shared<'_>,
        reference: &CustomerRef,
        video: bool,
        used: &Mutex<Usage>,
    ) -> Result<(), StageFailed> {
        match self.recommend(shared.run, reference, false, used).await {
            Err(failed) if failed.failure.error == ErrorName::WriterThrottled => {
                self.recommend(shared.run, reference, true, used).await?;
            }
            written => written?,
        }
        if !video {
            return Ok(());
        }
        {
            let _permit = shared.speaking.acquire().await;
            self.narrate(shared.run, reference).await?;
        }
        let _permit = shared.rendering.acquire().await;
        self.render(shared.run, reference).await
    }

    async fn recommend(
        &self,
        run: &RunId,
        reference: &CustomerRef,
        without_model: bool,
        used: &Mutex<Usage>,
    ) -> Result<(), StageFailed> {
        let deps = recommend::Deps {
            vault: &self.services.vault,
            settings: &self.services.settings,
            catalogue: &self.project.catalogue,
            phrases: &self.project.phrases,
            brand: &self.project.brand,
            secrets: self.services.secrets.as_ref(),
            http: &self.services.http,
            limiter: &self.services.limiter,
        };
        self.attempt(Stage::Recommend, Some(reference), || async {
            let input = RecommendInput { run: run.clone(), reference: reference.clone(), without_model };
            // The script records the tokens of all attempts.
            let mut usage = *used.lock().unwrap_or_else(PoisonError::into_inner);
            let written = recommend::run(input, &mut usage, &deps).await;
            *used.lock().unwrap_or_else(PoisonError::into_inner) = usage;
            written
        })
        .await?;
        Ok(())
    }

    async fn narrate(&self, run: &RunId, reference: &CustomerRef) -> Result<(), StageFailed> {
        let deps = narrate::Deps {
            vault: &self.services.vault,
            settings: &self.services.settings,
            engines: self.services.engines.as_ref(),
            brand: &self.project.brand,
            pronunciations: &self.project.pronunciations,
            secrets: self.services.secrets.as_ref(),
        };
        let task = || CustomerTask { run: run.clone(), reference: reference.clone() };
        self.attempt(Stage::Narrate, Some(reference), || narrate::run(task(), &deps)).await?;
        Ok(())
    }

    async fn render(&self, run: &RunId, reference: &CustomerRef) -> Result<(), StageFailed> {
        let progress = |share| {
            tracing::debug!(%run, %reference, share, "rendering");
            self.send(RunnerEvent::Rendering(reference.clone(), share));
        };
        let prepared = self.project.folders.artifacts.join(BACKGROUNDS);
        let deps = render::Deps {
            vault: &self.services.vault,
            settings: &self.services.settings,
            brand: &self.project.brand,
            assets: &self.project.folders.assets,
            background: self.background.as_deref(),
            prepared: &prepared,
            scratch: &self.services.scratch,
            cache: &self.services.probes,
            tools: &self.services.programs.media,
            cancel: &self.cancel,
            progress: &progress,
        };
        let task = || CustomerTask { run: run.clone(), reference: reference.clone() };
        self.attempt(Stage::Render, Some(reference), || render::run(task(), &deps)).await?;
        Ok(())
    }

    async fn publish(
        &self,
        run: &RunId,
        reference: &CustomerRef,
        video: bool,
        failure: Option<stage::StageFailure>,
    ) -> Result<Outcome, StageFailed> {
        self.attempt(Stage::Publish, Some(reference), || async {
            let deps = publish::Deps {
                vault: &self.services.vault,
                settings: &self.services.settings,
                catalogue: &self.project.catalogue,
                phrases: self.project.current_phrases(),
                brand: &self.project.brand,
                now: Timestamp::now(),
            };
            let input =
                PublishInput { run: run.clone(), reference: reference.clone(), video, failure: failure.clone() };
            publish::run(input, &deps).await
        })
        .await
    }

    async fn finalize(&self, run: &RunId, merged: Option<&MergeOutput>) -> Result<Manifest, Failure> {
        let dataset = merged.map(|merged| merged.dataset.clone());
        let finalized = self.attempt(Stage::Finalize, None, || async {
            let Services { vault, signer, .. } = &self.services;
            let deps = finalize::Deps { vault, signer: signer.as_ref(), now: Timestamp::now() };
            finalize::run(FinalizeInput { run: run.clone(), dataset: dataset.clone() }, &deps).await
        });
        Ok(finalized.await?)
    }

    /// Runs a stage, and retries transient failures according to the stage table.
    async fn attempt<T, E, F>(
        &self,
        stage: Stage,
        customer: Option<&CustomerRef>,
        work: impl Fn() -> F,
    ) -> Result<T, StageFailed>
    where
        E: NamedError,
        F: Future<Output = Result<T, E>>,
    {
        let row = STAGES.iter().find(|row| row.stage == stage).expect("the table has every stage");
        let mut wait = Duration::from_secs(row.interval_seconds.into());
        let mut retries = row.retries;
        self.send(RunnerEvent::Started(customer.cloned(), stage));
        let started = Instant::now();
        loop {
            if self.cancel.is_cancelled() {
                return Err(stopped(stage));
            }
            // A running stage is never dropped. When canceled, it stops its own programs and removes its own files.
            let error = match work().await {
                Ok(output) => {
                    let seconds = started.elapsed().as_secs_f64();
                    tracing::info!(%stage, reference = customer.map(tracing::field::display), seconds, "stage done");
                    self.send(RunnerEvent::Done(customer.cloned(), stage, seconds));
                    return Ok(output);
                }
                Err(error) => error,
            };
            let name = error.name();
            let message = contracts::error::chain(&error);
            if !name.is_transient() || retries == 0 {
                match customer {
                    // A customer's withdrawal of consent is not a failure. Neither is a suppression.
                    Some(reference) if name == ErrorName::ConsentWithdrawn => {
                        tracing::info!(%stage, %reference, message, "stage ended because the customer withdrew consent or is suppressed");
                    }
                    None => tracing::error!(target: RUN_FAILED, %stage, error = %name, message, "stage failed"),
                    Some(reference) => {
                        tracing::error!(target: CUSTOMER_FAILED, %stage, %reference, error = %name, message, "stage failed");
                    }
                }
                if name != ErrorName::ConsentWithdrawn {
                    self.send(RunnerEvent::Failed(customer.cloned(), stage, name));
                }
                return Err(StageFailed {
                    failure: stage::StageFailure { stage, error: name, message },
                    help: error.help(),
                });
            }
            retries -= 1;
            let reference = customer.map(tracing::field::display);
            tracing::warn!(%stage, reference, error = %name, message, "stage failed; retrying");
            self.send(RunnerEvent::Retrying(customer.cloned(), stage, name));
            // Full jitter could retry immediately, so the delay is never less than half of the wait.
            let jittered = wait.mul_f64(rand::random_range(0.5..1.0));
            tokio::select! {
                () = tokio::time::sleep(jittered) => {}
                () = self.cancel.cancelled() => return Err(stopped(stage)),
            }
            wait = wait.mul_f64(row.backoff);
        }
    }

    /// Sends an event. The run continues even if the receiver has been dropped.
    fn send(&self, event: RunnerEvent) {
        let _unwatched = self.events.send(event);
    }
}

fn stopped(stage: Stage) -> StageFailed {
    let failure = stage::StageFailure { stage, error: ErrorName::RunCancelled, message: "canceled".to_owned() };
    StageFailed { failure, help: None }
}

fn cancelled() -> Failure {
    Failure::new(ErrorName::RunCancelled, "the run was canceled", "to continue it, repeat the command")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_future_is_send() {
        fn is_send<T: Send>(_: impl Fn() -> T) {}
        fn check(runner: &Runner, request: &Request) {
            is_send(|| runner.run(request));
        }
        let compiles: fn(&Runner, &Request) = check;
        std::hint::black_box(compiles);
    }
}
