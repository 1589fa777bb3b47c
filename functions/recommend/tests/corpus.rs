//! The guard against texts that were written to get past it, and against texts that it must let pass. Half of them are by
//! somebody who knew the product's purpose and not the rules (`*-blind.jsonl`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use contracts::ProductId;
use contracts::catalogue::Catalogue;
use contracts::script::Verdict;
use recommend::guard::{GuardContext, Name, check_text};
use serde::Deserialize;

/// The most harmless texts that may be refused.
const MOST_REFUSED: usize = 2;

#[derive(Deserialize)]
struct Text {
    /// The check that it was written for; none for a harmless text.
    check: Option<String>,
    text: String,
}

/// The texts of a file, of which all greet Maria, are signed by Daniel Brooks, and offer a checking account and a card.
fn texts(file: &str) -> Vec<Text> {
    let path = format!("{}/tests/corpus/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn judged(text: &str) -> Verdict {
    let catalogue = include_bytes!("../../../data/catalogue.json");
    let catalogue = Catalogue::from_json(catalogue).unwrap();
    let offered = ["everyday-checking", "travel-rewards-card"].map(|id| ProductId::parse(id).unwrap());
    let context = GuardContext {
        offered: offered.iter().map(|id| catalogue.product(id).unwrap()).collect(),
        catalogue: &catalogue,
        names: ["Maria", "Daniel Brooks"].map(Name::from).into(),
        posts: None,
        instructions: recommend::PROMPTS.to_vec(),
    };
    check_text(text, &context)
}

/// A verdict in one line.
fn told(verdict: &Verdict) -> String {
    let failed = verdict.checks.iter().filter(|check| !check.violations.is_empty());
    failed.map(|check| format!("{}: {}", check.name, check.violations.join(", "))).collect::<Vec<_>>().join(" / ")
}

#[test]
fn every_hostile_text_is_caught_by_the_check_that_it_was_written_for() {
    for file in ["hostile", "hostile-blind"] {
        let texts = texts(file);
        assert!(texts.len() >= 100, "{file}: {}", texts.len());
        let missed: Vec<String> = texts
            .iter()
            .filter_map(|Text { check, text }| {
                let (check, verdict) = (check.as_deref().unwrap(), judged(text));
                let caught = verdict.checks.iter().any(|found| found.name == check && !found.violations.is_empty());
                (!caught).then(|| format!("{check} missed: {text}\n    {}", told(&verdict)))
            })
            .collect();
        assert!(missed.is_empty(), "{file}: {} missed\n{}", missed.len(), missed.join("\n"));
    }
}

#[test]
fn hardly_a_harmless_text_is_refused() {
    let texts: Vec<Text> = ["harmless", "harmless-blind"].into_iter().flat_map(texts).collect();
    assert!(texts.len() >= 200, "{}", texts.len());
    let judged: Vec<(Verdict, &str)> = texts.iter().map(|text| (judged(&text.text), text.text.as_str())).collect();
    let refused: Vec<String> = judged
        .iter()
        .filter(|(verdict, _)| !verdict.passed())
        .map(|(verdict, text)| format!("{}\n    {text}", told(verdict)))
        .collect();
    assert!(refused.len() <= MOST_REFUSED, "{} refused\n{}", refused.len(), refused.join("\n"));
}
