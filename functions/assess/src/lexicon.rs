//! Reads `lexicon.toml`: the bank's words for spending categories, and words that identify the topics of posts.

use std::collections::BTreeMap;

use contracts::facts::{SpendingCategory, Topic, plain_words};
use contracts::{Digest, ErrorName, NamedError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

use crate::post_weights::PostWeights;
use crate::stop_phrases::StopPhrases;

/// An error in a lexicon.
#[derive(Debug, Error)]
pub enum LexiconError {
    /// The file is malformed or has an unknown category or topic. The message shows the line.
    #[error("lexicon.toml: {0}")]
    Toml(#[from] toml::de::Error),
    /// An entry has no letter or digit.
    #[error("lexicon.toml: the list of {list} has an entry without letters or digits")]
    Blank {
        /// The category or topic of the list.
        list: &'static str,
    },
    /// Two spending categories have the same word.
    #[error("lexicon.toml: {word:?} is in both {first} and {second}; keep one")]
    Ambiguous {
        /// The word in normalized form.
        word: String,
        /// The first category.
        first: &'static str,
        /// The second category.
        second: &'static str,
    },
    /// A topic other than `care` has no words, so no post could match it.
    #[error("lexicon.toml: the topic {topic} has no words; add at least one")]
    NoWords {
        /// The topic.
        topic: &'static str,
    },
}

impl NamedError for LexiconError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LexiconFile {
    spending: BTreeMap<SpendingCategory, Vec<String>>,
    topics: BTreeMap<Topic, Vec<String>>,
}

/// A validated lexicon.
#[derive(Clone, Debug)]
pub struct Lexicon {
    spending: BTreeMap<Vec<String>, SpendingCategory>,
    topics: BTreeMap<Topic, Vec<Vec<String>>>,
    digest: Digest,
}

impl Lexicon {
    /// Parses and validates a lexicon.
    pub fn from_toml(text: &str) -> Result<Self, LexiconError> {
        let file: LexiconFile = toml::from_str(text)?;
        let digests = [Digest::of_json(&file), StopPhrases::get().digest(), PostWeights::get().digest()];
        let digest = Digest::of_parts(digests.each_ref().map(|digest| digest.as_bytes().as_slice()));
        let mut spending = BTreeMap::new();
        for (category, entries) in file.spending {
            for words in entries.iter().map(|entry| words_of(entry)) {
                if words.is_empty() {
                    return Err(LexiconError::Blank { list: category.words() });
                }
                match spending.insert(words.clone(), category) {
                    Some(other) if other != category => {
                        let word = words.join(" ");
                        return Err(LexiconError::Ambiguous { word, first: other.words(), second: category.words() });
                    }
                    Some(_) | None => {}
                }
            }
        }
        let mut topics = BTreeMap::new();
        for (topic, entries) in file.topics {
            let phrases: Vec<Vec<String>> = entries.iter().map(|entry| words_of(entry)).collect();
            if phrases.iter().any(Vec::is_empty) {
                return Err(LexiconError::Blank { list: topic.words() });
            }
            topics.insert(topic, phrases);
        }
        // A topic without words would silently disable the protections that depend on it. `Care` needs no words,
        // because the stop phrases assign it.
        let has_no_words = |topic: &&Topic| **topic != Topic::Care && topics.get(topic).is_none_or(Vec::is_empty);
        match Topic::ALL.iter().find(has_no_words) {
            Some(topic) => Err(LexiconError::NoWords { topic: topic.words() }),
            None => Ok(Self { spending, topics, digest }),
        }
    }

    /// Returns the spending category for the bank's `word`, or `None` if the lexicon does not list the word.
    #[must_use]
    pub fn spending(&self, word: &str) -> Option<SpendingCategory> {
        self.spending.get(&words_of(word)).copied()
    }

    /// Returns the sorted topics of a post. Matches whole words only and ignores web addresses.
    #[must_use]
    pub fn topics(&self, post: &str) -> Vec<Topic> {
        let tokens: Vec<&str> = post.split_whitespace().filter(|token| !token.contains("://")).collect();
        let words = words_of(&tokens.join(" "));
        let is_in_post = |phrase: &Vec<String>| words.windows(phrase.len()).any(|window| window == phrase.as_slice());
        self.topics.iter().filter(|(_, phrases)| phrases.iter().any(is_in_post)).map(|(topic, _)| *topic).collect()
    }

    /// Returns the digest of the lexicon and of the stop phrases. The lexicon's layout and comments do not affect it.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

fn words_of(text: &str) -> Vec<String> {
    plain_words(&text.nfkc().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::lexicon;

    #[test]
    fn word_is_found_despite_case_and_punctuation() {
        for word in ["Food & Dining", " food &  dining ", "FOOD-DINING"] {
            assert_eq!(lexicon().spending(word), Some(SpendingCategory::Dining), "{word}");
        }
    }

    #[test]
    fn sensitive_words_have_no_category() {
        let words = [
            "Health",
            "Healthcare",
            "Pharmacy",
            "Medical",
            "Doctor",
            "Gym",
            "Fitness",
            "Charity",
            "Donations",
            "Religion",
            "Church",
            "Tithe",
            "Politics",
            "Political Donation",
            "Childcare",
            "Child Support",
            "Alimony",
            "Beauty",
            "Kosher",
            "Halal",
            "Remittance",
            "Benefits",
            "Food Stamps",
            "Alcohol",
            "Gambling",
            "Transfer",
            "Salary",
            "Union Dues",
            "Rent",
            "Veterans",
            "Senior Services",
        ];
        for word in words {
            assert_eq!(lexicon().spending(word), None, "{word}");
        }
    }

    #[test]
    fn unlisted_word_has_no_category() {
        assert_eq!(lexicon().spending("Travel agency refunds dept"), None);
        assert_eq!(lexicon().spending(""), None);
    }

    #[test]
    fn topic_matches_whole_words_only() {
        assert_eq!(lexicon().topics("Coffee with my carefree niece"), []);
        assert_eq!(lexicon().topics("Another overdraft FEE?!"), [Topic::Fees]);
        assert_eq!(lexicon().topics("read this https://example.com/mortgage/fees"), []);
    }

    #[test]
    fn phrase_matches_despite_apostrophes_and_hashtags() {
        assert_eq!(lexicon().topics("I can’t  pay the rent"), [Topic::Hardship]);
        assert_eq!(lexicon().topics("#LaidOff today"), [Topic::Hardship]);
        assert_eq!(lexicon().topics("ｍｏｒｔｇａｇｅ day"), [Topic::HomeLoan]);
    }

    #[test]
    fn unknown_category_or_topic_is_named() {
        let error = Lexicon::from_toml("[spending]\npharmacy = []\n[topics]\n").unwrap_err();
        assert!(error.to_string().contains("pharmacy"), "{error}");
        assert_eq!(error.name(), ErrorName::ConfigInvalid);
        let error = Lexicon::from_toml("[spending]\n[topics]\npolitics = [\"vote\"]\n").unwrap_err();
        assert!(error.to_string().contains("politics"), "{error}");
    }

    #[test]
    fn invalid_entries_are_refused() {
        let error = Lexicon::from_toml("[spending]\nhome = [\"Gas\"]\nutilities = [\"gas\"]\n[topics]\n").unwrap_err();
        assert_eq!(error.to_string(), r#"lexicon.toml: "gas" is in both your home and household bills; keep one"#);
        let error = Lexicon::from_toml("[spending]\n[topics]\nfees = [\"&\"]\n").unwrap_err();
        assert_eq!(error.to_string(), "lexicon.toml: the list of fees has an entry without letters or digits");
        let error = Lexicon::from_toml("[spending]\n[topics]\nfees = [\"fee\"]\n").unwrap_err();
        assert_eq!(error.to_string(), "lexicon.toml: the topic home loans has no words; add at least one");
    }

    #[test]
    fn digest_depends_on_content_only() {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/lexicon.toml"));
        let digest = |text: &str| Lexicon::from_toml(text).unwrap().digest();
        assert_eq!(digest(text), digest(&text.replace(" = [", "=[")));
        assert_ne!(digest(text), digest(&text.replace("\"bank fees\"", "\"bank fee charge\"")));
    }
}
