//! Dates. A written day, month or year is a number or a word, so only other forms need a rule.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{Form, cardinal};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

const MONTHS: [(&str, &str); 12] = [
    ("enero", "ene"),
    ("febrero", "feb"),
    ("marzo", "mar"),
    ("abril", "abr"),
    ("mayo", "may"),
    ("junio", "jun"),
    ("julio", "jul"),
    ("agosto", "ago"),
    ("septiembre", "sep"),
    ("octubre", "oct"),
    ("noviembre", "nov"),
    ("diciembre", "dic"),
];

const WEEKDAYS: [(&str, &str); 7] = [
    ("lunes", "lun"),
    ("martes", "mar"),
    ("miércoles", "mi[ée]"),
    ("jueves", "jue"),
    ("viernes", "vie"),
    ("sábado", "s[áa]b"),
    ("domingo", "dom"),
];

static NUMERIC: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})|(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})[/.-](?P<last>\d{4}|\d{2}))(?P<end>)(?:[^\d/-]|$)",
    )
});

/// Reads `2026-11-02`, `02/11/2026`, `31.10.2026`. The day comes first, as in all Spanish-speaking countries, unless the
/// second number cannot be a month.
pub fn numeric(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&NUMERIC).filter(|_| at.starts_word())?;
    let number = |name| captures.name(name).and_then(|number| number.as_str().parse::<u64>().ok());
    let (day, month, year) = match number("year") {
        Some(year) => (number("day")?, number("month")?, year),
        None => match (number("first")?, number("second")?, number("last")?) {
            (month, day, year) if day > 12 => (day, month, year),
            (day, month, year) => (day, month, year),
        },
    };
    let month_name = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?.0;
    if !(1..=31).contains(&day) {
        return None;
    }
    let year = if year < 100 { year + 2000 } else { year };
    let said = format!("{} de {month_name} de {}", day_words(day), cardinal(year, Form::Alone));
    Some(at.read(Class::Date, captures.name("end")?.start(), said))
}

/// Returns the day of a month: the first is "primero" in Latin America.
fn day_words(day: u64) -> String {
    if day == 1 { "primero".to_owned() } else { cardinal(day, Form::Alone) }
}

static FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"1(?:\.?º)?(?P<end>)\sde\s(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre|ene|feb|abr|jun|jul|ago|sep|oct|nov|dic)\b",
    )
});

/// Reads the first day of a month: `1 de enero`.
pub fn first_of_month(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&FIRST).filter(|_| at.starts_word())?;
    Some(at.read(Class::Date, captures.name("end")?.start(), "primero"))
}

static SHORT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<name>\p{L}{3,4})\b(?P<stop>\.?)"));
static YEAR: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s(?:de\s)?(?:19|20)\d{2}\b"));

/// Reads an abbreviated month next to a day or a year: `30 nov. 2026`, `30 de dic.`
pub fn month(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&SHORT).filter(|_| at.starts_word())?;
    let written = captures["name"].to_lowercase();
    let written = if written == "sept" { "sep" } else { written.as_str() };
    let (name, _) = MONTHS.iter().find(|(_, short)| *short == written)?;
    let end = at.pos + captures.get_match().end();
    let before = at.word_before(1);
    let day_before = |word: &str| !word.is_empty() && word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit());
    let after_day = day_before(&before) || before == "de" && day_before(&at.word_before(2));
    (after_day || YEAR.is_match(at.after(end))).then(|| at.whole(Class::Date, &captures, *name))
}

static DAY: LazyLock<Regex> = LazyLock::new(|| {
    let names: Vec<&str> = WEEKDAYS.iter().map(|(_, short)| *short).collect();
    pattern(&format!(r"(?i:(?P<name>{}))\b(?P<stop>\.?)", names.join("|")))
});
static DAY_RANGE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\s?(?:[-–—]|a)\s?(?i:lun|mar|mi[ée]|jue|vie|s[áa]b|dom)"));

/// Reads an abbreviated weekday: `lun-vie`, `sáb.` Reads one without a period only in a range, because "mar" and "vie"
/// are words.
pub fn weekday(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&DAY).filter(|_| at.starts_word())?;
    let end = at.pos + captures.get_match().end();
    let in_range = DAY_RANGE.is_match(at.after(end));
    let ends_range = at.follows_range()
        || at.word_before(1) == "a"
            && at.last.is_some_and(|_| at.head().trim_end().ends_with(" a"))
            && WEEKDAYS.iter().any(|(name, _)| name.starts_with(&at.word_before(2)) && !at.word_before(2).is_empty());
    if captures["stop"].is_empty() && !in_range && !ends_range {
        return None;
    }
    let written = captures["name"].to_lowercase();
    let plain = |text: &str| text.replace('á', "a").replace('é', "e");
    let (name, _) = WEEKDAYS.iter().find(|(name, _)| plain(name).starts_with(&plain(&written)))?;
    Some(at.whole(Class::Date, &captures, *name))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn dates_are_said() {
        check(&[
            ("2 de noviembre de 2026", "dos de noviembre de dos mil veintiséis"),
            ("1 de enero de 2027", "primero de enero de dos mil veintisiete"),
            ("el 1.º de mayo", "el primero de mayo"),
            ("21 de marzo", "veintiuno de marzo"),
            ("02/11/2026", "dos de noviembre de dos mil veintiséis"),
            ("11/30/2026", "treinta de noviembre de dos mil veintiséis"),
            ("31.10.2026", "treinta y uno de octubre de dos mil veintiséis"),
            ("2026-11-02", "dos de noviembre de dos mil veintiséis"),
            ("30 nov. 2026", "treinta noviembre dos mil veintiséis"),
            ("30 de dic. de 2026", "treinta de diciembre de dos mil veintiséis"),
            ("en 1999", "en mil novecientos noventa y nueve"),
            ("lun-vie", "lunes a viernes"),
            ("lun. a sáb.", "lunes a sábado"),
            ("el mar de Cortés", "el mar de Cortés"),
        ]);
    }
}
