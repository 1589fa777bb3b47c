//! Amounts of money.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{Form, NUMBER, Number, cardinal};
use crate::spoken::grammar::{Class, Cursor, FOOTNOTES, Reading, pattern};

/// A currency: its symbols and code, its unit and its hundredth, each as singular and plural.
struct Currency {
    signs: &'static [&'static str],
    code: &'static str,
    form: Form,
    unit: (&'static str, &'static str),
    part: (&'static str, &'static str),
}

const CENTS: (&str, &str) = ("centavo", "centavos");

#[rustfmt::skip]
const CURRENCIES: &[Currency] = &[
    Currency { signs: &["$", "US$"], code: "USD", form: Form::Masculine, unit: ("dólar", "dólares"), part: CENTS },
    Currency { signs: &["€"], code: "EUR", form: Form::Masculine, unit: ("euro", "euros"), part: ("céntimo", "céntimos") },
    Currency { signs: &["£"], code: "GBP", form: Form::Feminine, unit: ("libra", "libras"), part: ("penique", "peniques") },
    Currency { signs: &["¥"], code: "JPY", form: Form::Masculine, unit: ("yen", "yenes"), part: CENTS },
    Currency { signs: &["MX$", "Mex$"], code: "MXN", form: Form::Masculine, unit: ("peso mexicano", "pesos mexicanos"), part: CENTS },
    Currency { signs: &["C$", "CA$"], code: "CAD", form: Form::Masculine, unit: ("dólar canadiense", "dólares canadienses"), part: CENTS },
    Currency { signs: &["R$"], code: "BRL", form: Form::Masculine, unit: ("real brasileño", "reales brasileños"), part: CENTS },
    Currency { signs: &["S/"], code: "PEN", form: Form::Masculine, unit: ("sol", "soles"), part: ("céntimo", "céntimos") },
    Currency { signs: &["RD$"], code: "DOP", form: Form::Masculine, unit: ("peso dominicano", "pesos dominicanos"), part: CENTS },
    Currency { signs: &["COL$"], code: "COP", form: Form::Masculine, unit: ("peso colombiano", "pesos colombianos"), part: CENTS },
    Currency { signs: &["AR$"], code: "ARS", form: Form::Masculine, unit: ("peso argentino", "pesos argentinos"), part: CENTS },
    Currency { signs: &["CLP$"], code: "CLP", form: Form::Masculine, unit: ("peso chileno", "pesos chilenos"), part: CENTS },
    Currency { signs: &["Q"], code: "GTQ", form: Form::Masculine, unit: ("quetzal", "quetzales"), part: CENTS },
    Currency { signs: &["L"], code: "HNL", form: Form::Masculine, unit: ("lempira", "lempiras"), part: CENTS },
    Currency { signs: &["₡"], code: "CRC", form: Form::Masculine, unit: ("colón", "colones"), part: ("céntimo", "céntimos") },
    Currency { signs: &[], code: "CHF", form: Form::Masculine, unit: ("franco suizo", "francos suizos"), part: ("céntimo", "céntimos") },
];

/// Words and letters that scale an amount.
const SCALES: &str = r"(?P<scale>\s?(?:mil\smillones|millones|millón|billones|billón|mil\b|[KkM]\b))";

static SIGNS: LazyLock<String> = LazyLock::new(|| {
    let mut signs: Vec<String> =
        CURRENCIES.iter().flat_map(|currency| currency.signs).map(|sign| regex::escape(sign)).collect();
    signs.sort_by_key(|sign| std::cmp::Reverse(sign.len()));
    signs.join("|")
});
static CODES: LazyLock<String> =
    LazyLock::new(|| CURRENCIES.iter().map(|currency| currency.code).collect::<Vec<_>>().join("|"));
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?P<minus>-\s?)?(?:(?P<sign>{})\s?|(?P<code>{})\s?\$?)(?P<inner>-)?(?P<number>{NUMBER}){SCALES}?(?P<more>\+)?",
        *SIGNS, *CODES
    ))
});
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?P<minus>-)?(?P<number>{NUMBER}){SCALES}?(?P<gap>\s?)(?P<unit>(?:{})\b|€|£)", *CODES))
});
static ACCOUNTING: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\((?P<sign>\$|€|£)\s?(?P<number>{NUMBER})\)")));
static CENT_SIGN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<number>\d{1,3})\s?¢"));

