//! Says numbers, amounts, shares, dates and telephone numbers in English words.

use jiff::civil::Date;
use num2words::Num2Words;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const SCALES: [&str; 4] = ["thousand", "million", "billion", "trillion"];

/// What stands after a number, where that decides how it is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around<'a> {
    /// The word before, without marks, in small letters.
    pub before: &'a str,
    /// The word after, without marks, in small letters.
    pub after: &'a str,
}

/// Says a word that is made of digits and their signs; nothing if it is none of the known forms.
#[must_use]
pub fn say(word: &str, around: Around<'_>) -> Option<String> {
    if !word.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    known(word)
        .map(str::to_owned)
        .or_else(|| date(word))
        .or_else(|| telephone(word))
        .or_else(|| account_kind(word))
        .or_else(|| time(word))
        .or_else(|| per_unit(word, around))
        .or_else(|| range(word, around))
        .or_else(|| money(word, around))
        .or_else(|| share(word))
        .or_else(|| ordinal(word))
        .or_else(|| day_or_year(word, around))
        .or_else(|| plain(word))
}

fn known(word: &str) -> Option<&'static str> {
    Some(match word {
        "24/7" => "twenty-four seven",
        "1/2" => "one half",
        "1/3" => "one third",
        "2/3" => "two thirds",
        "1/4" => "one quarter",
        "3/4" => "three quarters",
        "50/50" => "fifty fifty",
        "9/11" => "nine eleven",
        _ => return None,
    })
}

/// `½`, `2½`, `2½%`: before they are written in ASCII, where "2½" would be "21/2".
#[must_use]
pub fn with_fraction(word: &str) -> Option<String> {
    const FRACTIONS: [(char, &str); 9] = [
        ('½', "one half"),
        ('⅓', "one third"),
        ('⅔', "two thirds"),
        ('¼', "one quarter"),
        ('¾', "three quarters"),
        ('⅛', "one eighth"),
        ('⅜', "three eighths"),
        ('⅝', "five eighths"),
        ('⅞', "seven eighths"),
    ];
    let (word, unit) = word.strip_suffix('%').map_or((word, ""), |word| (word, " percent"));
    let (whole, fraction) = FRACTIONS.iter().find_map(|(sign, said)| Some((word.strip_suffix(*sign)?, *said)))?;
    let (sign, whole) = signed(whole);
    if whole.is_empty() {
        return Some(format!("{sign}{fraction}{unit}"));
    }
    let (whole, point) = parse(whole)?;
    point.is_empty().then(|| format!("{sign}{} and {fraction}{unit}", cardinal(whole)))
}

/// A whole number in words.
#[must_use]
pub fn cardinal(number: u64) -> String {
    in_words(number, |words| words)
}

fn in_words(number: u64, style: impl Fn(Num2Words) -> Num2Words) -> String {
    // The crate says "two hundred and fifty", as in Britain; the voice is American.
    style(Num2Words::new(number))
        .to_words()
        .map_or_else(|_| digits(&number.to_string()), |said| said.replace(" and ", " "))
}

/// A month by its abbreviation as it is written before a day: "Jan", "Sept".
#[must_use]
pub fn month(short: &str) -> Option<&'static str> {
    MONTHS
        .into_iter()
        .find(|month| month.len() > 3 && (short == &month[..3] || short == "Sept" && month.starts_with("Sep")))
}

/// Digits one by one.
#[must_use]
pub fn digits(text: &str) -> String {
    let said: Vec<_> = text.bytes().filter(u8::is_ascii_digit).map(|b| cardinal(u64::from(b - b'0'))).collect();
    said.join(" ")
}

/// Digits as they stand alone: a number, or one by one where they are too many, or start with a zero.
#[must_use]
pub fn number_or_digits(text: &str) -> String {
    match text.parse() {
        Ok(number) if text.len() < 7 && (text.len() == 1 || !text.starts_with('0')) => cardinal(number),
        Ok(_) | Err(_) => digits(text),
    }
}

