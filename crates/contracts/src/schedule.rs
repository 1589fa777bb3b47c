//! Schedules: campaigns that start by themselves, each over its own segment and with its own options.
//!
//! A schedule is a TOML file, `schedules/<name>.toml`. `data/schedule.schema.json` describes it.

mod quiet;
mod timers;
mod timing;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::catalogue::Category;
use crate::media::Shape;
use crate::model::WriterMode;
use crate::request::RunOptions;
use crate::segment::{CustomerSegment, SegmentError};
use crate::{Batch, CustomerRef, Digest, ErrorName, NamedError, ProductId, ScheduleName};

pub use quiet::{LocalTimeError, QuietHours, ZoneName};
pub use timers::{Timers, TimersError};
pub use timing::{Timing, TimingError};

/// The maximum number of listed customers.
pub const MAX_CUSTOMERS: usize = 100_000;

/// A schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// When a run starts: `cron(…)`, `rate(…)` or `at(…)` in the syntax of EventBridge Scheduler, in local time.
    pub when: Timing,
    /// The time zone of `when` and `quiet_hours`, such as `Europe/Berlin`.
    #[serde(default)]
    pub time_zone: ZoneName,
    /// The hours in which no run starts. `None` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Whether no run starts.
    #[serde(default)]
    pub paused: bool,
    /// The customers, as an expression over facts. `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<CustomerSegment>,
    /// The batch. `None` for the newest complete one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// The lines of business whose products may be offered. Empty for those in the settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Category>,
    /// The shape of the videos. `None` for the one in the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// The writer. `None` for the one in the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<WriterMode>,
    /// The voice, in the syntax of [`crate::voice::VoiceName`]. `None` for the one in the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// The speaking rate in words per minute, 80 to 220. `None` for the one in the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_per_minute: Option<u16>,
    /// Whether to make videos in addition to the texts.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub video: bool,
    /// The maximum number of customers who get a message. `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_customers: Option<u32>,
    /// The budget of each run for models and outside voices in US dollars. `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    /// The keyed digest of the person who created or last changed the schedule through the API. They may see its runs,
    /// and may not approve the results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Digest>,
    /// The only customers, by reference. Empty for all. If there is a segment too, both must hold.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub customers: BTreeSet<CustomerRef>,
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_yes(video: &bool) -> bool {
    *video
}

/// An invalid schedule, or one that must not start now. A message never repeats a value from the file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ScheduleError {
    /// The file is not valid TOML, or a value is invalid.
    #[error("schedule {schedule}: line {line}: {reason}")]
    Toml {
        /// The schedule.
        schedule: ScheduleName,
        /// The line, counted from 1; 0 if unknown.
        line: usize,
        /// The reason.
        reason: String,
    },
    /// A value is out of range.
    #[error("schedule {schedule}: {field} must be {expected}")]
    Range {
        /// The schedule.
        schedule: ScheduleName,
        /// The field.
        field: &'static str,
        /// The allowed values.
        expected: &'static str,
    },
    /// The schedule would be due in its quiet hours.
    #[error("schedule {schedule}: it is due at {due}, which is in the quiet hours {quiet}")]
    DueInQuietHours {
        /// The schedule.
        schedule: ScheduleName,
        /// The first such local time.
        due: String,
        /// The quiet hours.
        quiet: String,
    },
    /// A rate has no time of day, so quiet hours cannot be kept.
    #[error("schedule {schedule}: quiet hours need cron(…) or at(…), because a rate has no time of day")]
    RateWithQuietHours {
        /// The schedule.
        schedule: ScheduleName,
    },
    /// The segment mentions a product that the catalog does not contain.
    #[error("schedule {schedule}: {error}")]
    Segment {
        /// The schedule.
        schedule: ScheduleName,
        /// The cause.
        error: SegmentError,
    },
    /// A run must not start in the quiet hours.
    #[error("schedule {schedule}: no run starts in the quiet hours {quiet}, and it is {local} in {zone}")]
    QuietNow {
        /// The schedule.
        schedule: ScheduleName,
        /// The quiet hours.
        quiet: String,
        /// The local time.
        local: String,
        /// The time zone.
        zone: String,
    },
    /// The schedule is paused.
    #[error("schedule {schedule} is paused")]
    Paused {
        /// The schedule.
        schedule: ScheduleName,
    },
}

impl NamedError for ScheduleError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Toml { .. }
            | Self::Range { .. }
            | Self::DueInQuietHours { .. }
            | Self::RateWithQuietHours { .. }
            | Self::Segment { .. } => ErrorName::ConfigInvalid,
            Self::QuietNow { .. } | Self::Paused { .. } => ErrorName::StartNotNow,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Toml { .. } | Self::Range { .. } => "data/schedule.schema.json describes every field".to_owned(),
            Self::DueInQuietHours { .. } => "change when or quiet_hours".to_owned(),
            Self::RateWithQuietHours { .. } => "write the times of day as cron(…)".to_owned(),
            Self::Segment { .. } => "use the id of a product in catalogue.json".to_owned(),
            Self::QuietNow { .. } => "start the run again after the quiet hours".to_owned(),
            Self::Paused { .. } => "set paused = false".to_owned(),
        })
    }
}

