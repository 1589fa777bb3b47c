//! Pronounces sentences for Kokoro: gets the phonemes of each spoken word from espeak-ng, and converts them to Kokoro's
//! alphabet.
//!
//! The program receives the whole sentence, because context changes the pronunciation of a word. Sometimes it joins
//! words ("of the" becomes one) or splits one. In that case, the pronunciations of the individual words determine which
//! phonemes belong to which word.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::Error;
use crate::espeak::run_program;
use crate::spoken::Utterance;

/// The maximum number of words that the program joins, or of pieces into which it splits one word.
const MAX_JOINED: usize = 5;

/// A spoken word with its phonemes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pronounced {
    /// The index of the written word that contains this word.
    pub word: usize,
    /// The phonemes in Kokoro's alphabet. Never empty.
    pub phonemes: String,
    /// Whether a space precedes the word. False within joined words.
    pub spaced: bool,
    /// The punctuation mark for the pause after the word.
    pub pause: Option<char>,
}

/// An accent of Kokoro's voices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accent {
    /// American English.
    American,
    /// British English.
    British,
    /// Latin American Spanish.
    LatinAmerican,
}

impl Accent {
    /// Returns the accent of a voice, which the first letter of its name encodes.
    pub fn of_voice(voice: &str) -> Self {
        match voice.as_bytes().first() {
            Some(b'b') => Self::British,
            Some(b'e') => Self::LatinAmerican,
            _ => Self::American,
        }
    }

    /// Returns espeak-ng's voice with this accent.
    const fn espeak_voice(self) -> &'static str {
        match self {
            Self::American => "en-us",
            Self::British => "en-gb",
            Self::LatinAmerican => "es-419",
        }
    }

    /// Returns whether the voices with this accent can say the phoneme.
    fn knows(self, phoneme: char) -> bool {
        token(phoneme).is_some()
            && (self == Self::LatinAmerican || !SPANISH_TOKENS.iter().any(|(own, _)| *own == phoneme))
    }
}

/// The espeak-ng program, with the accent of one of Kokoro's voices.
pub struct Phonemizer {
    program: PathBuf,
    accent: Accent,
    /// The phonemes of individual words, because words recur often.
    single_words: Mutex<HashMap<String, String>>,
}

impl Phonemizer {
    /// Uses `program` with an accent.
    pub fn new(program: PathBuf, accent: Accent) -> Self {
        Self { program, accent, single_words: Mutex::default() }
    }

    /// Returns the spoken words in a sentence, in order. `location` identifies the sentence in errors.
    pub async fn pronounce(&self, sentence: &Utterance, location: &str) -> Result<Vec<Pronounced>, Error> {
        let spoken = spoken_words(sentence);
        let phonemes = self.phonemes(&sentence.phonetic_text(), location).await?;
        let groups: Vec<&str> = phonemes.split_whitespace().collect();
        let parts = if groups.len() == spoken.len() {
            groups.iter().map(|group| ((*group).to_owned(), true)).collect()
        } else {
            let mut single_words = Vec::with_capacity(spoken.len());
            for (_, word, _) in &spoken {
                single_words.push(self.single_word(word, location).await?);
            }
            align(&single_words, &groups).ok_or_else(|| Error::EngineOutput {
                place: location.to_owned(),
                reason: format!("cannot align {} words with {} groups of phonemes", spoken.len(), groups.len()),
            })?
        };
        let words = spoken.into_iter().zip(parts);
        words
            .map(|((word, _, pause), (phonemes, spaced))| {
                // English words with "x", such as "loch", have a "k" in the model's training data. In a name, the sound
                // is a letter of its own, which the model also knows: "Mikhail" is not "Mikail".
                let is_name = sentence.words()[word].sound.is_some();
                let phonemes = if is_name { phonemes } else { phonemes.replace('x', "k") };
                // A foreign name may contain phonemes that the voice cannot say. Those are left out.
                let phonemes: String = phonemes.chars().filter(|phoneme| self.accent.knows(*phoneme)).collect();
                let silent = phonemes.chars().all(|phoneme| matches!(phoneme, 'ˈ' | 'ˌ' | 'ː'));
                let pronounced = Pronounced { word, phonemes, spaced, pause };
                if silent {
                    Err(Error::Unvoiced { place: location.to_owned(), word: word + 1 })
                } else {
                    Ok(pronounced)
                }
            })
            .collect()
    }

