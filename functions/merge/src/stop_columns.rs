//! Reads the stop columns: profile columns that can only stop offers or messages. Also guesses which products the
//! unrecognized entries in `products_held` refer to. Only the resulting stops and product ids are kept, never a cell.

use std::collections::{BTreeMap, BTreeSet};

use contracts::ProductId;
use contracts::catalogue::{Catalogue, Product, ProductKind};
use contracts::facts::{Stop, plain_words};
use jiff::civil::Date;

use crate::sheet::{SourceColumn, optional, plain_name};
use crate::value::Cell;

/// The age below which a customer is a minor, in years.
const ADULT_AGE: i16 = 18;

/// The number of [`COLUMNS`].
pub const COUNT: usize = 19;

/// The stop columns.
pub const COLUMNS: [SourceColumn; COUNT] = [
    optional("deceased"),
    optional("status"),
    optional("customer_status"),
    optional("account_status"),
    optional("date_of_birth"),
    optional("dob"),
    optional("age"),
    optional("minor"),
    optional("collections"),
    optional("in_collections"),
    optional("vulnerable"),
    optional("vulnerable_customer"),
    optional("open_complaint"),
    optional("open_application"),
    optional("fraud_case"),
    optional("do_not_contact"),
    optional("do_not_market"),
    optional("opt_out"),
    optional("bankruptcy"),
];

/// Status words, each with the stop that it triggers.
const STATUS_WORDS: [(&str, Stop); 25] = [
    ("deceased", Stop::Deceased),
    ("dead", Stop::Deceased),
    ("died", Stop::Deceased),
    ("estate", Stop::Deceased),
    ("fallecid", Stop::Deceased),
    ("difunt", Stop::Deceased),
    ("minor", Stop::Minor),
    ("closed", Stop::Closed),
    ("closing", Stop::Closed),
    ("terminated", Stop::Closed),
    ("cerrad", Stop::Closed),
    ("collection", Stop::Collections),
    ("charged", Stop::Collections),
    ("chargeoff", Stop::Collections),
    ("delinquent", Stop::Collections),
    ("default", Stop::Collections),
    ("bankrupt", Stop::Collections),
    ("foreclos", Stop::Collections),
    ("vulnerable", Stop::Vulnerable),
    ("fraud", Stop::FraudCase),
    ("frozen", Stop::FraudCase),
    ("blocked", Stop::FraudCase),
    ("suspended", Stop::FraudCase),
    ("complaint", Stop::OpenComplaint),
    ("dispute", Stop::OpenComplaint),
];

/// Cells that say no.
const NO: [&str; 17] = [
    "", "no", "n", "false", "f", "0", "none", "na", "n/a", "nil", "null", "never", "off", "resolved", "negative", "-",
    "—",
];

