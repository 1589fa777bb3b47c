//! Reads text according to the rules of a language. Contains no language-specific rules itself.

use std::ops::Range;

use regex::{Captures, Regex};

use super::text::Text;
use crate::names::Names;
use crate::pronunciations::Pronunciations;
use contracts::Language;

/// The class of a spoken part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Listed,
    Name,
    Electronic,
    Telephone,
    Identifier,
    Date,
    Time,
    Money,
    Percent,
    Address,
    Measure,
    Fraction,
    Ordinal,
    Cardinal,
    Abbreviation,
    Word,
    Sign,
}

impl Class {
    /// Returns whether a part of this class can start or end a range.
    pub const fn is_quantity(self) -> bool {
        matches!(
            self,
            Self::Date
                | Self::Time
                | Self::Money
                | Self::Percent
                | Self::Measure
                | Self::Fraction
                | Self::Ordinal
                | Self::Cardinal
        )
    }
}

/// A spoken part, and the position of its written form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub span: Range<usize>,
    pub said: String,
    pub class: Class,
}

/// The result of a rule: the consumed text and its spoken pieces, in order. No pieces means silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub class: Class,
    pub end: usize,
    pub pieces: Vec<(Range<usize>, String)>,
}

/// A rule: reads the text at the cursor, or returns `None`.
pub type Rule = fn(&Cursor<'_>) -> Option<Reading>;

/// The rules of a language, in order of priority.
pub struct Grammar {
    pub rules: &'static [Rule],
    /// Returns whether capitals carry no information, as in disclosures that are entirely in capitals.
    pub is_shouted: fn(&str) -> bool,
    /// Currency symbols. Before a number that no rule reads, they are an error, not a word.
    pub currency_signs: &'static [char],
}

impl Grammar {
    /// Returns whether the text starts with a currency symbol before a number.
    fn opens_amount(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(self.currency_signs) else { return false };
        rest.trim_start_matches([' ', '(', '-', '+']).starts_with(|c: char| c.is_ascii_digit())
    }
}

/// A reader of one sentence.
pub struct Reader<'a> {
    pub text: &'a Text,
    pub pronunciations: Option<&'a Pronunciations>,
    pub language: Language,
    pub names: &'a Names,
}

impl Reader<'_> {
    /// Returns the spoken pieces in order, or the position of a number that no rule reads.
    pub fn read(&self, grammar: &Grammar) -> Result<Vec<Piece>, usize> {
        let text = self.text.as_str();
        let shouted = (grammar.is_shouted)(text);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut last: Option<(Class, usize)> = None;
        let mut pos = 0;
        while let Some(c) = text[pos..].chars().next() {
            if c == ' ' {
                pos += 1;
                continue;
            }
            let cursor = Cursor { reader: self, pos, last, shouted, first: pieces.is_empty() };
            let reading = grammar.rules.iter().find_map(|rule| rule(&cursor).filter(|found| cursor.may_end(found.end)));
            match reading {
                Some(reading) => {
                    if !reading.pieces.is_empty() {
                        last = Some((reading.class, reading.end));
                    }
                    let class = reading.class;
                    let spoken = reading.pieces.into_iter().filter(|(_, said)| !said.is_empty());
                    pieces.extend(spoken.map(|(span, said)| Piece { span, said, class }));
                    pos = reading.end;
                }
                None if c.is_ascii_digit() || grammar.opens_amount(&text[pos..]) => return Err(pos),
                // A symbol to which no rule assigns a meaning is silent.
                None => pos += c.len_utf8(),
            }
        }
        Ok(pieces)
    }
}

/// A position in the text, with its surroundings.
pub struct Cursor<'a> {
    pub reader: &'a Reader<'a>,
    pub pos: usize,
    /// The class and the end of the last spoken part.
    pub last: Option<(Class, usize)>,
    pub shouted: bool,
    /// Whether nothing has been spoken yet.
    pub first: bool,
}

