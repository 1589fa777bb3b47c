//! Amounts, in digits or in words. The facts that a writer is given hold none, so any amount is invented.

use super::normal::Normal;

/// Harmless alone (`two ideas`), an amount before a unit (`two percent`) or in a row (`five five five`).
const SMALL: &[&str] = &[
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "half", "quarter", "third", "fifth",
];

/// An amount wherever it stands.
const LARGE: &[&str] = &[
    "zero",
    "nil",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "hundreds",
    "thousand",
    "thousands",
    "million",
    "millions",
    "billion",
    "billions",
    "dozen",
    "dozens",
    "percent",
    "percentage",
    "percents",
    "pct",
    "bps",
    "dollar",
    "dollars",
    "bucks",
    "euro",
    "euros",
    "penny",
    "pennies",
    "dime",
    "dimes",
    "twice",
    "thrice",
];

/// What makes a small number an amount.
const UNITS: &[&str] = &[
    "percent",
    "cent",
    "cents",
    "grand",
    "point",
    "points",
    "mile",
    "miles",
    "month",
    "months",
    "year",
    "years",
    "decade",
    "decades",
    "fortnight",
    "fortnights",
    "week",
    "weeks",
    "day",
    "days",
    "hour",
    "hours",
    "times",
    "fold",
    "figure",
    "figures",
    "pound",
    "pounds",
    "basis",
    "installments",
    "instalments",
    "payments",
    "x",
];

/// Beside these a small number is an amount without a unit: `the interest on it is four`, `five back`.
const MONEY: &[&str] = &[
    "interest", "rate", "rates", "pay", "pays", "paying", "paid", "earn", "earns", "earning", "back", "yield",
    "yields", "yielding",
];

/// What is counted in a talk, and is no money.
const COUNTED: &[&str] = &["ideas", "things", "ways"];

/// How many words after one of [`MONEY`] a small number is an amount, and how many before it.
const AFTER_MONEY: usize = 4;
const BEFORE_MONEY: usize = 3;

/// Amounts of what is no offer: the time that a conversation takes, and a saying.
const HARMLESS: &[&str] = &["minute", "minutes", "words"];

/// A digit of a number that is read out.
const DIGITS: &[&str] = &[
    "zero", "nought", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double", "triple",
];

/// How many small numbers in a row are an amount or a telephone number.
const ROW: usize = 3;

pub(super) fn amounts(normal: &Normal) -> Vec<String> {
    let mut violations = Vec::new();
    if normal.folded.chars().any(char::is_numeric) {
        violations.push("a digit".to_owned());
    }
    if normal.folded.contains(['%', '‰', '$', '€', '£', '¥', '₹', '₽', '₩', '₿']) {
        violations.push("a sign of percent or money".to_owned());
    }
    for words in &normal.readings {
        spelled(words, &mut violations);
    }
    for words in &normal.sentences {
        beside_money(words, &mut violations);
    }
    // `n i n e p e r c e n t` is read as one word.
    let joined = normal.readings.iter().flatten().filter(|word| !normal.readings[0].contains(word));
    let within = |word: &&String| LARGE.iter().any(|large| large.len() > 4 && word.contains(large));
    violations.extend(joined.filter(within).map(|word| format!("\"{word}\"")));
    violations.sort();
    violations.dedup();
    violations
}

/// How many digits stand in a row in words, at most: `five five five, oh one nine eight`.
pub(super) fn spelled_digits(words: &[String]) -> usize {
    let is_digit = |word: &String| DIGITS.contains(&word.as_str());
    words.split(|word| !is_digit(word)).map(<[String]>::len).max().unwrap_or_default()
}

fn beside_money(words: &[String], violations: &mut Vec<String>) {
    // "One place to pay from" is no amount.
    let is_small = |word: &String| word != "one" && SMALL.contains(&word.as_str());
    for (at, word) in words.iter().enumerate() {
        // "Of interest" is not about money.
        let of_interest = word == "interest" && at > 0 && words[at - 1] == "of";
        if !MONEY.contains(&word.as_str()) || of_interest {
            continue;
        }
        let near = at.saturating_sub(BEFORE_MONEY)..words.len().min(at + AFTER_MONEY + 1);
        let counts = |at: usize| words.get(at + 1).is_some_and(|next| COUNTED.contains(&next.as_str()));
        let numbers = near.filter(|at| is_small(&words[*at]) && !counts(*at)).map(|at| &words[at]);
        violations.extend(numbers.map(|number| format!("\"{number}\" beside \"{word}\"")));
    }
}

fn spelled(words: &[String], violations: &mut Vec<String>) {
    let is = |list: &[&str], word: &String| list.contains(&word.as_str());
    for (at, word) in words.iter().enumerate() {
        let of_talk = words.get(at + 1).is_some_and(|next| is(HARMLESS, next));
        if is(LARGE, word) && !of_talk || word == "per" && words.get(at + 1).is_some_and(|next| next == "cent") {
            violations.push(format!("\"{word}\""));
        }
        // `two percent`, `two full percent`, `two and a half percent`.
        let unit = is(SMALL, word).then(|| words[at + 1..].iter().take(4).position(|next| is(UNITS, next))).flatten();
        // "One day" is no time, but some time.
        let some_day = word == "one" && words.get(at + 1).is_some_and(|next| next == "day");
        if let Some(distance) = unit.filter(|_| !some_day) {
            let between = &words[at + 1..=at + distance];
            let glue =
                ["and", "a", "or", "to", "point", "full", "whole", "reward", "bonus", "extra", "equal", "monthly"];
            if between.len() <= 1 || between.iter().all(|word| is(SMALL, word) || is(&glue, word)) {
                violations.push(format!("\"{}\"", words[at..=at + 1 + distance].join(" ")));
            }
        }
    }
    if words.windows(ROW).any(|row| row.iter().all(|word| is(SMALL, word))) {
        violations.push("several numbers in a row".to_owned());
    }
}
