//! Percentages and basis points.

use std::sync::LazyLock;

use regex::Regex;

use super::fraction;
use super::number::{Form, NUMBER, Number};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static RATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?:(?P<number>{NUMBER})(?P<fraction>\s\d/\d{{1,2}}|[½¼¾⅓⅔⅛⅜⅝⅞])?|(?P<only>\d/\d{{1,2}}|[½¼¾⅓⅔⅛⅜⅝⅞]))(?P<gap>\s?)(?P<unit>%|(?:bps?|pb)\b|p\.\s?p\.)(?P<more>\+)?"
    ))
});

/// Reads `4.5%`, `4,5 %`, `2 1/2 %`, `½ %`, `25 pb`.
pub fn rate(at: &Cursor<'_>) -> Option<Reading> {
    if at.head().ends_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',')) {
        return None;
    }
    let captures = at.captures(&RATE)?;
    let (is_one, value) = match (captures.name("only"), captures.name("fraction"), captures.name("number")) {
        (Some(only), ..) => (false, fraction::words(only.as_str())?),
        (None, Some(part), Some(whole)) => {
            let whole = Number::parse(whole.as_str(), true)?;
            (false, format!("{} y {}", whole.words(Form::Alone), fraction::after_whole(part.as_str())?))
        }
        (None, None, Some(number)) => {
            let number = Number::parse(number.as_str(), true)?;
            (number == Number { whole: 1, decimals: None }, number.words(Form::Alone))
        }
        (None, ..) => return None,
    };
    let unit = match &captures["unit"] {
        "%" => "por ciento",
        "bp" | "bps" | "pb" if is_one => "punto básico",
        "bp" | "bps" | "pb" => "puntos básicos",
        _ if is_one => "punto porcentual",
        _ => "puntos porcentuales",
    };
    let value = if is_one && unit != "por ciento" { "un".to_owned() } else { value };
    let more = if captures.name("more").is_some() { " o más" } else { "" };
    if captures["gap"].is_empty() || captures.name("fraction").is_some() {
        return Some(at.whole(Class::Percent, &captures, format!("{value} {unit}{more}")));
    }
    let number = captures.name("number").or_else(|| captures.name("only"))?;
    let start = at.pos + captures.name("unit")?.start();
    let end = at.pos + captures.get_match().end();
    let pieces = vec![(at.pos..at.pos + number.end(), value), (start..end, format!("{unit}{more}"))];
    Some(Reading { class: Class::Percent, end, pieces })
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn rates_are_said_as_the_bank_writes_them() {
        check(&[
            ("4.5%", "cuatro punto cinco por ciento"),
            ("4,5 %", "cuatro coma cinco por ciento"),
            ("1%", "uno por ciento"),
            ("21 %", "veintiuno por ciento"),
            ("100%", "cien por ciento"),
            ("3.60%", "tres punto sesenta por ciento"),
            ("6.375%", "seis punto trescientos setenta y cinco por ciento"),
            ("0.03% a 0.25%", "cero punto cero tres por ciento a cero punto veinticinco por ciento"),
            (
                "19.49%-27.49%",
                "diecinueve punto cuarenta y nueve por ciento a veintisiete punto cuarenta y nueve por ciento",
            ),
            (
                "19.99% - 29.99%",
                "diecinueve punto noventa y nueve por ciento a veintinueve punto noventa y nueve por ciento",
            ),
            ("2 1/2 %", "dos y medio por ciento"),
            ("½ %", "medio por ciento"),
            ("25 pb", "veinticinco puntos básicos"),
            ("-0.25%", "menos cero punto veinticinco por ciento"),
            ("2.6% + $0.10", "dos punto seis por ciento más diez centavos"),
            ("un 2%", "un dos por ciento"),
            ("5%+", "cinco por ciento o más"),
        ]);
    }
}
