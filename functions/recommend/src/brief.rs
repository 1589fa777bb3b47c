//! The input for the writers: one customer's facts, the offered products, and names in a form that can be spoken.

use std::collections::HashSet;

use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Product};
use contracts::facts::{Facts, Offer, Sentiment, Stance, Topic};
use contracts::{CustomerRef, ProductId};
use phrases::Phrasebook;
use storage::vault::Keys;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::guard::{self, GuardContext, NameSlot};

/// Words for numbers and parts of addresses. A caller's prompt could spell an account number or an address with them.
const NUMBER_WORDS: [&str; 37] = [
    "zero",
    "oh",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "million",
    "double",
    "triple",
    "dot",
    "at",
    "com",
];

/// The placeholder for the customer's first name in text that the guard checks.
pub(crate) const FIRST_NAME: &str = "{{first_name}}";
/// The placeholder for the adviser's name.
pub(crate) const ADVISER: &str = "{{adviser}}";

/// The maximum length, in characters, of a name that can be spoken and fits on the title card.
const MAX_NAME_CHARACTERS: usize = 40;

/// The purpose of a message.
pub(crate) enum Purpose<'a> {
    /// Recommend these products, best first.
    Offers(Vec<(&'a Offer, &'a Product)>),
    /// Offer help with a topic instead of a product.
    Service(Topic),
}

/// A writer's brief for one customer.
pub(crate) struct Brief<'a> {
    pub facts: &'a Facts,
    pub catalogue: &'a Catalogue,
    pub brand: &'a Brand,
    /// The approved phrases.
    pub phrases: &'a Phrasebook,
    /// The customer's first name. `None` if it cannot be spoken.
    pub name: Option<String>,
    /// The name of the customer's adviser. `None` if there is no adviser, or if the name cannot be spoken.
    pub adviser: Option<String>,
    pub purpose: Purpose<'a>,
}

impl<'a> Brief<'a> {
    /// Looks up the offered products. Fails with the id of the first product that is not in the catalog.
    pub(crate) fn new(
        facts: &'a Facts,
        catalogue: &'a Catalogue,
        brand: &'a Brand,
        phrases: &'a Phrasebook,
    ) -> Result<Self, ProductId> {
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
        let adviser = facts.adviser.as_deref().and_then(speakable);
        Ok(Self { facts, catalogue, brand, phrases, name: speakable(&facts.first_name), adviser, purpose })
    }

    /// Returns the name of the customer's adviser, or the brand's default adviser.
    pub(crate) fn adviser(&self) -> &str {
        self.adviser.as_deref().unwrap_or(&self.brand.default_adviser)
    }

    pub(crate) fn offers(&self) -> &[(&'a Offer, &'a Product)] {
        match &self.purpose {
            Purpose::Offers(offers) => offers,
            Purpose::Service(_) => &[],
        }
    }

    /// Returns whether the brief calls for a recommendation but has no products.
    pub(crate) fn lacks_offers(&self) -> bool {
        matches!(&self.purpose, Purpose::Offers(offers) if offers.is_empty())
    }

    pub(crate) fn reference(&self) -> &'a CustomerRef {
        &self.facts.reference
    }

    pub(crate) fn sentiment(&self) -> Option<Sentiment> {
        self.facts.mood.as_ref().map(|mood| mood.sentiment)
    }

    /// Returns whether posts contributed to the facts.
    pub(crate) fn is_from_posts(&self) -> bool {
        self.facts.mood.is_some()
    }

    /// Returns the personal names that the text has placeholders for: the customer's and the adviser's.
    fn personal_names(&self) -> [NameSlot<'_>; 2] {
        let customer = self.name.as_deref().unwrap_or(self.phrases.no_name());
        [NameSlot { placeholder: FIRST_NAME, name: customer }, NameSlot { placeholder: ADVISER, name: self.adviser() }]
    }

    /// Returns the text with the personal names filled in.
    pub(crate) fn with_personal_names(&self, text: &str) -> String {
        self.personal_names().iter().fold(text.to_owned(), |text, slot| text.replace(slot.placeholder, slot.name))
    }

    /// Returns whether a caller's prompt contains data that a model must not see: a name of this customer or adviser, a
    /// digit, or the `@` of an e-mail address.
    pub(crate) fn is_personal(&self, prompt: &str) -> bool {
        let names = [self.name.as_deref(), self.facts.adviser.as_deref(), Some(self.facts.first_name.as_str())];
        let names: HashSet<String> = names.into_iter().flatten().flat_map(guard::plain_words).collect();
        prompt.contains(|c: char| c.is_numeric() || c == '@')
            || guard::plain_words(prompt).iter().any(|word| names.contains(word))
    }

    /// Returns the guard's context for text that offers `offered`. The text must not name a product that was ranked but
    /// is not offered, because that product's disclosures are missing.
    pub(crate) fn guard_context<'b>(
        &'b self,
        offered: Vec<&'b Product>,
        keys: &'b Keys,
        instructions: Vec<&'b str>,
    ) -> GuardContext<'b> {
        GuardContext {
            language: self.facts.language,
            offered,
            held: self.facts.products_held.iter().filter_map(|id| self.catalogue.product(id)).collect(),
            catalogue: self.catalogue,
            names: self.personal_names().into_iter().chain([NameSlot::from(self.brand.name.as_str())]).collect(),
            posts: self.facts.mood.as_ref().map(|mood| (mood.five_word_runs.as_slice(), keys)),
            instructions,
        }
    }
}

