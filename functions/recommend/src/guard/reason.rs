//! Compares a passage about one product with the catalog's descriptions of all products.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalogue::{Catalogue, Product};

use super::mask::TextPart;
use super::normal::{self, APPROVED};

/// Words that say nothing about a product.
const COMMON: &[&str] = &[
    "a", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could", "day", "each", "every",
    "for", "from", "get", "give", "good", "has", "have", "help", "how", "idea", "if", "in", "into", "is", "it", "its",
    "keep", "know", "let", "life", "like", "little", "lets", "look", "made", "make", "may", "might", "more", "need",
    "new", "not", "of", "on", "one", "or", "other", "our", "out", "plan", "small", "so", "some", "take", "that", "the",
    "them", "then", "there", "they", "thing", "this", "time", "to", "too", "up", "use", "want", "way", "we", "well",
    "what", "when", "which", "while", "who", "will", "with", "without", "work", "you", "your",
];
/// A reason belongs to another product if at least this many of its words appear only in that product's description,
/// and more than appear in the description of its own product.
const MIN_FOREIGN: usize = 2;

/// The words of a catalog by product.
pub(super) struct CatalogueWords<'a> {
    products: Vec<(&'a Product, BTreeSet<String>)>,
    /// The number of products whose descriptions contain a word.
    frequency: BTreeMap<String, usize>,
}

impl<'a> CatalogueWords<'a> {
    pub(super) fn new(catalogue: &'a Catalogue) -> Self {
        let products: Vec<_> = catalogue.products().iter().map(|product| (product, words_about(product))).collect();
        let mut frequency = BTreeMap::new();
        for word in products.iter().flat_map(|(_, words)| words) {
            *frequency.entry(word.clone()).or_default() += 1;
        }
        Self { products, frequency }
    }

    /// Returns a violation if a passage about one product shares no word with its description, or fits another product
    /// better.
    pub(super) fn check(&self, part: &TextPart, product: &Product) -> Vec<String> {
        let said = words(&part.without_approved().replace(APPROVED, " "));
        let shared = self.products.iter().find(|(other, _)| other.id == product.id);
        let shared = shared.map_or(0, |(_, own)| said.intersection(own).count());
        if said.is_empty() {
            return Vec::new();
        }
        if shared == 0 {
            return vec![format!("shares no word with the catalog's description of {}", product.id)];
        }
        let others = self.products.iter().filter(|(other, _)| other.id != product.id);
        let wrong = others.map(|(other, words)| {
            (said.intersection(words).filter(|word| self.frequency.get(*word) == Some(&1)).count(), other)
        });
        let wrong = wrong.filter(|(count, _)| *count >= MIN_FOREIGN && *count > shared);
        let wrong = wrong.max_by_key(|(count, _)| *count);
        wrong.map(|(_, other)| format!("fits {} better", other.id)).into_iter().collect()
    }
}

/// Returns the words of everything that the catalog says about a product.
fn words_about(product: &Product) -> BTreeSet<String> {
    let needs = product.needs.iter().map(|need| need.words());
    let spending = product.spending.iter().map(|category| category.words());
    let texts = [product.name.as_str(), product.summary.as_str()].into_iter();
    let claims = product.approved_claims.iter().map(String::as_str);
    texts.chain(claims).chain(needs).chain(spending).flat_map(words).collect()
}

fn words(text: &str) -> BTreeSet<String> {
    let stem = |word: String| {
        ["ing", "es", "s"]
            .into_iter()
            .find_map(|end| word.strip_suffix(end).filter(|stem| stem.len() > 2).map(str::to_owned))
            .unwrap_or(word.clone())
    };
    let words = normal::words(&normal::fold(text)).into_iter();
    words.filter(|word| word.len() > 1 && !COMMON.contains(&word.as_str())).map(stem).collect()
}
