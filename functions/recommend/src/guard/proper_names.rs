//! Finds names of people, places, companies and institutions that come from neither the catalog nor the program.

use std::collections::BTreeSet;

use super::context::GuardContext;
use super::normal::{APPROVED, NAME};

/// Capitalized words that are not names of anyone or anything in particular.
const ORDINARY: &[&str] = &[
    "ATM",
    "ATMs",
    "FAQ",
    "I",
    "I'd",
    "I'll",
    "I'm",
    "I've",
    "Internet",
    "No",
    "OK",
    "PIN",
    "PINs",
    "TV",
    "Wi-Fi",
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
    "Monday",
    "Monday's",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Saturdays",
    "Sunday",
    "Sundays",
    "Mondays",
    "Fridays",
    "Spring",
    "Summer",
    "Fall",
    "Autumn",
    "Winter",
];

/// Returns a violation for each capitalized word that is neither known from the context nor the first word of a
/// sentence.
pub(super) fn check(masked: &str, context: &GuardContext<'_>) -> Vec<String> {
    let known = known(context);
    let mut found = BTreeSet::new();
    let mut begins = true;
    for token in masked.split_whitespace() {
        let word = token.trim_matches(|c: char| !c.is_alphanumeric());
        let word = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
        let is_capitalized = word.starts_with(char::is_uppercase);
        if is_capitalized && !begins && !word.contains([APPROVED, NAME]) {
            let plain = word.replace('’', "'");
            let parts = plain.split(['-', '/']);
            let is_known =
                |part: &str| !part.starts_with(char::is_uppercase) || known.contains(part) || ORDINARY.contains(&part);
            if !ORDINARY.contains(&plain.as_str()) && !parts.clone().all(is_known) {
                found.insert(format!("\"{word}\""));
            }
        }
        let end = token.trim_end_matches(['"', '”', '’', '\'', ')']);
        begins = end.ends_with(['.', '!', '?', ':', APPROVED]) || token.ends_with(['“', '"']);
    }
    found.into_iter().collect()
}

/// Returns the words in the bank's name, and in the names, summaries, claims, terms and disclosures of the offered and
/// held products.
fn known(context: &GuardContext<'_>) -> BTreeSet<String> {
    let products = context.offered.iter().chain(&context.held);
    let texts = products.flat_map(|product| {
        let shown = [&product.approved_claims, &product.rates_and_terms, &product.disclosures].into_iter().flatten();
        [&product.name, &product.summary].into_iter().chain(shown)
    });
    let texts = texts.map(String::as_str).chain([context.catalogue.bank()]);
    let words = texts.flat_map(str::split_whitespace).flat_map(|word| word.split(['-', '/']));
    let words = words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).filter(|word| !word.is_empty());
    // Include the plural, as in "several CDs".
    words.flat_map(|word| [word.to_owned(), format!("{word}s")]).collect()
}
