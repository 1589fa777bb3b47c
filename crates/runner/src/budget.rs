//! The gate that decides, before each customer, whether the run may start another one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use contracts::evidence::Outcome;
use tokio::sync::Notify;

use crate::limits::{RunLimits, StopReason};

/// The minimum number of failures that can stop a run. Fewer may be a coincidence.
const MIN_FAILURES: usize = 5;

/// The gate. It admits a customer only if the remaining budget covers their worst case and not too many customers have
/// failed.
pub(crate) struct BudgetGate<'a> {
    limits: &'a RunLimits,
    ledger: Mutex<Ledger>,
    /// Wakes waiting callers when a customer finishes or the budget stops the run.
    changed: Notify,
}

#[derive(Default)]
struct Ledger {
    spent_usd: f64,
    /// The number of customers in progress.
    running: usize,
    /// The worst-case cost of all customers in progress, in US dollars.
    reserved_usd: f64,
    tried: usize,
    failed: usize,
    stop: Option<StopReason>,
}

/// A customer in progress. Dropping it releases the dollars reserved for them.
pub(crate) struct Admission<'g, 'a> {
    gate: &'g BudgetGate<'a>,
    usd: f64,
}

impl Drop for Admission<'_, '_> {
    fn drop(&mut self) {
        let mut ledger = self.gate.ledger();
        ledger.running -= 1;
        ledger.reserved_usd -= self.usd;
        drop(ledger);
        self.gate.changed.notify_waiters();
    }
}

impl<'a> BudgetGate<'a> {
    pub(crate) fn new(limits: &'a RunLimits) -> Self {
        Self { limits, ledger: Mutex::default(), changed: Notify::new() }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Every update is complete, even if a thread that held the lock panicked.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a customer who may cost `usd`, or returns `None` if the run must stop. Waits while the decision depends
    /// on customers who are still in progress.
    pub(crate) async fn admit(&self, usd: f64) -> Option<Admission<'_, 'a>> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut ledger = self.ledger();
                if ledger.stop.is_some() {
                    return None;
                }
                let budget = self.limits.budget_usd.filter(|_| usd > 0.0).unwrap_or(f64::INFINITY);
                if ledger.spent_usd + ledger.reserved_usd + usd <= budget {
                    ledger.running += 1;
                    ledger.reserved_usd += usd;
                    return Some(Admission { gate: self, usd });
                }
                if ledger.running == 0 || ledger.spent_usd + usd > budget {
                    ledger.stop = Some(StopReason::Budget { spent_usd: ledger.spent_usd, budget_usd: budget });
                    drop(ledger);
                    self.changed.notify_waiters();
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Records a customer's outcome and cost in US dollars.
    pub(crate) fn record(&self, outcome: &Outcome, spent_usd: f64) {
        let mut ledger = self.ledger();
        ledger.spent_usd += spent_usd;
        match outcome {
            Outcome::Skipped { .. } | Outcome::HeldOut | Outcome::NotStarted => {}
            Outcome::Published { .. } | Outcome::InReview { .. } => ledger.tried += 1,
            Outcome::Failed { .. } => {
                ledger.tried += 1;
                ledger.failed += 1;
            }
        }
        let Ledger { failed, tried, .. } = *ledger;
        let tolerated = self.limits.tolerated_failure_percentage.map(usize::from);
        if ledger.stop.is_none()
            && failed >= MIN_FAILURES
            && tolerated.is_some_and(|percent| failed * 100 > tried * percent)
        {
            ledger.stop = Some(StopReason::Failures { failed, tried });
        }
    }

    /// Returns the reason why the run stopped, or `None` if it is continuing.
    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.ledger().stop
    }
}

#[cfg(test)]
mod tests {
    use contracts::ErrorName;
    use contracts::facts::Skip;
    use contracts::stage::Stage;

    use super::*;

    const PUBLISHED: Outcome = Outcome::Published { video: true };
    const FAILED: Outcome = Outcome::Failed { error: ErrorName::RenderFailed, stage: Stage::Render };

    #[tokio::test]
    async fn running_customers_count_against_the_budget() {
        let limits = RunLimits { budget_usd: Some(1.0), ..RunLimits::default() };
        let gate = BudgetGate::new(&limits);
        let first = gate.admit(0.4).await.unwrap();
        let second = gate.admit(0.4).await.unwrap();
        let third = gate.admit(0.4);
        let ends = async {
            gate.record(&PUBLISHED, 0.1);
            drop(first);
        };
        let (third, ()) = tokio::join!(third, ends);
        assert!(third.is_some(), "0.1 is spent and 0.8 reserved");
        gate.record(&PUBLISHED, 0.4);
        gate.record(&PUBLISHED, 0.2);
        drop((second, third));
        assert!(gate.admit(0.4).await.is_none(), "0.3 is left");
        assert!(
            matches!(gate.stop_reason(), Some(StopReason::Budget { spent_usd, .. }) if (spent_usd - 0.7).abs() < 1e-9)
        );
    }

    #[tokio::test]
    async fn customers_without_cost_fit_any_budget() {
        let limits = RunLimits { budget_usd: Some(0.0), ..RunLimits::default() };
        let gate = BudgetGate::new(&limits);
        assert!(gate.admit(0.0).await.is_some() && gate.admit(0.0).await.is_some());
        assert!(gate.admit(0.001).await.is_none());
        assert!(gate.admit(0.0).await.is_none(), "a stopped run admits no customer");
    }

    #[tokio::test]
    async fn too_many_failures_stop_the_run() {
        let limits = RunLimits { tolerated_failure_percentage: Some(10), ..RunLimits::default() };
        let gate = BudgetGate::new(&limits);
        (0..4).for_each(|_| gate.record(&FAILED, 0.0));
        assert!(gate.admit(0.0).await.is_some(), "four failures may be a coincidence");
        (0..100).for_each(|_| gate.record(&Outcome::Skipped { skip: Skip::Suppressed }, 0.0));
        gate.record(&FAILED, 0.0);
        assert!(gate.admit(0.0).await.is_none(), "skipped customers do not dilute failures");
        assert_eq!(gate.stop_reason(), Some(StopReason::Failures { failed: 5, tried: 5 }));
    }
}
