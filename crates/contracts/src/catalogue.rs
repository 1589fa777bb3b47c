//! The catalog of approved products. Names, rates, terms and disclosures are spoken and shown verbatim.

mod translation;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

pub use self::translation::ProductTexts;
use crate::language::{self, Language};
use crate::vocabulary::{Band, Need, SpendingCategory, Tenure, Topic};
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
    /// Whether the product is only for customers with signs of a business.
    pub business: bool,
    /// The customer must hold at least one of these products, unless the list is empty.
    pub holds_any: Vec<ProductId>,
    /// Products that the customer must not hold. The product itself need not be listed: it is never offered to its
    /// holders.
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
    /// The reason to choose the product, in a few words.
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
    /// The reason to choose the product, in at most five words, for the picture. `customer_name` if `None`.
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
    /// The bank's own translations of the product's texts. The product is offered only in these languages and in the
    /// catalog's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<Language, ProductTexts>,
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

    /// Returns the product's name without the first word of the bank's name, if it starts with that word.
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
    /// The language of all texts outside `translations`.
    #[serde(default, skip_serializing_if = "language::is_default")]
    language: Language,
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

    /// Returns the language of all texts outside translations.
    #[must_use]
    pub const fn language(&self) -> Language {
        self.file.language
    }

    /// Returns whether the catalog has a product's texts in this language.
    #[must_use]
    pub fn has_texts_in(&self, product: &Product, language: Language) -> bool {
        language == self.file.language || product.translations.contains_key(&language)
    }

    /// Returns the catalog in this language. A product without a translation keeps its own texts; no offer may show
    /// them ([`Self::has_texts_in`]). The digest stays the same, because it covers all translations.
    #[must_use]
    pub fn in_language(&self, language: Language) -> Cow<'_, Self> {
        if language == self.file.language {
            return Cow::Borrowed(self);
        }
        let translated = |product: &Product| product.in_language(language).unwrap_or_else(|| product.clone());
        let products = self.file.products.iter().map(translated).collect();
        let file = CatalogueFile { products, ..self.file.clone() };
        Cow::Owned(Self { file, digest: self.digest })
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
            CatalogueFile {
                schema: None,
                bank: empty(),
                version: empty(),
                author: empty(),
                language: Language::default(),
                products: parsed,
            }
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
        translation::check(product, file.language, &mut fail);
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
mod tests;
