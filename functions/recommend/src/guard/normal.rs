//! Brings a text to the form in which the rules are looked for, so that they cannot be dodged by how a word is written.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Stands where a sentence of the catalogue stood. Of the private use area, so that no writer's text holds it unseen:
/// the check `plain-text` runs on the text before masking.
pub(super) const APPROVED: char = '\u{e000}';
/// Stands where a name stands that code filled in or will fill in.
pub(super) const NAME: char = '\u{e001}';

/// A text made ready for the rules.
pub(super) struct Normal {
    /// Lower case, compatibility forms and accents folded, look-alikes of other scripts made Latin, invisible signs
    /// dropped; punctuation kept.
    pub folded: String,
    /// The words of `folded`, in each way in which they may be read.
    pub readings: Vec<Vec<String>>,
    /// The same sentence by sentence.
    pub sentences: Vec<Vec<String>>,
}

impl Normal {
    pub(super) fn of(text: &str) -> Self {
        let plain = without_disguise(text);
        let sentences = sentences(&plain).into_iter().flat_map(|sentence| readings(&lower(sentence))).collect();
        let folded = lower(&plain);
        Self { readings: readings(&folded), sentences, folded }
    }

    /// All letters and digits without anything between them: what is left of `guar-an teed`.
    pub(super) fn squashed(&self) -> String {
        self.folded.chars().filter(|c| c.is_alphanumeric()).collect()
    }
}

/// The words of a text in each way in which they may be read: as they stand, with single letters in a row joined, with
/// digits taken for letters.
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

/// The sentences of a text that is not yet in lower case. A stop ends one only between a word and a blank, so that an
/// ellipsis ends none; nothing ends one before a small letter.
fn sentences(plain: &str) -> Vec<&str> {
    const STOPS: [char; 3] = ['.', '!', '?'];
    let ends_a_word = |text: &str| !text.ends_with(|c: char| c.is_whitespace() || STOPS.contains(&c));
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, blank) in plain.char_indices().filter(|(_, c)| c.is_whitespace()) {
        let sentence = &plain[start..at];
        let ends = blank == '\n' || sentence.strip_suffix(STOPS).is_some_and(ends_a_word);
        if ends && !plain[at..].trim_start().starts_with(char::is_lowercase) {
            sentences.push(sentence);
            start = at;
        }
    }
    sentences.push(&plain[start..]);
    sentences
}

/// Signs that are not seen and split words: soft hyphens, zero-width signs, marks of direction, variation selectors.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Letters that look like Latin ones (from the confusables of Unicode UTS #39, the Cyrillic and Greek that are plain to
/// the eye). Other scripts need no entry: a letter of theirs is a violation in itself.
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

pub(super) fn fold(text: &str) -> String {
    lower(&without_disguise(text))
}

/// All that [`fold`] does but for the lower case.
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

/// Digits and signs inside a word, made the letters that they stand for: `gu4rant33d`, `fr3e`, `c@sh`.
fn without_digits_as_letters(folded: &str) -> String {
    let mut read = String::with_capacity(folded.len());
    let mut signs = folded.chars().peekable();
    while let Some(c) = signs.next() {
        let before = read.chars().next_back().is_some_and(char::is_alphabetic);
        let after = signs.peek().is_some_and(|c| c.is_alphabetic());
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

/// Words of letters and digits; an apostrophe joins (`don't` is `dont`), a mask is a word of its own.
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

/// Joins three or more single letters in a row: `a p r`, `f-r-e-e`. With `skip_article`, an `a` or `i` that the row
/// starts with is left out of it, because it may be a word: `a f r e e`.
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
    fn look_alikes_invisible_signs_and_width_fold_to_the_plain_word() {
        for dodge in
            ["Guаrаnteed", "gua\u{200b}ranteed", "ＧＵＡＲＡＮＴＥＥＤ", "gu\u{ad}aranteed", "guáranteéd", "𝐠𝐮𝐚𝐫𝐚𝐧𝐭𝐞𝐞𝐝"]
        {
            assert_eq!(fold(dodge), "guaranteed", "{dodge}");
        }
    }

    #[test]
    fn neither_an_ellipsis_nor_a_stop_before_a_small_letter_ends_a_sentence() {
        for one in ["no ... Fees", "no... Fees", "no . . . Fees", "no. fees", "no\nfees", "no?! Fees"] {
            assert_eq!(sentences(one), [one]);
        }
        assert_eq!(sentences("No. Fees! Yes?"), ["No.", " Fees!", " Yes?"]);
    }

    #[test]
    fn digits_in_a_word_are_read_as_letters() {
        let readings = Normal::of("a gu4r4nt33d fr3e gift of c@sh now!").readings;
        for word in ["guaranteed", "free", "cash", "now"] {
            assert!(readings.iter().flatten().any(|w| w == word), "{word}");
        }
    }

    #[test]
    fn spelled_out_words_are_read_as_words() {
        let readings = Normal::of("It is a f r e e account with A.P.R. and f-r-e-e").readings;
        let found = |word: &str| readings.iter().flatten().any(|w| w == word);
        assert!(found("free") && found("apr") && found("account"));
    }
}
