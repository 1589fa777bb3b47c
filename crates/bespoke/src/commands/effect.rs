//! `bespoke effect`: measures whether a campaign helped, and imports customers' adoptions.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use contracts::ErrorName;
use contracts::text::counted;
use effect::reading::points;
use effect::{Difference, Measurement};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use runner::effect::{EffectReport, ImportReport, import, report};
use runner::failure::Failure;
use runner::project::catalogue;

use super::context::{Context, open_artifacts, run_id};
use crate::cli::effect::{EffectArgs, EffectCommand, ImportArgs};
use crate::effect_page;

pub(super) async fn execute(args: EffectArgs, context: Context) -> Result<u8, Failure> {
    if let Some(EffectCommand::Import(args)) = &args.command {
        return import_table(args, context).await;
    }
    let run = run_id(args.run.unwrap_or_default())?;
    let (_, vault, _) = open_artifacts(&args.artifacts).await?;
    let report = report(&run, today(), &vault).await?;
    if let Some(file) = &args.html {
        write(file, &effect_page::page(&report))?;
    }
    context.print(&report, || to_text(&report, args.html.as_deref()));
    Ok(0)
}

async fn import_table(args: &ImportArgs, context: Context) -> Result<u8, Failure> {
    let csv = std::fs::read(&args.file).map_err(Failure::file(ErrorName::InputBadRow, &args.file))?;
    let catalogue = catalogue(&args.data, args.catalogue.as_ref())?;
    let (_, vault, _) = open_artifacts(&args.artifacts).await?;
    let report = import(&csv, &catalogue, today(), &vault).await?;
    context.print(&report, || {
        let ImportReport { rows, added, known, others } = report;
        format!(
            "{}: added {}, {known} known before, {others} about people who are not customers in any run here\n\
             Next: bespoke effect RUN   compares a run with its control group\n",
            counted(rows, "row", "rows"),
            counted(added, "adoption", "adoptions")
        )
    });
    Ok(0)
}

/// Returns today's date in UTC, as windows are counted.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn write(file: &Path, page: &str) -> Result<(), Failure> {
    std::fs::write(file, page).map_err(Failure::file(ErrorName::StoreUnavailable, file))
}

fn to_text(report: &EffectReport, html: Option<&Path>) -> String {
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let yellow = Style::new().fg_color(Some(AnsiColor::Yellow.into()));
    let EffectReport { run, plan, treated, published, held_out, in_no_group, adopters, .. } = report;
    let mut text = String::new();
    let _infallible = writeln!(text, "{bold}{run}{bold:#}  {dim}campaign {:?}{dim:#}", plan.campaign);
    if let Some(window) = report.window {
        let state = if report.is_over { "ended" } else { "not over yet" };
        let _infallible = writeln!(text, "window: {} to {} ({state})", window.first, window.last);
    }
    let _infallible = writeln!(
        text,
        "groups: {treated} treated ({published} got a recommendation), {held_out} held out, {in_no_group} in neither"
    );
    let _infallible = writeln!(text, "adopters in the window, both groups together: {adopters}");
    if let Some(measurement) = &report.measurement {
        measured(&mut text, measurement);
    }
    let seen: Vec<_> = report.events.iter().filter(|count| count.customers > 0).collect();
    if !seen.is_empty() {
        let _infallible = writeln!(text, "\n{bold}{:<26}{:>10}{:>10}{bold:#}", "On the page", "customers", "share");
        for count in seen {
            let share = format!("{:.1} %", count.share * 100.0);
            let _infallible = writeln!(text, "  {:<24}{:>10}{share:>10}", count.event.as_str(), count.customers);
        }
    }
    let _infallible = writeln!(text, "\n{}", textwrap::fill(&report.reading, 96));
    for warning in &report.warnings {
        let _infallible = writeln!(text, "{yellow}warning{yellow:#}: {}", textwrap::fill(warning, 96));
    }
    if let Some(html) = html {
        let _infallible = writeln!(text, "{}", html.display());
    }
    text
}

fn measured(text: &mut String, measurement: &Measurement) {
    let bold = Style::new().bold();
    let _infallible = writeln!(
        text,
        "\n{bold}{:<30}{:>14}{:>14}{:>10}{:>18}{bold:#}",
        "Points of adoption", "treated", "control", "uplift", "95 % interval"
    );
    row(text, "all", measurement.uplift, "");
    if let Some(detectable) = measurement.detectable {
        let _infallible = writeln!(
            text,
            "  groups of these sizes would detect an uplift of {} points in 80 of 100 campaigns",
            points(detectable)
        );
    }
    for level in &measurement.levels {
        let name = format!("{}: {}", level.dimension.title().to_lowercase(), level.level);
        row(text, &name, level.uplift, if level.randomized { "" } else { " *" });
    }
    if !measurement.levels.is_empty() {
        text.push_str(
            "  Only the first row is a test. The others are exploratory: of 20 such intervals, one misses by chance.\n",
        );
    }
    if measurement.levels.iter().any(|level| !level.randomized) {
        text.push_str("  * not assigned at random; compared with the whole control group\n");
    }
    for arm in &measurement.arms {
        let name = format!("{} minus {}", arm.first, arm.second);
        row(text, &name, arm.difference, "");
    }
    if !measurement.arms.is_empty() {
        text.push_str("  The intervals between arms have 95 % simultaneous confidence (Bonferroni).\n");
    }
}

fn row(text: &mut String, name: &str, difference: Difference, mark: &str) {
    let Difference { first, second, estimate, low, high } = difference;
    let group = |group: effect::Proportion| format!("{}/{}", group.adopters, group.customers);
    let interval = format!("{} to {}", points(low), points(high));
    let _infallible = writeln!(
        text,
        "  {name:<28}{:>14}{:>14}{:>10}{interval:>18}{mark}",
        group(first),
        group(second),
        points(estimate)
    );
}
