//! Cardinal numbers, plain (`10,000`) and scaled (`10K`).

use std::sync::LazyLock;

use regex::Regex;

use super::number::{self, NUMBER};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static SCALED: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?P<number>{NUMBER})(?:(?P<scale>[kKMB]|bn|mn|MM)\b|(?P<plural>'?s)\b)")));

/// Words after which a number with a letter is a label, as in `Room 5B` or `Form 8K`, and not a scaled number.
const LABELED_NOUNS: &[&str] = &[
    "apartment",
    "apt",
    "bldg",
    "building",
    "class",
    "exhibit",
    "flat",
    "flight",
    "floor",
    "form",
    "gate",
    "level",
    "lot",
    "row",
    "rm",
    "room",
    "rule",
    "schedule",
    "seat",
    "section",
    "ste",
    "suite",
    "table",
    "unit",
];

/// Reads `10K`, `2M`, `1,000s`.
pub fn scaled(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&SCALED).filter(|_| at.starts_word())?;
    let amount = number::amount(&captures["number"])?;
    if captures.name("plural").is_some() {
        // "$100s" and "1,000s" are plurals; "3s" is three seconds or a name.
        let (value, decimals) = number::parse(&captures["number"])?;
        // "W-2s" is the plural of a form name.
        if at.head().ends_with('-') && value < 100 && decimals.is_empty() {
            return Some(at.whole(Class::Cardinal, &captures, number::plural(&amount)));
        }
        if value < 10 || value % 10 != 0 || !decimals.is_empty() {
            return None;
        }
        let plural = number::plural(&amount);
        return Some(at.whole(Class::Cardinal, &captures, plural.trim_start_matches("one ")));
    }
    let scale = &captures["scale"];
    // "Room 5B" and "Suite 2M" do not mean billions and millions.
    let after_label_noun = LABELED_NOUNS.contains(&at.word_before(1).as_str());
    let followed = at.after(at.pos + captures.get_match().end()).starts_with([' ', '+', '-', '–', ',', '.']);
    let lone_letter = scale == "B" && captures["number"].len() == 1 && !followed;
    if after_label_noun || lone_letter {
        return None;
    }
    let end = at.pos + captures.get_match().end();
    // "4K video" is a resolution.
    if scale == "K" && matches!(at.word_after(end, 1).as_str(), "tv" | "video" | "display" | "screen" | "resolution") {
        return None;
    }
    if matches!(scale, "K" | "k") && at.word_after(end, 1) == "gold" {
        return Some(at.whole(Class::Measure, &captures, format!("{amount} karat")));
    }
    Some(at.whole(Class::Cardinal, &captures, format!("{amount} {}", number::scale(scale)?)))
}

static PLAIN: LazyLock<Regex> = LazyLock::new(|| pattern(NUMBER));

/// Reads `10,000`, `3.0`, `00042`.
pub fn plain(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&PLAIN)?;
    let matched = captures.get_match().as_str();
    let before = at.head().chars().next_back();
    // A period after another period, a letter or a digit is not a decimal point.
    if matched.starts_with('.') && before.is_some_and(|c| c == '.' || c.is_alphanumeric()) {
        return None;
    }
    Some(at.whole(Class::Cardinal, &captures, number::plain(matched)?))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use crate::spoken::{Lexicon, UnreadNumber, Utterance};

    #[test]
    fn numbers_are_read_aloud_correctly() {
        check(&[
            ("10,000", "ten thousand"),
            ("3.0", "three point zero"),
            ("75,000+", "seventy-five thousand plus"),
            ("3,000+ stores", "three thousand plus stores"),
            ("a 60,000-mile offer", "a sixty thousand mile offer"),
            ("a 2,500-point bonus", "a two thousand five hundred point bonus"),
            ("10K points", "ten thousand points"),
            ("1.5M members", "one point five million members"),
            ("1,000s of stores", "thousands of stores"),
            ("3-in-1", "three in one"),
            ("2-for-1", "two for one"),
            ("100-1000", "one hundred to one thousand"),
            ("1 – 3 business days", "one to three business days"),
            ("And ...5 more", "And five more"),
            ("5G", "five G"),
            ("W-2s", "W twos"),
            ("Room 5B", "Room five B"),
        ]);
    }

    /// A number with a misplaced comma or decimal point must never be read as a different number.
    #[test]
    fn malformed_number_is_an_error() {
        for (phrase, word) in [
            ("Pay 1,23 now.", 2),
            ("$2,50", 1),
            ("12,34,567", 1),
            ("Earn 4.25.1% now", 2),
            ("1,000,00 points", 1),
            ("Rate: 1.000,50", 2),
        ] {
            let read = Utterance::of(phrase, Lexicon::default());
            assert_eq!(
                read,
                Err(UnreadNumber(word)),
                "{phrase}: {:?}",
                read.as_ref().ok().map(|u| u.as_ref().map(Utterance::text))
            );
        }
    }
}