fn currency(written: &str) -> Option<&'static Currency> {
    CURRENCIES.iter().find(|currency| currency.code == written || currency.signs.contains(&written))
}

impl Currency {
    fn unit(&self, is_one: bool) -> &'static str {
        if is_one { self.unit.0 } else { self.unit.1 }
    }

    /// Returns an amount without a scale, such as "un dólar con cincuenta centavos".
    fn words(&self, number: &Number) -> String {
        let count = number.whole;
        let cents = number.decimals.as_ref().filter(|(_, digits)| digits.len() <= 2);
        let Some((_, digits)) = cents else {
            let is_one = number.decimals.is_none() && count == 1;
            let unit = self.unit(is_one);
            return match number.decimals {
                None => with_unit(count, self.form, unit),
                Some(_) => format!("{} {unit}", number.words(Form::Alone)),
            };
        };
        let cents: u64 = format!("{digits:0<2}").parse().unwrap_or_default();
        let part =
            format!("{} {}", cardinal(cents, Form::Masculine), if cents == 1 { self.part.0 } else { self.part.1 });
        match (count, cents) {
            (_, 0) => with_unit(count, self.form, self.unit(count == 1)),
            (0, _) => part,
            _ => format!("{} con {part}", with_unit(count, self.form, self.unit(count == 1))),
        }
    }
}

/// Returns a count with its unit: "un millón de dólares", "dos mil dólares".
fn with_unit(count: u64, form: Form, unit: &str) -> String {
    let of = if count >= 1_000_000 && count.is_multiple_of(1_000_000) { "de " } else { "" };
    format!("{} {of}{unit}", cardinal(count, form))
}

/// Returns a scaled amount as the words of the number and those of the scale with the unit.
fn scaled(number: &Number, scale: &str, currency: &Currency) -> (String, String) {
    let is_one = number.decimals.is_none() && number.whole == 1;
    let of_unit = |scale: &str| format!("{scale} de {}", currency.unit.1);
    let number = number.words(if number.decimals.is_some() { Form::Alone } else { Form::Masculine });
    match scale.trim() {
        "mil" | "K" | "k" if is_one => (String::new(), format!("mil {}", currency.unit.1)),
        "mil" | "K" | "k" => (number, format!("mil {}", currency.unit.1)),
        "M" if is_one => (number, of_unit("millón")),
        "M" => (number, of_unit("millones")),
        word => (number, of_unit(word)),
    }
}

/// Reads amounts with the symbol first: `$25`, `US$ 1,250.50`, `$1.2 millones`, `USD 25`, `-$5`, `$2,500+`.
pub fn amount(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    let captures = at.captures(&AMOUNT)?;
    let currency = currency(captures.name("sign").or_else(|| captures.name("code"))?.as_str())?;
    let number = captures.name("number")?;
    let value = Number::parse(number.as_str(), false)?;
    let is_negative = captures.name("inner").is_some()
        || captures.name("minus").is_some() && !at.follows_quantity() && !at.head().ends_with(char::is_alphanumeric);
    if captures.name("minus").is_some() && !is_negative {
        return None;
    }
    let minus = if is_negative { "menos " } else { "" };
    let more = if captures.name("more").is_some() { " o más" } else { "" };
    let end = at.pos + captures.get_match().end();
    let Some(scale) = captures.name("scale") else {
        return Some(at.whole(Class::Money, &captures, format!("{minus}{}{more}", currency.words(&value))));
    };
    let (count, unit) = scaled(&value, scale.as_str(), currency);
    if !scale.as_str().starts_with(' ') || count.is_empty() {
        let said = format!("{minus}{count} {unit}{more}");
        return Some(at.whole(Class::Money, &captures, said.trim().to_owned()));
    }
    let pieces = vec![
        (at.pos..at.pos + number.end(), format!("{minus}{count}")),
        (at.pos + scale.start() + 1..end, format!("{unit}{more}")),
    ];
    Some(Reading { class: Class::Money, end, pieces })
}

