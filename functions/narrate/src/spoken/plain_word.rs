//! Words that no other rule of a language reads.

use std::sync::LazyLock;

use regex::Regex;

use super::grammar::{Class, Cursor, Reading, pattern};
use crate::names;

static LETTERS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{L}\p{M}][\p{L}\p{M}']*"));

/// Reads a word from its letters, in any script.
pub fn plain_word(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&LETTERS)?;
    let run = captures.get_match().as_str();
    let trimmed = run.trim_end_matches('\'');
    let said = if trimmed.chars().all(is_kept) {
        let shouted = trimmed.chars().count() > 1 && !trimmed.chars().any(char::is_lowercase);
        if shouted { trimmed.to_lowercase() } else { trimmed.to_owned() }
    } else {
        names::reading(trimmed).unwrap_or_default()
    };
    if said.is_empty() {
        return Some(Reading { class: Class::Word, end: at.pos + trimmed.len(), pieces: Vec::new() });
    }
    Some(at.read(Class::Word, trimmed.len(), said))
}

fn is_kept(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '\'' || matches!(c, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ÿ')
}