/// `1250`, `1,250`, `1,250.50`: the whole part, and the digits after the point.
fn parse(text: &str) -> Option<(u64, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || (text.contains('.') && fraction.is_empty()) {
        return None;
    }
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let grouped = whole.contains(',');
    let right = |group: &str, max: usize| (1..=max).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() && !fraction.is_empty() {
        return Some((0, fraction));
    }
    if !right(first, if grouped { 3 } else { 15 }) || !groups.all(|group| group.len() == 3 && right(group, 3)) {
        return None;
    }
    whole.replace(',', "").parse().ok().map(|number| (number, fraction))
}

fn decimal(whole: u64, fraction: &str) -> String {
    if fraction.is_empty() { cardinal(whole) } else { format!("{} point {}", cardinal(whole), digits(fraction)) }
}

fn plain(word: &str) -> Option<String> {
    let (sign, rest) = signed(word);
    if rest.bytes().all(|b| b.is_ascii_digit()) {
        return Some(format!("{sign}{}", number_or_digits(rest)));
    }
    let (whole, fraction) = parse(rest)?;
    Some(format!("{sign}{}", decimal(whole, fraction)))
}

fn signed(word: &str) -> (&'static str, &str) {
    match word.strip_prefix('-') {
        Some(rest) => ("minus ", rest),
        None => match word.strip_prefix('+') {
            Some(rest) => ("plus ", rest),
            None => ("", word),
        },
    }
}

fn share(word: &str) -> Option<String> {
    Some(format!("{} percent", plain(word.strip_suffix('%')?)?))
}

fn ordinal(word: &str) -> Option<String> {
    let number = ["st", "nd", "rd", "th"].iter().find_map(|suffix| word.strip_suffix(suffix))?;
    let (number, fraction) = parse(number)?;
    fraction.is_empty().then(|| in_words(number, Num2Words::ordinal))
}

/// `$1,250.50`, `$25K`, `$1.2 million`, `€30`, `50¢`.
fn money(word: &str, around: Around<'_>) -> Option<String> {
    let (sign, rest) = signed(word);
    if let Some(cents) = rest.strip_suffix('¢') {
        let (number, fraction) = parse(cents)?;
        return Some(format!(
            "{sign}{} {}",
            decimal(number, fraction),
            plural("cent", number == 1 && fraction.is_empty())
        ));
    }
    let rest = rest.strip_prefix("US").filter(|rest| rest.starts_with('$')).unwrap_or(rest);
    let symbol = rest.chars().next()?;
    let (unit, part) = unit_of(symbol)?;
    let rest = &rest[symbol.len_utf8()..];
    let letters = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(letters);
    let (whole, fraction) = parse(number)?;
    let scale = match suffix {
        "" => None,
        "k" | "K" => Some("thousand"),
        "m" | "M" | "mm" | "MM" | "mn" => Some("million"),
        "b" | "B" | "bn" => Some("billion"),
        "t" | "T" | "tn" => Some("trillion"),
        _ => return None,
    };
    let said = match (scale, fraction) {
        (Some(scale), _) => format!("{} {scale} {}", decimal(whole, fraction), plural(unit, false)),
        // "$1.2 million": the unit is said after the scale.
        (None, _) if SCALES.contains(&around.after) => decimal(whole, fraction),
        (None, "" | "00") => format!("{} {}", cardinal(whole), plural(unit, whole == 1)),
        (None, fraction) if fraction.len() == 2 && !part.is_empty() => {
            let cents: u64 = fraction.parse().ok()?;
            let cents = format!("{} {}", cardinal(cents), plural(part, cents == 1));
            if whole == 0 { cents } else { format!("{} {} and {cents}", cardinal(whole), plural(unit, whole == 1)) }
        }
        (None, fraction) => format!("{} {}", decimal(whole, fraction), plural(unit, false)),
    };
    Some(format!("{sign}{said}"))
}

