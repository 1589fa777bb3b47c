//! Fractions.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{self, NUMBER};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Fraction characters.
const SIGNS: [(char, &str); 15] = [
    ('½', "one half"),
    ('⅓', "one third"),
    ('⅔', "two thirds"),
    ('¼', "one quarter"),
    ('¾', "three quarters"),
    ('⅕', "one fifth"),
    ('⅖', "two fifths"),
    ('⅗', "three fifths"),
    ('⅘', "four fifths"),
    ('⅙', "one sixth"),
    ('⅛', "one eighth"),
    ('⅜', "three eighths"),
    ('⅝', "five eighths"),
    ('⅞', "seven eighths"),
    ('⅒', "one tenth"),
];

/// Returns the words of "1/2", "-1/2" or "½", or `None` if the denominator is zero.
pub fn words(text: &str) -> Option<String> {
    let text = text.trim_start_matches([' ', '-']);
    if let Some((_, said)) = SIGNS.iter().find(|(sign, _)| text.starts_with(*sign)) {
        return Some((*said).to_owned());
    }
    let (numerator, denominator) = text.split_once('/')?;
    let count: u64 = numerator.parse().ok()?;
    let parts: u64 = denominator.parse().ok()?;
    let many = count != 1;
    let name = match parts {
        0 | 1 => return None,
        2 if many => "halves".to_owned(),
        2 => "half".to_owned(),
        4 if many => "quarters".to_owned(),
        4 => "quarter".to_owned(),
        _ if many => format!("{}s", number::ordinal(parts)),
        _ => number::ordinal(parts),
    };
    Some(format!("{} {name}", number::cardinal(count)))
}

static MIXED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?P<whole>\d{1,3})(?:(?P<gap>[\s-])(?P<part>[1-9]\d?/[1-9]\d?)|(?P<sign>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅛⅜⅝⅞⅒]))")
});

/// Reads `2 1/2`, `1-1/2`, `2½`.
pub fn mixed(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&MIXED)?;
    if !at.starts_word() || at.rest()[captures.get_match().end()..].starts_with('/') {
        return None;
    }
    let whole = format!("{} and", number::amount(&captures["whole"])?);
    let part = captures.name("part").or_else(|| captures.name("sign"))?;
    if let Some((numerator, denominator)) = part.as_str().split_once('/')
        && numerator.parse::<u64>().ok()? >= denominator.parse::<u64>().ok()?
    {
        return None;
    }
    let said = words(part.as_str())?;
    if captures.name("gap").is_some_and(|gap| gap.as_str() == " ") {
        let name = if captures.name("part").is_some() { "part" } else { "sign" };
        return Some(at.parts(Class::Fraction, &captures, &[("whole", whole), (name, said)]));
    }
    Some(at.whole(Class::Fraction, &captures, format!("{whole} {said}")))
}

static SIMPLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?P<sign>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅛⅜⅝⅞⅒])|(?P<first>{NUMBER})(?P<rest>(?:/{NUMBER})+)(?P<ordinal>(?:st|nd|rd|th)\b)?"
    ))
});

/// Numbers in this form with a fixed reading that is not a fraction.
const FIXED: [(&str, &str); 4] = [
    ("24/7", "twenty-four seven"),
    ("24/7/365", "twenty-four seven three sixty-five"),
    ("9/11", "nine eleven"),
    ("20/20", "twenty twenty"),
];

/// Reads `5/8`, `½`, `50/30/20`, `60/40`, `4.5/5`.
pub fn simple(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&SIMPLE)?;
    if let Some(sign) = captures.name("sign") {
        return Some(at.whole(Class::Fraction, &captures, words(sign.as_str())?));
    }
    if !at.starts_word() {
        return None;
    }
    let matched = captures.get_match().as_str();
    if let Some((_, said)) = FIXED.iter().find(|(written, _)| *written == matched) {
        return Some(at.whole(Class::Cardinal, &captures, *said));
    }
    let numbers: Vec<&str> = matched.trim_end_matches(char::is_alphabetic).split('/').collect();
    let values: Vec<u64> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
    let sequence = || -> Option<String> {
        Some(numbers.iter().map(|number| number::amount(number)).collect::<Option<Vec<_>>>()?.join(" "))
    };
    match values.as_slice() {
        // Shares of a whole: "50/30/20", "60/40".
        shares if shares.len() == numbers.len() && shares.iter().sum::<u64>() == 100 => {
            Some(at.whole(Class::Cardinal, &captures, sequence()?))
        }
        [_, denominator] if *denominator <= 100 => {
            Some(at.whole(Class::Fraction, &captures, words(&numbers.join("/"))?))
        }
        [_, _, _, ..] => Some(at.whole(Class::Cardinal, &captures, sequence()?)),
        _ if numbers.len() == 2 && values.len() < 2 => {
            let score = format!("{} out of {}", number::amount(numbers[0])?, number::amount(numbers[1])?);
            Some(at.whole(Class::Cardinal, &captures, score))
        }
        _ => {
            let said = numbers.iter().map(|number| number::plain(number)).collect::<Option<Vec<_>>>()?.join(" slash ");
            Some(at.whole(Class::Cardinal, &captures, said))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn fractions_are_said() {
        check(&[
            ("3/8", "three eighths"),
            ("1/3", "one third"),
            ("1/4", "one quarter"),
            ("3/4 of a point", "three quarters of a point"),
            ("2/5 households", "two fifths households"),
            ("1/2", "one half"),
            ("3/2", "three halves"),
            ("2 1/2", "two and one half"),
            ("1-1/2 points", "one and one half points"),
            ("2½ years", "two and one half years"),
            ("a 2½-year CD", "a two and one half year C.D"),
            ("-1½", "minus one and one half"),
            ("¾", "three quarters"),
        ]);
    }

    #[test]
    fn shares_and_fixed_forms_are_no_fractions() {
        check(&[
            ("60/40 mix", "sixty forty mix"),
            ("the 70/20/10 rule", "the seventy twenty ten rule"),
            ("24/7 support", "twenty-four seven support"),
            ("4.5/5 stars", "four point five out of five stars"),
        ]);
    }
}
