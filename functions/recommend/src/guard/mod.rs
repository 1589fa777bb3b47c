//! Decides whether a text may be said to a customer. Every writer's text passes through it, the template's too.
//!
//! A rule is a named check that finds violations; what was found lands in the evidence. These are engineering rules taken
//! from public sources (each list in `rules.rs` names its own); the bank's counsel decides.

mod normal;
mod numbers;
mod rules;

use std::collections::HashSet;

use contracts::Digest;
use contracts::catalogue::{Catalogue, Kind, Product};
use contracts::facts::{FIVE_WORD_RUN, five_word_runs};
use contracts::script::{Check, Verdict};
use contracts::vault::Keys;

use unicode_normalization::UnicodeNormalization as _;

use normal::{APPROVED, NAME, Normal};

/// Words of a text, at least.
pub const MIN_WORDS: usize = 25;
/// Words of a text, at most.
pub const MAX_WORDS: usize = 220;
/// How many words in a row are an echo of the instructions.
const INSTRUCTION_RUN: usize = 7;

/// What the guard must know to judge a text.
pub struct GuardContext<'a> {
    /// The products that may be named: those ranked for this customer. Their approved texts may stand verbatim.
    pub offered: Vec<&'a Product>,
    /// All products; naming another one is a violation.
    pub catalogue: &'a Catalogue,
    /// Names that code fills in: the customer's, the adviser's, the bank's. Not judged, since no writer chose them.
    pub names: Vec<&'a str>,
    /// Keyed digests of the five-word runs of the customer's posts.
    pub post_runs: &'a [Digest],
    /// The keys with which those digests were made.
    pub keys: &'a Keys,
    /// What the writer was told: seven words in a row of it are an echo.
    pub instructions: Vec<&'a str>,
}

/// Judges the whole spoken text.
#[must_use]
pub fn check(text: &str, context: &GuardContext<'_>) -> Verdict {
    let unapproved = without_approved(text, context);
    let masked = without_names(&unapproved, context);
    let normal = Normal::of(&masked);

    let mut checks = vec![
        one("length", length(text)),
        one("plain-text", plain_text(text, &masked)),
        one("contact", contact(&normal.folded)),
        one("products", [other_products(&normal, context), invented_products(&masked, context)].concat()),
        one("amounts", numbers::amounts(&normal)),
    ];
    checks.extend(phrase_checks(&normal));
    checks.push(one("post-echo", post_echo(&unapproved, context)));
    checks.push(one("instruction-echo", instruction_echo(&normal, context)));
    Verdict { checks }
}

/// Judges the caller's own wish before a model reads it: it may name no protected class and give no orders that are
/// meant for the guard.
#[must_use]
pub fn check_prompt(prompt: &str) -> Verdict {
    let normal = Normal::of(prompt);
    let orders = normal.readings.iter().flat_map(|words| rules::find(words, rules::PROMPT_ORDERS, &[]));
    let orders = one("instructions", quoted(orders));
    let mut checks = phrase_checks(&normal);
    checks.retain(|check| check.name == "protected-class");
    checks.push(orders);
    Verdict { checks }
}

/// Judges the lines that are shown: each product brings its own, and no product a line that is not its to bring.
#[must_use]
pub fn check_disclosures(shown: &[String], offered: &[&Product]) -> Check {
    let any = |kind: Kind| offered.iter().any(|product| product.kind == kind);
    let says = |line: &str| shown.iter().any(|text| text.contains(line));
    let mut violations = Vec::new();
    for product in offered {
        if product.disclosures.iter().any(|line| !shown.contains(line)) {
            violations.push(format!("a disclosure of {} is missing", product.id));
        }
    }
    if any(Kind::Deposit) && !says("Member FDIC") {
        violations.push("a deposit is offered without \"Member FDIC\"".to_owned());
    }
    let brought = |line: &str| offered.iter().any(|p| p.disclosures.iter().any(|text| text.contains(line)));
    if !any(Kind::Deposit) && !brought("Member FDIC") && says("Member FDIC") {
        violations.push("\"Member FDIC\" stands where no deposit is offered".to_owned());
    }
    if any(Kind::Mortgage) && !says("Equal Housing Lender") {
        violations.push("a mortgage is offered without \"Equal Housing Lender\"".to_owned());
    }
    one("disclosures", violations)
}

/// Whether a name holds anything that the guard forbids in a text, other than by what the name tells of its bearer
/// (`Christian` is a name). Names come from a workbook, and a workbook may be hostile.
#[must_use]
pub fn name_is_harmless(name: &str) -> bool {
    let normal = Normal::of(name);
    let checks = phrase_checks(&normal);
    numbers::amounts(&normal).is_empty()
        && contact(&normal.folded).is_empty()
        && checks.iter().all(|check| check.violations.is_empty() || check.name == "protected-class")
}

