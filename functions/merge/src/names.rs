//! Distinguishes first names from placeholders, sentences and abuse. If a cell does not contain a name, the greeting
//! omits it.

use contracts::facts::plain_words;

/// The maximum number of characters in a name.
pub const MAX_NAME: usize = 100;
/// The maximum number of words in a first name.
const MAX_WORDS: usize = 3;

/// Words that programs write in place of a missing value.
const PLACEHOLDERS: [&str; 34] = [
    "null",
    "nan",
    "none",
    "nil",
    "true",
    "false",
    "n/a",
    "#n/a",
    "#ref!",
    "#value!",
    "#name?",
    "#null!",
    "#num!",
    "#div/0!",
    "unknown",
    "undefined",
    "missing",
    "blank",
    "empty",
    "not available",
    "not applicable",
    "no name",
    "unnamed",
    "anonymous",
    "test",
    "customer",
    "client",
    "cliente",
    "valued customer",
    "first name",
    "firstname",
    "tbd",
    "desconocido",
    "sin nombre",
];

/// Words that rule out a name: commands, claims about an account, and abuse.
const NOT_NAMES: [&str; 70] = [
    "send",
    "pay",
    "call",
    "click",
    "transfer",
    "verify",
    "confirm",
    "login",
    "enter",
    "reply",
    "visit",
    "urgent",
    "warning",
    "alert",
    "attention",
    "blocked",
    "suspended",
    "locked",
    "closed",
    "overdue",
    "card",
    "cards",
    "pin",
    "password",
    "passcode",
    "otp",
    "account",
    "accounts",
    "bank",
    "money",
    "cash",
    "free",
    "winner",
    "prize",
    "loan",
    "refund",
    "debt",
    "invoice",
    "buy",
    "sell",
    "ignore",
    "instructions",
    "prompt",
    "fuck",
    "fucker",
    "fucking",
    "shit",
    "bitch",
    "asshole",
    "idiot",
    "moron",
    "stupid",
    "cunt",
    "bastard",
    "whore",
    "slut",
    "loser",
    "scum",
    "puta",
    "puto",
    "mierda",
    "pendejo",
    "cabron",
    "cabrón",
    "idiota",
    "estupido",
    "estúpido",
    "llame",
    "envie",
    "pague",
];

/// Words that mark a text of several words as a sentence.
const SENTENCE_WORDS: [&str; 27] = [
    "your", "you", "yours", "is", "are", "was", "will", "the", "now", "here", "and", "or", "to", "my", "our", "this",
    "that", "please", "not", "no", "owes", "must", "su", "tu", "usted", "esta", "por",
];

/// Returns whether `text` represents a missing value.
pub fn is_placeholder(text: &str) -> bool {
    // `Na` is a name, but `NA` is a missing value.
    PLACEHOLDERS.contains(&text.to_lowercase().as_str()) || text == "NA" || !text.chars().any(char::is_alphanumeric)
}

/// Returns whether the text can be used as a first name in a greeting.
pub fn is_name(text: &str) -> bool {
    if is_placeholder(text) {
        return false;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain = plain_words(text);
    let is_sentence = plain.len() > 1 && plain.iter().any(|word| SENTENCE_WORDS.contains(&word.as_str()));
    (1..=MAX_WORDS).contains(&words.len())
        && text.starts_with(char::is_alphabetic)
        && !has_inner_stop(text)
        && !text.contains(['!', '?', ':', ';', '/', '\\', '@', '#', '<', '>', '{', '}', '='])
        && !text.chars().any(char::is_numeric)
        && !is_sentence
        && !plain.iter().any(|word| NOT_NAMES.contains(&word.as_str()))
}

/// Returns whether the text has a period that neither follows an initial nor ends the text.
fn has_inner_stop(text: &str) -> bool {
    let letters_before = |at: usize| text[..at].chars().rev().take_while(|c| c.is_alphabetic()).count();
    text.trim_end().match_indices('.').any(|(at, _)| at + 1 < text.trim_end().len() && letters_before(at) > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_accepted() {
        for name in [
            "Anna",
            "José Luis",
            "J.R.",
            "J. R.",
            "María del Carmen",
            "O'Neil",
            "李娜",
            "Nguyễn",
            "Na",
            "Bill",
            "Mark",
            "Will",
            "Grant",
            "Chase",
            "Penny",
            "Win",
            "Jr.",
            "Anne-Marie",
            "An",
            "ANNA",
            "Mary J. Ann",
            "Sue",
        ] {
            assert!(is_name(name), "{name}");
        }
    }

    #[test]
    fn text_that_is_not_a_name_is_rejected() {
        for text in [
            "NULL",
            "nan",
            "TRUE",
            "#N/A",
            "N/A",
            "NA",
            "None",
            "Unknown",
            "Your Card Is Blocked. Send Your Pin",
            "Send Money",
            "Call Now",
            "Pay Us",
            "Dear Customer Of Ours",
            "Blocked. Anna",
            "Anna Maria Luisa Elena",
            "You Idiot",
            "Idiot",
            "a@b.com",
            "=Anna",
            "-",
            "42",
            "Will You Pay",
            "Visit evil.com",
            "Kiss My",
            "Puta",
        ] {
            assert!(!is_name(text), "{text}");
        }
    }
}
