//! The phrasebooks of a bank: one for each language in which it addresses customers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::{Digest, Language, Languages};

use crate::book::{BookError, Phrasebook};

/// The phrasebooks of a bank by language. There is at least one.
#[derive(Clone, Debug)]
pub struct Phrasebooks {
    books: BTreeMap<Language, Phrasebook>,
    digest: Digest,
}

/// A phrasebook as a file: its content, and the content of its approvals.
#[derive(Clone, Debug)]
pub struct BookSource {
    /// The phrasebook (TOML).
    pub book: String,
    /// The approvals (CSV). Empty if no line is approved.
    pub approvals: String,
}

impl Phrasebooks {
    /// Returns the packaged phrasebooks, which are those in `data/phrases`.
    ///
    /// # Panics
    /// Never: a test reads the packaged phrasebooks.
    #[must_use]
    pub fn packaged() -> Self {
        let source = |language| {
            let (book, approvals) = packaged_source(language);
            (language, BookSource { book: book.to_owned(), approvals: approvals.to_owned() })
        };
        let sources = Language::ALL.map(source).into();
        Self::parse(Language::default(), &sources).expect("the packaged phrasebooks are valid")
    }

    /// Returns the packaged phrasebooks if `catalogue` is the packaged sample catalog. Their lines are approved for the
    /// sample bank only, so no other bank may use them. `language` is the bank's language.
    pub fn packaged_for(catalogue: &Catalogue, language: Language) -> Result<Self, BookError> {
        static SAMPLE: LazyLock<Option<Digest>> = LazyLock::new(|| {
            Catalogue::from_json(include_bytes!("../../../data/catalogue.json")).ok().map(|sample| sample.digest())
        });
        if *SAMPLE == Some(catalogue.digest()) { Ok(Self::packaged()) } else { Err(BookError::Missing(language)) }
    }

    /// Reads phrasebooks by language. Fails if there is none in the bank's language.
    pub fn parse(bank: Language, sources: &BTreeMap<Language, BookSource>) -> Result<Self, BookError> {
        let mut books = BTreeMap::new();
        for (language, BookSource { book, approvals }) in sources {
            let book = Phrasebook::parse(book, approvals)?;
            if Language::from_tag(book.language()) != Some(*language) {
                return Err(BookError::OtherLanguage { file: *language, found: book.language().to_owned() });
            }
            books.insert(*language, book);
        }
        if !books.contains_key(&bank) {
            return Err(BookError::Missing(bank));
        }
        Ok(Self::of_books(books))
    }

    fn of_books(books: BTreeMap<Language, Phrasebook>) -> Self {
        let digest = match books.values().next() {
            // A single phrasebook keeps its own digest, as in versions that supported only one.
            Some(only) if books.len() == 1 => only.digest(),
            _ => {
                let parts = books.iter().flat_map(|(language, book)| {
                    [language.tag().as_bytes().to_vec(), book.digest().as_bytes().to_vec()]
                });
                Digest::of_parts(parts.collect::<Vec<_>>().iter().map(Vec::as_slice))
            }
        };
        Self { books, digest }
    }

    /// Returns the phrasebook in a language.
    #[must_use]
    pub fn get(&self, language: Language) -> Option<&Phrasebook> {
        self.books.get(&language)
    }

    /// Returns the phrasebooks with their languages.
    pub fn iter(&self) -> impl Iterator<Item = (Language, &Phrasebook)> {
        self.books.iter().map(|(language, book)| (*language, book))
    }

    /// Returns the languages in which the bank addresses customers: its own, and each other one for which it has both a
    /// phrasebook and the brand's texts.
    #[must_use]
    pub fn languages(&self, bank: Language, brand: &Brand) -> Languages {
        Languages::new(bank, self.books.keys().copied().filter(|language| brand.has_texts_in(*language)))
    }

    /// Returns the digest of all phrasebooks and their approvals.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

impl Phrasebook {
    /// Returns the packaged phrasebook in the default language.
    ///
    /// # Panics
    /// Never: a test reads the packaged phrasebooks.
    #[must_use]
    pub fn packaged() -> Self {
        let (book, approvals) = packaged_source(Language::default());
        Self::parse(book, approvals).expect("the packaged phrasebook is valid")
    }
}

impl From<Phrasebook> for Phrasebooks {
    /// Creates the phrasebooks of a bank that has only one. An unsupported language counts as the default language.
    fn from(book: Phrasebook) -> Self {
        let language = Language::from_tag(book.language()).unwrap_or_default();
        Self::of_books([(language, book)].into())
    }
}

/// Returns the packaged phrasebook of a language with its approvals.
const fn packaged_source(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::English => {
            (include_str!("../../../data/phrases/en.toml"), include_str!("../../../data/phrases/en.approvals.csv"))
        }
        Language::Spanish => {
            (include_str!("../../../data/phrases/es.toml"), include_str!("../../../data/phrases/es.approvals.csv"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::tests::SMALL;

    fn sources(languages: &[(Language, &str)]) -> BTreeMap<Language, BookSource> {
        let source = |tag: &str| BookSource {
            book: SMALL.replace("language = \"en\"", &format!("language = \"{tag}\"")),
            approvals: String::new(),
        };
        languages.iter().map(|(language, tag)| (*language, source(tag))).collect()
    }

    #[test]
    fn bank_without_a_phrasebook_in_its_language_is_refused() {
        let english = sources(&[(Language::English, "en-US")]);
        let error = Phrasebooks::parse(Language::Spanish, &english).unwrap_err();
        assert!(error.to_string().starts_with("phrases/es.toml: not found"), "{error}");
        assert_eq!(Phrasebooks::parse(Language::English, &english).unwrap().iter().count(), 1);
        let renamed = sources(&[(Language::English, "en"), (Language::Spanish, "pt")]);
        let error = Phrasebooks::parse(Language::English, &renamed).unwrap_err();
        assert_eq!(error.to_string(), "phrases/es.toml: the field `language` is \"pt\", not \"es\"");
    }

    #[test]
    fn second_phrasebook_changes_the_digest() {
        let one = Phrasebooks::parse(Language::English, &sources(&[(Language::English, "en")])).unwrap();
        let both = sources(&[(Language::English, "en"), (Language::Spanish, "es")]);
        let both = Phrasebooks::parse(Language::English, &both).unwrap();
        assert_eq!(one.digest(), one.get(Language::English).unwrap().digest());
        assert_ne!(one.digest(), both.digest());
    }

    #[test]
    fn packaged_phrasebooks_cover_every_language() {
        let books = Phrasebooks::packaged();
        assert!(Language::ALL.iter().all(|language| books.get(*language).is_some()));
    }
}
