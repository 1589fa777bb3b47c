//! What Kokoro is given: the phonemes of each spoken word, from the espeak-ng program, in Kokoro's own alphabet.
//!
//! The program is asked for a whole sentence, because a word sounds otherwise among others. Where it runs words together
//! ("of the" as one) or takes one apart, the pronunciations of the single words tell which phonemes are whose, so that
//! every word has its own and none is lost.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::Error;
use crate::espeak::ask;
use crate::spoken::Utterance;

/// The most words that the program runs together, or pieces that it takes one apart into.
const MOST_JOINED: usize = 5;

/// A spoken word, and how it sounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// The index of the written word that it is part of.
    pub word: usize,
    /// Phonemes in Kokoro's alphabet; never empty.
    pub phonemes: String,
    /// Whether a space goes before it: not within what is run together.
    pub spaced: bool,
    /// The sign of the pause after it.
    pub pause: Option<char>,
}

/// The program, with one of the two kinds of English that Kokoro speaks.
pub struct Phonemizer {
    program: PathBuf,
    british: bool,
    /// Of single words: they come again and again.
    alone: Mutex<HashMap<String, String>>,
}

impl Phonemizer {
    /// With this program.
    pub fn new(program: PathBuf, british: bool) -> Self {
        Self { program, british, alone: Mutex::default() }
    }

    /// The sounds of a sentence, in order. `at` names it in errors.
    pub async fn sounds(&self, sentence: &Utterance, at: &str) -> Result<Vec<Sound>, Error> {
        let spoken = spoken_words(sentence);
        let heard = self.phonemes(&sentence.text(), at).await?;
        let heard: Vec<&str> = heard.split_whitespace().collect();
        let parts = if heard.len() == spoken.len() {
            heard.iter().map(|phonemes| ((*phonemes).to_owned(), true)).collect()
        } else {
            let mut alone = Vec::with_capacity(spoken.len());
            for (_, word, _) in &spoken {
                alone.push(self.alone(word, at).await?);
            }
            share_out(&alone, &heard).ok_or_else(|| Error::EngineOutput {
                place: at.to_owned(),
                reason: format!("{} words came back as {} sounds that cannot be told apart", spoken.len(), heard.len()),
            })?
        };
        let sounds = spoken.into_iter().zip(parts);
        sounds
            .map(|((word, _, pause), (phonemes, spaced))| {
                let unknown = phonemes.is_empty() || phonemes.chars().any(|phoneme| token(phoneme).is_none());
                let sound = Sound { word, phonemes, spaced, pause };
                if unknown { Err(Error::Unvoiced { place: at.to_owned(), word: word + 1 }) } else { Ok(sound) }
            })
            .collect()
    }

    async fn alone(&self, word: &str, at: &str) -> Result<String, Error> {
        let known = self.alone.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(word).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let said: String = self.phonemes(word, at).await?.split_whitespace().collect();
        self.alone.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(word.to_owned(), said.clone());
        Ok(said)
    }

    async fn phonemes(&self, text: &str, at: &str) -> Result<String, Error> {
        let voice = if self.british { "en-gb" } else { "en-us" };
        let arguments = ["-q", "--ipa", "--tie=^", "-v", voice, "-b", "1", "--stdin"];
        let said = ask(&self.program, &arguments, text.as_bytes(), at).await?;
        Ok(to_kokoro(&String::from_utf8_lossy(&said), self.british))
    }
}

/// The words that are said: those of "4.25%" are five. With the index of the written word, and the pause after.
fn spoken_words(sentence: &Utterance) -> Vec<(usize, &str, Option<char>)> {
    let mut spoken = Vec::new();
    for (index, word) in sentence.words().iter().enumerate() {
        let from = spoken.len();
        for piece in word.said.split(' ') {
            let said = piece.trim_end_matches(',');
            spoken.push((index, said, piece.ends_with(',').then_some(',')));
        }
        if let Some(last) = spoken[from..].last_mut() {
            last.2 = word.pause.or(last.2);
        }
    }
    spoken
}

