//! The bank's list of how its words are said: `pronunciations.toml` of the assets.

use std::collections::BTreeMap;
use std::path::Path;

use contracts::Digest;
use contracts::brand::Brand;
use serde::Deserialize;

use crate::Error;

/// How words are said that the rules and the engines would say otherwise, as an English reader would spell the sound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pronunciations {
    words: BTreeMap<String, String>,
}

impl Pronunciations {
    /// Reads and checks the list. A spelling that an engine could take for something else than letters is refused.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let read: Self = toml::from_str(text).map_err(|error| Error::Pronunciations(error.message().to_owned()))?;
        for (word, said) in &read.words {
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
        Ok(read)
    }

    /// The list that the brand names, of the folder of assets; an empty one if it names none.
    pub fn read(assets: &Path, brand: &Brand) -> Result<Self, Error> {
        let Some(name) = &brand.pronunciations else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(assets.join(name))
            .map_err(|error| Error::Pronunciations(format!("{name}: {error}")))?;
        Self::from_toml(&text)
    }

    /// How a word is said, its marks left out, if the list has it: as it is written, or the word and "'s".
    #[must_use]
    pub fn of(&self, word: &str) -> Option<String> {
        if let Some(said) = self.words.get(word) {
            return Some(said.clone());
        }
        let owner = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s"))?;
        self.words.get(owner).map(|said| format!("{said}'s"))
    }

    /// The digest of all of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_json(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_said_as_the_bank_spells_it() {
        let list = Pronunciations::from_toml("[words]\nZelle = \"zell\"\n\"1st\" = \"first\"\n").unwrap();
        assert_eq!(list.of("Zelle").unwrap(), "zell");
        assert_eq!(list.of("Zelle's").unwrap(), "zell's");
        assert_eq!(list.of("zelle"), None);
    }

    #[test]
    fn what_is_no_spelling_is_refused_by_its_word() {
        for said in ["[[zEl]]", "<break/>", "", "a  b", "5", "a;b"] {
            let error = Pronunciations::from_toml(&format!("[words]\nZelle = \"{said}\"\n")).unwrap_err();
            assert!(error.to_string().contains("Zelle"), "{said}: {error}");
        }
        assert!(Pronunciations::from_toml("[words]\n\"two words\" = \"one\"\n").is_err());
        assert!(Pronunciations::from_toml("[letters]\n").is_err());
    }
}
