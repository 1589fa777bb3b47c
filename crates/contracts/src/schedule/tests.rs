use std::collections::BTreeMap;

use jiff::civil::{Time, date};
use jiff::{SignedDuration, ToSpan as _};
use serde_json::Value;

use super::*;

fn name() -> ScheduleName {
    ScheduleName::parse("spring").unwrap()
}

fn parse(text: &str) -> Result<Schedule, ScheduleError> {
    Schedule::from_toml(&name(), text)
}

fn schedule(text: &str) -> Schedule {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// Returns the times at which an expression is due from a time on, in local time.
fn due(when: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let zone = ZoneName::parse(zone).unwrap();
    let timing = Timing::parse(when).unwrap_or_else(|error| panic!("{when}: {error}"));
    let mut now: Timestamp = from.parse().unwrap();
    let next = || {
        now = timing.next(now, zone.zone())?;
        Some(zone.zone().to_datetime(now).strftime("%a %Y-%m-%d %H:%M").to_string())
    };
    std::iter::from_fn(next).take(count).collect()
}

const EVERYTHING: &str = r#"
when = "cron(0 9 ? * MON *)"
time_zone = "Europe/Berlin"
quiet_hours = { from = "20:00", to = "08:00" }
paused = true
segment = "need:travel and not holds:travel-rewards-card"
batch = "may"
categories = ["Consumer Lending"]
shape = "9:16"
writer = "phrases"
voice = "kokoro"
words_per_minute = 150
video = false
max_customers = 500
budget_usd = 25.5
created_by = "0000000000000000000000000000000000000000000000000000000000000000"
customers = ["00000000000000000000000000000001"]
"#;

#[test]
fn schedule_survives_writing() {
    let schedule = schedule(EVERYTHING);
    assert_eq!(parse(&schedule.to_toml()), Ok(schedule.clone()));
    let options = schedule.options(name());
    assert_eq!((options.videos, options.words_per_minute), (Some(0), Some(150)));
    assert_eq!(options.customers.len(), 1);
    let plain = super::tests::schedule("when = \"rate(7 days)\"");
    assert_eq!(plain.to_toml(), "when = \"rate(7 days)\"\ntime_zone = \"UTC\"\npaused = false\n");
}

#[test]
fn errors_name_line_and_remedy_but_no_value() {
    for (text, expected) in [
        ("", "schedule spring: line 1: missing field `when`"),
        ("when = \"cron(0 9 ? * MON)\"", "schedule spring: line 1: when: cron must have six fields"),
        ("when = \"weekly\"", "schedule spring: line 1: when: must be cron(…), rate(…) or at(…)"),
        (
            "when = \"rate(7 days)\"\nsegment = \"age:60\"",
            "schedule spring: line 2: segment: unknown fact at character 1",
        ),
        ("when = \"rate(7 days)\"\ntime_zone = \"Berlin\"", "schedule spring: line 2: time_zone: must be a name"),
        ("when = \"rate(7 days)\"\nwhom = \"all\"", "schedule spring: line 2: unknown field `whom`"),
        ("when = \"rate(7 days)\"\nwords_per_minute = 300", "schedule spring: words_per_minute must be 80 to 220"),
        ("when = \"rate(7 days)\"\nbudget_usd = -1.0", "schedule spring: budget_usd must be 0 or more"),
    ] {
        assert!(error(text).starts_with(expected), "{}", error(text));
    }
    let with_ids = error("when = \"rate(7 days)\"\ncustomers = [\"0001\"]");
    assert_eq!(with_ids, "schedule spring: line 2: not a valid customer reference: expected 32 lowercase hex digits");
    assert!(!error("when = \"rate(7 days)\"\ncustomers = \"smith\"").contains("smith"));
}

#[test]
fn due_time_in_quiet_hours_is_refused() {
    let quiet = "\nquiet_hours = { from = \"20:00\", to = \"08:00\" }";
    let message = error(&format!("when = \"cron(30 7,9 ? * * *)\"{quiet}"));
    assert_eq!(message, "schedule spring: it is due at 07:30, which is in the quiet hours 20:00 to 08:00");
    assert!(error(&format!("when = \"at(2027-01-31T20:00:00)\"{quiet}")).contains("due at 20:00"));
    assert!(error(&format!("when = \"rate(1 day)\"{quiet}")).contains("a rate has no time of day"));
    assert!(parse(&format!("when = \"cron(0 8-19 ? * * *)\"{quiet}")).is_ok());
    for hours in ["{ from = \"8:00\", to = \"20:00\" }", "{ from = \"24:00\", to = \"08:00\" }"] {
        assert!(error(&format!("when = \"rate(1 day)\"\nquiet_hours = {hours}")).contains("from 00:00 to 23:59"));
    }
    assert!(
        error("when = \"rate(1 day)\"\nquiet_hours = { from = \"08:00\", to = \"08:00\" }").contains("must differ")
    );
}

#[test]
fn paused_schedule_does_not_start() {
    let now = Timestamp::UNIX_EPOCH;
    let paused = schedule("when = \"cron(0 9 ? * * *)\"\npaused = true");
    assert_eq!(paused.ensure_may_start(&name(), now), Err(ScheduleError::Paused { schedule: name() }));
    assert_eq!(paused.next_run(now), None);
    let runs = schedule("when = \"cron(0 9 ? * * *)\"");
    assert_eq!(runs.ensure_may_start(&name(), now), Ok(()));
    assert_eq!(runs.next_run(now).unwrap().to_string(), "1970-01-01T09:00:00Z");
}

#[test]
fn cron_fields() {
    let from = "2027-01-01T00:00:00Z";
    for (when, expected) in [
        ("cron(0 8 ? * MON *)", vec!["Mon 2027-01-04 08:00", "Mon 2027-01-11 08:00"]),
        ("cron(15/30 8-9 1 * ? *)", vec!["Fri 2027-01-01 08:15", "Fri 2027-01-01 08:45", "Fri 2027-01-01 09:15"]),
        ("cron(0 12 L * ? *)", vec!["Sun 2027-01-31 12:00", "Sun 2027-02-28 12:00"]),
        ("cron(0 12 LW * ? *)", vec!["Fri 2027-01-29 12:00", "Fri 2027-02-26 12:00"]),
        ("cron(0 12 1W 5 ? *)", vec!["Mon 2027-05-03 12:00", "Mon 2028-05-01 12:00"]),
        ("cron(0 12 ? * 6L *)", vec!["Fri 2027-01-29 12:00", "Fri 2027-02-26 12:00"]),
        ("cron(0 12 ? * TUE#2 *)", vec!["Tue 2027-01-12 12:00", "Tue 2027-02-09 12:00"]),
        ("cron(0 12 29 FEB ? *)", vec!["Tue 2028-02-29 12:00", "Sun 2032-02-29 12:00"]),
        ("cron(0 12 ? JUN-JUL SUN,SAT 2027/2)", vec!["Sat 2027-06-05 12:00", "Sun 2027-06-06 12:00"]),
    ] {
        assert_eq!(due(when, "UTC", from, expected.len()), expected, "{when}");
    }
    assert_eq!(due("cron(0 8 1 1 ? 2026)", "UTC", from, 1), Vec::<String>::new());
    assert_eq!(due("at(2027-05-01T09:00:00)", "Europe/Berlin", from, 2), ["Sat 2027-05-01 09:00"]);
}

#[test]
fn wrong_expressions_are_refused() {
    for when in [
        "cron(60 8 ? * MON *)",
        "cron(0 24 ? * MON *)",
        "cron(0 8 32 * ? *)",
        "cron(0 8 * * * *)",
        "cron(0 8 ? * ? *)",
        "cron(0 8 ? * MON#6 *)",
        "cron(0 8 ? * FRI-MON *)",
        "cron(0/0 8 ? * MON *)",
        "cron(+5 8 ? * MON *)",
        "cron(0 8 ? 13 MON *)",
        "cron(0 8 ? * MON 1969)",
        "rate(1 days)",
        "rate(2 day)",
        "rate(0 days)",
        "rate(+2 days)",
        "rate(2  days)",
        "at(2027-02-30T09:00:00)",
        "at(tomorrow)",
        "CRON(0 8 ? * MON *)",
    ] {
        assert!(Timing::parse(when).is_err(), "{when}");
    }
}

#[test]
fn skipped_local_time_is_not_due_and_repeated_one_is_due_once() {
    // Clocks in Berlin skip 02:30 on 2027-03-28 and repeat it on 2027-10-31.
    let half_past_two = "cron(30 2 ? * * *)";
    let spring = due(half_past_two, "Europe/Berlin", "2027-03-27T12:00:00Z", 2);
    assert_eq!(spring, ["Mon 2027-03-29 02:30", "Tue 2027-03-30 02:30"]);
    let autumn = due(half_past_two, "Europe/Berlin", "2027-10-30T12:00:00Z", 2);
    assert_eq!(autumn, ["Sun 2027-10-31 02:30", "Mon 2027-11-01 02:30"]);
}

/// Time zones with changes at different hours, by an hour or half an hour, north and south, and one without.
const ZONES: [&str; 6] = [
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
];

#[test]
fn no_start_in_quiet_hours_in_any_year_and_zone() {
    let mut starts = 0;
    for zone in ZONES {
        for (from, to) in [("20:00", "08:00"), ("00:30", "03:30"), ("12:00", "13:00")] {
            let quiet = QuietHours::parse(from, to).unwrap();
            // Every quarter of an hour that is not quiet, so the times right before and after a change are due too.
            let text = |hour: i8, minutes: &str| {
                format!(
                    "when = \"cron({minutes} {hour} ? * * *)\"\ntime_zone = \"{zone}\"\nquiet_hours = {{ from = \"{from}\", \
                     to = \"{to}\" }}"
                )
            };
            let is_allowed = |hour: i8, minute: i8| !quiet.contain(Time::constant(hour, minute, 0, 0));
            for hour in 0..24 {
                let minutes: Vec<String> = [0, 15, 30, 45]
                    .into_iter()
                    .filter(|minute| is_allowed(hour, *minute))
                    .map(|m| m.to_string())
                    .collect();
                if minutes.is_empty() {
                    assert!(parse(&text(hour, "0")).is_err(), "{zone} {hour}");
                    continue;
                }
                let schedule = schedule(&text(hour, &minutes.join(",")));
                let mut now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
                let end: Timestamp = "2028-01-01T00:00:00Z".parse().unwrap();
                while let Some(next) = schedule.next_run(now).filter(|next| *next < end) {
                    assert!(next > now);
                    assert_eq!(schedule.ensure_may_start(&name(), next), Ok(()), "{zone} {next}");
                    starts += 1;
                    now = next;
                }
            }
        }
    }
    assert!(starts > 400_000, "{starts} starts were checked");
}

#[test]
fn late_event_in_quiet_hours_is_refused_at_every_minute_of_a_year() {
    for zone in ZONES {
        let text = format!(
            "when = \"cron(0 9 ? * * *)\"\ntime_zone = \"{zone}\"\nquiet_hours = {{ from = \"20:00\", to = \"08:00\" }}"
        );
        let schedule = schedule(&text);
        let mut now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        let end: Timestamp = "2028-01-01T00:00:00Z".parse().unwrap();
        let mut offsets = BTreeMap::<String, usize>::new();
        while now < end {
            // The wall clock, from the offset alone.
            let zoned = now.to_zoned(schedule.time_zone.zone().clone());
            let seconds = i64::from(zoned.offset().seconds());
            let wall = (now + SignedDuration::from_secs(seconds)).as_second().rem_euclid(86_400);
            let is_quiet = !(8 * 3_600..20 * 3_600).contains(&wall);
            assert_eq!(schedule.ensure_may_start(&name(), now).is_err(), is_quiet, "{zoned}");
            *offsets.entry(zoned.offset().to_string()).or_default() += 1;
            now += SignedDuration::from_mins(1);
        }
        assert_eq!(offsets.len(), if zone == "Asia/Kolkata" { 1 } else { 2 }, "{zone}: {offsets:?}");
    }
}

#[test]
fn quiet_hours_may_pass_midnight() {
    let at = |text: &str| text.parse::<Time>().unwrap();
    let night = QuietHours::parse("20:00", "08:00").unwrap();
    assert!(night.contain(at("20:00:00")) && night.contain(at("07:59:59")) && !night.contain(at("08:00:00")));
    let noon = QuietHours::parse("12:00", "13:00").unwrap();
    assert!(noon.contain(at("12:00:00")) && !noon.contain(at("13:00:00")) && !noon.contain(at("11:59:59")));
    assert_eq!(date(2027, 3, 28).checked_add(1.day()).unwrap(), date(2027, 3, 29));
}

#[test]
fn schema_describes_every_field() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/schedule.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let written = serde_json::to_value(schedule(EVERYTHING)).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    // `video` is written only if it is false, which it is here, so every field is present.
    assert_eq!(names(&schema["properties"]), names(&written));
    assert_eq!(schema["required"], serde_json::json!(["when"]));
    assert_eq!(schema["additionalProperties"], false);
    for property in schema["properties"].as_object().unwrap().values() {
        assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')), "{property}");
    }
    let listed = |field: &str| schema["properties"][field]["enum"].clone();
    let json = |values: Vec<Value>| Value::Array(values);
    assert_eq!(listed("shape"), json(Shape::ALL.iter().map(|shape| serde_json::to_value(shape).unwrap()).collect()));
    assert_eq!(
        listed("writer"),
        json(WriterMode::ALL.iter().map(|mode| serde_json::to_value(mode).unwrap()).collect())
    );
    let categories = Category::ALL.iter().map(|category| serde_json::to_value(category).unwrap()).collect();
    assert_eq!(schema["properties"]["categories"]["items"]["enum"], json(categories));
    let segment = schema["properties"]["segment"]["description"].as_str().unwrap();
    for fact in crate::segment::FACT_NAMES {
        assert!(segment.contains(&format!("`{fact}:")), "{fact}");
    }
}
