//! American English: one file per class, each with its own table of examples.
//!
//! **Priority.** A rule that needs more evidence comes before one that needs less:
//!
//! 1. words in the bank's list and the customer's name, because the bank and the customer know best;
//! 2. web addresses, which can contain all other symbols;
//! 3. telephone numbers and identifiers, which are read digit by digit and are never amounts;
//! 4. amounts and rates, which must be exact;
//! 5. dates and times, whose digits look like fractions and ratios;
//! 6. postal addresses, measures, fractions and ordinals;
//! 7. plain numbers;
//! 8. Roman numerals, abbreviations, homographs, capitals, words;
//! 9. symbols, which get a meaning from their neighbors or are silent.
//!
//! A new language is a folder like this one and a variant of `Language`. It shares only the reader with English.

mod abbreviation;
mod cardinal;
mod date;
mod described;
mod electronic;
mod fraction;
mod homograph;
mod identifier;
mod letters;
mod measure;
mod money;
mod number;
mod ordinal;
mod percent;
mod postal;
mod roman;
mod sign;
mod state;
mod telephone;
mod time;
mod word;

pub use abbreviation::is_abbreviation;

use super::grammar::Grammar;

/// The grammar of American English.
pub static GRAMMAR: Grammar = Grammar {
    rules: &[
        word::listed,
        word::name,
        electronic::address,
        telephone::number,
        telephone::vanity,
        telephone::short_code,
        identifier::known_form,
        identifier::masked,
        identifier::grouped_code,
        identifier::by_context,
        percent::rate,
        money::accounting,
        money::amount,
        money::cents,
        money::code,
        date::numeric,
        date::month,
        date::day_first,
        date::fiscal,
        date::decade,
        date::weekday,
        time::clock,
        time::zone,
        time::ratio,
        postal::house_number,
        state::state,
        postal::direction,
        postal::numbered,
        measure::measured,
        fraction::mixed,
        fraction::simple,
        ordinal::ordinal,
        date::year,
        cardinal::scaled,
        cardinal::plain,
        measure::unit,
        roman::numeral,
        abbreviation::dotted_phrase,
        abbreviation::contextual,
        abbreviation::fixed,
        homograph::verb,
        letters::known_word,
        letters::capitals,
        letters::dotted,
        word::camel_case,
        super::plain_word::plain_word,
        sign::rating,
        sign::minus,
        sign::range,
        sign::per,
        sign::either,
        sign::relation,
        sign::sign,
    ],
    is_shouted: letters::is_shouted,
    currency_signs: &['$', '€', '£', '¥', '₩', '₹', '₽', '₺', '₪', '₫', '₱', '₦', '₴', '฿', '₿'],
};

#[cfg(test)]
pub mod testing {
    use crate::spoken::{Lexicon, Utterance};

    /// Returns the spoken form of a phrase without its final period.
    pub fn said(phrase: &str) -> String {
        let utterance = Utterance::of(phrase, Lexicon::default());
        let utterance = utterance.unwrap_or_else(|_| panic!("{phrase}: unread number"));
        utterance.unwrap_or_else(|| panic!("{phrase}: silent")).text().trim_end_matches('.').to_owned()
    }

    /// Checks a table of written phrases and their spoken forms.
    pub fn check(table: &[(&str, &str)]) {
        let wrong: Vec<String> = table
            .iter()
            .filter_map(|(written, expected)| {
                let found = said(written);
                (found != *expected).then(|| format!("{written}\n  expected {expected}\n  found    {found}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{} of {} phrases are wrong:\n{}", wrong.len(), table.len(), wrong.join("\n"));
    }
}
