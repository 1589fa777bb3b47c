//! Abbreviations that are read in full.

use std::sync::LazyLock;

use regex::Regex;

use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Abbreviations in lower case, without their period. Those listed with a period need it.
#[rustfmt::skip]
const FIXED: &[(&str, &str)] = &[
    ("sr.", "señor"), ("sra.", "señora"), ("srta.", "señorita"), ("sres.", "señores"), ("sras.", "señoras"), ("dr.", "doctor"), ("dra.", "doctora"),
    ("lic.", "licenciado"), ("licda.", "licenciada"), ("ing.", "ingeniero"), ("prof.", "profesor"), ("profa.", "profesora"), ("arq.", "arquitecto"), ("dña.", "doña"), ("gral.", "general"),
    ("ud.", "usted"), ("uds.", "ustedes"), ("vd.", "usted"), ("vds.", "ustedes"),
    ("tel.", "teléfono"), ("tels.", "teléfonos"), ("ext.", "extensión"), ("av.", "avenida"), ("avda.", "avenida"), ("ave.", "avenida"), ("blvd.", "bulevar"), ("dpto.", "departamento"), ("depto.", "departamento"), ("apto.", "apartamento"), ("apdo.", "apartado"), ("col.", "colonia"), ("edif.", "edificio"),
    ("pág.", "página"), ("págs.", "páginas"), ("art.", "artículo"), ("arts.", "artículos"), ("cap.", "capítulo"), ("vol.", "volumen"), ("fig.", "figura"), ("sec.", "sección"),
    ("máx.", "máximo"), ("mín.", "mínimo"), ("aprox.", "aproximadamente"), ("incl.", "incluido"), ("mens.", "mensual"), ("prom.", "promedio"), ("cta.", "cuenta"), ("ctas.", "cuentas"), ("cte.", "corriente"), ("ref.", "referencia"), ("saldo disp.", "saldo disponible"),
    ("etc", "etcétera"), ("vs", "contra"), ("cía", "compañía"), ("hnos.", "hermanos"), ("inc.", "inc"), ("ltda", "limitada"), ("admón.", "administración"), ("gob.", "gobierno"), ("univ.", "universidad"), ("jr", "júnior"),
];

static FIXED_PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let mut written: Vec<String> = FIXED
        .iter()
        .map(|(written, _)| match written.strip_suffix('.') {
            Some(stem) => format!(r"{}\.", regex::escape(stem)),
            None => format!(r"{}\b\.?", regex::escape(written)),
        })
        .collect();
    written.sort_by_key(|written| std::cmp::Reverse(written.len()));
    pattern(&format!(r"(?i:{})", written.join("|")))
});

/// Reads an abbreviation with one meaning: `Sra.`, `pág.`, `etc.`
pub fn fixed(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&FIXED_PATTERN).filter(|_| at.starts_word())?;
    let small = captures.get_match().as_str().to_lowercase();
    let stem = small.trim_end_matches('.');
    let (_, said) = FIXED.iter().find(|(key, _)| key.trim_end_matches('.') == stem)?;
    Some(at.whole(Class::Abbreviation, &captures, *said))
}

static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<word>(?i:n[úu]ms?\.|nro\.|nos?\.|n\.?[º°]|#))\s?[A-Z]{0,3}-?\d"));

/// Reads the word before a number: `núm. 5`, `N.º 12`, `No. 4`, `#3`.
pub fn number(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&NUMBER).filter(|_| at.starts_word())?;
    let word = captures.name("word")?;
    let many = matches!(word.as_str().to_lowercase().as_str(), "núms." | "nums." | "nos.");
    Some(at.read(Class::Abbreviation, word.end(), if many { "números" } else { "número" }))
}

const PHRASES: [(&str, &str); 12] = [
    (r"p\.\s?ej\.", "por ejemplo"),
    (r"EE\.?\s?UU\.?", "Estados Unidos"),
    (r"S\.\s?A\.\s?de\sC\.\s?V\.", "ese a de ce ve"),
    (r"S\.\s?de\sR\.\s?L\.", "ese de erre ele"),
    (r"S\.\s?R\.\s?L\.", "ese erre ele"),
    (r"S\.\s?A\.", "ese a"),
    (r"c/u\b\.?", "cada uno"),
    (r"y/o\b", "y o"),
    (r"c/\s", "calle "),
    (r"a\.\s?C\.", "antes de Cristo"),
    (r"d\.\s?C\.", "después de Cristo"),
    (r"pp?\.\s\d", "página"),
];
static PHRASE: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| PHRASES.iter().map(|(source, said)| (pattern(source), *said)).collect());

/// Reads abbreviations that contain a space or a symbol: `p. ej.`, `EE. UU.`, `c/u`.
pub fn phrase(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    let (captures, said) = PHRASE.iter().find_map(|(pattern, said)| Some((at.captures(pattern)?, *said)))?;
    let written = captures.get_match().as_str().trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
    Some(at.read(Class::Abbreviation, written.len(), said.trim()))
}

/// Returns whether an abbreviation, in lower case and without its period, precedes a name or a number.
pub fn is_before_name(word: &str) -> bool {
    const OTHER: [&str; 12] = ["núm", "núms", "nro", "d", "p", "pp", "ej", "n", "aprox", "c", "st", "san"];
    const AT_END: [&str; 6] = ["etc", "vs", "cía", "inc", "ltda", "jr"];
    let stem = |key: &str| key.trim_end_matches('.') == word;
    OTHER.contains(&word) || !AT_END.contains(&word) && FIXED.iter().any(|(key, _)| stem(key))
}

/// Returns whether an abbreviation occurs both within a sentence and at its end.
pub fn is_within_sentence(word: &str) -> bool {
    ["etc", "vs", "cía", "inc", "ltda", "jr", "s.a", "s", "a", "c.v", "v", "ee", "uu", "ee.uu", "a.m", "p.m", "m"]
        .contains(&word)
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn abbreviations_are_read_in_full() {
        check(&[
            ("la Sra. Ruiz", "la señora Ruiz"),
            ("el Dr. Paz", "el doctor Paz"),
            ("Ud. decide", "usted decide"),
            ("p. ej., hoy", "por ejemplo, hoy"),
            ("en EE. UU.", "en Estados Unidos"),
            ("EE.UU.", "Estados Unidos"),
            ("Banco Uno, S. A.", "Banco Uno, ese a"),
            ("núm. 5", "número cinco"),
            ("N.º 12", "número doce"),
            ("No. 4", "número cuatro"),
            ("#3", "número tres"),
            ("$5 c/u", "cinco dólares cada uno"),
            ("y/o", "y o"),
            ("pág. 21", "página veintiuno"),
            ("No hay cargos.", "No hay cargos"),
            ("y otras, etc.", "y otras, etcétera"),
            ("Av. Juárez", "avenida Juárez"),
        ]);
    }
}
