//! Plain numbers, which agree with the noun after them, and measures.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{Form, NUMBER, Number};
use crate::spoken::grammar::{Class, Cursor, FOOTNOTES, Reading, pattern};

/// Words that follow a number without being counted by it.
#[rustfmt::skip]
const NOT_COUNTED: &[&str] = &[
    "a", "al", "ante", "antes", "aquí", "con", "contra", "cuando", "de", "del", "desde", "después", "donde", "durante", "e", "el", "en", "entre", "es", "está",
    "están", "hasta", "la", "las", "le", "les", "lo", "los", "menos", "mientras", "más", "ni", "no", "o", "para", "pero", "por", "porque", "puede", "que", "se", "según",
    "si", "sin", "sobre", "son", "su", "sus", "también", "u", "un", "una", "ya", "y", "hoy", "ahora", "cada", "como",
];

/// Feminine nouns that do not end in "a".
#[rustfmt::skip]
const FEMININE: &[&str] = &[
    "calle", "calles", "clase", "clases", "clave", "claves", "compras", "foto", "fotos", "fuente", "fuentes", "gente", "llave", "llaves", "mano", "manos", "mitad",
    "moto", "motos", "noche", "noches", "parte", "partes", "red", "redes", "sucursal", "sucursales", "tarde", "tardes", "vez", "veces", "señal", "señales", "sal", "piel", "luz", "voz", "cruz", "ley", "leyes", "opción",
];

/// Masculine nouns that end in "a".
#[rustfmt::skip]
const MASCULINE: &[&str] = &[
    "clima", "climas", "cometa", "día", "días", "diploma", "esquema", "esquemas", "idioma", "idiomas", "mapa", "mapas", "planeta", "poema", "problema", "problemas",
    "programa", "programas", "sistema", "sistemas", "tema", "temas", "trámite", "especialista", "especialistas", "cuenta-corriente",
];

/// Returns the form of a number before the word that follows it.
pub fn form_before(at: &Cursor<'_>, end: usize) -> Form {
    let rest = at.after(end).trim_start_matches(FOOTNOTES);
    if !rest.starts_with(' ') {
        return Form::Alone;
    }
    let word = at.word_after(end, 1);
    let is_word = word.chars().next().is_some_and(char::is_alphabetic) && word.chars().count() > 1;
    if !is_word || NOT_COUNTED.contains(&word.as_str()) {
        return Form::Alone;
    }
    let singular = word.strip_suffix('s').unwrap_or(&word);
    let endings =
        ["a", "ción", "cione", "sión", "sione", "dad", "dade", "tad", "tade", "tud", "tude", "umbre", "gión", "gione"];
    let is_feminine = FEMININE.contains(&word.as_str())
        || endings.iter().any(|ending| singular.ends_with(ending)) && !MASCULINE.contains(&word.as_str());
    if is_feminine { Form::Feminine } else { Form::Masculine }
}

static TIMES: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<number>\d{1,3}(?:[.,]\d)?)\s?[x×X]\b"));
static TIMES_SIGN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<number>\d{1,3}(?:[.,]\d)?)\s?×"));

/// Reads a multiple: `3x`, `2×`.
pub fn times(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&TIMES).or_else(|| at.captures(&TIMES_SIGN)).filter(|_| at.starts_word())?;
    let number = Number::parse(&captures["number"], true)?;
    let is_one = number == Number { whole: 1, decimals: None };
    let unit = if is_one { "vez" } else { "veces" };
    Some(at.whole(Class::Measure, &captures, format!("{} {unit}", number.words(Form::Feminine))))
}

/// Units, with their gender and their names in the singular and the plural.
const UNITS: &[(&str, Form, &str, &str)] = &[
    ("km", Form::Masculine, "kilómetro", "kilómetros"),
    ("kg", Form::Masculine, "kilogramo", "kilogramos"),
    ("cm", Form::Masculine, "centímetro", "centímetros"),
    ("m", Form::Masculine, "metro", "metros"),
    ("lb", Form::Feminine, "libra", "libras"),
    ("lbs", Form::Feminine, "libra", "libras"),
    ("h", Form::Feminine, "hora", "horas"),
    ("hr", Form::Feminine, "hora", "horas"),
    ("hrs", Form::Feminine, "hora", "horas"),
    ("min", Form::Masculine, "minuto", "minutos"),
    ("GB", Form::Masculine, "gigabyte", "gigabytes"),
    ("MB", Form::Masculine, "megabyte", "megabytes"),
    ("°C", Form::Masculine, "grado Celsius", "grados Celsius"),
    ("°F", Form::Masculine, "grado Fahrenheit", "grados Fahrenheit"),
    ("°", Form::Masculine, "grado", "grados"),
];

