//! Symbols: they get a meaning from their neighbors or are silent.

use std::sync::LazyLock;

use regex::Regex;

use super::measure;
use super::number::NUMBER;
use crate::names;
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

const QUANTITY: &str = r"(?:[$€£¥₩₹½¼¾⅓⅔⅛⅜⅝⅞]|[A-Z]{1,2}\$|\d|\.\d)";

static BEFORE_QUANTITY: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"-{QUANTITY}")));
static DASH: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<dash>[-–—])(?P<gap>\s?)"));
static RANGE_END: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"[-–—]\s?(?:{QUANTITY}|[QH]\d|[FC]Y\d|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun|noon|midnight)\w*)"
    ))
});
static WEEKDAY_END: LazyLock<Regex> = LazyLock::new(|| pattern(r"[-–—]\s?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"));
static INDEX: &[&str] =
    &["prime", "sofr", "libor", "index", "base", "rate", "benchmark", "euribor", "sonia", "treasury"];
static PERCENT_AFTER: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"-\s?{NUMBER}\s?(?:%|bps?\b)")));

/// Reads a minus sign: before a separate number, or between an index and a rate.
pub fn minus(at: &Cursor<'_>) -> Option<Reading> {
    let stands_alone = !at.head().ends_with(|c: char| c.is_alphanumeric() || matches!(c, '%' | ')' | '.' | '-'));
    let negative = stands_alone && BEFORE_QUANTITY.is_match(at.rest());
    let below_index = INDEX.contains(&at.word_before(1).as_str()) && PERCENT_AFTER.is_match(at.rest());
    (negative || below_index).then(|| at.read(Class::Sign, 1, "minus"))
}

/// Reads the dash of a range: `Q1–Q3`, `$5-$10`.
pub fn range(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&DASH)?;
    let dash = captures.name("dash")?;
    let (class, _) = at.last?;
    if matches!(at.word_before(1).as_str(), "noon" | "midnight") && RANGE_END.is_match(at.rest()) {
        return Some(at.read(Class::Time, dash.end(), "to"));
    }
    if !at.follows_quantity() || !RANGE_END.is_match(at.rest()) {
        return None;
    }
    // Americans say "Monday through Friday".
    let between_days = class == Class::Date && WEEKDAY_END.is_match(at.rest());
    // The end of the range is read like its start: after "October 1", a "15" is a day.
    Some(at.read(class, dash.end(), if between_days { "through" } else { "to" }))
}

static PER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"/\s?(?P<unit>mo|mth|month|yr|year|wk|week|day|hr|hour|min|minute|sq\.? ft|account|application|card|check|customer|item|loan|member|mile|payment|person|purchase|request|statement|transaction|transfer|trip|txn|user|wire|withdrawal)\b",
    )
});
static PER_WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"/\s?(?P<unit>[a-z]{2,}|[kM]Wh|[GMT]B)\b"));
static PER_TIME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"/(?P<unit>mo|yr|wk|hr|day|week|month|year|hour|night)\b"));
static WEEKDAY: LazyLock<Regex> = LazyLock::new(|| pattern(r"/\s?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"));

/// Reads the slash in a rate: `$12/mo`, `4% / year`. Between two amounts, the slash is silent.
pub fn per(at: &Cursor<'_>) -> Option<Reading> {
    let class = at.last.map(|(class, _)| class)?;
    if !at.rest().starts_with('/') {
        return None;
    }
    let per = if at.follows_quantity() {
        let word = || at.captures(&PER_WORD).filter(|_| matches!(class, Class::Money | Class::Percent));
        at.captures(&PER).or_else(word)
    } else {
        at.captures(&PER_TIME)
    };
    if let Some(captures) = per {
        let unit = captures.name("unit")?;
        let said = measure::unit_words(unit.as_str(), true).unwrap_or(unit.as_str());
        let end = at.pos + unit.end() + usize::from(at.rest()[unit.end()..].starts_with('.') && said != unit.as_str());
        let pieces = vec![(at.pos..at.pos + 1, "per".to_owned()), (at.pos + unit.start()..end, said.to_owned())];
        return Some(Reading { class: Class::Word, end, pieces });
    }
    let between_amounts = class == Class::Money && at.rest()[1..].trim_start().starts_with('$');
    let between_days = class == Class::Date && WEEKDAY.is_match(at.rest());
    (at.follows_quantity() && (between_amounts || between_days)).then(|| Reading {
        class: Class::Sign,
        end: at.pos + 1,
        pieces: Vec::new(),
    })
}

static EITHER: LazyLock<Regex> = LazyLock::new(|| pattern(r"/(?P<next>[A-Za-z]?[a-z]+)(?P<end>)(?:[^\w]|$)"));

