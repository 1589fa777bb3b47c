//! The catalog of approved products. Names, rates, terms and disclosures are spoken and shown verbatim.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::facts::{Band, Need, SpendingCategory, Tenure, Topic};
use crate::{Digest, ErrorName, NamedError, ProductId};

/// One of the five lines of business that a request can list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// The default.
    #[serde(rename = "Consumer and Small Business Banking")]
    ConsumerAndSmallBusiness,
    /// Loans and cards for individuals.
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
    /// All categories.
    pub const ALL: [Self; 5] = [
        Self::ConsumerAndSmallBusiness,
        Self::ConsumerLending,
        Self::CorporateAndInvestment,
        Self::Wealth,
        Self::Commercial,
    ];

    /// Returns the category's full name.
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

    /// Finds a category by its name, ignoring case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name().eq_ignore_ascii_case(name.trim()))
    }
}

/// The legal kind of a product. It determines which rules and disclosures apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProductKind {
    /// An insured deposit.
    Deposit,
    /// A credit card (Reg Z).
    CreditCard,
    /// Any other credit (Reg Z).
    Loan,
    /// Credit secured by a home.
    Mortgage,
    /// An investment: not a deposit, not insured, may lose value.
    Investment,
    /// A service that is neither deposit nor credit.
    Service,
}

impl ProductKind {
    /// Returns the drawing of products of this kind.
    #[must_use]
    pub const fn art(self) -> &'static str {
        match self {
            Self::Deposit => "account",
            Self::CreditCard => "card",
            Self::Loan => "loan",
            Self::Mortgage => "house",
            Self::Investment => "chart",
            Self::Service => "counter",
        }
    }
}

/// The conditions for an offer; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Eligibility {
    /// The minimum income band.
    pub min_income: Option<Band>,
    /// The maximum income band, for entry-level products.
    pub max_income: Option<Band>,
    /// The minimum balance band.
    pub min_balance: Option<Band>,
    /// Whether the product is only for customers with business payments.
    pub business: bool,
    /// The customer must hold at least one of these products, unless the list is empty.
    pub holds_any: Vec<ProductId>,
    /// Products that the customer must not hold. The product itself is ignored here.
    pub holds_none: Vec<ProductId>,
    /// The minimum time with the bank.
    pub min_tenure: Option<Tenure>,
}

/// A figure with the terms that must accompany it. The three strings appear together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The figure, such as `3.60%`.
    pub value: String,
    /// The name of the figure, such as `Annual Percentage Yield`.
    pub label: String,
    /// The terms that the figure requires.
    pub terms: String,
}

/// A product as a video shows it: its wording, its figure and its drawing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductPicture {
    /// The short name.
    pub customer_name: String,
    /// The reason for the product, in a few words.
    pub headline: String,
    /// The name of the drawing.
    pub art: String,
    /// The figure with its terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
    /// The approved claims as they are shown, in the catalog's order.
    pub claims: Vec<String>,
    /// The lines that must be shown with the product.
    pub disclosures: Vec<String>,
}

/// The maximum number of words in a headline.
const MAX_HEADLINE_WORDS: usize = 5;

/// An approved product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// The id.
    pub id: ProductId,
    /// The name that customers see.
    pub name: String,
    /// The line of business.
    pub category: Category,
    /// The legal kind.
    pub kind: ProductKind,
    /// The short name in the picture. Derived from `name` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// The reason for the product, in at most five words, for the picture. `customer_name` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headline: Option<String>,
    /// The drawing: the name of a file in the brand, without its extension. Derived from `kind` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub art: Option<String>,
    /// One figure with its required terms, for the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
    /// The address of the product's page, with `https://`. The brand's address if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// One sentence about the product, approved for speech.
    pub summary: String,
    /// Sentences approved for verbatim use in speech.
    pub approved_claims: Vec<String>,
    /// Shorter versions of the approved claims, for the picture: one for each claim, or none at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_claims: Vec<String>,
    /// Blocks of rates and terms. Each block is shown verbatim and in full, or not at all.
    #[serde(default)]
    pub rates_and_terms: Vec<String>,
    /// Lines that must be shown with every offer.
    pub disclosures: Vec<String>,
    /// Disclosures that must also be spoken.
    #[serde(default)]
    pub spoken_disclosures: Vec<String>,
    /// The conditions for an offer.
    #[serde(default)]
    pub eligibility: Eligibility,
    /// The needs that the product serves, most important first.
    pub needs: Vec<Need>,
    /// The spending categories that count in favor of the product.
    #[serde(default)]
    pub spending: Vec<SpendingCategory>,
    /// The topics of posts that affect the product's score. A positive post counts for the product, a negative one
    /// against it.
    #[serde(default)]
    pub topics: Vec<Topic>,
    /// The first day of the offer, as `2026-11-02`. `None` if there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Date>,
    /// The last day of the offer. `None` if there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Date>,
}

