//! Weighs what a post contains. A linear model judges the posts that no phrase describes, and corrects phrases that also
//! fit ordinary posts.
//!
//! A **feature** is a property of a post, such as a word, two neighboring words, a class of words such as `family`, an
//! emoji, or a finding of the phrases. `data/lexicons/post-weights.tsv` holds one weight for each feature: above zero if
//! the feature is typical of posts that must stop selling, below zero if it is typical of ordinary posts. The test
//! `weights` computes the file from labeled posts. The file is compiled into the program, so a bank cannot weaken it by
//! accident.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use contracts::Digest;
use contracts::facts::Topic;

use crate::stop_phrases::{PostStops, StopPhrases, post_words};

const WEIGHTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/lexicons/post-weights.tsv"));

static POST_WEIGHTS: LazyLock<PostWeights> = LazyLock::new(PostWeights::shipped);

/// The feature that every post has. Its weight is the model's intercept.
pub const BIAS: &str = "bias";

/// A post stops selling if its score is higher. The value is a compromise between the rates that the test `weights`
/// measures.
const MAX_ORDINARY_SCORE: f64 = 0.25;

/// The same for a post with a phrase of trouble. Only a clearly ordinary post, such as one about a film, overrules the phrase.
const MAX_ORDINARY_SCORE_OF_TROUBLE: f64 = -0.5;

/// The prefix of the features for phrases of trouble.
const TROUBLE: &str = "trouble:";

/// The scale of the scores, which makes a post with many features as decided as one with few.
const SCALE: f64 = 3.0;

/// The number of characters of a long word that stand for its other forms.
const STEM_LENGTH: usize = 5;

/// The input of [`features`].
pub struct PostEvidence<'a> {
    /// The post.
    pub text: &'a str,
    /// The findings of the phrases.
    pub found: &'a PostStops,
    /// The topics of the post.
    pub topics: &'a [Topic],
    /// VADER's compound score, or `None` if the post is in Spanish.
    pub compound: Option<f64>,
    /// Whether the phrases and the compound score alone would stop selling.
    pub phrases_stop: bool,
}

/// The weights of the features.
pub struct PostWeights {
    weights: BTreeMap<String, f64>,
    digest: Digest,
}

impl PostWeights {
    /// Returns the weights that are compiled into the program.
    #[must_use]
    pub fn get() -> &'static Self {
        &POST_WEIGHTS
    }

    /// # Panics
    /// Panics if the file is malformed. A test ensures that it is not.
    #[expect(clippy::expect_used, reason = "the file is part of the program, and a test parses it")]
    fn shipped() -> Self {
        let entry = |line: &str| {
            let (weight, feature) = line.split_once('\t').expect("a weight and a feature");
            (feature.to_owned(), weight.parse::<f64>().expect("a number"))
        };
        let lines = WEIGHTS.lines().filter(|line| !line.starts_with("# "));
        Self { weights: lines.map(entry).collect(), digest: Digest::of(WEIGHTS.as_bytes()) }
    }

    /// Creates weights from their features, to measure a model before it is stored.
    #[must_use]
    pub fn new(weights: BTreeMap<String, f64>) -> Self {
        Self { weights, digest: Digest::of(&[]) }
    }

    /// Returns the digest of the file.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns whether a post with these features must stop selling.
    #[must_use]
    pub fn stops(&self, features: &BTreeSet<String>) -> bool {
        let has_trouble = features.iter().any(|feature| feature.starts_with(TROUBLE));
        self.score(features) > if has_trouble { MAX_ORDINARY_SCORE_OF_TROUBLE } else { MAX_ORDINARY_SCORE }
    }

    /// Returns the logarithm of the odds that a post with these features must stop selling.
    #[must_use]
    pub fn score(&self, features: &BTreeSet<String>) -> f64 {
        let sum: f64 = features.iter().filter_map(|feature| self.weights.get(feature)).sum();
        self.weights.get(BIAS).copied().unwrap_or_default() + sum * feature_scale(features.len())
    }
}

