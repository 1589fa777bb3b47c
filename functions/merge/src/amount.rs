//! Amounts of money as banks write them.

use policy::customer::Cents;

use crate::cell_rule::CellRule;

/// The maximum plausible amount, in units of the currency.
const MAX_AMOUNT: f64 = 1e12;

/// The rule for a cell that is not an amount.
pub const BAD_AMOUNT: CellRule = "not an amount; write it as 1234.50";

/// Currency symbols and abbreviations. ISO 4217 codes are recognized by their form.
const CURRENCIES: &str =
    "$ € £ ¥ ₹ ₫ ₩ ₱ ₪ ₺ ₽ ₴ ₦ ₲ ₵ ₡ ฿ US$ C$ CA$ A$ AU$ NZ$ HK$ S$ R$ MX$ kr kr. zł Kč Ft lei Rs Rs. Fr Fr. S/ R";

/// An amount as written in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenAmount {
    /// The amount. An amount marked as a debit is positive, and one marked as a credit is negative.
    pub cents: Cents,
    /// The currency symbol or code, if there is one.
    pub currency: Option<String>,
    /// Whether the text marks the amount as a debit or a credit, which determines its sign.
    pub is_marked: bool,
}

/// Converts units of a currency to cents, rounded. Fails beyond `MAX_AMOUNT`.
#[expect(clippy::cast_possible_truncation, reason = "checked to be at most 1e14")]
pub fn cents(units: f64) -> Result<Cents, CellRule> {
    if units.is_finite() && units.abs() <= MAX_AMOUNT {
        Ok(Cents((units * 100.0).round() as i64))
    } else {
        Err("an amount beyond 1,000,000,000,000; correct it")
    }
}

/// Parses an amount such as `$1,234.50`, `(45.00)`, `1.234,50 €`, `1'234.50`, `1,23,456.00` or `12.50 DR`.
pub fn written_amount(text: &str) -> Result<WrittenAmount, CellRule> {
    let is_mark = |c: &char| c.is_whitespace() || matches!(c, '\'' | '’' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    let mut rest: String = text.chars().filter(|c| !is_mark(c)).collect();
    let mut signs = Signs::default();
    let mut currency = None;
    // Signs, the currency, and DR or CR may appear at either end, in any order.
    loop {
        let before = rest.len();
        if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            signs.negative += 1;
            rest = inner.to_owned();
        }
        rest = signs.without_sign(&rest).to_owned();
        if let Some((found, without)) = without_currency(&rest) {
            if currency.is_some() {
                return Err(BAD_AMOUNT);
            }
            currency = Some(found.to_owned());
            rest = without.to_owned();
        }
        if rest.len() == before {
            break;
        }
    }
    if signs.negative + signs.positive + signs.debit + signs.credit > 1 {
        return Err(BAD_AMOUNT);
    }
    let digits = plain_decimal(&rest).ok_or(BAD_AMOUNT)?;
    let units: f64 = digits.parse().map_err(|_| BAD_AMOUNT)?;
    let is_negative = signs.negative + signs.credit > 0;
    let is_marked = signs.debit + signs.credit > 0;
    Ok(WrittenAmount { cents: cents(if is_negative { -units } else { units })?, currency, is_marked })
}

/// The number of signs and marks of each kind in an amount.
#[derive(Default)]
struct Signs {
    negative: u8,
    positive: u8,
    debit: u8,
    credit: u8,
}

impl Signs {
    /// Removes and counts one sign or mark at either end.
    fn without_sign<'t>(&mut self, text: &'t str) -> &'t str {
        let ends = |end: &str| {
            let at = text.len().checked_sub(end.len())?;
            let (head, tail) = (text.get(..at)?, text.get(at..)?);
            tail.eq_ignore_ascii_case(end).then_some(head)
        };
        let starts = |start: &str| {
            let (head, tail) = (text.get(..start.len())?, text.get(start.len()..)?);
            head.eq_ignore_ascii_case(start).then_some(tail)
        };
        for (mark, count) in [("dr.", 2), ("dr", 2), ("cr.", 3), ("cr", 3), ("-", 0), ("\u{2212}", 0), ("+", 1)] {
            if let Some(rest) = ends(mark).or_else(|| starts(mark)) {
                match count {
                    0 => self.negative += 1,
                    1 => self.positive += 1,
                    2 => self.debit += 1,
                    _ => self.credit += 1,
                }
                return rest;
            }
        }
        text
    }
}

