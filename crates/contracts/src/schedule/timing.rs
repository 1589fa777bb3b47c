//! When a schedule is due, in the syntax of EventBridge Scheduler:
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The years that a cron expression can name.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;

/// When a schedule is due: `cron(…)`, `rate(…)` or `at(…)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timing {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Cron(Cron),
    /// EventBridge Scheduler counts from its own start, so the times are not known here.
    Rate,
    At(DateTime),
}

/// An invalid timing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TimingError {
    /// It is none of the three forms.
    #[error("when: must be cron(…), rate(…) or at(…), as EventBridge Scheduler writes them")]
    Form,
    /// A cron expression does not have six fields.
    #[error("when: cron must have six fields: minute, hour, day of month, month, day of week, year")]
    Fields,
    /// A field of a cron expression is invalid.
    #[error("when: cron has an invalid {field}")]
    Field {
        /// The field.
        field: &'static str,
    },
    /// Both or neither of the two day fields are `?`.
    #[error("when: exactly one of cron's day of month and day of week must be ?")]
    TwoDays,
    /// A rate is not a number above 0 with a unit.
    #[error("when: rate must be a number and minutes, hours or days, such as rate(7 days), or rate(1 day)")]
    Rate,
    /// The time is not written as `yyyy-mm-ddThh:mm:ss`.
    #[error("when: at must be a local time such as at(2027-01-31T09:00:00)")]
    At,
}

/// A cron expression with six fields.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cron {
    minutes: BTreeSet<i8>,
    hours: BTreeSet<i8>,
    days: Days,
    months: BTreeSet<i8>,
    years: BTreeSet<i16>,
}

/// The days on which a cron expression is due.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<MonthDay>),
    OfWeek(Vec<WeekDay>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MonthDay {
    /// `15`.
    Number(i8),
    /// `L`: the last day.
    Last,
    /// `LW`: the last weekday.
    LastWeekday,
    /// `15W`: the weekday nearest to the day, within the month.
    NearestWeekday(i8),
}

/// Days of the week, 1 for Sunday to 7 for Saturday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WeekDay {
    /// `MON`.
    Number(i8),
    /// `6L`: the last Friday of the month.
    Last(i8),
    /// `MON#2`: the second Monday of the month.
    Nth(i8, i8),
}

