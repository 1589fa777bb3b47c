//! The bank's approved products. Names, rates, terms and disclosures are spoken and shown exactly as they stand here.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::facts::{Band, Need, SpendingCategory, Tenure, Topic};
use crate::{Digest, ErrorName, NamedError, ProductId};

/// One of the five lines of business that a request may choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// The default.
    #[serde(rename = "Consumer and Small Business Banking")]
    ConsumerAndSmallBusiness,
    /// Loans and cards for persons.
    #[serde(rename = "Consumer Lending")]
    ConsumerLending,
    /// For companies that raise capital.
    #[serde(rename = "Corporate and Investment Banking")]
    CorporateAndInvestment,
    /// Advice, investing, retirement.
    #[serde(rename = "Wealth and Investment Management")]
    Wealth,
    /// For companies with employees.
    #[serde(rename = "Commercial Banking")]
    Commercial,
}

impl Category {
    /// All five.
    pub const ALL: [Self; 5] = [
        Self::ConsumerAndSmallBusiness,
        Self::ConsumerLending,
        Self::CorporateAndInvestment,
        Self::Wealth,
        Self::Commercial,
    ];

    /// The category's full name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConsumerAndSmallBusiness => "Consumer and Small Business Banking",
            Self::ConsumerLending => "Consumer Lending",
            Self::CorporateAndInvestment => "Corporate and Investment Banking",
            Self::Wealth => "Wealth and Investment Management",
            Self::Commercial => "Commercial Banking",
        }
    }

    /// Finds a category by its name, whatever the case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name().eq_ignore_ascii_case(name.trim()))
    }
}

/// What a product is in law; decides which rules and disclosures apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An insured deposit (Reg DD): "Member FDIC".
    Deposit,
    /// A credit card (Reg Z).
    CreditCard,
    /// Another credit (Reg Z).
    Loan,
    /// Credit secured by a home: "Equal Housing Lender".
    Mortgage,
    /// Not a deposit, not insured, may lose value.
    Investment,
    /// A service that is neither deposit nor credit.
    Service,
}

/// Who may be offered the product. Every condition must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Eligibility {
    /// The lowest income band.
    pub min_income: Option<Band>,
    /// The highest income band, for what is made for those who begin.
    pub max_income: Option<Band>,
    /// The lowest band of account balance.
    pub min_balance: Option<Band>,
    /// Only for customers who show business payments.
    pub business: bool,
    /// Products one of which the customer must hold, if any is named.
    pub holds_any: Vec<ProductId>,
    /// Products none of which the customer may hold, beside the product itself.
    pub holds_none: Vec<ProductId>,
    /// The shortest time for which the customer has been one.
    pub min_tenure: Option<Tenure>,
}

/// An approved product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name as customers see it.
    pub name: String,
    /// Its line of business.
    pub category: Category,
    /// What it is in law.
    pub kind: Kind,
    /// One sentence on what it is; approved to be spoken.
    pub summary: String,
    /// Sentences approved to be spoken as they stand.
    pub approved_claims: Vec<String>,
    /// Whole blocks of rates and terms; shown as they stand or not at all.
    #[serde(default)]
    pub rates_and_terms: Vec<String>,
    /// Lines that must be shown whenever the product is offered.
    pub disclosures: Vec<String>,
    /// Disclosures that must also be spoken.
    #[serde(default)]
    pub spoken_disclosures: Vec<String>,
    /// Who may be offered it.
    #[serde(default)]
    pub eligibility: Eligibility,
    /// Needs it serves, the most important first.
    pub needs: Vec<Need>,
    /// Spending that speaks for it.
    #[serde(default)]
    pub spending: Vec<SpendingCategory>,
    /// Topics of posts that speak for it when the customer is positive about them, and against it when negative.
    #[serde(default)]
    pub topics: Vec<Topic>,
    /// The first day on which it may be offered, as `2026-11-02`; since ever if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Date>,
    /// The last day on which it may be offered; until the catalogue says otherwise if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Date>,
}

impl Product {
    /// Whether it may be offered on `day`.
    #[must_use]
    pub fn is_valid_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|first| first <= day) && self.valid_until.is_none_or(|last| day <= last)
    }
}

/// The approved product catalogue, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    file: CatalogueFile,
    digest: Digest,
}

