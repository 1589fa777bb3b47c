//! `lexicon.toml`: the bank's words for spending, and the words that tell what a post is about.

use std::collections::BTreeMap;

use contracts::facts::{SpendingCategory, Topic, plain_words};
use contracts::{Digest, ErrorName, NamedError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

/// Why a lexicon cannot be used.
#[derive(Debug, Error)]
pub enum LexiconError {
    /// Not the TOML it should be, or it names a category or topic that does not exist; the message shows the line.
    #[error("lexicon.toml: {0}")]
    Toml(#[from] toml::de::Error),
    /// An entry has no letter or digit.
    #[error("lexicon.toml: {list} has an entry without a word")]
    Blank {
        /// The list.
        list: &'static str,
    },
    /// One word of the bank stands for two categories.
    #[error("lexicon.toml: {word:?} stands for both {first} and {second}")]
    Ambiguous {
        /// The word, as it is compared.
        word: String,
        /// One category.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A topic has no words, so that nothing would ever be told about it.
    #[error("lexicon.toml: the topic {topic} has no words")]
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

/// The lexicon, checked.
#[derive(Clone, Debug)]
pub struct Lexicon {
    spending: BTreeMap<Vec<String>, SpendingCategory>,
    topics: BTreeMap<Topic, Vec<Vec<String>>>,
    digest: Digest,
}

impl Lexicon {
    /// Reads and checks a lexicon.
    pub fn from_toml(text: &str) -> Result<Self, LexiconError> {
        let file: LexiconFile = toml::from_str(text)?;
        let digest = Digest::of_json(&file);
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
        // A topic without words would silently switch off the protection that hangs on it.
        match Topic::ALL.iter().find(|topic| topics.get(topic).is_none_or(Vec::is_empty)) {
            Some(topic) => Err(LexiconError::NoWords { topic: topic.words() }),
            None => Ok(Self { spending, topics, digest }),
        }
    }

    /// The category that the bank's `word` for a payment stands for; nothing if the lexicon does not list it.
    #[must_use]
    pub fn spending(&self, word: &str) -> Option<SpendingCategory> {
        self.spending.get(&words_of(word)).copied()
    }

    /// What a post is about, sorted. Whole words only; addresses of web pages are not read.
    #[must_use]
    pub fn topics(&self, post: &str) -> Vec<Topic> {
        let read: Vec<&str> = post.split_whitespace().filter(|token| !token.contains("://")).collect();
        let words = words_of(&read.join(" "));
        let holds = |phrase: &Vec<String>| words.windows(phrase.len()).any(|window| window == phrase.as_slice());
        self.topics.iter().filter(|(_, phrases)| phrases.iter().any(holds)).map(|(topic, _)| *topic).collect()
    }

    /// The digest of the content, whatever the file's layout.
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
    fn a_bank_word_is_found_whatever_its_case_signs_and_spaces() {
        for word in ["Food & Dining", " food &  dining ", "FOOD-DINING"] {
            assert_eq!(lexicon().spending(word), Some(SpendingCategory::Dining), "{word}");
        }
    }

    #[test]
    fn what_must_not_be_known_is_not_mapped() {
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
    fn an_unlisted_word_is_not_guessed() {
        assert_eq!(lexicon().spending("Travel agency refunds dept"), None);
        assert_eq!(lexicon().spending(""), None);
    }

    #[test]
    fn a_topic_needs_whole_words() {
        assert_eq!(lexicon().topics("Coffee with my carefree niece"), []);
        assert_eq!(lexicon().topics("Another overdraft FEE?!"), [Topic::Fees]);
        assert_eq!(lexicon().topics("read this https://example.com/mortgage/fees"), []);
    }

    #[test]
    fn a_phrase_matches_across_apostrophes_hashtags_and_wide_letters() {
        assert_eq!(lexicon().topics("I can’t  pay the rent"), [Topic::Hardship]);
        assert_eq!(lexicon().topics("#LaidOff today"), [Topic::Hardship]);
        assert_eq!(lexicon().topics("ｍｏｒｔｇａｇｅ day"), [Topic::HomeLoan]);
    }

    #[test]
    fn an_unknown_category_or_topic_is_refused_by_name() {
        let error = Lexicon::from_toml("[spending]\npharmacy = []\n[topics]\n").unwrap_err();
        assert!(error.to_string().contains("pharmacy"), "{error}");
        assert_eq!(error.name(), ErrorName::ConfigInvalid);
        let error = Lexicon::from_toml("[spending]\n[topics]\npolitics = [\"vote\"]\n").unwrap_err();
        assert!(error.to_string().contains("politics"), "{error}");
    }

    #[test]
    fn a_word_of_two_categories_a_blank_entry_and_a_topic_without_words_are_refused() {
        let error = Lexicon::from_toml("[spending]\nhome = [\"Gas\"]\nutilities = [\"gas\"]\n[topics]\n").unwrap_err();
        assert_eq!(error.to_string(), r#"lexicon.toml: "gas" stands for both your home and household bills"#);
        let error = Lexicon::from_toml("[spending]\n[topics]\nfees = [\"&\"]\n").unwrap_err();
        assert_eq!(error.to_string(), "lexicon.toml: fees has an entry without a word");
        let error = Lexicon::from_toml("[spending]\n[topics]\nfees = [\"fee\"]\n").unwrap_err();
        assert_eq!(error.to_string(), "lexicon.toml: the topic home loans has no words");
    }

    #[test]
    fn the_digest_follows_the_content_not_the_layout() {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/lexicon.toml"));
        let digest = |text: &str| Lexicon::from_toml(text).unwrap().digest();
        assert_eq!(digest(text), digest(&text.replace(" = [", "=[")));
        assert_ne!(digest(text), digest(&text.replace("\"bank fees\"", "\"bank fee charge\"")));
    }
}
