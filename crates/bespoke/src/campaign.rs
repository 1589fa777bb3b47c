//! Campaigns: a run over many customers, what it may take, and how it stands.
//!
//! [`forecast()`] says beforehand what a run would do and cost; [`crate::runner::Runner::run`] does it within [`Limits`] and
//! tells [`crate::runner::Event`]s, which a [`Tally`] sums up for whoever watches: a terminal, or the web page.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use api::view::{CampaignCounts as Counts, CampaignProgress as Progress};
use contracts::CustomerRef;
use contracts::evidence::Outcome;
use contracts::stage::Stage;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::runner::Event;

pub mod aws;
pub mod forecast;
pub mod machine;
pub mod spend;

pub use forecast::{Forecast, forecast};

/// What a run may take. By default all there is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The first so many customers, in the dataset's order, who have something to be told; those of earlier attempts
    /// count. No part of the request: without it the same run goes on with the others.
    pub customers: Option<usize>,
    /// How many are narrated and rendered at once; by the settings if none.
    pub concurrency: Option<usize>,
    /// US dollars for models and outside voices, earlier attempts of the run included.
    pub budget_usd: Option<f64>,
    /// The share of customers, percent, whose part may fail before the run stops by itself; never if none.
    pub tolerated_failure_percentage: Option<u8>,
}

/// Why a run began with no further customer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Stop {
    /// What is spent, and what those under way may cost, leaves nothing for another.
    Budget {
        /// US dollars spent.
        spent_usd: f64,
        /// US dollars that there were.
        budget_usd: f64,
    },
    /// More failed than is tolerated.
    Failures {
        /// Customers whose part failed.
        failed: usize,
        /// Customers for whom something was tried.
        tried: usize,
    },
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget { spent_usd, budget_usd } => {
                write!(
                    f,
                    "the budget of ${budget_usd:.2} leaves nothing for another customer: ${spent_usd:.2} is spent"
                )
            }
            Self::Failures { failed, tried } => write!(f, "too many failed: {failed} of {tried}"),
        }
    }
}

/// So few failures may be chance, whatever their share.
const FEW_FAILURES: usize = 5;

/// Decides before each customer whether another one may begin.
pub(crate) struct Brakes<'a> {
    limits: &'a Limits,
    pulled: Mutex<Pulled>,
    /// Fires when a customer is no longer under way.
    released: Notify,
}

#[derive(Default)]
struct Pulled {
    spent_usd: f64,
    /// How many are under way, and what they may cost, US dollars.
    under_way: usize,
    reserved_usd: f64,
    tried: usize,
    failed: usize,
    stop: Option<Stop>,
}

/// A customer who is under way: what is kept aside for them is free again when this is dropped.
pub(crate) struct UnderWay<'b, 'a> {
    brakes: &'b Brakes<'a>,
    usd: f64,
}

impl Drop for UnderWay<'_, '_> {
    fn drop(&mut self) {
        let mut pulled = self.brakes.pulled();
        pulled.under_way -= 1;
        pulled.reserved_usd -= self.usd;
        drop(pulled);
        self.brakes.released.notify_waiters();
    }
}

impl<'a> Brakes<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, pulled: Mutex::default(), released: Notify::new() }
    }

    fn pulled(&self) -> MutexGuard<'_, Pulled> {
        // The numbers are whole whatever a thread that held them did.
        self.pulled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins with another customer, of whom `usd` may be spent; nothing if the run must stop. Waits as long as it depends on
    /// those under way whether the budget suffices.
    pub(crate) async fn begin(&self, usd: f64) -> Option<UnderWay<'_, 'a>> {
        loop {
            let released = self.released.notified();
            tokio::pin!(released);
            released.as_mut().enable();
            {
                let mut pulled = self.pulled();
                if pulled.stop.is_some() {
                    return None;
                }
                let budget = self.limits.budget_usd.filter(|_| usd > 0.0).unwrap_or(f64::INFINITY);
                if pulled.spent_usd + pulled.reserved_usd + usd <= budget {
                    pulled.under_way += 1;
                    pulled.reserved_usd += usd;
                    return Some(UnderWay { brakes: self, usd });
                }
                if pulled.under_way == 0 || pulled.spent_usd + usd > budget {
                    pulled.stop = Some(Stop::Budget { spent_usd: pulled.spent_usd, budget_usd: budget });
                    drop(pulled);
                    self.released.notify_waiters();
                    return None;
                }
            }
            released.await;
        }
    }

    /// A customer's part ended, for which `spent` US dollars were spent.
    pub(crate) fn ended(&self, outcome: &Outcome, spent: f64) {
        let mut pulled = self.pulled();
        pulled.spent_usd += spent;
        match outcome {
            Outcome::Skipped { .. } => {}
            Outcome::Published { .. } | Outcome::Held { .. } => pulled.tried += 1,
            Outcome::Failed { .. } => {
                pulled.tried += 1;
                pulled.failed += 1;
            }
        }
        let Pulled { failed, tried, .. } = *pulled;
        let tolerated = self.limits.tolerated_failure_percentage.map(usize::from);
        if pulled.stop.is_none()
            && failed >= FEW_FAILURES
            && tolerated.is_some_and(|percent| failed * 100 > tried * percent)
        {
            pulled.stop = Some(Stop::Failures { failed, tried });
        }
    }

    /// Why no further customer began, if so.
    pub(crate) fn stop(&self) -> Option<Stop> {
        self.pulled().stop
    }
}

/// Sums up the events of a run.
#[derive(Debug, Default)]
pub struct Tally {
    progress: Progress,
    /// Who is being worked on.
    running: HashSet<CustomerRef>,
    /// When the first of them began.
    begun: Option<Instant>,
    /// Those who ended since, and were not found done.
    worked: usize,
}

