//! The display of a run in progress: bars on a terminal, lines elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use contracts::stage::Stage;
use contracts::{CustomerId, CustomerRef};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use runner::event::RunnerEvent;
use runner::session::Labels;
use runner::tally::{RunProgress, Tally};
use tokio::sync::mpsc::UnboundedReceiver;

/// Returns a customer's label for the terminal: the id, or the start of the reference if the id is unknown.
#[must_use]
pub fn label<'a>(labels: &'a Labels, reference: &'a CustomerRef) -> &'a str {
    labels.get(reference).map_or(reference.short(), CustomerId::reveal)
}

/// The content displayed next to the bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// A line whenever a customer finishes, if there is no terminal.
    EachCustomer,
    /// A table that shows the progress.
    Table,
}

/// The interval at which the table is redrawn on a terminal.
const REDRAW: Duration = Duration::from_secs(1);
/// The interval at which the table is printed elsewhere.
const REPRINT: Duration = Duration::from_secs(15);

/// Shows events until the run closes the channel, and returns their tally.
pub async fn show(mut events: UnboundedReceiver<RunnerEvent>, labels: Labels, lines: Lines) -> Tally {
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let at_terminal = !bars.is_hidden();
    let mut tally = Tally::default();
    let table = (lines == Lines::Table).then(|| Table::begin(&bars, at_terminal));
    let whole =
        bars.add(ProgressBar::new(0).with_style(style("{spinner} {pos}/{len} customers  {elapsed}  {wide_msg}")));
    whole.enable_steady_tick(Duration::from_millis(200));
    let mut open: HashMap<CustomerRef, ProgressBar> = HashMap::new();
    let mut ticks = tokio::time::interval(if at_terminal { REDRAW } else { REPRINT });
    ticks.tick().await;
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = ticks.tick() => {
                if let Some(table) = &table {
                    table.show(&tally.progress());
                }
                continue;
            }
        };
        let Some(event) = event else { break };
        tally.record(&event);
        match event {
            RunnerEvent::Customers(customers) => whole.set_length(customers as u64),
            // Assess is so short that a bar would only flicker.
            RunnerEvent::Started(_, Stage::Assess)
            | RunnerEvent::Started(None, _)
            | RunnerEvent::Done(..)
            | RunnerEvent::Failed(..)
            | RunnerEvent::Spent(_) => {}
            RunnerEvent::Started(Some(reference), stage) => {
                let bar = open.entry(reference.clone()).or_insert_with(|| {
                    let bar =
                        ProgressBar::new(100).with_style(style("  {prefix:<12} {msg:<10} {bar:24} {percent:>3} %"));
                    bars.add(bar.with_prefix(label(&labels, &reference).to_owned()))
                });
                bar.set_position(0);
                bar.set_message(stage.as_str());
            }
            RunnerEvent::Rendering(reference, share) => {
                if let Some(bar) = open.get(&reference) {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
                    bar.set_position((share.clamp(0.0, 1.0) * 100.0) as u64);
                }
            }
            RunnerEvent::Retrying(reference, stage, name) => {
                let customer = reference.as_ref().map_or("", |reference| label(&labels, reference));
                let line = format!("  {customer} {stage}: {name}, retrying");
                if at_terminal { whole.set_message(line) } else { anstream::eprintln!("{line}") }
            }
            RunnerEvent::Ended(reference, outcome) => {
                if let Some(bar) = open.remove(&reference) {
                    bar.finish_and_clear();
                }
                whole.inc(1);
                if !at_terminal && lines == Lines::EachCustomer {
                    anstream::eprintln!("  {:<12} {}", label(&labels, &reference), outcome.word());
                }
            }
        }
    }
    if let Some(table) = table {
        table.end(&tally.progress());
    }
    whole.finish_and_clear();
    tally
}

/// A campaign's table: a header and one line. The line is redrawn on a terminal and printed again elsewhere.
struct Table {
    bars: Option<[ProgressBar; 2]>,
}

impl Table {
    fn begin(bars: &MultiProgress, at_terminal: bool) -> Self {
        let line = || bars.add(ProgressBar::new(0).with_style(style("{wide_msg}")));
        let bars = at_terminal.then(|| [line().with_message(head()), line()]);
        if bars.is_none() {
            anstream::eprintln!("{}", head());
        }
        Self { bars }
    }

    fn show(&self, progress: &RunProgress) {
        match &self.bars {
            Some([head, line]) => {
                head.tick();
                line.set_message(row(progress));
            }
            None => anstream::eprintln!("{}", row(progress)),
        }
    }

    fn end(&self, progress: &RunProgress) {
        match &self.bars {
            Some(bars) => bars.iter().for_each(ProgressBar::finish_and_clear),
            None => self.show(progress),
        }
    }
}

fn head() -> String {
    let columns = ["done", "skipped", "review", "failed", "running", "waiting", "per min", "ETA", "spent"];
    columns.map(|column| format!("{column:>9}")).concat()
}

fn row(progress: &RunProgress) -> String {
    let counts = progress.counts;
    let numbers = [counts.published, counts.skipped, counts.held, counts.failed, counts.running, counts.waiting];
    let rate = progress.rate_per_minute.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    let left = progress.seconds_left.map_or_else(|| "-".to_owned(), duration);
    let spent = format!("${:.2}", progress.spent_usd.unwrap_or_default());
    let numbers = numbers.map(|number| format!("{number:>9}")).concat();
    format!("{numbers}{rate:>9}{left:>9}{spent:>9}")
}

/// Formats a duration in one or two units: `45 s`, `12 min`, `3 h 20 min`, `5 d 4 h`.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a campaign does not take millennia")]
pub fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        0..2 => format!("{seconds:.0} s"),
        2..120 => format!("{minutes} min"),
        120..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d {} h", minutes / 1440, minutes % 1440 / 60),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is valid").progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use runner::tally::OutcomeCounts;

    use super::*;

    #[test]
    fn row_aligns_with_its_header() {
        let counts = OutcomeCounts { published: 123, skipped: 40, held: 1, failed: 2, waiting: 828, running: 6 };
        let progress = RunProgress {
            counts,
            rate_per_minute: Some(12.34),
            seconds_left: Some(3960.0),
            spent_usd: Some(0.421),
            ..RunProgress::default()
        };
        assert_eq!(
            format!("{}\n{}", head(), row(&progress)),
            "     done  skipped   review   failed  running  waiting  per min      ETA    spent\n      \
             123       40        1        2        6      828     12.3   66 min    $0.42"
        );
    }

    #[test]
    fn durations_use_natural_units() {
        let formatted = [12.4, 89.0, 1800.0, 11_000.0, 400_000.0].map(duration);
        assert_eq!(formatted, ["12 s", "89 s", "30 min", "3 h 3 min", "4 d 15 h"]);
    }
}