/// Reads amounts with the currency last: `25 USD`, `1.250,50 €`, `40¢`.
pub fn code(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    if let Some(captures) = at.captures(&CENT_SIGN) {
        let cents: u64 = captures["number"].parse().ok()?;
        let unit = if cents == 1 { CENTS.0 } else { CENTS.1 };
        return Some(at.whole(Class::Money, &captures, format!("{} {unit}", cardinal(cents, Form::Masculine))));
    }
    let captures = at.captures(&AFTER)?;
    let currency = currency(&captures["unit"])?;
    let value = Number::parse(&captures["number"], false)?;
    let minus = if captures.name("minus").is_some() { "menos " } else { "" };
    let said = match captures.name("scale") {
        None => currency.words(&value),
        Some(scale) => {
            let (count, unit) = scaled(&value, scale.as_str(), currency);
            format!("{count} {unit}").trim().to_owned()
        }
    };
    Some(at.whole(Class::Money, &captures, format!("{minus}{said}")))
}

/// Reads a negative amount in parentheses: `($25.00)`. Before a noun, parentheses are only parentheses.
pub fn accounting(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&ACCOUNTING)?;
    let rest = at.after(at.pos + captures.get_match().end()).trim_start_matches(FOOTNOTES);
    let stands_alone = rest.trim_start_matches(['.', ',', ';', ' ']).is_empty() && at.head().trim_end().ends_with(':');
    if !stands_alone {
        return None;
    }
    let value = Number::parse(&captures["number"], false)?;
    Some(at.whole(Class::Money, &captures, format!("menos {}", currency(&captures["sign"])?.words(&value))))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn amounts_agree_with_their_currency() {
        check(&[
            ("$25", "veinticinco dólares"),
            ("$1", "un dólar"),
            ("$21", "veintiún dólares"),
            ("$31.01", "treinta y un dólares con un centavo"),
            ("$0.01", "un centavo"),
            ("$0", "cero dólares"),
            ("$0.00", "cero dólares"),
            ("$1.5", "un dólar con cincuenta centavos"),
            ("$1,996.38", "mil novecientos noventa y seis dólares con treinta y ocho centavos"),
            ("$1,000,000", "un millón de dólares"),
            ("$1,250,000", "un millón doscientos cincuenta mil dólares"),
            ("$1 millón", "un millón de dólares"),
            ("$1.2 millones", "uno punto dos millones de dólares"),
            ("$3 mil millones", "tres mil millones de dólares"),
            ("$10K", "diez mil dólares"),
            ("$5M", "cinco millones de dólares"),
            ("US$25", "veinticinco dólares"),
            ("USD 25", "veinticinco dólares"),
            ("25 USD", "veinticinco dólares"),
            ("€21", "veintiún euros"),
            ("1.250,50 €", "mil doscientos cincuenta euros con cincuenta céntimos"),
            ("£21", "veintiuna libras"),
            ("£200", "doscientas libras"),
            ("MX$1,500", "mil quinientos pesos mexicanos"),
            ("40¢", "cuarenta centavos"),
            ("-$25.00", "menos veinticinco dólares"),
            ("$-25.00", "menos veinticinco dólares"),
            ("Saldo: ($25.00)", "Saldo: menos veinticinco dólares"),
            ("la cuota ($25) mensual", "la cuota veinticinco dólares, mensual"),
            ("$2,500+", "dos mil quinientos dólares o más"),
            ("$200 a $2,500", "doscientos dólares a dos mil quinientos dólares"),
            ("$10K-25K", "diez mil dólares a veinticinco mil"),
            ("$5-$10", "cinco dólares a diez dólares"),
            ("$1 250", "mil doscientos cincuenta dólares"),
            ("un bono de $200", "un bono de doscientos dólares"),
            ("$3.499", "tres mil cuatrocientos noventa y nueve dólares"),
            ("$0.0525", "cero punto cero cinco dos cinco dólares"),
        ]);
    }
}
