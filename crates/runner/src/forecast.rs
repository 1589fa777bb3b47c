//! The dry run: makes the same decision for each customer as the stages would, and forecasts the time and cost on this
//! machine and on AWS. It makes no results and does not call a model.

use std::collections::{BTreeMap, HashMap};

use assess::{Rules, assess};
use contracts::evidence::HELD_OUT;
use contracts::facts::{Assessment, Facts, Skip, Stance};
use contracts::key::{Area, Artefact, Prefix, Workbook};
use contracts::model::WriterMode;
use contracts::request::Request;
use contracts::settings::ModelSettings;
use contracts::voice::{Engine, VoiceName};
use contracts::{CustomerRef, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use policy::contact_cap::heard_lately;
use policy::control::{self, Control};
use policy::customer::CustomerRecord;
use policy::experiment::is_held_out;
use serde::Serialize;
use storage::secret::SecretName;

use crate::failure::Failure;
use crate::run::Runner;
use cost::aws::{AwsForecast, StackSetup, forecast_aws, too_large};
use cost::local::{LocalForecast, TextSize, Workload, forecast_local};
use cost::prices::{TOKENS_READ, TOKENS_WRITTEN};
use cost::reuse::NewWork;

/// A stack's default concurrency.
const STACK_CONCURRENCY: f64 = 5.0;
/// Transaction rows per customer, as in the sample data.
const TRANSACTIONS: f64 = 50.0;

/// The decisions in a run, and its time and cost.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// The run that would start or continue.
    pub run: RunId,
    /// Customers whom the run would process: all that the request lists, or only those within the limit.
    pub customers: usize,
    /// Customers with a recommendation or a service message, including those from earlier attempts.
    #[serde(rename = "selected")]
    pub recommendations: usize,
    /// Customers who get a service message without an offer.
    pub service_messages: usize,
    /// Skipped and held-out customers, by reason.
    pub skipped_because: BTreeMap<String, usize>,
    /// Customers whose processing an earlier attempt finished.
    pub ended_before: usize,
    /// Videos that still have to be made.
    pub videos: usize,
    /// The total length of these videos in seconds.
    pub video_seconds: f64,
    /// The shared sentences and scenes of these videos that are expected to be new.
    pub new: NewWork,
    /// The model usage.
    pub model: ModelUse,
    /// The forecast for this machine.
    pub here: LocalForecast,
    /// CPU seconds that this machine needs to encode a second of video, as just measured. 0 if there are no videos.
    pub encoding_cpu_seconds: f64,
    /// The forecast for AWS.
    pub aws: AwsForecast,
    /// The reasons why the batch is too large for AWS, each with a remedy. Empty if it is not too large.
    pub too_large: Vec<String>,
    /// The decision for each customer, in the dataset's order.
    #[serde(rename = "each")]
    pub decisions: Vec<Decision>,
}

/// The model calls for the customers who are not finished yet.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ModelUse {
    /// Model calls, assuming that the guard never sends a draft back to the model.
    pub calls: usize,
    /// Input tokens.
    pub tokens_read: u64,
    /// Output tokens.
    pub tokens_written: u64,
    /// US dollars, at the prices in the settings.
    pub usd: f64,
}

/// The decision for one customer.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// The customer.
    pub reference: CustomerRef,
    /// The number of offers. 0 means a service message. `None` if the customer is skipped or held out.
    pub offers: Option<usize>,
    /// The reason why the customer is skipped or held out.
    pub because: Option<&'static str>,
    /// Whether an earlier attempt finished processing the customer.
    pub ended_before: bool,
}

impl Decision {
    /// Returns whether the customer's recommendation still has to be made.
    const fn is_open(&self) -> bool {
        self.offers.is_some() && !self.ended_before
    }
}

