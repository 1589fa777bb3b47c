//! The content of a cell as an id, amount, date or text, whatever way the spreadsheet stores it.
//!
//! Each parser fails with the rule that the cell breaks. The rule is a phrase with the remedy and never holds the content.

use std::borrow::Cow;

use contracts::CustomerId;
use contracts::customer::Cents;
use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization;

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
}

/// The rule that a cell breaks, as a phrase that ends in the remedy.
pub type CellRule = &'static str;

/// The bound of whole numbers that a spreadsheet keeps exactly: it keeps 15 digits.
const MAX_EXACT_INTEGER: f64 = 1e15;

/// The longest consent answer that the evidence keeps, characters.
const MAX_ANSWER: usize = 32;

/// The largest plausible amount, in units of the currency.
const MAX_AMOUNT: f64 = 1e12;

const BLANK: CellRule = "blank; fill it in";
const BAD_AMOUNT: CellRule = "not an amount; write it as 1234.50";
const BAD_DATE: CellRule = "not a date; write it as 2026-10-31";

impl Cell<'_> {
    /// Returns whether the cell is empty or holds white space only.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => !text.starts_with(|c: char| c.is_ascii_graphic()) && text.trim().is_empty(),
            Self::Number(_) | Self::Bool(_) | Self::Date(_) | Self::Error => false,
        }
    }

    /// Returns the customer id as text: a number cell 42 is "42", and a text cell "0042" keeps its zeros.
    pub fn customer_id(&self) -> Result<CustomerId, CellRule> {
        let text = match self {
            _ if self.is_blank() => return Err(BLANK),
            Self::Text(text) => text.trim().to_owned(),
            Self::Number(number) if number.fract() != 0.0 => return Err("not a whole number; store the id as text"),
            Self::Number(number) if number.abs() >= MAX_EXACT_INTEGER => {
                return Err("more digits than a number cell keeps; store the id as text");
            }
            Self::Number(number) => format!("{number:.0}"),
            Self::Bool(_) | Self::Date(_) | Self::Error | Self::Empty => {
                return Err("neither text nor a number; store the id as text");
            }
        };
        CustomerId::parse(text).map_err(|_| "not an id; use 1 to 64 characters and no control characters")
    }

    /// Returns the answer to a consent question, trimmed to at most 32 characters. A cut answer ends in `…`, so that
    /// cutting never makes it a plain yes.
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
        }
    }

    /// Returns the content as one line of text in a single form, which pictures show and workbooks are compared by.
    ///
    /// It drops control characters and direction marks, collapses white space, and composes characters (Unicode NFC).
    pub fn text(&self) -> Result<String, CellRule> {
        match self {
            Self::Empty => Ok(String::new()),
            Self::Text(text) => Ok(one_line(text)),
            Self::Number(number) => Ok(number.to_string()),
            Self::Bool(answer) => Ok(answer.to_string()),
            Self::Date(date) => Ok(date.to_string()),
            Self::Error => Err("a formula error; correct the formula"),
        }
    }

    /// Returns [`Cell::text`] if it is not blank.
    pub fn some_text(&self) -> Result<String, CellRule> {
        let text = self.text()?;
        if text.is_empty() { Err(BLANK) } else { Ok(text) }
    }

    /// Returns an amount of money, from a number or from text such as `$1,234.50`, `(45.00)`, `1.234,50 €` or `USD -3`.
    pub fn amount(&self) -> Result<Cents, CellRule> {
        match self {
            _ if self.is_blank() => Err(BLANK),
            Self::Number(number) => cents(*number),
            Self::Text(text) => written_amount(text),
            Self::Empty | Self::Bool(_) | Self::Date(_) | Self::Error => Err(BAD_AMOUNT),
        }
    }

    /// Returns a day between 1970 and 2199, from a date cell, a serial number or ISO 8601 text.
    pub fn date(&self, epoch_1904: bool) -> Result<Date, CellRule> {
        let date = match self {
            _ if self.is_blank() => return Err(BLANK),
            Self::Date(date) => *date,
            Self::Number(serial) => serial_date(*serial, epoch_1904).ok_or(BAD_DATE)?,
            Self::Text(text) => written_date(text.trim()).ok_or(BAD_DATE)?,
            Self::Empty | Self::Bool(_) | Self::Error => return Err(BAD_DATE),
        };
        if (1970..=2199).contains(&date.year()) {
            Ok(date)
        } else {
            Err("not between the years 1970 and 2199; correct the date")
        }
    }
}

