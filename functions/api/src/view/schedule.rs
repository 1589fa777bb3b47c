//! Schedules: the request, and the stored schedule.

use std::collections::BTreeSet;

use contracts::catalogue::Category;
use contracts::media::Shape;
use contracts::model::WriterMode;
use contracts::schedule::{QuietHours, Schedule, Timing, ZoneName};
use contracts::segment::CustomerSegment;
use contracts::{Batch, CustomerId, CustomerRef, Digest, NamedError, ScheduleName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::vault::Keys;
use utoipa::ToSchema;

use super::deserialize::whole_number;
use super::names::{CategoryName, ShapeName, WriterName};
use crate::problem::Problem;

/// When a schedule starts runs, for which customers and with which options. Each field states its default. In a field that
/// allows null, null means the same as omitting the field.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleRequest {
    /// When a run starts, in local time, as `EventBridge` Scheduler writes it: `cron(0 9 ? * MON *)`, `rate(7 days)` or
    /// `at(2027-01-31T09:00:00)`.
    #[schema(max_length = 256, pattern = r"^(cron|rate|at)\(.+\)$", example = "cron(0 9 ? * MON *)")]
    pub(crate) when: String,
    /// The time zone of `when` and `quiet_hours`, from the IANA database. The default is `UTC`.
    #[schema(max_length = 64, example = "Europe/Berlin")]
    pub(crate) time_zone: Option<String>,
    /// The local hours in which no run starts. A schedule that would be due in them is refused, and so is a rate, which has
    /// no time of day. The default is none.
    pub(crate) quiet_hours: Option<QuietHoursView>,
    /// Whether no run starts. Null is invalid.
    #[serde(default)]
    #[schema(default = false)]
    pub(crate) paused: bool,
    /// The customers, as an expression with `and`, `or`, `not` and parentheses over facts: `need:travel`, `offer:PRODUCT`,
    /// `holds:PRODUCT`, `spending:dining`, `rising:dining`, `falling:dining`, `recurring:insurance`, `sign:business`. The
    /// default is all customers.
    #[schema(max_length = 2000, example = "need:travel and not holds:travel-rewards-card")]
    pub(crate) segment: Option<String>,
    /// The ids of the only customers, exactly as in the workbooks. The server stores their references instead. With a
    /// segment, both must hold. An empty list means all customers, or those in `customer_refs`. A body has at most 64 KiB, so
    /// write a longer list into a file in the bucket, as references. Null is invalid.
    #[serde(default)]
    #[schema(value_type = Vec<String>, default = json!([]))]
    pub(crate) customer_ids: Vec<CustomerId>,
    /// The references of the only customers, in addition to `customer_ids`. Null is invalid.
    #[serde(default)]
    #[schema(value_type = Vec<String>, default = json!([]))]
    pub(crate) customer_refs: BTreeSet<CustomerRef>,
    /// The name of the batch. The default is the complete batch whose last workbook arrived most recently, apart from
    /// uploads.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]
    pub(crate) batch: Option<Batch>,
    /// The lines of business whose products may be offered. An empty list means `default_categories` from
    /// `GET /v1/options` at the start of the run. Null is invalid.
    #[serde(default)]
    #[schema(value_type = Vec<CategoryName>, default = json!([]))]
    pub(crate) categories: Vec<Category>,
    /// The aspect ratio of the videos. The default is `default_shape` from `GET /v1/options`.
    #[schema(value_type = Option<ShapeName>)]
    pub(crate) shape: Option<Shape>,
    /// The writer. The default is `default_writer` from `GET /v1/options`.
    #[schema(value_type = Option<WriterName>)]
    pub(crate) writer: Option<WriterMode>,
    /// The voice: a `name` from `voices` in `GET /v1/options`. The default is the voice in the settings.
    #[schema(max_length = 100)]
    pub(crate) voice: Option<String>,
    /// The speaking rate, in words per minute. The default is `words_per_minute.default` from `GET /v1/options`.
    #[schema(minimum = 80, maximum = 220)]
    #[serde(default, deserialize_with = "whole_number")]
    pub(crate) words_per_minute: Option<u16>,
    /// Whether to make videos in addition to the texts. The default is true.
    pub(crate) video: Option<bool>,
    /// The maximum number of customers who get a message in one run. The default is no limit.
    #[schema(minimum = 1, maximum = 100_000_000)]
    #[serde(default, deserialize_with = "whole_number")]
    pub(crate) max_customers: Option<u32>,
    /// The budget of one run for models and outside voice services, in US dollars. The default is no limit.
    #[schema(minimum = 0)]
    pub(crate) budget_usd: Option<f64>,
}

