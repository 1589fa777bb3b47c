//! Reads a cell's content as an id, amount, date or text, regardless of how the spreadsheet stores it.
//!
//! Each parser fails with the rule that the cell breaks. The rule is a phrase with the remedy, and never contains the
//! content.

use std::borrow::Cow;
use std::fmt::Write as _;

use contracts::CustomerId;
use jiff::civil::Date;
use policy::customer::Cents;
use unicode_normalization::UnicodeNormalization;

use crate::amount::{BAD_AMOUNT, WrittenAmount, cents, written_amount};
use crate::cell_rule::CellRule;

/// A cell's content, independent of how the workbook stores it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell<'a> {
    /// No content.
    #[default]
    Empty,
    /// Text, borrowed if it is one of the workbook's shared strings.
    Text(Cow<'a, str>),
    /// A number, or a date in a cell without a date format.
    Number(f64),
    /// TRUE or FALSE.
    Bool(bool),
    /// A date without its time of day.
    Date(Date),
    /// A formula error such as `#N/A`, or a date that does not exist.
    Error,
    /// A formula without a stored result.
    NoResult,
    /// A cell that the reader does not understand.
    Unreadable,
}

/// Whole numbers below this bound are exact, because a spreadsheet keeps 15 digits.
const MAX_EXACT_INTEGER: f64 = 1e15;

/// The maximum length of a consent answer in the evidence, in characters.
const MAX_ANSWER: usize = 32;

const BLANK: CellRule = "blank; fill it in";
const BAD_DATE: CellRule = "not a date; write it as 2026-10-31";

/// The rule for a number without a date format, in a column where some numbers look like dates written in digits.
pub const SPELLED_DATE: CellRule = "a number that may be a date written in digits; format the column as dates";

