//! Reading level, by a formula that works in any language with spaces.

use unicode_segmentation::UnicodeSegmentation as _;

/// Words with more than this many letters count as long.
const LONG_WORD: usize = 6;

/// Returns the LIX of `text`: words per sentence plus the percentage of words with more than six letters (Björnsson
/// 1968). Below 30 is easy, and 40 to 50 is newspaper level. Readers at CEFR B2 can read text up to about 45.
#[must_use]
pub fn lix(text: &str) -> f64 {
    let words: Vec<&str> = text.unicode_words().collect();
    if words.is_empty() {
        return 0.0;
    }
    let sentences =
        text.unicode_sentences().filter(|sentence| sentence.unicode_words().next().is_some()).count().max(1);
    let long = words.iter().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > LONG_WORD).count();
    #[expect(clippy::cast_precision_loss, reason = "a line has few words")]
    let (words, sentences, long) = (words.len() as f64, sentences as f64, long as f64);
    words / sentences + 100.0 * long / words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_words_and_sentences_have_a_low_lix() {
        assert!(lix("You can read it at home. Take your time.") < 10.0);
        assert!(
            lix("Notwithstanding aforementioned contractual stipulations, remuneration remains discretionary.") > 60.0
        );
        assert!(lix("").abs() < f64::EPSILON);
    }
}