/// Splits a currency symbol or code off either end.
fn without_currency(text: &str) -> Option<(&str, &str)> {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | '\u{2212}' | '(' | ')');
    let is_currency = |sign: &str| {
        let is_code = sign.len() == 3 && sign.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code || CURRENCIES.split(' ').any(|known| known == sign)
    };
    // An abbreviation may end in a period, which is not part of the number.
    let start = text.find(is_number).unwrap_or(text.len());
    let dotted = start + usize::from(text[start..].starts_with('.') && start > 0);
    for at in [dotted, start] {
        if at > 0 && is_currency(&text[..at]) {
            return Some((&text[..at], &text[at..]));
        }
    }
    let end = text
        .trim_end_matches('.')
        .rfind(is_number)
        .map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
    (end < text.len() && is_currency(&text[end..])).then(|| (&text[end..], &text[..end]))
}

/// Rewrites `1,234.50`, `1.234,50`, `1,23,456.00`, `1234.5`, `12,50` or `1,234` as digits with a decimal point. Returns
/// `None` if the text is not an amount or could mean two amounts.
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
    let is_indian = decimal.is_some_and(|at| text[at..].starts_with('.')) || !whole.contains('.');
    let grouped_well = match groups.as_slice() {
        [_] => true,
        [first, middle @ .., last] => {
            let by = |length: usize| middle.iter().all(|group| group.len() == length);
            let thousands = (1..=3).contains(&first.len()) && by(3);
            // A lakh is 1,00,000: groups of two digits before the last three.
            let lakhs = is_indian && (1..=2).contains(&first.len()) && !middle.is_empty() && by(2);
            last.len() == 3 && (thousands || lakhs)
        }
        [] => false,
    };
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
    use proptest::prelude::*;

    use super::*;
    use crate::value::Cell;

    fn text(text: &str) -> Cell<'_> {
        Cell::Text(text.into())
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
            ("1'234.50", 123_450),
            ("1’234’567.05", 123_456_705),
            ("CHF 1'234.50", 123_450),
            ("₹1,23,456.00", 12_345_600),
            ("Rs. 1,23,45,678", 1_234_567_800),
            ("31.20 DR", 3_120),
            ("31.20 CR", -3_120),
            ("Cr 31.20", -3_120),
            ("$31.20Dr.", 3_120),
            ("$(45.00)", -4_500),
            ("US$ 5", 500),
            ("5 kr", 500),
            ("+3", 300),
            ("12.50-", -1_250),
        ] {
            assert_eq!(text(written).amount(), Ok(Cents(cents)), "{written}");
        }
        assert_eq!(Cell::Number(0.1 + 0.2).amount(), Ok(Cents(30)));
    }

    #[test]
    fn ambiguous_amount_is_refused() {
        // ".5" has no digit before the point, so it may be a typo.
        for bad in [
            "1.234",
            ".5",
            "1,23,4",
            "12.345.6",
            "1,234,56",
            "12,34,56.00",
            "1,23,4567",
            "3 DR CR",
            "-3 CR",
            "$3 EUR",
            "--3",
            "(-3)",
            "3-4",
            "abc",
            "$",
            "1e5",
            "=1+1",
            "NaN",
            "",
        ] {
            assert!(text(bad).amount().is_err(), "{bad}");
        }
        assert!(Cell::Number(f64::INFINITY).amount().is_err());
        assert!(Cell::Number(1e300).amount().is_err());
    }

    proptest! {
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

    }
}
