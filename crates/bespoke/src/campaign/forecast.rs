//! The dry run: who would be told something, who not and why, and what that would take here and on AWS. Makes nothing, and
//! asks no model.

use std::collections::{BTreeMap, HashMap};

use assess::{Rules, assess};
use contracts::control::{self, Control};
use contracts::customer::CustomerRecord;
use contracts::evidence::heard_lately;
use contracts::facts::{Assessment, Facts, Skip, Stance};
use contracts::key::{Artefact, Prefix, Workbook};
use contracts::request::Request;
use contracts::secret::SecretName;
use contracts::voice::{Engine, VoiceName};
use contracts::{CustomerRef, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::aws::{Aws, Setup, aws, too_large};
use super::machine::{Local, Text, Work, local};
use super::spend::TOKENS;
use crate::failure::Failure;
use crate::runner::Runner;

/// What a run would do and take.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// The run that would be started, or taken up again.
    pub run: RunId,
    /// Customers of the workbooks, or those up to the limit.
    pub customers: usize,
    /// Who would be told something, earlier attempts included.
    pub told: usize,
    /// Of those: who would be sent a service message, and sold nothing.
    pub service_messages: usize,
    /// Who would not, by the reason.
    pub skipped_because: BTreeMap<String, usize>,
    /// Whose part an earlier attempt ended.
    pub ended_before: usize,
    /// Videos that are still to be made.
    pub videos: usize,
    /// Seconds of all of them together.
    pub video_seconds: f64,
    /// What the model would use.
    pub model: Model,
    /// On this machine.
    pub here: Local,
    /// CPU seconds that this machine takes to encode a second of video, measured now.
    pub encoding_cpu_seconds: f64,
    /// On AWS.
    pub aws: Aws,
    /// What would be too large there, and what to do.
    pub too_large: Vec<String>,
    /// Everybody, in the dataset's order.
    pub each: Vec<Decision>,
}

/// What the model would use for those who are still to be told something.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Model {
    /// Calls, if the guard sends nothing back.
    pub calls: usize,
    /// Tokens read.
    pub tokens_read: u64,
    /// Tokens written.
    pub tokens_written: u64,
    /// US dollars, by the prices in the settings.
    pub usd: f64,
}

/// What would be done for a customer.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// The customer.
    pub reference: CustomerRef,
    /// How many offers; none is a service message. Nothing if the customer would not be told anything.
    pub offers: Option<usize>,
    /// Why not, if so.
    pub because: Option<&'static str>,
    /// Whether an earlier attempt has ended the customer's part.
    pub ended_before: bool,
}

impl Decision {
    /// Whether something is still to be said to the customer.
    const fn is_open(&self) -> bool {
        self.offers.is_some() && !self.ended_before
    }
}

/// Says what [`Runner::run`] would do with `request` within the runner's limits.
pub async fn forecast(runner: &Runner, request: &Request) -> Result<Forecast, Failure> {
    let run = request.run_id();
    let mut each = decide(runner, request, &run).await?;
    if let Some(count) = runner.limits.customers {
        let mut told = each.iter().enumerate().filter(|(_, decision)| decision.offers.is_some());
        if let Some((last, _)) = told.nth(count) {
            each.truncate(last);
        }
    }
    let engine = engine(runner, request);
    let texts: Vec<Text> = each.iter().filter(|d| d.is_open()).filter_map(|d| d.offers).map(Text::of).collect();
    let videos = texts.len().min(request.videos.unwrap_or(usize::MAX));
    let seconds = texts.iter().take(videos).map(|text| text.video_seconds(request.words_per_minute)).sum();
    let work = Work { customers: each.len(), told: texts.len(), videos, video_seconds: seconds };
    let model = model(runner, &each);
    let encoding = encoding(runner, request, videos).await?;

    let video = &runner.settings.video;
    let text = texts.iter().fold((0.0, 0.0), |sum, text| (sum.0 + text.characters, sum.1 + text.sentences));
    #[expect(clippy::cast_precision_loss, reason = "customers are counted in millions at most")]
    let share = 1.0 / texts.len().max(1) as f64;
    let setup = Setup {
        concurrency: 10.0,
        polly: runner.settings.voice.engine.only().is_none_or(|engine| engine == Engine::Polly),
        model_usd: model.usd * share,
        resolution: video.resolution,
        transactions: 50.0,
        text: (text.0 * share, text.1 * share),
    };
    let aws = aws(&work, &setup);
    let count = |which: fn(&Decision) -> bool| each.iter().filter(|decision| which(decision)).count();
    let mut skipped_because = BTreeMap::new();
    for because in each.iter().filter_map(|decision| decision.because) {
        *skipped_because.entry(because.to_owned()).or_default() += 1;
    }
    Ok(Forecast {
        run,
        customers: each.len(),
        told: count(|decision| decision.offers.is_some()),
        service_messages: count(|decision| decision.offers == Some(0)),
        skipped_because,
        ended_before: count(|decision| decision.ended_before),
        videos,
        video_seconds: seconds,
        model,
        here: local(&work, video, engine, encoding, runner.concurrency()),
        encoding_cpu_seconds: encoding,
        too_large: too_large(&work, &aws),
        aws,
        each,
    })
}

