//! Dates, years, decades, weekdays and fiscal years.

use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use super::number;
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A month, in full or abbreviated, with its period.
const MONTH: &str = r"(?:(?:January|February|March|April|May|June|July|August|September|October|November|December)\b|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\b\.?|(?:jan|feb|apr|jun|jul|aug|sept|sep|oct|nov|dec)\b\.?|(?:JANUARY|FEBRUARY|MARCH|APRIL|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER)\b|(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)\b\.?|(?:january|february|april|june|july|august|september|october|november|december)\b)";

/// Words that precede a year outside the usual range, or a date such as "10/31".
const BEFORE_DATE: &[&str] = &[
    "after",
    "before",
    "beginning",
    "begins",
    "closes",
    "due",
    "opens",
    "posted",
    "between",
    "by",
    "circa",
    "dated",
    "during",
    "early",
    "effective",
    "ending",
    "ends",
    "established",
    "expires",
    "expiring",
    "founded",
    "from",
    "in",
    "late",
    "of",
    "on",
    "since",
    "starting",
    "starts",
    "through",
    "thru",
    "till",
    "until",
    "year",
];

/// Countable nouns: a four-digit number before them is not a year.
const COUNTED: &[&str] = &[
    "accounts",
    "atms",
    "bps",
    "branches",
    "businesses",
    "cards",
    "cents",
    "checks",
    "clients",
    "companies",
    "customers",
    "days",
    "dollars",
    "employees",
    "euros",
    "families",
    "feet",
    "homes",
    "hours",
    "households",
    "jobs",
    "km",
    "locations",
    "members",
    "merchants",
    "meters",
    "miles",
    "minutes",
    "months",
    "payments",
    "people",
    "percent",
    "pesos",
    "points",
    "pounds",
    "purchases",
    "restaurants",
    "square",
    "steps",
    "stores",
    "students",
    "times",
    "transactions",
    "transfers",
    "units",
    "users",
    "words",
    "yen",
    "years",
];

fn month_name(text: &str) -> Option<&'static str> {
    let short: String = text.trim_end_matches('.').chars().take(3).collect();
    MONTHS.into_iter().find(|month| month[..3].eq_ignore_ascii_case(&short))
}

fn date_in_words(year: &str, month: &str, day: &str) -> Option<String> {
    let year: i16 = year.parse().ok()?;
    let year = match year {
        0..=99 => i16::try_from(number::full_year(u64::try_from(year).ok()?)).ok()?,
        year => year,
    };
    let date = Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()?;
    let month = MONTHS[usize::try_from(date.month() - 1).ok()?];
    let day = number::ordinal(u64::try_from(date.day()).ok()?);
    Some(format!("{month} {day}, {}", number::year(u64::try_from(date.year()).ok()?)))
}

static ISO: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d{4})([-/.])(\d{1,2})([-/.])(\d{1,2})\b"));
static NUMERIC: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d{1,2})([-/.])(\d{1,2})([-/.])(\d{4}|\d{2})\b"));
static MONTH_YEAR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d{1,2})/(\d{4})\b"));
static SCHOOL_YEAR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<first>\d{4})(?P<sign>[/–-])(?P<second>\d{2})\b"));
static YEAR_MONTH: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d{4})-(0[1-9]|1[0-2])\b"));
static TWO_YEARS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d{4})/(\d{4})\b"));
static MONTH_DAY: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d{1,2})/(\d{1,2})\b"));

