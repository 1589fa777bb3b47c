//! Roman numerals.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{Form, cardinal};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static NUMERAL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<numeral>[IVXLCDM]{1,9})\b"));

/// Nouns that precede a Roman numeral.
const NUMBERED: &[&str] = &[
    "siglo",
    "siglos",
    "título",
    "capítulo",
    "parte",
    "fase",
    "tomo",
    "anexo",
    "sección",
    "nivel",
    "tipo",
    "etapa",
    "artículo",
    "apartado",
    "fondo",
    "serie",
    "clase",
];

/// Reads `siglo XXI`, `Título IV`, `Fondo II`. Without such a noun, only `I`, `V` and `X` make up a numeral, because `CD`
/// and `MD` are letters.
pub fn numeral(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&NUMERAL).filter(|_| at.starts_word())?;
    let written = &captures["numeral"];
    let numbered = NUMBERED.contains(&at.word_before(1).as_str());
    let plain = written.len() > 1 && written.bytes().all(|b| b"IVX".contains(&b)) && !at.shouted;
    let value = value(written).filter(|_| numbered || plain)?;
    Some(at.whole(Class::Ordinal, &captures, cardinal(value, Form::Alone)))
}

/// Returns the value of a numeral in its usual form.
fn value(numeral: &str) -> Option<u64> {
    const STEPS: [(&str, u64); 13] = [
        ("M", 1000),
        ("CM", 900),
        ("D", 500),
        ("CD", 400),
        ("C", 100),
        ("XC", 90),
        ("L", 50),
        ("XL", 40),
        ("X", 10),
        ("IX", 9),
        ("V", 5),
        ("IV", 4),
        ("I", 1),
    ];
    let mut rest = numeral;
    let mut value = 0;
    for (step, size) in STEPS {
        while let Some(after) = rest.strip_prefix(step) {
            value += size;
            rest = after;
        }
    }
    // Only the usual form counts: "IIX" is not a numeral.
    let mut usual = String::new();
    let mut left = value;
    for (step, size) in STEPS {
        while left >= size {
            usual.push_str(step);
            left -= size;
        }
    }
    (rest.is_empty() && usual == numeral).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn numerals_are_numbers() {
        check(&[
            ("el siglo XXI", "el siglo veintiuno"),
            ("Título IV", "Título cuatro"),
            ("el Fondo II", "el Fondo dos"),
            ("Parte I", "Parte uno"),
            ("un CD", "un ce de"),
            ("la vitamina C", "la vitamina ce"),
        ]);
    }
}
