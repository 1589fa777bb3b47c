//! The runner of one machine: the stages in the order of [`contracts::stage::STAGES`], customers side by side, each stage
//! tried again as the table says, and one outcome for each customer in the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contracts::evidence::{Manifest, Outcome};
use contracts::key::{Artefact, RunPart};
use contracts::request::Request;
use contracts::script::Usage;
use contracts::secret::Secrets;
use contracts::settings::Settings;
use contracts::stage::{
    self, AssessInput, CustomerTask, FinalizeInput, IndexRow, MergeInput, MergeOutput, PublishInput, RecommendInput,
    STAGES, Stage,
};
use contracts::vault::{Owner, Vault};
use contracts::{CustomerRef, DatasetId, Digest, ErrorName, NamedError, ObjectKey, RunId};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::folder::BACKGROUNDS;
use crate::project::Project;

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
        let rows = self.rows(&run).await?;
        let _watched = self.events.send(Event::Customers(rows.len()));

        let assessed: Vec<_> =
            stream::iter(rows).map(|row| self.assess(&run, &merged, row)).buffered(self.concurrency()).collect().await;
        let wanted = choose_videos(&assessed, request.videos);

        let customers: Vec<_> = stream::iter(assessed.into_iter().zip(wanted))
            .map(|(assessed, video)| self.customer(&run, assessed, video))
            .buffered(self.concurrency())
            .try_collect()
            .await?;
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        let manifest = self.finalize(&run, Some(&merged)).await?;
        Ok(RunReport { run, customers, manifest, dataset: merged.dataset })
    }

    fn concurrency(&self) -> usize {
        match self.settings.local.concurrency {
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

    async fn assess(&self, run: &RunId, merged: &MergeOutput, row: IndexRow) -> Assessed {
        let begun = Instant::now();
        let reference = row.reference.clone();
        let deps = assess::Deps {
            vault: &self.vault,
            settings: &self.settings,
            catalogue: &self.project.catalogue,
            lexicon: &self.project.lexicon,
            now: Timestamp::now(),
        };
        let decided = self
            .attempt(Stage::Assess, Some(&reference), || {
                assess::run(AssessInput { run: run.clone(), dataset: merged.dataset.clone(), row: row.clone() }, &deps)
            })
            .await
            .map(|output| output.proceed);
        Assessed { reference, decided, took: begun.elapsed() }
    }

    /// The stages of one customer after `assess`. Fails only when the run was stopped or the outcome cannot be written.
    async fn customer(&self, run: &RunId, assessed: Assessed, video: bool) -> Result<CustomerReport, Failure> {
        let begun = Instant::now();
        let Assessed { reference, decided, took } = assessed;
        let made = match decided {
            // What an earlier run left is only settled: nothing is made again.
            _ if self.has_evidence(run, &reference).await? => Ok(()),
            Ok(true) => self.make(run, &reference, video).await,
            Ok(false) => Ok(()),
            Err(failed) => Err(failed),
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
        let seconds = (took + begun.elapsed()).as_secs_f64();
        tracing::info!(%run, %reference, outcome = outcome.word(), seconds, "customer ended");
        let _watched = self.events.send(Event::Ended(reference.clone(), outcome.clone()));
        Ok(CustomerReport { reference, outcome, message, seconds })
    }

    async fn has_evidence(&self, run: &RunId, reference: &CustomerRef) -> Result<bool, Failure> {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
        Ok(self.vault.store().find(&key).await?.is_some())
    }

    async fn make(&self, run: &RunId, reference: &CustomerRef, video: bool) -> Result<(), StageFailed> {
        let who = Some(reference);
        let task = || CustomerTask { run: run.clone(), reference: reference.clone() };
        let (vault, settings) = (&self.vault, &self.settings);
        let project = &self.project;

        let deps = recommend::Deps {
            vault,
            settings,
            catalogue: &project.catalogue,
            brand: &project.brand,
            secrets: self.secrets.as_ref(),
            http: &self.http,
        };
        let recommend = async |without_model| {
            let input = || RecommendInput { run: run.clone(), reference: reference.clone(), without_model };
            let write = || async { recommend::run(input(), &mut Usage::default(), &deps).await };
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
        self.attempt(Stage::Narrate, who, || narrate::run(task(), &deps)).await?;

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
            tools: &self.programs.media,
            cancel: &self.cancel,
            progress: &progress,
        };
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

struct Assessed {
    reference: CustomerRef,
    decided: Result<bool, StageFailed>,
    took: Duration,
}

/// The first `videos` customers that have something to be told get a video: the same ones whenever the run is taken up.
fn choose_videos(assessed: &[Assessed], videos: Option<usize>) -> Vec<bool> {
    let mut left = videos.unwrap_or(usize::MAX);
    assessed
        .iter()
        .map(|customer| {
            let chosen = matches!(customer.decided, Ok(true)) && left > 0;
            left -= usize::from(chosen);
            chosen
        })
        .collect()
}

fn stopped(stage: Stage) -> StageFailed {
    let failure = stage::Failure { stage, error: ErrorName::RunCancelled, message: "stopped".to_owned() };
    StageFailed { failure, help: None }
}

fn cancelled() -> Failure {
    Failure::told(ErrorName::RunCancelled, "stopped before the end", "the same command goes on from here")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assessed(decided: &[bool]) -> Vec<Assessed> {
        let reference = CustomerRef::parse("0".repeat(32)).unwrap();
        decided
            .iter()
            .map(|decided| Assessed { reference: reference.clone(), decided: Ok(*decided), took: Duration::ZERO })
            .collect()
    }

    #[test]
    fn videos_go_to_the_first_customers_who_have_something_to_be_told() {
        let customers = assessed(&[false, true, true, false, true]);
        assert_eq!(choose_videos(&customers, Some(2)), [false, true, true, false, false]);
        assert_eq!(choose_videos(&customers, None), [false, true, true, false, true]);
        assert_eq!(choose_videos(&customers, Some(0)), [false; 5]);
    }
}
