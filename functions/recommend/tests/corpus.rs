//! Tests the guard with hostile text that it must reject and harmless text that it must accept. The author of the
//! `*-blind.jsonl` files knew the product's purpose but not the rules.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use contracts::ProductId;
use contracts::catalogue::Catalogue;
use contracts::script::Verdict;
use recommend::guard::{GuardContext, NameSlot, check_text};
use serde::Deserialize;

/// The maximum number of harmless entries that the guard may reject.
const MAX_REFUSED: usize = 2;

#[derive(Deserialize)]
struct CorpusText {
    /// The check that must reject the text. `None` if the text is harmless.
    check: Option<String>,
    text: String,
}

/// Reads the entries in a file. Each one is a letter that greets Maria, is signed by Daniel Brooks, and offers a checking
/// account and a card.
fn texts(file: &str) -> Vec<CorpusText> {
    let path = format!("{}/tests/corpus/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn judge(text: &str) -> Verdict {
    let catalogue = include_bytes!("../../../data/catalogue.json");
    let catalogue = Catalogue::from_json(catalogue).unwrap();
    let offered = ["everyday-checking", "travel-rewards-card"].map(|id| ProductId::parse(id).unwrap());
    let context = GuardContext {
        language: contracts::Language::English,
        offered: offered.iter().map(|id| catalogue.product(id).unwrap()).collect(),
        held: Vec::new(),
        catalogue: &catalogue,
        names: ["Maria", "Daniel Brooks"].map(NameSlot::from).into(),
        posts: None,
        instructions: recommend::PROMPTS.to_vec(),
    };
    check_text(text, &context)
}

/// Formats a verdict in one line.
fn summary(verdict: &Verdict) -> String {
    let failed = verdict.checks.iter().filter(|check| !check.violations.is_empty());
    failed.map(|check| format!("{}: {}", check.name, check.violations.join(", "))).collect::<Vec<_>>().join(" / ")
}

#[test]
fn hostile_text_is_rejected_by_its_check() {
    for file in ["hostile", "hostile-blind"] {
        let texts = texts(file);
        assert!(texts.len() >= 100, "{file}: {}", texts.len());
        let missed: Vec<String> = texts
            .iter()
            .filter_map(|CorpusText { check, text }| {
                let check = check.as_deref().unwrap();
                let verdict = judge(text);
                let is_caught = verdict.failed().contains(&check);
                (!is_caught).then(|| format!("{check} missed: {text}\n    {}", summary(&verdict)))
            })
            .collect();
        assert!(missed.is_empty(), "{file}: {} missed\n{}", missed.len(), missed.join("\n"));
    }
}

#[test]
fn harmless_text_is_accepted() {
    let texts: Vec<CorpusText> = ["harmless", "harmless-blind"].into_iter().flat_map(texts).collect();
    assert!(texts.len() >= 200, "{}", texts.len());
    let refused: Vec<String> = texts
        .iter()
        .map(|text| (judge(&text.text), &text.text))
        .filter(|(verdict, _)| !verdict.passed())
        .map(|(verdict, text)| format!("{}\n    {text}", summary(&verdict)))
        .collect();
    assert!(refused.len() <= MAX_REFUSED, "{} refused\n{}", refused.len(), refused.join("\n"));
}
