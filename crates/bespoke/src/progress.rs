//! What is shown while a run goes on: bars at a terminal, lines elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use api::view::CampaignProgress as Progress;
use contracts::stage::Stage;
use contracts::{CustomerId, CustomerRef};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::campaign::Tally;
use crate::runner::Event;

/// Customer ids by reference, for the person at this machine only: a customer who refused has no id in any file.
pub type Labels = HashMap<CustomerRef, CustomerId>;

/// How a customer is called at the terminal.
#[must_use]
pub fn label<'a>(labels: &'a Labels, reference: &'a CustomerRef) -> &'a str {
    labels.get(reference).map_or(reference.short(), CustomerId::reveal)
}

/// What is said where there is no terminal, and above the bars where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// How each customer ended.
    EachCustomer,
    /// A table of how the run stands.
    Table,
}

/// How often the table is drawn at a terminal, and written elsewhere.
const DRAWN: Duration = Duration::from_secs(1);
const WRITTEN: Duration = Duration::from_secs(15);

/// Shows events until the run drops its end of the channel, and gives their sum.
pub async fn show(mut events: UnboundedReceiver<Event>, labels: Labels, lines: Lines) -> Tally {
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let at_terminal = !bars.is_hidden();
    let mut tally = Tally::default();
    let table = (lines == Lines::Table).then(|| Table::begin(&bars, at_terminal));
    let whole =
        bars.add(ProgressBar::new(0).with_style(style("{spinner} {pos}/{len} customers  {elapsed}  {wide_msg}")));
    whole.enable_steady_tick(Duration::from_millis(200));
    let mut open: HashMap<CustomerRef, ProgressBar> = HashMap::new();
    let mut ticks = tokio::time::interval(if at_terminal { DRAWN } else { WRITTEN });
    ticks.tick().await;
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = ticks.tick() => {
                if let Some(table) = &table {
                    table.show(&tally.standing());
                }
                continue;
            }
        };
        let Some(event) = event else { break };
        tally.hear(&event);
        match event {
            Event::Customers(customers) => whole.set_length(customers as u64),
            // So short, and for every customer before the first goes on, that a bar would only flicker.
            Event::Started(_, Stage::Assess)
            | Event::Started(None, _)
            | Event::Done(..)
            | Event::Failed(..)
            | Event::Spent(_) => {}
            Event::Started(Some(reference), stage) => {
                let bar = open.entry(reference.clone()).or_insert_with(|| {
                    let bar =
                        ProgressBar::new(100).with_style(style("  {prefix:<12} {msg:<10} {bar:24} {percent:>3} %"));
                    bars.add(bar.with_prefix(label(&labels, &reference).to_owned()))
                });
                bar.set_position(0);
                bar.set_message(stage.as_str());
            }
            Event::Rendering(reference, share) => {
                if let Some(bar) = open.get(&reference) {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
                    bar.set_position((share.clamp(0.0, 1.0) * 100.0) as u64);
                }
            }
            Event::Retrying(reference, stage, name) => {
                let who = reference.as_ref().map_or("", |reference| label(&labels, reference));
                let line = format!("  {who} {stage}: {name}, trying again");
                if at_terminal { whole.set_message(line) } else { anstream::eprintln!("{line}") }
            }
            Event::Ended(reference, outcome) => {
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
        table.end(&tally.standing());
    }
    whole.finish_and_clear();
    tally
}

/// The table of a campaign: its head and one line, which is drawn anew at a terminal and written again elsewhere.
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

    fn show(&self, standing: &Progress) {
        match &self.bars {
            Some([head, line]) => {
                head.tick();
                line.set_message(row(standing));
            }
            None => anstream::eprintln!("{}", row(standing)),
        }
    }

    fn end(&self, standing: &Progress) {
        match &self.bars {
            Some(bars) => bars.iter().for_each(ProgressBar::finish_and_clear),
            None => self.show(standing),
        }
    }
}

fn head() -> String {
    let columns = ["done", "skipped", "held", "failed", "running", "waiting", "a minute", "left", "spent"];
    columns.map(|column| format!("{column:>9}")).concat()
}

fn row(standing: &Progress) -> String {
    let counts = standing.counts;
    let numbers = [counts.published, counts.skipped, counts.in_review, counts.failed, counts.running, counts.waiting];
    let rate = standing.rate_per_minute.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    let left = standing.seconds_left.map_or_else(|| "-".to_owned(), duration);
    let spent = format!("${:.2}", standing.spent_usd.unwrap_or_default());
    let numbers = numbers.map(|number| format!("{number:>9}")).concat();
    format!("{numbers}{rate:>9}{left:>9}{spent:>9}")
}

/// A length of time in the two largest units that it has: `45 s`, `12 min`, `3 h 20 min`, `5 d 4 h`.
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
    ProgressStyle::with_template(template).expect("the template is sound").progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use api::view::CampaignCounts as Counts;

    use super::*;

    #[test]
    fn the_tables_line_stands_below_its_head() {
        let counts = Counts { published: 123, skipped: 40, in_review: 1, failed: 2, waiting: 828, running: 6 };
        let standing = Progress {
            counts,
            rate_per_minute: Some(12.34),
            seconds_left: Some(3960.0),
            spent_usd: Some(0.421),
            ..Progress::default()
        };
        assert_eq!(
            format!("{}\n{}", head(), row(&standing)),
            "     done  skipped     held   failed  running  waiting a minute     left    spent\n      \
             123       40        1        2        6      828     12.3   66 min    $0.42"
        );
    }

    #[test]
    fn times_are_told_in_the_units_that_a_person_would_use() {
        let told = [12.4, 89.0, 1800.0, 11_000.0, 400_000.0].map(duration);
        assert_eq!(told, ["12 s", "89 s", "30 min", "3 h 3 min", "4 d 15 h"]);
    }
}
