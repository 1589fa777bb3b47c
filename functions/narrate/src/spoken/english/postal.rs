//! House numbers and postal codes.

use std::sync::LazyLock;

use regex::Regex;

use super::number;
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Words for kinds of streets that follow the street's name.
pub const STREET: &str = r"(?:St|Street|Ave|Av|Avenue|Rd|Road|Blvd|Boulevard|Ln|Lane|Dr|Drive|Ct|Court|Pl|Place|Sq|Square|Pkwy|Parkway|Hwy|Highway|Ter|Terrace|Cir|Circle|Way|Plaza|Trl|Trail)";

static HOUSE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?P<number>\d{{1,5}})(?P<end>)\s(?:[NSEW]{{1,2}}\.?\s)?(?:(?:[A-Z][\w']*|\d+(?:st|nd|rd|th))\s){{1,3}}{STREET}\b|(?P<route>\d{{1,5}})\s(?:[NSEW]{{1,2}}\.?\s)?(?:Broadway|(?:County Road|Route|Rte\.?|Highway|Hwy\.?)\s\d)"
    ))
});

/// Reads a house number: `123 Main St.` becomes "one twenty-three".
pub fn house_number(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&HOUSE).filter(|_| at.starts_word())?;
    let number = captures.name("number").or_else(|| captures.name("route"))?.as_str();
    Some(at.read(Class::Address, number.len(), number::pairs(number)))
}

/// Words before a number that is read in pairs of digits.
const NUMBERED: &[&str] = &[
    "apartment",
    "apt",
    "bldg",
    "boeing",
    "building",
    "flight",
    "highway",
    "hwy",
    "interstate",
    "pmb",
    "rm",
    "room",
    "route",
    "rte",
    "ste",
    "suite",
    "unit",
];
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{3,4}\b"));

/// Reads room and road numbers: `Room 205` becomes "room two oh five".
pub fn numbered(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&NUMBER).filter(|_| at.starts_word())?;
    let known = NUMBERED.contains(&at.word_before(1).as_str());
    known.then(|| at.whole(Class::Address, &captures, number::pairs(captures.get_match().as_str())))
}

/// Returns the digits of a postal code one by one: `78701-0042`.
pub fn zip_code(code: &str) -> String {
    code.split('-').map(number::digits).collect::<Vec<_>>().join(" dash ")
}

static DIRECTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<direction>NW|NE|SW|SE)\b"));
static STREET_BEFORE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"\b{STREET}\.?,?\s$")).expect("the patterns of the grammar are valid"));

/// Reads the direction after a street: `Pennsylvania Ave. NW`.
pub fn direction(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&DIRECTION).filter(|_| at.starts_word() && STREET_BEFORE.is_match(at.head()))?;
    let said = match &captures["direction"] {
        "NW" => "northwest",
        "NE" => "northeast",
        "SW" => "southwest",
        _ => "southeast",
    };
    Some(at.whole(Class::Address, &captures, said))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn postal_addresses_are_said_as_people_say_them() {
        check(&[
            ("456 Oak St.", "four fifty-six Oak street"),
            ("1600 Market St.", "sixteen hundred Market street"),
            ("105 E. Pine Ave., Suite 200", "one oh five East Pine avenue, Suite two hundred"),
            ("Room 205", "Room two oh five"),
            ("740 Broadway", "seven forty Broadway"),
            ("1205 Route 9", "twelve oh five Route nine"),
            ("Rte. 104", "route one oh four"),
            ("Suite 1200", "Suite twelve hundred"),
            ("Highway 101", "Highway one oh one"),
            ("12 Elm Rd.", "twelve Elm road"),
            ("Ste. 300", "suite three hundred"),
            ("1600 Pennsylvania Ave. NW", "sixteen hundred Pennsylvania avenue northwest"),
            ("P.O. Box 1234", "P.O Box one two three four"),
            ("St. Louis", "saint Louis"),
            ("Mt. Hood", "mount Hood"),
        ]);
    }
}
