//! Numbers in words: the building blocks that the classes share.

use num2words::Num2Words;

/// The pattern of an amount: digits, optionally grouped by commas and optionally with decimals.
pub const NUMBER: &str = r"(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)";

/// Scale words that follow an amount.
pub const SCALES: &str = "hundred|thousand|million|billion|trillion";

/// Returns a whole number in words.
pub fn cardinal(number: u64) -> String {
    in_words(number, |words| words)
}

/// Returns an ordinal number in words.
pub fn ordinal(number: u64) -> String {
    in_words(number, Num2Words::ordinal)
}

fn in_words(number: u64, style: impl Fn(Num2Words) -> Num2Words) -> String {
    // The library writes "two hundred and fifty", as in British English. Americans leave out the "and".
    style(Num2Words::new(number))
        .to_words()
        .map_or_else(|_| digits(&number.to_string()), |words| words.replace(" and ", " "))
}

/// Returns the digits in `text` one by one. Leaves out letters and symbols.
pub fn digits(text: &str) -> String {
    let names = text.bytes().filter(u8::is_ascii_digit).map(|digit| cardinal(u64::from(digit - b'0')));
    names.collect::<Vec<_>>().join(" ")
}

/// Returns the digits of an identifier one by one. A long identifier gets a pause after every three or four digits.
pub fn dictated(text: &str) -> String {
    let all: String = text.chars().filter(char::is_ascii_digit).collect();
    if all.len() < 6 {
        return digits(&all);
    }
    // Groups have three digits, but a last digit that would be alone joins the previous group. Eight digits form two
    // groups of four.
    let size = if all.len() == 8 { 4 } else { 3 };
    let mut groups = Vec::new();
    let mut rest = all.as_str();
    while rest.len() > size + 1 {
        let (group, after) = rest.split_at(size);
        groups.push(digits(group));
        rest = after;
    }
    groups.push(digits(rest));
    groups.join(", ")
}

/// Splits an amount into its whole part and its decimals. Returns `None` if the whole part exceeds `u64`.
pub fn parse(text: &str) -> Option<(u64, &str)> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    Some((if whole.is_empty() { 0 } else { whole.parse().ok()? }, decimals))
}

/// Returns an amount in words, with every decimal.
pub fn amount(text: &str) -> Option<String> {
    let (whole, decimals) = parse(text)?;
    Some(if decimals.is_empty() { cardinal(whole) } else { format!("{} point {}", cardinal(whole), digits(decimals)) })
}

/// Returns a number without context: digit by digit if it is long or starts with a zero, otherwise as an amount.
pub fn plain(text: &str) -> Option<String> {
    let only_digits = text.bytes().all(|b| b.is_ascii_digit());
    if only_digits && (text.len() > 6 || text.len() > 1 && text.starts_with('0')) {
        return Some(dictated(text));
    }
    amount(text)
}

/// Returns a number in pairs of digits, as in house numbers, forms and years: "ten forty", "five oh one".
pub fn pairs(text: &str) -> String {
    let pair = |text: &str| match text.as_bytes() {
        [b'0', b'0'] => "hundred".to_owned(),
        [b'0', last] => format!("oh {}", cardinal(u64::from(last - b'0'))),
        _ => text.parse().map_or_else(|_| digits(text), cardinal),
    };
    match text.len() {
        3 if text.ends_with("00") => cardinal(text.parse().unwrap_or_default()),
        3 | 4 if text.starts_with('0') => digits(text),
        4 if text.ends_with("000") => cardinal(text.parse().unwrap_or_default()),
        3 | 4 => {
            let (head, tail) = text.split_at(text.len() - 2);
            format!("{} {}", pair(head), pair(tail))
        }
        0..=2 => pair(text),
        _ => digits(text),
    }
}

/// Returns a year in words: "nineteen ninety-nine", "two thousand five", "twenty twenty-six".
pub fn year(year: u64) -> String {
    match (year / 100, year % 100) {
        (20, 0..=9) | (0..=9, _) => cardinal(year),
        (century, 0) => format!("{} hundred", cardinal(century)),
        (century, rest @ 1..=9) => format!("{} oh {}", cardinal(century), cardinal(rest)),
        (century, rest) => format!("{} {}", cardinal(century), cardinal(rest)),
    }
}

/// Returns the full year for two digits. Years from 70 on are in the 1900s.
pub const fn full_year(two_digits: u64) -> u64 {
    if two_digits < 70 { 2000 + two_digits } else { 1900 + two_digits }
}

/// Returns the plural of a number in words, such as for a decade: "nineties", "tens", "thousands".
pub fn plural(words: &str) -> String {
    match words.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if words.ends_with('x') => format!("{words}es"),
        None => format!("{words}s"),
    }
}

/// Returns the word for a scale abbreviation: "K", "M", "bn".
pub fn scale(letters: &str) -> Option<&'static str> {
    Some(match letters.to_lowercase().as_str() {
        "k" => "thousand",
        "m" | "mm" | "mn" | "mil" => "million",
        "b" | "bn" => "billion",
        "t" | "tn" => "trillion",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_by_kind() {
        assert_eq!(amount("1,250.05").unwrap(), "one thousand two hundred fifty point zero five");
        assert_eq!(amount(".5").unwrap(), "zero point five");
        assert_eq!(plain("00042").unwrap(), "zero zero zero four two");
        assert_eq!(plain("12345678").unwrap(), "one two three four, five six seven eight");
        assert_eq!(dictated("021000021"), "zero two one, zero zero zero, zero two one");
        assert_eq!(dictated("1234567"), "one two three, four five six seven");
        assert_eq!(pairs("1040"), "ten forty");
        assert_eq!(pairs("1600"), "sixteen hundred");
        assert_eq!(pairs("709"), "seven oh nine");
        assert_eq!(pairs("2000"), "two thousand");
        assert_eq!(year(1907), "nineteen oh seven");
        assert_eq!(year(2026), "twenty twenty-six");
        assert_eq!(plural("nineteen ninety"), "nineteen nineties");
    }
}
