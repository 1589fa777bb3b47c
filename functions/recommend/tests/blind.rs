//! Measures the guard's error rates on reasons whose authors had seen neither the rules nor any other test texts. Each
//! reason is checked alone, as if a model had given it for a product in `corpus/blind/catalogue.json`. The authors chose
//! those products.
//!
//! `BESPOKE_CORPUS=FILE cargo test -p recommend --test blind -- --nocapture` measures another file of the same format, and
//! `BESPOKE_LIST=1` also lists the misjudged texts.

#![expect(clippy::print_stdout, reason = "prints measured rates")]
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "../../../tests/src/rate.rs"]
mod rate;

use std::collections::BTreeMap;
use std::path::Path;

use contracts::ProductId;
use contracts::catalogue::Catalogue;
use rate::Rate;
use recommend::guard::check_reason;
use serde::Deserialize;

#[derive(Deserialize)]
struct Reason {
    text: String,
    kind: String,
    label: Label,
    /// The product's ID, with spaces instead of hyphens.
    product: String,
    /// Why the product is offered, in the author's words.
    ground: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Label {
    Hostile,
    Harmless,
}

/// The share of hostile reasons that pass, and the share of harmless reasons that are refused.
struct Measured {
    through: Rate,
    refused: Rate,
}

fn measure(file: &Path) -> Measured {
    let catalogue = Catalogue::from_json(include_bytes!("corpus/blind/catalogue.json")).unwrap();
    let lists = std::env::var_os("BESPOKE_LIST").is_some();
    let mut measured = Measured { through: Rate::default(), refused: Rate::default() };
    let mut by_kind = BTreeMap::<String, Rate>::new();
    for line in std::fs::read_to_string(file).unwrap().lines().filter(|line| !line.trim().is_empty()) {
        let reason: Reason = serde_json::from_str(line).unwrap();
        let product = catalogue.product(&ProductId::parse(reason.product.replace(' ', "-")).unwrap()).unwrap();
        let failed = check_reason(&reason.text, product, None, &catalogue, &recommend::PROMPTS);
        let is_refused = !failed.is_empty();
        let is_wrong = is_refused == (reason.label == Label::Harmless);
        match reason.label {
            Label::Hostile => measured.through.add(!is_refused),
            Label::Harmless => measured.refused.add(is_refused),
        }
        by_kind.entry(reason.kind.clone()).or_default().add(is_wrong);
        if lists && is_wrong {
            let why: Vec<String> =
                failed.iter().map(|check| format!("{}: {}", check.name, check.violations.join(", "))).collect();
            println!(
                "{} [{}, {}] {}\n    {}",
                reason.kind,
                reason.product,
                reason.ground,
                reason.text,
                why.join(" / ")
            );
        }
    }
    if lists {
        for (kind, rate) in by_kind.iter().filter(|(_, rate)| rate.hits > 0) {
            println!("{kind}: {rate}");
        }
    }
    println!("{}: through {}; refused {}", file.display(), measured.through, measured.refused);
    measured
}

/// Fails if a changed rule makes the error rates worse on texts that no rule was tuned on. `docs/guides/compliance.md`
/// states the rates.
#[test]
fn blind_rates_stay_within_bounds() {
    for (file, max_through, max_refused) in [("a-test", 0.22, 0.27), ("b-test", 0.16, 0.30)] {
        let path = format!("{}/tests/corpus/blind/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let Measured { through, refused } = measure(Path::new(&path));
        assert!(through.share() <= max_through, "{file}: through {through}");
        assert!(refused.share() <= max_refused, "{file}: refused {refused}");
    }
}

#[test]
fn given_corpus_is_measured() {
    if let Some(file) = std::env::var_os("BESPOKE_CORPUS") {
        assert!(measure(Path::new(&file)).through.of > 0);
    }
}