/// A bank's approved products: `catalogue.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    /// Where an editor finds the schema; not read.
    #[serde(default, rename = "$schema", skip_serializing)]
    schema: Option<String>,
    /// The bank's name.
    bank: String,
    /// The catalogue's version, as its owners number it.
    version: String,
    /// The products.
    products: Vec<Product>,
}

/// What is wrong with a catalogue at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The product's id, or its place if it has none; nothing if it concerns the whole.
    pub product: Option<String>,
    /// The field, as a path within the product or the whole; empty if it concerns all of it.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(product) = &self.product {
            write!(f, "product {product}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.reason)
    }
}

/// Why a catalogue cannot be used.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// Not JSON.
    #[error("catalogue.json: {0}")]
    Json(#[from] serde_json::Error),
    /// Rules are broken: all of them.
    #[error("catalogue.json: {}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "))]
    Problems(Vec<Problem>),
}

impl NamedError for CatalogueError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }

    fn help(&self) -> Option<String> {
        Some("data/catalogue.schema.json describes every field; bespoke catalogue check lists what is wrong".to_owned())
    }
}

impl Catalogue {
    /// Reads and checks a catalogue. Tells all that is wrong with it, each by product and field.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let whole: Value = serde_json::from_slice(bytes)?;
        let mut problems = Vec::new();
        let file = read_file(whole, &mut problems);
        if problems.is_empty() {
            check(&file, &mut problems);
        }
        if !problems.is_empty() {
            return Err(CatalogueError::Problems(problems));
        }
        let digest = Digest::of_json(&file);
        Ok(Self { file, digest })
    }

    /// The bank's name.
    #[must_use]
    pub fn bank(&self) -> &str {
        &self.file.bank
    }

    /// The catalogue's version, as its owners number it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.file.version
    }

    /// All products, in the catalogue's order.
    #[must_use]
    pub fn products(&self) -> &[Product] {
        &self.file.products
    }

    /// The product with this id.
    #[must_use]
    pub fn product(&self, id: &ProductId) -> Option<&Product> {
        self.file.products.iter().find(|product| product.id == *id)
    }

    /// The digest of the content, whatever the file's layout.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// Reads the products one by one, so that what is wrong with each is told.
fn read_file(mut whole: Value, problems: &mut Vec<Problem>) -> CatalogueFile {
    let products = whole.get_mut("products").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    let mut read = Vec::new();
    for (place, product) in products.into_iter().enumerate() {
        let id = product.get("id").and_then(Value::as_str).map_or_else(|| format!("{}", place + 1), str::to_owned);
        match serde_path_to_error::deserialize(product) {
            Ok(product) => read.push(product),
            Err(error) => problems.push(unread(Some(id), &error)),
        }
    }
    match serde_path_to_error::deserialize(whole) {
        Ok(file) => CatalogueFile { products: read, ..file },
        Err(error) => {
            problems.push(unread(None, &error));
            CatalogueFile { schema: None, bank: String::new(), version: String::new(), products: read }
        }
    }
}

fn unread(product: Option<String>, error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = error.path().to_string();
    // A path of a dot is the product itself; the reason then names the field that is missing or unknown.
    let field = if path == "." { String::new() } else { path };
    Problem { product, field, reason: error.inner().to_string() }
}

/// Holds a catalogue to the rules that its types cannot.
fn check(file: &CatalogueFile, problems: &mut Vec<Problem>) {
    let mut whole = |field: &str, reason: &str| {
        problems.push(Problem { product: None, field: field.to_owned(), reason: reason.to_owned() });
    };
    for (field, text) in [("bank", &file.bank), ("version", &file.version)] {
        if text.trim().is_empty() {
            whole(field, "must not be empty");
        }
    }
    if file.products.is_empty() {
        whole("products", "there is no product");
    }
    let all: BTreeSet<&ProductId> = file.products.iter().map(|product| &product.id).collect();
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for product in &file.products {
        let mut fail = |field: &str, reason: String| {
            let (product, field) = (Some(product.id.to_string()), field.to_owned());
            problems.push(Problem { product, field, reason });
        };
        if !ids.insert(&product.id) {
            fail("id", "stands twice".to_owned());
        }
        if !names.insert(product.name.trim().to_lowercase()) {
            fail("name", "another product has the same".to_owned());
        }
        check_texts(product, &mut fail);
        check_rules(product, &all, &mut fail);
    }
}

