//! States of the United States, and postal codes after them.

use std::sync::LazyLock;

use regex::Regex;

use super::letters::spelled;
use super::postal::zip_code;
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// The postal abbreviations of states and territories.
#[rustfmt::skip]
const STATES: &[(&str, &str)] = &[
    ("AL", "Alabama"), ("AK", "Alaska"), ("AZ", "Arizona"), ("AR", "Arkansas"), ("CA", "California"), ("CO", "Colorado"), ("CT", "Connecticut"), ("DE", "Delaware"),
    ("FL", "Florida"), ("GA", "Georgia"), ("HI", "Hawaii"), ("ID", "Idaho"), ("IL", "Illinois"), ("IN", "Indiana"), ("IA", "Iowa"), ("KS", "Kansas"), ("KY", "Kentucky"),
    ("LA", "Louisiana"), ("ME", "Maine"), ("MD", "Maryland"), ("MA", "Massachusetts"), ("MI", "Michigan"), ("MN", "Minnesota"), ("MS", "Mississippi"), ("MO", "Missouri"),
    ("MT", "Montana"), ("NE", "Nebraska"), ("NV", "Nevada"), ("NH", "New Hampshire"), ("NJ", "New Jersey"), ("NM", "New Mexico"), ("NY", "New York"), ("NC", "North Carolina"),
    ("ND", "North Dakota"), ("OH", "Ohio"), ("OK", "Oklahoma"), ("OR", "Oregon"), ("PA", "Pennsylvania"), ("RI", "Rhode Island"), ("SC", "South Carolina"), ("SD", "South Dakota"),
    ("TN", "Tennessee"), ("TX", "Texas"), ("UT", "Utah"), ("VT", "Vermont"), ("VA", "Virginia"), ("WA", "Washington"), ("WV", "West Virginia"), ("WI", "Wisconsin"), ("WY", "Wyoming"),
    ("PR", "Puerto Rico"), ("GU", "Guam"),
];

/// Older abbreviations, which are read as states only after a city.
#[rustfmt::skip]
const OLDER: &[(&str, &str)] = &[
    ("Ala.", "Alabama"), ("Ariz.", "Arizona"), ("Ark.", "Arkansas"), ("Calif.", "California"), ("Colo.", "Colorado"), ("Conn.", "Connecticut"), ("Del.", "Delaware"), ("Fla.", "Florida"),
    ("Ga.", "Georgia"), ("Ill.", "Illinois"), ("Ind.", "Indiana"), ("Kan.", "Kansas"), ("Ky.", "Kentucky"), ("La.", "Louisiana"), ("Mass.", "Massachusetts"), ("Md.", "Maryland"), ("Mich.", "Michigan"),
    ("Minn.", "Minnesota"), ("Miss.", "Mississippi"), ("Mo.", "Missouri"), ("Mont.", "Montana"), ("Neb.", "Nebraska"), ("Nev.", "Nevada"), ("N.C.", "North Carolina"), ("N.D.", "North Dakota"), ("N.H.", "New Hampshire"),
    ("N.J.", "New Jersey"), ("N.M.", "New Mexico"), ("N.Y.", "New York"), ("Okla.", "Oklahoma"), ("Ore.", "Oregon"), ("Pa.", "Pennsylvania"), ("Penn.", "Pennsylvania"), ("R.I.", "Rhode Island"), ("S.C.", "South Carolina"),
    ("S.D.", "South Dakota"), ("Tenn.", "Tennessee"), ("Tex.", "Texas"), ("Va.", "Virginia"), ("Vt.", "Vermont"), ("Wash.", "Washington"), ("Wis.", "Wisconsin"), ("W.Va.", "West Virginia"), ("Wyo.", "Wyoming"),
];

/// Abbreviations that mean nothing but a state in a bank's texts, so "in NY" is enough.
const CLEAR: &[&str] = &[
    "AK", "AZ", "CA", "FL", "GA", "IA", "IL", "KS", "KY", "MN", "NC", "NJ", "NM", "NV", "NY", "OH", "RI", "SC", "TN",
    "TX", "UT", "VT", "WA", "WI", "WV", "WY",
];

