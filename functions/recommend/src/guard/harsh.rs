//! Finds harsh words with VADER's sentiment lexicon (Hutto and Gilbert 2014). A bank's reason for a product is calm, so
//! words such as "hopeless", "ruin" or "enemy" indicate insults, threats or scare tactics that no list of phrases
//! covers.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use vader_sentiment::LEXICON;

use super::normal::NormalizedText;
use super::own::OwnTerms;

/// The highest score of a harsh word, on VADER's scale of -4 to 4.
const HARSH: f64 = -1.7;
/// Words that also occur in calm text about money and plans. They are not harsh, whatever their score.
const CALM: &[&str] = &[
    "accident",
    "accidents",
    "block",
    "blocked",
    "blocks",
    "broke",
    "broken",
    "burden",
    "burdens",
    "cancel",
    "cancelled",
    "charged",
    "critical",
    "damage",
    "damaged",
    "damages",
    "debt",
    "debts",
    "delay",
    "delays",
    "demand",
    "difficult",
    "difficulties",
    "difficulty",
    "disappointed",
    "dispute",
    "disputed",
    "disputes",
    "emergencies",
    "emergency",
    "error",
    "errors",
    "fail",
    "fails",
    "fraud",
    "hard",
    "hassle",
    "hassles",
    "ill",
    "injured",
    "injury",
    "limited",
    "lose",
    "loses",
    "losing",
    "loss",
    "losses",
    "lost",
    "mess",
    "mistake",
    "mistakes",
    "owe",
    "owes",
    "penalties",
    "penalty",
    "pressure",
    "problem",
    "problems",
    "protest",
    "rainy",
    "risk",
    "risks",
    "serious",
    "seriously",
    "stolen",
    "stress",
    "stubborn",
    "theft",
    "tired",
    "tough",
    "trouble",
    "unexpected",
    "worries",
    "worry",
    "worried",
    "wrong",
];

static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let harsh = LEXICON.iter().filter(|(_, score)| **score <= HARSH).map(|(word, _)| word.to_lowercase());
    harsh.filter(|word| !CALM.contains(&word.as_str())).collect()
});

/// Returns the harsh words in the text, except for words that the catalog uses about the offered products.
pub(super) fn check(normal: &NormalizedText, own: &OwnTerms) -> Vec<String> {
    let readings = normal.readings.iter();
    let harsh = readings.flat_map(|words| (0..words.len()).filter(|at| is_harsh(words, *at, own)).map(|at| &words[at]));
    harsh.collect::<BTreeSet<_>>().into_iter().map(|word| format!("\"{word}\"")).collect()
}

fn is_harsh(words: &[String], at: usize, own: &OwnTerms) -> bool {
    WORDS.contains(&words[at]) && !own.cover(words, at, 1) && !own.claims_have(&words[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_insults_and_scare_tactics_are_harsh() {
        let found = |text: &str| check(&NormalizedText::new(text), &OwnTerms::default());
        assert_eq!(found("Only a hopeless fool would ruin this."), ["\"fool\"", "\"hopeless\"", "\"ruin\""]);
        assert_eq!(found("An emergency fund softens the worry about damage, loss or debt."), Vec::<String>::new());
    }
}