    async fn single_word(&self, word: &str, location: &str) -> Result<String, Error> {
        let cached = self.single_words.lock().unwrap_or_else(PoisonError::into_inner).get(word).cloned();
        if let Some(phonemes) = cached {
            return Ok(phonemes);
        }
        let phonemes: String = self.phonemes(word, location).await?.split_whitespace().collect();
        let mut cache = self.single_words.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(word.to_owned(), phonemes.clone());
        Ok(phonemes)
    }

    async fn phonemes(&self, text: &str, location: &str) -> Result<String, Error> {
        let arguments = ["-q", "--ipa", "--tie=^", "-v", self.accent.espeak_voice(), "-b", "1", "--stdin"];
        let output = run_program(&self.program, &arguments, text.as_bytes(), location).await?;
        Ok(to_kokoro(&String::from_utf8_lossy(&output), self.accent))
    }
}

/// Returns each spoken word with the index of its written word and the pause after it. "4.25%" has five spoken words.
fn spoken_words(sentence: &Utterance) -> Vec<(usize, String, Option<char>)> {
    let mut spoken = Vec::new();
    for (index, word) in sentence.words().iter().enumerate() {
        let start = spoken.len();
        if let Some(sound) = &word.sound {
            spoken.push((index, format!("[[{sound}]]"), None));
        } else {
            for piece in word.said.split(' ') {
                let text = piece.trim_end_matches(',');
                spoken.push((index, text.to_owned(), piece.ends_with(',').then_some(',')));
            }
        }
        if let Some(last) = spoken[start..].last_mut() {
            last.2 = word.pause.or(last.2);
        }
    }
    spoken
}

/// A step of the alignment: its cost so far, and the words and groups that it consumes.
#[derive(Clone, Copy)]
struct Step {
    cost: usize,
    words: usize,
    groups: usize,
}

/// Assigns groups of phonemes to words, given each word's individual pronunciation. The flag is true if the word starts
/// a group.
///
/// Returns `None` if words or groups remain without a counterpart.
fn align(single_words: &[String], groups: &[&str]) -> Option<Vec<(String, bool)>> {
    // best[i][j]: the cheapest assignment of the first i words to the first j groups, by its last step.
    let unreached = Step { cost: usize::MAX, words: 0, groups: 0 };
    let mut best = vec![vec![unreached; groups.len() + 1]; single_words.len() + 1];
    best[0][0].cost = 0;
    for i in 0..=single_words.len() {
        for j in 0..=groups.len() {
            if best[i][j].cost == usize::MAX {
                continue;
            }
            let sizes = (1..=MAX_JOINED).map(|n| (n, 1)).chain((2..=MAX_JOINED).map(|m| (1, m)));
            for (n, m) in sizes.filter(|(n, m)| i + n <= single_words.len() && j + m <= groups.len()) {
                let expected = single_words[i..i + n].concat();
                let cost = best[i][j].cost + distance(&expected, &groups[j..j + m].concat());
                let next = &mut best[i + n][j + m];
                if cost < next.cost {
                    *next = Step { cost, words: n, groups: m };
                }
            }
        }
    }
    let mut i = single_words.len();
    let mut j = groups.len();
    let mut parts = Vec::with_capacity(i);
    while i > 0 || j > 0 {
        let step = best[i][j];
        if step.cost == usize::MAX || step.words == 0 {
            return None;
        }
        i -= step.words;
        j -= step.groups;
        let joined: Vec<char> = groups[j..j + step.groups].concat().chars().collect();
        let cut = cut(&single_words[i..i + step.words], &joined)?;
        parts.extend(cut.into_iter().enumerate().rev().map(|(index, part)| (part, index == 0)));
    }
    parts.reverse();
    Some(parts)
}

/// Cuts joined phonemes into one part per word. Each part is as close as possible to its word's individual
/// pronunciation.
fn cut(single_words: &[String], joined: &[char]) -> Option<Vec<String>> {
    let text = |part: &[char]| part.iter().collect::<String>();
    let Some((first, rest)) = single_words.split_first() else { return joined.is_empty().then(Vec::new) };
    if rest.is_empty() {
        return (!joined.is_empty()).then(|| vec![text(joined)]);
    }
    let cost =
        |parts: &[String]| -> usize { parts.iter().zip(single_words).map(|(part, word)| distance(part, word)).sum() };
    (1..joined.len())
        .filter_map(|at| {
            let mut parts = cut(rest, &joined[at..])?;
            parts.insert(0, text(&joined[..at]));
            Some(parts)
        })
        .min_by_key(|parts| (cost(parts), first.len().abs_diff(parts[0].len())))
}

