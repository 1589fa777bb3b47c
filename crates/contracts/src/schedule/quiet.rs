//! Quiet hours, and the time zone in which they are local.

use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The hours of the day, in local time, in which no run of a schedule starts: from the start, inclusive, to the end,
/// exclusive. They may pass midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawQuietHours", into = "RawQuietHours")]
pub struct QuietHours {
    from: Time,
    to: Time,
}

/// The quiet hours as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuietHours {
    from: String,
    to: String,
}

/// An error in the quiet hours or the time zone.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LocalTimeError {
    /// A time is not written as `hh:mm`.
    #[error("quiet_hours: from and to must be local times from 00:00 to 23:59, such as 20:00")]
    Time,
    /// Both times are the same.
    #[error("quiet_hours: from and to must differ; pause the schedule if it must never start")]
    Empty,
    /// The time zone database has no such zone.
    #[error("time_zone: must be a name from the IANA time zone database, such as Europe/Berlin")]
    Zone,
}

impl QuietHours {
    /// Parses two local times, such as `20:00` and `08:00`.
    pub fn parse(from: &str, to: &str) -> Result<Self, LocalTimeError> {
        let hours = Self { from: time(from)?, to: time(to)? };
        if hours.from == hours.to { Err(LocalTimeError::Empty) } else { Ok(hours) }
    }

    /// Returns whether a local time of day is within the quiet hours.
    #[must_use]
    pub fn contain(self, local: Time) -> bool {
        let Self { from, to } = self;
        if from < to { from <= local && local < to } else { local >= from || local < to }
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from.strftime("%H:%M"), self.to.strftime("%H:%M"))
    }
}

impl TryFrom<RawQuietHours> for QuietHours {
    type Error = LocalTimeError;

    fn try_from(RawQuietHours { from, to }: RawQuietHours) -> Result<Self, LocalTimeError> {
        Self::parse(&from, &to)
    }
}

impl From<QuietHours> for RawQuietHours {
    fn from(QuietHours { from, to }: QuietHours) -> Self {
        let text = |time: Time| time.strftime("%H:%M").to_string();
        Self { from: text(from), to: text(to) }
    }
}

fn time(text: &str) -> Result<Time, LocalTimeError> {
    let parsed = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2);
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse::<i8>().ok())?;
    let time = parsed.and_then(|(hour, minute)| Time::new(digits(hour)?, digits(minute)?, 0, 0).ok());
    time.ok_or(LocalTimeError::Time)
}

/// A time zone of the IANA database, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZoneName {
    name: String,
    zone: TimeZone,
}

impl ZoneName {
    /// Finds a time zone.
    pub fn parse(name: &str) -> Result<Self, LocalTimeError> {
        let zone = TimeZone::get(name).map_err(|_| LocalTimeError::Zone)?;
        // The database also finds names in another case, which EventBridge Scheduler may refuse.
        let known = zone.iana_name().filter(|known| *known == name).ok_or(LocalTimeError::Zone)?;
        Ok(Self { name: known.to_owned(), zone: zone.clone() })
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Returns the time zone.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

impl Default for ZoneName {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

impl TryFrom<String> for ZoneName {
    type Error = LocalTimeError;

    fn try_from(name: String) -> Result<Self, LocalTimeError> {
        Self::parse(&name)
    }
}

impl From<ZoneName> for String {
    fn from(zone: ZoneName) -> Self {
        zone.name
    }
}