/// Returns the day of a serial number, counted from 1900 or from 1904 (ECMA-376 part 1, 18.17.4.1); `None` if there is none.
pub fn serial_date(serial: f64, epoch_1904: bool) -> Option<Date> {
    day_of(&calamine::ExcelDateTime::new(serial, calamine::ExcelDateTimeType::DateTime, epoch_1904))
}

/// Returns the day of a cell with a date format; `None` if its number is not a date.
pub fn day_of(serial: &calamine::ExcelDateTime) -> Option<Date> {
    // calamine clamps numbers outside this range.
    if !(1.0..2_958_466.0).contains(&serial.as_f64()) {
        return None;
    }
    let (year, month, day, ..) = serial.to_ymd_hms_milli();
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Parses ISO 8601 with or without a time, and the form of `created_at` in Twitter's exports.
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
    // Almost every cell is one plain line already, and needs no work.
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

#[expect(clippy::cast_possible_truncation, reason = "checked to be below 1e14")]
fn cents(units: f64) -> Result<Cents, CellRule> {
    if units.is_finite() && units.abs() <= MAX_AMOUNT {
        Ok(Cents((units * 100.0).round() as i64))
    } else {
        Err("an amount beyond 1,000,000,000,000; correct it")
    }
}

fn written_amount(text: &str) -> Result<Cents, CellRule> {
    let mut rest: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\'').collect();
    let mut negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        negative = true;
        rest = inner.to_owned();
    }
    // One sign may come before or after the currency, at either end.
    for _ in 0..2 {
        let sign = |c: char| matches!(c, '-' | '\u{2212}' | '+');
        let stripped = rest.strip_prefix(sign).or_else(|| rest.strip_suffix(sign));
        if let Some(stripped) = stripped {
            let minus = rest.starts_with(['-', '\u{2212}']) || rest.ends_with(['-', '\u{2212}']);
            if minus && negative {
                return Err(BAD_AMOUNT);
            }
            negative |= minus;
            rest = stripped.to_owned();
        }
        rest = without_currency(&rest).to_owned();
    }
    let digits = plain_decimal(&rest).ok_or(BAD_AMOUNT)?;
    let units: f64 = digits.parse().map_err(|_| BAD_AMOUNT)?;
    cents(if negative { -units } else { units })
}

/// Removes a currency sign or a three-letter code (ISO 4217) from either end.
fn without_currency(text: &str) -> &str {
    let sign = |c: char| matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₫');
    if let Some(rest) = text.strip_prefix(sign).or_else(|| text.strip_suffix(sign)) {
        return rest;
    }
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    if let Some((code, rest)) = text.split_at_checked(3)
        && is_code(code)
    {
        return rest;
    }
    if let Some((rest, code)) = text.len().checked_sub(3).and_then(|at| text.split_at_checked(at))
        && is_code(code)
    {
        return rest;
    }
    text
}