impl Tally {
    /// Takes in what happened.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Customers(customers) => self.progress.customers = *customers,
            Event::Started(Some(reference), Stage::Recommend | Stage::Narrate | Stage::Render) => {
                self.begun.get_or_insert_with(Instant::now);
                self.running.insert(reference.clone());
            }
            Event::Spent(usd) => *self.progress.spent_usd.get_or_insert_default() += usd,
            Event::Ended(reference, outcome) => {
                self.worked += usize::from(self.running.remove(reference));
                let counts = &mut self.progress.counts;
                match outcome {
                    Outcome::Published { .. } => counts.published += 1,
                    Outcome::Held { .. } => counts.in_review += 1,
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
            Event::Started(..) | Event::Done(..) | Event::Failed(..) | Event::Rendering(..) | Event::Retrying(..) => {}
        }
    }

    /// How the run stands now.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "customers are counted in millions at most")]
    pub fn standing(&self) -> Progress {
        let mut standing = self.progress.clone();
        let Counts { skipped, .. } = standing.counts;
        let ended = standing.counts.ended();
        standing.counts.running = self.running.len();
        standing.counts.waiting = standing.customers.saturating_sub(ended + self.running.len());
        if let Some(begun) = self.begun.filter(|_| self.worked > 0) {
            let rate = self.worked as f64 / begun.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
            // Of those who wait, as many are skipped as of those who ended.
            let told = (ended - skipped) as f64 / ended as f64;
            let left = self.running.len() as f64 + standing.counts.waiting as f64 * told;
            standing.rate_per_minute = Some(rate * 60.0);
            standing.seconds_left = Some(left / rate);
        }
        standing
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

    #[tokio::test]
    async fn what_is_under_way_counts_against_the_budget_until_it_is_known_what_it_cost() {
        let limits = Limits { budget_usd: Some(1.0), ..Limits::default() };
        let brakes = Brakes::new(&limits);
        let (first, second) = (brakes.begin(0.4).await.unwrap(), brakes.begin(0.4).await.unwrap());
        let third = brakes.begin(0.4);
        let ends = async {
            brakes.ended(&PUBLISHED, 0.1);
            drop(first);
        };
        let (third, ()) = tokio::join!(third, ends);
        assert!(third.is_some(), "0.1 is spent, 0.8 kept aside");
        brakes.ended(&PUBLISHED, 0.4);
        brakes.ended(&PUBLISHED, 0.2);
        drop((second, third));
        assert!(brakes.begin(0.4).await.is_none(), "0.3 is left");
        assert!(matches!(brakes.stop(), Some(Stop::Budget { spent_usd, .. }) if (spent_usd - 0.7).abs() < 1e-9));
    }

    #[tokio::test]
    async fn what_costs_nothing_passes_any_budget() {
        let limits = Limits { budget_usd: Some(0.0), ..Limits::default() };
        let brakes = Brakes::new(&limits);
        assert!(brakes.begin(0.0).await.is_some() && brakes.begin(0.0).await.is_some());
        assert!(brakes.begin(0.001).await.is_none());
        assert!(brakes.begin(0.0).await.is_none(), "a run that stopped begins with nobody");
    }

    #[tokio::test]
    async fn more_failures_than_are_tolerated_stop_the_run_but_a_few_may_be_chance() {
        let limits = Limits { tolerated_failure_percentage: Some(10), ..Limits::default() };
        let brakes = Brakes::new(&limits);
        (0..4).for_each(|_| brakes.ended(&FAILED, 0.0));
        assert!(brakes.begin(0.0).await.is_some());
        (0..100).for_each(|_| brakes.ended(&Outcome::Skipped { skip: Skip::Suppressed }, 0.0));
        brakes.ended(&FAILED, 0.0);
        assert!(brakes.begin(0.0).await.is_none(), "those who were skipped hide no failure");
        assert_eq!(brakes.stop(), Some(Stop::Failures { failed: 5, tried: 5 }));
    }

    #[test]
    fn the_tally_counts_everybody_once_and_the_rate_leaves_out_who_was_found_done() {
        let mut tally = Tally::default();
        tally.hear(&Event::Customers(6));
        // Found done: only settled.
        tally.hear(&Event::Started(Some(customer(0)), Stage::Publish));
        tally.hear(&Event::Ended(customer(0), PUBLISHED));
        assert_eq!((tally.standing().rate_per_minute, tally.standing().seconds_left), (None, None));
        tally.hear(&Event::Ended(customer(1), Outcome::Skipped { skip: Skip::Suppressed }));
        for number in [2, 3, 4] {
            tally.hear(&Event::Started(Some(customer(number)), Stage::Recommend));
        }
        tally.hear(&Event::Started(Some(customer(2)), Stage::Render));
        tally.hear(&Event::Ended(customer(2), PUBLISHED));
        tally.hear(&Event::Ended(customer(3), FAILED));
        tally.hear(&Event::Spent(0.25));
        let standing = tally.standing();
        let counts = Counts { published: 2, skipped: 1, in_review: 0, failed: 1, waiting: 1, running: 1 };
        assert_eq!((standing.customers, standing.counts), (6, counts));
        assert_eq!(standing.failed_with["Render.Failed in render"], 1);
        assert_eq!(standing.skipped_because["the customer must not be contacted"], 1);
        assert!(standing.rate_per_minute.unwrap() > 0.0 && standing.seconds_left.unwrap() > 0.0);
        assert_eq!(standing.spent_usd, Some(0.25));
    }
}
