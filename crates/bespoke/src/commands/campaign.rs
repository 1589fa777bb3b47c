//! `bespoke campaign`: runs all customers in three workbooks, or forecasts that run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anstyle::Style;
use contracts::error::{EXIT_NOTHING_TO_DO, EXIT_PARTLY};
use contracts::key::RunPart;
use contracts::text::counted;
use contracts::{ObjectKey, RunId};
use jiff::Timestamp;
use runner::config::Config;
use runner::failure::Failure;
use runner::follow_up::notify_if_configured;
use runner::forecast::{Forecast, forecast};
use runner::limits::{RunLimits, StopReason};
use runner::logs::CustomerFailures;
use runner::run::Runner;
use runner::secrets::LocalSecrets;
use runner::session::{Session, SessionSetup};
use runner::tally::OutcomeCounts;
use runner::writers::WriterCounts;
use serde::Serialize;

use super::context::{Context, print_warning};
use super::run::local_request;
use super::{schedules, signals};
use crate::cli::campaign::CampaignArgs;
use crate::paths::relative;
use crate::progress::{self, Lines, duration};

pub(super) async fn execute(args: CampaignArgs, config: Config, context: Context) -> Result<u8, Failure> {
    let folders = args.folders();
    let mut limits = RunLimits {
        customers: args.limit,
        concurrency: args.max_concurrency.map(usize::from),
        budget_usd: args.budget,
        tolerated_failure_percentage: Some(config.settings.local.tolerated_failure_percentage),
    };
    let secrets = LocalSecrets::of_folder(&folders.artifacts);
    let mut request = local_request(args.options, &config, &folders)?;
    if let Some(file) = &args.schedule {
        let named = schedules::read(file, &folders)?;
        if !args.dry_run {
            named.schedule.ensure_may_start(&named.name, Timestamp::now())?;
        }
        named.apply(&mut request.options, &mut limits);
    }
    if let Some(file) = &args.customers {
        request.customers = schedules::customers(file)?;
    }
    let session = Session::open(SessionSetup { folders, request, config, secrets, limits }, |_| Ok(())).await?;
    if args.dry_run { dry_run(&session, context).await } else { Box::pin(run(session, context)).await }
}

async fn dry_run(session: &Session, context: Context) -> Result<u8, Failure> {
    let forecast = forecast(&session.runner, &session.request).await?;
    context.print(&forecast, || to_text(&forecast, session.runner.project.catalogue.bank()));
    Ok(if forecast.recommendations == 0 { EXIT_NOTHING_TO_DO } else { 0 })
}

#[expect(clippy::cast_precision_loss, reason = "gigabytes with one decimal")]
fn to_text(forecast: &Forecast, bank: &str) -> String {
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let mut text = String::new();
    let Forecast { run, customers, recommendations, service_messages, skipped_because, .. } = forecast;
    let _infallible = writeln!(text, "{bold}{bank}{bold:#} {dim}{run}{dim:#}  dry run: produced no results\n");
    let _infallible = writeln!(text, "{customers:>9} customers");
    let _infallible = writeln!(
        text,
        "{recommendations:>9} would get a recommendation, {service_messages} of them a service message with no offers"
    );
    for (because, count) in skipped_because {
        let _infallible = writeln!(text, "{count:>9} would be skipped: {because}");
    }
    if forecast.ended_before > 0 {
        let _infallible =
            writeln!(text, "{:>9} were finished by an earlier attempt of this run", forecast.ended_before);
    }
    let videos = forecast.videos;
    let _infallible = writeln!(text, "\n{bold}Videos and text{bold:#}");
    let _infallible =
        writeln!(text, "  {}, {} in total", counted(videos, "video", "videos"), duration(forecast.video_seconds));
    let new = &forecast.new;
    if videos > 0 {
        let _infallible = writeln!(
            text,
            "  about {:.0} scenes and {:.0} sentences that the videos share and that do not exist yet",
            new.scenes, new.sentences
        );
    }
    let model = &forecast.model;
    if model.calls == 0 {
        let _infallible = writeln!(text, "  no model calls");
    } else {
        let _infallible = writeln!(
            text,
            "  {} model calls: {} input tokens, {} output tokens, ${:.2}; twice that if the guard rejects every first draft",
            model.calls, model.tokens_read, model.tokens_written, model.usd
        );
    }
    let here = &forecast.here;
    let _infallible = writeln!(text, "\n{bold}On this machine{bold:#}");
    let _infallible = writeln!(
        text,
        "  {} on {} cores, {:.1} GB; encoding a second of video takes {:.2} CPU s",
        duration(here.seconds),
        here.cores,
        here.bytes as f64 / 1e9,
        forecast.encoding_cpu_seconds
    );
    for (stage, cpu) in &here.cpu_seconds {
        let _infallible = writeln!(text, "  {stage:<28}{:>12} of CPU time", duration(*cpu));
    }
    let aws = &forecast.aws;
    let _infallible = writeln!(text, "\n{bold}On AWS{bold:#}");
    let batches = if aws.batches > 1 { format!(", in {} batches of workbooks", aws.batches) } else { String::new() };
    let _infallible = writeln!(text, "  {}, ${:.2}{batches}", duration(aws.hours * 3600.0), aws.usd);
    for component in aws.components.iter().filter(|component| component.usd >= 0.005) {
        let _infallible = writeln!(text, "  {:<28}{:>12.2}", component.component, component.usd);
    }
    if let Some(narrowest) = aws.bounds.first() {
        let _infallible = writeln!(text, "  limited by {} ({}): {}", narrowest.what, narrowest.limit, narrowest.raise);
    }
    for problem in &forecast.too_large {
        let _infallible = writeln!(text, "  note: {problem}");
    }
    text
}

