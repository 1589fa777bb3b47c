//! Fractions and ordinals.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{Form, cardinal};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Fraction characters with their numerators and denominators.
const SIGNS: [(char, u64, u64); 9] = [
    ('½', 1, 2),
    ('⅓', 1, 3),
    ('⅔', 2, 3),
    ('¼', 1, 4),
    ('¾', 3, 4),
    ('⅛', 1, 8),
    ('⅜', 3, 8),
    ('⅝', 5, 8),
    ('⅞', 7, 8),
];

fn parts(text: &str) -> Option<(u64, u64)> {
    let text = text.trim();
    if let Some((_, numerator, denominator)) = SIGNS.iter().find(|(sign, ..)| text.starts_with(*sign)) {
        return Some((*numerator, *denominator));
    }
    let (numerator, denominator) = text.split_once('/')?;
    let denominator = denominator.parse().ok()?;
    (denominator > 1).then_some((numerator.parse().ok()?, denominator))
}

fn named(numerator: u64, denominator: u64) -> String {
    const NAMES: [&str; 9] = ["medio", "tercio", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo"];
    let index = usize::try_from(denominator - 2).unwrap_or(usize::MAX);
    let name = NAMES.get(index).map_or_else(
        || format!("{}avo", cardinal(denominator, Form::Masculine).replace(' ', "")),
        |name| (*name).to_owned(),
    );
    let many = if numerator == 1 { "" } else { "s" };
    format!("{} {name}{many}", cardinal(numerator, Form::Masculine))
}

/// Returns the words of `1/2` or `½`: "medio", "tres cuartos". Returns `None` if it is not a fraction.
pub fn words(text: &str) -> Option<String> {
    match parts(text)? {
        (1, 2) => Some("medio".to_owned()),
        (numerator, denominator) => Some(named(numerator, denominator)),
    }
}

/// Returns the words of a fraction after a whole number: "dos y medio", "dos y tres cuartos".
pub fn after_whole(text: &str) -> Option<String> {
    let (numerator, denominator) = parts(text)?;
    (numerator < denominator).then(|| words(text)).flatten()
}

static MIXED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<whole>\d{1,3})(?:\s(?P<part>[1-9]/[1-9]\d?)|(?P<sign>[½⅓⅔¼¾⅛⅜⅝⅞]))"));

/// Reads `2 1/2`, `2½`.
pub fn mixed(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&MIXED).filter(|_| at.starts_word())?;
    let part = captures.name("part").or_else(|| captures.name("sign"))?;
    let said = after_whole(part.as_str())?;
    let whole = cardinal(captures["whole"].parse().ok()?, Form::Alone);
    Some(at.whole(Class::Fraction, &captures, format!("{whole} y {said}")))
}

static SIMPLE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:(?P<sign>[½⅓⅔¼¾⅛⅜⅝⅞])|(?P<fraction>\d{1,3}/\d{1,3}))(?P<end>)(?:[^\d/]|$)"));

/// Reads `3/4`, `½`, `24/7`.
pub fn simple(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&SIMPLE)?;
    let end = captures.name("end")?.start();
    let written = &at.rest()[..end];
    if captures.name("fraction").is_some() && !at.starts_word() {
        return None;
    }
    if written == "24/7" {
        return Some(at.read(Class::Cardinal, end, "veinticuatro horas al día, siete días a la semana"));
    }
    let said = words(written)?;
    let said = if said == "medio" { "un medio".to_owned() } else { said };
    Some(at.read(Class::Fraction, end, said))
}

static ORDINAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?P<number>\d{1,3})(?P<end>\.?(?P<mark>[ºª°])|(?P<letters>er|ro|do|to|mo|vo|no|ra|da|ta|ma|va|na)\b)")
});

/// Reads `1.º`, `2ª`, `3er`. From the eleventh on, Spanish uses the cardinal.
pub fn ordinal(at: &Cursor<'_>) -> Option<Reading> {
    const NAMES: [&str; 10] =
        ["primer", "segund", "tercer", "cuart", "quint", "sext", "séptim", "octav", "noven", "décim"];
    let captures = at.captures(&ORDINAL).filter(|_| at.starts_word())?;
    let number: u64 = captures["number"].parse().ok()?;
    let letters = captures.name("letters").map_or("", |letters| letters.as_str());
    let feminine = captures.name("mark").is_some_and(|mark| mark.as_str() == "ª") || letters.ends_with('a');
    let stem = usize::try_from(number).ok()?.checked_sub(1).and_then(|index| NAMES.get(index));
    // "20°" is a temperature.
    if captures.name("mark").is_some_and(|mark| mark.as_str() == "°") && number > 10 {
        return None;
    }
    let said = match stem {
        None => cardinal(number, if feminine { Form::Feminine } else { Form::Alone }),
        Some(stem) if letters == "er" => (*stem).to_owned(),
        Some(stem) => format!("{stem}{}", if feminine { "a" } else { "o" }),
    };
    Some(at.whole(Class::Ordinal, &captures, said))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn fractions_are_said() {
        check(&[
            ("1/2", "un medio"),
            ("3/4 de punto", "tres cuartos de punto"),
            ("1/3", "un tercio"),
            ("5/8", "cinco octavos"),
            ("7/12", "siete doceavos"),
            ("2½ años", "dos y medio años"),
            ("2 1/2", "dos y medio"),
            ("½", "un medio"),
            ("24/7", "veinticuatro horas al día, siete días a la semana"),
        ]);
    }

    #[test]
    fn ordinals_are_said() {
        check(&[
            ("1.º", "primero"),
            ("2ª cuota", "segunda cuota"),
            ("el 3er pago", "el tercer pago"),
            ("la 10.ª vez", "la décima vez"),
            ("5º piso", "quinto piso"),
            ("el 21.º", "el veintiuno"),
        ]);
    }
}
