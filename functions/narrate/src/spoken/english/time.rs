//! Times of day and ratios.

use std::sync::LazyLock;

use regex::Regex;

use super::number;
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?(?:(?P<gap>\s?)(?P<half>(?i:[ap]\.m\.|[ap]\.m\b|[ap]m\b\.?)|[ap]\b))?(?P<end>)",
    )
});

static HALF_LATER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:\s?[-–—]\s?| to | and )\d{1,2}(?::\d{2})?\s?(?i:[ap]\.?m)\b"));

/// Reads `9:30`, `17:00`, `9am`, `5:30 p.m.`, `1:05:09`.
pub fn clock(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&CLOCK)?;
    let minute = captures.name("minute");
    let half = captures.name("half");
    // "8:00a" is a time; "5 a day" and "5a" are not.
    let letter = half.is_some_and(|half| half.len() == 1);
    let half = half.filter(|_| !letter || captures["gap"].is_empty() && minute.is_some());
    if !at.starts_word() || minute.is_none() && half.is_none() || letter && half.is_none() && minute.is_none() {
        return None;
    }
    let hour: u64 = captures["hour"].parse().ok()?;
    let minutes: u64 = minute.map_or(Some(0), |minute| minute.as_str().parse().ok())?;
    if hour > 24 || minutes > 59 {
        return None;
    }
    let next = at.word_after(at.pos + captures.get_match().end(), 1);
    if half.is_none() && matches!(next.as_str(), "ratio" | "split" | "odds" | "match" | "scale") {
        return None;
    }
    let ranges = half.is_none() && HALF_LATER.is_match(at.after(at.pos + captures.get_match().end()));
    let mut said = match minutes {
        0 if ranges => number::cardinal(hour),
        0 if half.is_none() && captures.name("second").is_none() => format!("{} o'clock", number::cardinal(hour)),
        0 => number::cardinal(hour),
        1..=9 => format!("{} oh {}", number::cardinal(hour), number::cardinal(minutes)),
        _ => format!("{} {}", number::cardinal(hour), number::cardinal(minutes)),
    };
    if let Some(second) = captures.name("second") {
        let seconds: u64 = second.as_str().parse().ok()?;
        let unit =
            |count: u64, name: &str| format!("{} {name}{}", number::cardinal(count), if count == 1 { "" } else { "s" });
        said = format!("{} {} {}", unit(hour, "hour"), unit(minutes, "minute"), unit(seconds, "second"));
    }
    let Some(half) = half else {
        let length = captures.name("second").or(minute)?.end();
        return Some(at.read(Class::Time, length, said));
    };
    let half_said = if half.as_str().starts_with(['a', 'A']) { "A.M" } else { "P.M" };
    if captures["gap"].is_empty() {
        return Some(at.whole(Class::Time, &captures, format!("{said} {half_said}")));
    }
    let start = at.pos + half.start();
    let end = at.pos + half.end();
    Some(Reading {
        class: Class::Time,
        end,
        pieces: vec![(at.pos..start - 1, said), (start..end, half_said.to_owned())],
    })
}

/// Time zones of the United States.
#[rustfmt::skip]
const ZONES: &[(&str, &str)] = &[
    ("ET", "eastern time"), ("EST", "eastern standard time"), ("EDT", "eastern daylight time"), ("CT", "central time"), ("CST", "central standard time"), ("CDT", "central daylight time"),
    ("MT", "mountain time"), ("MST", "mountain standard time"), ("MDT", "mountain daylight time"), ("PT", "pacific time"), ("PST", "pacific standard time"), ("PDT", "pacific daylight time"),
    ("AKT", "alaska time"), ("AKST", "alaska standard time"), ("AKDT", "alaska daylight time"), ("HST", "hawaii standard time"), ("HT", "hawaii time"), ("AST", "atlantic standard time"),
];

static ZONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<zone>[A-Z]{2,4}\b|(?:[A-Z]\.){2,4})"));

static HOURS_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b\d{1,2}(?:\s?[-–—]\s?| to )\d{1,2} $").expect("the patterns of the grammar are valid")
});

/// Reads a time zone after a time: `9 a.m. ET`, `noon (PT)`.
pub fn zone(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&ZONE).filter(|_| at.starts_word())?;
    let written = captures["zone"].replace('.', "");
    let (_, said) = ZONES.iter().find(|(zone, _)| *zone == written)?;
    let after_time = at
        .last
        .is_some_and(|(class, end)| class == Class::Time && at.head()[end..].chars().all(|c| " .,(/".contains(c)));
    let after_range = at.follows_quantity() && HOURS_BEFORE.is_match(at.head());
    let after_word = matches!(at.word_before(1).as_str(), "noon" | "midnight");
    (after_time || after_range || after_word).then(|| at.whole(Class::Time, &captures, *said))
}

static RATIO: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<first>\d{1,3}(?:\.\d+)?):(?P<second>\d{1,3}(?:\.\d+)?)\b"));

/// Reads `2:1`, `16:9`.
pub fn ratio(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&RATIO).filter(|_| at.starts_word())?;
    let said = format!("{} to {}", number::amount(&captures["first"])?, number::amount(&captures["second"])?);
    Some(at.whole(Class::Cardinal, &captures, said))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn times_of_day_are_said() {
        check(&[
            ("9:30", "nine thirty"),
            ("9:05", "nine oh five"),
            ("17:00", "seventeen o'clock"),
            ("8:00 a.m.", "eight A.M"),
            ("12:00 p.m.", "twelve P.M"),
            ("10 p.m.", "ten P.M"),
            ("9am-5:30pm", "nine A.M to five thirty P.M"),
            ("10 AM-2 PM", "ten A.M to two P.M"),
            ("9 a.m.–5 p.m.", "nine A.M to five P.M"),
            ("8 a.m. MDT", "eight A.M mountain daylight time"),
            ("9 to 5 EST", "nine to five eastern standard time"),
            ("10:00–11:30 a.m.", "ten to eleven thirty A.M"),
            ("8:00a - 5:30p", "eight A.M to five thirty P.M"),
            ("8 a day", "eight a day"),
            ("at 2:30 a branch", "at two thirty a branch"),
            ("5 p.m. E.S.T.", "five P.M eastern standard time"),
            ("by noon (ET)", "by noon eastern time"),
            ("the CT office", "the C.T office"),
            ("9:00-17:00", "nine o'clock to seventeen o'clock"),
            ("Mon–Sat, 9am–6pm PT", "Monday through Saturday, nine A.M to six P.M pacific time"),
        ]);
    }

    #[test]
    fn ratios_are_no_times() {
        check(&[("3:1", "three to one"), ("16:9", "sixteen to nine"), ("a 1:25 ratio", "a one to twenty-five ratio")]);
    }
}