fn check_texts(product: &Product, fail: &mut impl FnMut(&str, String)) {
    let one = std::slice::from_ref;
    let texts: [(&str, &[String]); 6] = [
        ("name", one(&product.name)),
        ("summary", one(&product.summary)),
        ("approved_claims", &product.approved_claims),
        ("rates_and_terms", &product.rates_and_terms),
        ("disclosures", &product.disclosures),
        ("spoken_disclosures", &product.spoken_disclosures),
    ];
    for (field, lines) in texts {
        if lines.iter().any(|line| line.trim().is_empty()) {
            fail(field, "must not be empty".to_owned());
        }
        if lines.iter().any(|line| line.contains(char::is_control)) {
            fail(field, "must be plain text, without line breaks or other control characters".to_owned());
        }
        if lines.iter().any(|line| line.contains("{{")) {
            fail(field, "must not hold {{, which marks a place that code fills".to_owned());
        }
    }
    let disclosed = |line: &str| product.disclosures.iter().any(|disclosure| disclosure.contains(line));
    match product.kind {
        Kind::Deposit if !disclosed("Member FDIC") => {
            fail("disclosures", "a deposit must disclose \"Member FDIC\"".to_owned());
        }
        Kind::Mortgage if !disclosed("Equal Housing Lender") => {
            fail("disclosures", "a mortgage must disclose \"Equal Housing Lender\"".to_owned());
        }
        Kind::Investment if disclosed("Member FDIC") => {
            fail("disclosures", "an investment must not say \"Member FDIC\"".to_owned());
        }
        Kind::Deposit | Kind::Mortgage | Kind::Investment | Kind::CreditCard | Kind::Loan | Kind::Service => {}
    }
}