/// Reads `12/31/2025`, `2026-03-05`, `31.10.2026`, `12/2026`, `2026/27`, and `10/31` where a date is expected.
///
/// A number above 12 determines which part is the day. Otherwise, the month comes first, as in the United States.
pub fn numeric(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    if let Some(captures) = at.captures(&ISO)
        && captures[2] == captures[4]
    {
        return Some(at.whole(Class::Date, &captures, date_in_words(&captures[1], &captures[3], &captures[5])?));
    }
    if let Some(captures) = at.captures(&NUMERIC)
        && captures[2] == captures[4]
        && (captures[5].len() == 4 || &captures[2] == "/")
    {
        let day_first = captures[1].parse::<u8>().ok()? > 12;
        let (month, day) = if day_first { (&captures[3], &captures[1]) } else { (&captures[1], &captures[3]) };
        return Some(at.whole(Class::Date, &captures, date_in_words(&captures[5], month, day)?));
    }
    if let Some(captures) = at.captures(&MONTH_YEAR) {
        let month: usize = captures[1].parse().ok()?;
        let year: u64 = captures[2].parse().ok()?;
        let name = MONTHS.get(month.checked_sub(1)?)?;
        let said = format!("{name} {}", number::year(year));
        return (1900..2100).contains(&year).then(|| at.whole(Class::Date, &captures, said));
    }
    if let Some(captures) = at.captures(&SCHOOL_YEAR) {
        let first: u64 = captures["first"].parse().ok()?;
        let second: u64 = captures["second"].parse().ok()?;
        if (1900..2100).contains(&first) && second == (first + 1) % 100 {
            let joint = if &captures["sign"] == "/" { "slash" } else { "to" };
            let said = format!("{} {joint} {}", number::year(first), number::cardinal(second));
            return Some(at.whole(Class::Date, &captures, said));
        }
    }
    if let Some(captures) = at.captures(&YEAR_MONTH) {
        let year: u64 = captures[1].parse().ok()?;
        let month: usize = captures[2].parse().ok()?;
        let name = MONTHS.get(month.checked_sub(1)?)?;
        let said = format!("{name} {}", number::year(year));
        return (1900..2100).contains(&year).then(|| at.whole(Class::Date, &captures, said));
    }
    if let Some(captures) = at.captures(&TWO_YEARS) {
        let first: u64 = captures[1].parse().ok()?;
        let second: u64 = captures[2].parse().ok()?;
        let years = (1900..2100).contains(&first) && (1900..2100).contains(&second);
        let said = format!("{} slash {}", number::year(first), number::year(second));
        return years.then(|| at.whole(Class::Date, &captures, said));
    }
    let captures = at.captures(&MONTH_DAY)?;
    if matches!(at.word_before(1).as_str(), "exp" | "expiration" | "expiry") {
        let month: usize = captures[1].parse().ok()?;
        let name = MONTHS.get(month.checked_sub(1)?)?;
        let year = number::year(number::full_year(captures[2].parse().ok()?));
        return Some(at.whole(Class::Date, &captures, format!("{name} {year}")));
    }
    let expected = BEFORE_DATE.contains(&at.word_before(1).as_str())
        || at.last.is_some_and(|(class, _)| class == Class::Date) && at.follows_range();
    let month: usize = captures[1].parse().ok()?;
    let day: u64 = captures[2].parse().ok()?;
    let name = MONTHS.get(month.checked_sub(1)?)?;
    let follows = at.after(at.pos + captures.get_match().end());
    // Fractions have small denominators, or sixteenths.
    let expected = expected || (13..=31).contains(&day) && day != 16;
    let is_share = follows.starts_with(" of ") || follows.starts_with(['/', '%', '-']) && !follows.starts_with("-1");
    (expected && (1..=31).contains(&day) && !is_share)
        .then(|| at.whole(Class::Date, &captures, format!("{name} {}", number::ordinal(day))))
}

static MONTH_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?P<month>{MONTH})(?:[\s-](?P<day>\d{{1,2}})(?P<suffix>st|nd|rd|th)?\b(?:\s?(?P<dash>[-–—])\s?(?P<to>\d{{1,2}})\b)?(?P<end>))?(?:,?[\s-](?P<year>\d{{4}})\b|\s'(?P<short>\d{{2}})\b)?"
    ))
});
static MONTH_BEYOND: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"\s?[-–—/&]\s?{MONTH}")));

