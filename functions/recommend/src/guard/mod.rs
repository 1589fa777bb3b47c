//! Decides whether text may be used for a customer. All text passes through it, including text from the phrasebook.
//!
//! A rule is a named check that lists violations, which the evidence keeps. The rules are an engineering interpretation
//! of public sources, which the lists in `rules/` cite. The bank's counsel has the final word.

mod catalogue;
mod contact;
mod context;
mod harsh;
mod language;
mod mask;
mod normal;
mod numbers;
mod own;
mod products;
mod proper_names;
mod reason;
mod rules;

use std::collections::HashSet;

use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Product};
use contracts::facts::{FIVE_WORD_RUN, five_word_runs};
use contracts::script::{GuardCheck, Segment, SegmentKind, Verdict};
use contracts::{Digest, Language};
use unicode_normalization::UnicodeNormalization as _;

pub use catalogue::check_catalogue;
pub use context::{GuardContext, NameSlot};
pub use mask::TextPart;
use normal::{APPROVED, NAME, NormalizedText};
use own::OwnTerms;

/// The minimum number of words in a script.
pub const MIN_WORDS: usize = 25;
/// The maximum number of words in a script.
pub const MAX_WORDS: usize = 220;
/// The number of consecutive words that count as an echo of the instructions.
const INSTRUCTION_RUN: usize = 7;

/// Checks a complete script, given as parts in spoken order.
#[must_use]
pub fn check(parts: &[TextPart], context: &GuardContext<'_>) -> Verdict {
    let join = |text_of: &dyn Fn(&TextPart) -> String| parts.iter().map(text_of).collect::<Vec<_>>().join("\n\n");
    let full = context.with_names(&join(&|part| part.text().to_owned()));
    let unapproved = join(&TextPart::without_approved);
    let unapproved_with_names = context.with_names(&unapproved);
    let masked = mask::without_names(&unapproved, context);
    let normal = NormalizedText::new(&masked);

    let mut checks = vec![
        check_of("length", length(&full)),
        check_of("plain-text", plain_text(&full, &masked)),
        check_of("contact", contact::check(&normal)),
        check_of("greeting", if context.names.is_empty() { Vec::new() } else { greeting(&masked) }),
        check_of("products", products::check(&normal, &masked, &unapproved, context)),
        check_of("amounts", numbers::amounts(&normal)),
    ];
    let language = context.language;
    checks.extend(phrases(&unapproved, &OwnTerms::of(context.offered.iter().copied()), context));
    if context.offered.len() > 1 {
        // In a passage about one product, only the catalog's words about that product count as its own.
        for part in parts {
            let own = context.offered.iter().filter(|product| part.is_about(&product.id)).copied();
            let found = phrases(&part.without_approved(), &OwnTerms::of(own), context);
            for GuardCheck { name, violations } in found {
                for check in checks.iter_mut().filter(|check| check.name == name) {
                    check.violations.extend(violations.iter().cloned());
                    check.violations.sort();
                    check.violations.dedup();
                }
            }
        }
    }
    let own = OwnTerms::of(context.offered.iter().copied());
    if language != Language::English {
        // The checks of harsh words, proper names, language and reasons know only English words.
        checks.push(check_of("post-echo", post_echo(&unapproved_with_names, context)));
        checks.push(check_of("instruction-echo", instruction_echo(&normal, context)));
        return Verdict { checks };
    }
    checks.push(check_of("harsh-words", harsh::check(&normal, &own)));
    checks.push(check_of("proper-names", proper_names::check(&masked, context)));
    checks.push(check_of("language", language::check(&normal)));
    checks.push(check_of("reason", reasons(parts, context)));
    checks.push(check_of("post-echo", post_echo(&unapproved_with_names, context)));
    checks.push(check_of("instruction-echo", instruction_echo(&normal, context)));
    Verdict { checks }
}

/// Checks text in one piece. See [`TextPart::split`].
#[must_use]
pub fn check_text(text: &str, context: &GuardContext<'_>) -> Verdict {
    check(&TextPart::split(text, &context.offered), context)
}