impl Product {
    /// Returns whether the product may be offered on `day`.
    #[must_use]
    pub fn is_valid_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|first| first <= day) && self.valid_until.is_none_or(|last| day <= last)
    }

    /// Returns the product as a video shows it. `bank` is the bank's name.
    #[must_use]
    pub fn picture(&self, bank: &str) -> ProductPicture {
        let customer_name = self.customer_name.clone().unwrap_or_else(|| self.name_without(bank).to_owned());
        let claims = if self.short_claims.is_empty() { &self.approved_claims } else { &self.short_claims };
        ProductPicture {
            headline: self.headline.clone().unwrap_or_else(|| customer_name.clone()),
            art: self.art.clone().unwrap_or_else(|| self.kind.art().to_owned()),
            figure: self.figure.clone(),
            claims: claims.clone(),
            disclosures: self.disclosures.clone(),
            customer_name,
        }
    }

    /// Returns the product's name without the first word of the bank's name.
    fn name_without(&self, bank: &str) -> &str {
        let first = bank.split_whitespace().next().unwrap_or_default();
        let rest = self.name.strip_prefix(first).and_then(|rest| rest.strip_prefix(' '));
        rest.filter(|rest| !rest.trim().is_empty()).unwrap_or(&self.name)
    }
}

/// A validated catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    file: CatalogueFile,
    digest: Digest,
}

/// The contents of `catalogue.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    /// The address of the schema, for editors only.
    #[serde(default, rename = "$schema", skip_serializing)]
    schema: Option<String>,
    /// The bank's name.
    bank: String,
    /// The catalog's version, as the bank numbers it.
    version: String,
    /// The person who wrote this version. Another person must approve it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    author: String,
    /// The products.
    products: Vec<Product>,
}

/// A problem in a catalog, with its location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogueProblem {
    /// The product's id, or its position if it has no id. `None` if the problem concerns the whole catalog.
    pub product: Option<String>,
    /// The path of the field within the product or the catalog. Empty if the problem concerns all of it.
    pub field: String,
    /// The problem.
    pub reason: String,
}

impl fmt::Display for CatalogueProblem {
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

/// An invalid catalog.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// The file is not JSON.
    #[error("catalogue.json: {0}")]
    Json(#[from] serde_json::Error),
    /// The catalog breaks one or more rules.
    #[error("catalogue.json: {}", .0.iter().map(CatalogueProblem::to_string).collect::<Vec<_>>().join("; "))]
    Problems(Vec<CatalogueProblem>),
}

impl NamedError for CatalogueError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }

    fn help(&self) -> Option<String> {
        Some(
            "data/catalogue.schema.json describes every field; list all problems with bespoke catalogue check"
                .to_owned(),
        )
    }
}

