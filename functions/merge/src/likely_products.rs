//! Guesses which products the unrecognized entries in `products_held` refer to. Such products are not offered.

use std::collections::{BTreeMap, BTreeSet};

use contracts::ProductId;
use contracts::catalogue::{Catalogue, Product, ProductKind};
use contracts::facts::plain_words;

use crate::sheet::plain_name;

/// The characters that separate the entries of a cell.
const SEPARATORS: [char; 4] = [';', ',', '|', '\n'];

/// The products in a cell of `products_held`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HeldProducts {
    /// The products that the cell lists by id or by name, sorted.
    pub named: Vec<ProductId>,
    /// The products that the other entries probably refer to, sorted.
    pub likely: Vec<ProductId>,
    /// The entries that match no product's id or name.
    pub unknown: Vec<String>,
}

/// Reads a cell that lists products.
pub fn held_products(catalogue: &Catalogue, cell: &str) -> HeldProducts {
    let mut held = HeldProducts::default();
    let mut named = BTreeSet::new();
    for entry in cell.split(SEPARATORS).filter(|entry| entry.chars().any(char::is_alphanumeric)) {
        let plain = plain_name(entry);
        let is_named = |text: &str| plain_name(text) == plain;
        match catalogue.products().iter().find(|product| is_named(product.id.as_str()) || is_named(&product.name)) {
            Some(product) => drop(named.insert(product.id.clone())),
            None => held.unknown.push(entry.trim().to_owned()),
        }
    }
    held.named = named.into_iter().collect();
    if !held.unknown.is_empty() {
        held.likely = likely(catalogue, &held.unknown);
    }
    held
}

/// Returns the products that the entries probably refer to. For each entry, these are the products that share the most
/// words with it, whose name it contains in full, or whose initials it consists of.
fn likely(catalogue: &Catalogue, entries: &[String]) -> Vec<ProductId> {
    let products: Vec<(&Product, BTreeSet<String>)> =
        catalogue.products().iter().map(|product| (product, product_words(product))).collect();
    let mut used = BTreeMap::<&str, usize>::new();
    for word in products.iter().flat_map(|(_, words)| words) {
        *used.entry(word).or_default() += 1;
    }
    // A word that most products share, such as the bank's own name, does not tell them apart.
    let is_common = |word: &str| used.get(word).is_some_and(|count| count * 2 > products.len());
    let mut held = BTreeSet::new();
    for entry in entries {
        let words: BTreeSet<String> = plain_words(entry).into_iter().flat_map(|word| synonyms(&word)).collect();
        let shared = |of: &BTreeSet<String>| {
            words.iter().filter(|word| !is_common(word) && of.iter().any(|other| is_like(word, other))).count()
        };
        let names_all = |product: &Product| {
            let own = plain_words(&product.name);
            let mut own = own.iter().filter(|word| !is_common(word)).peekable();
            own.peek().is_some() && own.all(|word| words.iter().any(|other| is_like(word, other)))
        };
        let most = products.iter().map(|(_, words)| shared(words)).max().unwrap_or(0);
        let is_likely = |(product, words): &&(&Product, BTreeSet<String>)| {
            (most > 0 && shared(words) == most) || names_all(product) || abbreviates(entry, &product.name, is_common)
        };
        held.extend(products.iter().filter(is_likely).map(|(product, _)| product.id.clone()));
    }
    held.into_iter().collect()
}

fn product_words(product: &Product) -> BTreeSet<String> {
    let kind = match product.kind {
        ProductKind::CreditCard => "credit card",
        ProductKind::Loan => "loan",
        ProductKind::Mortgage => "mortgage",
        ProductKind::Investment => "investment",
        ProductKind::Deposit | ProductKind::Service => "",
    };
    plain_words(&format!("{} {} {kind}", product.name, product.id)).into_iter().collect()
}

/// Returns the words that a catalog uses for a bank's word, such as `credit` and `card` for `visa`. Returns other words
/// unchanged.
fn synonyms(word: &str) -> Vec<String> {
    let words: &[&str] = match word {
        "visa" | "mastercard" | "amex" | "cc" | "tarjeta" => &["credit", "card"],
        "cd" | "plazo" => &["certificate", "deposit"],
        "heloc" => &["home", "equity", "line"],
        "chequing" | "chk" | "ckg" | "current" | "dda" | "corriente" => &["checking"],
        "sav" | "saver" | "saving" | "ahorro" | "ahorros" => &["savings"],
        "cashback" => &["cash", "back"],
        "hipoteca" | "mtg" => &["mortgage"],
        "prestamo" | "préstamo" => &["loan"],
        "car" | "vehicle" | "coche" => &["auto"],
        "house" => &["home"],
        "inversion" | "inversión" | "brokerage" => &["investment"],
        "trip" | "viaje" => &["travel"],
        other => &[other],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Returns whether two words are the same, one of them is the start of the other and has at least four letters, or they
/// differ by a typo. Words of nine or more letters may have two typos.
fn is_like(a: &str, b: &str) -> bool {
    let shorter = a.chars().count().min(b.chars().count());
    let abbreviates = shorter >= 4 && (a.starts_with(b) || b.starts_with(a));
    let typos = if shorter >= 9 { 2 } else { usize::from(shorter >= 5) };
    a == b || abbreviates || (typos > 0 && strsim::osa_distance(a, b) <= typos)
}

/// Returns whether the entry consists of the initials of the name's words, such as `HYS` for `High-Yield Savings`.
fn abbreviates(entry: &str, name: &str, is_common: impl Fn(&str) -> bool) -> bool {
    let words = plain_words(name);
    let initials: String =
        words.iter().filter(|word| !is_common(word)).filter_map(|word| word.chars().next()).collect();
    initials.chars().count() >= 2 && plain_name(entry) == initials
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unrecognized_products_are_guessed() {
        let json = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/catalogue.json"));
        let catalogue = Catalogue::from_json(json).unwrap();
        let guess = |cell: &str| {
            let ids = held_products(&catalogue, cell).likely;
            ids.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(guess("Cashback Visa"), ["cash-back-card"]);
        assert_eq!(guess("Cashbak Card"), ["cash-back-card"]);
        for savings in ["Savings Plus", "High Yeild Savngs", "HYS", "Ahorros"] {
            assert!(guess(savings).contains(&"high-yield-savings".to_owned()), "{savings}: {:?}", guess(savings));
        }
        assert_eq!(guess("everyday-checking; Zeppelin"), Vec::<String>::new());
        assert_eq!(held_products(&catalogue, "everyday-checking; Zeppelin; -").unknown, ["Zeppelin"]);
    }
}