/// Forecasts what [`Runner::run`] would do with `request` within the runner's limits.
pub async fn forecast(runner: &Runner, request: &Request) -> Result<Forecast, Failure> {
    let run = request.run_id();
    let mut decisions = decide(runner, request, &run).await?;
    if let Some(count) = runner.limits.customers {
        let mut proceeding = decisions.iter().enumerate().filter(|(_, decision)| decision.offers.is_some());
        if let Some((last, _)) = proceeding.nth(count) {
            decisions.truncate(last);
        }
    }
    let engine = engine(runner, request);
    let open = decisions.iter().filter(|decision| decision.is_open());
    let texts: Vec<TextSize> = open.filter_map(|decision| decision.offers).map(TextSize::with_offers).collect();
    let videos = texts.len().min(request.videos.unwrap_or(usize::MAX));
    let video_seconds = texts.iter().take(videos).map(|text| text.video_seconds(request.words_per_minute)).sum();
    let offers = decisions.iter().filter(|decision| decision.is_open()).filter_map(|decision| decision.offers);
    let new = new_work(runner, videos, offers.take(videos).sum()).await?;
    let work = Workload { customers: decisions.len(), recommendations: texts.len(), videos, video_seconds, new };
    // The phrasebook writes every service message.
    let calls = decisions.iter().filter(|decision| decision.is_open() && decision.offers != Some(0)).count();
    let model = model_use(&runner.services.settings.writer.model, request.writer, calls);
    let encoding = encoding(runner, request, videos).await?;

    let settings = &runner.services.settings;
    #[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
    let share = 1.0 / texts.len().max(1) as f64;
    let setup = StackSetup {
        concurrency: STACK_CONCURRENCY,
        // Lambda functions have Polly unless the settings name another engine.
        voice: settings.voice.engine.only().unwrap_or(Engine::Polly),
        model_usd: model.usd * share,
        resolution: settings.video.resolution,
        transactions: TRANSACTIONS,
        characters: texts.iter().map(|text| text.characters).sum::<f64>() * share,
    };
    let aws = forecast_aws(&work, &setup);
    let count = |matches: fn(&Decision) -> bool| decisions.iter().filter(|decision| matches(decision)).count();
    let mut skipped_because = BTreeMap::new();
    for because in decisions.iter().filter_map(|decision| decision.because) {
        *skipped_because.entry(because.to_owned()).or_default() += 1;
    }
    Ok(Forecast {
        run,
        customers: decisions.len(),
        recommendations: count(|decision| decision.offers.is_some()),
        service_messages: count(|decision| decision.offers == Some(0)),
        skipped_because,
        ended_before: count(|decision| decision.ended_before),
        videos,
        video_seconds,
        new,
        model,
        here: forecast_local(&work, &settings.video, engine, encoding, runner.concurrency()),
        encoding_cpu_seconds: encoding,
        too_large: too_large(&work, &aws),
        aws,
        decisions,
    })
}

/// Returns the sentences and scenes that are expected to be new, given the number that the stores already hold.
async fn new_work(runner: &Runner, videos: usize, offers: usize) -> Result<NewWork, Failure> {
    let store = runner.services.vault.store();
    let scenes = store.list(&Prefix::Area(Area::Scenes)).await?.len();
    let sentences = store.list(&Prefix::Area(Area::Speech)).await?.len();
    Ok(NewWork::expect(videos, offers, scenes, sentences))
}

/// Returns the voice engine that would be used: the one in the request or the settings, or else the preferred one.
fn engine(runner: &Runner, request: &Request) -> Engine {
    let requested = request.voice.as_deref().map(VoiceName::parse).and_then(|voice| voice.engine);
    let chosen = requested.or(runner.services.settings.voice.engine.only());
    chosen.or(request.engines.first().copied()).unwrap_or(Engine::Espeak)
}

/// Returns the model usage for this number of calls.
fn model_use(settings: &ModelSettings, writer: WriterMode, calls: usize) -> ModelUse {
    if !settings.enabled || !writer.asks_a_model() {
        return ModelUse::default();
    }
    let tokens_read = TOKENS_READ * calls as u64;
    let tokens_written = TOKENS_WRITTEN * calls as u64;
    ModelUse { calls, tokens_read, tokens_written, usd: settings.usage(tokens_read, tokens_written).usd }
}

/// Measures the CPU seconds that this machine needs to encode a second of video. Returns 0 if there are no videos.
async fn encoding(runner: &Runner, request: &Request, videos: usize) -> Result<f64, Failure> {
    if videos == 0 {
        return Ok(0.0);
    }
    let tools = runner.services.programs.media.clone();
    let brand = runner.project.brand.clone();
    let assets = runner.project.folders.assets.clone();
    let scratch = runner.services.scratch.clone();
    let video = runner.services.settings.video.clone();
    let shape = request.shape;
    let measured = tokio::task::spawn_blocking(move || {
        render::measure_encoding_cost(&tools, &brand, &assets, &video, shape, &scratch)
    });
    Ok(measured.await.map_err(|panic| Failure::Refused {
        name: ErrorName::RenderFailed,
        message: format!("failed to measure the encoding speed: {panic}"),
        help: None,
    })??)
}