/// States that are also words, and words that come before such a word: "Yes, OK".
const WORDS: &[&str] = &["HI", "ID", "IN", "ME", "OH", "OK", "OR"];
const INTERJECTIONS: &[&str] = &["yes", "no", "well", "sure", "great", "so", "now", "thanks", "hello", "please"];

static STATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?P<state>[A-Z]{2}|(?:[A-Z][a-z]*\.){1,2})(?:,?\s(?P<code>\d{5}(?:-\d{4})?)\b|[^\w&'/-]|$)")
});
static AFTER_CITY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<city>\p{Lu}[\w.'-]*)(?P<comma>,)? $").expect("the patterns of the grammar are valid")
});
static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?P<before>[A-Z]{2})(?:, |,? (?:and|or|&) |/)$").expect("the patterns of the grammar are valid")
});

/// Reads a state after a city, before a postal code, or in a list: `Omaha, NE 68102`, `residents of NY and NJ`.
pub fn state(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&STATE).filter(|_| at.starts_word())?;
    let written = &captures["state"];
    let code = captures.name("code");
    let end = at.pos + written.len();
    let name = STATES.iter().chain(OLDER).find(|(abbreviation, _)| *abbreviation == written).map(|(_, name)| *name);
    let city = AFTER_CITY.captures(at.head());
    let after_comma = city.as_ref().is_some_and(|city| city.name("comma").is_some());
    let is_word = WORDS.contains(&written);
    if let Some(code) = code.filter(|_| city.is_some() && (after_comma || !is_word)) {
        // "DC" and military addresses are read by letters.
        let letters =
            || matches!(written, "DC" | "D.C." | "AA" | "AE" | "AP").then(|| spelled(&written.replace('.', "")));
        let said = name.map(str::to_owned).or_else(letters)?;
        let code_end = at.pos + code.end();
        let pieces = vec![(at.pos..end, said), (at.pos + code.start()..code_end, zip_code(code.as_str()))];
        return Some(Reading { class: Class::Address, end: code_end, pieces });
    }
    let name = name?;
    let listed = LISTED.captures(at.head()).is_some_and(|list| CLEAR.contains(&&list["before"]));
    let in_city = !at.shouted
        && city.is_some_and(|city| {
            let city = &city["city"];
            let is_name = city.chars().any(char::is_lowercase);
            after_comma && is_name && !(is_word && INTERJECTIONS.contains(&city.to_lowercase().as_str()))
        });
    let clear = !at.shouted
        && CLEAR.contains(&written)
        && (matches!(
            at.word_before(1).as_str(),
            "across" | "from" | "in" | "of" | "outside" | "throughout" | "within"
        ) || matches!(at.word_after(end, 1).as_str(), "customers" | "law" | "only" | "resident" | "residents"));
    (listed && !is_word || in_city || clear).then(|| at.read(Class::Address, written.len(), name))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn states_are_said_in_full_where_they_are_states() {
        check(&[
            ("Austin, TX 78701", "Austin, Texas seven eight seven zero one"),
            ("Austin TX 78701-0042", "Austin Texas seven eight seven zero one dash zero zero four two"),
            ("Washington, D.C. 20001", "Washington, D.C two zero zero zero one"),
            ("Tulsa, OK.", "Tulsa, Oklahoma"),
            ("Yes, OK.", "Yes, okay"),
            ("Fort Wayne, IN, and Bangor, ME", "Fort Wayne, Indiana, and Bangor, Maine"),
            ("residents of NY, NJ and CT", "residents of New York, New Jersey and Connecticut"),
            ("TX residents", "Texas residents"),
            ("Boston, Mass. 02110", "Boston, Massachusetts zero two one one zero"),
            ("Albany, N.Y., and Miami, Fla.", "Albany, New York, and Miami, Florida"),
            ("Member ID 83702", "Member I.D eight three seven zero two"),
            ("a VA loan, PA", "a V.A loan, P.A"),
        ]);
    }
}