/// Reads `March 5, 2026`, `Dec. 31`, `October 1–15`, `Dec. 2026`, `Jan.–Mar.`.
pub fn month(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&MONTH_FIRST)?;
    if !at.starts_word() {
        return None;
    }
    let name = month_name(&captures["month"])?;
    let month = captures.name("month")?;
    let span = |group: regex::Match<'_>| at.pos + group.start()..at.pos + group.end();
    let day = captures.name("day").and_then(|day| {
        let value: u64 = day.as_str().parse().ok()?;
        let followed = at.after(at.pos + captures.name("end")?.start());
        let goes_on = followed.starts_with(['%', ':', '/']) || followed.starts_with(|c: char| c.is_ascii_digit());
        let mut rest = followed.chars();
        let decimal = matches!(rest.next(), Some('.' | ',')) && rest.next().is_some_and(|c| c.is_ascii_digit());
        ((1..=31).contains(&value) && !goes_on && !decimal).then_some((day, value))
    });
    let year = captures.name("year").filter(|year| {
        let value: u64 = year.as_str().parse().unwrap_or_default();
        (day.is_some() || captures.name("day").is_none()) && (1000..2200).contains(&value)
    });
    let year_said = |year: regex::Match<'_>| Some((span(year), number::year(year.as_str().parse().ok()?)));
    let mut pieces = vec![(span(month), name.to_owned())];
    let mut end = month.end();
    if let Some((day, value)) = day {
        let day_end = captures.name("suffix").unwrap_or(day).end();
        pieces.push((at.pos + day.start()..at.pos + day_end, number::ordinal(value)));
        end = day_end;
        if let Some(to) = captures.name("to") {
            let value: u64 = to.as_str().parse().ok()?;
            if (1..=31).contains(&value) {
                let dash = captures.name("dash")?;
                pieces.push((span(dash), "to".to_owned()));
                pieces.push((span(to), number::ordinal(value)));
                end = to.end();
            }
        }
    }
    if let Some(year) = year {
        pieces.push(year_said(year)?);
        end = year.end();
    } else if let Some(short) = captures.name("short") {
        pieces.push((span(short), year_of(short.as_str())?));
        end = short.end();
    } else if day.is_none() && !name.eq_ignore_ascii_case(month.as_str()) {
        // "Mar" and "Dec" by themselves are words. With a period or next to another month, they are months.
        // In capitals, a period ends the sentence: "29.49% variable APR."
        let beside = MONTH_BEYOND.is_match(at.after(at.pos + month.end())) || at.follows_range();
        let abbreviated = month.as_str().ends_with('.') && month.as_str().contains(char::is_lowercase);
        if !abbreviated && !beside {
            return None;
        }
    }
    // "0% APR 15 months" is a rate. A year, or a word such as "by", shows a date.
    let is_rate = month.as_str().starts_with("APR") && !month.as_str().starts_with("APRIL");
    let has_year = pieces.len() > 2 || end > month.end() && day.is_none();
    if is_rate && !has_year && !BEFORE_DATE.contains(&at.word_before(1).as_str()) && !at.follows_range() {
        return None;
    }
    if day.is_none() && end == month.end() && matches!(name, "May" | "March") && !at.follows_range() {
        let beside = MONTH_BEYOND.is_match(at.after(at.pos + month.end()));
        if !beside {
            return None;
        }
    }
    Some(Reading { class: Class::Date, end: at.pos + end, pieces })
}

static DAY_MONTH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?P<month>{MONTH})(?:,?\s(?P<year>\d{{4}})\b)?"))
});

/// Reads `31 October 2026`.
pub fn day_first(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&DAY_MONTH)?;
    let value: u64 = captures["day"].parse().ok()?;
    let month = month_name(&captures["month"])?;
    if !at.starts_word() || !(1..=31).contains(&value) {
        return None;
    }
    let article = if at.word_before(1) == "the" { "" } else { "the " };
    let year = captures.name("year").map(|year| number::year(year.as_str().parse().unwrap_or_default()));
    let parts = [
        ("day", format!("{article}{} of", number::ordinal(value))),
        ("month", month.to_owned()),
        ("year", year.unwrap_or_default()),
    ];
    Some(at.parts(Class::Date, &captures, &parts))
}

static FISCAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<kind>FY|CY|TY)(?P<gap>\s?)'?(?P<year>\d{4}|\d{2})\b(?:[/–-](?P<to>\d{2,4})\b)?"));
static QUARTER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<quarter>[1-4])(?P<part>[QH])(?:\s?'?(?P<year>\d{4}|\d{2})\b)?"));
static NAMED_QUARTER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<half>[QH])(?P<quarter>[1-4])\b(?:(?:-|[\s']{1,2})(?P<year>\d{4}|\d{2})\b)?"));

fn year_of(text: &str) -> Option<String> {
    let value: u64 = text.parse().ok()?;
    Some(number::year(if text.len() == 2 { number::full_year(value) } else { value }))
}

/// Reads `FY2026`, `FY26`, `1Q26`, `Q1`, `Q3 2026`.
pub fn fiscal(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    if let Some(captures) = at.captures(&FISCAL) {
        let kind = match &captures["kind"] {
            "FY" => "fiscal year",
            "CY" => "calendar year",
            _ => "tax year",
        };
        let to = captures
            .name("to")
            .map(|to| year_of(to.as_str()))
            .map_or(Some(String::new()), |said| Some(format!(" to {}", said?)))?;
        let year = year_of(&captures["year"])? + &to;
        if captures["gap"].is_empty() {
            return Some(at.whole(Class::Date, &captures, format!("{kind} {year}")));
        }
        return Some(at.parts(Class::Date, &captures, &[("kind", kind.to_owned()), ("year", year)]));
    }
    if let Some(captures) = at.captures(&QUARTER) {
        let part = if &captures["part"] == "Q" { "quarter" } else { "half" };
        let quarter = format!("{} {part}", number::ordinal(captures["quarter"].parse().ok()?));
        let year = captures.name("year").and_then(|year| year_of(year.as_str()));
        return Some(match (captures.name("year"), year) {
            (Some(group), Some(year)) if at.rest()[..group.start()].contains(' ') => {
                at.parts(Class::Date, &captures, &[("quarter", quarter), ("year", year)])
            }
            (_, Some(year)) => at.whole(Class::Date, &captures, format!("{quarter} {year}")),
            (_, None) => at.whole(Class::Date, &captures, quarter),
        });
    }
    let captures = at.captures(&NAMED_QUARTER)?;
    let count: u64 = captures["quarter"].parse().ok()?;
    let year = captures.name("year");
    // "fourth quarter profit", but "since Q four"
    let rest = at.after(at.pos + 2);
    let ranges = rest.trim_start().starts_with(['-', '–', '—']) || at.follows_range() || at.head().ends_with('/');
    let counts = &captures["half"] == "Q" && year.is_none() && !ranges && !names_noun(rest);
    let quarter = match &captures["half"] {
        "Q" if counts => format!("Q {}", number::cardinal(count)),
        "Q" => format!("{} quarter", number::ordinal(count)),
        _ if count > 2 => return None,
        _ => format!("{} half", number::ordinal(count)),
    };
    let Some(year) = year else {
        return Some(at.read(Class::Date, 2, quarter));
    };
    let said = year_of(year.as_str())?;
    if at.rest()[..year.start()].contains(' ') {
        return Some(at.parts(Class::Date, &captures, &[("half", quarter), ("year", said)]));
    }
    Some(at.whole(Class::Date, &captures, format!("{quarter} {said}")))
}

static QUARTER_BEYOND: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?: FY| and Q\d| & Q\d| or Q\d|/Q\d)"));

/// Returns whether the text continues with a noun that a quarter describes, with its year, or with another quarter.
fn names_noun(rest: &str) -> bool {
    noun_follows(rest) || QUARTER_BEYOND.is_match(rest)
}

static DECADE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<mark>')?(?P<number>\d{4}|\d0)'?s\b"));
static SHORT_YEAR: LazyLock<Regex> = LazyLock::new(|| pattern(r"'(?P<year>\d{2})\b"));

/// Reads `1990s`, `'90s`, `2000's`, and `'26`.
pub fn decade(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    if let Some(captures) = at.captures(&DECADE) {
        let number = &captures["number"];
        let value: u64 = number.parse().ok()?;
        if number.len() == 4 && (!(1000..2200).contains(&value) || !value.is_multiple_of(10) || number == "1000") {
            return None;
        }
        let said = match number.len() {
            4 if value.is_multiple_of(1000) => number::plural(&number::cardinal(value)),
            4 => number::plural(&number::year(value)),
            _ => number::plural(&number::cardinal(value)),
        };
        return Some(at.whole(Class::Date, &captures, said));
    }
    let captures = at.captures(&SHORT_YEAR)?;
    Some(at.whole(Class::Date, &captures, number::cardinal(captures["year"].parse().ok()?)))
}

const WEEKDAY: &str = r"(?:Mon|Tues|Tue|Weds|Wed|Thurs|Thur|Thu|Fri|Sat|Sun|MON|TUE|WED|THU|FRI|SAT|SUN)\b\.?";
static WEEKDAY_SHORT: LazyLock<Regex> = LazyLock::new(|| pattern(WEEKDAY));
static WEEKDAY_BEYOND: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\s?(?:[-–—/&]|to|and|through)\s?{WEEKDAY}")));
static DATE_BEYOND: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r",?\s(?:{MONTH}|\d)")));
static WEEK: LazyLock<Regex> = LazyLock::new(|| pattern(r"M\s?(?P<dash>[-–—])\s?(?P<to>[FS])\b"));