impl Catalogue {
    /// Parses and checks a catalog. Reports every problem with its product and field.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let json: Value = serde_json::from_slice(bytes)?;
        let mut problems = Vec::new();
        let file = read_file(json, &mut problems);
        if problems.is_empty() {
            check(&file, &mut problems);
        }
        if !problems.is_empty() {
            return Err(CatalogueError::Problems(problems));
        }
        let digest = Digest::of_json(&file);
        Ok(Self { file, digest })
    }

    /// Returns the bank's name.
    #[must_use]
    pub fn bank(&self) -> &str {
        &self.file.bank
    }

    /// Returns the person who wrote this version, or an empty string if the catalog does not name one.
    #[must_use]
    pub fn author(&self) -> &str {
        &self.file.author
    }

    /// Returns the catalog's version, as the bank numbers it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.file.version
    }

    /// Returns all products, in the catalog's order.
    #[must_use]
    pub fn products(&self) -> &[Product] {
        &self.file.products
    }

    /// Returns the product with this id.
    #[must_use]
    pub fn product(&self, id: &ProductId) -> Option<&Product> {
        self.file.products.iter().find(|product| product.id == *id)
    }

    /// Returns the content as JSON.
    ///
    /// # Panics
    /// Never: the fields serialize to JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(&self.file).expect("plain fields")
    }

    /// Returns the digest of the content, independent of the file's layout.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// Parses the products one by one, so the problems in each can be reported.
fn read_file(mut json: Value, problems: &mut Vec<CatalogueProblem>) -> CatalogueFile {
    let products = json.get_mut("products").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    let mut parsed = Vec::new();
    for (index, product) in products.into_iter().enumerate() {
        let id = product.get("id").and_then(Value::as_str).map_or_else(|| format!("{}", index + 1), str::to_owned);
        match serde_path_to_error::deserialize(product) {
            Ok(product) => parsed.push(product),
            Err(error) => problems.push(parse_problem(Some(id), &error)),
        }
    }
    match serde_path_to_error::deserialize(json) {
        Ok(file) => CatalogueFile { products: parsed, ..file },
        Err(error) => {
            problems.push(parse_problem(None, &error));
            let empty = String::new;
            CatalogueFile { schema: None, bank: empty(), version: empty(), author: empty(), products: parsed }
        }
    }
}

fn parse_problem(product: Option<String>, error: &serde_path_to_error::Error<serde_json::Error>) -> CatalogueProblem {
    let path = error.path().to_string();
    // The path `.` refers to the product itself. The reason then contains the name of the missing or unknown field.
    let field = if path == "." { String::new() } else { path };
    CatalogueProblem { product, field, reason: error.inner().to_string() }
}

/// Checks the rules that the types cannot express.
fn check(file: &CatalogueFile, problems: &mut Vec<CatalogueProblem>) {
    let mut whole = |field: &str, reason: &str| {
        problems.push(CatalogueProblem { product: None, field: field.to_owned(), reason: reason.to_owned() });
    };
    for (field, text) in [("bank", &file.bank), ("version", &file.version)] {
        if text.trim().is_empty() {
            whole(field, "must not be empty");
        }
    }
    if file.products.is_empty() {
        whole("products", "must name at least one product");
    }
    let all: BTreeSet<&ProductId> = file.products.iter().map(|product| &product.id).collect();
    let mut ids = BTreeSet::new();
    let mut names = BTreeSet::new();
    for product in &file.products {
        let mut fail = |field: &str, reason: String| {
            let product = Some(product.id.to_string());
            let field = field.to_owned();
            problems.push(CatalogueProblem { product, field, reason });
        };
        if !ids.insert(&product.id) {
            fail("id", "is used twice".to_owned());
        }
        if !names.insert(product.name.trim().to_lowercase()) {
            fail("name", "another product has the same name".to_owned());
        }
        let is_web = |address: &String| {
            let rest = address.strip_prefix("https://").unwrap_or_default();
            !rest.is_empty() && !rest.contains([' ', '"', '<', '>']) && !rest.contains(char::is_control)
        };
        if !product.address.iter().all(is_web) {
            fail("address", "must start with https:// and contain no space".to_owned());
        }
        check_texts(product, &mut fail);
        check_rules(product, &all, &mut fail);
    }
}

