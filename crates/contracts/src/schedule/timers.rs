//! The interface to the service that starts runs on time.

use async_trait::async_trait;
use thiserror::Error;

use super::Schedule;
use crate::{ErrorName, NamedError, ScheduleName};

/// An error from the service: it refused the call or cannot be reached.
#[derive(Debug, Error)]
#[error("cannot {action} the timer of schedule {schedule}: {reason}")]
pub struct TimersError {
    /// The schedule.
    pub schedule: ScheduleName,
    /// The attempted action: `set` or `remove`.
    pub action: &'static str,
    /// The service's message.
    pub reason: String,
}

impl NamedError for TimersError {
    fn name(&self) -> ErrorName {
        ErrorName::StartUnavailable
    }
}

/// A service that starts the runs of schedules on time. Each schedule has one timer.
#[async_trait]
pub trait Timers: Send + Sync {
    /// Creates the schedule's timer, or replaces it.
    async fn set(&self, name: &ScheduleName, schedule: &Schedule) -> Result<(), TimersError>;

    /// Removes the schedule's timer. Also succeeds if there is none.
    async fn remove(&self, name: &ScheduleName) -> Result<(), TimersError>;
}