/// The words of a text as they are compared: lower case, without accents, look-alikes, hyphens and apostrophes.
pub(crate) fn plain_words(text: &str) -> Vec<String> {
    normal::words(&normal::fold(text))
}

/// How many words a text has, as a speaker counts them.
#[must_use]
pub fn word_count(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

fn one(name: &str, violations: Vec<String>) -> Check {
    Check { name: name.to_owned(), violations }
}

fn quoted<'a>(found: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut violations: Vec<String> = found.into_iter().map(|phrase| format!("\"{phrase}\"")).collect();
    violations.sort();
    violations.dedup();
    violations
}

fn phrase_checks(normal: &Normal) -> Vec<Check> {
    let squashed = normal.squashed();
    let check = |phrases: &rules::Phrases| {
        let read = normal.readings.iter().flat_map(|words| rules::find(words, phrases.forbidden, phrases.harmless));
        let stems = rules::SQUASHED.iter().filter(|(check, _)| *check == phrases.check).flat_map(|(_, stems)| *stems);
        let split = stems.copied().filter(|stem| squashed.contains(stem));
        one(phrases.check, quoted(read.chain(split)))
    };
    rules::PHRASES.iter().map(check).collect()
}

fn length(text: &str) -> Vec<String> {
    let words = word_count(text);
    if (MIN_WORDS..=MAX_WORDS).contains(&words) {
        Vec::new()
    } else {
        vec![format!("{words} words, where {MIN_WORDS} to {MAX_WORDS} are wanted")]
    }
}

/// Approved texts of the offered products, the longest first, so that none is cut by one that it holds.
fn without_approved(text: &str, context: &GuardContext<'_>) -> String {
    let texts = |product: &&'_ Product| {
        let lists = [&product.approved_claims, &product.disclosures, &product.spoken_disclosures];
        std::iter::once(product.summary.clone()).chain(lists.into_iter().flatten().cloned()).collect::<Vec<_>>()
    };
    let mut approved: Vec<String> = context.offered.iter().flat_map(texts).collect();
    approved.retain(|text| !text.trim().is_empty());
    approved.sort_by_key(|text| std::cmp::Reverse(text.len()));
    approved.iter().fold(text.to_owned(), |text, approved| mask(&text, approved, APPROVED))
}

/// Names that code fills in and names of offered products.
fn without_names(text: &str, context: &GuardContext<'_>) -> String {
    let offered = context.offered.iter().map(|product| product.name.as_str());
    let mut names: Vec<&str> = offered.chain(context.names.iter().copied()).map(str::trim).collect();
    names.retain(|name| !name.is_empty());
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.iter().fold(text.to_owned(), |text, name| mask(&text, name, NAME))
}

