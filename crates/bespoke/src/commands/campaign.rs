//! `bespoke campaign`: a run over all customers of three workbooks, or a look at what it would take.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anstyle::Style;
use api::view::CampaignCounts as Counts;
use contracts::ObjectKey;
use contracts::RunId;
use contracts::error::{EXIT_NOTHING_TO_DO, EXIT_PARTLY};
use contracts::key::RunPart;
use serde::Serialize;

use super::run::{watch_for_signals, wish};
use super::{Shared, deliver, here};
use crate::campaign::{Forecast, Limits, Stop, forecast};
use crate::cli::Campaign;
use crate::config::Config;
use crate::failure::Failure;
use crate::progress::{self, Lines, duration};
use crate::runner::Runner;
use crate::secrets::LocalSecrets;
use crate::session::Session;

pub(super) async fn execute(campaign: Campaign, config: Config, shared: Shared) -> Result<u8, Failure> {
    let (folders, dry_run) = (campaign.folders(), campaign.dry_run);
    let limits = Limits {
        customers: campaign.limit,
        concurrency: campaign.max_concurrency.map(usize::from),
        budget_usd: campaign.budget,
        tolerated_failure_percentage: Some(config.settings.local.tolerated_failure_percentage),
    };
    let secrets = LocalSecrets::of_folder(&folders.artifacts);
    let wish = wish(campaign.making, &config)?;
    let session = Session::open(folders, wish, config, secrets, limits, |_| Ok(())).await?;
    if dry_run { look(&session, shared).await } else { run(session, shared).await }
}

async fn look(session: &Session, shared: Shared) -> Result<u8, Failure> {
    let forecast = forecast(&session.runner, &session.request).await?;
    shared.print(&forecast, || for_people(&forecast, session.runner.project.catalogue.bank()));
    Ok(if forecast.told == 0 { EXIT_NOTHING_TO_DO } else { 0 })
}

fn for_people(forecast: &Forecast, bank: &str) -> String {
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let mut text = String::new();
    let Forecast { run, customers, told, service_messages, skipped_because, .. } = forecast;
    let _infallible = writeln!(text, "{bold}{bank}{bold:#} {dim}{run}{dim:#}  a dry run: nothing was made\n");
    let _infallible = writeln!(text, "{customers:>9} customers");
    let _infallible = writeln!(text, "{told:>9} would be told something, {service_messages} of them without an offer");
    for (because, count) in skipped_because {
        let _infallible = writeln!(text, "{count:>9} would not: {because}");
    }
    if forecast.ended_before > 0 {
        let _infallible = writeln!(text, "{:>9} ended in an earlier attempt of this run", forecast.ended_before);
    }
    let videos = forecast.videos;
    let _infallible = writeln!(text, "\n{bold}To be made{bold:#}");
    let _infallible = writeln!(text, "  {videos} videos, {} in all", duration(forecast.video_seconds));
    let model = &forecast.model;
    if model.calls == 0 {
        let _infallible = writeln!(text, "  no call to a model");
    } else {
        let _infallible = writeln!(
            text,
            "  {} calls to the model: {} tokens read, {} written, ${:.2}; twice that if the guard sent all texts back",
            model.calls, model.tokens_read, model.tokens_written, model.usd
        );
    }
    let here = &forecast.here;
    let _infallible = writeln!(text, "\n{bold}Here{bold:#}");
    let _infallible = writeln!(
        text,
        "  {} on {} cores, {:.1} GB; this machine encodes a second of video in {:.2} CPU s",
        duration(here.seconds),
        here.cores,
        here.bytes / 1e9,
        forecast.encoding_cpu_seconds
    );
    for (stage, cpu) in &here.cpu_seconds {
        let _infallible = writeln!(text, "  {stage:<28}{:>12} of CPU", duration(*cpu));
    }
    let aws = &forecast.aws;
    let _infallible = writeln!(text, "\n{bold}On AWS{bold:#}");
    let batches =
        if aws.batches > 1.0 { format!(", in {:.0} batches of workbooks", aws.batches) } else { String::new() };
    let _infallible = writeln!(text, "  {}, ${:.2}{batches}", duration(aws.hours * 3600.0), aws.usd);
    for component in aws.components.iter().filter(|component| component.usd >= 0.005) {
        let _infallible = writeln!(text, "  {:<28}{:>12.2}", component.component, component.usd);
    }
    if let Some(narrowest) = aws.bounds.first() {
        let _infallible = writeln!(text, "  bound by {} ({}): {}", narrowest.what, narrowest.limit, narrowest.raise);
    }
    for problem in &forecast.too_large {
        let _infallible = writeln!(text, "  note: {problem}");
    }
    text
}

