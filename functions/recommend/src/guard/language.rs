//! Finds jumbled or broken sentences, and sentences in other languages that are written in Latin letters. The rules
//! cover only English, so they would find nothing in such a sentence.

use super::normal::{APPROVED, NAME, NormalizedText};

/// Frequent words in Spanish, French, German, Italian, Portuguese, Dutch and Polish, and in Latin filler text.
const FOREIGN: &[&str] = &[
    "el",
    "los",
    "las",
    "una",
    "unos",
    "para",
    "por",
    "que",
    "su",
    "sus",
    "tu",
    "usted",
    "ustedes",
    "es",
    "esta",
    "este",
    "nuestro",
    "nuestra",
    "dinero",
    "cuenta",
    "tarjeta",
    "banco",
    "ahora",
    "muy",
    "pero",
    "como",
    "del",
    "al",
    "se",
    "le",
    "les",
    "vous",
    "votre",
    "vos",
    "nous",
    "notre",
    "avec",
    "dans",
    "est",
    "sont",
    "une",
    "et",
    "ou",
    "pas",
    "ce",
    "cette",
    "argent",
    "compte",
    "carte",
    "banque",
    "sie",
    "ihr",
    "ihre",
    "ihnen",
    "und",
    "ist",
    "sind",
    "ein",
    "eine",
    "einen",
    "das",
    "der",
    "dem",
    "den",
    "mit",
    "auf",
    "nicht",
    "wir",
    "geld",
    "konto",
    "karte",
    "bank",
    "il",
    "lo",
    "gli",
    "della",
    "del",
    "che",
    "non",
    "sono",
    "questa",
    "suo",
    "sua",
    "denaro",
    "conto",
    "voce",
    "voc",
    "nao",
    "seu",
    "com",
    "uma",
    "conta",
    "dinheiro",
    "cartao",
    "het",
    "een",
    "uw",
    "niet",
    "van",
    "met",
    "voor",
    "jouw",
    "geldt",
    "nie",
    "jest",
    "dla",
    "twoje",
    "pieniadze",
    "konto",
    "ci",
    "si",
    "mi",
    "ya",
    "ou",
    "du",
    "au",
    "aux",
    "zu",
    "im",
    "von",
    "oder",
    "wenn",
    "lorem",
    "ipsum",
    "dolor",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
];
/// Words in the list that English text uses too.
const SHARED: &[&str] =
    &["bank", "du", "si", "al", "den", "mi", "ya", "met", "est", "com", "non", "van", "im", "le", "el"];
/// The minimum number of foreign words in a foreign sentence, not counting [`SHARED`]. In addition, at least a quarter
/// of all its words must be in [`FOREIGN`].
const MIN_FOREIGN: usize = 2;

/// Returns a violation if a sentence is in another language, and one if a sentence is jumbled.
pub(super) fn check(normal: &NormalizedText) -> Vec<String> {
    let is_foreign = |words: &Vec<String>| {
        let words: Vec<&str> =
            words.iter().map(String::as_str).filter(|word| !word.contains([NAME, APPROVED])).collect();
        let foreign = words.iter().filter(|word| FOREIGN.contains(word));
        let certain = foreign.clone().filter(|word| !SHARED.contains(word)).count();
        certain >= MIN_FOREIGN && foreign.count() * 4 >= words.len()
    };
    let mut violations = Vec::new();
    if normal.sentences.iter().any(is_foreign) {
        violations.push("a sentence in another language".to_owned());
    }
    if normal.sentences.iter().any(|words| is_jumbled(words)) {
        violations.push("words in no order".to_owned());
    }
    if normal.sentences.iter().any(|words| is_repetitive(words)) {
        violations.push("a word repeated without sense".to_owned());
    }
    if normal.sentences.last().is_some_and(|words| is_cut_off(words)) {
        violations.push("a sentence without an end".to_owned());
    }
    violations
}

/// Words that precede a noun or an adjective.
const BEFORE_NOUNS: &[&str] = &["a", "an", "the", "your", "our", "my"];
/// Words that never follow one of [`BEFORE_NOUNS`].
const NEVER_NOUNS: &[&str] = &[
    "a",
    "am",
    "an",
    "and",
    "are",
    "because",
    "but",
    "his",
    "is",
    "it",
    "my",
    "nor",
    "of",
    "or",
    "our",
    "seldom",
    "that",
    "the",
    "their",
    "them",
    "therefore",
    "these",
    "they",
    "this",
    "those",
    "us",
    "was",
    "we",
    "were",
    "which",
    "whose",
    "you",
    "your",
];

/// Returns whether a sentence contains a pair of words that is impossible in English, such as "the of" or "it seven".
fn is_jumbled(words: &[String]) -> bool {
    words.windows(2).any(|pair| {
        let [first, second] = [pair[0].as_str(), pair[1].as_str()];
        BEFORE_NOUNS.contains(&first) && NEVER_NOUNS.contains(&second)
            || ["it", "they", "we"].contains(&first) && ["of", "seven", "yes"].contains(&second)
            || first == second && NEVER_NOUNS.contains(&first) && first != "that"
    })
}

/// The number of times that a sentence may contain the same word of at least [`MIN_REPEATED`] characters.
const MAX_REPEATS: usize = 3;
const MIN_REPEATED: usize = 4;

fn is_repetitive(words: &[String]) -> bool {
    let long = |word: &&String| word.chars().count() >= MIN_REPEATED && !word.contains([NAME, APPROVED]);
    let repeats = |word: &String| words.iter().filter(|other| *other == word).count();
    words.iter().filter(long).any(|word| repeats(word) > MAX_REPEATS)
}

/// Returns whether a sentence ends with a word that another word must follow.
fn is_cut_off(words: &[String]) -> bool {
    const UNFINISHED: &[&str] = &["a", "an", "and", "because", "my", "of", "or", "our", "than", "the", "your"];
    match words {
        [.., able, to] if able == "able" && to == "to" => true,
        [.., last] => UNFINISHED.contains(&last.as_str()),
        [] => false,
    }
}
