//! What the writers are told of one customer: the facts with their products looked up and the names made speakable.

use std::collections::HashSet;

use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Product};
use contracts::facts::{Facts, Offer, Sentiment, Stance, Topic};
use contracts::{CustomerRef, ProductId};
use storage::vault::Keys;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::guard::{self, GuardContext, Name};
use crate::words::en;

/// Longer names cannot be spoken or shown on the title card.
const LONGEST_NAME: usize = 40;

/// What to say in general.
pub(crate) enum Purpose<'a> {
    /// Recommend these, best first.
    Offers(Vec<(&'a Offer, &'a Product)>),
    /// Sell nothing.
    Service(Topic),
}

/// One customer's brief.
pub(crate) struct Brief<'a> {
    pub facts: &'a Facts,
    pub catalogue: &'a Catalogue,
    pub brand: &'a Brand,
    /// The first name, if it can be spoken.
    pub name: Option<String>,
    pub adviser: String,
    pub purpose: Purpose<'a>,
}

impl<'a> Brief<'a> {
    /// Looks up the offers; the id that the catalogue does not have, if there is one.
    pub(crate) fn new(facts: &'a Facts, catalogue: &'a Catalogue, brand: &'a Brand) -> Result<Self, ProductId> {
        let purpose = match &facts.stance {
            Stance::Recommend { offers } => {
                let look_up = |offer: &'a Offer| {
                    let product = catalogue.product(&offer.product).ok_or_else(|| offer.product.clone())?;
                    Ok((offer, product))
                };
                Purpose::Offers(offers.iter().map(look_up).collect::<Result<_, _>>()?)
            }
            Stance::Service { topic } => Purpose::Service(*topic),
        };
        let adviser = facts.adviser.as_deref().and_then(speakable).unwrap_or_else(|| brand.default_adviser.clone());
        Ok(Self { facts, catalogue, brand, name: speakable(&facts.first_name), adviser, purpose })
    }

    pub(crate) fn offers(&self) -> &[(&'a Offer, &'a Product)] {
        match &self.purpose {
            Purpose::Offers(offers) => offers,
            Purpose::Service(_) => &[],
        }
    }

    /// Whether it should recommend but names no product.
    pub(crate) fn has_nothing_to_offer(&self) -> bool {
        matches!(&self.purpose, Purpose::Offers(offers) if offers.is_empty())
    }

    pub(crate) fn reference(&self) -> &'a CustomerRef {
        &self.facts.reference
    }

    pub(crate) fn sentiment(&self) -> Option<Sentiment> {
        self.facts.mood.as_ref().map(|mood| mood.sentiment)
    }

    /// The persons whom a text names by a place: the customer and the adviser.
    fn persons(&self) -> [Name<'_>; 2] {
        let name = self.name.as_deref().unwrap_or(en::NAMELESS);
        [(en::FIRST_NAME, name), (en::ADVISER, &self.adviser)].map(|(place, said)| Name { place, said })
    }

    /// The text with the names of persons put in their places.
    pub(crate) fn with_names(&self, text: &str) -> String {
        self.persons().iter().fold(text.to_owned(), |text, name| text.replace(name.place, name.said))
    }

    /// Whether a caller's own words hold what no model may see: a name of this customer or adviser, a number, an address.
    pub(crate) fn is_personal(&self, words: &str) -> bool {
        let names = [self.name.as_deref(), self.facts.adviser.as_deref(), Some(self.facts.first_name.as_str())];
        let names: HashSet<String> = names.into_iter().flatten().flat_map(guard::plain_words).collect();
        words.contains(|sign: char| sign.is_numeric() || sign == '@')
            || guard::plain_words(words).iter().any(|word| names.contains(word))
    }

    /// What the guard must know to judge a text that offers `offered`: a product that was ranked but is not offered comes
    /// without its disclosures, so it may not be named.
    pub(crate) fn guard_context<'b>(
        &'b self,
        offered: Vec<&'b Product>,
        keys: &'b Keys,
        instructions: Vec<&'b str>,
    ) -> GuardContext<'b> {
        GuardContext {
            offered,
            catalogue: self.catalogue,
            names: self.persons().into_iter().chain([Name::from(self.brand.name.as_str())]).collect(),
            posts: self.facts.mood.as_ref().map(|mood| (mood.five_word_runs.as_slice(), keys)),
            instructions,
        }
    }
}

/// A name as it can be spoken and shown, or nothing if it is not one. Names come from a workbook: one with markup, digits
/// or a claim in it is not repeated.
fn speakable(name: &str) -> Option<String> {
    let name: String = name.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    let of_a_name = |c: char| c.is_alphabetic() || is_combining_mark(c) || matches!(c, ' ' | '-' | '\'' | '’' | '.');
    let letters = || name.chars().filter(|c| c.is_alphabetic());
    let good = name.chars().next().is_some_and(char::is_alphabetic)
        && name.chars().count() <= LONGEST_NAME
        && name.chars().all(of_a_name)
        && guard::name_is_harmless(&name);
    if !good {
        return None;
    }
    // Books of a bank are often kept in capitals: `ANNA-MARIE` is greeted as `Anna-Marie`, `JR` is left alone.
    let shouted = letters().count() > 2 && letters().all(char::is_uppercase);
    let mumbled = letters().next().is_some_and(char::is_lowercase) && letters().all(char::is_lowercase);
    Some(if shouted || mumbled { capitalised(&name) } else { name })
}

/// The first letter of each word large, the others small.
fn capitalised(name: &str) -> String {
    let mut starts = true;
    let letter = |c: char| {
        let cased: String = if starts { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
        starts = matches!(c, ' ' | '-' | '.' | '\'' | '’');
        cased
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_kept() {
        for name in ["José", "李娜", "Nguyễn", "O'Neil", "Anne-Marie", "Łucja", "Christian", "April", "J.R."] {
            assert_eq!(speakable(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn names_in_capitals_are_not_shouted() {
        assert_eq!(speakable("ANNE-MARIE").as_deref(), Some("Anne-Marie"));
        assert_eq!(speakable(" josé  luis ").as_deref(), Some("José Luis"));
        assert_eq!(speakable("JR").as_deref(), Some("JR"));
    }

    #[test]
    fn what_is_no_name_is_not_repeated() {
        let long = "A".repeat(41);
        let bad = [
            "",
            " ",
            "{\\an8}",
            "%{x}",
            "<script>",
            "=cmd|' /C calc'!A0",
            "{{first_name}}",
            "a\u{202e}b",
            "Guaranteed Approval",
            "4412",
            "x@y.com",
            &long,
        ];
        for name in bad {
            assert_eq!(speakable(name), None, "{name:?}");
        }
    }
}