impl Cell<'_> {
    /// Returns whether the cell is empty or contains only white space.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => !text.starts_with(|c: char| c.is_ascii_graphic()) && text.trim().is_empty(),
            Self::Number(_) | Self::Bool(_) | Self::Date(_) | Self::Error | Self::NoResult | Self::Unreadable => false,
        }
    }

    /// Fails if the cell contains an error, a formula without a result or unreadable content.
    fn has_value(&self) -> Result<(), CellRule> {
        match self {
            Self::Error => Err("a formula error; correct the formula"),
            Self::NoResult => {
                Err("a formula without a stored result; open the workbook in a spreadsheet program and save it")
            }
            Self::Unreadable => Err("unreadable; enter the value again"),
            Self::Empty | Self::Text(_) | Self::Number(_) | Self::Bool(_) | Self::Date(_) => Ok(()),
        }
    }

    /// Returns the customer id as text. A number cell 42 becomes "42", and a text cell "0042" keeps its zeros.
    pub fn customer_id(&self) -> Result<CustomerId, CellRule> {
        self.has_value()?;
        let text = match self {
            _ if self.is_blank() => return Err(BLANK),
            Self::Text(text) if is_scientific(text.trim()) => {
                return Err("a rounded number; store the whole id as text");
            }
            Self::Text(text) => {
                if let Some(rule) = invisible_rule(text.trim()) {
                    return Err(rule);
                }
                text.trim().to_owned()
            }
            Self::Number(number) if number.fract() != 0.0 => return Err("not a whole number; store the id as text"),
            Self::Number(number) if number.abs() >= MAX_EXACT_INTEGER => {
                return Err("more digits than a number cell keeps; store the id as text");
            }
            Self::Number(number) => format!("{number:.0}"),
            _ => return Err("neither text nor a number; store the id as text"),
        };
        if contracts::id::is_formula(&text) {
            return Err("begins with = + - or @, which spreadsheet programs interpret as a formula; remove it");
        }
        CustomerId::parse(text).map_err(|_| "not an id; use 1 to 64 characters and no control characters")
    }

    /// Returns the answer to a consent question, trimmed and cut to 32 characters. Text that is cut ends in `…`, so it
    /// can never turn into a plain yes.
    pub fn answer(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => {
                let text = text.trim();
                if text.chars().count() <= MAX_ANSWER {
                    return Cow::Borrowed(text);
                }
                text.chars().take(MAX_ANSWER - 1).chain(['…']).collect()
            }
            Self::Number(number) => number.to_string().chars().take(MAX_ANSWER).collect(),
            Self::Bool(answer) => Cow::Borrowed(if *answer { "TRUE" } else { "FALSE" }),
            Self::Date(_) => Cow::Borrowed("(a date)"),
            Self::Error => Cow::Borrowed("(an error)"),
            Self::NoResult => Cow::Borrowed("(a formula)"),
            Self::Unreadable => Cow::Borrowed("(unreadable)"),
        }
    }

    /// Returns the normalized form that is common to all ids that this cell could mean. Returns `None` if it could mean
    /// any id.
    ///
    /// Such ids differ only in leading zeros, invisible characters, space, case and Unicode form.
    pub fn near_id(&self) -> Option<String> {
        match self {
            Self::Text(text) if !self.is_blank() && !is_scientific(text.trim()) => Some(near_id(text)),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < MAX_EXACT_INTEGER => {
                Some(near_id(&format!("{number:.0}")))
            }
            _ => None,
        }
    }

    /// Returns the content as one line of text in a normalized form, for display in videos and for comparing workbooks.
    ///
    /// Drops direction marks, collapses white space and control characters, and composes characters (Unicode NFC).
    pub fn text(&self) -> Result<String, CellRule> {
        self.has_value()?;
        Ok(match self {
            Self::Text(text) => one_line(text),
            Self::Number(number) => number.to_string(),
            Self::Bool(answer) => answer.to_string(),
            Self::Date(date) => date.to_string(),
            Self::Empty | Self::Error | Self::NoResult | Self::Unreadable => String::new(),
        })
    }

    /// Returns [`Cell::text`]. Fails if it is blank.
    pub fn some_text(&self) -> Result<String, CellRule> {
        let text = self.text()?;
        if text.is_empty() { Err(BLANK) } else { Ok(text) }
    }

    /// Returns an amount of money, from a number or from text such as `$1,234.50`, `(45.00)`, `1.234,50 €` or `USD -3`.
    pub fn amount(&self) -> Result<Cents, CellRule> {
        self.has_value()?;
        match self {
            _ if self.is_blank() => Err(BLANK),
            Self::Number(number) => cents(*number),
            Self::Text(text) => written_amount(text).map(|amount| amount.cents),
            _ => Err(BAD_AMOUNT),
        }
    }

    /// Returns [`Cell::amount`], with the currency and any debit or credit mark in the text.
    pub fn written_amount(&self) -> Result<WrittenAmount, CellRule> {
        match self {
            Self::Text(text) if !self.is_blank() => written_amount(text),
            _ => Ok(WrittenAmount { cents: self.amount()?, currency: None, is_marked: false }),
        }
    }

    /// Returns a date between 1970 and 2199, from a date cell, a serial number, ISO 8601 text or Twitter's format.
    pub fn date(&self, epoch_1904: bool) -> Result<Date, CellRule> {
        self.has_value()?;
        let date = match self {
            _ if self.is_blank() => return Err(BLANK),
            Self::Date(date) => *date,
            Self::Number(serial) => serial_date(*serial, epoch_1904).ok_or(BAD_DATE)?,
            Self::Text(text) => written_date(text.trim()).ok_or(BAD_DATE)?,
            _ => return Err(BAD_DATE),
        };
        if (1970..=2199).contains(&date.year()) {
            Ok(date)
        } else {
            Err("not between the years 1970 and 2199; correct the date")
        }
    }
}

/// Returns an id without leading zeros, invisible characters or spaces, in a single case and Unicode form. Similar ids
/// share the result.
pub fn near_id(id: &str) -> String {
    let plain: String =
        id.nfkc().filter(|c| !is_invisible(*c) && !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    plain.trim_start_matches('0').to_owned()
}

/// Returns whether the text is a number in scientific notation, as Excel abbreviates long numbers, such as
/// `1.23457E+15`.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    whole.len() == 1 && is_number(whole) && is_number(fraction) && exponent.strip_prefix('+').is_some_and(is_number)
}

/// Returns whether a character is invisible: format characters (Unicode Cf) and fillers that look blank.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the rule that reports the first invisible character in an id.
fn invisible_rule(id: &str) -> Option<CellRule> {
    id.chars().find(|c| is_invisible(*c)).map(|c| match c {
        '\u{ad}' => "has the invisible character U+00AD (soft hyphen); remove it",
        '\u{200b}' => "has the invisible character U+200B (zero-width space); remove it",
        '\u{200c}' => "has the invisible character U+200C (zero-width non-joiner); remove it",
        '\u{200d}' => "has the invisible character U+200D (zero-width joiner); remove it",
        '\u{200e}' => "has the invisible character U+200E (left-to-right mark); remove it",
        '\u{200f}' => "has the invisible character U+200F (right-to-left mark); remove it",
        '\u{202a}' => "has the invisible character U+202A (left-to-right embedding); remove it",
        '\u{202c}' => "has the invisible character U+202C (end of embedding); remove it",
        '\u{2060}' => "has the invisible character U+2060 (word joiner); remove it",
        '\u{feff}' => "has the invisible character U+FEFF (byte-order mark); remove it",
        _ => "has an invisible character; remove it",
    })
}