/// Makes the decision that `assess` would make for each customer.
async fn decide(runner: &Runner, request: &Request, run: &RunId) -> Result<Vec<Decision>, Failure> {
    let settings = &runner.services.settings;
    let now = Timestamp::now();
    let mut records = join(runner, request, now).await?;
    records.retain(|record| request.lists(record.reference()));
    let controls = controls(runner, &records, now).await?;
    let no_control = Control::default();
    let rules = Rules {
        catalogue: &runner.project.catalogue,
        lexicon: &runner.project.lexicon,
        keys: runner.services.vault.keys(),
        categories: &request.categories,
        at_most: settings.offers.at_most,
        stop_days: settings.offers.stops_age_out_days.into(),
        today: now.to_zoned(TimeZone::UTC).date(),
        languages: &request.languages,
    };
    let store = runner.services.vault.store();
    let days = request.at_most_every_days;
    let mut decisions = Vec::with_capacity(records.len());
    for record in records {
        let reference = record.reference().clone();
        let control = controls.get(&reference).unwrap_or(&no_control);
        let decided = match assess(record, control, &rules) {
            Assessment::Proceed(facts) if !request.selects(&facts) => Err(Skip::OutsideSegment.because()),
            Assessment::Proceed(_) if heard_lately(store, &reference, run, days, now).await? => {
                Err(Skip::HeardLately.because())
            }
            Assessment::Proceed(facts) if is_held_out(request, rules.keys, &facts) => Err(HELD_OUT),
            Assessment::Proceed(facts) => Ok(offers(&facts)),
            Assessment::HeldOut(_) => Err(HELD_OUT),
            Assessment::Skip { skip, .. } => Err(skip.because()),
        };
        let evidence = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
        let ended_before = store.find(&evidence).await?.is_some();
        decisions.push(Decision { reference, offers: decided.ok(), because: decided.err(), ended_before });
    }
    Ok(decisions)
}

/// Reads and joins the workbooks of the request's batch.
async fn join(runner: &Runner, request: &Request, now: Timestamp) -> Result<Vec<CustomerRecord>, Failure> {
    let services = &runner.services;
    let mut files = [const { bytes::Bytes::new() }; 3];
    for (workbook, file) in Workbook::ALL.into_iter().zip(&mut files) {
        *file = services.vault.store().get(&ObjectKey::Incoming(request.batch.clone(), workbook)).await?;
    }
    services.guard_batch(&request.batch, &runner.project.catalogue).await?;
    let protected = files.iter().any(|file| merge::is_encrypted(file));
    let password = if protected { Some(services.secrets.get(SecretName::WorkbookPassword).await?) } else { None };
    let vault = services.vault.clone();
    let catalogue = runner.project.catalogue.clone();
    let intake = services.settings.intake.clone();
    let joined = tokio::task::spawn_blocking(move || {
        merge::join(&files, password.as_ref(), &intake, &catalogue, vault.keys(), now)
    });
    let (records, _) = joined.await.map_err(merge::Error::from)??;
    Ok(records)
}

/// Returns each customer's control data. If there is none at all, returns an empty map without a read per customer.
async fn controls(
    runner: &Runner,
    records: &[CustomerRecord],
    now: Timestamp,
) -> Result<HashMap<CustomerRef, Control>, Failure> {
    let store = runner.services.vault.store();
    let mut controls = HashMap::new();
    let lists = [store.find(&ObjectKey::Suppressions).await?, store.find(&ObjectKey::Consents).await?];
    if lists.iter().any(Option::is_some) || !store.list(&Prefix::Suppressions).await?.is_empty() {
        for record in records {
            let reference = record.reference();
            controls.insert(reference.clone(), control::read(&runner.services.vault, reference, now).await?);
        }
    }
    Ok(controls)
}

fn offers(facts: &Facts) -> usize {
    match &facts.stance {
        Stance::Recommend { offers } => offers.len(),
        Stance::Service { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_writers_that_use_a_model_cost_anything() {
        let settings = ModelSettings { enabled: true, ..ModelSettings::default() };
        assert_eq!(model_use(&settings, WriterMode::Phrases, 10).calls, 0);
        assert_eq!(model_use(&settings, WriterMode::Select, 10).calls, 10);
        assert_eq!(model_use(&settings, WriterMode::Free, 10).calls, 10);
        assert_eq!(model_use(&ModelSettings::default(), WriterMode::Free, 10).calls, 0);
    }
}