/// Returns the factor for the weights of a post with this number of features.
#[must_use]
pub fn feature_scale(features: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a post has few features")]
    let count = features.max(1) as f64;
    SCALE / count.sqrt()
}

/// Returns the features of a post. A prefix names the kind of each feature.
#[must_use]
pub fn features(post: &PostEvidence<'_>) -> BTreeSet<String> {
    let mut features = word_features(post.text);
    let PostStops { troubles, unreadable: _, distress, sensitive, everyday, excused, without_idioms } = post.found;
    features.extend(troubles.iter().map(|trouble| format!("{TROUBLE}{trouble:?}").to_lowercase()));
    features.extend(post.topics.iter().map(|topic| format!("topic:{topic:?}").to_lowercase()));
    let flags = [
        ("distress", *distress),
        ("sensitive", *sensitive),
        ("everyday", *everyday),
        ("excused", *excused),
        ("idiom", without_idioms.is_some()),
    ];
    features.extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| format!("found:{name}")));
    features.insert(format!("phrases:{}", if post.phrases_stop { "stop" } else { "pass" }));
    if let Some(compound) = post.compound {
        let level = match compound {
            ..=-0.5 => "awful",
            ..=-0.05 => "bad",
            ..0.05 => "neutral",
            ..0.5 => "good",
            _ => "great",
        };
        features.insert(format!("tone:{level}"));
    }
    features
}

fn word_features(text: &str) -> BTreeSet<String> {
    let is_number = |word: &String| word.chars().all(|c| c.is_ascii_digit());
    let words = post_words(text).into_iter().map(|word| if is_number(&word) { "#".to_owned() } else { word });
    let words: Vec<String> = words.collect();
    let at = |index: Option<usize>| index.and_then(|index| words.get(index));
    let mut features = BTreeSet::new();
    for (index, word) in words.iter().enumerate() {
        features.insert(format!("w:{word}"));
        if word.chars().count() > STEM_LENGTH {
            features.insert(format!("s:{}", word.chars().take(STEM_LENGTH).collect::<String>()));
        }
        let [next, second] = [at(Some(index + 1)), at(Some(index + 2))];
        features.extend(next.map(|next| format!("b:{word} {next}")));
        features.extend(second.map(|second| format!("k:{word} _ {second}")));
        let [previous, earlier] = [at(index.checked_sub(1)), at(index.checked_sub(2))];
        for class in StopPhrases::get().classes(word) {
            features.insert(format!("c:{class}"));
            features.extend(previous.map(|previous| format!("c:{previous} {class}")));
            features.extend(next.map(|next| format!("c:{class} {next}")));
            features.extend(second.map(|second| format!("c:{class} _ {second}")));
            if let (Some(earlier), Some(previous)) = (earlier, previous) {
                features.insert(format!("c:{earlier} {previous} {class}"));
            }
        }
    }
    features.extend(text.chars().filter(|c| is_emoji(*c)).map(|emoji| format!("e:{emoji}")));
    let is_shouted = |word: &str| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase());
    let marks = [
        ("!", text.contains(['!', '¡'])),
        ("!!", text.contains("!!")),
        ("?", text.contains('?')),
        ("capitals", text.split(|c: char| !c.is_alphanumeric()).any(is_shouted)),
    ];
    features.extend(marks.iter().filter(|(_, is_present)| *is_present).map(|(mark, _)| format!("m:{mark}")));
    features
}

/// Returns whether a character is an emoji or another pictogram. Ignores the characters that only modify an emoji.
const fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_weights_are_valid() {
        assert!(PostWeights::get().weights.len() > 1_000);
        assert!(PostWeights::get().weights.contains_key(BIAS));
    }

    #[test]
    fn classes_stand_for_words() {
        let features = word_features("Lost my dear abuela! 🕯️");
        for expected in ["w:lost", "b:lost my", "c:family", "c:my dear family", "m:!"] {
            assert!(features.contains(expected), "{expected}: {features:?}");
        }
    }

    #[test]
    fn numbers_and_accents_are_folded() {
        assert_eq!(word_features("Perdí 300"), word_features("perdi 7"));
    }
}
