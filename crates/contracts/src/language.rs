//! The languages in which Bespoke can address customers. A new language starts here: the compiler then names every
//! table that lacks it, and `docs/guides/a-third-language.md` lists the files.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A language in which Bespoke can address customers, written as a BCP 47 tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// American English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Spanish, as banks in the United States and Latin America use it.
    #[serde(rename = "es")]
    Spanish,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::English, Self::Spanish];

    /// Returns the BCP 47 tag, such as `es`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// Returns the name in English, for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Spanish => "Spanish",
        }
    }

    /// Returns the name in the language itself, for customers.
    #[must_use]
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Spanish => "Español",
        }
    }

    /// Returns the language of a BCP 47 tag such as `es-US`, by its primary subtag.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?.to_ascii_lowercase();
        Self::ALL.into_iter().find(|language| language.tag() == primary)
    }

    /// Returns the language that a cell names: a tag, a code or a name, such as `es-MX`, `SPA` or `Español (México)`.
    /// Returns `None` unless the cell's first word names a supported language and no other word names another.
    #[must_use]
    pub fn from_cell(text: &str) -> Option<Self> {
        let plain: String = text.nfd().filter(|c| !is_combining_mark(*c)).collect::<String>().to_lowercase();
        let mut words = plain.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        let first = Self::named(words.next()?)?;
        words.all(|word| Self::named(word).is_none_or(|other| other == first)).then_some(first)
    }

    /// Returns the language that a word names. The word must be in lower case, without accents.
    fn named(word: &str) -> Option<Self> {
        let words: [(Self, &[&str]); 2] = [
            (Self::English, &["en", "eng", "english", "ingles", "inglesa"]),
            (Self::Spanish, &["es", "spa", "esp", "spanish", "espanol", "espanola", "castellano"]),
        ];
        words.into_iter().find(|(_, words)| words.contains(&word)).map(|(language, _)| language)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// The languages in which a bank addresses customers. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Language>", into = "Vec<Language>")]
pub struct Languages {
    default: Language,
    others: Vec<Language>,
}

impl Languages {
    /// Creates the list. `default` applies to every customer who does not prefer one of the others.
    #[must_use]
    pub fn new(default: Language, others: impl IntoIterator<Item = Language>) -> Self {
        let mut others: Vec<Language> = others.into_iter().filter(|other| *other != default).collect();
        others.sort_unstable();
        others.dedup();
        Self { default, others }
    }

    /// Returns the language for a customer: the preferred one if the bank uses it, otherwise the default.
    #[must_use]
    pub fn choose(&self, preferred: Option<Language>) -> Language {
        preferred.filter(|language| self.others.contains(language)).unwrap_or(self.default)
    }

    /// Returns all languages, the default first.
    pub fn iter(&self) -> impl Iterator<Item = Language> + '_ {
        std::iter::once(self.default).chain(self.others.iter().copied())
    }

    /// Returns whether the only language is the default of all settings.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Languages {
    fn default() -> Self {
        Self::new(Language::default(), [])
    }
}

impl From<Languages> for Vec<Language> {
    fn from(languages: Languages) -> Self {
        languages.iter().collect()
    }
}

impl TryFrom<Vec<Language>> for Languages {
    type Error = &'static str;

    fn try_from(languages: Vec<Language>) -> Result<Self, Self::Error> {
        let (default, others) = languages.split_first().ok_or("a run needs at least one language")?;
        Ok(Self::new(*default, others.iter().copied()))
    }
}

/// Returns whether a field has its default value, so it can be omitted.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_default(language: &Language) -> bool {
    *language == Language::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cell_names_a_language_in_many_forms() {
        for text in [
            "es",
            "ES",
            "es-MX",
            "es_US",
            "spa",
            "Spanish",
            "español",
            "ESPAÑOL",
            " Español (México) ",
            "espan\u{303}ol",
        ] {
            assert_eq!(Language::from_cell(text), Some(Language::Spanish), "{text}");
        }
        for text in ["en", "en-US", "English", "eng", "inglés"] {
            assert_eq!(Language::from_cell(text), Some(Language::English), "{text}");
        }
        for text in ["", "zh", "Français", "English/Spanish", "en español", "1", "yes", "estonian"] {
            assert_eq!(Language::from_cell(text), None, "{text}");
        }
    }

    #[test]
    fn customer_gets_the_default_unless_the_bank_speaks_theirs() {
        let both = Languages::new(Language::English, Language::ALL);
        assert_eq!(both.choose(Some(Language::Spanish)), Language::Spanish);
        assert_eq!(both.choose(None), Language::English);
        assert_eq!(Languages::default().choose(Some(Language::Spanish)), Language::English);
        assert_eq!(serde_json::to_string(&both).unwrap(), r#"["en","es"]"#);
        assert_eq!(serde_json::from_str::<Languages>(r#"["en","es"]"#).unwrap(), both);
        assert!(serde_json::from_str::<Languages>("[]").is_err());
    }

    #[test]
    fn tag_is_the_serialized_form() {
        for language in Language::ALL {
            assert_eq!(serde_json::to_value(language).unwrap(), language.tag());
            assert_eq!(Language::from_tag(&format!("{}-US", language.tag())), Some(language));
        }
    }
}
