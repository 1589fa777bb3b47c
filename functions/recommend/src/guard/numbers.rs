//! Finds amounts in digits or in words. The writer's facts contain no amounts, so every amount is invented.

use super::normal::NormalizedText;

/// Number words that are harmless alone (`two ideas`), but form an amount before a unit (`two percent`), near a word
/// for money (`pays four`), or in a row of three (`five five five`).
const SMALL: &[&str] = &[
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "half", "quarter", "third", "fifth",
];

/// Words that are an amount in almost any position.
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

/// Words that turn a preceding small number into an amount.
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

/// Words that turn a nearby small number into an amount without a unit: `the interest on it is four`, `five back`.
const MONEY: &[&str] = &[
    "interest", "rate", "rates", "pay", "pays", "paying", "paid", "earn", "earns", "earning", "back", "yield",
    "yields", "yielding",
];

/// Things that a message may count, because they are not money.
const COUNTABLE: &[&str] = &["ideas", "things", "ways"];

/// The number of words after one of [`MONEY`] within which a small number is an amount.
const AFTER_MONEY: usize = 4;
/// The number of words before one of [`MONEY`] within which a small number is an amount.
const BEFORE_MONEY: usize = 3;

/// Units that make the number before them harmless, as in "a twenty-minute call" or "in fifty words".
const HARMLESS_UNITS: &[&str] = &["minute", "minutes", "words"];

/// Words for digits, as in a telephone number that is read out.
const SPELLED_DIGITS: &[&str] = &[
    "zero", "nought", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double", "triple",
];

/// The number of consecutive small numbers that count as an amount or a telephone number.
const NUMBERS_IN_ROW: usize = 3;

/// Returns a violation for each amount in the text.
pub(super) fn amounts(normal: &NormalizedText) -> Vec<String> {
    let mut violations = Vec::new();
    if normal.folded.chars().any(char::is_numeric) {
        violations.push("a digit".to_owned());
    }
    if normal.folded.contains(['%', '‰', '$', '€', '£', '¥', '₹', '₽', '₩', '₿']) {
        violations.push("a percent or currency sign".to_owned());
    }
    for words in &normal.readings {
        spelled_amounts(words, &mut violations);
    }
    for words in &normal.sentences {
        numbers_beside_money(words, &mut violations);
    }
    // Joined letters such as `n i n e p e r c e n t` form one word.
    let joined = normal.readings.iter().flatten().filter(|word| !normal.readings[0].contains(word));
    let has_amount = |word: &&String| LARGE.iter().any(|large| large.len() > 4 && word.contains(large));
    violations.extend(joined.filter(has_amount).map(|word| format!("\"{word}\"")));
    violations.sort();
    violations.dedup();
    violations
}

/// Returns the length of the longest run of digits in words, such as `five five five, oh one nine eight`.
pub(super) fn spelled_digits(words: &[String]) -> usize {
    let is_digit = |word: &String| SPELLED_DIGITS.contains(&word.as_str());
    words.split(|word| !is_digit(word)).map(<[String]>::len).max().unwrap_or_default()
}

fn numbers_beside_money(words: &[String], violations: &mut Vec<String>) {
    // "One" is not an amount in "one place to pay from".
    let is_small = |word: &String| word != "one" && SMALL.contains(&word.as_str());
    for (at, word) in words.iter().enumerate() {
        // The phrase "of interest" is not about money.
        let of_interest = word == "interest" && at > 0 && words[at - 1] == "of";
        if !MONEY.contains(&word.as_str()) || of_interest {
            continue;
        }
        let nearby = at.saturating_sub(BEFORE_MONEY)..words.len().min(at + AFTER_MONEY + 1);
        let counts_things = |at: usize| words.get(at + 1).is_some_and(|next| COUNTABLE.contains(&next.as_str()));
        let numbers = nearby.filter(|at| is_small(&words[*at]) && !counts_things(*at)).map(|at| &words[at]);
        violations.extend(numbers.map(|number| format!("\"{number}\" near \"{word}\"")));
    }
}

fn spelled_amounts(words: &[String], violations: &mut Vec<String>) {
    let is = |list: &[&str], word: &String| list.contains(&word.as_str());
    for (at, word) in words.iter().enumerate() {
        // "To the next dollar" is about rounding.
        let is_rounding = at > 0 && ["next", "nearest"].contains(&words[at - 1].as_str());
        let is_harmless = is_rounding || words.get(at + 1).is_some_and(|next| is(HARMLESS_UNITS, next));
        if is(LARGE, word) && !is_harmless || word == "per" && words.get(at + 1).is_some_and(|next| next == "cent") {
            violations.push(format!("\"{word}\""));
        }
        // Matches `two percent`, `two full percent` and `two and a half percent`.
        let unit = is(SMALL, word).then(|| words[at + 1..].iter().take(4).position(|next| is(UNITS, next))).flatten();
        // The phrase "one day" means some day, not a term.
        let is_some_day = word == "one" && words.get(at + 1).is_some_and(|next| next == "day");
        if let Some(distance) = unit.filter(|_| !is_some_day) {
            let between = &words[at + 1..=at + distance];
            let glue =
                ["and", "a", "or", "to", "point", "full", "whole", "reward", "bonus", "extra", "equal", "monthly"];
            if between.len() <= 1 || between.iter().all(|word| is(SMALL, word) || is(&glue, word)) {
                violations.push(format!("\"{}\"", words[at..=at + 1 + distance].join(" ")));
            }
        }
    }
    if words.windows(NUMBERS_IN_ROW).any(|row| row.iter().all(|word| is(SMALL, word))) {
        violations.push("several consecutive numbers".to_owned());
    }
}