impl Timing {
    /// Parses a timing.
    pub fn parse(text: &str) -> Result<Self, TimingError> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let kind = if let Some(fields) = inside("cron") {
            Kind::Cron(Cron::parse(fields)?)
        } else if let Some(rate) = inside("rate") {
            check_rate(rate)?;
            Kind::Rate
        } else if let Some(at) = inside("at") {
            Kind::At(DateTime::strptime("%Y-%m-%dT%H:%M:%S", at).map_err(|_| TimingError::At)?)
        } else {
            return Err(TimingError::Form);
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// Returns the expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns every local time of day at which the schedule can be due, sorted. `None` if that is not known, as for a
    /// rate.
    #[must_use]
    pub fn times_of_day(&self) -> Option<Vec<Time>> {
        match &self.kind {
            Kind::Cron(cron) => Some(cron.times_of_day().collect()),
            Kind::At(at) => Some(vec![at.time()]),
            Kind::Rate => None,
        }
    }

    /// Returns the first time after `after` at which the schedule is due. `None` if there is none, or for a rate.
    ///
    /// The rule for changes to daylight saving time is EventBridge Scheduler's: a local time that does not exist is
    /// skipped, and one that exists twice is due once.
    #[must_use]
    pub fn next(&self, after: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
        match &self.kind {
            Kind::Cron(cron) => cron.next(after, time_zone),
            Kind::At(at) => instant(*at, time_zone).filter(|due| *due > after),
            Kind::Rate => None,
        }
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Timing {
    type Error = TimingError;

    fn try_from(text: String) -> Result<Self, TimingError> {
        Self::parse(&text)
    }
}

impl From<Timing> for String {
    fn from(timing: Timing) -> Self {
        timing.text
    }
}

fn check_rate(text: &str) -> Result<(), TimingError> {
    let (number, unit) = text.split_once(' ').ok_or(TimingError::Rate)?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let number: u32 = number.parse().ok().filter(|_| is_number).ok_or(TimingError::Rate)?;
    let is_singular = matches!(unit, "minute" | "hour" | "day");
    let is_plural = matches!(unit, "minutes" | "hours" | "days");
    if (number == 1 && is_singular) || (number > 1 && is_plural) { Ok(()) } else { Err(TimingError::Rate) }
}

/// Returns the instant of a local time. `None` if the clock skips it; the earlier instant if the clock repeats it.
fn instant(local: DateTime, time_zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = time_zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => None,
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
    }
}

impl Cron {
    fn parse(text: &str) -> Result<Self, TimingError> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, month_days, months, week_days, years] = fields[..] else {
            return Err(TimingError::Fields);
        };
        let days = match (month_days, week_days) {
            ("?", "?") => return Err(TimingError::TwoDays),
            (days, "?") => Days::OfMonth(month_days_of(days).ok_or(TimingError::Field { field: "day of month" })?),
            ("?", days) => Days::OfWeek(week_days_of(days).ok_or(TimingError::Field { field: "day of week" })?),
            _ => return Err(TimingError::TwoDays),
        };
        let set =
            |field: &'static str, text: &str, range: Range| range.numbers(text).ok_or(TimingError::Field { field });
        let narrow =
            |numbers: BTreeSet<i16>| numbers.into_iter().filter_map(|number| i8::try_from(number).ok()).collect();
        Ok(Self {
            minutes: narrow(set("minute", minutes, Range { from: 0, to: 59, names: &[] })?),
            hours: narrow(set("hour", hours, Range { from: 0, to: 23, names: &[] })?),
            days,
            months: narrow(set("month", months, Range { from: 1, to: 12, names: &MONTHS })?),
            years: set("year", years, Range { from: *YEARS.start(), to: *YEARS.end(), names: &[] })?,
        })
    }

    fn times_of_day(&self) -> impl Iterator<Item = Time> {
        let minutes = &self.minutes;
        self.hours.iter().flat_map(move |hour| minutes.iter().map(move |minute| Time::constant(*hour, *minute, 0, 0)))
    }

    fn is_due_on(&self, date: Date) -> bool {
        self.months.contains(&date.month())
            && self.years.contains(&date.year())
            && match &self.days {
                Days::OfMonth(days) => days.iter().any(|day| day.is(date)),
                Days::OfWeek(days) => days.iter().any(|day| day.is(date)),
            }
    }