/// Gives each word its part of what was heard, knowing how each sounds alone. The flag tells whether it starts apart
/// from the one before. Nothing if there are sounds for which there is no word, or the other way round.
fn share_out(alone: &[String], heard: &[&str]) -> Option<Vec<(String, bool)>> {
    // best[i][j]: the least cost of giving the first i words the first j sounds, and the step that led there.
    let mut best = vec![vec![(usize::MAX, 0, 0); heard.len() + 1]; alone.len() + 1];
    best[0][0].0 = 0;
    for i in 0..=alone.len() {
        for j in 0..=heard.len() {
            if best[i][j].0 == usize::MAX {
                continue;
            }
            let steps = (1..=MOST_JOINED).map(|n| (n, 1)).chain((2..=MOST_JOINED).map(|m| (1, m)));
            for (words, sounds) in steps.filter(|(n, m)| i + n <= alone.len() && j + m <= heard.len()) {
                let expected = alone[i..i + words].concat();
                let cost = best[i][j].0 + distance(&expected, &heard[j..j + sounds].concat());
                let next = &mut best[i + words][j + sounds];
                if cost < next.0 {
                    *next = (cost, words, sounds);
                }
            }
        }
    }
    let (mut i, mut j) = (alone.len(), heard.len());
    let mut parts = Vec::with_capacity(i);
    while i > 0 || j > 0 {
        let (cost, words, sounds) = best[i][j];
        if cost == usize::MAX || words == 0 {
            return None;
        }
        (i, j) = (i - words, j - sounds);
        let whole: Vec<char> = heard[j..j + sounds].concat().chars().collect();
        let cut = cut(&alone[i..i + words], &whole)?;
        parts.extend(cut.into_iter().enumerate().rev().map(|(index, part)| (part, index == 0)));
    }
    parts.reverse();
    Some(parts)
}

/// Cuts what was run together into one part a word, so that each is as near as can be to how its word sounds alone.
fn cut(alone: &[String], whole: &[char]) -> Option<Vec<String>> {
    let text = |part: &[char]| part.iter().collect::<String>();
    let Some((first, rest)) = alone.split_first() else { return whole.is_empty().then(Vec::new) };
    if rest.is_empty() {
        return (!whole.is_empty()).then(|| vec![text(whole)]);
    }
    let cost = |parts: &[String]| -> usize { parts.iter().zip(alone).map(|(part, word)| distance(part, word)).sum() };
    (1..whole.len())
        .filter_map(|at| {
            let mut parts = cut(rest, &whole[at..])?;
            parts.insert(0, text(&whole[..at]));
            Some(parts)
        })
        .min_by_key(|parts| (cost(parts), first.len().abs_diff(parts[0].len())))
}

