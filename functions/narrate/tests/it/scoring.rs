//! Compares a spoken form with the words that a person wrote down for it.
//!
//! Both sides are reduced to the words that a listener hears. Where people say the same thing in more than one way,
//! both ways count as right; `ALTERNATIVES` and the functions below list all of them. Everything else must match,
//! including singular and plural.

use std::collections::BTreeMap;

use narrate::Pronunciations;

/// A written phrase, what a person says for it, and its class.
pub struct Phrase<'a> {
    pub written: &'a str,
    pub expected: &'a str,
    pub class: &'a str,
}

/// The number of phrases in a class that were said right, and of all its phrases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    pub right: u32,
    pub all: u32,
}

/// Ways to say the same thing, and the spellings that show an engine how a word sounds.
const ALTERNATIVES: &[(&str, &str)] = &[
    ("oh", "zero"),
    ("hyphen", "dash"),
    ("e t", "eastern time"),
    ("p t", "pacific time"),
    ("c t", "central time"),
    ("m t", "mountain time"),
    ("a r m", "arm"),
    ("q one", "first quarter"),
    ("q two", "second quarter"),
    ("q three", "third quarter"),
    ("q four", "fourth quarter"),
    // Spellings for the engine.
    ("fye co", "fico"),
    ("hee lock", "heloc"),
    ("hee locks", "helocs"),
    ("okay", "ok"),
    ("sip ick", "sipc"),
    ("so fur", "sofr"),
    ("lye bore", "libor"),
    ("fin rah", "finra"),
    ("nah cha", "nacha"),
    ("uh rissa", "erisa"),
    ("faff sa", "fafsa"),
    ("reet", "reit"),
    ("reets", "reits"),
    ("rawth", "roth"),
    ("hippa", "hipaa"),
    ("yooze", "use"),
    ("cloze", "close"),
    ("rekord", "record"),
    ("seperate", "separate"),
    ("estimayt", "estimate"),
    ("pre zent", "present"),
    ("ob ject", "object"),
    ("per mit", "permit"),
    ("pro ject", "project"),
    ("miz", "ms"),
    ("rezume", "resume"),
];

const DAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const LETTERS: &[(&str, &str)] = &[
    ("eh", "a"),
    ("bee", "b"),
    ("see", "c"),
    ("dee", "d"),
    ("ee", "e"),
    ("eff", "f"),
    ("jee", "g"),
    ("aitch", "h"),
    ("eye", "i"),
    ("jay", "j"),
    ("kay", "k"),
    ("el", "l"),
    ("em", "m"),
    ("en", "n"),
    ("oh", "o"),
    ("pea", "p"),
    ("cue", "q"),
    ("are", "r"),
    ("ess", "s"),
    ("tea", "t"),
    ("you", "u"),
    ("vee", "v"),
    ("ex", "x"),
    ("why", "y"),
    ("zee", "z"),
];

/// Returns the phrases in a corpus: one per line, with the columns written, said and class.
pub fn phrases(corpus: &str) -> Vec<Phrase<'_>> {
    corpus
        .lines()
        .map(|line| {
            let mut columns = line.split('\t');
            let mut column = || columns.next().unwrap_or_else(|| panic!("{line}: not three columns"));
            Phrase { written: column(), expected: column(), class: column() }
        })
        .collect()
}

/// Returns what the narration says for a phrase, or why it cannot say it.
pub fn said(written: &str) -> Result<String, String> {
    let sentences = narrate::spoken_sentences(written, &Pronunciations::default(), contracts::Language::English)
        .map_err(|error| error.to_string())?;
    Ok(sentences.into_iter().map(|(_, said)| said).collect::<Vec<_>>().join(" "))
}

/// Returns whether a phrase is said as expected.
pub fn is_right(phrase: &Phrase<'_>) -> bool {
    said(phrase.written).is_ok_and(|said| heard(&said) == heard(phrase.expected))
}

/// Returns the score of each class in a corpus.
pub fn scores(corpus: &str) -> BTreeMap<&str, Score> {
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for phrase in phrases(corpus) {
        let score = scores.entry(phrase.class).or_default();
        score.all += 1;
        score.right += u32::from(is_right(&phrase));
    }
    scores
}

/// Returns the words of a spoken form, reduced to one way of saying them.
fn heard(said: &str) -> Vec<String> {
    // Some people write "A.P.R.s" where others write "A P Rs".
    let plain: String = format!("{said} ").replace(".s ", "s ").to_lowercase().chars().filter(|c| *c != '\'').collect();
    let words: Vec<String> =
        plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let words = through_weekdays(without_and(plural_letters(words)));
    let mut text = format!(" {} ", words.join(" "));
    for (one, other) in ALTERNATIVES {
        // Twice, because neighbors share the space between them.
        for _ in 0..2 {
            text = text.replace(&format!(" {one} "), &format!(" {other} "));
        }
    }
    text.split_whitespace().map(str::to_owned).collect()
}

/// Writes "see dees" as "c ds".
fn plural_letters(mut words: Vec<String>) -> Vec<String> {
    let letter = |word: &str| LETTERS.iter().find(|(name, _)| *name == word).map(|(_, letter)| *letter);
    for end in 1..words.len() {
        let Some(last) = words[end].strip_suffix('s').and_then(letter) else { continue };
        let start = words[..end].iter().rposition(|word| letter(word).is_none()).map_or(0, |before| before + 1);
        if start == end {
            continue;
        }
        for word in &mut words[start..end] {
            if let Some(letter) = letter(word) {
                letter.clone_into(word);
            }
        }
        words[end] = format!("{last}s");
    }
    words
}

/// Leaves out the "and" in "one hundred and five".
fn without_and(words: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        let after_scale =
            kept.last().is_some_and(|last| matches!(last.as_str(), "hundred" | "thousand" | "million" | "billion"));
        if word != "and" || !after_scale {
            kept.push(word);
        }
    }
    kept
}

/// Writes "monday to friday" as "monday through friday".
fn through_weekdays(mut words: Vec<String>) -> Vec<String> {
    let is_day = |word: &str| DAYS.contains(&word);
    for at in 1..words.len().saturating_sub(1) {
        if words[at] == "to" && is_day(&words[at - 1]) && is_day(&words[at + 1]) {
            "through".clone_into(&mut words[at]);
        }
    }
    words
}