/// Returns a name as it is spoken and shown. Returns `None` if the text is not a name, for example because it has
/// markup, digits or a claim. Names come from a workbook, which may be hostile.
fn speakable(name: &str) -> Option<String> {
    let name: String = name.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    let is_name_character =
        |c: char| c.is_alphabetic() || is_combining_mark(c) || matches!(c, ' ' | '-' | '\'' | '’' | '.');
    let letters = || name.chars().filter(|c| c.is_alphabetic());
    let is_speakable = name.chars().next().is_some_and(char::is_alphabetic)
        && name.chars().count() <= MAX_NAME_CHARACTERS
        && name.chars().all(is_name_character)
        && guard::name_is_harmless(&name);
    if !is_speakable {
        return None;
    }
    // Banks often store names in capitals: `ANNA-MARIE` becomes `Anna-Marie`, but `JR` stays as it is.
    let is_uppercase = letters().count() > 2 && letters().all(char::is_uppercase);
    let is_lowercase = letters().next().is_some_and(char::is_lowercase) && letters().all(char::is_lowercase);
    Some(if is_uppercase || is_lowercase { capitalize_words(&name) } else { name })
}

/// Capitalizes the first letter of each word and lowercases the others.
fn capitalize_words(name: &str) -> String {
    let mut starts_word = true;
    let letter = |c: char| {
        let cased: String = if starts_word { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
        starts_word = matches!(c, ' ' | '-' | '.' | '\'' | '’');
        cased
    };
    name.chars().map(letter).collect()
}

/// Returns the words of a caller's prompt that may be sent to a model: those in the phrasebook's vocabulary, in order.
/// All other words, such as people's names, stay on this machine. So do spelled-out numbers.
pub(crate) fn known_words(prompt: &str, book: &Phrasebook) -> String {
    let known = book.vocabulary();
    let words = guard::plain_words(prompt).into_iter();
    let kept = words.filter(|word| known.contains(word) && !NUMBER_WORDS.contains(&word.as_str()));
    kept.collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_in_any_script_is_kept() {
        for name in ["José", "李娜", "Nguyễn", "O'Neil", "Anne-Marie", "Łucja", "Christian", "April", "J.R."] {
            assert_eq!(speakable(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn only_known_words_of_a_prompt_are_sent() {
        let book = Phrasebook::packaged();
        for (prompt, sent) in [
            ("Please be warm and brief", "please be warm and brief"),
            ("Warm, for Maria Gonzalez", "warm for"),
            ("call five five five one two three four", "call"),
            ("visit evil dot com", "visit"),
            ("IBAN DE eighty nine", ""),
        ] {
            let words = known_words(prompt, &book);
            let kept: Vec<&str> = words.split_whitespace().collect();
            let allowed: Vec<&str> = sent.split_whitespace().collect();
            assert!(kept.iter().all(|word| allowed.contains(word)), "{prompt}: {words}");
        }
        assert!(known_words("Please be warm", &book).contains("warm"), "a wish is still sent");
    }

    #[test]
    fn name_in_capitals_is_capitalized() {
        assert_eq!(speakable("ANNE-MARIE").as_deref(), Some("Anne-Marie"));
        assert_eq!(speakable(" josé  luis ").as_deref(), Some("José Luis"));
        assert_eq!(speakable("JR").as_deref(), Some("JR"));
    }

    #[test]
    fn text_that_is_not_a_name_is_dropped() {
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
