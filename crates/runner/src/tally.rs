//! Counts a run's events to track its progress, for a terminal or the web page.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use contracts::CustomerRef;
use contracts::evidence::{HELD_OUT, Outcome};
use contracts::stage::Stage;
use serde::Serialize;

use crate::event::RunnerEvent;

/// The number of customers in each state of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutcomeCounts {
    /// Customers whose text is published, together with the video if the run makes one.
    pub published: usize,
    /// Customers who were skipped or held out.
    pub skipped: usize,
    /// Customers whose result is in review.
    pub held: usize,
    /// Customers with a failed stage.
    pub failed: usize,
    /// Customers who were not started, or only assessed.
    pub waiting: usize,
    /// Customers in the stages from recommend to publish.
    pub running: usize,
}

impl OutcomeCounts {
    /// Returns the number of finished customers.
    #[must_use]
    pub const fn ended(&self) -> usize {
        self.published + self.skipped + self.held + self.failed
    }
}

/// The progress of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunProgress {
    /// The number of customers in the run.
    pub customers: usize,
    /// Customers by state.
    pub counts: OutcomeCounts,
    /// Skipped and held-out customers, by reason.
    pub skipped_because: BTreeMap<String, usize>,
    /// Failed customers by error and stage.
    pub failed_with: BTreeMap<String, usize>,
    /// Finished customers per minute since the first one started, not counting skipped customers.
    pub rate_per_minute: Option<f64>,
    /// The seconds until the last customer finishes, at the rate so far.
    pub seconds_left: Option<f64>,
    /// The US dollars spent on models and outside voices, including earlier attempts of the run.
    pub spent_usd: Option<f64>,
}

/// Counts the events of a run.
#[derive(Debug, Default)]
pub struct Tally {
    progress: RunProgress,
    /// The customers in progress.
    running: HashSet<CustomerRef>,
    /// The time at which the first customer started.
    started: Option<Instant>,
    /// Customers who have finished since then, not counting those that an earlier attempt had already finished.
    finished: usize,
}

impl Tally {
    /// Counts one event.
    pub fn record(&mut self, event: &RunnerEvent) {
        match event {
            RunnerEvent::Customers(customers) => self.progress.customers = *customers,
            RunnerEvent::Started(Some(reference), Stage::Recommend | Stage::Narrate | Stage::Render) => {
                self.started.get_or_insert_with(Instant::now);
                self.running.insert(reference.clone());
            }
            RunnerEvent::Spent(usd) => *self.progress.spent_usd.get_or_insert_default() += usd,
            RunnerEvent::Ended(reference, outcome) => {
                self.finished += usize::from(self.running.remove(reference));
                let counts = &mut self.progress.counts;
                match outcome {
                    Outcome::Published { .. } => counts.published += 1,
                    Outcome::InReview { .. } => counts.held += 1,
                    // These customers still count as waiting.
                    Outcome::NotStarted => {}
                    Outcome::HeldOut => {
                        counts.skipped += 1;
                        *self.progress.skipped_because.entry(HELD_OUT.to_owned()).or_default() += 1;
                    }
                    Outcome::Skipped { skip } => {
                        counts.skipped += 1;
                        *self.progress.skipped_because.entry(skip.because().to_owned()).or_default() += 1;
                    }
                    Outcome::Failed { error, stage } => {
                        counts.failed += 1;
                        *self.progress.failed_with.entry(format!("{error} in {stage}")).or_default() += 1;
                    }
                }
            }
            RunnerEvent::Started(..)
            | RunnerEvent::Done(..)
            | RunnerEvent::Failed(..)
            | RunnerEvent::Rendering(..)
            | RunnerEvent::Retrying(..) => {}
        }
    }

    /// Returns the run's current progress.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
    pub fn progress(&self) -> RunProgress {
        let mut progress = self.progress.clone();
        let ended = progress.counts.ended();
        progress.counts.running = self.running.len();
        progress.counts.waiting = progress.customers.saturating_sub(ended + self.running.len());
        if let Some(started) = self.started.filter(|_| self.finished > 0) {
            let rate = self.finished as f64 / started.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
            // Assumes that waiting customers will be skipped as often as finished ones were.
            let share_not_skipped = (ended - progress.counts.skipped) as f64 / ended as f64;
            let left = self.running.len() as f64 + progress.counts.waiting as f64 * share_not_skipped;
            progress.rate_per_minute = Some(rate * 60.0);
            progress.seconds_left = Some(left / rate);
        }
        progress
    }
}

#[cfg(test)]
mod tests {
    use contracts::ErrorName;
    use contracts::facts::Skip;

    use super::*;

    const PUBLISHED: Outcome = Outcome::Published { video: true };
    const FAILED: Outcome = Outcome::Failed { error: ErrorName::RenderFailed, stage: Stage::Render };

    fn customer(number: usize) -> CustomerRef {
        CustomerRef::parse(format!("{number:032x}")).unwrap()
    }

    #[test]
    fn each_customer_counts_once_and_earlier_results_do_not_affect_the_rate() {
        let mut tally = Tally::default();
        tally.record(&RunnerEvent::Customers(6));
        // An earlier attempt finished this customer, so the run only publishes again.
        tally.record(&RunnerEvent::Started(Some(customer(0)), Stage::Publish));
        tally.record(&RunnerEvent::Ended(customer(0), PUBLISHED));
        assert_eq!((tally.progress().rate_per_minute, tally.progress().seconds_left), (None, None));
        tally.record(&RunnerEvent::Ended(customer(1), Outcome::Skipped { skip: Skip::Suppressed }));
        for number in [2, 3, 4] {
            tally.record(&RunnerEvent::Started(Some(customer(number)), Stage::Recommend));
        }
        tally.record(&RunnerEvent::Started(Some(customer(2)), Stage::Render));
        tally.record(&RunnerEvent::Ended(customer(2), PUBLISHED));
        tally.record(&RunnerEvent::Ended(customer(3), FAILED));
        tally.record(&RunnerEvent::Spent(0.25));
        let progress = tally.progress();
        let counts = OutcomeCounts { published: 2, skipped: 1, held: 0, failed: 1, waiting: 1, running: 1 };
        assert_eq!((progress.customers, progress.counts), (6, counts));
        assert_eq!(progress.failed_with["Render.Failed in render"], 1);
        assert_eq!(progress.skipped_because["the customer must not be contacted"], 1);
        assert!(progress.rate_per_minute.unwrap() > 0.0 && progress.seconds_left.unwrap() > 0.0);
        assert_eq!(progress.spent_usd, Some(0.25));
    }
}
