//! Times of day.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{Form, cardinal};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?(?:\s?(?P<half>(?i:[ap]\.?\s?m\b\.?))|(?P<hours>\s?(?:h|hrs?)\b\.?))?",
    )
});
static HALF_LATER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\s?(?:[-–—]|a|y)\s?\d{1,2}(?::\d{2})?\s?(?i:[ap]\.?\s?m\b)"));

/// Reads `9:30`, `17:00`, `9 a. m.`, `5:30 pm`, `9:00 h`.
pub fn clock(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&CLOCK).filter(|_| at.starts_word())?;
    let minute = captures.name("minute");
    let half = captures.name("half");
    let hours = captures.name("hours").filter(|_| minute.is_some());
    if minute.is_none() && half.is_none() {
        return None;
    }
    let hour: u64 = captures["hour"].parse().ok()?;
    let minutes: u64 = minute.map_or(Some(0), |minute| minute.as_str().parse().ok())?;
    if hour > 24 || minutes > 59 || half.is_some() && !(1..=12).contains(&hour) {
        return None;
    }
    let mut said = cardinal(hour, Form::Feminine);
    match minutes {
        0 => {}
        1..=9 => said = format!("{said} cero {}", cardinal(minutes, Form::Alone)),
        _ => said = format!("{said} {}", cardinal(minutes, Form::Alone)),
    }
    if let Some(half) = half {
        let is_morning = half.as_str().starts_with(['a', 'A']);
        let part = match (is_morning, hour) {
            (true, 12) => "de la noche",
            (true, 1..=5) => "de la madrugada",
            (true, _) => "de la mañana",
            (false, 12) => "del mediodía",
            (false, 1..=6) => "de la tarde",
            (false, _) => "de la noche",
        };
        return Some(at.whole(Class::Time, &captures, format!("{said} {part}")));
    }
    let end = hours.or(minute)?.end();
    let is_whole = minutes == 0 && !HALF_LATER.is_match(at.after(at.pos + end));
    let said =
        if is_whole || hours.is_some() { format!("{said} {}", if hour == 1 { "hora" } else { "horas" }) } else { said };
    Some(at.read(Class::Time, end, said))
}

const ZONES: &[(&str, &str)] = &[
    ("ET", "hora del Este"),
    ("EST", "hora del Este"),
    ("EDT", "hora del Este"),
    ("CT", "hora del Centro"),
    ("CST", "hora del Centro"),
    ("CDT", "hora del Centro"),
    ("MT", "hora de la Montaña"),
    ("MST", "hora de la Montaña"),
    ("MDT", "hora de la Montaña"),
    ("PT", "hora del Pacífico"),
    ("PST", "hora del Pacífico"),
    ("PDT", "hora del Pacífico"),
];
static ZONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Z]{2,3}\b"));

/// Reads a time zone after a time: `9 a. m. ET`.
pub fn zone(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&ZONE).filter(|_| at.starts_word())?;
    let (_, said) = ZONES.iter().find(|(zone, _)| *zone == captures.get_match().as_str())?;
    let (class, end) = at.last?;
    let follows = class == Class::Time && at.head()[end..].chars().all(|c| " .,(/".contains(c));
    follows.then(|| at.whole(Class::Time, &captures, *said))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn times_of_day_are_said() {
        check(&[
            ("9:30", "nueve treinta"),
            ("9:05", "nueve cero cinco"),
            ("17:00", "diecisiete horas"),
            ("21:00", "veintiuna horas"),
            ("9 a. m.", "nueve de la mañana"),
            ("9 a.m. a 5 p.m.", "nueve de la mañana a cinco de la tarde"),
            ("9am–5:30pm", "nueve de la mañana a cinco treinta de la tarde"),
            ("1:00 p. m.", "una de la tarde"),
            ("8 p. m.", "ocho de la noche"),
            ("12:00 p. m.", "doce del mediodía"),
            ("3 a. m.", "tres de la madrugada"),
            ("14:30 h", "catorce treinta horas"),
            ("9 a. m. ET", "nueve de la mañana hora del Este"),
            ("lun-vie, 9am–6pm PT", "lunes a viernes, nueve de la mañana a seis de la tarde hora del Pacífico"),
            ("las 24 horas", "las veinticuatro horas"),
            ("de 9 a 5", "de nueve a cinco"),
        ]);
    }
}