/// Returns the stops in a profile row, sorted. `cells` are the cells of [`COLUMNS`].
pub fn stops(cells: &[Cell<'_>], epoch_1904: bool, read_on: Date) -> Vec<Stop> {
    let mut stops = BTreeSet::new();
    for (index, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_blank()) {
        // A cell that cannot be read triggers the stop, because staying silent is the safer mistake.
        let text = cell.text().unwrap_or_else(|_| "unreadable".to_owned()).trim().to_lowercase();
        let flag = match index {
            0 => Stop::Deceased,
            1..=3 => {
                let words = plain_words(&text);
                let named = STATUS_WORDS.iter().filter(|(stem, _)| words.iter().any(|word| word.starts_with(stem)));
                stops.extend(named.map(|(_, stop)| *stop));
                continue;
            }
            4 | 5 => {
                let is_minor = |born: Date| born.saturating_add(jiff::Span::new().years(ADULT_AGE)) > read_on;
                if cell.date(epoch_1904).is_ok_and(is_minor) {
                    stops.insert(Stop::Minor);
                }
                continue;
            }
            6 => {
                if cell.amount().is_ok_and(|age| (0..i64::from(ADULT_AGE) * 100).contains(&age.0)) {
                    stops.insert(Stop::Minor);
                }
                continue;
            }
            7 => Stop::Minor,
            8 | 9 | 18 => Stop::Collections,
            10 | 11 => Stop::Vulnerable,
            12 => Stop::OpenComplaint,
            13 => Stop::OpenApplication,
            14 => Stop::FraudCase,
            _ => Stop::DoNotContact,
        };
        if !NO.contains(&text.as_str()) {
            stops.insert(flag);
        }
    }
    stops.into_iter().collect()
}

/// Returns the products that the unrecognized entries in a `products_held` cell probably refer to: for each entry, the
/// products that share the most words with it.
pub fn probably_held(catalogue: &Catalogue, cell: &str) -> Vec<ProductId> {
    let products: Vec<(&Product, BTreeSet<String>)> =
        catalogue.products().iter().map(|product| (product, product_words(product))).collect();
    let mut used = BTreeMap::<&str, usize>::new();
    for word in products.iter().flat_map(|(_, words)| words) {
        *used.entry(word).or_default() += 1;
    }
    // The bank's own name is in every product name, so it does not help to tell them apart.
    let is_common = |word: &str| used.get(word).is_some_and(|count| count * 2 > products.len());
    let is_known = |entry: &str| {
        let named = plain_name(entry);
        products
            .iter()
            .any(|(product, _)| plain_name(product.id.as_str()) == named || plain_name(&product.name) == named)
    };
    let mut held = BTreeSet::new();
    for entry in cell.split([';', ',', '|']).filter(|entry| !is_known(entry)) {
        let words: BTreeSet<String> = plain_words(entry).into_iter().flat_map(|word| synonyms(&word)).collect();
        let shared = |of: &BTreeSet<String>| {
            words.iter().filter(|word| !is_common(word) && of.iter().any(|other| is_like(word, other))).count()
        };
        let most = products.iter().map(|(_, words)| shared(words)).max().unwrap_or(0);
        if most > 0 {
            let likely = products.iter().filter(|(_, words)| shared(words) == most);
            held.extend(likely.map(|(product, _)| product.id.clone()));
        }
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

/// Returns the words that a bank may use in place of `word`.
fn synonyms(word: &str) -> Vec<String> {
    let words: &[&str] = match word {
        "visa" | "mastercard" | "amex" | "cc" => &["credit", "card"],
        "cd" => &["certificate", "deposit"],
        "heloc" => &["home", "equity", "line"],
        "chequing" | "chk" | "current" => &["checking"],
        "sav" | "saver" => &["savings"],
        "cashback" => &["cash", "back"],
        other => &[other],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Returns whether two words are the same, or one abbreviates the other by at least four letters.
fn is_like(a: &str, b: &str) -> bool {
    a == b || (a.len().min(b.len()) >= 4 && (a.starts_with(b) || b.starts_with(a)))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use jiff::civil::date;

    use super::*;

    fn catalogue() -> Catalogue {
        let json = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/catalogue.json"));
        Catalogue::from_json(json).unwrap()
    }

    fn stops_of(column: &str, value: &'static str) -> Vec<Stop> {
        let mut cells = vec![Cell::Empty; COUNT];
        let index = COLUMNS.iter().position(|other| other.name == column).unwrap();
        cells[index] = Cell::Text(Cow::Borrowed(value));
        stops(&cells, false, date(2026, 10, 31))
    }

    #[test]
    fn cells_that_say_so_stop() {
        for (column, value, stop) in [
            ("deceased", "Y", Stop::Deceased),
            ("status", "Deceased", Stop::Deceased),
            ("account_status", "Account closed 2024", Stop::Closed),
            ("date_of_birth", "2010-05-01", Stop::Minor),
            ("age", "17", Stop::Minor),
            ("in_collections", "TRUE", Stop::Collections),
            ("vulnerable", "yes", Stop::Vulnerable),
            ("open_complaint", "1", Stop::OpenComplaint),
            ("open_application", "mortgage, pending", Stop::OpenApplication),
            ("fraud_case", "C-17", Stop::FraudCase),
            ("do_not_market", "Y", Stop::DoNotContact),
        ] {
            assert_eq!(stops_of(column, value), [stop], "{column}: {value}");
        }
        for (column, value) in
            [("deceased", "No"), ("status", "Active"), ("age", "18"), ("date_of_birth", "1980-01-01"), ("opt_out", "0")]
        {
            assert_eq!(stops_of(column, value), [], "{column}: {value}");
        }
    }

    #[test]
    fn unrecognized_products_are_guessed() {
        let guess = |cell: &str| {
            let ids = probably_held(&catalogue(), cell);
            ids.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(guess("Cashback Visa"), ["cash-back-card"]);
        assert!(guess("Savings Plus").contains(&"high-yield-savings".to_owned()));
        assert_eq!(guess("everyday-checking; Zeppelin"), Vec::<String>::new());
    }
}
