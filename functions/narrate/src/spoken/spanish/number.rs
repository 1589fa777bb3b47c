//! Numbers in words.

/// The form of a number that ends in one: `veintiuno`, `veintiún dólares`, `veintiuna libras`. Hundreds agree too:
/// `doscientas libras`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Without a noun.
    Alone,
    /// Before a masculine noun.
    Masculine,
    /// Before a feminine noun.
    Feminine,
}

/// A number with its separators: groups of digits joined by points, commas, or spaces between thousands.
pub const NUMBER: &str = r"(?:\d{1,3}(?: \d{3})+\b(?:[.,]\d+)?|\d+(?:[.,]\d+)*)";

/// A written number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// The whole part.
    pub whole: u64,
    /// The separator and the digits after it.
    pub decimals: Option<(char, String)>,
}

impl Number {
    /// Parses a number. In a rate, a single separator always precedes decimals. Returns `None` if the separators are not
    /// those of a number.
    pub fn parse(text: &str, is_rate: bool) -> Option<Self> {
        let text: String = text.chars().filter(|c| *c != ' ').collect();
        let separators: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| matches!(c, '.' | ',')).collect();
        let Some((last_at, last)) = separators.last().copied() else {
            return Some(Self { whole: text.parse().ok()?, decimals: None });
        };
        let before = &text[..last_at];
        let after = &text[last_at + 1..];
        let others: Vec<char> = separators[..separators.len() - 1].iter().map(|(_, c)| *c).collect();
        let groups_thousands = match others.first() {
            None => after.len() == 3 && (1..=3).contains(&before.len()) && before != "0" && !is_rate,
            Some(first) if others.iter().all(|other| other == first) => *first == last,
            Some(_) => return None,
        };
        let whole = if groups_thousands { &text } else { before };
        let decimals = (!groups_thousands).then(|| (last, after.to_owned()));
        Some(Self { whole: grouped(whole)?, decimals })
    }

    /// Returns the number in words.
    pub fn words(&self, form: Form) -> String {
        match &self.decimals {
            None => cardinal(self.whole, form),
            Some((separator, digits)) => {
                let separator = if *separator == ',' { "coma" } else { "punto" };
                format!("{} {separator} {}", cardinal(self.whole, Form::Alone), decimals(digits))
            }
        }
    }
}

