//! Decides whether a text may be said to a customer. Every writer's text passes through it, the template's too.
//!
//! A rule is a named check that finds violations; what was found lands in the evidence. These are engineering rules taken
//! from public sources (each list below `rules/` names its own); the bank's counsel decides.

mod contact;
mod mask;
mod normal;
mod numbers;
mod products;
mod rules;

use std::collections::HashSet;

use contracts::Digest;
use contracts::catalogue::{Catalogue, Product, ProductKind};
use contracts::facts::{FIVE_WORD_RUN, five_word_runs};
use contracts::script::{GuardCheck, Verdict};
use storage::vault::Keys;
use unicode_normalization::UnicodeNormalization as _;

pub use mask::Part;
use normal::{APPROVED, NAME, Normal};

/// Words of a text, at least.
pub const MIN_WORDS: usize = 25;
/// Words of a text, at most.
pub const MAX_WORDS: usize = 220;
/// How many words in a row are an echo of the instructions.
const INSTRUCTION_RUN: usize = 7;

/// What the guard must know to judge a text.
pub struct GuardContext<'a> {
    /// The products that may be named: those ranked for this customer.
    pub offered: Vec<&'a Product>,
    /// All products; naming another one is a violation.
    pub catalogue: &'a Catalogue,
    /// Names that code fills in: the customer's, the adviser's, the bank's. Not judged, since no writer chose them. If
    /// there are none, nobody knows whom a greeting should name, and it is not judged.
    pub names: Vec<Name<'a>>,
    /// Keyed digests of the five-word runs of the customer's posts, and the keys with which they were made.
    pub posts: Option<(&'a [Digest], &'a Keys)>,
    /// What the writer was told: seven words in a row of it are an echo.
    pub instructions: Vec<&'a str>,
}

/// A name in a text that is judged.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// What stands for it in the text. Where that is a place to be filled, a customer called `No` hides no `No fees`.
    pub place: &'a str,
    /// How it is said.
    pub said: &'a str,
}

impl<'a> From<&'a str> for Name<'a> {
    /// A name that is filled in already.
    fn from(name: &'a str) -> Self {
        Self { place: name, said: name }
    }
}

impl GuardContext<'_> {
    /// The text with all names filled in.
    fn said(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, name| text.replace(name.place, name.said))
    }
}

/// Judges the whole text, part by part in the order in which it is spoken.
#[must_use]
pub fn check(parts: &[Part], context: &GuardContext<'_>) -> Verdict {
    let joined = |text: &dyn Fn(&Part) -> String| parts.iter().map(text).collect::<Vec<_>>().join("\n\n");
    let text = context.said(&joined(&|part| part.text().to_owned()));
    let unapproved = joined(&Part::without_approved);
    let masked = mask::without_names(&unapproved, context);
    let normal = Normal::of(&masked);

    let mut checks = vec![
        one("length", length(&text)),
        one("plain-text", plain_text(&text, &masked)),
        one("contact", contact::check(&normal)),
        one("greeting", if context.names.is_empty() { Vec::new() } else { greeting(&masked) }),
        one("products", products::check(&normal, &masked, &unapproved, context)),
        one("amounts", numbers::amounts(&normal)),
    ];
    checks.extend(phrases(&normal, &Normal::of(&mask::without_names(&context.said(&unapproved), context))));
    checks.push(one("post-echo", post_echo(&context.said(&unapproved), context)));
    checks.push(one("instruction-echo", instruction_echo(&normal, context)));
    Verdict { checks }
}

/// Judges a text that somebody wrote in one piece ([`Part::of_text`]).
#[must_use]
pub fn check_text(text: &str, context: &GuardContext<'_>) -> Verdict {
    check(&Part::of_text(text, &context.offered), context)
}

/// Judges the caller's own wish before a model reads it: it may name no protected class, tell of nothing that somebody
/// saw, and give no orders that are meant for the guard.
#[must_use]
pub fn check_prompt(prompt: &str) -> Verdict {
    let normal = Normal::of(prompt);
    let orders = one("instructions", quoted(rules::PROMPT_ORDERS.find(&normal)));
    let mut checks = phrase_checks(&normal);
    checks.retain(|check| ["protected-class", "surveillance"].contains(&check.name.as_str()));
    checks.push(orders);
    Verdict { checks }
}