fn check_texts(product: &Product, fail: &mut impl FnMut(&str, String)) {
    let one = std::slice::from_ref;
    let figure = product.figure.as_ref();
    let figure = figure.map(|figure| [figure.value.clone(), figure.label.clone(), figure.terms.clone()]);
    let texts: [(&str, &[String]); 10] = [
        ("customer_name", product.customer_name.as_slice()),
        ("headline", product.headline.as_slice()),
        ("short_claims", &product.short_claims),
        ("figure", figure.as_ref().map_or(&[], <[String; 3]>::as_slice)),
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
            fail(field, "must not contain {{, which marks a placeholder".to_owned());
        }
    }
    check_picture(product, fail);
}

/// Returns the numbers in a string, such as `3.60`, `1,000` or `2026`.
fn numbers(text: &str) -> Vec<&str> {
    let parts = text.split(|character: char| !character.is_ascii_digit() && !matches!(character, '.' | ','));
    parts.map(|part| part.trim_matches(['.', ','])).filter(|part| !part.is_empty()).collect()
}

/// Checks the fields that a video shows.
fn check_picture(product: &Product, fail: &mut impl FnMut(&str, String)) {
    let words = product.headline.as_ref().map_or(0, |headline| headline.split_whitespace().count());
    if words > MAX_HEADLINE_WORDS {
        fail("headline", format!("has {words} words, must have at most {MAX_HEADLINE_WORDS}"));
    }
    if let Some(art) = &product.art
        && (art.is_empty() || !art.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')))
    {
        fail("art", "must consist of lowercase letters, digits and dashes".to_owned());
    }
    let claims = product.approved_claims.len();
    if !product.short_claims.is_empty() && product.short_claims.len() != claims {
        fail("short_claims", format!("must have one entry for each of the {claims} approved claims"));
    }
    if let Some(Figure { value, label, terms }) = &product.figure {
        let approved: BTreeSet<&str> = product.rates_and_terms.iter().flat_map(|block| numbers(block)).collect();
        for number in [value, label, terms].into_iter().flat_map(|text| numbers(text)) {
            if !approved.contains(number) {
                fail("figure", format!("{number} is not in rates_and_terms"));
            }
        }
    }
}

fn check_rules(product: &Product, all: &BTreeSet<&ProductId>, fail: &mut impl FnMut(&str, String)) {
    if product.needs.is_empty() {
        fail("needs", "must name at least one need".to_owned());
    }
    let Eligibility { holds_any, holds_none, .. } = &product.eligibility;
    for (field, named) in [("eligibility.holds_any", holds_any), ("eligibility.holds_none", holds_none)] {
        for unknown in named.iter().filter(|id| !all.contains(id)) {
            fail(field, format!("{unknown} is not a product"));
        }
    }
    if let (Some(least), Some(most)) = (product.eligibility.min_income, product.eligibility.max_income)
        && most < least
    {
        fail("eligibility.max_income", "is below min_income".to_owned());
    }
    if holds_any.contains(&product.id) {
        fail(
            "eligibility.holds_any",
            "names the product itself, which is never offered to customers who hold it".to_owned(),
        );
    }
    if let Some(both) = holds_any.iter().find(|id| holds_none.contains(id)) {
        fail("eligibility.holds_any", format!("{both} is in holds_none too"));
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
            CatalogueError::Problems(problems) => problems.iter().map(CatalogueProblem::to_string).collect(),
            CatalogueError::Json(error) => panic!("{error}"),
        }
    }

    type Change = fn(&mut Value);

    #[test]
    fn every_type_error_is_reported_by_product_and_field() {
        let reported = problems(|whole| {
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
        assert_eq!(reported.len(), expected.len(), "{reported:?}");
        for (reported, expected) in reported.iter().zip(expected) {
            assert!(reported.starts_with(expected), "{reported}");
        }
    }

    #[test]
    fn every_broken_rule_is_reported_by_product_and_field() {
        let rules: [(Change, &str); 13] = [
            (
                |p| p["headline"] = "one two three four five six".into(),
                "product everyday-checking: headline: has 6 words, must have at most 5",
            ),
            (|p| p["art"] = "../logo".into(), "product everyday-checking: art: must consist of"),
            (
                |p| p["short_claims"] = serde_json::json!(["one"]),
                "product everyday-checking: short_claims: must have one entry for each of the 3 approved claims",
            ),
            (
                |p| p["figure"] = serde_json::json!({ "value": "4.10%", "label": "APY", "terms": "Variable." }),
                "product everyday-checking: figure: 4.10 is not in rates_and_terms",
            ),
            (
                |p| p["figure"] = serde_json::json!({ "value": "$25", "label": "to open", "terms": " " }),
                "product everyday-checking: figure: must not be empty",
            ),
            (|p| p["id"] = "high-yield-savings".into(), "product high-yield-savings: id: is used twice"),
            (|p| p["name"] = "meridian high-yield savings".into(), "product high-yield-savings: name: another product"),
            (|p| p["summary"] = " ".into(), "product everyday-checking: summary: must not be empty"),
            (|p| p["approved_claims"][0] = "a\nb".into(), "product everyday-checking: approved_claims: must be plain"),
            (|p| p["needs"] = serde_json::json!([]), "product everyday-checking: needs: must name at least one"),
            (
                |p| p["eligibility"]["holds_any"] = serde_json::json!(["gone"]),
                "product everyday-checking: eligibility.holds_any: gone is not a product",
            ),
            (
                |p| p["eligibility"]["holds_any"] = serde_json::json!(["private-banking"]),
                "product everyday-checking: eligibility.holds_any: private-banking is in holds_none too",
            ),
            (
                |p| (p["valid_from"], p["valid_until"]) = ("2026-11-02".into(), "2026-11-01".into()),
                "product everyday-checking: valid_until: 2026-11-01 is before valid_from, 2026-11-02",
            ),
        ];
        for (change, expected) in rules {
            let reported = problems(|whole| change(&mut whole["products"][0]));
            assert!(reported.iter().any(|reported| reported.starts_with(expected)), "{expected}: {reported:?}");
        }
        assert_eq!(
            problems(|whole| whole["products"] = Value::Array(Vec::new())),
            ["products: must name at least one product"]
        );
    }

    #[test]
    fn json_error_names_the_line() {
        let error = Catalogue::from_json(b"{\n  nonsense").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn product_is_offered_from_first_to_last_day() {
        let mut product = Catalogue::from_json(SAMPLE.as_bytes()).unwrap().products()[0].clone();
        assert!(product.is_valid_on(date(1999, 1, 1)));
        (product.valid_from, product.valid_until) = (Some(date(2026, 11, 2)), Some(date(2026, 11, 30)));
        let days = [date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 30), date(2026, 12, 1)];
        assert_eq!(days.map(|day| product.is_valid_on(day)), [false, true, true, false]);
    }

    #[test]
    fn picture_is_derived_from_required_fields() {
        let mut product = Catalogue::from_json(SAMPLE.as_bytes()).unwrap().products()[0].clone();
        (product.customer_name, product.headline, product.art, product.figure) = (None, None, None, None);
        product.short_claims.clear();
        let picture = product.picture("Meridian Bank");
        assert_eq!((&*picture.customer_name, &*picture.headline), ("Everyday Checking", "Everyday Checking"));
        assert_eq!((&*picture.art, picture.figure, picture.claims), ("account", None, product.approved_claims.clone()));
        assert_eq!(product.picture("Harbor").customer_name, "Meridian Everyday Checking");
    }

    /// Returns the names that serde lists in its message about an unknown name.
    fn expected(change: impl FnOnce(&mut Value)) -> BTreeSet<String> {
        let reported = problems(change).remove(0);
        let (_, list) = reported.split_once("expected").unwrap();
        list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn committed_schema_matches_the_types() {
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
        assert_eq!(
            fields(&schema["$defs"]["figure"]),
            expected(|whole| whole["products"][0]["figure"] = serde_json::json!({ "bogus": 1 }))
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
            let reported = problems(|whole| {
                whole["products"][0].as_object_mut().unwrap().remove(name);
            });
            assert!(reported[0].contains(&format!("missing field `{name}`")), "{reported:?}");
        }
    }
}