/// The unit that belongs to a scale after an amount: "million" after "$1.2" is "million dollars".
#[must_use]
pub fn scale_after_money(word: &str, before: &str) -> Option<String> {
    let small = word.to_lowercase();
    let (unit, _) = unit_of(signed(before).1.trim_start_matches("us").chars().next()?)?;
    SCALES.contains(&small.as_str()).then(|| format!("{small} {}", plural(unit, false)))
}

fn unit_of(symbol: char) -> Option<(&'static str, &'static str)> {
    Some(match symbol {
        '$' => ("dollar", "cent"),
        '€' => ("euro", "cent"),
        '£' => ("pound", "penny"),
        '¥' => ("yen", ""),
        _ => return None,
    })
}

fn plural(unit: &str, one: bool) -> String {
    match (unit, one) {
        (unit, true) => unit.to_owned(),
        ("yen", false) => "yen".to_owned(),
        ("penny", false) => "pence".to_owned(),
        (unit, false) => format!("{unit}s"),
    }
}

/// `12/31/2025` as the United States write it, and ISO 8601's `2025-12-31`.
fn date(word: &str) -> Option<String> {
    let number = |text: &str| text.parse::<i16>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let slashed: Vec<_> = word.split('/').collect();
    let dashed: Vec<_> = word.split('-').collect();
    let (year, month, day) = match (slashed.as_slice(), dashed.as_slice()) {
        (&[month, day, year], _) if year.len() == 4 => (number(year)?, number(month)?, number(day)?),
        (&[month, day, year], _) if year.len() == 2 => (2000 + number(year)?, number(month)?, number(day)?),
        (_, &[year, month, day]) if year.len() == 4 && month.len() == 2 => {
            (number(year)?, number(month)?, number(day)?)
        }
        _ => return None,
    };
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let month = MONTHS[usize::try_from(date.month() - 1).ok()?];
    let day = in_words(u64::try_from(date.day()).ok()?, Num2Words::ordinal);
    Some(format!("{month} {day}, {}", year_in_words(u64::try_from(date.year()).ok()?)))
}

/// `1-800-555-0199`, `800.555.0199`, `(800)555-0199`, `555-0199`: digit by digit, a short pause after each group.
fn telephone(word: &str) -> Option<String> {
    let groups: Vec<_> = word.split(['-', '.', '(', ')', '+']).filter(|group| !group.is_empty()).collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    // No exchange begins with 0 or 1 (North American Numbering Plan), so "100-1000" is a range.
    let is_telephone = matches!(lengths.as_slice(), [3, 3, 4] | [1 | 2, 3, 3, 4])
        || lengths == [3, 4] && !groups[0].starts_with(['0', '1']);
    if !is_telephone || !groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_digit())) || parse(word).is_some() {
        return None;
    }
    let say = |group: &&str| if *group == "800" { "eight hundred".to_owned() } else { digits(group) };
    Some(groups.iter().map(say).collect::<Vec<_>>().join(", "))
}

/// `401(k)`, `403(b)`, `401k`, `401(k)s`: as everyone says them, "four oh one k".
fn account_kind(word: &str) -> Option<String> {
    let (word, many) = ["'s", "s"].iter().find_map(|end| Some((word.strip_suffix(end)?, "'s"))).unwrap_or((word, ""));
    let (number, letter) = match word.strip_suffix(')') {
        Some(word) => word.split_once('(')?,
        None if ["401k", "403b", "457b"].contains(&word) => word.split_at(3),
        None => return None,
    };
    let is_kind = number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit());
    if !is_kind || letter.len() != 1 || !letter.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    Some(format!("{} {letter}{many}", digits(number).replace("zero", "oh")))
}

