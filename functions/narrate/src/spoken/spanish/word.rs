//! Words, names and the bank's list.

use std::sync::LazyLock;

use contracts::Language;
use regex::Regex;

use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static CHUNK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\S+"));

/// Reads a word from the bank's list.
pub fn listed(at: &Cursor<'_>) -> Option<Reading> {
    let list = at.reader.pronunciations?;
    let captures = at.captures(&CHUNK).filter(|_| at.starts_word())?;
    let chunk = captures.get_match().as_str();
    let trimmed = chunk.trim_end_matches(|c: char| !c.is_alphanumeric());
    let ends = [chunk.len(), trimmed.len()]
        .into_iter()
        .chain(trimmed.match_indices(['-', '/', '\'']).map(|(end, _)| end).rev());
    let (end, said) =
        ends.filter(|end| *end > 0).find_map(|end| Some((end, list.get(&chunk[..end], Language::Spanish)?)))?;
    Some(at.read(Class::Listed, end, said))
}

/// Reads the customer's first name. A name that cannot be pronounced is silent.
pub fn name(at: &Cursor<'_>) -> Option<Reading> {
    let written = at.reader.names.written();
    if written.is_empty() || !at.starts_word() || !at.rest().starts_with(written) {
        return None;
    }
    if at.rest()[written.len()..].starts_with(char::is_alphanumeric) {
        return None;
    }
    let mut pieces = Vec::new();
    let mut start = at.pos;
    for (part, said) in written.split(' ').zip(at.reader.names.said().unwrap_or_default()) {
        pieces.push((start..start + part.len(), said.text.clone()));
        start += part.len() + 1;
    }
    Some(Reading { class: Class::Name, end: at.pos + written.len(), pieces })
}

#[cfg(test)]
mod tests {
    use contracts::Language;

    use super::super::testing::check;
    use crate::pronunciations::Pronunciations;
    use crate::spoken::{Lexicon, Utterance};

    #[test]
    fn words_keep_their_accents() {
        check(&[
            ("¿Cuánto cuesta?", "Cuánto cuesta?"),
            ("El pingüino y la niña", "El pingüino y la niña"),
            ("teórico-práctico", "teórico práctico"),
            ("«Ahorro»", "Ahorro"),
        ]);
    }

    #[test]
    fn listed_word_and_name_win_over_every_rule() {
        let list = Pronunciations::from_toml("[words]\nZelle = \"zell\"\n[languages.es]\nZelle = \"sel\"\n").unwrap();
        let lexicon = Lexicon { language: Language::Spanish, pronunciations: Some(&list), first_name: "ANA MARÍA" };
        let said = Utterance::of("Hola, ANA MARÍA, use Zelle.", lexicon).unwrap().unwrap().text();
        assert_eq!(said, "Hola, Ana María, use sel.");
    }
}
