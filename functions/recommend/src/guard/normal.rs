//! Normalizes text before the rules search it, so an unusual spelling cannot evade them.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Replaces an approved catalog sentence. The character is from the private use area, and the `plain-text` check
/// rejects it in unmasked text, so a writer cannot smuggle it in.
pub(super) const APPROVED: char = '\u{e000}';
/// Replaces a name that code fills in.
pub(super) const NAME: char = '\u{e001}';

/// Text prepared for the rules.
pub(super) struct NormalizedText {
    /// The text in lower case, without compatibility forms, accents and invisible characters. Look-alikes from other
    /// scripts become Latin letters. Punctuation is kept.
    pub folded: String,
    /// The words in `folded`, once for each way to read them. The first reading is as written.
    pub readings: Vec<Vec<String>>,
    /// The readings of each sentence, in one list.
    pub sentences: Vec<Vec<String>>,
}

impl NormalizedText {
    pub(super) fn new(text: &str) -> Self {
        let plain = without_disguise(text);
        let sentences = sentences(&plain).into_iter().flat_map(|sentence| readings(&lower(sentence))).collect();
        let folded = lower(&plain);
        Self { readings: readings(&folded), sentences, folded }
    }
}

/// Returns the words in `folded` once for each way to read them: as written, with consecutive single letters joined,
/// and with digits as letters.
fn readings(folded: &str) -> Vec<Vec<String>> {
    let as_written = words(folded);
    let with_letters = words(&without_digits_as_letters(folded));
    let joined = [
        join_spelled_out(&as_written, false),
        join_spelled_out(&as_written, true),
        join_spelled_out(&with_letters, false),
    ];
    let mut readings = vec![as_written];
    for reading in joined.into_iter().chain([with_letters]) {
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings
}

/// Splits `plain`, which must still have its upper case, into sentences. A period ends a sentence only between a word
/// and a space, so an ellipsis does not. It never ends a sentence before a lowercase letter.
fn sentences(plain: &str) -> Vec<&str> {
    const STOPS: [char; 3] = ['.', '!', '?'];
    let ends_a_word = |text: &str| !text.ends_with(|c: char| c.is_whitespace() || STOPS.contains(&c));
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, space) in plain.char_indices().filter(|(_, c)| c.is_whitespace()) {
        let sentence = &plain[start..at];
        let ends = space == '\n' || sentence.strip_suffix(STOPS).is_some_and(ends_a_word);
        if ends && !plain[at..].trim_start().starts_with(char::is_lowercase) {
            sentences.push(sentence);
            start = at;
        }
    }
    sentences.push(&plain[start..]);
    sentences
}

/// Returns whether a character is invisible and may split a word: soft hyphens, zero-width characters, direction marks
/// and variation selectors.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Returns the Latin letter that a character looks like, or the character itself. The list has the obvious Cyrillic and
/// Greek confusables of Unicode UTS #39. Letters of other scripts need no entry, because `plain-text` rejects them.
const fn latin(c: char) -> char {
    match c {
        'А' | 'а' | 'Α' | 'α' | 'ɑ' => 'a',
        'В' | 'в' | 'Β' | 'β' => 'b',
        'С' | 'с' | 'ϲ' => 'c',
        'ԁ' | 'đ' | 'ð' => 'd',
        'Е' | 'е' | 'Ε' | 'ε' => 'e',
        'ƒ' => 'f',
        'ɡ' => 'g',
        'Н' | 'н' | 'Η' | 'һ' => 'h',
        'І' | 'і' | 'Ι' | 'ι' | 'ı' => 'i',
        'Ј' | 'ј' => 'j',
        'К' | 'к' | 'Κ' | 'κ' => 'k',
        'ӏ' | 'Ӏ' | 'ł' | 'Ł' => 'l',
        'М' | 'м' | 'Μ' => 'm',
        'Ν' | 'η' | 'п' => 'n',
        'О' | 'о' | 'Ο' | 'ο' | 'ø' | 'Ø' => 'o',
        'Р' | 'р' | 'Ρ' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'Ѕ' | 'ѕ' => 's',
        'Т' | 'т' | 'Τ' | 'τ' => 't',
        'υ' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' => 'w',
        'Х' | 'х' | 'Χ' | 'χ' => 'x',
        'У' | 'у' | 'Υ' | 'γ' => 'y',
        'Ζ' => 'z',
        other => other,
    }
}