fn check_rules(product: &Product, all: &BTreeSet<&ProductId>, fail: &mut impl FnMut(&str, String)) {
    if product.needs.is_empty() {
        fail("needs", "must name one at least".to_owned());
    }
    let Eligibility { holds_any, holds_none, .. } = &product.eligibility;
    for (field, named) in [("eligibility.holds_any", holds_any), ("eligibility.holds_none", holds_none)] {
        for unknown in named.iter().filter(|id| !all.contains(id)) {
            fail(field, format!("{unknown} is no product"));
        }
    }
    if let (Some(least), Some(most)) = (product.eligibility.min_income, product.eligibility.max_income)
        && most < least
    {
        fail("eligibility.max_income", "is below min_income".to_owned());
    }
    if holds_any.contains(&product.id) {
        fail("eligibility.holds_any", "names the product itself, which is never offered to who holds it".to_owned());
    }
    if let Some(both) = holds_any.iter().find(|id| holds_none.contains(id)) {
        fail("eligibility.holds_any", format!("{both} stands in holds_none too"));
    }
    if let (Some(first), Some(last)) = (product.valid_from, product.valid_until)
        && last < first
    {
        fail("valid_until", format!("{last} is before valid_from, {first}"));
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const SAMPLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/catalogue.json"));

    fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut whole: Value = serde_json::from_str(SAMPLE).unwrap();
        change(&mut whole);
        match Catalogue::from_json(whole.to_string().as_bytes()).unwrap_err() {
            CatalogueError::Problems(problems) => problems.iter().map(Problem::to_string).collect(),
            CatalogueError::Json(error) => panic!("{error}"),
        }
    }

    type Change = fn(&mut Value);

    #[test]
    fn all_that_is_wrong_is_told_at_once_by_product_and_field() {
        let said = problems(|whole| {
            whole["products"][0]["kind"] = "bond".into();
            whole["products"][1]["eligibility"] = serde_json::json!({ "min_income": "rich" });
            whole["products"][2].as_object_mut().unwrap().remove("summary");
            whole["products"][3]["colour"] = "blue".into();
            whole["version"] = 3.into();
        });
        let expected = [
            "product everyday-checking: kind: unknown variant `bond`",
            "product high-yield-savings: eligibility.min_income: unknown variant `rich`",
            "product certificate-of-deposit: missing field `summary`",
            "product business-checking: colour: unknown field `colour`",
            "version: invalid type: integer `3`, expected a string",
        ];
        assert_eq!(said.len(), expected.len(), "{said:?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn every_rule_is_told_by_product_and_field() {
        let rules: [(Change, &str); 11] = [
            (|p| p["id"] = "high-yield-savings".into(), "product high-yield-savings: id: stands twice"),
            (|p| p["name"] = "meridian high-yield savings".into(), "product high-yield-savings: name: another product"),
            (|p| p["summary"] = " ".into(), "product everyday-checking: summary: must not be empty"),
            (|p| p["approved_claims"][0] = "a\nb".into(), "product everyday-checking: approved_claims: must be plain"),
            (|p| p["disclosures"] = serde_json::json!([]), "product everyday-checking: disclosures: a deposit must"),
            (|p| p["kind"] = "mortgage".into(), "product everyday-checking: disclosures: a mortgage must"),
            (|p| p["kind"] = "investment".into(), "product everyday-checking: disclosures: an investment must not"),
            (|p| p["needs"] = serde_json::json!([]), "product everyday-checking: needs: must name one"),
            (
                |p| p["eligibility"]["holds_any"] = serde_json::json!(["gone"]),
                "product everyday-checking: eligibility.holds_any: gone is no product",
            ),
            (
                |p| p["eligibility"]["holds_any"] = serde_json::json!(["private-banking"]),
                "product everyday-checking: eligibility.holds_any: private-banking stands in holds_none too",
            ),
            (
                |p| (p["valid_from"], p["valid_until"]) = ("2026-11-02".into(), "2026-11-01".into()),
                "product everyday-checking: valid_until: 2026-11-01 is before valid_from, 2026-11-02",
            ),
        ];
        for (change, expected) in rules {
            let said = problems(|whole| change(&mut whole["products"][0]));
            assert!(said.iter().any(|said| said.starts_with(expected)), "{expected}: {said:?}");
        }
        assert_eq!(problems(|whole| whole["products"] = Value::Array(Vec::new())), ["products: there is no product"]);
    }

    #[test]
    fn what_is_no_json_is_told_by_line() {
        let error = Catalogue::from_json(b"{\n  nonsense").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn a_product_is_offered_from_its_first_day_to_its_last() {
        let mut product = Catalogue::from_json(SAMPLE.as_bytes()).unwrap().products()[0].clone();
        assert!(product.is_valid_on(date(1999, 1, 1)));
        (product.valid_from, product.valid_until) = (Some(date(2026, 11, 2)), Some(date(2026, 11, 30)));
        let days = [date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 30), date(2026, 12, 1)];
        assert_eq!(days.map(|day| product.is_valid_on(day)), [false, true, true, false]);
    }

    /// The names that serde expects where `bogus` stands: it lists them in its message.
    fn expected(change: impl FnOnce(&mut Value)) -> BTreeSet<String> {
        let said = problems(change).remove(0);
        let (_, list) = said.split_once("expected").unwrap();
        list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_committed_schema_knows_the_fields_and_values_that_the_types_know() {
        let schema: Value = serde_json::from_str(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../data/catalogue.schema.json"
        )))
        .unwrap();
        let fields = |at: &Value| at["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        let values = |name: &str| {
            let all = schema["$defs"][name]["enum"].as_array().unwrap().iter();
            all.map(|value| value.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
        };
        let product = &schema["$defs"]["product"];
        assert_eq!(fields(&schema), expected(|whole| whole["bogus"] = 1.into()));
        assert_eq!(fields(product), expected(|whole| whole["products"][0]["bogus"] = 1.into()));
        assert_eq!(
            fields(&schema["$defs"]["eligibility"]),
            expected(|whole| whole["products"][0]["eligibility"]["bogus"] = 1.into())
        );
        let lists: [(&str, Change); 7] = [
            ("category", |p| p["category"] = "bogus".into()),
            ("kind", |p| p["kind"] = "bogus".into()),
            ("need", |p| p["needs"][0] = "bogus".into()),
            ("spending", |p| p["spending"] = serde_json::json!(["bogus"])),
            ("topic", |p| p["topics"] = serde_json::json!(["bogus"])),
            ("band", |p| p["eligibility"]["min_income"] = "bogus".into()),
            ("tenure", |p| p["eligibility"]["min_tenure"] = "bogus".into()),
        ];
        for (name, bogus) in lists {
            assert_eq!(values(name), expected(|whole| bogus(&mut whole["products"][0])), "{name}");
        }
        for required in product["required"].as_array().unwrap() {
            let name = required.as_str().unwrap();
            let said = problems(|whole| {
                whole["products"][0].as_object_mut().unwrap().remove(name);
            });
            assert!(said[0].contains(&format!("missing field `{name}`")), "{said:?}");
        }
    }
}