/// The command's output.
#[derive(Serialize)]
struct CampaignReport {
    bank: String,
    run: RunId,
    counts: OutcomeCounts,
    /// Skipped customers by reason.
    skipped_because: BTreeMap<String, usize>,
    /// Failed customers by error and stage.
    failed_with: BTreeMap<String, usize>,
    /// The number of scripts by writer, and by the reason why no model was used.
    writers: WriterCounts,
    /// The reason why the run stopped early.
    stop: Option<StopReason>,
    spent_usd: f64,
    seconds: f64,
    rate_per_minute: Option<f64>,
    manifest: PathBuf,
}

async fn run(session: Session, context: Context) -> Result<u8, Failure> {
    let started = Instant::now();
    session.begin(context.verbose, CustomerFailures::LoggedOnly).await?;
    let Session { runner, request, labels, store, lock, events } = session;
    let signals = tokio::spawn(signals::watch(runner.cancel.clone()));
    let progress = tokio::spawn(progress::show(events, labels, Lines::Table));
    let ended = runner.run(&request).await;
    signals.abort();
    let Runner { project, services, events, .. } = runner;
    drop(events);
    // If the display panicked, its counts are lost. The manifest still has them.
    let progress = progress.await.unwrap_or_default().progress();
    let report = ended?;
    print_warning(
        notify_if_configured(&report.run, &services.settings, &services.vault, services.secrets.as_ref()).await,
    );
    drop(lock);

    let writers = WriterCounts::read(&services.vault, &report.run, &report.customers).await;
    let counts = OutcomeCounts { waiting: report.waiting, ..progress.counts };
    let manifest = store.path(&ObjectKey::Run(report.run.clone(), RunPart::ManifestCsv));
    let report = CampaignReport {
        bank: project.catalogue.bank().to_owned(),
        run: report.run,
        counts,
        skipped_because: progress.skipped_because,
        failed_with: progress.failed_with,
        writers,
        stop: report.stop,
        spent_usd: progress.spent_usd.unwrap_or_default(),
        seconds: started.elapsed().as_secs_f64(),
        rate_per_minute: progress.rate_per_minute,
        manifest,
    };
    context.print(&report, || report.to_text());
    let partly = report.stop.is_some() || counts.failed + counts.held > 0 || report.writers.model_never_served();
    Ok(if partly {
        EXIT_PARTLY
    } else if counts.published == 0 {
        EXIT_NOTHING_TO_DO
    } else {
        0
    })
}

impl CampaignReport {
    fn to_text(&self) -> String {
        let bold = Style::new().bold();
        let dim = Style::new().dimmed();
        let mut text = String::new();
        let _infallible = writeln!(text, "{bold}{}{bold:#} {dim}{}{dim:#}\n", self.bank, self.run);
        let OutcomeCounts { published, skipped, held, failed, waiting, .. } = self.counts;
        let none = BTreeMap::new();
        let rows = [
            (published, "published", &none),
            (skipped, "skipped", &self.skipped_because),
            (held, "in review", &none),
            (failed, "failed", &self.failed_with),
            (waiting, "not started", &none),
        ];
        for (count, word, reasons) in rows.into_iter().filter(|(count, ..)| *count > 0) {
            let _infallible = writeln!(text, "{count:>9} {word}");
            for (because, count) in reasons {
                let _infallible = writeln!(text, "{count:>15} {because}");
            }
        }
        let _infallible = writeln!(text);
        for (writer, count) in &self.writers.written_by {
            let _infallible = writeln!(text, "{count:>9} written by {writer}");
        }
        for (why, count) in &self.writers.instead_of_model {
            let _infallible = writeln!(text, "{count:>15} without the model: {why}");
        }
        if self.writers.model_never_served() {
            let _infallible =
                writeln!(text, "{bold}the model was not used{bold:#}; all text comes from the phrasebook");
        }
        let rate = self.rate_per_minute.map_or_else(String::new, |rate| format!(", {rate:.1} per minute"));
        let _infallible = writeln!(text, "\n{}{rate}, ${:.2} spent", duration(self.seconds), self.spent_usd);
        if let Some(stop) = &self.stop {
            let _infallible = writeln!(text, "{bold}stopped{bold:#}: {stop}");
        }
        let _infallible = writeln!(text, "{}", relative(&self.manifest).display());
        let next = if waiting > 0 {
            "run the same command with a larger limit or budget to continue".to_owned()
        } else {
            format!("bespoke verify {}   verifies that the results are unchanged", self.run)
        };
        let _infallible = writeln!(text, "Next: {next}");
        text
    }
}