static MEASURED: LazyLock<Regex> = LazyLock::new(|| {
    let mut units: Vec<&str> = UNITS.iter().map(|(unit, ..)| *unit).collect();
    units.sort_by_key(|unit| std::cmp::Reverse(unit.len()));
    pattern(&format!(r"(?P<number>{NUMBER})\s?(?P<unit>{})(?P<end>)\.?(?:[^\p{{L}}\d]|$)", units.join("|")))
});

/// Reads a number with a unit: `5 km`, `30 min.`
pub fn measured(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&MEASURED).filter(|_| at.starts_word())?;
    let (_, form, one, many) = UNITS.iter().find(|(unit, ..)| *unit == &captures["unit"])?;
    let number = Number::parse(&captures["number"], false)?;
    let is_one = number == Number { whole: 1, decimals: None };
    let said = format!("{} {}", number.words(*form), if is_one { one } else { many });
    Some(at.read(Class::Measure, captures.name("end")?.start(), said))
}

static SCALED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?P<number>{NUMBER})(?P<scale>\s(?:mil\smillones|millones|millón|billones|billón|mil)\b|[KM]\b)"
    ))
});

/// Reads a scaled number: `2 mil`, `1.5 millones`, `25K`.
pub fn scaled(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&SCALED).filter(|_| at.starts_word())?;
    let number = Number::parse(&captures["number"], true)?;
    let is_one = number == Number { whole: 1, decimals: None };
    let scale = match captures["scale"].trim() {
        "K" => "mil",
        "M" if is_one => "millón",
        "M" => "millones",
        word => word,
    };
    let form = if number.decimals.is_some() { Form::Alone } else { Form::Masculine };
    let said = if is_one && scale == "mil" { scale.to_owned() } else { format!("{} {scale}", number.words(form)) };
    Some(at.whole(Class::Cardinal, &captures, said))
}

static PLAIN: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?P<number>{NUMBER})(?P<more>\+)?")));

/// Reads a number: `200 transacciones`, `21 meses`, `1,250`, `60,000+`.
pub fn plain(at: &Cursor<'_>) -> Option<Reading> {
    if at.head().ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let captures = at.captures(&PLAIN)?;
    let written = captures.name("number")?;
    let end = at.pos + captures.get_match().end();
    // A code such as "007" keeps its zeros.
    let digits = written.as_str();
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(at.whole(Class::Cardinal, &captures, super::number::digits(digits)));
    }
    let number = Number::parse(digits, false)?;
    let form = if number.decimals.is_some() { Form::Alone } else { form_before(at, end) };
    let more = if captures.name("more").is_some() { " o más" } else { "" };
    let said = format!("{}{more}", number.words(form));
    Some(at.whole(Class::Cardinal, &captures, said))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn numbers_agree_with_the_noun_after_them() {
        check(&[
            ("200 transacciones", "doscientas transacciones"),
            ("21 meses", "veintiún meses"),
            ("1 tarjeta", "una tarjeta"),
            ("1 pago", "un pago"),
            ("31 días", "treinta y un días"),
            ("501 veces", "quinientas una veces"),
            ("21 de ellos", "veintiuno de ellos"),
            ("Son 21.", "Son veintiuno"),
            ("360 pagos mensuales", "trescientos sesenta pagos mensuales"),
            ("1,250 sucursales", "mil doscientas cincuenta sucursales"),
            ("60,000+ puntos", "sesenta mil o más puntos"),
            ("10 000 clientes", "diez mil clientes"),
            ("1.5 millones", "uno punto cinco millones"),
            ("25K", "veinticinco mil"),
            ("3x", "tres veces"),
            ("2× puntos", "dos veces puntos"),
            ("5 km", "cinco kilómetros"),
            ("30 min.", "treinta minutos"),
            ("1 h", "una hora"),
            ("20°C", "veinte grados Celsius"),
            ("de 5 a 10 años", "de cinco a diez años"),
            ("5-10 años", "cinco a diez años"),
            ("007", "cero cero siete"),
            ("12 meses (a plazo fijo)", "doce meses a plazo fijo"),
        ]);
    }
}