/// A campaign that ended, as `--json` prints it.
#[derive(Serialize)]
struct Told {
    bank: String,
    run: RunId,
    counts: Counts,
    /// Of those who were skipped, how many for each reason; of those that failed, by error and stage.
    skipped_because: BTreeMap<String, usize>,
    failed_with: BTreeMap<String, usize>,
    /// Why it stopped before its end, if it did.
    stop: Option<Stop>,
    spent_usd: f64,
    seconds: f64,
    rate_per_minute: Option<f64>,
    manifest: PathBuf,
}

async fn run(session: Session, shared: Shared) -> Result<u8, Failure> {
    let begun = Instant::now();
    session.log(shared.verbose)?;
    let Session { runner, request, labels, store, lock, watched } = session;
    let watching = tokio::spawn(watch_for_signals(runner.cancel.clone()));
    let shown = tokio::spawn(progress::show(watched, labels, Lines::Table));
    let ended = runner.run(&request).await;
    watching.abort();
    let Runner { project, settings, vault, secrets, events, .. } = runner;
    drop(events);
    // A watcher that panicked has counted nothing; the manifest has.
    let standing = shown.await.unwrap_or_default().standing();
    let report = ended?;
    deliver::tell(&report.run, &settings, &vault, secrets.as_ref()).await;
    drop(lock);

    let counts = Counts { waiting: report.waiting, ..standing.counts };
    let manifest = store.path(&ObjectKey::Run(report.run.clone(), RunPart::ManifestCsv));
    let told = Told {
        bank: project.catalogue.bank().to_owned(),
        run: report.run,
        counts,
        skipped_because: standing.skipped_because,
        failed_with: standing.failed_with,
        stop: report.stop,
        spent_usd: standing.spent_usd.unwrap_or_default(),
        seconds: begun.elapsed().as_secs_f64(),
        rate_per_minute: standing.rate_per_minute,
        manifest,
    };
    shared.print(&told, || told.for_people());
    let partly = told.stop.is_some() || counts.failed + counts.in_review > 0;
    Ok(if partly {
        EXIT_PARTLY
    } else if counts.published == 0 {
        EXIT_NOTHING_TO_DO
    } else {
        0
    })
}

impl Told {
    fn for_people(&self) -> String {
        let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
        let mut text = String::new();
        let _infallible = writeln!(text, "{bold}{}{bold:#} {dim}{}{dim:#}\n", self.bank, self.run);
        let Counts { published, skipped, in_review, failed, waiting, .. } = self.counts;
        let none = BTreeMap::new();
        let ways = [
            (published, "published", &none),
            (skipped, "skipped", &self.skipped_because),
            (in_review, "held for review", &none),
            (failed, "failed", &self.failed_with),
            (waiting, "not begun", &none),
        ];
        for (count, word, why) in ways.into_iter().filter(|(count, ..)| *count > 0) {
            let _infallible = writeln!(text, "{count:>9} {word}");
            for (because, count) in why {
                let _infallible = writeln!(text, "{count:>15} {because}");
            }
        }
        let rate = self.rate_per_minute.map_or_else(String::new, |rate| format!(", {rate:.1} a minute"));
        let _infallible = writeln!(text, "\n{}{rate}, ${:.2} spent", duration(self.seconds), self.spent_usd);
        if let Some(stop) = &self.stop {
            let _infallible = writeln!(text, "{bold}stopped{bold:#}: {stop}");
        }
        let manifest = self.manifest.strip_prefix(here()).unwrap_or(&self.manifest);
        let _infallible = writeln!(text, "{}", manifest.display());
        let next = if waiting > 0 {
            "the same command, with a larger limit or budget, goes on from here".to_owned()
        } else {
            format!("bespoke verify {}   proves that nothing was changed since", self.run)
        };
        let _infallible = writeln!(text, "Next: {next}");
        text
    }
}
