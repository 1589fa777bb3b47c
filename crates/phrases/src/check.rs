//! Reports every problem in a phrasebook.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use contracts::catalogue::{Catalogue, Product};
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::approval::is_same_person;
use crate::book::Phrasebook;
use crate::line::{GroundKey, Line, LineKind, ServiceTopic};
use crate::readability::lix;
use crate::template::{Slot, SlotValues};

/// The minimum number of reasons for each product and ground.
pub const MIN_REASONS: usize = 6;
/// The minimum number of openings, with and without an adviser. If twenty are equally likely, each appears in about 5%
/// of a campaign's texts.
pub const MIN_OPENINGS: usize = 20;
/// The minimum number of closings, with and without an adviser.
pub const MIN_CLOSINGS: usize = 16;
/// The maximum number of words in a reason or a link.
const MAX_REASON_WORDS: usize = 24;
/// The maximum number of words in an opening or a closing.
const MAX_FRAME_WORDS: usize = 45;
/// The maximum number of words in a service message.
const MAX_SERVICE_WORDS: usize = 75;
/// The maximum number of words in the text for a slot.
const MAX_WORD_WORDS: usize = 5;
/// The maximum LIX of one line. Single sentences vary more than longer text, so this limit is looser than the one for
/// the whole phrasebook.
const MAX_LINE_LIX: f64 = 65.0;
/// The maximum mean LIX of all lines, which corresponds to CEFR B2.
const MAX_MEAN_LIX: f64 = 45.0;
/// The number of consecutive words at which a reason counts as repeating the catalog's text about its product.
const ECHO_WORDS: usize = 5;
/// The share of a kind's lines that may begin with the same three words. Kinds with fewer than eight lines are not
/// checked.
const MAX_SAME_START: f64 = 0.25;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The phrasebook must not be used.
    Error,
    /// The phrasebook can be used, but should be improved.
    Warning,
}

/// A problem in a phrasebook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// The line's id. `None` if the finding is about the whole phrasebook.
    pub line: Option<String>,
    /// The problem, with the remedy unless it is obvious.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Checks a phrasebook against a catalog, and returns the sorted findings. `guard` returns the guard's violations in a
/// line whose slots are filled. Its last argument is the product that the line is about.
#[must_use]
pub fn check(
    book: &Phrasebook,
    catalogue: &Catalogue,
    guard: impl Fn(&Line, &str, Option<&Product>) -> Vec<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for line in book.lines() {
        let product = match &line.kind {
            LineKind::Reason { product, .. } => catalogue.product(product),
            _ => None,
        };
        let filled = line.text.fill(&sample_values(book, product));
        let mut add =
            |severity, message: String| findings.push(Finding { severity, line: Some(line.id.clone()), message });
        check_approval(book, line, &mut add);
        check_length(line, &filled, &mut add);
        check_slots(line, &mut add);
        check_product(line, catalogue, &mut add);
        check_echo(line, &filled, catalogue, &mut add);
        // A person's approval of exactly this line overrides the guard, so its findings become warnings.
        let is_approved = book.approvals().for_line(line).is_some();
        let severity = if is_approved { Severity::Warning } else { Severity::Error };
        for violation in guard(line, &filled, product) {
            add(severity, format!("the guard rejects the line: {violation}"));
        }
    }
    check_coverage(book, catalogue, &mut findings);
    check_repetition(book, &mut findings);
    check_reading_level(book, &mut findings);
    findings.sort();
    findings
}

/// Returns the sample names that [`check`] puts into slots. The guard must not check them.
#[must_use]
pub const fn sample_names() -> [&'static str; 4] {
    ["Alexandra", "Jordan Whitfield", "the bank", "bank.example"]
}

/// Returns sample values for the slots, so a line can be checked as a listener hears it.
fn sample_values(book: &Phrasebook, product: Option<&Product>) -> SlotValues {
    let [first_name, adviser, bank, web] = sample_names();
    SlotValues::default()
        .with(Slot::FirstName, first_name)
        .with(Slot::Adviser, adviser)
        .with(Slot::AdviserTitle, "relationship manager")
        .with(Slot::Bank, bank)
        .with(Slot::Web, web)
        .with(Slot::Count, book.count(3))
        .with(Slot::Product, product.map_or("the product", |product| product.name.as_str()))
}