/// Judges the lines that are shown: each product brings its own, and no product a line that is not its to bring.
#[must_use]
pub fn check_disclosures(shown: &[String], offered: &[&Product]) -> GuardCheck {
    let any = |kind: ProductKind| offered.iter().any(|product| product.kind == kind);
    let says = |line: &str| shown.iter().any(|text| text.contains(line));
    let mut violations = Vec::new();
    for product in offered {
        if product.disclosures.iter().any(|line| !shown.contains(line)) {
            violations.push(format!("a disclosure of {} is missing", product.id));
        }
    }
    if any(ProductKind::Deposit) && !says("Member FDIC") {
        violations.push("a deposit is offered without \"Member FDIC\"".to_owned());
    }
    let brought = |line: &str| offered.iter().any(|p| p.disclosures.iter().any(|text| text.contains(line)));
    if !any(ProductKind::Deposit) && !brought("Member FDIC") && says("Member FDIC") {
        violations.push("\"Member FDIC\" stands where no deposit is offered".to_owned());
    }
    if any(ProductKind::Mortgage) && !says("Equal Housing Lender") {
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
        && !contact::is_in_name(name)
        && checks.iter().all(|check| check.violations.is_empty() || check.name == "protected-class")
}

/// The digest of the files of rules: a phrase more makes a new text instead of adopting the verdict on the old one.
pub(crate) fn rules_digest() -> Digest {
    rules::digest()
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

fn one(name: &str, violations: Vec<String>) -> GuardCheck {
    GuardCheck { name: name.to_owned(), violations }
}

fn quoted<'a>(found: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut violations: Vec<String> = found.into_iter().map(|phrase| format!("\"{phrase}\"")).collect();
    violations.sort();
    violations.dedup();
    violations
}

fn phrase_checks(normal: &Normal) -> Vec<GuardCheck> {
    let squashed = normal.squashed();
    let check = |rule: &rules::Rule| {
        let stems = rules::SQUASHED.iter().filter(|(check, _)| *check == rule.check).flat_map(|(_, stems)| *stems);
        let split = stems.copied().filter(|stem| squashed.contains(stem));
        one(rule.check, quoted(rule.find(normal).into_iter().chain(split)))
    };
    rules::RULES.iter().map(check).collect()
}

/// Looks for phrases in the text as it was written, and once more with the names of persons in it: a model may write that there
/// is `{{first_name}}` minimum, and the customer may be called `No`. What a name tells of its bearer is no violation. Nor is it
/// said what a name has a part in: the model is told of violations, and is to learn no name.
fn phrases(written: &Normal, said: &Normal) -> Vec<GuardCheck> {
    let mut checks = phrase_checks(written);
    for (check, with_names) in checks.iter_mut().zip(phrase_checks(said)) {
        let by_names = with_names.violations.iter().any(|found| !check.violations.contains(found));
        if by_names && check.name != "protected-class" {
            check.violations.push("what a name makes of it".to_owned());
        }
    }
    checks
}

/// A salutation names the customer, by the name that code fills in, or nobody.
fn greeting(masked: &str) -> Vec<String> {
    let names = |line: &str| {
        let mut words = line.split_whitespace();
        let salutation =
            words.next().is_some_and(|word| ["dear", "hello", "hi", "hey"].contains(&word.to_lowercase().as_str()));
        let named = words.next().unwrap_or_default();
        let stranger = named.starts_with(char::is_uppercase) || named.to_lowercase().starts_with("customer");
        salutation && stranger
    };
    let begins = masked.split(['.', '!', '?', '\n']).map(str::trim).any(names);
    if begins { vec!["greets another than the customer".to_owned()] } else { Vec::new() }
}

fn length(text: &str) -> Vec<String> {
    let words = word_count(text);
    if (MIN_WORDS..=MAX_WORDS).contains(&words) {
        Vec::new()
    } else {
        vec![format!("{words} words, where {MIN_WORDS} to {MAX_WORDS} are wanted")]
    }
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

fn post_echo(unapproved: &str, context: &GuardContext<'_>) -> Vec<String> {
    let Some((runs, keys)) = context.posts else { return Vec::new() };
    let posted: HashSet<&Digest> = runs.iter().collect();
    // As the posts were read, and once more without look-alikes.
    let composed: String = unapproved.nfkc().collect();
    let folded = normal::fold(unapproved);
    let runs = [&composed, &folded].into_iter().flat_map(|text| text.split(APPROVED)).flat_map(five_word_runs);
    let echoed = runs.filter(|run| posted.contains(&keys.keyed_digest(FIVE_WORD_RUN, run.as_bytes())));
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
