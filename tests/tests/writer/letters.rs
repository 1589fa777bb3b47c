//! Tests the letters to a thousand generated customers.

use std::collections::HashSet;

use contracts::settings::Settings;
use recommend::guard::{MAX_WORDS, MIN_WORDS, word_count};

use crate::assessed_run::AssessedRun;

/// The number of generated customers, of whom at least a thousand consent.
const GENERATED: usize = 1250;

#[tokio::test]
async fn thousand_letters_pass_the_guard_and_vary() {
    let run = AssessedRun::new(GENERATED, Settings::default()).await;
    assert!(run.customers.len() >= 1000, "{} consented", run.customers.len());
    let mut distinct = HashSet::new();
    for reference in &run.customers[..1000] {
        let script = run.write(reference).await.unwrap();
        let text = script.spoken();
        assert!(script.verdict.passed(), "{:?}\n{text}", script.verdict.failed());
        assert!((MIN_WORDS..=MAX_WORDS).contains(&word_count(&text)), "{} words:\n{text}", word_count(&text));
        // Letters that differ only in the name count as the same letter.
        distinct.insert(text.replace(&script.first_name, ""));
    }
    assert!(distinct.len() >= 200, "{} distinct letters", distinct.len());
}