/// Levenshtein's distance of two pronunciations, stress aside.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.chars().filter(|c| !matches!(c, 'ˈ' | 'ˌ')).collect::<Vec<_>>();
    let (a, b) = (letters(a), letters(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = (before + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            before = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

/// From the program's IPA, with `^` within a phoneme of two letters, to the letters that Kokoro was trained with: those
/// of the library misaki, whose table for espeak-ng this is. Longer ones go before shorter ones.
const LETTERS: [(&str, &str); 25] = [
    ("ʔˌn\u{329}", "tn"),
    ("ʔn\u{329}", "tn"),
    ("a^ɪ", "I"),
    ("a^ʊ", "W"),
    ("d^ʒ", "ʤ"),
    ("e^ɪ", "A"),
    ("t^ʃ", "ʧ"),
    ("ɔ^ɪ", "Y"),
    ("ə^l", "ᵊl"),
    ("ʔn", "tn"),
    ("ʲo", "jo"),
    ("ʲə", "jə"),
    // Not in misaki's table, which would double the r of "Maria".
    ("ɚɹ", "əɹ"),
    ("ʔ", "t"),
    ("ʲ", ""),
    ("ɚ", "əɹ"),
    ("r", "ɹ"),
    ("x", "k"),
    ("ç", "k"),
    ("ɐ", "ə"),
    ("ɬ", "l"),
    ("\u{303}", ""),
    // Signs that a stretched or foreign sound may carry.
    ("\u{32a}", ""),
    ("\u{361}", ""),
    ("\u{200d}", ""),
];
const AMERICAN: [(&str, &str); 6] = [("o^ʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ː", ""), ("ɾ", "T")];
const BRITISH: [(&str, &str); 3] = [("e^ə", "ɛː"), ("iə", "ɪə"), ("ə^ʊ", "Q")];

fn to_kokoro(ipa: &str, british: bool) -> String {
    let mut text = without_languages(ipa);
    for (from, to) in LETTERS {
        text = text.replace(from, to);
    }
    text = syllabic(&text);
    for (from, to) in if british { BRITISH.as_slice() } else { AMERICAN.as_slice() } {
        text = text.replace(from, to);
    }
    text.replace('e', "A").replace('o', "ɔ").replace(['^', '-'], "")
}

/// "n̩" is a consonant with a short vowel before it.
fn syllabic(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match (c, out.pop()) {
            ('\u{329}', Some(consonant)) if !consonant.is_whitespace() => out.extend(['ᵊ', consonant]),
            ('\u{329}', before) => out.extend(before),
            (c, before) => {
                out.extend(before);
                out.push(c);
            }
        }
    }
    out
}

/// The program says in brackets when it takes a word for one of another language: "(fr)".
fn without_languages(ipa: &str) -> String {
    let mut out = String::with_capacity(ipa.len());
    let mut depth = 0;
    for c in ipa.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// The number by which the model knows a letter: those of its configuration's `vocab` that English uses.
#[must_use]
pub fn token(letter: char) -> Option<i64> {
    #[rustfmt::skip]
    const TOKENS: [(char, i64); 65] = [
        (';', 1), (':', 2), (',', 3), ('.', 4), ('!', 5), ('?', 6), (' ', 16), ('A', 24), ('I', 25), ('O', 31),
        ('Q', 33), ('T', 36), ('W', 39), ('Y', 41), ('ᵊ', 42), ('a', 43), ('b', 44), ('d', 46), ('f', 48), ('h', 50),
        ('i', 51), ('j', 52), ('k', 53), ('l', 54), ('m', 55), ('n', 56), ('p', 58), ('s', 61), ('t', 62), ('u', 63),
        ('v', 64), ('w', 65), ('y', 67), ('z', 68), ('ɑ', 69), ('ɒ', 71), ('æ', 72), ('β', 75), ('ɔ', 76), ('ð', 81),
        ('ʤ', 82), ('ə', 83), ('ɛ', 86), ('ɜ', 87), ('ɡ', 92), ('ɥ', 99), ('ɪ', 102), ('ŋ', 112), ('ɲ', 114),
        ('ø', 116), ('θ', 119), ('œ', 120), ('ɹ', 123), ('ʁ', 128), ('ʃ', 131), ('ʧ', 133), ('ʊ', 135), ('ʌ', 138),
        ('ɣ', 139), ('ʎ', 143), ('ʒ', 147), ('ˈ', 156), ('ˌ', 157), ('ː', 158), ('ᵻ', 177),
    ];
    TOKENS.iter().find(|(known, _)| *known == letter).map(|(_, token)| *token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_those_that_the_model_was_trained_with() {
        assert_eq!(to_kokoro("həlˈo^ʊ", false), "həlˈO");
        assert_eq!(to_kokoro("ˈɜːn fˈoː^ɹ pˈɔ^ɪnt", false), "ˈɜɹn fˈɔɹ pˈYnt");
        assert_eq!(to_kokoro("(fr)bɔ̃ʒuːɹ(en-us) bˈʌʔn\u{329}", false), "bɔʒuɹ bˈʌtn");
        assert_eq!(to_kokoro("ɡˈə^ʊ ðˈe^ə", true), "ɡˈQ ðˈɛː");
    }

    #[test]
    fn words_that_were_run_together_and_taken_apart_get_their_own_sounds() {
        let alone = ["sˈAvɪŋz", "ʌv", "ðə", "θˈɜɹTifˈɜɹst", "bˈæŋk"].map(str::to_owned);
        let heard = ["sˈAvɪŋz", "ʌvðə", "θˈɜɹTi", "fˈɜɹst", "bˈæŋk"];
        let parts = share_out(&alone, &heard).unwrap();
        let texts: Vec<&str> = parts.iter().map(|(part, _)| part.as_str()).collect();
        assert_eq!(texts, ["sˈAvɪŋz", "ʌv", "ðə", "θˈɜɹTifˈɜɹst", "bˈæŋk"]);
        let spaced: Vec<bool> = parts.iter().map(|(_, spaced)| *spaced).collect();
        assert_eq!(spaced, [true, true, false, true, true]);
    }

    /// Twenty narrations, with amounts, dates, addresses, abbreviations, product names and names of many scripts.
    const NARRATIONS: &str = include_str!("../tests/narrations.txt");

    #[tokio::test]
    async fn every_token_of_twenty_narrations_is_accounted_for() {
        assert_eq!(NARRATIONS.lines().count(), 20);
        for british in [false, true] {
            let phonemizer = Phonemizer::new("espeak-ng".into(), british);
            for (line, narration) in NARRATIONS.lines().enumerate() {
                for sentence in crate::sentences::sentences(narration) {
                    let sentence = Utterance::of(&sentence, &crate::Pronunciations::default()).unwrap().unwrap();
                    let sounds = phonemizer.sounds(&sentence, &format!("line {}", line + 1)).await.unwrap();
                    let words = sentence.words();
                    let said: usize = words.iter().map(|word| word.said.split(' ').count()).sum();
                    assert_eq!(sounds.len(), said, "{}", sentence.text());
                    for (index, word) in words.iter().enumerate() {
                        let own: Vec<&Sound> = sounds.iter().filter(|sound| sound.word == index).collect();
                        assert_eq!(own.len(), word.said.split(' ').count(), "{}", word.shown);
                        let audible = |sound: &&Sound| sound.phonemes.chars().any(|c| !matches!(c, 'ˈ' | 'ˌ'));
                        assert!(own.iter().all(audible), "{}: {own:?}", word.shown);
                        assert_eq!(own.last().unwrap().pause, word.pause, "{}", word.shown);
                    }
                }
            }
        }
    }

    #[test]
    fn a_word_without_a_sound_or_a_sound_without_a_word_is_told() {
        let alone = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(share_out(&alone(&["a", "b", "k"]), &["a"]), None);
        assert_eq!(share_out(&alone(&[]), &["a"]), None);
        assert_eq!(share_out(&alone(&["a"]), &[]), None);
    }
}