/// Folds text to the form in which the rules compare it.
pub(super) fn fold(text: &str) -> String {
    lower(&without_disguise(text))
}

/// Folds text as [`fold`] does, but keeps the case.
fn without_disguise(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c) && !is_invisible(*c))
        .map(latin)
        .map(|c| if matches!(c, '’' | '‘' | 'ʼ' | '`') { '\'' } else { c })
        .collect()
}

fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Replaces digits and symbols inside a word with the letters that they imitate: `gu4rant33d`, `fr3e`, `c@sh`.
fn without_digits_as_letters(folded: &str) -> String {
    let mut read = String::with_capacity(folded.len());
    let mut characters = folded.chars().peekable();
    while let Some(c) = characters.next() {
        let before = read.chars().next_back().is_some_and(char::is_alphabetic);
        let after = characters.peek().is_some_and(|c| c.is_alphabetic());
        read.push(match c {
            '0' if before || after => 'o',
            '1' if before || after => 'i',
            '3' if before || after => 'e',
            '4' if before || after => 'a',
            '5' if before || after => 's',
            '7' if before || after => 't',
            '@' if before && after => 'a',
            '$' if before && after => 's',
            '!' if before && after => 'i',
            other => other,
        });
    }
    read
}

/// Splits folded text into words of letters and digits. An apostrophe does not split a word (`don't` is `dont`), and a
/// mask is a word of its own.
pub(super) fn words(folded: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in folded.chars() {
        if c.is_alphanumeric() {
            words.last_mut().expect("never empty").push(c);
        } else if c == APPROVED || c == NAME {
            words.push(c.to_string());
            words.push(String::new());
        } else if c != '\'' {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Joins three or more consecutive single letters: `a p r`, `f-r-e-e`. With `skip_article`, a leading `a` or `i` stays
/// separate, because it may be a word: `a f r e e`.
fn join_spelled_out(words: &[String], skip_article: bool) -> Vec<String> {
    let is_letter = |word: &String| word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let mut joined = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let mut length = words[at..].iter().take_while(|word| is_letter(word)).count();
        if skip_article && length > 3 && matches!(words[at].as_str(), "a" | "i") {
            joined.push(words[at].clone());
            at += 1;
            length -= 1;
        }
        if length >= 3 {
            joined.push(words[at..at + length].concat());
            at += length;
        } else {
            joined.push(words[at].clone());
            at += 1;
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguised_letters_become_plain_letters() {
        for dodge in
            ["Guаrаnteed", "gua\u{200b}ranteed", "ＧＵＡＲＡＮＴＥＥＤ", "gu\u{ad}aranteed", "guáranteéd", "𝐠𝐮𝐚𝐫𝐚𝐧𝐭𝐞𝐞𝐝"]
        {
            assert_eq!(fold(dodge), "guaranteed", "{dodge}");
        }
    }

    #[test]
    fn neither_ellipsis_nor_period_before_lowercase_ends_a_sentence() {
        for one in ["no ... Fees", "no... Fees", "no . . . Fees", "no. fees", "no\nfees", "no?! Fees"] {
            assert_eq!(sentences(one), [one]);
        }
        assert_eq!(sentences("No. Fees! Yes?"), ["No.", " Fees!", " Yes?"]);
    }

    #[test]
    fn digits_inside_a_word_are_read_as_letters() {
        let readings = NormalizedText::new("a gu4r4nt33d fr3e gift of c@sh now!").readings;
        for word in ["guaranteed", "free", "cash", "now"] {
            assert!(readings.iter().flatten().any(|w| w == word), "{word}");
        }
    }

    #[test]
    fn spelled_out_letters_are_read_as_a_word() {
        let readings = NormalizedText::new("It is a f r e e account with A.P.R. and f-r-e-e").readings;
        let found = |word: &str| readings.iter().flatten().any(|w| w == word);
        assert!(found("free") && found("apr") && found("account"));
    }
}
