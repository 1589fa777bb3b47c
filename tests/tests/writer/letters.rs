//! What the template writer says to a thousand generated customers.

use std::collections::HashSet;

use contracts::settings::Settings;
use recommend::guard::{MAX_WORDS, MIN_WORDS, word_count};

use crate::campaign::Campaign;

/// Enough that a thousand of them consented.
const GENERATED: usize = 1250;

#[tokio::test]
async fn a_thousand_letters_pass_the_guard_and_two_hundred_of_them_differ() {
    let campaign = Campaign::of(GENERATED, Settings::default()).await;
    assert!(campaign.customers.len() >= 1000, "{} consented", campaign.customers.len());
    let mut different = HashSet::new();
    for reference in &campaign.customers[..1000] {
        let script = campaign.write(reference).await.unwrap();
        let text = script.spoken();
        assert!(script.verdict.passed(), "{:?}\n{text}", script.verdict.failed());
        assert!((MIN_WORDS..=MAX_WORDS).contains(&word_count(&text)), "{} words:\n{text}", word_count(&text));
        // A name alone makes no other letter.
        different.insert(text.replace(&script.first_name, ""));
    }
    assert!(different.len() >= 200, "{} differ", different.len());
}