/// A phrasebook line to check.
#[derive(Clone, Copy)]
pub struct LineCheck<'a> {
    /// The language of the phrasebook.
    pub language: Language,
    /// The product that the line is about.
    pub product: Option<&'a Product>,
    /// The product that the line assumes the customer holds.
    pub held: Option<&'a Product>,
    /// The values of the line's slots, which are not checked.
    pub names: &'a [&'a str],
    /// All of the bank's products, in the language of the line.
    pub catalogue: &'a Catalogue,
}

/// Checks the wording of one phrasebook line. Returns the violations, each with its check.
#[must_use]
pub fn check_line(text: &str, line: LineCheck<'_>) -> Vec<String> {
    let context = GuardContext {
        language: line.language,
        offered: line.product.into_iter().collect(),
        held: line.held.into_iter().collect(),
        catalogue: line.catalogue,
        names: line.names.iter().map(|name| NameSlot::from(*name)).collect(),
        posts: None,
        instructions: Vec::new(),
    };
    let checks = check_text(text, &context).checks.into_iter().filter(|check| check.name != "length");
    checks
        .flat_map(|check| check.violations.into_iter().map(move |violation| format!("{}: {violation}", check.name)))
        .collect()
}

/// Checks a reason that a model gave for one product, by itself. `held` is the product that, according to the reason,
/// the customer already has. `prompts` are the prompts that the text must not echo. Returns the failed checks, except
/// for the length check.
#[must_use]
pub fn check_reason(
    text: &str,
    product: &Product,
    held: Option<&Product>,
    catalogue: &Catalogue,
    prompts: &[&'static str],
) -> Vec<GuardCheck> {
    let context = GuardContext {
        language: Language::English,
        offered: vec![product],
        held: held.into_iter().collect(),
        catalogue,
        names: vec![NameSlot::from(catalogue.bank())],
        posts: None,
        instructions: prompts.to_vec(),
    };
    let segment = Segment {
        kind: SegmentKind::Offer,
        text: text.to_owned(),
        product: Some(product.id.clone()),
        parts: Vec::new(),
    };
    let checks = check(&[TextPart::of_segment(&segment, &context.offered)], &context).checks;
    checks.into_iter().filter(|check| check.name != "length" && !check.violations.is_empty()).collect()
}

/// Checks the caller's prompt before a model reads it. The prompt must not mention a protected class, reveal an
/// observation about the customer, or contradict the instructions.
#[must_use]
pub fn check_prompt(prompt: &str) -> Verdict {
    let normal = NormalizedText::new(prompt);
    let orders = check_of("instructions", quoted(rules::PROMPT_ORDERS.find(&normal, &OwnTerms::default())));
    // The bank's staff may write in any language that Bespoke supports.
    let checks = Language::ALL.into_iter().flat_map(|language| phrase_checks(&normal, &OwnTerms::default(), language));
    let mut checks: Vec<GuardCheck> = checks.collect();
    checks.retain(|check| ["protected-class", "surveillance"].contains(&check.name.as_str()));
    checks.push(orders);
    Verdict { checks }
}

/// Checks the displayed disclosures: each product needs its own lines, and no line may belong to a product that is not
/// offered.
#[must_use]
pub fn check_disclosures(shown: &[String], offered: &[&Product], brand: &Brand) -> GuardCheck {
    let rules = brand.institution.rules();
    let mut violations = Vec::new();
    for product in offered {
        if product.disclosures.iter().any(|line| !shown.contains(line)) {
            violations.push(format!("a disclosure for {} is missing", product.id));
        }
    }
    violations.extend(rules.missing_lines(shown, offered, &brand.name));
    violations.extend(rules.missing_brand_lines(shown, offered, &brand.name));
    let is_of_product = |line: &String| offered.iter().any(|product| product.disclosures.contains(line));
    let strays = shown.iter().filter(|line| !is_of_product(line) && rules.is_out_of_place(line, offered, &brand.name));
    violations
        .extend(strays.map(|line| format!("\"{line}\" is shown, but the product that it applies to is not offered")));
    check_of("disclosures", violations)
}

/// Returns whether a name contains nothing that the guard forbids in text. Hints at a protected class are allowed,
/// because `Christian` is a name. Names come from a workbook, which may be hostile.
#[must_use]
pub fn name_is_harmless(name: &str) -> bool {
    let normal = NormalizedText::new(name);
    let checks = phrase_checks(&normal, &OwnTerms::default(), Language::English);
    numbers::amounts(&normal).is_empty()
        && !contact::is_in_name(name)
        && checks.iter().all(|check| check.violations.is_empty() || check.name == "protected-class")
}

/// Returns the digest of the rule files. If a file changes, the stage writes the text again instead of reusing it.
pub(crate) fn rules_digest() -> Digest {
    rules::digest()
}

/// Returns the words in `text` as the guard compares them: lower case, without accents, look-alikes, hyphens and
/// apostrophes.
pub(crate) fn plain_words(text: &str) -> Vec<String> {
    normal::words(&normal::fold(text))
}

/// Counts the words in `text`: parts between spaces that contain a letter or a digit.
#[must_use]
pub fn word_count(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count()
}

fn check_of(name: &str, violations: Vec<String>) -> GuardCheck {
    GuardCheck { name: name.to_owned(), violations }
}

fn quoted<'a>(phrases: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut violations: Vec<String> = phrases.into_iter().map(|phrase| format!("\"{phrase}\"")).collect();
    violations.sort();
    violations.dedup();
    violations
}