impl<'a> Cursor<'a> {
    /// Returns the text from the cursor onward.
    pub fn rest(&self) -> &'a str {
        &self.reader.text.as_str()[self.pos..]
    }

    /// Returns the text before the cursor.
    pub fn head(&self) -> &'a str {
        &self.reader.text.as_str()[..self.pos]
    }

    /// Returns the text from `at` onward.
    pub fn after(&self, at: usize) -> &'a str {
        &self.reader.text.as_str()[at..]
    }

    /// Returns whether the cursor is not directly preceded by a letter or digit.
    pub fn starts_word(&self) -> bool {
        !self.head().ends_with(char::is_alphanumeric)
    }

    /// Returns the n-th word before the cursor in lower case, counted from 1. Skips punctuation.
    pub fn word_before(&self, n: usize) -> String {
        let mut words = self.head().rsplit(|c: char| !is_of_word(c)).filter(|word| !word.is_empty());
        words.nth(n - 1).unwrap_or_default().trim_matches(['.', '\'']).to_lowercase()
    }

    /// Returns the n-th word after `end` in lower case, counted from 1. Stops at punctuation.
    pub fn word_after(&self, end: usize, n: usize) -> String {
        let rest = self.after(end).trim_start_matches(FOOTNOTES);
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        for _ in 1..n {
            if words.next().is_none_or(|word| word.ends_with([',', '.', ';', ':', '!', '?', ')'])) {
                return String::new();
            }
        }
        words.next().unwrap_or_default().trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
    }

    /// Returns whether the last spoken part is a quantity that ends at the cursor, ignoring spaces.
    pub fn follows_quantity(&self) -> bool {
        self.last.is_some_and(|(class, end)| class.is_quantity() && self.head()[end..].trim().is_empty())
    }

    /// Returns whether the cursor follows the dash in a range of dates, or an "&" between dates.
    pub fn follows_range(&self) -> bool {
        let head = self.head().trim_end();
        head.ends_with(['-', '–', '—', '/', '&']) && self.last.is_some_and(|(class, _)| class == Class::Date)
    }

    /// Returns the captures of an anchored pattern at the cursor.
    pub fn captures(&self, pattern: &Regex) -> Option<Captures<'a>> {
        pattern.captures(self.rest())
    }

    /// Returns a reading of the whole match with one piece.
    pub fn whole(&self, class: Class, captures: &Captures<'_>, said: impl Into<String>) -> Reading {
        let length = captures.get_match().end();
        self.read(class, length, said)
    }

    /// Returns a reading of `length` bytes with one piece.
    pub fn read(&self, class: Class, length: usize, said: impl Into<String>) -> Reading {
        let end = self.pos + length;
        Reading { class, end, pieces: vec![(self.pos..end, said.into())] }
    }

    /// Returns a reading of the whole match with one piece for each `(group, text)`. Skips missing groups.
    pub fn parts(&self, class: Class, captures: &Captures<'_>, parts: &[(&str, String)]) -> Reading {
        let pieces = parts.iter().filter_map(|(name, said)| {
            let group = captures.name(name)?;
            Some((self.pos + group.start()..self.pos + group.end(), said.clone()))
        });
        Reading { class, end: self.pos + captures.get_match().end(), pieces: pieces.collect() }
    }

    /// Returns whether a reading may end at `end`, which must not be within a word or a number.
    fn may_end(&self, end: usize) -> bool {
        let text = self.reader.text.as_str();
        let before = text[..end].chars().next_back();
        let mut after = text[end..].chars();
        let next = after.next();
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        if before.is_some_and(char::is_alphabetic) && next.is_some_and(char::is_alphabetic) {
            return false;
        }
        if !is_digit(before) {
            return true;
        }
        !(is_digit(next) || matches!(next, Some('.' | ',')) && is_digit(after.next()))
    }
}

/// Footnote marks, which may follow a number: "$100† bonus".
pub const FOOTNOTES: [char; 12] = ['*', '†', '‡', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\'' | '.')
}

/// Compiles a pattern for the grammar, anchored at the cursor.
pub fn pattern(source: &str) -> Regex {
    Regex::new(&format!("^(?:{source})")).expect("the patterns of the grammar are valid")
}
