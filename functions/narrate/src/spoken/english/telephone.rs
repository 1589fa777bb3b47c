//! Telephone numbers, read digit by digit with a pause after each group.

use std::sync::LazyLock;

use regex::Regex;

use super::number;
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,5}|011(?:[ -]\d{1,5}){3,5}|(?:1[ .-])?(?:\(\d{3}\)\s?-?|\d{3}[ .-])\d{3}[ .-]\d{4}(?:-\d{1,5})?|\d{3}-\d{4})(?P<end>)(?P<extension>,?\s?(?:ext\.?|extension|x)\s?\d{1,6})?\b",
    )
});
static EXTENSION: LazyLock<Regex> = LazyLock::new(|| pattern(r",?\s?(?:ext\.?|extension|x)\s?"));

/// Reads `1-800-555-0199`, `(212) 555-0178`, `+44 20 7946 0958`, `555-0199`, with extensions.
pub fn number(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&NUMBER)?;
    let main = &at.rest()[..captures.name("end")?.start()];
    // No exchange begins with 0 or 1 (North American Numbering Plan), so "100-1000" is a range.
    let is_range = main.len() == 8 && main.starts_with(['0', '1']);
    // A country code and a number together have at least seven digits, unlike "+0.25%".
    let too_short = main.bytes().filter(u8::is_ascii_digit).count() < 7;
    if !at.starts_word() || is_range || too_short {
        return None;
    }
    let mut pieces = groups(at.pos, main);
    if let Some(plus) = main.strip_prefix('+').and_then(|_| pieces.first_mut()) {
        plus.1 = format!("plus {}", plus.1);
        plus.0.start = at.pos;
    }
    if let Some(extension) = captures.name("extension") {
        let label = EXTENSION.find(extension.as_str())?;
        let label_start = at.pos + extension.start() + extension.as_str().find(char::is_alphabetic)?;
        let number_start = at.pos + extension.start() + label.end();
        let digits = number::digits(&extension.as_str()[label.end()..]);
        let letters = extension.as_str()[..label.end()].trim_matches([' ', ',']).len();
        if at.after(label_start + letters).starts_with(' ') {
            pieces.push((label_start..label_start + letters, "extension".to_owned()));
            pieces.push((number_start..at.pos + extension.end(), digits));
        } else {
            pieces.push((label_start..at.pos + extension.end(), format!("extension {digits}")));
        }
    } else if let Some(last) = pieces.last_mut() {
        last.1 = last.1.trim_end_matches(',').to_owned();
    }
    let end = at.pos + captures.get_match().end();
    Some(Reading { class: Class::Telephone, end, pieces })
}

/// Returns the groups of digits with their positions, each with a pause after it.
fn groups(start: usize, text: &str) -> Vec<(std::ops::Range<usize>, String)> {
    let mut pieces = Vec::new();
    let mut from = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_ascii_alphanumeric(), from) {
            (true, None) => from = Some(at),
            (false, Some(first)) => {
                pieces.push((start + first..start + at, format!("{},", group(&text[first..at]))));
                from = None;
            }
            _ => {}
        }
    }
    pieces
}

fn group(text: &str) -> String {
    match text {
        "800" => "eight hundred".to_owned(),
        _ if text.bytes().all(|b| b.is_ascii_digit()) => number::digits(text),
        // Words are read as words: "BANK". Other letters are spelled out.
        _ if text.len() > 1 && text.bytes().any(|b| b"AEIOUY".contains(&b)) => text.to_lowercase(),
        _ => text.chars().map(String::from).collect::<Vec<_>>().join("."),
    }
}

static VANITY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:1[- ])?(?:8(?:00|33|44|55|66|77|88)|\d{3}-\d{3})(?:-[A-Z0-9]+)*(?:-[A-Z]{2,}|\s[A-Z]{4,})(?:-[A-Z0-9]+)*\b",
    )
});

/// Reads `1-800-555-BANK`, `800-FLOWERS`.
pub fn vanity(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&VANITY).filter(|_| at.starts_word())?;
    let mut pieces = groups(at.pos, captures.get_match().as_str());
    if let Some(last) = pieces.last_mut() {
        last.1 = last.1.trim_end_matches(',').to_owned();
    }
    Some(Reading { class: Class::Telephone, end: at.pos + captures.get_match().end(), pieces })
}

static SHORT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:[2-9]-1-1|\d{3,6})\b"));

/// Reads short numbers where the text says to dial one: `dial 711`, `text BANK to 12345`.
pub fn short_code(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&SHORT).filter(|_| at.starts_word())?;
    let digits = &captures.get_match().as_str().replace('-', "");
    let before = at.word_before(1);
    let is_service = matches!(digits.as_str(), "211" | "311" | "411" | "511" | "611" | "711" | "811" | "911" | "988");
    let spelled = captures.get_match().as_str().contains('-');
    let called =
        matches!(before.as_str(), "call" | "dial" | "dialing" | "calling" | "text" | "or" | "tty" | "tdd" | "relay");
    let dialed =
        is_service && (spelled || called) || matches!(before.as_str(), "dial" | "dialing" | "extension" | "ext");
    let head = at.head().to_lowercase();
    let texted = before == "to" && digits.len() >= 5 && head.contains("text ");
    (dialed || texted).then(|| at.whole(Class::Telephone, &captures, number::digits(digits)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn telephone_numbers_are_said_digit_by_digit() {
        check(&[
            ("1-800-555-0199", "one, eight hundred, five five five, zero one nine nine"),
            ("555-0199", "five five five, zero one nine nine"),
            ("(415)555-0132", "four one five, five five five, zero one three two"),
            ("Call (800) 555-0199 today", "Call eight hundred, five five five, zero one nine nine today"),
            ("415.555.0132", "four one five, five five five, zero one three two"),
            ("+1 888 555 0142", "plus one, eight eight eight, five five five, zero one four two"),
            ("+49 30 1234 5678", "plus four nine, three zero, one two three four, five six seven eight"),
            ("415-555-0132-2222", "four one five, five five five, zero one three two, two two two two"),
            ("415-555-0132 ext. 42", "four one five, five five five, zero one three two, extension four two"),
            ("1-888-555-CARD", "one, eight eight eight, five five five, card"),
            ("1-800-FLOWERS", "one, eight hundred, flowers"),
            ("dial 611", "dial six one one"),
            ("call 9-1-1", "call nine one one"),
            ("1 800 MERIDIAN", "one, eight hundred, meridian"),
            ("call 988", "call nine eight eight"),
            ("Text SAVE to 54321", "Text save to five four three two one"),
            ("100-1000", "one hundred to one thousand"),
        ]);
    }
}