/// Returns the text with each invisible character shown as its code point.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) || c.is_control() {
            let _infallible = write!(shown, "[U+{:04X}]", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Returns whether a whole number looks like a date written in digits, such as 103126 or 20261031, and is not the
/// serial number of a plausible date.
pub fn spells_date(number: f64) -> bool {
    if number.fract() != 0.0 || !(10_000.0..1e8).contains(&number) {
        return false;
    }
    let digits = format!("{number:06.0}");
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    let is_day = |day: u32, month: u32| (1..=31).contains(&day) && (1..=12).contains(&month);
    match digits.len() {
        6 => {
            let first = part(0, 2);
            let second = part(2, 4);
            let third = part(4, 6);
            // A serial number with six digits is a date after 2173.
            number >= 100_000.0 && (is_day(first, second) || is_day(second, first) || is_day(third, second))
        }
        8 => {
            let year_first = (1970..=2199).contains(&part(0, 4)) && is_day(part(6, 8), part(4, 6));
            let year_last = (1970..=2199).contains(&part(4, 8))
                && (is_day(part(0, 2), part(2, 4)) || is_day(part(2, 4), part(0, 2)));
            year_first || year_last
        }
        _ => false,
    }
}

/// The order of day and month in text such as `31/10/2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// The day comes first.
    DayFirst,
    /// The month comes first.
    MonthFirst,
}

/// Returns the order of day and month if the text is a date for which only one order is possible.
pub fn date_order(text: &str) -> Option<DateOrder> {
    let parts: Vec<&str> = text.trim().split(['/', '.', '-']).collect();
    let [first, second, year] = parts.as_slice() else { return None };
    let number =
        |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u32>().ok()).flatten();
    let first = number(first)?;
    let second = number(second)?;
    let year_digits = year.split_whitespace().next()?;
    if !matches!(year_digits.len(), 2 | 4) || !year_digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match (first, second) {
        (13..=31, 1..=12) => Some(DateOrder::DayFirst),
        (1..=12, 13..=31) => Some(DateOrder::MonthFirst),
        _ => None,
    }
}

/// Returns the date for a serial number, counted from 1900 or from 1904 (ECMA-376 part 1, 18.17.4.1). Returns `None` if
/// there is none.
pub fn serial_date(serial: f64, epoch_1904: bool) -> Option<Date> {
    day_of(&calamine::ExcelDateTime::new(serial, calamine::ExcelDateTimeType::DateTime, epoch_1904))
}