/// The local hours in which no run starts. They may pass midnight.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuietHours)]
pub(crate) struct QuietHoursView {
    /// The first quiet minute.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "20:00")]
    pub(crate) from: String,
    /// The first minute after the quiet hours.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "08:00")]
    pub(crate) to: String,
}

impl ScheduleRequest {
    /// Returns the checked schedule, with references instead of ids. The messages of its errors never repeat a value.
    pub(crate) fn into_schedule(self, name: &ScheduleName, caller: Digest, keys: &Keys) -> Result<Schedule, Problem> {
        let quiet_hours = self.quiet_hours.map(|hours| QuietHours::parse(&hours.from, &hours.to)).transpose();
        let mut customers = self.customer_refs;
        customers.extend(self.customer_ids.iter().map(|id| keys.reference(id)));
        let schedule = Schedule {
            when: Timing::parse(&self.when).map_err(|error| Problem::invalid(&error.to_string()))?,
            time_zone: match self.time_zone {
                Some(zone) => ZoneName::parse(&zone).map_err(|error| Problem::invalid(&error.to_string()))?,
                None => ZoneName::default(),
            },
            quiet_hours: quiet_hours.map_err(|error| Problem::invalid(&error.to_string()))?,
            paused: self.paused,
            segment: match self.segment {
                Some(text) => {
                    Some(CustomerSegment::parse(&text).map_err(|error| Problem::invalid(&error.to_string()))?)
                }
                None => None,
            },
            batch: self.batch,
            categories: self.categories,
            shape: self.shape,
            writer: self.writer,
            voice: self.voice,
            words_per_minute: self.words_per_minute,
            video: self.video.unwrap_or(true),
            max_customers: self.max_customers,
            budget_usd: self.budget_usd,
            created_by: Some(caller),
            customers,
        };
        schedule.check(name).map_err(|error| Problem::refused(&error.to_string(), error.help()))?;
        Ok(schedule)
    }
}

/// A schedule: campaigns that start by themselves, each over the same segment and with the same options.
#[derive(Serialize, ToSchema)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleView {
    /// The name of the schedule.
    pub(crate) name: String,
    /// The next time at which a run starts. Absent if there is none, if the schedule is paused, and for a rate, whose times
    /// only `EventBridge` Scheduler knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub(crate) next_run: Option<Timestamp>,
    /// When a run starts.
    pub(crate) when: String,
    /// The time zone of `when` and `quiet_hours`.
    pub(crate) time_zone: String,
    /// The local hours in which no run starts. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<QuietHoursView>, nullable = false)]
    pub(crate) quiet_hours: Option<QuietHours>,
    /// Whether no run starts.
    pub(crate) paused: bool,
    /// The customers, as an expression over facts. Absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) segment: Option<String>,
    /// The references of the only customers. Empty for all.
    #[schema(value_type = Vec<String>)]
    pub(crate) customer_refs: BTreeSet<CustomerRef>,
    /// The name of the batch. Absent for the newest complete one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub(crate) batch: Option<Batch>,
    /// The lines of business. Empty for those in the settings.
    #[schema(value_type = Vec<CategoryName>)]
    pub(crate) categories: Vec<Category>,
    /// The aspect ratio of the videos. Absent for the one in the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ShapeName>, nullable = false)]
    pub(crate) shape: Option<Shape>,
    /// The writer. Absent for the one in the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WriterName>, nullable = false)]
    pub(crate) writer: Option<WriterMode>,
    /// The voice. Absent for the one in the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) voice: Option<String>,
    /// The speaking rate, in words per minute. Absent for the one in the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) words_per_minute: Option<u16>,
    /// Whether to make videos in addition to the texts.
    pub(crate) video: bool,
    /// The maximum number of customers who get a message in one run. Absent for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) max_customers: Option<u32>,
    /// The budget of one run, in US dollars. Absent for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) budget_usd: Option<f64>,
}

impl ScheduleView {
    /// Returns the view of a schedule at a time.
    pub(crate) fn new(name: &ScheduleName, schedule: Schedule, now: Timestamp) -> Self {
        Self {
            name: name.to_string(),
            next_run: schedule.next_run(now),
            when: schedule.when.to_string(),
            time_zone: schedule.time_zone.as_str().to_owned(),
            quiet_hours: schedule.quiet_hours,
            paused: schedule.paused,
            segment: schedule.segment.map(String::from),
            customer_refs: schedule.customers,
            batch: schedule.batch,
            categories: schedule.categories,
            shape: schedule.shape,
            writer: schedule.writer,
            voice: schedule.voice,
            words_per_minute: schedule.words_per_minute,
            video: schedule.video,
            max_customers: schedule.max_customers,
            budget_usd: schedule.budget_usd,
        }
    }
}

/// All schedules, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleList {
    /// The schedules.
    pub(crate) items: Vec<ScheduleView>,
}