impl Schedule {
    /// Parses and checks the schedule with this name.
    pub fn from_toml(schedule: &ScheduleName, text: &str) -> Result<Self, ScheduleError> {
        let parsed: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            ScheduleError::Toml { schedule: schedule.clone(), line, reason: without_values(error.message()) }
        })?;
        parsed.check(schedule)?;
        Ok(parsed)
    }

    /// Returns the schedule as TOML.
    ///
    /// # Panics
    /// Never: every field serializes to TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every field serializes to TOML")
    }

    /// Checks the rules that the field types do not express. After that, no due time is in the quiet hours on any day,
    /// because both are local times in the same time zone.
    pub fn check(&self, schedule: &ScheduleName) -> Result<(), ScheduleError> {
        let schedule = || schedule.clone();
        let ranges = [
            (self.voice.as_ref().is_none_or(|voice| voice.chars().count() <= 100), "voice", "at most 100 characters"),
            (self.words_per_minute.is_none_or(|rate| (80..=220).contains(&rate)), "words_per_minute", "80 to 220"),
            (self.max_customers.is_none_or(|count| (1..=100_000_000).contains(&count)), "max_customers", "1 or more"),
            (self.budget_usd.is_none_or(|usd| usd.is_finite() && usd >= 0.0), "budget_usd", "0 or more"),
            (self.customers.len() <= MAX_CUSTOMERS, "customers", "a list of at most 100000 customers"),
        ];
        if let Some((_, field, expected)) = ranges.into_iter().find(|(holds, ..)| !holds) {
            return Err(ScheduleError::Range { schedule: schedule(), field, expected });
        }
        let Some(quiet) = self.quiet_hours else { return Ok(()) };
        let Some(times) = self.when.times_of_day() else {
            return Err(ScheduleError::RateWithQuietHours { schedule: schedule() });
        };
        match times.into_iter().find(|time| quiet.contain(*time)) {
            None => Ok(()),
            Some(due) => Err(ScheduleError::DueInQuietHours {
                schedule: schedule(),
                due: due.strftime("%H:%M").to_string(),
                quiet: quiet.to_string(),
            }),
        }
    }

    /// Fails if the segment mentions a product that `is_known` does not know.
    pub fn ensure_known(
        &self,
        schedule: &ScheduleName,
        is_known: &dyn Fn(&ProductId) -> bool,
    ) -> Result<(), ScheduleError> {
        let known = self.segment.as_ref().map_or(Ok(()), |segment| segment.ensure_known(is_known));
        known.map_err(|error| ScheduleError::Segment { schedule: schedule.clone(), error })
    }

    /// Fails if a run must not start at `now`: the schedule is paused, or it is in the quiet hours. A due time is never in
    /// the quiet hours, but an event may arrive late.
    pub fn ensure_may_start(&self, schedule: &ScheduleName, now: Timestamp) -> Result<(), ScheduleError> {
        if self.paused {
            return Err(ScheduleError::Paused { schedule: schedule.clone() });
        }
        let local = self.time_zone.zone().to_datetime(now).time();
        match self.quiet_hours.filter(|quiet| quiet.contain(local)) {
            None => Ok(()),
            Some(quiet) => Err(ScheduleError::QuietNow {
                schedule: schedule.clone(),
                quiet: quiet.to_string(),
                local: local.strftime("%H:%M").to_string(),
                zone: self.time_zone.as_str().to_owned(),
            }),
        }
    }

    /// Returns the next time after `now` at which a run starts. `None` if the schedule is paused, if there is no such time,
    /// or for a rate, whose times only EventBridge Scheduler knows.
    #[must_use]
    pub fn next_run(&self, now: Timestamp) -> Option<Timestamp> {
        if self.paused { None } else { self.when.next(now, self.time_zone.zone()) }
    }

    /// Returns the options of a run.
    #[must_use]
    pub fn options(&self, schedule: ScheduleName) -> RunOptions {
        RunOptions {
            categories: self.categories.clone(),
            writer: self.writer,
            words_per_minute: self.words_per_minute,
            voice: self.voice.clone(),
            shape: self.shape,
            videos: (!self.video).then_some(0),
            segment: self.segment.clone(),
            customers: self.customers.clone(),
            schedule: Some(schedule),
            ..RunOptions::default()
        }
    }
}

/// Returns the parser's message if it is one of ours or only names fields. Other messages may quote a value, which may be
/// a customer id.
fn without_values(message: &str) -> String {
    let own = ["segment: ", "when: ", "quiet_hours: ", "time_zone: ", "not a valid ", "unknown field", "missing field"];
    if own.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    match message.rsplit_once("expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "invalid TOML".to_owned(),
    }
}

#[cfg(test)]
mod tests;