fn phrase_checks(normal: &NormalizedText, own: &OwnTerms, language: Language) -> Vec<GuardCheck> {
    let check = |rule: &rules::PhraseRule| {
        let squashed = rule.squashed(normal);
        let stems = rules::SQUASHED.iter().filter(|(check, _)| *check == rule.check).flat_map(|(_, stems)| *stems);
        let split_words = stems.copied().filter(|stem| squashed.contains(stem));
        check_of(rule.check, quoted(rule.find(normal, own).into_iter().chain(split_words)))
    };
    rules::of(language).iter().map(check).collect()
}

/// Looks for phrases in the text with its names masked, and again with personal names filled in.
///
/// A model may write that there is `{{first_name}}` minimum, and the customer may be called `No`. A hint at a protected
/// class within a name is not a violation. The violation does not quote the phrase, because the repair message sends
/// violations to the model, which must not learn a name.
fn phrases(unapproved: &str, own: &OwnTerms, context: &GuardContext<'_>) -> Vec<GuardCheck> {
    let with_placeholders = NormalizedText::new(&mask::without_names(unapproved, context));
    let with_names = NormalizedText::new(&mask::without_names(&context.with_names(unapproved), context));
    let mut checks = phrase_checks(&with_placeholders, own, context.language);
    for (check, check_with_names) in checks.iter_mut().zip(phrase_checks(&with_names, own, context.language)) {
        let is_new = |violation| !check.violations.contains(violation);
        if check_with_names.violations.iter().any(is_new) && check.name != "protected-class" {
            check.violations.push("a forbidden phrase that appears once a name is filled in".to_owned());
        }
    }
    checks
}

/// Rejects a salutation that addresses anyone but the customer. The customer's own name is masked, so a capitalized
/// name after a salutation is another person's.
fn greeting(masked: &str) -> Vec<String> {
    let greets_stranger = |sentence: &str| {
        let mut words = sentence.split_whitespace();
        let is_salutation = words.next().is_some_and(|word| {
            ["dear", "hello", "hi", "hey", "hola", "estimado", "estimada", "querido", "querida"]
                .contains(&word.to_lowercase().as_str())
        });
        let addressee = words.next().unwrap_or_default();
        let is_stranger = addressee.starts_with(char::is_uppercase) || addressee.to_lowercase().starts_with("customer");
        is_salutation && is_stranger
    };
    let mut sentences = masked.split(['.', '!', '?', '\n']).map(str::trim);
    if sentences.any(greets_stranger) { vec!["greets someone other than the customer".to_owned()] } else { Vec::new() }
}

