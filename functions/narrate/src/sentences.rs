//! Splits the text of a segment into sentences.

use unicode_segmentation::UnicodeSegmentation as _;

/// Abbreviations that a capital follows within a sentence. UAX #29 rule SB8 takes care of those before small letters.
const INNER: &[&str] =
    &["dr.", "mr.", "mrs.", "ms.", "prof.", "st.", "jr.", "sr.", "no.", "vs.", "e.g.", "i.e.", "u.s.", "approx."];

/// The sentences of a text by Unicode's rules (UAX #29), each with single spaces, save that a title or an initial does
/// not end one: "Dr. Smith", "J. Smith".
#[must_use]
pub fn sentences(text: &str) -> Vec<String> {
    // A line's end is a space here: the rules would split there.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut sentences: Vec<String> = Vec::new();
    for part in text.split_sentence_bounds().map(str::trim).filter(|part| !part.is_empty()) {
        match sentences.last_mut() {
            Some(before) if goes_on(before) || !part.chars().any(char::is_alphanumeric) => {
                before.push(' ');
                before.push_str(part);
            }
            Some(_) | None => sentences.push(part.to_owned()),
        }
    }
    sentences
}

fn goes_on(sentence: &str) -> bool {
    let last = sentence.rsplit(' ').next().unwrap_or_default();
    let is_initial =
        last.len() == 2 && last.ends_with('.') && last.starts_with(|c: char| c.is_ascii_uppercase() && c != 'I');
    is_initial || INNER.contains(&last.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_a_reader_pauses() {
        assert_eq!(
            sentences("Hello José.  Ask Dr. J. Smith at\nMeridian! Is 4.25% APY, e.g. on savings, fair? Yes."),
            ["Hello José.", "Ask Dr. J. Smith at Meridian!", "Is 4.25% APY, e.g. on savings, fair?", "Yes."]
        );
    }

    #[test]
    fn a_text_without_an_end_is_one_sentence() {
        assert_eq!(sentences("Equal Housing Lender"), ["Equal Housing Lender"]);
        assert!(sentences(" \n ").is_empty());
    }
}
