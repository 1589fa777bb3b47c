//! Web and e-mail addresses, and telephone numbers.

use std::sync::LazyLock;

use regex::Regex;

use super::{letters, number};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Top-level domains that mark a word with periods as an address.
const DOMAINS: &[&str] = &[
    "ar", "app", "bank", "cl", "co", "com", "do", "edu", "es", "example", "gob", "gov", "info", "mx", "net", "org",
    "pe", "pr", "test", "us", "uy",
];

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<scheme>https?://)?(?P<user>[A-Za-z0-9._%+&-]+@)?(?P<host>(?:[A-Za-z0-9_-]+\.)+(?P<domain>[A-Za-z]{2,}))(?P<path>[/?#][^\s<>\u{22}“”]*)?",
    )
});

/// Reads `https://www.meridian.example/viajes`, `ayuda@meridian.example`.
pub fn address(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&ADDRESS).filter(|_| at.starts_word())?;
    let domain = captures["domain"].to_lowercase();
    let certain = ["scheme", "user"].iter().any(|name| captures.name(name).is_some());
    if !certain && !DOMAINS.contains(&domain.as_str()) && !captures["host"].to_lowercase().starts_with("www.") {
        return None;
    }
    let matched = captures.get_match().as_str();
    let written = matched.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']);
    let scheme = captures.name("scheme").map_or(0, |scheme| scheme.end());
    let said = spelled(&written[scheme..].trim_end_matches('/').to_lowercase());
    Some(at.read(Class::Electronic, written.len(), said))
}

/// Returns an address with its symbols in words.
fn spelled(text: &str) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
        let end = if first.is_alphanumeric() {
            rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (run, after) = rest.split_at(end);
        said.push(match first {
            '0'..='9' => number::digits(run),
            '.' => "punto".to_owned(),
            '/' => "barra".to_owned(),
            '-' => "guion".to_owned(),
            '_' => "guion bajo".to_owned(),
            '?' => "signo de interrogación".to_owned(),
            '=' => "igual".to_owned(),
            '&' => "y".to_owned(),
            '@' => "arroba".to_owned(),
            '#' => "numeral".to_owned(),
            '%' => "por ciento".to_owned(),
            '+' => "más".to_owned(),
            _ if run == "www" => "triple doble ve".to_owned(),
            _ if run.bytes().all(|b| b.is_ascii_alphabetic()) => letters::in_address(run),
            _ => String::new(),
        });
        rest = after;
    }
    said.retain(|part| !part.is_empty());
    said.join(" ")
}

static TELEPHONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<number>(?:\+?\d{1,3}[ .-])?(?:\(\d{2,3}\)\s?|\d{3}[ .-])\d{3}[ .-]\d{4}|\+\d{1,3}(?:[ .-]\d{2,4}){2,4}|\d{3}-\d{4})(?P<extension>,?\s(?:ext\.?|extensión)\s?(?P<inner>\d{1,6}))?(?P<end>)(?:[^\d-]|$)",
    )
});

/// Reads a telephone number digit by digit: `1-800-555-0100`, `(305) 555-0147`, `+52 55 1234 5678`.
pub fn telephone(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&TELEPHONE).filter(|_| at.starts_word())?;
    let groups: Vec<String> = captures["number"]
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .map(number::digits)
        .collect();
    let plus = if captures["number"].starts_with('+') { "más " } else { "" };
    let extension = captures.name("inner").map(|inner| format!(", extensión {}", number::digits(inner.as_str())));
    let said = format!("{plus}{}{}", groups.join(", "), extension.unwrap_or_default());
    Some(at.read(Class::Telephone, captures.name("end")?.start(), said))
}

static SHORT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{3}(?P<end>)(?:[^\d.,%]|[.,](?:\D|$)|$)"));

/// Reads a short number after a word such as "marque": `marque 711`, `llame al 911`.
pub fn short_code(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&SHORT).filter(|_| at.starts_word())?;
    let verbs = ["marque", "marcar", "marca", "llame", "llamar", "disque"];
    let before = at.word_before(1);
    let called = verbs.contains(&before.as_str())
        || matches!(before.as_str(), "al" | "el") && verbs.contains(&at.word_before(2).as_str());
    if !called {
        return None;
    }
    let end = captures.name("end")?.start();
    Some(at.read(Class::Telephone, end, number::digits(&at.rest()[..end])))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn addresses_are_said_sign_by_sign() {
        check(&[
            ("Visite meridian.example.", "Visite meridian punto example"),
            ("https://www.meridian.example/viajes", "triple doble ve punto meridian punto example barra viajes"),
            ("ayuda@meridian.example", "ayuda arroba meridian punto example"),
            ("meridian.example/ahorro-2027", "meridian punto example barra ahorro guion dos cero dos siete"),
            ("irs.gov", "i erre ese punto gov"),
        ]);
    }

    #[test]
    fn telephone_numbers_are_said_digit_by_digit() {
        check(&[
            ("1-800-555-0100", "uno, ocho cero cero, cinco cinco cinco, cero uno cero cero"),
            ("(305) 555-0147", "tres cero cinco, cinco cinco cinco, cero uno cuatro siete"),
            ("305.555.0147", "tres cero cinco, cinco cinco cinco, cero uno cuatro siete"),
            ("+52 55 1234 5678", "más cinco dos, cinco cinco, uno dos tres cuatro, cinco seis siete ocho"),
            ("555-0147 ext. 12", "cinco cinco cinco, cero uno cuatro siete, extensión uno dos"),
            ("Marque 711.", "Marque siete uno uno"),
            ("Llame al 911 ahora", "Llame al nueve uno uno ahora"),
        ]);
    }
}
