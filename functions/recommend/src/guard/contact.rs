//! Finds contact details: links, e-mail addresses, handles, hashtags, street addresses and long numbers.

use super::normal::{self, NormalizedText};
use super::own::OwnTerms;
use super::{numbers, rules};

/// The number of digits, with only separators between them, that counts as a telephone, card or account number.
const LONG_NUMBER: usize = 7;
/// The last words of street names.
const STREET_SUFFIXES: &[&str] = &[
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

pub(super) fn check(normal: &NormalizedText) -> Vec<String> {
    // Undo the usual disguises of an address, such as `hxxp` and `example[.]com`.
    let folded = normal.folded.replace("hxxp", "http");
    let folded = ["[.]", "(.)", "{.}", " . "].iter().fold(folded, |text, dot| text.replace(dot, "."));
    let mut violations: Vec<String> =
        rules::CONTACT.find(normal, &OwnTerms::default()).into_iter().map(|found| format!("\"{found}\"")).collect();
    let mut add = |violation: &str| violations.push(violation.to_owned());
    if folded.contains('@') {
        add("an e-mail address or a handle");
    }
    if folded.contains('#') {
        add("a hashtag");
    }
    if folded.contains("://") || folded.contains("www.") || folded.split_whitespace().any(is_host) {
        add("a link");
    }
    if has_long_number(&folded) || normal.readings.iter().any(|words| numbers::spelled_digits(words) >= LONG_NUMBER) {
        add("a long number");
    }
    if normal.readings[0].windows(2).enumerate().any(|(at, _)| is_street(&normal.readings[0][at..])) {
        add("an address");
    }
    violations.sort();
    violations.dedup();
    violations
}

/// Returns whether a word is a host name: its first dot is between labels of at least two letters or digits. `e.g.` and
/// `U.S.` are not.
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
        if digits == LONG_NUMBER {
            return true;
        }
    }
    false
}

/// Returns whether the words start with a street address such as `48 alder lane`: a number, up to three words and a
/// street suffix.
fn is_street(words: &[String]) -> bool {
    let starts_with_number = words[0].chars().all(char::is_numeric);
    starts_with_number && words[1..].iter().take(4).any(|word| STREET_SUFFIXES.contains(&word.as_str()))
}

/// Returns whether a name contains contact details.
pub(super) fn is_in_name(name: &str) -> bool {
    !check(&NormalizedText::new(name)).is_empty() || normal::fold(name).contains('/')
}