/// Returns the Levenshtein distance between two pronunciations, ignoring stress.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.chars().filter(|c| !matches!(c, 'ˈ' | 'ˌ')).collect::<Vec<_>>();
    let a = letters(a);
    let b = letters(b);
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

/// Replacements that convert the program's IPA to Kokoro's alphabet. In this IPA, `^` ties the letters of one phoneme.
///
/// The table is the one in the misaki library, with which Kokoro was trained. Longer sequences precede shorter ones.
const LETTERS: [(&str, &str); 24] = [
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
    // Not in misaki's table, which doubles the r in "Maria".
    ("ɚɹ", "əɹ"),
    ("ʔ", "t"),
    ("ʲ", ""),
    ("ɚ", "əɹ"),
    ("r", "ɹ"),
    ("ç", "k"),
    ("ɐ", "ə"),
    ("ɬ", "l"),
    ("\u{303}", ""),
    // Marks for dental and tied sounds, and a joiner.
    ("\u{32a}", ""),
    ("\u{361}", ""),
    ("\u{200d}", ""),
];
const AMERICAN: [(&str, &str); 6] = [("o^ʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ː", ""), ("ɾ", "T")];
const BRITISH: [(&str, &str); 3] = [("e^ə", "ɛː"), ("iə", "ɪə"), ("ə^ʊ", "Q")];

