//! Decides whether a quantity describes the noun after it: "a ten foot easement", but "ten feet of cable".

use std::sync::LazyLock;

use regex::Regex;

use crate::spoken::grammar::{Cursor, FOOTNOTES, pattern};

/// Words that prevent a preceding quantity from describing a noun: "a $5 or more purchase".
#[rustfmt::skip]
pub const NOT_DESCRIBED: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "back", "by", "can", "deposited", "due", "each", "earned", "every", "for",
    "from", "has", "have", "if", "in", "into", "is", "it", "less", "may", "more", "of", "off", "on", "or", "over",
    "paid", "per", "plus", "saved", "spent", "than", "that", "the", "then", "to", "toward", "towards", "until",
    "was", "we", "were", "when", "which", "will", "with", "you",
];

/// Words before a quantity that describes a noun: "the $95 annual fee".
#[rustfmt::skip]
pub const DETERMINERS: &[&str] = &[
    "another", "any", "each", "every", "extra", "first", "full", "her", "his", "initial", "its", "maximum",
    "minimum", "monthly", "opening", "annual", "my", "new", "no", "one", "our", "same", "that", "the", "their",
    "this", "whole", "your",
];

static ARTICLE_BEFORE_RANGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:a|an) [^ ]+(?: (?:or|and|to) |\s?[-–—]\s?)$").expect("the patterns of the grammar are valid")
});
static NOUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s\(?[A-Za-z]"));

/// Returns whether a word follows a quantity that ends at `end`.
pub fn noun_follows(at: &Cursor<'_>, end: usize) -> bool {
    NOUN.is_match(at.after(end).trim_start_matches(FOOTNOTES))
}

/// Returns whether the quantity at the cursor follows an article, directly or as the end of a range.
pub fn follows_article(at: &Cursor<'_>) -> bool {
    matches!(at.word_before(1).as_str(), "a" | "an") || ARTICLE_BEFORE_RANGE.is_match(at.head())
}

/// Returns whether the quantity at the cursor, which ends at `end`, lies between an article and a noun.
pub fn after_article(at: &Cursor<'_>, end: usize) -> bool {
    follows_article(at) && noun_follows(at, end) && !NOT_DESCRIBED.contains(&at.word_after(end, 1).as_str())
}

/// Returns whether the quantity at the cursor, which ends at `end`, lies between a word such as "the" and a noun.
pub fn after_determiner(at: &Cursor<'_>, end: usize) -> bool {
    DETERMINERS.contains(&at.word_before(1).as_str())
        && noun_follows(at, end)
        && !NOT_DESCRIBED.contains(&at.word_after(end, 1).as_str())
}
