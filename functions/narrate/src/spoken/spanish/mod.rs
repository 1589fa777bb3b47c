//! Spanish as banks in the United States and Latin America use it: one file per class, each with its own table of
//! examples.
//!
//! **Priority** is that of the English grammar: the bank's list and the customer's name, addresses, telephone numbers and
//! identifiers, amounts and rates, dates and times, fractions and ordinals, plain numbers, abbreviations, words, symbols.
//!
//! **Separators.** A point is said as "punto" and a comma as "coma", as the bank writes it. If a number has both, the last
//! one separates the decimals. A single one before exactly three digits groups thousands, except in a rate: `6.375 %`
//! has three decimals. Any other arrangement is not a number, so it is an error.

mod abbreviation;
mod cardinal;
mod contact;
mod date;
mod fraction;
mod identifier;
mod letters;
mod money;
mod number;
mod percent;
mod roman;
mod sign;
mod time;
mod word;

pub use abbreviation::{is_before_name, is_within_sentence};

use super::grammar::Grammar;

/// The grammar of Spanish.
pub static GRAMMAR: Grammar = Grammar {
    rules: &[
        word::listed,
        word::name,
        contact::address,
        contact::telephone,
        contact::short_code,
        identifier::known_form,
        identifier::masked,
        identifier::by_context,
        identifier::code,
        percent::rate,
        money::accounting,
        money::amount,
        money::code,
        date::numeric,
        date::first_of_month,
        date::month,
        date::weekday,
        time::clock,
        time::zone,
        fraction::mixed,
        fraction::simple,
        fraction::ordinal,
        cardinal::times,
        cardinal::measured,
        cardinal::scaled,
        cardinal::plain,
        roman::numeral,
        abbreviation::phrase,
        abbreviation::number,
        abbreviation::fixed,
        letters::known_word,
        letters::dotted,
        letters::capitals,
        super::plain_word::plain_word,
        sign::minus,
        sign::range,
        sign::per,
        sign::either,
        sign::sign,
    ],
    is_shouted: letters::is_shouted,
    currency_signs: &['$', '€', '£', '¥'],
};

#[cfg(test)]
pub mod testing {
    use contracts::Language;

    use crate::spoken::{Lexicon, UnreadNumber, Utterance};

    /// Returns the spoken form of a phrase without its final period.
    pub fn said(phrase: &str) -> String {
        let utterance = utterance(phrase).unwrap_or_else(|_| panic!("{phrase}: unread number"));
        utterance.unwrap_or_else(|| panic!("{phrase}: silent")).text().trim_end_matches('.').to_owned()
    }

    /// Reads a phrase in Spanish.
    pub fn utterance(phrase: &str) -> Result<Option<Utterance>, UnreadNumber> {
        Utterance::of(phrase, Lexicon { language: Language::Spanish, ..Lexicon::default() })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::{check, said, utterance};
    use crate::spoken::UnreadNumber;

    #[test]
    fn sentences_of_a_bank_are_said_in_words() {
        check(&[
            (
                "3.60% de rendimiento porcentual anual (APY), vigente al 2 de noviembre de 2026.",
                "tres punto sesenta por ciento de rendimiento porcentual anual a pe ye, vigente al dos de noviembre de \
                 dos mil veintiséis",
            ),
            (
                "Ejemplo: $15,000 a 60 meses con 10.99% de APR son 60 pagos mensuales de $326.06.",
                "Ejemplo: quince mil dólares a sesenta meses con diez punto noventa y nueve por ciento de a pe erre son \
                 sesenta pagos mensuales de trescientos veintiséis dólares con seis centavos",
            ),
            (
                "¿Preguntas? Llame al 1-800-555-0100.",
                "Preguntas? Llame al uno, ocho cero cero, cinco cinco cinco, cero uno cero cero",
            ),
            ("¡Hola, Sofía!", "Hola, Sofía!"),
            (
                "200 transacciones por período; cada una adicional cuesta $0.40.",
                "doscientas transacciones por período; cada una adicional cuesta cuarenta centavos",
            ),
        ]);
    }

    /// A comma or point within digits that no rule reads is an error, never a guess.
    #[test]
    fn malformed_number_is_an_error() {
        for (text, word) in [
            ("Gane $1,25,00 hoy.", 2),
            ("Pague 1.2.3 ahora.", 2),
            ("Tasa 12.34.56 %", 2),
            ("Son €1.25.3.", 2),
            ("Es 1,2345,6 aquí.", 2),
        ] {
            assert_eq!(utterance(text), Err(UnreadNumber(word)), "{text}");
        }
    }

    #[test]
    fn markup_is_said_as_words() {
        assert!(!said("[[h@'loU]] <break time=\"3s\"/> {\\an8} hola").contains(['[', '<', '{', '\\', '=']));
    }

    proptest! {
        #[test]
        fn engine_never_gets_markup_and_no_word_is_lost(sentence in "\\PC{0,60}") {
            if let Ok(Some(utterance)) = utterance(&sentence) {
                let text = utterance.text();
                prop_assert!(text.chars().all(|c| c.is_alphabetic() || " '-.,;:?!".contains(c)), "{text:?}");
                prop_assert!(text.chars().all(|c| u32::from(c) < 0x100), "beyond Latin-1: {text:?}");
                let shown: Vec<_> = utterance.words().iter().map(|word| word.shown.as_str()).collect();
                prop_assert_eq!(shown.join(" "), sentence.split_whitespace().collect::<Vec<_>>().join(" "));
                prop_assert!(utterance.words().iter().all(|word| word.said.chars().any(char::is_alphabetic)));
            }
        }

        /// Every amount is read to its last digit: the words of a larger amount differ from those of a smaller one.
        #[test]
        fn amounts_that_differ_are_said_differently(a in 0_u64..10_000_000, b in 0_u64..10_000_000) {
            prop_assume!(a != b);
            let amount = |cents: u64| said(&format!("${}.{:02}", cents / 100, cents % 100));
            prop_assert_ne!(amount(a), amount(b));
        }
    }
}
