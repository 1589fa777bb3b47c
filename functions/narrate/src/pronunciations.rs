//! The bank's list of pronunciations: `pronunciations.toml` in the assets folder.

use std::collections::BTreeMap;
use std::path::Path;

use contracts::brand::Brand;
use contracts::{Digest, Language};
use serde::Deserialize;

use crate::error::Error;

/// Pronunciations of words that the rules and the engines get wrong. Each is spelled as a reader of its language would sound
/// it out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pronunciations {
    /// The pronunciations in English.
    words: BTreeMap<String, String>,
    /// The pronunciations in other languages.
    #[serde(default)]
    languages: BTreeMap<Language, BTreeMap<String, String>>,
}

impl Pronunciations {
    /// Parses and validates the list. Rejects spellings that an engine could take for markup.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let list: Self = toml::from_str(text).map_err(|error| Error::Pronunciations(error.message().to_owned()))?;
        for (word, said) in list.languages.values().flatten().chain(&list.words) {
            let letters =
                said.chars().all(|c| c.is_ascii_alphabetic() || " '.-".contains(c) || ('À'..='ÿ').contains(&c));
            let spelled = said.split(' ').all(|piece| piece.starts_with(char::is_alphabetic));
            if word.is_empty() || word.contains(char::is_whitespace) {
                return Err(Error::Pronunciations(format!("{word:?} must be one word, without spaces")));
            }
            if !letters || !spelled {
                return Err(Error::Pronunciations(format!(
                    "{word} must be spelled with letters, apostrophes, hyphens and single spaces"
                )));
            }
        }
        Ok(list)
    }

    /// Reads the list that the brand refers to, from the assets folder. Returns an empty list if the brand has none.
    pub fn read(assets: &Path, brand: &Brand) -> Result<Self, Error> {
        let Some(name) = &brand.pronunciations else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(assets.join(name))
            .map_err(|error| Error::Pronunciations(format!("{name}: {error}")))?;
        Self::from_toml(&text)
    }

    /// Returns the pronunciation of a word in a language, ignoring its punctuation. Also finds a listed word before a final
    /// "'s".
    #[must_use]
    pub fn get(&self, word: &str, language: Language) -> Option<String> {
        let words = if language == Language::English { &self.words } else { self.languages.get(&language)? };
        if let Some(said) = words.get(word) {
            return Some(said.clone());
        }
        let owner = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s"))?;
        words.get(owner).map(|said| format!("{said}'s"))
    }

    /// Returns the digest of the whole list.
    #[must_use]
    pub fn digest(&self) -> Digest {
        if self.languages.is_empty() {
            Digest::of_json(&self.words)
        } else {
            Digest::of_json(&(&self.words, &self.languages))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_word_and_its_possessive_are_found() {
        let list = Pronunciations::from_toml("[words]\nZelle = \"zell\"\n\"1st\" = \"first\"\n").unwrap();
        assert_eq!(list.get("Zelle", Language::English).unwrap(), "zell");
        assert_eq!(list.get("Zelle's", Language::English).unwrap(), "zell's");
        assert_eq!(list.get("zelle", Language::English), None);
        assert_eq!(list.get("Zelle", Language::Spanish), None);
        let both = "[words]\nZelle = \"zell\"\n[languages.es]\nZelle = \"sel\"\n";
        assert_eq!(Pronunciations::from_toml(both).unwrap().get("Zelle", Language::Spanish).unwrap(), "sel");
    }

    #[test]
    fn invalid_spelling_is_rejected_with_its_word() {
        for said in ["[[zEl]]", "<break/>", "", "a  b", "5", "a;b"] {
            let error = Pronunciations::from_toml(&format!("[words]\nZelle = \"{said}\"\n")).unwrap_err();
            assert!(error.to_string().contains("Zelle"), "{said}: {error}");
        }
        assert!(Pronunciations::from_toml("[words]\n\"two words\" = \"one\"\n").is_err());
        assert!(Pronunciations::from_toml("[letters]\n").is_err());
    }
}