/// Reads `Mon.`, `Mon–Fri`, `Fri, Oct. 31`, `M–F`.
pub fn weekday(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    if let Some(captures) = at.captures(&WEEK) {
        let to = if &captures["to"] == "F" { "Friday" } else { "Saturday" };
        return Some(at.whole(Class::Date, &captures, format!("Monday through {to}")));
    }
    let captures = at.captures(&WEEKDAY_SHORT)?;
    let written = captures.get_match().as_str();
    let rest = at.after(at.pos + written.len());
    let dotted = written.ends_with('.') && !rest.is_empty();
    let beside = WEEKDAY_BEYOND.is_match(rest) || DATE_BEYOND.is_match(rest);
    let continues = at.last.is_some_and(|(class, _)| class == Class::Date) && !at.head().ends_with(". ");
    let short = written.trim_end_matches('.');
    let unambiguous = matches!(short, "Tues" | "Weds" | "Thurs" | "Thur");
    let named_before =
        |word: &str| WEEKDAYS.iter().any(|day| word.get(..3).is_some_and(|start| day[..3].eq_ignore_ascii_case(start)));
    let joined =
        matches!(at.word_before(1).as_str(), "to" | "through" | "thru" | "and") && named_before(&at.word_before(2));
    if !dotted && !beside && !continues && !unambiguous && !joined {
        return None;
    }
    let day = WEEKDAYS.into_iter().find(|day| day[..3].eq_ignore_ascii_case(&written[..3]))?;
    Some(at.whole(Class::Date, &captures, day))
}

static YEAR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<year>\d{4})(?P<end>)(?:[\s)]|$|[^\w%¢€£°×/+])"));

/// Reads a year: `2026`, and `since 1852` or `in 2100` where a year is expected.
pub fn year(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&YEAR)?;
    if !at.starts_word() || at.head().ends_with('#') {
        return None;
    }
    let value: u64 = captures["year"].parse().ok()?;
    let end = at.pos + captures.name("end")?.start();
    let rest = at.after(end);
    let joined = rest.starts_with('-') && !rest[1..].starts_with(|c: char| c.is_ascii_digit());
    let counted = [1, 2].iter().any(|n| COUNTED.contains(&at.word_after(end, *n).as_str()));
    let before = at.word_before(1);
    let expected = BEFORE_DATE.contains(&before.as_str());
    let likely = (1900..2100).contains(&value);
    let possible = (1100..2200).contains(&value) && expected && !noun_follows(rest);
    let likely_year = likely && (joined || !counted);
    let is_year = likely_year || possible && !counted;
    is_year.then(|| at.read(Class::Date, 4, number::year(value)))
}

