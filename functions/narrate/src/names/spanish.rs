//! First names as a Spanish voice reads them.
//!
//! A name in Latin letters is read by the rules of Spanish, as a Spanish speaker would read it. A name in another script
//! is spelled in Latin letters first; the English spelling is only rewritten, so it is an approximation.

use contracts::Language;

use super::{Spelling, is_latin_1, name as english_name};
use crate::pronunciations::Pronunciations;

/// Letters of the English spelling, with the Spanish letters for the same sound.
const LETTERS: [(&str, &str); 12] = [
    ("ee", "i"),
    ("oo", "u"),
    ("ah", "a"),
    ("eh", "e"),
    ("oh", "o"),
    ("uh", "a"),
    ("ay", "ei"),
    ("zh", "y"),
    ("j", "y"),
    ("h", "j"),
    ("sj", "sh"),
    ("cj", "ch"),
];

/// Returns the reading of one part of a name, or `None` if it has none.
pub fn name(part: &str, pronunciations: Option<&Pronunciations>) -> Option<Spelling> {
    if let Some(said) = pronunciations.and_then(|list| list.get(part, Language::Spanish)) {
        return Some(Spelling::plain(said));
    }
    let is_of_name = |c: char| is_latin_1(c) || matches!(c, '\'' | '-' | '.');
    if part.chars().all(is_of_name) && part.chars().any(char::is_alphabetic) {
        // A capital inside a word would be spelled out.
        return Some(Spelling::plain(super::in_title_case(part).replace(['-', '.'], " ").trim().to_owned()));
    }
    let english = english_name(part, None)?.text;
    if part.chars().any(is_latin_1) {
        return Some(Spelling::plain(english));
    }
    let spelled = LETTERS.iter().fold(english.to_lowercase(), |text, (from, to)| text.replace(from, to));
    Some(Spelling::plain(spelled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_read_by_the_rules_of_spanish() {
        for (written, said) in [("José", "José"), ("SOFÍA", "Sofía"), ("Ana-María", "Ana María"), ("Ñusta", "Ñusta")]
        {
            assert_eq!(name(written, None).unwrap(), Spelling::plain(said), "{written}");
        }
        let respelled = name("김민준", None).unwrap();
        assert!(respelled.sound.is_none() && !respelled.text.contains("ee"), "{respelled:?}");
        assert_eq!(name("\u{e000}", None), None);
    }
}
