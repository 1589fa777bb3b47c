//! Words in capitals: abbreviations that are read letter by letter, and those that are read as words.

use std::sync::LazyLock;

use regex::Regex;

use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Words in capitals that are read as words.
#[rustfmt::skip]
const KNOWN: &[(&str, &str)] = &[
    ("FICO", "fico"), ("HELOC", "jeloc"), ("PIN", "pin"), ("SWIFT", "suift"), ("NASDAQ", "nasdac"), ("OK", "okey"), ("VISA", "visa"), ("COVID", "covid"),
    ("CURP", "curp"), ("CLABE", "clabe"), ("IVA", "iva"), ("ONU", "onu"), ("OTAN", "otan"), ("NASA", "nasa"), ("SIM", "sim"), ("ZIP", "zip"), ("ARM", "arm"), ("SOFR", "sofer"), ("SEP", "sep"), ("RUT", "rut"), ("NIF", "nif"),
];

/// Words that are often written in capitals for emphasis.
#[rustfmt::skip]
const EMPHASIZED: &[&str] = &[
    "A", "AHORA", "AL", "AÑO", "AQUÍ", "BANCO", "BONO", "CASA", "CERO", "CON", "CREDITO", "CUENTA", "DE", "DEL", "DESDE", "DINERO", "E", "EL", "EN", "ES", "ESTA", "ESTE", "GRATIS",
    "HASTA", "HOY", "LA", "LAS", "LE", "LO", "LOS", "MAS", "MES", "META", "MI", "NI", "NO", "NUEVA", "NUEVO", "O", "PAGO", "PARA", "PERO", "PLAN", "PLAZO", "POR", "PUEDE", "QUE", "SE", "SI",
    "SIN", "SOLO", "SON", "SU", "SUS", "TASA", "TODO", "U", "UN", "UNA", "USTED", "VALOR", "Y", "YA", "SER", "CADA", "ESO",
];

static CAPITALS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<letters>[A-ZÁÉÍÓÚÜÑ]{2,})(?P<many>s\b)?(?P<end>)(?:[^A-Za-zÁÉÍÓÚÜÑáéíóúüñ]|$)"));
static SINGLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"[B-DF-NP-XZ]\b"));
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z]+\b"));
static DOTTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<letters>[A-Z](?:\.\s?[A-Z])+)\b\.?"));

/// Returns the name of a letter.
const fn letter(c: char) -> &'static str {
    match c {
        'A' | 'Á' => "a",
        'B' => "be",
        'C' => "ce",
        'D' => "de",
        'E' | 'É' => "e",
        'F' => "efe",
        'G' => "ge",
        'H' => "hache",
        'I' | 'Í' => "i",
        'J' => "jota",
        'K' => "ka",
        'L' => "ele",
        'M' => "eme",
        'N' => "ene",
        'Ñ' => "eñe",
        'O' | 'Ó' => "o",
        'P' => "pe",
        'Q' => "cu",
        'R' => "erre",
        'S' => "ese",
        'T' => "te",
        'U' | 'Ú' | 'Ü' => "u",
        'V' => "ve",
        'W' => "doble ve",
        'X' => "equis",
        'Y' => "ye",
        'Z' => "zeta",
        _ => "",
    }
}

/// Returns the names of letters: "a pe ye".
pub fn spelled(letters: &str) -> String {
    let names = letters.chars().map(letter).filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join(" ")
}

/// Returns whether a sentence is written in capitals, as some disclosures are.
pub fn is_shouted(text: &str) -> bool {
    let words: Vec<&str> =
        text.split(' ').filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1).collect();
    let capitals: Vec<&str> = words
        .iter()
        .map(|word| word.trim_matches(|c: char| !c.is_alphabetic()))
        .filter(|word| !word.chars().any(char::is_lowercase))
        .collect();
    let has_word = capitals.iter().any(|word| EMPHASIZED.contains(word) || word.chars().count() > 5);
    words.len() >= 3 && capitals.len() * 2 > words.len() && has_word
}

/// Reads an abbreviation that is a word: `FICO`, `PIN`.
pub fn known_word(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&WORD).filter(|_| at.starts_word())?;
    let (_, said) = KNOWN.iter().find(|(known, _)| *known == captures.get_match().as_str())?;
    Some(at.whole(Class::Word, &captures, *said))
}

/// Reads capitals letter by letter, unless they are an ordinary word in capitals.
pub fn capitals(at: &Cursor<'_>) -> Option<Reading> {
    if at.head().ends_with(char::is_alphabetic) {
        return None;
    }
    if let Some(captures) = at.captures(&SINGLE) {
        return Some(at.whole(Class::Word, &captures, spelled(captures.get_match().as_str())));
    }
    let captures = at.captures(&CAPITALS)?;
    let letters = &captures["letters"];
    let length = captures.name("end")?.start();
    let has_vowel = letters.chars().any(|c| "AEIOUÁÉÍÓÚ".contains(c));
    let has_accent = !letters.is_ascii();
    let known =
        ["FDIC", "NMLS", "APR", "APY", "IRA", "CD", "IRS", "USD", "SSN", "ITIN", "ATM", "TAE"].contains(&letters);
    let is_word =
        !known && (EMPHASIZED.contains(&letters) || has_accent || has_vowel && (letters.len() > 5 || at.shouted));
    if is_word {
        return Some(at.read(Class::Word, length, at.rest()[..length].to_lowercase()));
    }
    Some(at.read(Class::Word, length, spelled(letters)))
}

/// Reads letters with periods: `U.S.`, `N.A.`
pub fn dotted(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&DOTTED).filter(|_| at.starts_word())?;
    Some(at.whole(Class::Word, &captures, spelled(&captures["letters"])))
}

/// Reads part of an address: parts without a vowel are spelled out.
pub fn in_address(run: &str) -> String {
    let has_vowel = run.bytes().any(|b| b"aeiou".contains(&b));
    let spell = !has_vowel || ["irs", "edu", "us", "ai"].contains(&run);
    if spell { spelled(&run.to_uppercase()) } else { run.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn capitals_are_letters_unless_they_are_listed() {
        check(&[
            ("APY y APR", "a pe ye y a pe erre"),
            ("Member FDIC.", "Member efe de i ce"),
            ("una cuenta IRA", "una cuenta i erre a"),
            ("su PIN", "su pin"),
            ("los CDs", "los ce de"),
            ("la U.S. Bank", "la u ese Bank"),
            ("Meridian Bank, N.A.", "Meridian Bank, ene a"),
            ("Es GRATIS y NUEVO.", "Es gratis y nuevo"),
            ("NO ASEGURADO POR LA FDIC", "no asegurado por la efe de i ce"),
            ("PUEDE PERDER VALOR", "puede perder valor"),
        ]);
    }
}