/// Reads the slash between two words: `he/she`, `checking/savings`, and `debt/equity ratio`.
pub fn either(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&EITHER)?;
    let next = &captures["next"];
    let before = at.head().rsplit(|c: char| !c.is_alphabetic()).next()?;
    let is_word = |word: &str| word.len() > 1 && word.chars().skip(1).all(char::is_lowercase);
    let alike = |c: Option<char>| c.is_some_and(char::is_uppercase);
    let words = is_word(before) && is_word(next) && alike(before.chars().next()) == alike(next.chars().next());
    let is_s_he = before == "s" && next == "he";
    if !(words || is_s_he) {
        return None;
    }
    let end = at.pos + captures.name("end")?.start();
    let said = if at.word_after(end, 1).starts_with("ratio") { "to" } else { "or" };
    Some(at.read(Class::Sign, 1, said))
}

static RELATION: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?P<sign>\+/-|<=|>=|≠|!=|[<>≤≥~≈±])\s?(?P<number>-?{QUANTITY})?")));

/// Reads a comparison before a number: `<5%`, `≥ $500`, `~3`.
pub fn relation(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&RELATION)?;
    let sign = captures.name("sign")?;
    let said = match sign.as_str() {
        "<" => "less than",
        ">" => "more than",
        "≤" | "<=" => "at most",
        "≥" | ">=" => "at least",
        "±" | "+/-" => "plus or minus",
        "≠" | "!=" => "not equal to",
        _ => "about",
    };
    let apart = at.head().is_empty() || at.head().ends_with([' ', '(', '“', '"']);
    let compares = apart && captures.name("number").is_some() || said == "not equal to";
    compares.then(|| at.read(Class::Sign, sign.end(), said))
}

static RATING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(?:A{1,3}|B{1,3}|C{1,3}|D)$").expect("valid"));

/// Reads the minus of a grade or a credit rating: `AA- rated`.
pub fn rating(at: &Cursor<'_>) -> Option<Reading> {
    let next = at.rest().strip_prefix('-')?.trim_start_matches(' ').split(' ').next()?;
    let graded = next.starts_with("rat") || next.starts_with("grade");
    (graded && RATING.is_match(at.head())).then(|| at.read(Class::Sign, 1, "minus"))
}

static NUMBERED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s?(?:[A-Z]{1,4}-?)?\d"));

/// Reads single symbols: `&`, `@`, `+`.
pub fn sign(at: &Cursor<'_>) -> Option<Reading> {
    let c = at.rest().chars().next()?;
    let after = &at.rest()[c.len_utf8()..];
    let joins = at.head().ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric);
    // A symbol before a number that no rule reads belongs to an unread amount.
    if after.trim_start_matches([' ', '(', '-', '+']).starts_with(|d: char| d.is_ascii_digit())
        && matches!(c, '$' | '€' | '£' | '¥')
    {
        return None;
    }
    let said = match c {
        '&' => "and",
        '+' => "plus",
        '=' => "equals",
        '@' => "at",
        '%' => "percent",
        '$' => "dollar",
        '€' => "euro",
        '£' => "pound",
        '¥' => "yen",
        '¢' => "cent",
        '°' => "degrees",
        '§' => "section",
        '×' => "times",
        '÷' => "divided by",
        '№' => "number",
        '#' if NUMBERED.is_match(after) => "number",
        '#' if after.starts_with(char::is_alphabetic) => "hash",
        '/' if joins => "slash",
        '\\' if joins => "backslash",
        '.' if joins => "dot",
        _ if c.is_ascii() || names::is_mark(c) => return None,
        _ => {
            let said = names::sign(c)?;
            return Some(at.read(Class::Word, c.len_utf8(), said));
        }
    };
    let between_dates = c == '&' && at.follows_quantity() && at.last.is_some_and(|(class, _)| class == Class::Date);
    Some(at.read(if between_dates { Class::Date } else { Class::Sign }, c.len_utf8(), said))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn signs_are_said_where_they_mean_something() {
        check(&[
            (
                "Rates <5%, >=4% or ±1%.",
                "Rates less than five percent, at least four percent or plus or minus one percent",
            ),
            ("Balances ≥ $500 in ~3 days", "Balances at least five hundred dollars in about three days"),
            ("more > all <b>", "more all b"),
            ("APR ≠ APY", "A.P.R not equal to A.P.Y"),
            ("+/- 5%", "plus or minus five percent"),
            ("#1 in service", "number one in service"),
            ("flights & hotels", "flights and hotels"),
            ("debit/credit", "debit or credit"),
            ("his/her share", "his or her share"),
            ("a debt/equity ratio", "a debt to equity ratio"),
            ("Visa/Mastercard", "Visa or Mastercard"),
            ("TCP/IP", "T.C.P slash I.P"),
            ("an AA- rating", "an A.A minus rating"),
            ("2.6% + 10¢", "two point six percent plus ten cents"),
        ]);
    }
}