/// Puts `sign` in the place of each `part` that stands as words of its own.
fn mask(text: &str, part: &str, sign: char) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(part) {
        let (before, after) = (&rest[..at], &rest[at + part.len()..]);
        let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let previous = before.chars().next_back().or_else(|| masked.chars().next_back());
        let cuts_a_word = joined(previous) && joined(part.chars().next())
            || joined(after.chars().next()) && joined(part.chars().next_back());
        masked.push_str(before);
        if cuts_a_word {
            masked.push_str(part);
        } else {
            masked.push(sign);
        }
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// Letters of Western writing, digits (which `amounts` judges), blanks and the punctuation of prose. `raw` is judged for
/// signs that are not seen, `masked` for all else, so that a name may be written in any script.
fn plain_text(raw: &str, masked: &str) -> Vec<String> {
    let hidden = |c: &char| normal::is_invisible(*c) || c.is_control() && *c != '\n' || matches!(*c, APPROVED | NAME);
    let prose = |c: &char| {
        c.is_ascii_alphanumeric()
            || matches!(*c, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ſ' | ' ' | '\n')
            || ".,;:!?'\"’‘“”()&/-–—…%$€£".contains(*c)
            || matches!(*c, APPROVED | NAME)
    };
    let mut found: Vec<char> = raw.chars().filter(hidden).collect();
    found.extend(masked.chars().filter(|c| !prose(c)));
    found.sort_unstable();
    found.dedup();
    let mut violations: Vec<String> = found.into_iter().map(|c| format!("U+{:04X}", u32::from(c))).collect();
    let list_item = |line: &str| {
        let line = line.trim_start();
        ["- ", "– ", "— "].iter().any(|bullet| line.starts_with(bullet))
    };
    if masked.lines().any(list_item) {
        violations.push("a list".to_owned());
    }
    violations
}

fn contact(folded: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let mut found = |what: &str| violations.push(what.to_owned());
    if folded.contains('@') {
        found("an e-mail address or a handle");
    }
    if folded.contains('#') {
        found("a hashtag");
    }
    let host = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        // A dot between words of two letters or more is a host; `e.g.` and `U.S.` are not.
        word.split_once('.').is_some_and(|(left, right)| {
            let label = |text: &str| text.chars().take_while(|c| c.is_alphanumeric()).count() >= 2;
            label(right) && left.chars().rev().take_while(|c| c.is_alphanumeric()).count() >= 2
        })
    };
    let spoken = ["dot com", "dot net", "dot org", "dot bank", "click here", "click the link", "link below"];
    let words = normal::words(folded);
    if folded.contains("://")
        || folded.contains("www.")
        || folded.split_whitespace().any(host)
        || !rules::find(&words, &spoken, &[]).is_empty()
    {
        found("a link");
    }
    // Seven digits with nothing but separators between them: a telephone, card or account number.
    let mut digits = 0;
    for c in folded.chars() {
        if c.is_numeric() {
            digits += 1;
        } else if !" -.()/+".contains(c) {
            digits = 0;
        }
        if digits == 7 {
            found("a long number");
            break;
        }
    }
    violations
}

/// Names of products that are not offered, also without the bank's name before them.
fn other_products(normal: &Normal, context: &GuardContext<'_>) -> Vec<String> {
    let bank: HashSet<String> = normal::words(&normal::fold(context.catalogue.bank())).into_iter().collect();
    let is_offered = |product: &Product| context.offered.iter().any(|offered| offered.id == product.id);
    let own: Vec<String> = context.offered.iter().map(|p| phrase(&p.name, &bank)).collect();
    let named = |product: &&Product| {
        let name = phrase(&product.name, &bank);
        let harmless: Vec<&str> = own.iter().filter(|own| own.contains(&name)).map(String::as_str).collect();
        // "Personal Loans", "Certificates of Deposit", "Home Equity Lines".
        let plural = name.split(' ').map(|word| format!("{word}*")).collect::<Vec<_>>().join(" ");
        !name.is_empty()
            && normal.readings.iter().any(|words| !rules::find(words, &[name.as_str(), &plural], &harmless).is_empty())
    };
    let others = context.catalogue.products().iter().filter(|product| !is_offered(product));
    others.filter(named).map(|product| format!("names {}, which is not offered", product.id)).collect()
}

/// Products that the bank does not have: its name, and then a capital that begins no product that is offered.
fn invented_products(masked: &str, context: &GuardContext<'_>) -> Vec<String> {
    let Some(bank) = context.catalogue.bank().split_whitespace().next() else { return Vec::new() };
    let offered = context.offered.iter().map(|product| product.name.as_str());
    let known = offered
        .chain([context.catalogue.bank()])
        .fold(masked.to_owned(), |text, name| text.replace(name, &APPROVED.to_string()));
    let words: Vec<&str> = known.split_whitespace().collect();
    let invents = |pair: &&[&str]| {
        let next = pair[1].trim_start_matches(|sign: char| !sign.is_alphanumeric());
        pair[0].eq_ignore_ascii_case(bank) && next.starts_with(char::is_uppercase)
    };
    words.windows(2).filter(invents).map(|pair| format!("names a {bank} {}, which is no product", pair[1])).collect()
}

/// A product's name as words of lower case, without words of the bank's name at its start unless one word alone is left.
fn phrase(name: &str, bank: &HashSet<String>) -> String {
    let words = normal::words(&normal::fold(name));
    let own = words.iter().position(|word| !bank.contains(word)).unwrap_or(0);
    let from = if words.len() - own >= 2 { own } else { 0 };
    words[from..].join(" ")
}

fn post_echo(unapproved: &str, context: &GuardContext<'_>) -> Vec<String> {
    if context.post_runs.is_empty() {
        return Vec::new();
    }
    let posted: HashSet<&Digest> = context.post_runs.iter().collect();
    // As the posts were read, and once more without look-alikes.
    let composed: String = unapproved.nfkc().collect();
    let folded = normal::fold(unapproved);
    let runs = [&composed, &folded].into_iter().flat_map(|text| text.split(APPROVED)).flat_map(five_word_runs);
    let echoed = runs.filter(|run| posted.contains(&context.keys.keyed_digest(FIVE_WORD_RUN, run.as_bytes())));
    let echoed: HashSet<String> = echoed.collect();
    // The words are the customer's own and are not repeated here.
    if echoed.is_empty() { Vec::new() } else { vec![format!("{} runs of five words of a post", echoed.len())] }
}

fn instruction_echo(normal: &Normal, context: &GuardContext<'_>) -> Vec<String> {
    let told: Vec<Vec<String>> = context.instructions.iter().map(|text| normal::words(&normal::fold(text))).collect();
    let told: HashSet<&[String]> = told.iter().flat_map(|words| words.windows(INSTRUCTION_RUN)).collect();
    let echoed =
        normal.readings.iter().flat_map(|words| words.windows(INSTRUCTION_RUN)).filter(|run| told.contains(run));
    match echoed.count() {
        0 => Vec::new(),
        _ => vec![format!("{INSTRUCTION_RUN} words in a row of the instructions")],
    }
}

#[cfg(test)]
mod tests;
