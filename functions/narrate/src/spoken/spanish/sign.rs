//! Symbols: they get a meaning from their neighbors or are silent.

use std::sync::LazyLock;

use regex::Regex;

use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

const QUANTITY: &str = r"(?:[$€£½¼¾⅓⅔]|[A-Z]{1,3}\$|\d)";

static BEFORE_QUANTITY: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"-{QUANTITY}")));
static DASH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?P<dash>[-–—])\s?(?:{QUANTITY}|(?i:lun|mar|mi[ée]|jue|vie|s[áa]b|dom|mediod[íi]a|medianoche))"))
});

/// Reads a minus sign before a separate number.
pub fn minus(at: &Cursor<'_>) -> Option<Reading> {
    let stands_alone = !at.head().ends_with(|c: char| c.is_alphanumeric() || matches!(c, '%' | ')' | '.' | '-'));
    (stands_alone && BEFORE_QUANTITY.is_match(at.rest())).then(|| at.read(Class::Sign, 1, "menos"))
}

/// Reads the dash of a range: `5-10`, `$5–$10`, `lun-vie`.
pub fn range(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&DASH).filter(|_| at.follows_quantity())?;
    let (class, _) = at.last?;
    Some(at.read(class, captures.name("dash")?.end(), "a"))
}

static PER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"/\s?(?P<unit>mes|año|día|semana|hora|noche|persona|transacción|pago|cuenta)\b"));

/// Reads the slash in a rate: `$12/mes` is "al mes".
pub fn per(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&PER).filter(|_| at.follows_quantity())?;
    let unit = captures.name("unit")?;
    let said = match unit.as_str() {
        "mes" | "año" | "día" => "al",
        "semana" => "a la",
        _ => "por",
    };
    Some(at.read(Class::Sign, 1, said))
}

static EITHER: LazyLock<Regex> = LazyLock::new(|| pattern(r"/\s?\p{L}{2,}"));

/// Reads the slash between two words: `ahorro/cheques`.
pub fn either(at: &Cursor<'_>) -> Option<Reading> {
    let before = at.head().rsplit(|c: char| !c.is_alphabetic()).next()?;
    let between = before.chars().count() > 1 && EITHER.is_match(at.rest());
    between.then(|| at.read(Class::Sign, 1, "o"))
}

/// Reads the other symbols that have a meaning.
pub fn sign(at: &Cursor<'_>) -> Option<Reading> {
    let next_is_quantity =
        |length: usize| at.rest()[length..].trim_start().starts_with(|c: char| c.is_ascii_digit() || "$€£".contains(c));
    let c = at.rest().chars().next()?;
    let length = c.len_utf8();
    let said = match c {
        '+' if next_is_quantity(length) => "más",
        '=' if next_is_quantity(length) => "igual a",
        '<' if next_is_quantity(length) => "menos de",
        '>' if next_is_quantity(length) => "más de",
        '≤' if next_is_quantity(length) => "como máximo",
        '≥' if next_is_quantity(length) => "como mínimo",
        '±' if next_is_quantity(length) => "más o menos",
        '≈' | '~' if next_is_quantity(length) => "aproximadamente",
        '≠' => "distinto de",
        '&' => "y",
        '%' => "por ciento",
        '@' => "arroba",
        '§' => "sección",
        '€' => "euros",
        '£' => "libras",
        _ => return None,
    };
    Some(at.read(Class::Sign, length, said))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn symbols_get_a_meaning_from_their_neighbors() {
        check(&[
            ("$12/mes", "doce dólares al mes"),
            ("$3/transacción", "tres dólares por transacción"),
            ("ahorro/cheques", "ahorro o cheques"),
            ("Pérez & Hijos", "Pérez y Hijos"),
            ("≥ $500", "como mínimo quinientos dólares"),
            ("<5%", "menos de cinco por ciento"),
            ("5–10 pagos", "cinco a diez pagos"),
            ("Prime + 1.99%", "Prime más uno punto noventa y nueve por ciento"),
            ("$100* de bono", "cien dólares de bono"),
            ("Paso 1 → Paso 2", "Paso uno Paso dos"),
        ]);
    }
}
