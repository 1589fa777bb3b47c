//! Caches executions for pages that poll: each process queries the workflow service for an execution at most once in ten
//! seconds.
//!
//! Step Functions accepts about 15 `DescribeExecution` calls a second in an account
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>), and each open page polls every second or two.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use contracts::executions::{Execution, ExecutionState, Executions, ExecutionsError, StartOutcome};
use contracts::stage::WorkflowInput;

/// The time for which an answer is reused while the execution may still change.
const FRESH: Duration = Duration::from_secs(10);

/// The maximum number of cached executions. If it is exceeded, the process drops all of them.
const MAX_REMEMBERED: usize = 10_000;

/// Executions with a cache of their latest state.
pub struct PolledExecutions<E> {
    inner: E,
    now: fn() -> Instant,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone)]
struct Known {
    execution: Option<Execution>,
    asked: Instant,
}

impl Known {
    /// Returns whether the cached answer is still valid. An execution that has ended never changes again.
    fn holds(&self, now: Instant) -> bool {
        let ended = |execution: &Execution| execution.state != ExecutionState::Running;
        self.execution.as_ref().is_some_and(ended) || now.duration_since(self.asked) < FRESH
    }
}

impl<E> PolledExecutions<E> {
    /// Returns the executions with an empty cache and this clock.
    pub fn new(inner: E, now: fn() -> Instant) -> Self {
        Self { inner, now, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // Every update is complete, even if a thread that held the lock panicked.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<E: Executions> Executions for PolledExecutions<E> {
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<StartOutcome, ExecutionsError> {
        let outcome = self.inner.start(name, input).await;
        self.known().remove(name);
        outcome
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        let now = (self.now)();
        if let Some(known) = self.known().get(name).filter(|known| known.holds(now)) {
            return Ok(known.execution.clone());
        }
        let execution = self.inner.find(name).await?;
        let mut known = self.known();
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(name.to_owned(), Known { execution: execution.clone(), asked: now });
        Ok(execution)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use contracts::{Batch, RunId};
    use jiff::Timestamp;

    use super::*;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    static SECONDS: AtomicU64 = AtomicU64::new(0);

    fn clock() -> Instant {
        *START + Duration::from_secs(SECONDS.load(Ordering::SeqCst))
    }

    /// A workflow service that counts calls. Its only execution runs until the test ends it.
    #[derive(Default)]
    struct Counting {
        calls: AtomicUsize,
        ended: AtomicUsize,
    }

    #[async_trait]
    impl Executions for &Counting {
        async fn start(&self, _: &str, _: &WorkflowInput) -> Result<StartOutcome, ExecutionsError> {
            Ok(StartOutcome::Started)
        }

        async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let ended = self.ended.load(Ordering::SeqCst) > 0;
            let execution = || Execution {
                run: RunId::parse("run-1").unwrap(),
                state: if ended { ExecutionState::Succeeded } else { ExecutionState::Running },
                stopped: ended.then_some(Timestamp::UNIX_EPOCH),
                error: None,
                message: None,
            };
            Ok((name == "call-1-0").then(execution))
        }
    }

    #[tokio::test]
    async fn eight_polling_pages_cause_one_query_in_ten_seconds() {
        let service = Counting::default();
        let executions = PolledExecutions::new(&service, clock);
        // For two minutes, eight pages poll once a second for the current attempt and for the one that may follow.
        for _ in 0..120 {
            for _page in 0..8 {
                executions.find("call-1-0").await.unwrap().unwrap();
                assert!(executions.find("call-1-1").await.unwrap().is_none());
            }
            SECONDS.fetch_add(1, Ordering::SeqCst);
        }
        assert_eq!(service.calls.load(Ordering::SeqCst), 2 * 12);

        service.ended.fetch_add(1, Ordering::SeqCst);
        SECONDS.fetch_add(10, Ordering::SeqCst);
        for _ in 0..50 {
            let execution = executions.find("call-1-0").await.unwrap().unwrap();
            assert_eq!(execution.state, ExecutionState::Succeeded, "the end is visible after ten seconds");
            SECONDS.fetch_add(60, Ordering::SeqCst);
        }
        assert_eq!(service.calls.load(Ordering::SeqCst), 25, "an ended execution never changes");

        let input = WorkflowInput {
            run: RunId::parse("run-1").unwrap(),
            batch: Batch::parse("b").unwrap(),
            concurrency: 1,
            tolerated_failure_percentage: 5,
            limit: None,
            dry_run: false,
            video: true,
        };
        executions.find("call-1-1").await.unwrap();
        executions.start("call-1-1", &input).await.unwrap();
        let before = service.calls.load(Ordering::SeqCst);
        executions.find("call-1-1").await.unwrap();
        assert_eq!(service.calls.load(Ordering::SeqCst), before + 1, "a start is visible immediately");
    }
}
