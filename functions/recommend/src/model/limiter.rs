//! The service's limits, kept by all calls of a process together: so many calls and tokens a minute, and no call at all
//! while the service asks for patience. What one customer's call is told holds for every other's.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::settings::ModelSettings;
use tokio::time::{Instant, sleep_until};

/// Shared by all who ask the model service in one process.
#[derive(Debug, Default)]
pub struct Limiter {
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// When the next call may be made by the limits a minute.
    next: Option<Instant>,
    /// Until when the service asks for patience.
    patience: Option<Instant>,
}

impl Limiter {
    fn state(&self) -> MutexGuard<'_, State> {
        // Two instants are whole whatever a thread that held them did.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next turn and says when it comes.
    pub(super) fn turn(&self, service: &ModelSettings) -> Instant {
        let (now, mut state) = (Instant::now(), self.state());
        let turn = [state.next, state.patience].into_iter().flatten().fold(now, Instant::max);
        state.next = Some(turn + share_of_a_minute(1, service.requests_per_minute));
        turn
    }

    /// Counts the tokens of a call: what is more of a minute than its turn took delays the next turn.
    pub(super) fn used(&self, service: &ModelSettings, tokens: u64) {
        let turn = share_of_a_minute(1, service.requests_per_minute);
        let more = share_of_a_minute(tokens, service.tokens_per_minute).saturating_sub(turn);
        let mut state = self.state();
        let next = state.next.map_or_else(Instant::now, |next| next.max(Instant::now()));
        state.next = Some(next + more);
    }

    /// Nobody calls again for so long.
    pub(super) fn back_off(&self, wait: Duration) {
        let until = Instant::now().checked_add(wait);
        let mut state = self.state();
        state.patience = state.patience.max(until);
    }

    /// Waits for a turn before any deadline counts. False, and no turn is taken, if the service asks for more patience than
    /// `at_most`: then a later attempt may be served.
    pub(super) async fn ready(&self, service: &ModelSettings, at_most: Duration) -> bool {
        let patience = self.state().patience;
        if patience.is_some_and(|until| until > Instant::now() + at_most) {
            return false;
        }
        let mut turn = self.turn(service);
        // Others may be told to wait while this one does.
        loop {
            sleep_until(turn).await;
            let (patience, now) = (self.state().patience, Instant::now());
            match patience {
                Some(until) if until > now + at_most => return false,
                // A turn of its own, so that not all who waited call at once.
                Some(until) if until > now => turn = self.turn(service),
                _ => return true,
            }
        }
    }
}

/// How much of a minute `part` of `whole` is; none if there is no limit.
fn share_of_a_minute(part: u64, whole: u32) -> Duration {
    if whole == 0 {
        return Duration::ZERO;
    }
    #[expect(clippy::cast_precision_loss, reason = "tokens are counted in thousands")]
    Duration::from_secs_f64(60.0 * part as f64 / f64::from(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(requests_per_minute: u32, tokens_per_minute: u32) -> ModelSettings {
        ModelSettings { requests_per_minute, tokens_per_minute, ..ModelSettings::default() }
    }

    async fn turns(limiter: &Limiter, service: &ModelSettings, count: usize) -> Duration {
        let begun = Instant::now();
        for _ in 0..count {
            assert!(limiter.ready(service, Duration::from_secs(40)).await);
        }
        begun.elapsed()
    }

    #[tokio::test]
    async fn turns_come_at_the_rate_that_the_service_takes() {
        let limiter = Limiter::default();
        turns(&limiter, &service(0, 0), 1000).await;
        let took = turns(&limiter, &service(3000, 0), 7).await;
        assert!(took >= Duration::from_millis(120), "six turns of 20 ms after the first one: {took:?}");
    }

    #[tokio::test]
    async fn tokens_that_were_used_delay_the_next_turn() {
        let (limiter, service) = (Limiter::default(), service(60_000, 600_000));
        turns(&limiter, &service, 1).await;
        limiter.used(&service, 1000);
        let took = turns(&limiter, &service, 1).await;
        assert!(took >= Duration::from_millis(95), "a thousand tokens of ten a millisecond: {took:?}");
    }

    #[tokio::test]
    async fn what_one_caller_is_told_holds_for_all_and_a_shorter_wait_does_not_end_it() {
        let (limiter, service) = (Limiter::default(), service(0, 0));
        limiter.back_off(Duration::from_millis(80));
        limiter.back_off(Duration::from_millis(5));
        let took = turns(&limiter, &service, 3).await;
        assert!(took >= Duration::from_millis(75), "{took:?}");
    }

    #[tokio::test]
    async fn more_patience_than_there_is_is_told_at_once() {
        let (limiter, service) = (Limiter::default(), service(0, 0));
        limiter.back_off(Duration::from_mins(10));
        assert!(!limiter.ready(&service, Duration::from_secs(40)).await);
    }
}
