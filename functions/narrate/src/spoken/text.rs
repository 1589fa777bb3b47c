//! A normalized sentence that keeps track of its written words.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;

use crate::names::is_formatting;

/// A written word: a part of the sentence between spaces.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The word as written.
    pub shown: String,
    /// The word's position in the normalized text.
    pub span: Range<usize>,
}

/// A sentence whose words are separated by single spaces and whose look-alike characters are unified.
#[derive(Clone, Debug)]
pub struct Text {
    normalized: String,
    chunks: Vec<Chunk>,
}

impl Text {
    /// Normalizes a sentence.
    pub fn new(sentence: &str) -> Self {
        let mut normalized = String::with_capacity(sentence.len());
        let mut chunks = Vec::new();
        for shown in sentence.split_whitespace() {
            if !normalized.is_empty() {
                normalized.push(' ');
            }
            let start = normalized.len();
            normalized.extend(shown.nfc().filter(|c| !is_formatting(*c)).map(unified));
            chunks.push(Chunk { shown: shown.to_owned(), span: start..normalized.len() });
        }
        Self { normalized, chunks }
    }

    /// Returns the written words in order.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Returns the index of the written word at a position.
    pub fn chunk_at(&self, at: usize) -> usize {
        self.chunks.iter().position(|chunk| at < chunk.span.end).unwrap_or(self.chunks.len().saturating_sub(1))
    }

    /// Returns a part of the normalized text.
    pub fn slice(&self, range: Range<usize>) -> &str {
        &self.normalized[range]
    }

    /// Returns the whole normalized text.
    pub fn as_str(&self) -> &str {
        &self.normalized
    }
}

/// Maps a character to the ASCII one that the grammars expect, such as a digit, an apostrophe or a minus sign.
fn unified(c: char) -> char {
    match c {
        '−' | '‐' | '‑' | '﹣' | '－' => '-',
        '’' | '‘' | 'ʼ' | '＇' => '\'',
        '⁄' | '∕' => '/',
        '﹩' | '＄' => '$',
        '％' | '٪' => '%',
        '＃' => '#',
        '．' | '٫' => '.',
        '，' | '٬' => ',',
        '：' => ':',
        _ => digit(c).unwrap_or(c),
    }
}

/// Returns the ASCII digit for a decimal digit in another script.
fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 13] =
        [0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xff10];
    let code = u32::from(c);
    let value = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}
