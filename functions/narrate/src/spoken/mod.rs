//! Turns a written sentence into spoken words.
//!
//! `Text` normalizes the sentence and keeps track of its written words. A `Grammar` then reads it from left to
//! right: at each position, the first matching rule reads its part. The order of the rules is the grammar's order of
//! priority; see `english` for the order and its reasons. Rules see the whole sentence, so punctuation never cuts
//! text apart first.
//!
//! **Invariant:** a comma or point between digits is either read by a rule or reported as an [`UnreadNumber`]. No part
//! of an amount is ever dropped or guessed.

mod english;
mod grammar;
mod plain_word;
mod spanish;
mod text;

use contracts::Language;
use grammar::{Class, Grammar, Piece, Reader};
use text::Text;

use crate::names::Names;
use crate::pronunciations::Pronunciations;

/// A written word with its spoken form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word as written, with its punctuation. Joining the words with spaces yields the sentence.
    pub shown: String,
    /// The spoken form: ASCII and Latin-1 letters, apostrophes, inner hyphens, periods between single letters, and
    /// commas within long forms. It never contains a symbol that an engine could interpret as markup.
    pub said: String,
    /// The phonemes of a name in espeak-ng's mnemonics, for the local voices. The spoken form serves all others.
    pub sound: Option<String>,
    /// The pause after the word: one of `,;:.?!`.
    pub pause: Option<char>,
    /// Whether listeners write it down, as with telephone numbers and references. Such words are spoken more slowly.
    pub dictated: bool,
}

/// A sentence in spoken form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    words: Vec<Word>,
}

/// A number that no rule can read, identified by the number of its word, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadNumber(pub usize);

/// Returns the grammar of a language.
const fn grammar(language: Language) -> &'static Grammar {
    match language {
        Language::English => &english::GRAMMAR,
        Language::Spanish => &spanish::GRAMMAR,
    }
}

/// The language and the words that determine how a sentence is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lexicon<'a> {
    /// The language of the sentence.
    pub language: Language,
    /// The bank's list of pronunciations. `None` is an empty list.
    pub pronunciations: Option<&'a Pronunciations>,
    /// The customer's first name. It is never spelled out, even in capitals.
    pub first_name: &'a str,
}

/// Spanish abbreviations, by their position in a sentence.
pub(crate) mod spanish_abbreviation {
    pub(crate) use super::spanish::{is_before_name, is_within_sentence};
}

/// Returns whether `word`, in lower case and without its period, is a known abbreviation that is not also a word.
pub(crate) fn is_abbreviation(word: &str) -> bool {
    english::is_abbreviation(word)
}

impl Utterance {
    /// Reads a sentence. Returns `None` if it has no words to speak.
    pub fn of(sentence: &str, lexicon: Lexicon<'_>) -> Result<Option<Self>, UnreadNumber> {
        let text = Text::new(sentence);
        let Lexicon { language, pronunciations, first_name } = lexicon;
        let names = Names::new(first_name, pronunciations, language);
        let reader = Reader { text: &text, pronunciations, language, names: &names };
        let pieces = reader.read(grammar(language)).map_err(|at| UnreadNumber(text.chunk_at(at) + 1))?;
        let mut words = words(&text, pieces, &names);
        if let Some(last) = words.last_mut() {
            last.pause = last.pause.filter(|mark| "?!".contains(*mark)).or(Some('.'));
        }
        Ok(if words.is_empty() { None } else { Some(Self { words }) })
    }

    /// Returns the words. There is at least one.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// Returns the text for the engine.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for word in &self.words {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word.said);
            text.extend(word.pause);
        }
        text
    }

    /// Returns the text for espeak-ng, with the phonemes of names as `[[mnemonics]]`.
    #[must_use]
    pub fn phonetic_text(&self) -> String {
        let mut text = String::new();
        for word in &self.words {
            if !text.is_empty() {
                text.push(' ');
            }
            match &word.sound {
                Some(sound) => text.extend(["[[", sound, "]]"]),
                None => text.push_str(&word.said),
            }
            text.extend(word.pause);
        }
        text
    }

    /// Returns the number of spoken words: "4.25%" has five, "A.P.Y" has three.
    #[must_use]
    pub fn spoken_words(&self) -> usize {
        self.words.iter().map(Word::spoken_words).sum()
    }
}

impl Word {
    /// Returns the number of spoken words. Each letter of an abbreviation counts as one.
    #[must_use]
    pub fn spoken_words(&self) -> usize {
        self.said.split([' ', '-', '.', ',']).filter(|part| part.chars().any(char::is_alphabetic)).count()
    }

    /// Returns the number of spoken letters, plus one for the word's edges. A letter that is read by name counts as
    /// three.
    #[must_use]
    pub fn letters(&self) -> f64 {
        let letters = |part: &str| match part.len() {
            1 if self.said.len() > 1 => 3,
            letters => letters,
        };
        let letters: usize = self.said.split(['.', ' ', '-', ',']).map(letters).sum();
        f64::from(u32::try_from(letters).unwrap_or(u32::MAX)) + 1.0
    }
}

/// Assigns the spoken pieces to the written words. A written word without a piece is merged into the word before it, or
/// into the first word if there is none before it.
fn words(text: &Text, pieces: Vec<Piece>, names: &Names) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut opening = String::new();
    let mut pieces = pieces.into_iter().peekable();
    for chunk in text.chunks() {
        let mut said = String::new();
        let mut tail = chunk.span.start;
        let mut dictated = false;
        let mut sound = None;
        while let Some(piece) = pieces.next_if(|piece| piece.span.start < chunk.span.end) {
            // Phonemes replace a whole written word, so the word must consist of the name.
            sound = if said.is_empty() && piece.class == Class::Name { names.sound(&piece.said) } else { None };
            if !said.is_empty() {
                said.push(' ');
            }
            said.push_str(&piece.said);
            tail = tail.max(piece.span.end.min(chunk.span.end));
            dictated |= matches!(piece.class, Class::Telephone | Class::Identifier);
        }
        let mark = pause(text.slice(tail..chunk.span.end));
        if said.is_empty() {
            if let Some(last) = words.last_mut() {
                last.shown.push(' ');
                last.shown.push_str(&chunk.shown);
                // A hyphen between spaces is a dash.
                last.pause = last.pause.or(mark).or((&chunk.shown == "-").then_some(','));
            } else {
                opening.push_str(&chunk.shown);
                opening.push(' ');
            }
            continue;
        }
        let pause = mark.or(said.ends_with(',').then_some(','));
        let said = said.trim_end_matches(',').to_owned();
        words.push(Word { shown: std::mem::take(&mut opening) + &chunk.shown, said, sound, pause, dictated });
    }
    words
}

/// Returns the pause that the punctuation after a word calls for.
fn pause(marks: &str) -> Option<char> {
    marks.chars().find_map(|mark| match mark {
        ',' | '、' | '，' | ')' | '—' | '–' | '―' | '…' | '•' | '|' => Some(','),
        ';' | '；' => Some(';'),
        ':' | '：' => Some(':'),
        '?' | '？' => Some('?'),
        '!' | '！' => Some('!'),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
