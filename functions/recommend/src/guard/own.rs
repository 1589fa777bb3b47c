//! The catalog's own words about a product. A writer may use them for that product.

use contracts::catalogue::Product;

use super::normal;

/// A single word from an approved claim counts as the catalog's own only if it is part of this many consecutive words
/// from the claim. Alone, a word such as `free` could promise more than the claim does. A phrase of several words
/// counts if the claim contains it.
const CLAIM_RUN: usize = 3;

/// The words in the catalog's descriptions of products.
#[derive(Default)]
pub(super) struct OwnTerms {
    /// The words in names and summaries. A writer may use each of these words alone.
    texts: Vec<Vec<String>>,
    claims: Vec<Vec<String>>,
}

impl OwnTerms {
    pub(super) fn of<'a>(products: impl IntoIterator<Item = &'a Product>) -> Self {
        let mut terms = Self::default();
        for product in products {
            terms.texts.extend([&product.name, &product.summary].map(|text| stems(text)));
            terms.claims.extend(product.approved_claims.iter().map(|claim| stems(claim)));
        }
        terms
    }

    /// Returns the words of everything that the catalog says about a product. Each word counts as the catalog's own,
    /// even alone.
    pub(super) fn of_all_texts(product: &Product) -> Self {
        let lists = [&product.approved_claims, &product.rates_and_terms, &product.disclosures];
        let texts = [&product.name, &product.summary].into_iter().chain(lists.into_iter().flatten());
        Self { texts: texts.map(|text| stems(text)).collect(), claims: Vec::new() }
    }

    /// Returns whether an approved claim contains the word.
    pub(super) fn claims_have(&self, word: &str) -> bool {
        let word = stem(word);
        self.claims.iter().flatten().any(|other| other == word)
    }

    /// Returns whether the `length` words from position `at` are the catalog's own (see [`CLAIM_RUN`]).
    pub(super) fn cover(&self, words: &[String], at: usize, length: usize) -> bool {
        let stems: Vec<&str> = words.iter().map(|word| stem(word)).collect();
        let has = |texts: &[Vec<String>], run: &[&str]| {
            texts.iter().any(|text| text.windows(run.len()).any(|window| window.iter().zip(run).all(|(a, b)| a == b)))
        };
        let matched = &stems[at..at + length];
        if has(&self.texts, matched) || length > 1 && has(&self.claims, matched) {
            return true;
        }
        let first = (at + length).saturating_sub(CLAIM_RUN);
        (first..=at).any(|start| stems.get(start..start + CLAIM_RUN).is_some_and(|run| has(&self.claims, run)))
    }
}

fn stems(text: &str) -> Vec<String> {
    normal::words(&normal::fold(text)).iter().map(|word| stem(word).to_owned()).collect()
}

/// Returns a word without its plural or `-ing` ending.
fn stem(word: &str) -> &str {
    let strip = |word: &'_ str, ending: &str| word.strip_suffix(ending).filter(|stem| stem.len() > 2).map(str::len);
    let word = strip(word, "s").map_or(word, |length| &word[..length]);
    strip(word, "ing").map_or(word, |length| &word[..length])
}
