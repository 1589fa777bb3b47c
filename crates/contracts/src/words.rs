//! Bespoke's own words that customers see: in the text file and in the video's opening. The words of the customer's
//! page are in `deliver`. All other words come from the phrasebook, the catalog and the brand.

use crate::language::Language;

/// The fixed words of one language. Words in braces, such as `{name}`, are placeholders; see [`filled`].
#[derive(Debug)]
pub struct FixedWords {
    /// The title of the text file: `{name}` is the first name, `{bank}` the bank.
    pub title: &'static str,
    /// The heading above a product's rates and terms: `{product}` is the product.
    pub rates_and_terms: &'static str,
    /// The heading above the disclosures.
    pub please_note: &'static str,
    /// The heading above the last section.
    pub about: &'static str,
    /// The line with the address for more information: `{web}` is the address.
    pub more: &'static str,
    /// The note that the voice is synthetic.
    pub voice: &'static str,
    /// The writer: the phrasebook.
    pub from_phrases: &'static str,
    /// The writer: the template of older versions.
    pub by_template: &'static str,
    /// The writer: a model; `{model}` is its name.
    pub by_model: &'static str,
    /// The line with the run's id: `{run}` is the id.
    pub reference: &'static str,
    /// The word before the name in the video's opening.
    pub title_card: &'static str,
}

impl Language {
    /// Returns the fixed words of the language.
    #[must_use]
    pub const fn words(self) -> &'static FixedWords {
        match self {
            Self::English => &ENGLISH,
            Self::Spanish => &SPANISH,
        }
    }
}

/// Returns the words with each `{name}` replaced by its value. A value is never searched for further placeholders.
#[must_use]
pub fn filled(words: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        text.push_str(value.unwrap_or_default());
        rest = after;
    }
    text + rest
}

static ENGLISH: FixedWords = FixedWords {
    title: "For {name}, from {bank}",
    rates_and_terms: "{product}: rates and terms",
    please_note: "Please note",
    about: "About this message",
    more: "More: {web}",
    voice: "Voice: AI-generated",
    from_phrases: "Written from: sentences that the bank approved",
    by_template: "Written by: template",
    by_model: "Written by: AI model {model}, checked before it was sent",
    reference: "Reference: {run}",
    title_card: "For",
};

static SPANISH: FixedWords = FixedWords {
    title: "Para {name}, de {bank}",
    rates_and_terms: "{product}: tasas y condiciones",
    please_note: "Tenga en cuenta",
    about: "Acerca de este mensaje",
    more: "Más información: {web}",
    voice: "Voz: generada por IA",
    from_phrases: "Redacción: frases aprobadas por el banco",
    by_template: "Redacción: plantilla",
    by_model: "Redacción: modelo de IA {model}, revisado antes del envío",
    reference: "Referencia: {run}",
    title_card: "Para",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_that_looks_like_a_placeholder_is_not_filled() {
        let values = [("name", "{bank}"), ("bank", "Meridian Bank")];
        assert_eq!(filled(ENGLISH.title, &values), "For {bank}, from Meridian Bank");
        assert_eq!(filled(SPANISH.title, &values), "Para {bank}, de Meridian Bank");
    }

    /// If a language used other placeholders than English, its text would lose a value.
    #[test]
    fn every_language_fills_the_same_placeholders() {
        let placeholders = |words: &'static FixedWords| -> Vec<Vec<&'static str>> {
            let FixedWords {
                title,
                rates_and_terms,
                please_note,
                about,
                more,
                voice,
                from_phrases,
                by_template,
                by_model,
                reference,
                title_card,
            } = words;
            let all = [
                title,
                rates_and_terms,
                please_note,
                about,
                more,
                voice,
                from_phrases,
                by_template,
                by_model,
                reference,
                title_card,
            ];
            let named = |text: &'static str| {
                let mut names: Vec<&str> =
                    text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect();
                names.sort_unstable();
                names
            };
            assert!(all.iter().all(|text| !text.trim().is_empty()));
            all.map(|text| named(text)).to_vec()
        };
        for language in Language::ALL {
            assert_eq!(placeholders(language.words()), placeholders(&ENGLISH), "{language}");
        }
    }
}
