//! Greek letters. Pairs of letters have their own sounds, and an accent marks the stressed vowel.

use unicode_normalization::UnicodeNormalization as _;

use super::sound::{Stress, of_letters};

/// Letters and pairs of letters, longer ones first: as an English reader would spell them, and their sound.
const LETTERS: [(&str, &str, &str); 37] = [
    ("γγ", "ng", "ng"),
    ("γκ", "g", "g"),
    ("μπ", "b", "b"),
    ("ντ", "nd", "nd"),
    ("τζ", "tz", "dz"),
    ("ου", "oo", "oo"),
    ("αι", "e", "e"),
    ("ει", "i", "i"),
    ("οι", "i", "i"),
    ("αυ", "av", "av"),
    ("ευ", "ev", "ev"),
    ("γι", "gi", "gi"),
    ("α", "a", "a"),
    ("β", "v", "v"),
    ("γ", "g", "g"),
    ("δ", "d", "dh"),
    ("ε", "e", "e"),
    ("ζ", "z", "z"),
    ("η", "i", "i"),
    ("θ", "th", "th"),
    ("ι", "i", "i"),
    ("κ", "k", "k"),
    ("λ", "l", "l"),
    ("μ", "m", "m"),
    ("ν", "n", "n"),
    ("ξ", "x", "x"),
    ("ο", "o", "o"),
    ("π", "p", "p"),
    ("ρ", "r", "r"),
    ("σ", "s", "s"),
    ("ς", "s", "s"),
    ("τ", "t", "t"),
    ("υ", "i", "i"),
    ("φ", "f", "f"),
    ("χ", "h", "kh"),
    ("ψ", "ps", "ps"),
    ("ω", "o", "o"),
];

/// Returns a word in Latin letters, and its phonemes.
pub fn reading(word: &str) -> (String, Option<String>) {
    let mut plain = String::new();
    let mut accents = Vec::new();
    for c in word.nfd().flat_map(char::to_lowercase) {
        match c {
            // The accent follows its vowel.
            '\u{301}' | '\u{342}' => accents.push(plain.len()),
            '\u{300}'..='\u{36f}' => {}
            _ => plain.push(c),
        }
    }
    let accent = accents.first().copied();
    let mut text = String::new();
    let mut letters = String::new();
    let mut vowels = 0;
    let mut stressed = None;
    let mut at = 0;
    while let Some(c) = plain[at..].chars().next() {
        let rest = &plain[at..];
        let known = LETTERS.iter().find(|(greek, ..)| rest.starts_with(greek));
        let (length, spelled, sounded) =
            known.map_or((c.len_utf8(), "", ""), |(greek, spelled, sounded)| (greek.len(), *spelled, *sounded));
        // "Γιώργος" begins with a glide.
        let follows = &rest[length..];
        let glide = rest.starts_with("γι") && follows.starts_with(['α', 'ε', 'ο', 'ω', 'υ', 'η']);
        let (spelled, sounded) = if glide { ("y", "y") } else { (spelled, sounded) };
        text.push_str(spelled);
        letters.push_str(sounded);
        at += length;
        if sounded.starts_with(['a', 'e', 'i', 'o']) || sounded == "gi" {
            if stressed.is_none() && accent.is_some_and(|accent| accent <= at) {
                stressed = Some(vowels);
            }
            vowels += 1;
        }
    }
    let stress = stressed.map_or(Stress::Penultimate, Stress::At);
    let sound = of_letters(&letters, stress);
    let capital = word.starts_with(char::is_uppercase);
    if capital && let Some(first) = text.get(..1) {
        text = first.to_uppercase() + &text[1..];
    }
    (text, sound)
}