/// Returns whether the text continues with a word that may be counted, which is neither the end nor a function word.
fn noun_follows(rest: &str) -> bool {
    const FUNCTION_WORDS: &[&str] = &[
        "a", "and", "as", "at", "but", "by", "for", "if", "in", "is", "it", "of", "on", "or", "our", "that", "the",
        "they", "to", "was", "we", "when", "with", "you", "your",
    ];
    let Some(word) = rest.strip_prefix(' ') else { return false };
    let word: String = word.chars().take_while(|c| c.is_alphabetic()).collect();
    word.starts_with(char::is_lowercase) && !FUNCTION_WORDS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn numeric_dates_are_said_month_first() {
        check(&[
            ("Dec '26", "December twenty twenty-six"),
            ("12/25", "December twenty-fifth"),
            ("5/16 inch", "five sixteenths inch"),
            ("12/31/2025", "December thirty-first, twenty twenty-five"),
            ("2026-03-05", "March fifth, twenty twenty-six"),
            ("31.12.2026", "December thirty-first, twenty twenty-six"),
            ("03-15-2027", "March fifteenth, twenty twenty-seven"),
            ("1/2/26", "January second, twenty twenty-six"),
            ("07/2026", "July twenty twenty-six"),
            ("2027/28", "twenty twenty-seven slash twenty-eight"),
            ("2026-11", "November twenty twenty-six"),
            ("2026-27", "twenty twenty-six to twenty-seven"),
            ("2025/2026", "twenty twenty-five slash twenty twenty-six"),
            ("exp. 12/27", "expires December twenty twenty-seven"),
            ("by 10/31", "by October thirty-first"),
        ]);
    }

    #[test]
    fn months_and_days_are_said_in_full() {
        check(&[
            ("March 5, 2026", "March fifth, twenty twenty-six"),
            ("Feb. 3", "February third"),
            ("Sept 15, 2026", "September fifteenth, twenty twenty-six"),
            ("Nov. 2026", "November twenty twenty-six"),
            ("May 1st", "May first"),
            ("from Jan. 5 to Jan. 20", "from January fifth to January twentieth"),
            ("June 1–June 30", "June first to June thirtieth"),
            ("June 1-15", "June first to fifteenth"),
            ("Jan.–Mar.", "January to March"),
            ("15 April 2026", "the fifteenth of April twenty twenty-six"),
            ("29.49% variable APR.", "twenty-nine point four nine percent variable A.P.R"),
            ("0% APR 15 months", "zero percent A.P.R fifteen months"),
            ("ends APR 15", "ends April fifteenth"),
            ("APR 15, 2026", "April fifteenth, twenty twenty-six"),
            ("Apr. 15", "April fifteenth"),
            ("You may pay in May.", "You may pay in May"),
            ("Offer ends Oct. 1.", "Offer ends October first"),
        ]);
    }

    #[test]
    fn years_and_decades_are_said_as_such() {
        check(&[
            ("2005", "two thousand five"),
            ("1907", "nineteen oh seven"),
            ("2025-2026", "twenty twenty-five to twenty twenty-six"),
            ("since 1789", "since seventeen eighty-nine"),
            ("by 2110", "by twenty-one ten"),
            ("2000 points", "two thousand points"),
            ("1975 bonus miles", "one thousand nine hundred seventy-five bonus miles"),
            ("2001 euros", "two thousand one euros"),
            ("the 1980s", "the nineteen eighties"),
            ("the '70s", "the seventies"),
            ("the 2010s", "the twenty tens"),
            ("the early 2000s", "the early two thousands"),
            ("FY2027", "fiscal year twenty twenty-seven"),
            ("FY27", "fiscal year twenty twenty-seven"),
            ("2Q26", "second quarter twenty twenty-six"),
            ("Q2–Q4", "second quarter to fourth quarter"),
            ("Q3 2026", "third quarter twenty twenty-six"),
            ("Q3 earnings", "third quarter earnings"),
            ("since Q3", "since Q three"),
            ("Q1 FY2026", "first quarter fiscal year twenty twenty-six"),
            ("H1 2026", "first half twenty twenty-six"),
        ]);
    }

    #[test]
    fn weekdays_are_said_in_full() {
        check(&[
            ("Tues.-Sat.", "Tuesday through Saturday"),
            ("Mon–Thu", "Monday through Thursday"),
            ("Sat., Nov. 7", "Saturday, November seventh"),
            ("M–F", "Monday through Friday"),
            ("Mon/Wed/Fri", "Monday Wednesday Friday"),
            ("Mon to Fri", "Monday to Friday"),
            ("Sat & Sun", "Saturday and Sunday"),
            ("They sat in the sun.", "They sat in the sun"),
        ]);
    }
}
