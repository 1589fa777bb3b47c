//! Web and e-mail addresses.

use std::sync::LazyLock;

use regex::Regex;

use super::{letters, number};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Top-level domains that mark a word with periods as an address.
const DOMAINS: &[&str] = &[
    "ai", "app", "bank", "biz", "ca", "ch", "co", "com", "de", "dev", "edu", "es", "eu", "example", "fr", "gov",
    "info", "int", "invalid", "io", "me", "mil", "mobi", "mx", "name", "net", "online", "org", "test", "tv", "uk",
    "us",
];

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<scheme>https?://)?(?P<user>[A-Za-z0-9._%+&-]+@)?(?P<host>(?:[A-Za-z0-9_-]+\.)+(?P<domain>[A-Za-z]{2,}))(?P<port>:\d+)?(?P<path>[/?#][^\s<>\u{22}“”]*)?",
    )
});
static NUMBERS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{1,3}(?:\.\d{1,3}){3}\b"));
static HANDLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<sign>[@#])(?P<name>[A-Za-z_]\w+)"));

/// Reads `https://www.meridian.example/travel`, `help@meridian.example`, `10.0.0.1`, `@meridian`.
pub fn address(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    if let Some(captures) = at.captures(&NUMBERS) {
        let said: Vec<String> = captures.get_match().as_str().split('.').map(number::digits).collect();
        return Some(at.whole(Class::Electronic, &captures, said.join(" dot ")));
    }
    // "#A1B2" is a number with letters.
    let is_number = |captures: &regex::Captures<'_>| {
        &captures["sign"] == "#" && captures["name"].contains(|c: char| c.is_ascii_digit())
    };
    if let Some(captures) = at.captures(&HANDLE).filter(|captures| !is_number(captures)) {
        let sign = if &captures["sign"] == "@" { "at" } else { "hash" };
        return Some(at.whole(Class::Electronic, &captures, format!("{sign} {}", spelled(&captures["name"]))));
    }
    let captures = at.captures(&ADDRESS)?;
    let domain = captures["domain"].to_lowercase();
    let certain = ["scheme", "user", "path"].iter().any(|name| captures.name(name).is_some());
    let known = DOMAINS.contains(&domain.as_str()) || captures["host"].to_lowercase().starts_with("www.");
    let has_plain_path = captures.name("path").is_none_or(|path| path.as_str().starts_with('/'));
    let is_address = known || certain && has_plain_path;
    if !is_address {
        return None;
    }
    let matched = captures.get_match().as_str();
    let written = matched.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']);
    let scheme = captures.name("scheme").map_or(0, |scheme| scheme.end());
    let spoken = written[scheme..].trim_end_matches('/');
    // Read an address in capitals like one in lower case.
    let spoken = if spoken.contains(char::is_lowercase) { spoken.to_owned() } else { spoken.to_lowercase() };
    Some(at.read(Class::Electronic, written.len(), spelled(&spoken)))
}

/// Returns an address spelled out, including its symbols.
fn spelled(text: &str) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
        let same = |c: char| kind(c) == kind(first);
        let end =
            if first.is_alphanumeric() { rest.find(|c| !same(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (run, after) = rest.split_at(end);
        said.push(match first {
            '0'..='9' => number::digits(run),
            '.' => "dot".to_owned(),
            '/' => "slash".to_owned(),
            '-' => "dash".to_owned(),
            '_' => "underscore".to_owned(),
            '?' => "question mark".to_owned(),
            '=' => "equals".to_owned(),
            '&' => "and".to_owned(),
            '@' => "at".to_owned(),
            '#' => "hash".to_owned(),
            '%' => "percent".to_owned(),
            '+' => "plus".to_owned(),
            ':' => "colon".to_owned(),
            '~' => "tilde".to_owned(),
            _ if run.eq_ignore_ascii_case("www") => "w.w.w".to_owned(),
            _ if run.bytes().all(|b| b.is_ascii_alphabetic()) => {
                camel_parts(run).into_iter().map(letters::in_address).collect::<Vec<_>>().join(" ")
            }
            _ => String::new(),
        });
        rest = after;
    }
    said.retain(|part| !part.is_empty());
    said.join(" ")
}

/// Splits `MeridianBank` into its words.
fn camel_parts(run: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let bytes = run.as_bytes();
    for at in 1..bytes.len() {
        if bytes[at - 1].is_ascii_lowercase() && bytes[at].is_ascii_uppercase() {
            parts.push(&run[start..at]);
            start = at;
        }
    }
    parts.push(&run[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn addresses_are_said_sign_by_sign() {
        check(&[
            ("See https://www.meridian.example/travel.", "See w.w.w dot meridian dot example slash travel"),
            ("help@meridian.example", "help at meridian dot example"),
            ("first_last-2@meridian.example", "first underscore last dash two at meridian dot example"),
            ("meridian.example/loans-2027", "meridian dot example slash loans dash two zero two seven"),
            ("meridian.example?id=7", "meridian dot example question mark I.D equals seven"),
            ("Go to meridian.example/", "Go to meridian dot example"),
            ("Follow @MeridianBank", "Follow at meridian bank"),
            ("MERIDIAN.EXAMPLE", "meridian dot example"),
            ("ssa.gov/apply", "S.S.A dot gov slash apply"),
            ("aid.state.edu", "aid dot state dot E.D.U"),
            ("it.pod.com", "it dot pod dot com"),
            ("10.0.0.1", "one zero dot zero dot zero dot one"),
        ]);
    }
}
