//! What leads away from the bank, or tells of a person: addresses, handles, numbers.

use super::normal::{self, Normal};
use super::{numbers, rules};

/// Seven digits with nothing but separators between them are a telephone, card or account number.
const LONG: usize = 7;
/// What a street's name ends in.
const STREETS: &[&str] = &[
    "street",
    "st",
    "avenue",
    "ave",
    "road",
    "rd",
    "lane",
    "ln",
    "drive",
    "boulevard",
    "blvd",
    "court",
    "place",
    "way",
    "terrace",
    "square",
];

pub(super) fn check(normal: &Normal) -> Vec<String> {
    // As people write an address that must not be clickable.
    let folded = normal.folded.replace("hxxp", "http");
    let folded = ["[.]", "(.)", "{.}", " . "].iter().fold(folded, |text, dot| text.replace(dot, "."));
    let mut violations: Vec<String> =
        rules::CONTACT.find(normal).into_iter().map(|found| format!("\"{found}\"")).collect();
    let mut found = |what: &str| violations.push(what.to_owned());
    if folded.contains('@') {
        found("an e-mail address or a handle");
    }
    if folded.contains('#') {
        found("a hashtag");
    }
    if folded.contains("://") || folded.contains("www.") || folded.split_whitespace().any(is_host) {
        found("a link");
    }
    if has_long_number(&folded) || normal.readings.iter().any(|words| numbers::spelled_digits(words) >= LONG) {
        found("a long number");
    }
    if normal.readings[0].windows(2).enumerate().any(|(at, _)| is_street(&normal.readings[0][at..])) {
        found("an address");
    }
    violations.sort();
    violations.dedup();
    violations
}

/// A dot between words of two letters or more is a host; `e.g.` and `U.S.` are not.
fn is_host(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    word.split_once('.').is_some_and(|(left, right)| {
        let label = |text: &str| text.chars().take_while(|c| c.is_alphanumeric()).count() >= 2;
        label(right) && left.chars().rev().take_while(|c| c.is_alphanumeric()).count() >= 2
    })
}

fn has_long_number(folded: &str) -> bool {
    let mut digits = 0;
    for c in folded.chars() {
        if c.is_numeric() {
            digits += 1;
        } else if !" -.()/+".contains(c) {
            digits = 0;
        }
        if digits == LONG {
            return true;
        }
    }
    false
}

/// `48 alder lane`: a number, up to three words, and what a street's name ends in.
fn is_street(words: &[String]) -> bool {
    let number = words[0].chars().all(char::is_numeric);
    number && words[1..].iter().take(4).any(|word| STREETS.contains(&word.as_str()))
}

/// Whether a name holds a way to reach somebody.
pub(super) fn is_in_name(name: &str) -> bool {
    !check(&Normal::of(name)).is_empty() || normal::fold(name).contains('/')
}