/// Rewrites `1,234.50`, `1.234,50`, `1234.5`, `12,50` or `1,234` as digits with a decimal point; `None` if the text is not
/// an amount or could mean two amounts.
fn plain_decimal(text: &str) -> Option<String> {
    let separators: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| matches!(c, ',' | '.')).collect();
    let decimal = match separators.as_slice() {
        [] => None,
        [(at, mark)] => match (text.len() - at - 1, mark) {
            (0..=2, _) => Some(*at),
            (3, ',') => None,
            _ => return None,
        },
        [first @ .., (at, mark)] => {
            let grouped_by = first[0].1;
            if first.iter().any(|(_, other)| *other != grouped_by) {
                return None;
            }
            (grouped_by != *mark).then_some(*at)
        }
    };
    let (whole, fraction) = match decimal {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let groups: Vec<&str> = whole.split([',', '.']).collect();
    let grouped_well = groups.len() == 1 || groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3);
    let all_digits = groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_digit()));
    let whole = groups.concat();
    let valid = grouped_well
        && all_digits
        && !whole.is_empty()
        && fraction.len() <= 2
        && fraction.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| format!("{whole}.{fraction}0"))
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
    fn amount_may_have_currency_sign_and_separators() {
        for (written, cents) in [
            ("$1,234.50", 123_450),
            ("1.234,50 €", 123_450),
            ("1 234,50", 123_450),
            ("1\u{a0}234,5 EUR", 123_450),
            ("USD -3", -300),
            ("-$3.10", -310),
            ("$-3.10", -310),
            ("(45.00)", -4_500),
            ("45.00-", -4_500),
            ("1,234", 123_400),
            ("1,234,567", 123_456_700),
            ("12,50", 1_250),
            ("0", 0),
        ] {
            assert_eq!(text(written).amount(), Ok(Cents(cents)), "{written}");
        }
        assert_eq!(Cell::Number(0.1 + 0.2).amount(), Ok(Cents(30)));
    }

    #[test]
    fn ambiguous_amount_is_refused() {
        // Without a digit before the point, ".5" may be a typo.
        for bad in [
            "1.234", ".5", "1,23,4", "12.345.6", "1,234,56", "--3", "(-3)", "3-4", "abc", "$", "1e5", "=1+1", "NaN", "",
        ] {
            assert!(text(bad).amount().is_err(), "{bad}");
        }
        assert!(Cell::Number(f64::INFINITY).amount().is_err());
        assert!(Cell::Number(1e300).amount().is_err());
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
    fn text_is_one_line_in_one_form() {
        assert_eq!(text("  Jose\u{301}\u{202e}\n\tAna\u{0} ").text().unwrap(), "José Ana");
    }

    #[test]
    fn cut_answer_is_no_plain_yes() {
        let long = format!("yes{}but not really", " ".repeat(40));
        let long = text(&long);
        let answer = long.answer();
        assert_eq!(answer.chars().count(), 32);
        assert!(answer.ends_with('…'));
    }

    proptest! {
        #[test]
        fn fast_path_of_plain_lines_agrees(content in "[ -~]{0,12}") {
            let slow: Vec<&str> = content.split_whitespace().collect();
            prop_assert_eq!(text(&content).text().unwrap(), slow.join(" "));
        }

        #[test]
        fn english_and_continental_amounts_agree(cents in -99_999_999_i64..99_999_999) {
            let whole = cents.abs() / 100;
            let part = cents.abs() % 100;
            let mut grouped = whole.to_string();
            let mut at = grouped.len();
            while at > 3 {
                at -= 3;
                grouped.insert(at, ',');
            }
            let sign = if cents < 0 { "-" } else { "" };
            let english = format!("{sign}${grouped}.{part:02}");
            let continental = format!("{sign}{},{part:02} EUR", grouped.replace(',', "."));
            prop_assert_eq!(text(&english).amount(), Ok(Cents(cents)), "{}", english);
            prop_assert_eq!(text(&continental).amount(), Ok(Cents(cents)), "{}", continental);
        }

        #[test]
        fn parsers_accept_any_cell(content in ".{0,40}") {
            let cell = text(&content);
            let _ = (cell.amount(), cell.date(false), cell.customer_id(), cell.text());
            prop_assert!(cell.answer().chars().count() <= 32);
        }
    }
}
