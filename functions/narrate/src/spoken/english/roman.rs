//! Roman numerals.

use std::sync::LazyLock;

use regex::Regex;

use super::number;
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static NUMERAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?:'s)?\b"));

/// Words before a Roman numeral that is a cardinal: "Title IX" becomes "title nine".
const COUNTED: &[&str] = &[
    "act", "app", "appendix", "art", "article", "basel", "book", "bowl", "ch", "chapter", "class", "division",
    "exhibit", "fund", "grade", "group", "level", "mifid", "mark", "part", "phase", "plan", "psd", "pt", "scene",
    "sched", "schedule", "sec", "section", "series", "solvency", "stage", "step", "tier", "title", "track", "type",
    "ucits", "unit", "version", "vol", "volume", "war",
];

/// Names before a Roman numeral that is an ordinal: "Henry VIII" becomes "Henry the eighth".
#[rustfmt::skip]
const RANKED: &[&str] = &[
    "aaron", "adam", "alan", "albert", "alexander", "alfonso", "andrew", "anthony", "antonio", "arthur", "benedict",
    "benjamin", "bill", "billy", "bob", "bobby", "bradley", "brandon", "brian", "bruce", "bryan", "calvin", "carl",
    "carlos", "catherine", "charles", "christian", "christopher", "clarence", "clement", "constantine", "daniel",
    "david", "dennis", "donald", "douglas", "dylan", "edgar", "edward", "elizabeth", "eric", "ernest", "ethan",
    "eugene", "felipe", "francis", "frank", "franklin", "fred", "frederick", "gabriel", "gary", "george", "gerald",
    "gregory", "gustav", "harald", "harold", "harry", "henry", "howard", "hugh", "innocent", "ivan", "jack",
    "jacob", "james", "jane", "jason", "jeffrey", "jeremy", "jerome", "jerry", "jesse", "jim", "joe", "john",
    "johnny", "jonathan", "jose", "joseph", "joshua", "juan", "julian", "justin", "keith", "kenneth", "kevin",
    "king", "kyle", "larry", "lawrence", "leo", "leonard", "leopold", "lewis", "louis", "luis", "marcus",
    "margaret", "martin", "mary", "matthew", "michael", "miguel", "mohammed", "napoleon", "nathan", "nicholas",
    "noah", "oscar", "patrick", "paul", "peter", "philip", "phillip", "pius", "pope", "queen", "ralph", "ramses",
    "randy", "raymond", "richard", "robert", "roger", "ronald", "roy", "rudolf", "russell", "ryan", "sam", "samuel",
    "sean", "scott", "stanley", "stephen", "steven", "terry", "theodore", "thomas", "thurston", "timothy", "tom",
    "tyler", "urban", "victor", "vincent", "walter", "wayne", "wilhelm", "william", "willie", "zachary",
];

/// Reads `Tier II`, `Henry VIII`, `John Smith III`, `MMXXVI`.
pub fn numeral(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&NUMERAL).filter(|_| at.starts_word())?;
    let written = captures.get_match().as_str().trim_end_matches("'s");
    let value = value(written);
    if value == 0 {
        return None;
    }
    let before = last_words(at.head());
    let small = before.first().map(|word| word.to_lowercase()).unwrap_or_default();
    let capitalized = |word: Option<&&str>| word.is_some_and(|word| word.starts_with(char::is_uppercase));
    let only_small = written.bytes().all(|b| b"IVX".contains(&b) || b == b'L' && written.len() > 1);
    // Possessives keep their ending: "Henry VIII's".
    let owner = if written.len() < captures.get_match().len() { "'s" } else { "" };
    if COUNTED.contains(&small.as_str()) && only_small {
        return Some(at.whole(Class::Word, &captures, number::cardinal(value) + owner));
    }
    if written.len() < 2 {
        return None;
    }
    // "Henry VIII", "John Smith III", "John Q. Smith III"
    let mut names = before.iter().take_while(|word| capitalized(Some(word)));
    let ranked = names.any(|word| RANKED.contains(&word.to_lowercase().as_str()));
    if ranked && only_small {
        return Some(at.whole(Class::Word, &captures, format!("the {}{owner}", number::ordinal(value))));
    }
    // Without such a word, accept only numerals that are not a common abbreviation.
    let unambiguous = matches!(written, "II" | "III" | "VII" | "VIII" | "XII" | "XIII" | "XIV" | "XVI");
    if unambiguous && capitalized(before.first()) {
        return Some(at.whole(Class::Word, &captures, number::cardinal(value) + owner));
    }
    (value >= 1900 && written.len() > 3).then(|| at.whole(Class::Date, &captures, number::year(value)))
}

/// Returns the last three words, nearest first.
fn last_words(head: &str) -> Vec<&str> {
    head.trim_end().rsplit(' ').take(3).map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).collect()
}

fn value(numeral: &str) -> u64 {
    let digit = |letter: u8| match letter {
        b'I' => 1,
        b'V' => 5,
        b'X' => 10,
        b'L' => 50,
        b'C' => 100,
        b'D' => 500,
        _ => 1000,
    };
    let letters = numeral.as_bytes();
    let mut sum = 0_u64;
    for (index, letter) in letters.iter().enumerate() {
        let own = digit(*letter);
        if letters.get(index + 1).is_some_and(|next| digit(*next) > own) {
            sum = sum.wrapping_sub(own);
        } else {
            sum = sum.wrapping_add(own);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn numerals_count_or_rank() {
        check(&[
            ("Title VII", "Title seven"),
            ("Tier I", "Tier one"),
            ("Basel III rules", "Basel three rules"),
            ("Super Bowl LX", "Super Bowl sixty"),
            ("World War II", "World War two"),
            ("Henry IV", "Henry the fourth"),
            ("Robert Lee III", "Robert Lee the third"),
            ("Frank Q. Lee II", "Frank Q Lee the second"),
            ("Meridian Fund II", "Meridian Fund two"),
            ("Vol. IV", "volume four"),
            ("MMXXVI", "twenty twenty-six"),
            ("I agree", "I agree"),
            ("a CD and a DI", "a C.D and a D.I"),
        ]);
    }
}
