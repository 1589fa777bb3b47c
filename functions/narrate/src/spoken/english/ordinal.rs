//! Ordinal numbers.

use std::sync::LazyLock;

use regex::Regex;

use super::number;
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static ORDINAL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?i:st|nd|rd|th)\b"));

/// Reads `1st`, `22nd`, `5th-largest`.
pub fn ordinal(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&ORDINAL).filter(|_| at.starts_word())?;
    let (value, _) = number::parse(&captures["number"])?;
    Some(at.whole(Class::Ordinal, &captures, number::ordinal(value)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn ordinals_are_read_aloud_correctly() {
        check(&[
            ("1st", "first"),
            ("22nd", "twenty-second"),
            ("the 7th-largest bank", "the seventh largest bank"),
            ("our 1,000th customer", "our one thousandth customer"),
            ("1st–3rd", "first to third"),
        ]);
    }
}
