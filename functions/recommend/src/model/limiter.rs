//! Limits a process's calls to the model service: by requests per minute, by tokens per minute, and by a pause while
//! the service is throttling. A `Retry-After` in the response to one call also delays all other calls.
//!
//! The `governor` crate is not suitable here:
//!
//! - It charges a call before it starts, but the token count is known only after the response.
//! - It fixes its quota at construction, but each call may bring new settings.
//! - It cannot pause all callers for a `Retry-After`.
//! - It cannot reserve a later slot, which [`Limiter::reserve_slot`] needs to compare the slot with a deadline.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::Digest;
use contracts::settings::ModelSettings;
use tokio::time::{Instant, sleep_until};

/// A rate limiter for all calls of one process to the model service.
#[derive(Debug, Default)]
pub struct Limiter {
    state: Mutex<LimiterState>,
    services: Mutex<HashMap<Digest, ServiceMemory>>,
}

/// The knowledge from earlier calls to one service, with one model and one key.
#[derive(Clone, Debug, Default)]
struct ServiceMemory {
    /// The parameters that the service rejected before it answered, in order.
    steps: Vec<&'static str>,
    /// The error that every further call would get.
    given_up: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct LimiterState {
    /// The start of the next free slot under the per-minute limits.
    next_slot: Option<Instant>,
    /// The end of the pause that the service requested.
    paused_until: Option<Instant>,
}

impl Limiter {
    fn state(&self) -> MutexGuard<'_, LimiterState> {
        // A panic cannot leave the two instants half-written, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn services(&self) -> MutexGuard<'_, HashMap<Digest, ServiceMemory>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the parameters that the service has rejected so far.
    pub(super) fn learned_steps(&self, service: Digest) -> Vec<&'static str> {
        self.services().get(&service).map(|memory| memory.steps.clone()).unwrap_or_default()
    }

    /// Remembers the parameters that the service rejected before it answered.
    pub(super) fn learn_steps(&self, service: Digest, steps: Vec<&'static str>) {
        if !steps.is_empty() {
            self.services().entry(service).or_default().steps = steps;
        }
    }

    /// Remembers an error that every further call would get, and logs it once.
    pub(super) fn give_up(&self, service: Digest, why: &str) {
        let mut services = self.services();
        let given_up = &mut services.entry(service).or_default().given_up;
        if given_up.is_none() {
            tracing::error!(why, "the model service cannot answer any call, so it is not called again");
            *given_up = Some(why.to_owned());
        }
    }

    /// Returns the error that stopped all further calls to the service, if there was one.
    pub(super) fn given_up(&self, service: Digest) -> Option<String> {
        self.services().get(&service)?.given_up.clone()
    }

    /// Reserves the next slot and returns its start.
    pub(super) fn reserve_slot(&self, service: &ModelSettings) -> Instant {
        let now = Instant::now();
        let mut state = self.state();
        let slot = [state.next_slot, state.paused_until].into_iter().flatten().fold(now, Instant::max);
        state.next_slot = Some(slot + fraction_of_minute(1, service.requests_per_minute));
        slot
    }

    /// Counts the tokens of a finished call. Delays the next slot if the tokens use up more than the call's own slot.
    pub(super) fn count_tokens(&self, service: &ModelSettings, tokens: u64) {
        let slot = fraction_of_minute(1, service.requests_per_minute);
        let excess = fraction_of_minute(tokens, service.tokens_per_minute).saturating_sub(slot);
        let mut state = self.state();
        let next_slot = state.next_slot.map_or_else(Instant::now, |next| next.max(Instant::now()));
        state.next_slot = Some(next_slot + excess);
    }

    /// Pauses all calls for `wait`. Never shortens a longer pause.
    pub(super) fn pause(&self, wait: Duration) {
        let until = Instant::now().checked_add(wait);
        let mut state = self.state();
        state.paused_until = state.paused_until.max(until);
    }

    /// Waits for a slot. Call this before a customer's deadline starts. Returns false if calls are paused for longer
    /// than `max_wait`; a later attempt may succeed.
    pub(super) async fn ready(&self, service: &ModelSettings, max_wait: Duration) -> bool {
        let paused_until = self.state().paused_until;
        if paused_until.is_some_and(|until| until > Instant::now() + max_wait) {
            return false;
        }
        let mut slot = self.reserve_slot(service);
        // Another call may pause the limiter while this one waits.
        loop {
            sleep_until(slot).await;
            let paused_until = self.state().paused_until;
            let now = Instant::now();
            match paused_until {
                Some(until) if until > now + max_wait => return false,
                // Reserve another slot, so the waiting calls do not all start at once.
                Some(until) if until > now => slot = self.reserve_slot(service),
                _ => return true,
            }
        }
    }
}

/// Returns the fraction of a minute that `amount` takes at `per_minute`. Returns zero if there is no limit.
fn fraction_of_minute(amount: u64, per_minute: u32) -> Duration {
    if per_minute == 0 {
        return Duration::ZERO;
    }
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    Duration::from_secs_f64(60.0 * amount as f64 / f64::from(per_minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(requests_per_minute: u32, tokens_per_minute: u32) -> ModelSettings {
        ModelSettings { requests_per_minute, tokens_per_minute, ..ModelSettings::default() }
    }

    async fn time_of_slots(limiter: &Limiter, service: &ModelSettings, count: usize) -> Duration {
        let start = Instant::now();
        for _ in 0..count {
            assert!(limiter.ready(service, Duration::from_secs(40)).await);
        }
        start.elapsed()
    }

    #[tokio::test]
    async fn slots_respect_the_limit_of_requests_per_minute() {
        let limiter = Limiter::default();
        time_of_slots(&limiter, &service(0, 0), 1000).await;
        let elapsed = time_of_slots(&limiter, &service(3000, 0), 7).await;
        assert!(elapsed >= Duration::from_millis(120), "six slots of 20 ms after the first one: {elapsed:?}");
    }

    #[tokio::test]
    async fn used_tokens_delay_the_next_slot() {
        let limiter = Limiter::default();
        let service = service(60_000, 600_000);
        time_of_slots(&limiter, &service, 1).await;
        limiter.count_tokens(&service, 1000);
        let elapsed = time_of_slots(&limiter, &service, 1).await;
        assert!(elapsed >= Duration::from_millis(95), "1,000 tokens at 10 tokens per millisecond: {elapsed:?}");
    }

    #[tokio::test]
    async fn shorter_pause_does_not_end_a_longer_one() {
        let limiter = Limiter::default();
        let service = service(0, 0);
        limiter.pause(Duration::from_millis(80));
        limiter.pause(Duration::from_millis(5));
        let elapsed = time_of_slots(&limiter, &service, 3).await;
        assert!(elapsed >= Duration::from_millis(75), "{elapsed:?}");
    }

    #[tokio::test]
    async fn pause_beyond_the_maximum_wait_is_reported_immediately() {
        let limiter = Limiter::default();
        let service = service(0, 0);
        limiter.pause(Duration::from_mins(10));
        assert!(!limiter.ready(&service, Duration::from_secs(40)).await);
    }
}