fn check_approval(book: &Phrasebook, line: &Line, add: &mut impl FnMut(Severity, String)) {
    let message = match book.approvals().recorded(&line.id) {
        _ if book.approvals().for_line(line).is_some() => return,
        None => "the line is not approved; run `bespoke phrases approve`".to_owned(),
        Some(approval) if is_same_person(&approval.by, &line.author) => {
            format!("{} wrote the line and cannot approve it", line.author)
        }
        Some(_) => "the line changed after its approval; run `bespoke phrases approve` again".to_owned(),
    };
    add(Severity::Error, message);
}

fn check_length(line: &Line, filled: &str, add: &mut impl FnMut(Severity, String)) {
    let max = match line.kind {
        LineKind::Reason { .. } | LineKind::Link { .. } => MAX_REASON_WORDS,
        LineKind::Opening { .. } | LineKind::Closing { .. } | LineKind::ServiceOpening | LineKind::ServiceClosing => {
            MAX_FRAME_WORDS
        }
        LineKind::Service { .. } => MAX_SERVICE_WORDS,
        LineKind::Word => MAX_WORD_WORDS,
    };
    let words = filled.split_whitespace().count();
    if words > max {
        add(Severity::Error, format!("{words} words; a {} line may have {max}", line.kind.name()));
    }
    if line.kind == LineKind::Word {
        return;
    }
    if !filled.ends_with(['.', '?', '!']) {
        add(Severity::Error, "does not end with `.`, `?` or `!`; write whole sentences".to_owned());
    }
    let level = lix(filled);
    if level > MAX_LINE_LIX {
        add(Severity::Warning, format!("hard to read: LIX {level:.0}; aim for {MAX_MEAN_LIX:.0}"));
    }
}

fn check_slots(line: &Line, add: &mut impl FnMut(Severity, String)) {
    let required = match line.kind {
        LineKind::Opening { adviser: true, .. } => &[Slot::FirstName, Slot::Adviser][..],
        LineKind::Opening { adviser: false, .. } => &[Slot::FirstName],
        LineKind::Closing { adviser: true, .. } => &[Slot::Adviser],
        _ => &[],
    };
    for slot in required.iter().filter(|slot| !line.text.has(**slot)) {
        add(Severity::Error, format!("this {} line needs the slot {{{}}}", line.kind.name(), slot.as_str()));
    }
}

fn check_product(line: &Line, catalogue: &Catalogue, add: &mut impl FnMut(Severity, String)) {
    let LineKind::Reason { product: id, ground, .. } = &line.kind else { return };
    let Some(product) = catalogue.product(id) else {
        add(Severity::Error, format!("the catalog has no product {}", id.as_str()));
        return;
    };
    if !grounds(product).contains(ground) {
        add(Severity::Error, format!("the catalog does not offer {} on the ground {ground}", id.as_str()));
    }
    let text = line.text.as_str().to_lowercase();
    let own = product.name.to_lowercase();
    for other in catalogue.products().iter().filter(|other| other.id != *id) {
        let name = other.name.to_lowercase();
        if text.contains(&name) && !own.contains(&name) {
            add(Severity::Error, format!("the line names another product, {}", other.name));
        }
    }
}

/// Reports a reason that repeats the catalog's text, which follows it anyway.
fn check_echo(line: &Line, filled: &str, catalogue: &Catalogue, add: &mut impl FnMut(Severity, String)) {
    let LineKind::Reason { product, .. } = &line.kind else { return };
    let Some(product) = catalogue.product(product) else { return };
    let words = |text: &str| -> Vec<String> { text.unicode_words().map(str::to_lowercase).collect() };
    // The product's name does not count as repetition.
    let name = words(&product.name);
    let without_name =
        |text: &str| -> Vec<String> { words(text).into_iter().filter(|word| !name.contains(word)).collect() };
    let said = without_name(filled);
    for text in std::iter::once(&product.summary).chain(&product.approved_claims) {
        let text = without_name(text);
        let echo = said.windows(ECHO_WORDS).find(|run| text.windows(ECHO_WORDS).any(|other| other == *run));
        if let Some(echo) = echo {
            add(Severity::Error, format!("repeats the catalog's own text: \"{}\"", echo.join(" ")));
            return;
        }
    }
}

/// Returns every ground on which the catalog may offer a product.
#[must_use]
pub fn grounds(product: &Product) -> BTreeSet<GroundKey> {
    let spending = product.spending.iter().map(|category| GroundKey::Spending(*category));
    let needs = product.needs.iter().map(|need| GroundKey::Need(*need));
    let holds = product.eligibility.holds_any.iter().map(|held| GroundKey::Holds(held.clone()));
    spending.chain(needs).chain(holds).collect()
}

