//! Interprets a caller's wish (a prompt that asks for a tone or an emphasis) with a small lexicon. The phrasebook
//! writer uses only the resulting tones and grounds, so it never puts a word of the wish into the customer's text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::line::{GroundKey, Tone};

/// The words that express wishes in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wishes {
    /// Words and phrases for each tone.
    pub tones: BTreeMap<Tone, Vec<String>>,
    /// Words and phrases for each ground that a wish may emphasize.
    pub emphases: BTreeMap<String, Vec<String>>,
    /// Words that do not express a wish, such as "please".
    pub fillers: Vec<String>,
    /// Words that cancel a wish that starts within the next two words, such as "not".
    pub negations: Vec<String>,
}

/// A wish, as interpreted by the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderstoodWish {
    /// The tones, sorted.
    pub tones: Vec<Tone>,
    /// The grounds to prefer, sorted.
    pub emphases: Vec<GroundKey>,
    /// The words that were not understood or were negated, in order.
    pub ignored: Vec<String>,
}

impl Wishes {
    /// Returns all words and phrases that a wish can contain.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let lists = self.tones.values().chain(self.emphases.values()).chain([&self.fillers, &self.negations]);
        lists.flatten().map(String::as_str)
    }

    /// Interprets a wish.
    #[must_use]
    pub fn read(&self, wish: &str) -> UnderstoodWish {
        let words: Vec<String> = wish.unicode_words().map(str::to_lowercase).collect();
        let mut used = vec![false; words.len()];
        let mut mark = |phrases: &[String]| {
            let mut found = false;
            for phrase in phrases {
                let phrase: Vec<String> = phrase.unicode_words().map(str::to_lowercase).collect();
                for start in 0..words.len().saturating_sub(phrase.len().saturating_sub(1)) {
                    if !phrase.is_empty() && words[start..].starts_with(&phrase) && !self.is_negated(&words, start) {
                        found = true;
                        used[start..start + phrase.len()].fill(true);
                    }
                }
            }
            found
        };
        let tones = self.tones.iter().filter(|(_, phrases)| mark(phrases)).map(|(tone, _)| *tone).collect();
        let emphasized = self.emphases.iter().filter(|(_, phrases)| mark(phrases));
        let mut emphases: Vec<GroundKey> = emphasized.filter_map(|(key, _)| key.parse().ok()).collect();
        emphases.sort();
        mark(&self.fillers);
        let ignored = words.iter().zip(&used).filter(|(_, used)| !**used).map(|(word, _)| word.clone()).collect();
        UnderstoodWish { tones, emphases, ignored }
    }

    /// Returns whether one of the two words before position `at` is a negation, as in "not too formal".
    fn is_negated(&self, words: &[String], at: usize) -> bool {
        words[at.saturating_sub(2)..at].iter().any(|word| self.negations.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes() -> Wishes {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Wishes {
            tones: [(Tone::Warm, list(&["warm", "friendly"])), (Tone::Brief, list(&["short", "keep it brief"]))].into(),
            emphases: [("need:saving".to_owned(), list(&["saving", "savings"]))].into(),
            fillers: list(&["please", "and", "be"]),
            negations: list(&["not"]),
        }
    }

    #[test]
    fn tones_and_emphases_are_understood() {
        let wish = wishes().read("Please be WARM, keep it brief and emphasize savings");
        assert_eq!(wish.tones, [Tone::Warm, Tone::Brief]);
        assert_eq!(wish.emphases, ["need:saving".parse().unwrap()]);
        assert_eq!(wish.ignored, ["emphasize"]);
    }

    #[test]
    fn negated_tone_is_not_understood() {
        assert_eq!(wishes().read("not friendly").tones, []);
        assert_eq!(wishes().read("not too friendly").ignored, ["not", "too", "friendly"]);
    }

    #[test]
    fn empty_wish_requests_nothing() {
        assert_eq!(wishes().read(""), UnderstoodWish::default());
    }
}
