//! Timers on EventBridge Scheduler: one EventBridge schedule for each of the bank's schedules, in a separate group.

use async_trait::async_trait;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::SdkError;
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::operation::delete_schedule::DeleteScheduleError;
use aws_sdk_scheduler::operation::update_schedule::UpdateScheduleError;
use aws_sdk_scheduler::types::{
    DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState, Target,
};
use contracts::ScheduleName;
use contracts::error::chain;
use contracts::schedule::{Schedule, Timers, TimersError};
use serde_json::json;

use crate::environment::{self, EnvironmentError};

/// How long EventBridge Scheduler retries the delivery of an event, in seconds, and the maximum number of retries. Then
/// it puts the event into the dead-letter queue.
const DELIVERY_SECONDS: i32 = 3_600;
const DELIVERY_ATTEMPTS: i32 = 10;

/// The names that every timer has in common.
#[derive(Clone, Debug)]
pub struct TimerNames {
    /// The schedule group.
    pub group: String,
    /// The ARN of the function that a timer invokes.
    pub function: String,
    /// The ARN of the role that may invoke it.
    pub role: String,
    /// The ARN of the queue for events that could not be delivered.
    pub queue: String,
    /// The ARN of the key that encrypts the timers.
    pub key: String,
}

impl TimerNames {
    /// Reads the names from `TIMER_GROUP`, `TIMER_ROLE`, `TIMER_QUEUE` and `TIMER_KEY`. The timers invoke the function that
    /// calls this. The template cannot give a function its own ARN, so the ARN is derived from the role's.
    pub fn from_environment() -> Result<Self, EnvironmentError> {
        let role = environment::required("TIMER_ROLE")?;
        let name = environment::required("AWS_LAMBDA_FUNCTION_NAME")?;
        let region = environment::required("AWS_REGION")?;
        Ok(Self {
            group: environment::required("TIMER_GROUP")?,
            function: function_arn(&role, &region, &name)
                .ok_or_else(|| EnvironmentError::invalid("TIMER_ROLE", "not the ARN of a role"))?,
            role,
            queue: environment::required("TIMER_QUEUE")?,
            key: environment::required("TIMER_KEY")?,
        })
    }
}

/// Returns the ARN of a function in the account and partition of a role: `arn:PARTITION:iam::ACCOUNT:role/…`.
fn function_arn(role: &str, region: &str, name: &str) -> Option<String> {
    let parts: Vec<&str> = role.split(':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account, _] => {
            Some(format!("arn:{partition}:lambda:{region}:{account}:function:{name}"))
        }
        _ => None,
    }
}

/// The timers in one schedule group.
#[derive(Clone, Debug)]
pub struct EventBridgeTimers {
    client: Client,
    names: TimerNames,
}

impl EventBridgeTimers {
    /// Returns the timers with these names.
    #[must_use]
    pub const fn new(client: Client, names: TimerNames) -> Self {
        Self { client, names }
    }

    /// Returns the target of a schedule's timer. The scheduled time is part of the input, so a duplicate event does not
    /// start a second execution.
    fn target(&self, name: &ScheduleName) -> Target {
        let input = json!({ "schedule": name, "at": "<aws.scheduler.scheduled-time>" });
        let policy = RetryPolicy::builder()
            .maximum_event_age_in_seconds(DELIVERY_SECONDS)
            .maximum_retry_attempts(DELIVERY_ATTEMPTS)
            .build();
        Target::builder()
            .arn(&self.names.function)
            .role_arn(&self.names.role)
            .input(input.to_string())
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.names.queue).build())
            .retry_policy(policy)
            .build()
            .expect("both ARNs are set")
    }
}

fn exact() -> FlexibleTimeWindow {
    FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().expect("the mode is set")
}

fn failed(schedule: &ScheduleName, action: &'static str, reason: String) -> TimersError {
    TimersError { schedule: schedule.clone(), action, reason }
}

#[async_trait]
impl Timers for EventBridgeTimers {
    /// Updates the timer, or creates it if it does not exist. An update replaces every field, like a creation.
    async fn set(&self, name: &ScheduleName, schedule: &Schedule) -> Result<(), TimersError> {
        let state = if schedule.paused { ScheduleState::Disabled } else { ScheduleState::Enabled };
        let update = self
            .client
            .update_schedule()
            .name(name.as_str())
            .group_name(&self.names.group)
            .schedule_expression(schedule.when.as_str())
            .schedule_expression_timezone(schedule.time_zone.as_str())
            .state(state.clone())
            .flexible_time_window(exact())
            .kms_key_arn(&self.names.key)
            .target(self.target(name));
        match update.send().await {
            Ok(_) => return Ok(()),
            Err(error) if is(&error, UpdateScheduleError::is_resource_not_found_exception) => {}
            Err(error) => return Err(failed(name, "set", chain(&error))),
        }
        let create = self
            .client
            .create_schedule()
            .name(name.as_str())
            .group_name(&self.names.group)
            .schedule_expression(schedule.when.as_str())
            .schedule_expression_timezone(schedule.time_zone.as_str())
            .state(state)
            .flexible_time_window(exact())
            .kms_key_arn(&self.names.key)
            .target(self.target(name));
        match create.send().await {
            Ok(_) => Ok(()),
            // Another event created it between the two calls. After this error, a retry updates it from the newest
            // file.
            Err(error) if is(&error, CreateScheduleError::is_conflict_exception) => {
                Err(failed(name, "set", "another event created it at the same time".to_owned()))
            }
            Err(error) => Err(failed(name, "set", chain(&error))),
        }
    }

    async fn remove(&self, name: &ScheduleName) -> Result<(), TimersError> {
        let delete = self.client.delete_schedule().name(name.as_str()).group_name(&self.names.group);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) if is(&error, DeleteScheduleError::is_resource_not_found_exception) => Ok(()),
            Err(error) => Err(failed(name, "remove", chain(&error))),
        }
    }
}

/// Returns whether the service answered with an error of this kind.
fn is<E, R>(error: &SdkError<E, R>, kind: impl Fn(&E) -> bool) -> bool {
    error.as_service_error().is_some_and(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_is_in_the_account_of_the_role() {
        let role = "arn:aws-us-gov:iam::111122223333:role/path/timers";
        let arn = function_arn(role, "us-gov-west-1", "start").unwrap();
        assert_eq!(arn, "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:start");
        assert_eq!(function_arn("timers", "us-gov-west-1", "start"), None);
    }
}