fn length(text: &str) -> Vec<String> {
    let words = word_count(text);
    if (MIN_WORDS..=MAX_WORDS).contains(&words) {
        Vec::new()
    } else {
        vec![format!("{words} words; {MIN_WORDS} to {MAX_WORDS} are allowed")]
    }
}

/// Rejects everything but Western letters, digits (which `amounts` checks), spaces and prose punctuation. Searches
/// `raw` for invisible characters and `masked` for all others, so a name may use any script.
fn plain_text(raw: &str, masked: &str) -> Vec<String> {
    let is_hidden =
        |c: &char| normal::is_invisible(*c) || c.is_control() && *c != '\n' || matches!(*c, APPROVED | NAME);
    let is_prose = |c: &char| {
        c.is_ascii_alphanumeric()
            || matches!(*c, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ſ' | ' ' | '\n')
            || ".,;:!?'\"’‘“”()&/-–—…%$€£¿¡«»".contains(*c)
            || matches!(*c, APPROVED | NAME)
    };
    let mut found: Vec<char> = raw.chars().filter(is_hidden).collect();
    found.extend(masked.chars().filter(|c| !is_prose(c)));
    found.sort_unstable();
    found.dedup();
    let mut violations: Vec<String> = found.into_iter().map(|c| format!("U+{:04X}", u32::from(c))).collect();
    let is_list_item = |line: &str| {
        let line = line.trim_start();
        ["- ", "– ", "— "].iter().any(|bullet| line.starts_with(bullet))
    };
    if masked.lines().any(is_list_item) {
        violations.push("a list".to_owned());
    }
    violations
}

/// Returns whether a check is about words and phrases, so that a person's approval of the exact line overrides it. An
/// approval cannot override the other checks, which depend on the whole text, on filled slots or on the customer's
/// posts.
pub(crate) fn is_about_words(check: &str) -> bool {
    rules::RULES.iter().any(|rule| rule.check == check)
        || ["amounts", "harsh-words", "language", "proper-names", "reason"].contains(&check)
}

/// Compares each passage about one product with the catalog's words about it.
fn reasons(parts: &[TextPart], context: &GuardContext<'_>) -> Vec<String> {
    let words = reason::CatalogueWords::new(context.catalogue);
    let found = parts.iter().filter_map(|part| {
        let id = part.only_product()?;
        let product = context.offered.iter().find(|product| product.id == *id)?;
        Some(words.check(part, product))
    });
    found.flatten().collect()
}

fn post_echo(unapproved: &str, context: &GuardContext<'_>) -> Vec<String> {
    let Some((runs, keys)) = context.posts else { return Vec::new() };
    let post_runs: HashSet<&Digest> = runs.iter().collect();
    // Check the text once in the form in which `assess` reads posts, and once without look-alikes.
    let composed: String = unapproved.nfkc().collect();
    let folded = normal::fold(unapproved);
    let text_runs = [&composed, &folded].into_iter().flat_map(|text| text.split(APPROVED)).flat_map(five_word_runs);
    let is_echo = |run: &String| post_runs.contains(&keys.keyed_digest(FIVE_WORD_RUN, run.as_bytes()));
    let echoes: HashSet<String> = text_runs.filter(is_echo).collect();
    // The words are the customer's own, so the violation counts them instead of quoting them.
    if echoes.is_empty() { Vec::new() } else { vec![format!("{} five-word sequences from a post", echoes.len())] }
}

fn instruction_echo(normal: &NormalizedText, context: &GuardContext<'_>) -> Vec<String> {
    let instructions: Vec<Vec<String>> = context.instructions.iter().map(|text| plain_words(text)).collect();
    let runs: HashSet<&[String]> = instructions.iter().flat_map(|words| words.windows(INSTRUCTION_RUN)).collect();
    let mut text_runs = normal.readings.iter().flat_map(|words| words.windows(INSTRUCTION_RUN));
    if text_runs.any(|run| runs.contains(run)) {
        vec![format!("{INSTRUCTION_RUN} consecutive words from the instructions")]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