    fn next(&self, after: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
        let mut date = time_zone.to_datetime(after).date();
        let last = *self.years.last()?;
        while date.year() <= last {
            if self.is_due_on(date) {
                let due = self.times_of_day().filter_map(|time| instant(date.to_datetime(time), time_zone));
                // The clock may go back, so the order of local times is not always the order of instants.
                if let Some(due) = due.filter(|due| *due > after).min() {
                    return Some(due);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }
}

impl MonthDay {
    fn is(self, date: Date) -> bool {
        let last = date.last_of_month();
        match self {
            Self::Number(day) => date.day() == day,
            Self::Last => date == last,
            Self::LastWeekday => nearest_weekday(last) == Some(date),
            Self::NearestWeekday(day) => {
                day <= last.day() && date.with().day(day).build().ok().and_then(nearest_weekday) == Some(date)
            }
        }
    }
}

/// Returns the weekday nearest to a date, in the same month.
fn nearest_weekday(date: Date) -> Option<Date> {
    let move_by = match week_day(date) {
        // Saturday: the Friday before, or the Monday after the first.
        7 if date.day() == 1 => 2,
        7 => -1,
        // Sunday: the Monday after, or the Friday before the last day.
        1 if date == date.last_of_month() => -2,
        1 => 1,
        _ => 0,
    };
    date.checked_add(jiff::SignedDuration::from_hours(24 * move_by)).ok()
}

/// Returns the day of the week, 1 for Sunday to 7 for Saturday.
fn week_day(date: Date) -> i8 {
    date.weekday().to_sunday_one_offset()
}

impl WeekDay {
    fn is(self, date: Date) -> bool {
        match self {
            Self::Number(day) => week_day(date) == day,
            Self::Last(day) => week_day(date) == day && date.day() + 7 > date.days_in_month(),
            Self::Nth(day, nth) => week_day(date) == day && (date.day() + 6) / 7 == nth,
        }
    }
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEK_DAYS: Range = Range { from: 1, to: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
const MONTH_DAYS: Range = Range { from: 1, to: 31, names: &[] };

/// The range of a field, and the names of its numbers from `from` on.
#[derive(Clone, Copy)]
struct Range {
    from: i16,
    to: i16,
    names: &'static [&'static str],
}

impl Range {
    /// Returns the numbers of a comma-separated list of numbers, ranges and steps.
    fn numbers(self, text: &str) -> Option<BTreeSet<i16>> {
        let mut numbers = BTreeSet::new();
        for part in text.split(',') {
            numbers.extend(self.part(part)?);
        }
        Some(numbers)
    }

    fn part(self, part: &str) -> Option<Vec<i16>> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(unsigned(step).filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.from, self.to),
            Some((from, to)) => (self.number(from)?, self.number(to)?),
            // A step after a single number counts to the end of the range.
            None if step.is_some() => (self.number(range)?, self.to),
            None => (self.number(range)?, self.number(range)?),
        };
        if from > to {
            return None;
        }
        Some((from..=to).step_by(usize::try_from(step.unwrap_or(1)).ok()?).collect())
    }

    fn number(self, text: &str) -> Option<i16> {
        let named = self.names.iter().zip(self.from..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        let number = named.map(|(_, number)| number).or_else(|| unsigned(text))?;
        (self.from..=self.to).contains(&number).then_some(number)
    }

    fn small(self, text: &str) -> Option<i8> {
        self.number(text).and_then(|number| i8::try_from(number).ok())
    }
}

/// Parses digits. The parser of the standard library also accepts a plus.
fn unsigned(text: &str) -> Option<i16> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}

fn month_days_of(text: &str) -> Option<Vec<MonthDay>> {
    let mut days = Vec::new();
    for part in text.split(',') {
        match part {
            "L" => days.push(MonthDay::Last),
            "LW" => days.push(MonthDay::LastWeekday),
            _ => match part.strip_suffix('W') {
                Some(day) => days.push(MonthDay::NearestWeekday(MONTH_DAYS.small(day)?)),
                None => days.extend(
                    MONTH_DAYS.part(part)?.into_iter().filter_map(|day| i8::try_from(day).ok()).map(MonthDay::Number),
                ),
            },
        }
    }
    Some(days)
}

fn week_days_of(text: &str) -> Option<Vec<WeekDay>> {
    let mut days = Vec::new();
    for part in text.split(',') {
        if part == "L" {
            days.push(WeekDay::Number(7));
        } else if let Some(day) = part.strip_suffix('L') {
            days.push(WeekDay::Last(WEEK_DAYS.small(day)?));
        } else if let Some((day, nth)) = part.split_once('#') {
            let nth = Range { from: 1, to: 5, names: &[] }.small(nth)?;
            days.push(WeekDay::Nth(WEEK_DAYS.small(day)?, nth));
        } else {
            let numbers = WEEK_DAYS.part(part)?.into_iter().filter_map(|day| i8::try_from(day).ok());
            days.extend(numbers.map(WeekDay::Number));
        }
    }
    Some(days)
}