/// The replacements for Spanish. The table is misaki's for languages other than English.
const SPANISH: [(&str, &str); 7] =
    [("a^ɪ", "I"), ("a^ʊ", "W"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("t^s", "ʦ"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y")];

fn to_kokoro(ipa: &str, accent: Accent) -> String {
    let mut text = without_languages(ipa);
    let of_accent = match accent {
        Accent::American => AMERICAN.as_slice(),
        Accent::British => BRITISH.as_slice(),
        Accent::LatinAmerican => {
            return SPANISH.iter().fold(text, |text, (from, to)| text.replace(from, to)).replace(['^', '-'], "");
        }
    };
    for (from, to) in LETTERS {
        text = text.replace(from, to);
    }
    text = syllabic(&text);
    for (from, to) in of_accent {
        text = text.replace(from, to);
    }
    text.replace('e', "A").replace('o', "ɔ").replace(['^', '-'], "")
}

/// Rewrites a syllabic consonant such as "n̩" as a short vowel and the consonant.
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

/// Removes the program's marks for words in another language, such as "(fr)".
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

/// The part of the model's `vocab` that only Spanish uses.
const SPANISH_TOKENS: [(char, i64); 6] = [('ʦ', 20), ('e', 47), ('o', 57), ('r', 60), ('ʝ', 103), ('ɾ', 125)];

/// Returns the model's token for a letter. Covers the part of the model's `vocab` that English and Spanish use.
#[must_use]
pub fn token(letter: char) -> Option<i64> {
    #[rustfmt::skip]
    const TOKENS: [(char, i64); 66] = [
        (';', 1), (':', 2), (',', 3), ('.', 4), ('!', 5), ('?', 6), (' ', 16), ('A', 24), ('I', 25), ('O', 31),
        ('Q', 33), ('T', 36), ('W', 39), ('Y', 41), ('ᵊ', 42), ('a', 43), ('b', 44), ('d', 46), ('f', 48), ('h', 50),
        ('i', 51), ('j', 52), ('k', 53), ('l', 54), ('m', 55), ('n', 56), ('p', 58), ('s', 61), ('t', 62), ('u', 63),
        ('v', 64), ('w', 65), ('x', 66), ('y', 67), ('z', 68), ('ɑ', 69), ('ɒ', 71), ('æ', 72), ('β', 75), ('ɔ', 76), ('ð', 81),
        ('ʤ', 82), ('ə', 83), ('ɛ', 86), ('ɜ', 87), ('ɡ', 92), ('ɥ', 99), ('ɪ', 102), ('ŋ', 112), ('ɲ', 114),
        ('ø', 116), ('θ', 119), ('œ', 120), ('ɹ', 123), ('ʁ', 128), ('ʃ', 131), ('ʧ', 133), ('ʊ', 135), ('ʌ', 138),
        ('ɣ', 139), ('ʎ', 143), ('ʒ', 147), ('ˈ', 156), ('ˌ', 157), ('ː', 158), ('ᵻ', 177),
    ];
    TOKENS.iter().chain(&SPANISH_TOKENS).find(|(key, _)| *key == letter).map(|(_, token)| *token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spoken::Lexicon;

    #[test]
    fn ipa_becomes_kokoro_letters() {
        assert_eq!(to_kokoro("həlˈo^ʊ", Accent::American), "həlˈO");
        assert_eq!(to_kokoro("ˈɜːn fˈoː^ɹ pˈɔ^ɪnt", Accent::American), "ˈɜɹn fˈɔɹ pˈYnt");
        assert_eq!(to_kokoro("(fr)bɔ̃ʒuːɹ(en-us) bˈʌʔn\u{329}", Accent::American), "bɔʒuɹ bˈʌtn");
        assert_eq!(to_kokoro("ɡˈə^ʊ ðˈe^ə", Accent::British), "ɡˈQ ðˈɛː");
        let spanish = to_kokoro("t^ʃˈekes be^ɪntjˈun ˈaɲo ɡˈera", Accent::LatinAmerican);
        assert_eq!(spanish, "ʧˈekes bAntjˈun ˈaɲo ɡˈera");
    }

    #[test]
    fn joined_and_split_words_are_aligned() {
        let single_words = ["sˈAvɪŋz", "ʌv", "ðə", "θˈɜɹTifˈɜɹst", "bˈæŋk"].map(str::to_owned);
        let groups = ["sˈAvɪŋz", "ʌvðə", "θˈɜɹTi", "fˈɜɹst", "bˈæŋk"];
        let parts = align(&single_words, &groups).unwrap();
        let texts: Vec<&str> = parts.iter().map(|(part, _)| part.as_str()).collect();
        assert_eq!(texts, ["sˈAvɪŋz", "ʌv", "ðə", "θˈɜɹTifˈɜɹst", "bˈæŋk"]);
        let spaced: Vec<bool> = parts.iter().map(|(_, spaced)| *spaced).collect();
        assert_eq!(spaced, [true, true, false, true, true]);
    }

    /// Twenty narrations with amounts, dates, addresses, abbreviations, product names and names in many scripts.
    const NARRATIONS: &str = include_str!("../tests/it/narrations.txt");

    #[tokio::test]
    async fn every_word_of_twenty_narrations_has_phonemes() {
        assert_eq!(NARRATIONS.lines().count(), 20);
        for accent in [Accent::American, Accent::British] {
            let phonemizer = Phonemizer::new("espeak-ng".into(), accent);
            for (line, narration) in NARRATIONS.lines().enumerate() {
                for sentence in crate::sentences::sentences(narration, contracts::Language::English) {
                    let sentence = Utterance::of(&sentence, Lexicon::default()).unwrap().unwrap();
                    let pronounced = phonemizer.pronounce(&sentence, &format!("line {}", line + 1)).await.unwrap();
                    let words = sentence.words();
                    let count: usize = words.iter().map(|word| word.said.split(' ').count()).sum();
                    assert_eq!(pronounced.len(), count, "{}", sentence.text());
                    for (index, word) in words.iter().enumerate() {
                        let own: Vec<&Pronounced> = pronounced.iter().filter(|part| part.word == index).collect();
                        assert_eq!(own.len(), word.said.split(' ').count(), "{}", word.shown);
                        let audible = |part: &&Pronounced| part.phonemes.chars().any(|c| !matches!(c, 'ˈ' | 'ˌ'));
                        assert!(own.iter().all(audible), "{}: {own:?}", word.shown);
                        assert_eq!(own.last().unwrap().pause, word.pause, "{}", word.shown);
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn every_given_name_has_phonemes() {
        let phonemizer = Phonemizer::new("espeak-ng".into(), Accent::American);
        let names: Vec<&str> = crate::names::given_names().collect();
        for group in names.chunks(20) {
            let sentence = Utterance::of(&group.join(", "), Lexicon::default()).unwrap().unwrap();
            phonemizer.pronounce(&sentence, &format!("{group:?}")).await.unwrap();
        }
    }

    /// 200 first names in 14 scripts, chosen by another writer.
    const NAMES: &str = include_str!("../tests/corpora/names.tsv");

    #[tokio::test]
    async fn every_first_name_sounds_like_one_word() {
        let phonemizer = Phonemizer::new("espeak-ng".into(), Accent::American);
        let names = NAMES.lines().filter_map(|line| line.split('\t').next());
        let pronounced = futures::future::join_all(names.map(|name| {
            let phonemizer = &phonemizer;
            async move {
                let lexicon = Lexicon { first_name: name, ..Lexicon::default() };
                let greeting = Utterance::of(name, lexicon).unwrap().unwrap_or_else(|| panic!("{name}: no reading"));
                (name, phonemizer.pronounce(&greeting, name).await.unwrap())
            }
        }));
        let pronounced = pronounced.await;
        assert_eq!(pronounced.len(), 200);
        for (name, words) in pronounced {
            let stresses = words[0].phonemes.chars().filter(|c| *c == 'ˈ').count();
            assert!(words.len() == 1 && stresses == 1, "{name}: {words:?}");
        }
    }

    /// Tests names that English spelling or the American flap would turn into other names. The voice receives the
    /// expected letters.
    #[tokio::test]
    async fn name_keeps_the_sounds_of_its_language() {
        let phonemizer = Phonemizer::new("espeak-ng".into(), Accent::American);
        let mut wrong = Vec::new();
        for (name, expected) in [
            ("François", "fɹɑnswˈɑ"),
            ("Małgorzata", "mWɡOʒˈɑtɑ"),
            ("João", "ʒwˈWn"),
            ("Chloé", "klOˈA"),
            ("Gülşen", "ɡjulʃˈɛn"),
            ("Екатерина", "jɛkɑtɛɹˈinɑ"),
            ("Жанна", "ʒˈɑnɑ"),
            ("Михаил", "mixɑˈil"),
            ("Αικατερίνη", "ɛkɑtɛɹˈini"),
            ("Παναγιώτης", "pɑnɑjˈOtis"),
            ("فاطمة", "fˈɑtɪmɑ"),
            ("أحمد", "ˈɑhmɛd"),
            ("عائشة", "ɑˈiʃɑ"),
            ("خالد", "xˈɑlɪd"),
            ("שרה", "sɑɹˈɑ"),
            ("רחל", "ɹɑxˈɛl"),
            ("सुनीता", "sunˈitɑ"),
            ("कृष्ण", "kɹˈɪʃnʌ"),
            ("সুব্রত", "ʃˈubɹɔtO"),
            ("செந்தில்", "sˈɛndɪl"),
            ("கவிதா", "kˈʌvɪtɑ"),
            ("ธนากร", "tɑnɑkˈɔn"),
            ("ქეთევან", "kˈɛtɛvɑn"),
            ("შოთა", "ʃˈOtɑ"),
            ("ნათია", "nˈɑtiɑ"),
            ("은지", "ˈʊnʤi"),
            ("하늘", "hˈɑnʊl"),
            ("健太", "kˈɛntɑ"),
            ("翔太", "ʃˈOtɑ"),
            ("建国", "ʤjɛnɡwˈɔ"),
        ] {
            let lexicon = Lexicon { first_name: name, ..Lexicon::default() };
            let greeting = Utterance::of(name, lexicon).unwrap().unwrap();
            let pronounced = phonemizer.pronounce(&greeting, name).await.unwrap();
            let said: Vec<&str> = pronounced.iter().map(|word| word.phonemes.as_str()).collect();
            if said != [expected] {
                wrong.push(format!("{name}: {said:?} instead of {expected}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Tests that no name in another script falls through to English spelling rules, and that no flap reaches the voice.
    #[tokio::test]
    async fn no_name_has_a_flap_or_an_english_reading() {
        let phonemizer = Phonemizer::new("espeak-ng".into(), Accent::American);
        for name in NAMES.lines().filter_map(|line| line.split('\t').next()) {
            let lexicon = Lexicon { first_name: name, ..Lexicon::default() };
            let greeting = Utterance::of(name, lexicon).unwrap().unwrap();
            let foreign = name.chars().any(|c| c.is_alphabetic() && !matches!(c, '\0'..='\u{24f}' | 'Ḁ'..='ỿ'));
            assert!(!foreign || greeting.words().iter().all(|word| word.sound.is_some()), "{name}");
            let pronounced = phonemizer.pronounce(&greeting, name).await.unwrap();
            assert!(pronounced.iter().all(|word| !word.phonemes.contains('T')), "{name}: {pronounced:?}");
        }
    }

    #[test]
    fn unmatched_word_or_group_is_no_alignment() {
        let single_words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(align(&single_words(&["a", "b", "k"]), &["a"]), None);
        assert_eq!(align(&single_words(&[]), &["a"]), None);
        assert_eq!(align(&single_words(&["a"]), &[]), None);
    }
}