fn check_coverage(book: &Phrasebook, catalogue: &Catalogue, findings: &mut Vec<Finding>) {
    let mut require = |count: usize, at_least: usize, what: String| {
        if count < at_least {
            let severity = if count == 0 { Severity::Error } else { Severity::Warning };
            let message = format!("found {count} {what}; at least {at_least} are needed");
            findings.push(Finding { severity, line: None, message });
        }
    };
    let count = |fits: &dyn Fn(&LineKind) -> bool| book.lines().iter().filter(|line| fits(&line.kind)).count();
    for product in catalogue.products() {
        for key in grounds(product) {
            let is_reason = |kind: &LineKind| matches!(kind, LineKind::Reason { product: p, ground, .. } if *p == product.id && *ground == key);
            require(count(&is_reason), MIN_REASONS, format!("reasons for {} on the ground {key}", product.id.as_str()));
            let named = usize::from(book.ground(&key).is_some() || matches!(key, GroundKey::Holds(_)));
            require(named, 1, format!("names for the ground {key} under [grounds]"));
        }
    }
    for adviser in [true, false] {
        let with = if adviser { "with an adviser" } else { "without an adviser" };
        let openings =
            |kind: &LineKind| matches!(kind, LineKind::Opening { adviser: a, bright: false, .. } if *a == adviser);
        require(count(&openings), MIN_OPENINGS, format!("openings {with} for every mood"));
        let for_anyone = |kind: &LineKind| openings(kind) && matches!(kind, LineKind::Opening { named: false, .. });
        require(count(&for_anyone), 1, format!("openings {with} for a customer whose name cannot be spoken"));
        for offers in [1, 3] {
            let closings = |kind: &LineKind| matches!(kind, LineKind::Closing { adviser: a, offers: o } if *a == adviser && o.fits(offers));
            require(count(&closings), MIN_CLOSINGS, format!("closings {with} for {offers} offers"));
        }
    }
    for topic in ServiceTopic::ALL {
        let is_topic = |kind: &LineKind| matches!(kind, LineKind::Service { topic: t } if *t == topic);
        require(count(&is_topic), 1, format!("service messages about {topic:?}").to_lowercase());
    }
    require(count(&|kind| matches!(kind, LineKind::ServiceOpening)), 1, "openings of a service message".to_owned());
    require(count(&|kind| matches!(kind, LineKind::ServiceClosing)), 1, "closings of a service message".to_owned());
    findings.dedup();
}

fn check_repetition(book: &Phrasebook, findings: &mut Vec<Finding>) {
    let mut texts = BTreeMap::<String, &str>::new();
    let mut starts = BTreeMap::<(&str, String), usize>::new();
    let mut kinds = BTreeMap::<&str, usize>::new();
    for line in book.lines().iter().filter(|line| line.kind != LineKind::Word) {
        let text = line.text.as_str().to_lowercase();
        if let Some(other) = texts.insert(text.clone(), &line.id) {
            let message = format!("same text as line {other}");
            findings.push(Finding { severity: Severity::Error, line: Some(line.id.clone()), message });
        }
        let start = text.split_whitespace().filter(|word| !word.contains('{')).take(3).collect::<Vec<_>>().join(" ");
        *starts.entry((line.kind.name(), start)).or_default() += 1;
        *kinds.entry(line.kind.name()).or_default() += 1;
    }
    for ((kind, start), count) in starts {
        let of = kinds[kind];
        #[expect(clippy::cast_precision_loss, reason = "a book has few lines")]
        let share = count as f64 / of as f64;
        if of >= 8 && share > MAX_SAME_START {
            let message = format!("{count} of {of} {kind} lines begin with \"{start}\"; vary them");
            findings.push(Finding { severity: Severity::Warning, line: None, message });
        }
    }
}

fn check_reading_level(book: &Phrasebook, findings: &mut Vec<Finding>) {
    let sentences = book.lines().iter().filter(|line| line.kind != LineKind::Word);
    let levels: Vec<f64> = sentences.map(|line| lix(&line.text.fill(&sample_values(book, None)))).collect();
    #[expect(clippy::cast_precision_loss, reason = "a book has few lines")]
    let mean = levels.iter().sum::<f64>() / levels.len().max(1) as f64;
    if mean > MAX_MEAN_LIX {
        let message = format!("the lines are hard to read: mean LIX {mean:.0}; aim for {MAX_MEAN_LIX:.0} (CEFR B2)");
        findings.push(Finding { severity: Severity::Error, line: None, message });
    }
}