/// Returns the value of digits in groups of three.
fn grouped(text: &str) -> Option<u64> {
    let groups: Vec<&str> = text.split(['.', ',']).collect();
    let (first, rest) = groups.split_first()?;
    let fits = rest.is_empty() || (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    if fits { groups.concat().parse().ok() } else { None }
}

/// Returns decimals in words: zeros one by one, then the rest as a number. More than three are read one by one.
fn decimals(digits: &str) -> String {
    if digits.len() > 3 {
        return self::digits(digits);
    }
    let rest = digits.trim_start_matches('0');
    let zeros = std::iter::repeat_n("cero".to_owned(), digits.len() - rest.len());
    let number = rest.parse().ok().map(|number: u64| cardinal(number, Form::Alone));
    zeros.chain(number).collect::<Vec<_>>().join(" ")
}

/// Returns digits one by one.
pub fn digits(text: &str) -> String {
    let names = text.chars().filter_map(|c| c.to_digit(10)).map(|digit| cardinal(digit.into(), Form::Alone));
    names.collect::<Vec<_>>().join(" ")
}

const SMALL: [&str; 30] = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const TENS: [&str; 7] = ["treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"];
const HUNDREDS: [&str; 9] = [
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
];

/// Returns a whole number in words.
pub fn cardinal(number: u64, form: Form) -> String {
    if number == 0 {
        return "cero".to_owned();
    }
    let mut parts = Vec::new();
    let scales = [(1_000_000_000_000, "billón", "billones"), (1_000_000, "millón", "millones")];
    let mut rest = number;
    for (size, one, many) in scales {
        match rest / size {
            0 => {}
            1 => parts.push(format!("un {one}")),
            count => parts.push(format!("{} {many}", cardinal(count, Form::Masculine))),
        }
        rest %= size;
    }
    let before_thousand = if form == Form::Feminine { Form::Feminine } else { Form::Masculine };
    match rest / 1000 {
        0 => {}
        1 => parts.push("mil".to_owned()),
        count => parts.push(format!("{} mil", below_thousand(count, before_thousand))),
    }
    if !rest.is_multiple_of(1000) {
        parts.push(below_thousand(rest % 1000, form));
    }
    parts.join(" ")
}

fn below_thousand(number: u64, form: Form) -> String {
    let index = |value: u64| usize::try_from(value).unwrap_or_default();
    let mut parts = Vec::new();
    let hundreds = number / 100;
    let rest = number % 100;
    if number == 100 {
        return "cien".to_owned();
    }
    if hundreds > 0 {
        let name = HUNDREDS[index(hundreds - 1)];
        let feminine = form == Form::Feminine && hundreds > 1;
        parts.push(if feminine { format!("{}as", name.trim_end_matches("os")) } else { name.to_owned() });
    }
    let one = match form {
        Form::Alone => "uno",
        Form::Masculine => "un",
        Form::Feminine => "una",
    };
    match rest {
        0 => {}
        1 => parts.push(one.to_owned()),
        21 if form == Form::Masculine => parts.push("veintiún".to_owned()),
        21 => parts.push(format!("veinti{one}")),
        2..=29 => parts.push(SMALL[index(rest)].to_owned()),
        _ => {
            let tens = TENS[index(rest / 10 - 3)];
            parts.push(match rest % 10 {
                0 => tens.to_owned(),
                1 => format!("{tens} y {one}"),
                unit => format!("{tens} y {}", SMALL[index(unit)]),
            });
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_their_noun() {
        let forms = |number| [Form::Alone, Form::Masculine, Form::Feminine].map(|form| cardinal(number, form));
        for (number, expected) in [
            (0, ["cero", "cero", "cero"]),
            (1, ["uno", "un", "una"]),
            (16, ["dieciséis", "dieciséis", "dieciséis"]),
            (21, ["veintiuno", "veintiún", "veintiuna"]),
            (31, ["treinta y uno", "treinta y un", "treinta y una"]),
            (100, ["cien", "cien", "cien"]),
            (101, ["ciento uno", "ciento un", "ciento una"]),
            (200, ["doscientos", "doscientos", "doscientas"]),
            (1_000, ["mil", "mil", "mil"]),
            (1_001, ["mil uno", "mil un", "mil una"]),
            (2_026, ["dos mil veintiséis", "dos mil veintiséis", "dos mil veintiséis"]),
            (21_000, ["veintiún mil", "veintiún mil", "veintiuna mil"]),
            (100_000, ["cien mil", "cien mil", "cien mil"]),
            (1_000_000, ["un millón", "un millón", "un millón"]),
            (2_000_500, ["dos millones quinientos", "dos millones quinientos", "dos millones quinientas"]),
            (1_500_000_000, ["mil quinientos millones", "mil quinientos millones", "mil quinientos millones"]),
        ] {
            assert_eq!(forms(number), expected);
        }
    }

    #[test]
    fn separators_are_read_as_the_bank_writes_them() {
        let words = |text, is_rate| Number::parse(text, is_rate).map(|number| number.words(Form::Alone));
        for (text, is_rate, expected) in [
            ("1,250", false, "mil doscientos cincuenta"),
            ("1.250", false, "mil doscientos cincuenta"),
            ("1,250.50", false, "mil doscientos cincuenta punto cincuenta"),
            ("1.250,50", false, "mil doscientos cincuenta coma cincuenta"),
            ("1 250 000", false, "un millón doscientos cincuenta mil"),
            ("1,000,000", false, "un millón"),
            ("6.375", true, "seis punto trescientos setenta y cinco"),
            ("6,375", true, "seis coma trescientos setenta y cinco"),
            ("4,5", true, "cuatro coma cinco"),
            ("0.03", true, "cero punto cero tres"),
            ("0.125", false, "cero punto ciento veinticinco"),
            ("3.14159", false, "tres punto uno cuatro uno cinco nueve"),
        ] {
            assert_eq!(words(text, is_rate).as_deref(), Some(expected), "{text}");
        }
        for text in ["1,25,00", "1.2.3", "1,2345,678", "12,34.5,6", "1234,567,890"] {
            assert_eq!(words(text, false), None, "{text}");
        }
    }
}