/// `9:30`, `9:05`, `17:00`, `9am`, `5:30pm`.
fn time(word: &str) -> Option<String> {
    let halves = [("am", " A.M"), ("AM", " A.M"), ("a.m", " A.M"), ("pm", " P.M"), ("PM", " P.M"), ("p.m", " P.M")];
    let half = halves.iter().find_map(|(end, said)| Some((word.strip_suffix(end)?, *said)));
    let (clock, half) = half.unwrap_or((word, ""));
    let (hour, minute) = match clock.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (hour, minute.parse().ok()?),
        None if !half.is_empty() => (clock, 0_u64),
        Some(_) | None => return None,
    };
    let hour: u64 = Some(hour).filter(|hour| (1..=2).contains(&hour.len()))?.parse().ok()?;
    let said = match minute {
        _ if hour > 24 || minute > 59 => return None,
        0 if half.is_empty() => format!("{} o'clock", cardinal(hour)),
        0 => cardinal(hour),
        1..=9 => format!("{} oh {}", cardinal(hour), cardinal(minute)),
        _ => format!("{} {}", cardinal(hour), cardinal(minute)),
    };
    Some(said + half)
}

/// `$12/mo`, `4%/year`.
fn per_unit(word: &str, around: Around<'_>) -> Option<String> {
    let (number, unit) = word.split_once('/')?;
    let unit = match unit {
        "mo" | "mth" | "month" => "month",
        "yr" | "year" => "year",
        "wk" | "week" => "week",
        "day" => "day",
        "hr" | "hour" => "hour",
        "account" | "check" | "item" | "transaction" | "transfer" | "wire" => unit,
        _ => return None,
    };
    Some(format!("{} per {unit}", say(number, Around { after: "", ..around })?))
}

/// `3-5%`, `3%-5%`, `$5-$10`, `$1-2 million`, `9am-5pm`, `2025-2026`: both ends, joined by "to".
fn range(word: &str, around: Around<'_>) -> Option<String> {
    let (from, to) = word.split_once('-')?;
    if from.is_empty() || !to.starts_with(|c: char| c.is_ascii_digit() || unit_of(c).is_some()) {
        return None;
    }
    // "$1-2 million" is from one million on; otherwise what comes after belongs to the second end alone.
    let after = if SCALES.contains(&around.after) { around.after } else { "" };
    let end = |end: &str, around: Around<'_>| {
        let other = || share(end).or_else(|| time(end)).or_else(|| day_or_year(end, around)).or_else(|| plain(end));
        money(end, around).or_else(other)
    };
    Some(format!("{} to {}", end(from, Around { after, ..around })?, end(to, around)?))
}

/// A day after a month, "March fifth"; a year, "twenty twenty-six", unless things are counted: "2000 points".
fn day_or_year(word: &str, around: Around<'_>) -> Option<String> {
    const COUNTED: [&str; 8] = ["points", "miles", "dollars", "customers", "people", "days", "transactions", "times"];
    if !word.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = word.parse().ok()?;
    let after_month = MONTHS.iter().any(|month| {
        month.eq_ignore_ascii_case(around.before)
            || (around.before.len() >= 3 && month[..3].eq_ignore_ascii_case(around.before))
    });
    match number {
        1..=31 if after_month => Some(in_words(number, Num2Words::ordinal)),
        1900..=2099 if word.len() == 4 && !COUNTED.contains(&around.after) => Some(year_in_words(number)),
        _ => None,
    }
}