/// Returns the date in a cell with a date format. Returns `None` if its number is not a date.
pub fn day_of(serial: &calamine::ExcelDateTime) -> Option<Date> {
    // calamine clamps numbers outside this range.
    if !(1.0..2_958_466.0).contains(&serial.as_f64()) {
        return None;
    }
    let (year, month, day, ..) = serial.to_ymd_hms_milli();
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Parses ISO 8601 with or without a time, and the format of `created_at` in Twitter's exports.
fn written_date(text: &str) -> Option<Date> {
    if let Some((day, rest)) = text.split_at_checked(10)
        && (rest.is_empty() || rest.starts_with(['T', ' ']))
        && let Ok(date) = day.parse()
    {
        return Some(date);
    }
    Date::strptime("%a %b %d %H:%M:%S %z %Y", text).ok()
}

fn one_line(text: &str) -> String {
    // Almost every cell is already one plain line, and needs no work.
    let blank_at = |at: usize| text.as_bytes().get(at).is_none_or(|byte| *byte == b' ');
    let plain = |(at, byte): (usize, u8)| byte.is_ascii_graphic() || byte == b' ' && at > 0 && !blank_at(at + 1);
    if text.bytes().enumerate().all(plain) {
        return text.to_owned();
    }
    let visible = |c: char| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text: String =
        text.chars().filter(|c| visible(*c)).map(|c| if c.is_control() { ' ' } else { c }).nfc().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Cell<'_> {
        Cell::Text(text.into())
    }

    #[test]
    fn customer_id_is_text_with_its_zeros() {
        assert_eq!(Cell::Number(42.0).customer_id().unwrap().reveal(), "42");
        assert_eq!(text(" 0042 ").customer_id().unwrap().reveal(), "0042");
        assert_eq!(text("../../a:b").customer_id().unwrap().reveal(), "../../a:b");
    }

    #[test]
    fn inexact_customer_id_is_refused() {
        for bad in [Cell::Empty, text("  "), Cell::Number(1.5), Cell::Number(1e15), Cell::Bool(true), text("a\u{0}b")] {
            assert!(bad.customer_id().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn date_is_serial_or_iso_text() {
        let day = date(2026, 10, 31);
        assert_eq!(Cell::Number(46_326.0).date(false), Ok(day));
        assert_eq!(Cell::Number(46_326.75).date(false), Ok(day));
        assert_eq!(Cell::Number(44_864.0).date(true), Ok(day));
        for written in ["2026-10-31", "2026-10-31T23:59:59Z", "2026-10-31 08:00:00", "Sat Oct 31 20:19:24 +0000 2026"] {
            assert_eq!(text(written).date(false), Ok(day), "{written}");
        }
    }

    #[test]
    fn unclear_or_impossible_date_is_refused() {
        for bad in ["31/10/2026", "10/31/26", "2026-13-01", "2026-02-30", "2026-10-311", "soon", "0001-01-01"] {
            assert!(text(bad).date(false).is_err(), "{bad}");
        }
        for bad in [-1.0, 0.0, 60.0, 1e9, f64::NAN] {
            assert!(Cell::Number(bad).date(false).is_err(), "{bad}");
        }
    }

    #[test]
    fn text_is_normalized_to_one_line() {
        assert_eq!(text("  Jose\u{301}\u{202e}\n\tAna\u{0} ").text().unwrap(), "José Ana");
    }

    #[test]
    fn rounded_ids_and_invisible_characters_are_refused() {
        for bad in ["1.23457E+15", "1,2E+10", "00\u{200b}42", "\u{feff}0042"] {
            assert!(text(bad).customer_id().is_err(), "{bad}");
        }
        for good in ["1E5", "E+15", "12.5E+3", "A1.2E+3"] {
            assert!(text(good).customer_id().is_ok(), "{good}");
        }
        assert_eq!(visible("Date\u{200b}"), "Date[U+200B]");
    }

    #[test]
    fn similar_ids_share_a_normalized_form() {
        for near in ["0042a", "42A", " 42a", "00\u{200b}42a", "\u{ff14}2a"] {
            assert_eq!(text(near).near_id().unwrap(), "42a", "{near:?}");
        }
        assert_eq!(Cell::Number(42.0).near_id().unwrap(), "42");
        for any in [Cell::Empty, text(" "), Cell::Error, Cell::Number(1.5), text("1.23457E+15")] {
            assert_eq!(any.near_id(), None, "{any:?}");
        }
    }

    #[test]
    fn numbers_that_look_like_dates_are_distinguished_from_serials() {
        for spelled in [103_126.0, 311_026.0, 261_031.0, 20_261_031.0, 31_102_026.0, 10_312_026.0] {
            assert!(spells_date(spelled), "{spelled}");
        }
        for serial in [46_326.0, 45_000.5, 25_569.0, 1.0, 999_999.0, 1e9] {
            assert!(!spells_date(serial), "{serial}");
        }
        assert_eq!(date_order("31/10/2026"), Some(DateOrder::DayFirst));
        assert_eq!(date_order("10-31-26 08:00"), Some(DateOrder::MonthFirst));
        for either in ["10/11/2026", "2026-10-31", "31/31/2026", "soon", "31/10"] {
            assert_eq!(date_order(either), None, "{either}");
        }
    }

    #[test]
    fn cut_answer_is_not_a_plain_yes() {
        let long = format!("yes{}but not really", " ".repeat(40));
        let long = text(&long);
        let answer = long.answer();
        assert_eq!(answer.chars().count(), 32);
        assert!(answer.ends_with('…'));
    }

    proptest! {
        #[test]
        fn fast_path_for_plain_lines_agrees_with_slow_path(content in "[ -~]{0,12}") {
            let slow: Vec<&str> = content.split_whitespace().collect();
            prop_assert_eq!(text(&content).text().unwrap(), slow.join(" "));
        }

        #[test]
        fn parsers_accept_any_cell(content in ".{0,40}") {
            let cell = text(&content);
            let _ = (cell.amount(), cell.date(false), cell.customer_id(), cell.text());
            prop_assert!(cell.answer().chars().count() <= 32);
        }
    }
}
