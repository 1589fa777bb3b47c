//! Identifiers: account numbers, forms and kinds of accounts. Never amounts.

use std::sync::LazyLock;

use regex::Regex;

use super::letters;
use super::number::{self, Form, cardinal};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static GROUPED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:\d{3}-\d{2}-\d{4}|\d{2}-\d{7}|\d{5}-\d{4}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,4})(?P<end>)(?:[^\d-]|$)")
});
static ACCOUNT_KIND: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<number>\d{3,4})\((?P<letter>[A-Za-z])\)(?:\((?P<part>\d{1,2})\))?"));
static TAX_FORM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<number>1040|1098|1099|1095|1065|1120|5498|8949)(?P<letters>-[A-Z]{1,4})?(?P<end>)(?:[^\d.,%]|[.,](?:\D|$)|$)",
    )
});

/// Reads identifiers that have a known form: `123-45-6789`, `401(k)`, `501(c)(3)`, `formulario 1099-INT`.
pub fn known_form(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    if let Some(captures) = at.captures(&GROUPED) {
        let end = captures.name("end")?.start();
        let groups: Vec<String> = at.rest()[..end].split([' ', '-']).map(number::digits).collect();
        return Some(at.read(Class::Identifier, end, groups.join(", ")));
    }
    if let Some(captures) = at.captures(&ACCOUNT_KIND) {
        let letter = letters::spelled(&captures["letter"].to_uppercase());
        let part = captures.name("part").and_then(|part| part.as_str().parse().ok());
        let part = part.map_or(String::new(), |part| format!(" {}", cardinal(part, Form::Alone)));
        let said = format!("{} {letter}{part}", number::digits(&captures["number"]));
        return Some(at.whole(Class::Word, &captures, said));
    }
    let before = at.word_before(1);
    let captures = at
        .captures(&TAX_FORM)
        .filter(|_| matches!(before.as_str(), "formulario" | "formularios" | "forma" | "planilla"))?;
    let (first, last) = captures["number"].split_at(2);
    let pair = |text: &str| text.parse().ok().map(|pair| cardinal(pair, Form::Alone));
    let letters = captures.name("letters").map(|letters| format!(" {}", letters::spelled(&letters.as_str()[1..])));
    let said = format!("{} {}{}", pair(first)?, pair(last)?, letters.unwrap_or_default());
    Some(at.read(Class::Word, captures.name("end")?.start(), said))
}

static MASKED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:[*•·]{2,}|[xX]{2,})[\s-]?(?P<digits>\d{2,6})\b"));

/// Reads the visible end of a masked number: `****1234`.
pub fn masked(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&MASKED).filter(|_| at.starts_word())?;
    Some(at.whole(Class::Identifier, &captures, number::digits(&captures["digits"])))
}

static DIGITS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?P<mark>#|(?:n\.?[º°]|N\.?[º°])\s?)?(?P<digits>\d{2,})(?P<end>)(?:[^\d.,%]|[.,](?:\D|$)|$)")
});

/// Words after which a number is read digit by digit, such as "terminada en 1234".
const NAMED: &[&str] =
    &["nmls", "ruta", "cuenta", "referencia", "folio", "confirmación", "código", "postal", "clave", "caso", "póliza"];

/// Reads a number digit by digit after a word that announces an identifier: `terminada en 1234`, `cuenta 12345678`,
/// `código postal 33101`, `NMLS 123456`, `#12345`.
pub fn by_context(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&DIGITS).filter(|_| at.starts_word())?;
    let digits = &captures["digits"];
    let before = at.word_before(1);
    let two_before = at.word_before(2);
    let ends_in = before == "en" && (two_before.starts_with("termina") || two_before == "acaba");
    let last_digits = matches!(before.as_str(), "dígitos" | "números") && two_before != "de" && digits.len() >= 3;
    let numbered = captures.name("mark").is_some() && digits.len() >= 5;
    let named = NAMED.contains(&before.as_str()) || before == "número" && digits.len() >= 5;
    let numbered_name = before == "número" && NAMED.contains(&two_before.as_str());
    if !(ends_in || last_digits || numbered || named || numbered_name) {
        return None;
    }
    let mark = if captures.name("mark").is_some() { "número " } else { "" };
    Some(at.read(Class::Identifier, captures.name("end")?.start(), format!("{mark}{}", number::digits(digits))))
}

static CODE: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Z0-9]+(?:-[A-Z0-9]+)*\b"));

/// Reads a code of capitals and digits: `A1B2`, `MX-204`.
pub fn code(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&CODE).filter(|_| at.starts_word())?;
    let written = captures.get_match().as_str();
    let digits = written.chars().filter(char::is_ascii_digit).count();
    let capitals = written.chars().filter(char::is_ascii_uppercase).count();
    let starts_with_letter = written.starts_with(|c: char| c.is_ascii_uppercase());
    // "10K" is an amount, and "COVID-19" a word with a number.
    let is_code = digits > 0 && capitals > 0 && (starts_with_letter && capitals <= 3 || capitals > 1 && digits > 1);
    if !is_code || written.len() < 2 {
        return None;
    }
    let parts = written.chars().filter(|c| *c != '-').map(|c| match c.to_digit(10) {
        Some(digit) => cardinal(digit.into(), Form::Alone),
        None => letters::spelled(&c.to_string()),
    });
    Some(at.whole(Class::Identifier, &captures, parts.collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn identifiers_are_said_digit_by_digit() {
        check(&[
            ("terminada en 1234", "terminada en uno dos tres cuatro"),
            ("los últimos dígitos 0042", "los últimos dígitos cero cero cuatro dos"),
            ("cuenta 12345678", "cuenta uno dos tres cuatro cinco seis siete ocho"),
            ("NMLS 123456", "ene eme ele ese uno dos tres cuatro cinco seis"),
            ("código postal 33101", "código postal tres tres uno cero uno"),
            ("#12345", "número uno dos tres cuatro cinco"),
            ("****1234", "uno dos tres cuatro"),
            ("123-45-6789", "uno dos tres, cuatro cinco, seis siete ocho nueve"),
            ("un plan 401(k)", "un plan cuatro cero uno ka"),
            ("501(c)(3)", "cinco cero uno ce tres"),
            ("el formulario 1099-INT", "el formulario diez noventa y nueve i ene te"),
            ("la referencia A1B2", "la referencia a uno be dos"),
            (
                "4000 1234 5678 9010",
                "cuatro cero cero cero, uno dos tres cuatro, cinco seis siete ocho, nueve cero uno cero",
            ),
        ]);
    }
}
