//! Verbs that are spelled like nouns and adjectives but pronounced differently.
//!
//! Engines pronounce "use" in "Use your card" like the noun in "the use of it". At the start of a sentence or clause, a
//! verb before an object is respelled as it sounds.

use std::sync::LazyLock;

use regex::Regex;

use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Verbs that need respelling.
const VERBS: &[(&str, &str)] = &[
    ("use", "yooze"),
    ("close", "cloze"),
    ("record", "rekord"),
    ("separate", "seperate"),
    ("estimate", "estimayt"),
    ("present", "pre-zent"),
    ("object", "ob-ject"),
    ("permit", "per-mit"),
    ("project", "pro-ject"),
    ("duplicate", "duplicayt"),
    ("moderate", "moderayt"),
    ("live", "liv"),
    ("excuse", "ex-cuze"),
];

static VERB: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<word>[A-Za-z]+)(?P<end>)\s(?P<next>[A-Za-z0-9$]+)"));

/// Words that start the object or are an adverb after an imperative.
const OBJECTS: &[&str] = &[
    "a", "all", "an", "another", "any", "as", "at", "both", "cash", "each", "every", "for", "from", "her", "his", "in",
    "it", "its", "less", "like", "more", "my", "no", "on", "one", "only", "our", "ours", "some", "that", "the",
    "their", "them", "these", "this", "those", "to", "two", "up", "what", "with", "within", "yours", "your",
];

/// Reads a verb at the start of a sentence, or after "and", "or", "please", "then".
pub fn verb(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&VERB).filter(|_| at.starts_word())?;
    let word = captures["word"].to_lowercase();
    let (_, said) = VERBS.iter().find(|(verb, _)| *verb == word)?;
    let before = at.word_before(1);
    let starts = at.first || at.head().ends_with(", ") && captures["word"].starts_with(char::is_lowercase);
    let joined = matches!(before.as_str(), "and" | "or" | "please" | "then" | "simply" | "just" | "not" | "don't");
    let next = captures["next"].to_lowercase();
    // In "Permit No. 5", a number follows, not an object.
    let is_number = &captures["next"] == "No";
    let objects = !is_number && OBJECTS.contains(&next.as_str())
        || captures["next"].starts_with(['$', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    // A name can be the object only of "use": "Use Meridian Pay", but not "Live Chat" and "Record High".
    let named = word == "use" && next != "of" && at.first;
    let prepositional =
        matches!(next.as_str(), "for" | "in" | "at" | "on" | "to" | "from" | "with" | "up" | "as" | "like");
    let fits = if prepositional { matches!(word.as_str(), "live" | "use" | "object") } else { objects || named };
    (fits && (starts || joined)).then(|| {
        let capital = captures["word"].starts_with(char::is_uppercase);
        let said = if capital { capitalized(said) } else { (*said).to_owned() };
        at.read(Class::Word, word.len(), said)
    })
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn verbs_are_respelled_only_as_verbs() {
        check(&[
            ("Use your card.", "Yooze your card"),
            ("The use of cards", "The use of cards"),
            ("Record your spending.", "Rekord your spending"),
            ("A record high", "A record high"),
            ("Separate your bills.", "Seperate your bills"),
            ("Keep separate accounts.", "Keep separate accounts"),
            ("Close the account.", "Cloze the account"),
            ("Close to home", "Close to home"),
            ("Live chat is open.", "Live chat is open"),
        ]);
    }
}
