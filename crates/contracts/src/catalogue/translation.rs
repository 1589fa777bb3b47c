//! The bank's own translations of a product. Bespoke never translates.

use serde::{Deserialize, Serialize};

use super::{Figure, Product, check_texts, numbers};
use crate::language::Language;

/// A product's texts in another language. They correspond to the product's own fields of the same names, one to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductTexts {
    /// The name that customers see.
    pub name: String,
    /// The short name in the picture. Derived from `name` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// The headline. The short name if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headline: Option<String>,
    /// The figure with its terms; required if the product has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
    /// The summary.
    pub summary: String,
    /// The approved claims, in the order of the product's own.
    pub approved_claims: Vec<String>,
    /// Shorter versions of the approved claims: one for each claim, or none at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_claims: Vec<String>,
    /// The blocks of rates and terms.
    #[serde(default)]
    pub rates_and_terms: Vec<String>,
    /// The lines that must be shown with every offer.
    pub disclosures: Vec<String>,
    /// The disclosures that must also be spoken.
    #[serde(default)]
    pub spoken_disclosures: Vec<String>,
}

impl Product {
    /// Returns the product with its texts in another language, or `None` if there is no translation.
    #[must_use]
    pub fn in_language(&self, language: Language) -> Option<Self> {
        let texts = self.translations.get(&language)?.clone();
        Some(Self {
            name: texts.name,
            customer_name: texts.customer_name,
            headline: texts.headline,
            figure: texts.figure,
            summary: texts.summary,
            approved_claims: texts.approved_claims,
            short_claims: texts.short_claims,
            rates_and_terms: texts.rates_and_terms,
            disclosures: texts.disclosures,
            spoken_disclosures: texts.spoken_disclosures,
            ..self.clone()
        })
    }

    /// Returns the product's texts in each language that it is translated into.
    pub fn translated(&self) -> impl Iterator<Item = (Language, Self)> {
        self.translations.keys().filter_map(|language| Some((*language, self.in_language(*language)?)))
    }
}

/// Checks a product's translations. A translation must match the product's own texts: each list must have the same
/// length, and each text the same numbers.
pub(super) fn check(product: &Product, own: Language, fail: &mut impl FnMut(&str, String)) {
    if product.translations.contains_key(&own) {
        fail(&format!("translations.{own}"), "repeats the language of the catalog; remove it".to_owned());
    }
    for (language, translated) in product.translated() {
        let mut fail = |field: &str, reason: String| fail(&format!("translations.{language}.{field}"), reason);
        check_texts(&translated, &mut fail);
        if product.figure.is_some() != translated.figure.is_some() {
            fail("figure", "must be there if and only if the product has a figure".to_owned());
        }
        for (field, own, translated) in lists(product, &translated) {
            if own.len() != translated.len() {
                fail(field, format!("must have {} entries, as many as the product's own field", own.len()));
                continue;
            }
            for (own, translated) in own.iter().zip(&translated) {
                if !has_same_numbers(own, translated) {
                    fail(field, format!("must have the same numbers as {own:?}"));
                }
            }
        }
    }
}

/// Returns the texts that must agree in their numbers, by field.
fn lists(own: &Product, translated: &Product) -> [(&'static str, Vec<String>, Vec<String>); 7] {
    let figure = |product: &Product| -> Vec<String> {
        let parts = product.figure.iter().flat_map(|figure| [&figure.value, &figure.label, &figure.terms]);
        parts.cloned().collect()
    };
    let summary = |product: &Product| vec![product.summary.clone()];
    let [claims, short, terms, disclosures, spoken] = [
        ("approved_claims", &own.approved_claims, &translated.approved_claims),
        ("short_claims", &own.short_claims, &translated.short_claims),
        ("rates_and_terms", &own.rates_and_terms, &translated.rates_and_terms),
        ("disclosures", &own.disclosures, &translated.disclosures),
        ("spoken_disclosures", &own.spoken_disclosures, &translated.spoken_disclosures),
    ]
    .map(|(field, own, translated)| (field, own.clone(), translated.clone()));
    [
        ("summary", summary(own), summary(translated)),
        ("figure", figure(own), figure(translated)),
        claims,
        short,
        terms,
        disclosures,
        spoken,
    ]
}

/// Returns whether two texts have the same numbers, in any order. A translation may use the comma for the point and the
/// reverse.
fn has_same_numbers(own: &str, translated: &str) -> bool {
    let sorted = |mut numbers: Vec<String>| {
        numbers.sort_unstable();
        numbers
    };
    let swap = |number: &str| -> String {
        let swapped = |c| match c {
            '.' => ',',
            ',' => '.',
            _ => c,
        };
        number.chars().map(swapped).collect()
    };
    let own = numbers(own);
    let translated = sorted(numbers(translated).into_iter().map(str::to_owned).collect());
    sorted(own.iter().map(|number| (*number).to_owned()).collect()) == translated
        || sorted(own.iter().map(|number| swap(number)).collect()) == translated
}
