//! Words, names and the bank's list.

use std::sync::LazyLock;

use regex::Regex;

use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static CHUNK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\S+"));
static CAMEL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?P<first>e|i|[A-Z][a-z]{2,}|[a-z]{3,})(?P<second>[A-Z][a-z]{2,})(?P<third>[A-Z][a-z]{2,})?\b")
});

/// Reads a word from the bank's list.
pub fn listed(at: &Cursor<'_>) -> Option<Reading> {
    let list = at.reader.pronunciations?;
    if !at.starts_word() {
        return None;
    }
    let captures = at.captures(&CHUNK)?;
    let chunk = captures.get_match().as_str();
    let trimmed = chunk.trim_end_matches(|c: char| !c.is_alphanumeric());
    // The longest listed part of the written word is used.
    let ends = [chunk.len(), trimmed.len()]
        .into_iter()
        .chain(trimmed.match_indices(['-', '/', '\'']).map(|(end, _)| end).rev());
    let (end, said) =
        ends.filter(|end| *end > 0).find_map(|end| Some((end, list.get(&chunk[..end], at.reader.language)?)))?;
    Some(at.read(Class::Listed, end, said))
}

/// Reads the customer's first name. A name that cannot be pronounced is silent.
pub fn name(at: &Cursor<'_>) -> Option<Reading> {
    let written = at.reader.names.written();
    if written.is_empty() || !at.starts_word() || !at.rest().starts_with(written) {
        return None;
    }
    let rest = &at.rest()[written.len()..];
    if rest.starts_with(char::is_alphanumeric) {
        return None;
    }
    let end = at.pos + written.len();
    let owner = rest.starts_with("'s") && !rest[2..].starts_with(char::is_alphanumeric);
    let mut pieces = Vec::new();
    if let Some(said) = at.reader.names.said() {
        let mut parts = said.iter();
        let mut start = at.pos;
        // Each written word of the name keeps its own part.
        for (index, part) in written.split(' ').enumerate() {
            let last = index + 1 == written.split(' ').count();
            let said =
                parts.next().map(|part| part.text.clone()).unwrap_or_default() + if last && owner { "'s" } else { "" };
            pieces.push((start..start + part.len() + if last && owner { 2 } else { 0 }, said));
            start += part.len() + 1;
        }
    }
    Some(Reading { class: Class::Name, end: end + if owner { 2 } else { 0 }, pieces })
}

/// Reads words that are joined with inner capitals: `PreCheck`, `eStatements`. Does not match `McDonald`.
pub fn camel_case(at: &Cursor<'_>) -> Option<Reading> {
    const PREFIXES: [&str; 4] = ["Mac", "Fitz", "Van", "San"];
    let captures = at.captures(&CAMEL).filter(|_| at.starts_word())?;
    if PREFIXES.contains(&&captures["first"]) {
        return None;
    }
    let parts = ["first", "second", "third"].iter().filter_map(|name| captures.name(name)).map(|part| part.as_str());
    let said: Vec<String> =
        parts.map(|part| if part.len() == 1 { part.to_uppercase() } else { part.to_owned() }).collect();
    Some(at.whole(Class::Word, &captures, said.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use crate::pronunciations::Pronunciations;
    use crate::spoken::{Lexicon, Utterance};

    #[test]
    fn joined_words_are_split() {
        check(&[
            ("TSA PreCheck", "T.S.A Pre Check"),
            ("eStatements are free", "E Statements are free"),
            ("Ask McDonald.", "Ask McDonald"),
            ("O'Neil-Smith", "O'Neil Smith"),
        ]);
    }

    #[test]
    fn listed_word_wins_over_every_rule() {
        let list =
            Pronunciations::from_toml("[words]\nIRA = \"I.R.A\"\nZelle = \"zell\"\n\"1st\" = \"primo\"\n").unwrap();
        let lexicon = Lexicon { pronunciations: Some(&list), ..Lexicon::default() };
        let said = |text: &str| Utterance::of(text, lexicon).unwrap().unwrap().text();
        assert_eq!(said("Your IRA, Zelle's and Zelle-like 1st."), "Your I.R.A, zell's and zell like primo.");
    }

    #[test]
    fn first_name_in_capitals_is_a_name() {
        let said = |name: &str| {
            let lexicon = Lexicon { first_name: name, ..Lexicon::default() };
            Utterance::of(&format!("Hello {name}, welcome."), lexicon).unwrap().unwrap().text()
        };
        assert_eq!(said("ED"), "Hello Ed, welcome.");
        assert_eq!(said("RJ"), "Hello R.J, welcome.");
        assert_eq!(said("MARY ANN"), "Hello Mary Ann, welcome.");
        assert_eq!(said("\u{e000}"), "Hello, welcome.");
    }
}