/// 1999 is "nineteen ninety-nine", 2005 "two thousand five", 2026 "twenty twenty-six".
fn year_in_words(year: u64) -> String {
    let (century, rest) = (year / 100, year % 100);
    match (century, rest) {
        (20, 0..=9) => cardinal(year),
        (10.., 0) => format!("{} hundred", cardinal(century)),
        (10.., 1..=9) => format!("{} oh {}", cardinal(century), cardinal(rest)),
        (10.., _) => format!("{} {}", cardinal(century), cardinal(rest)),
        (_, _) => cardinal(year),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(word: &str) -> String {
        say(word, Around::default()).unwrap_or_else(|| panic!("{word} is not said"))
    }

    #[test]
    fn amounts_are_said_with_their_unit() {
        assert_eq!(said("$1,250.50"), "one thousand two hundred fifty dollars and fifty cents");
        assert_eq!(said("$1"), "one dollar");
        assert_eq!(said("$0.01"), "one cent");
        assert_eq!(said("-$25K"), "minus twenty-five thousand dollars");
        assert_eq!(said("$2.5M"), "two point five million dollars");
        assert_eq!(said("€30"), "thirty euros");
        assert_eq!(said("50¢"), "fifty cents");
        assert_eq!(said("$5-$10"), "five dollars to ten dollars");
        let around = Around { before: "", after: "million" };
        assert_eq!(say("$1.2", around).unwrap(), "one point two");
        assert_eq!(say("$1-2", around).unwrap(), "one to two");
        assert_eq!(said("$12/mo"), "twelve dollars per month");
        assert_eq!(said("$.50"), "fifty cents");
        assert_eq!(scale_after_money("million", "$1.2").unwrap(), "million dollars");
    }

    #[test]
    fn shares_and_decimals_keep_every_digit() {
        assert_eq!(said("4.25%"), "four point two five percent");
        assert_eq!(said("0.05%"), "zero point zero five percent");
        assert_eq!(said("3-5%"), "three to five percent");
        assert_eq!(said("3%-5%"), "three percent to five percent");
        assert_eq!(said(".5%"), "zero point five percent");
        for (written, heard) in
            [("2½%", "two and one half percent"), ("¾", "three quarters"), ("-1¼", "minus one and one quarter")]
        {
            assert_eq!(with_fraction(written).unwrap(), heard);
        }
        assert_eq!(said("10,000"), "ten thousand");
        assert_eq!(said("3.0"), "three point zero");
    }

    #[test]
    fn dates_and_years_are_said_as_in_the_united_states() {
        assert_eq!(said("12/31/2025"), "December thirty-first, twenty twenty-five");
        assert_eq!(said("2026-03-05"), "March fifth, twenty twenty-six");
        assert_eq!(said("2005"), "two thousand five");
        assert_eq!(said("1907"), "nineteen oh seven");
        assert_eq!(said("2025-2026"), "twenty twenty-five to twenty twenty-six");
        assert_eq!(say("5", Around { before: "march", after: "" }).unwrap(), "fifth");
        assert_eq!(say("2000", Around { before: "", after: "points" }).unwrap(), "two thousand");
        assert_eq!(said("1st"), "first");
        assert_eq!(said("22nd"), "twenty-second");
        assert_eq!(said("9:05"), "nine oh five");
        assert_eq!(said("9am-5:30pm"), "nine A.M to five thirty P.M");
        assert_eq!(said("9:00-17:00"), "nine o'clock to seventeen o'clock");
    }

    #[test]
    fn telephone_and_account_numbers_are_said_digit_by_digit() {
        assert_eq!(said("1-800-555-0199"), "one, eight hundred, five five five, zero one nine nine");
        assert_eq!(said("555-0199"), "five five five, zero one nine nine");
        assert_eq!(said("(212)555-0199"), "two one two, five five five, zero one nine nine");
        assert_eq!(said("100-1000"), "one hundred to one thousand");
        assert_eq!(said("00042"), "zero zero zero four two");
        assert_eq!(said("12345678"), "one two three four five six seven eight");
    }

    #[test]
    fn kinds_of_accounts_are_said_as_everyone_says_them() {
        assert_eq!(said("401(k)"), "four oh one k");
        assert_eq!(said("403(b)"), "four oh three b");
        assert_eq!(said("401k"), "four oh one k");
        assert_eq!(said("401(k)s"), "four oh one k's");
        assert_eq!(said("24/7"), "twenty-four seven");
    }

    #[test]
    fn what_is_no_number_is_left_to_others() {
        for word in ["hello", "Q2", "2x", "a1b2", "1.2.3.4.5", "x@y.com"] {
            assert_eq!(say(word, Around::default()), None, "{word}");
        }
    }
}