/// The engine that would speak: the one that is named, or the first of those that the run is started with.
fn engine(runner: &Runner, request: &Request) -> Engine {
    let asked = request.voice.as_deref().map(VoiceName::parse).and_then(|voice| voice.engine);
    let chosen = asked.or(runner.settings.voice.engine.only());
    chosen.or(request.engines.first().copied()).unwrap_or(Engine::Espeak)
}

fn model(runner: &Runner, each: &[Decision]) -> Model {
    let settings = &runner.settings.writer.model;
    if !settings.enabled {
        return Model::default();
    }
    // Of a customer in trouble no model is ever asked.
    let calls = each.iter().filter(|decision| decision.is_open() && decision.offers != Some(0)).count();
    let (tokens_read, tokens_written) = (TOKENS.0 * calls as u64, TOKENS.1 * calls as u64);
    Model { calls, tokens_read, tokens_written, usd: settings.usage(tokens_read, tokens_written).usd }
}

/// How fast this machine encodes; nothing is measured if there is nothing to encode.
async fn encoding(runner: &Runner, request: &Request, videos: usize) -> Result<f64, Failure> {
    if videos == 0 {
        return Ok(0.0);
    }
    let (tools, brand) = (runner.programs.media.clone(), runner.project.brand.clone());
    let (assets, scratch) = (runner.project.folders.assets.clone(), runner.scratch.clone());
    let (video, shape) = (runner.settings.video.clone(), request.shape);
    let measured =
        tokio::task::spawn_blocking(move || render::encoding(&tools, &brand, &assets, &video, shape, &scratch));
    Ok(measured.await.map_err(|panic| Failure::Told {
        name: ErrorName::RenderFailed,
        message: format!("measuring failed: {panic}"),
        help: None,
    })??)
}

/// Decides for every customer as `assess` would.
async fn decide(runner: &Runner, request: &Request, run: &RunId) -> Result<Vec<Decision>, Failure> {
    let store = runner.vault.store();
    let mut files = [const { bytes::Bytes::new() }; 3];
    for (workbook, file) in Workbook::ALL.into_iter().zip(&mut files) {
        *file = store.get(&ObjectKey::Incoming(request.batch.clone(), workbook)).await?;
    }
    let protected = files.iter().any(|file| merge::is_encrypted(file));
    let password = if protected { Some(runner.secrets.get(SecretName::WorkbookPassword).await?) } else { None };
    let (vault, catalogue) = (runner.vault.clone(), runner.project.catalogue.clone());
    let (intake, now) = (runner.settings.intake.clone(), Timestamp::now());
    let joined = tokio::task::spawn_blocking(move || {
        merge::join(&files, password.as_ref(), &intake, &catalogue, vault.keys(), now)
    });
    let (mut records, _) = joined.await.map_err(merge::Error::from)??;
    if let Some(only) = &request.only {
        records.retain(|record| record.reference() == only);
    }
    let controls = controls(runner, &records, now).await?;
    let rules = Rules {
        catalogue: &runner.project.catalogue,
        lexicon: &runner.project.lexicon,
        keys: runner.vault.keys(),
        categories: &request.categories,
        at_most: runner.settings.offers.at_most,
        today: now.to_zoned(TimeZone::UTC).date(),
    };
    let nothing = Control::default();
    let days = runner.settings.offers.at_most_every_days;
    let mut each = Vec::with_capacity(records.len());
    for record in records {
        let reference = record.reference().clone();
        let decided = match assess(record, controls.get(&reference).unwrap_or(&nothing), &rules) {
            Assessment::Proceed(_) if heard_lately(store, &reference, run, days, now).await? => Err(Skip::HeardLately),
            Assessment::Proceed(facts) => Ok(offers(&facts)),
            Assessment::Skip { skip, .. } => Err(skip),
        };
        let evidence = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
        let ended_before = store.find(&evidence).await?.is_some();
        each.push(Decision {
            reference,
            offers: decided.ok(),
            because: decided.err().map(Skip::because),
            ended_before,
        });
    }
    Ok(each)
}

/// What `control/` says of each customer; of nobody, and without reading it for each, if it says nothing at all.
async fn controls(
    runner: &Runner,
    records: &[CustomerRecord],
    now: Timestamp,
) -> Result<HashMap<CustomerRef, Control>, Failure> {
    let store = runner.vault.store();
    let mut controls = HashMap::new();
    let lists = [store.find(&ObjectKey::Suppressions).await?, store.find(&ObjectKey::Consents).await?];
    if lists.iter().any(Option::is_some) || !store.list(&Prefix::Suppressions).await?.is_empty() {
        for reference in records.iter().map(CustomerRecord::reference) {
            controls.insert(reference.clone(), control::read(store, reference, now).await?);
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
