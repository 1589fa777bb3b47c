//! Names of products that may not be named.

use std::collections::HashSet;

use contracts::catalogue::Product;

use super::normal::{self, APPROVED, NAME, Normal};
use super::{GuardContext, rules};

/// Companies whose products are not the bank's to praise or to blame: the largest of the United States, and apps.
const OTHER_COMPANIES: &[&str] = &[
    "Affirm",
    "Ally",
    "American Express",
    "Amex",
    "Bank of America",
    "Barclays",
    "Capital One",
    "Cash App",
    "Charles Schwab",
    "Chase",
    "Chime",
    "Citi",
    "Citibank",
    "Citigroup",
    "Citizens Bank",
    "Coinbase",
    "Credit Karma",
    "Discover",
    "Fidelity",
    "Fifth Third",
    "Goldman Sachs",
    "HSBC",
    "JPMorgan",
    "KeyBank",
    "Klarna",
    "Merrill",
    "Morgan Stanley",
    "Navy Federal",
    "PNC",
    "PayPal",
    "Regions Bank",
    "Revolut",
    "Robinhood",
    "Rocket Mortgage",
    "Schwab",
    "SoFi",
    "Synchrony",
    "TD Bank",
    "Truist",
    "U.S. Bank",
    "USAA",
    "Vanguard",
    "Venmo",
    "Wells Fargo",
    "Zelle",
];

pub(super) fn check(normal: &Normal, masked: &str, unapproved: &str, context: &GuardContext<'_>) -> Vec<String> {
    [other_products(normal, context), kinds(normal, context), invented(masked, unapproved, context), companies(masked)]
        .concat()
}

/// Names of products that are not offered, also without the bank's name before them.
fn other_products(normal: &Normal, context: &GuardContext<'_>) -> Vec<String> {
    let bank: HashSet<String> = normal::words(&normal::fold(context.catalogue.bank())).into_iter().collect();
    let is_offered = |product: &Product| context.offered.iter().any(|offered| offered.id == product.id);
    let own: Vec<Vec<String>> = context.offered.iter().map(|product| phrase(&product.name, &bank)).collect();
    let named = |product: &&Product| {
        let name = phrase(&product.name, &bank);
        // "Personal Loans", "Certificates of Deposit", "Home Equity Lines".
        let is_named = |words: &[String]| {
            let fits = |(word, part): (&String, &String)| word == part || word.strip_prefix(part.as_str()) == Some("s");
            words.len() == name.len() && words.iter().zip(&name).all(fits)
        };
        !own.iter().any(|own| rules::stand(own, &name))
            && normal.readings.iter().any(|words| words.windows(name.len().max(1)).any(is_named))
    };
    let others = context.catalogue.products().iter().filter(|product| !is_offered(product));
    others.filter(named).map(|product| format!("names {}, which is not offered", product.id)).collect()
}

/// Kinds of products none of which is offered: `a mortgage`, `life insurance`.
fn kinds(normal: &Normal, context: &GuardContext<'_>) -> Vec<String> {
    let offered = context.offered.iter().map(|product| format!("{} {}", product.name, product.summary));
    let own = rules::KINDS.find(&Normal::of(&offered.collect::<Vec<_>>().join(" ")));
    let mut found = rules::KINDS.find(normal);
    found.retain(|kind| !own.contains(kind));
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|kind| format!("names \"{kind}\", which is not offered")).collect()
}

/// Products that the bank does not have: its name, or the name of a product that is offered, and then a capital.
fn invented(masked: &str, unapproved: &str, context: &GuardContext<'_>) -> Vec<String> {
    let begins =
        |word: &str| word.trim_start_matches(|sign: char| !sign.is_alphanumeric()).starts_with(char::is_uppercase);
    let mut found = Vec::new();
    if let Some(bank) = context.catalogue.bank().split_whitespace().next() {
        let offered = context.offered.iter().map(|product| product.name.as_str());
        let known = offered
            .chain([context.catalogue.bank()])
            .fold(masked.to_owned(), |text, name| text.replace(name, &APPROVED.to_string()));
        let words: Vec<&str> = known.split_whitespace().collect();
        let invents = |pair: &&[&str]| pair[0].eq_ignore_ascii_case(bank) && begins(pair[1]);
        let name = |pair: &[&str]| format!("names a {bank} {}, which is no product", pair[1]);
        found.extend(words.windows(2).filter(invents).map(name));
    }
    for product in &context.offered {
        let longer = unapproved.match_indices(&product.name).filter_map(|(at, name)| {
            let next = unapproved[at + name.len()..].strip_prefix(' ')?.split_whitespace().next()?;
            let of_a_sentence = ["I", "I'm", "I'd", "I'll", "I've", "I’m", "I’d", "I’ll", "I’ve"].contains(&next);
            (begins(next) && !of_a_sentence && !next.starts_with(NAME)).then_some(next)
        });
        found.extend(longer.map(|next| format!("names a {} {next}, which is no product", product.name)));
    }
    found
}

/// Companies whose names are written as names. Those that are words of the language too, such as `Discover`, count only
/// where no sentence begins.
fn companies(masked: &str) -> Vec<String> {
    let named = |company: &&&str| {
        masked.match_indices(**company).any(|(at, name)| {
            let (before, after) = (&masked[..at], &masked[at + name.len()..]);
            let whole = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
            let begins =
                before.trim_end().is_empty() || before.trim_end().ends_with(['.', '!', '?', ':', '\n', APPROVED]);
            let is_a_word = ["Affirm", "Ally", "Chase", "Chime", "Discover", "Fidelity"].contains(&name);
            whole(before.chars().next_back()) && whole(after.chars().next()) && !(begins && is_a_word)
        })
    };
    OTHER_COMPANIES.iter().filter(named).map(|company| format!("names {company}")).collect()
}

/// A product's name as words of lower case, without words of the bank's name at its start unless one word alone is left.
fn phrase(name: &str, bank: &HashSet<String>) -> Vec<String> {
    let words = normal::words(&normal::fold(name));
    let own = words.iter().position(|word| !bank.contains(word)).unwrap_or(0);
    let from = if words.len() - own >= 2 { own } else { 0 };
    words[from..].to_vec()
}
