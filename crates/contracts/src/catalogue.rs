//! The bank's approved products. Names, rates, terms and disclosures are spoken and shown exactly as they stand here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::facts::{Band, Need, SpendingCategory, Topic};
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
    /// The lowest band of account balance.
    pub min_balance: Option<Band>,
    /// Only for customers who show business payments.
    pub business: bool,
    /// Products one of which the customer must hold, if any is named.
    pub holds_any: Vec<ProductId>,
    /// Products none of which the customer may hold, beside the product itself.
    pub holds_none: Vec<ProductId>,
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
}

/// The approved product catalogue, checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CatalogueFile", into = "CatalogueFile")]
pub struct Catalogue {
    file: CatalogueFile,
    digest: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    bank: String,
    version: String,
    products: Vec<Product>,
}

/// Why a catalogue cannot be used.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// Not the JSON it should be.
    #[error("catalogue.json: {0}")]
    Json(#[from] serde_json::Error),
    /// A rule of the catalogue is broken.
    #[error("catalogue.json: product {product}: {reason}")]
    Product {
        /// The product's id.
        product: ProductId,
        /// Which rule.
        reason: String,
    },
    /// There is no product.
    #[error("catalogue.json: there is no product")]
    Empty,
}

impl NamedError for CatalogueError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }
}

impl Catalogue {
    /// Reads and checks a catalogue.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let file: CatalogueFile = serde_json::from_slice(bytes)?;
        Self::check(file)
    }

    fn check(file: CatalogueFile) -> Result<Self, CatalogueError> {
        if file.products.is_empty() {
            return Err(CatalogueError::Empty);
        }
        let mut ids = BTreeSet::new();
        for product in &file.products {
            let fail =
                |reason: &str| CatalogueError::Product { product: product.id.clone(), reason: reason.to_owned() };
            if !ids.insert(&product.id) {
                return Err(fail("the id stands twice"));
            }
            if product.name.trim().is_empty() || product.summary.trim().is_empty() || product.needs.is_empty() {
                return Err(fail("name, summary and needs must not be empty"));
            }
            let disclosed = |line: &str| product.disclosures.iter().any(|d| d.contains(line));
            match product.kind {
                Kind::Deposit if !disclosed("Member FDIC") => {
                    return Err(fail("a deposit must disclose \"Member FDIC\""));
                }
                Kind::Mortgage if !disclosed("Equal Housing Lender") => {
                    return Err(fail("a mortgage must disclose \"Equal Housing Lender\""));
                }
                Kind::Investment if disclosed("Member FDIC") => {
                    return Err(fail("an investment must not say \"Member FDIC\""));
                }
                Kind::Deposit | Kind::Mortgage | Kind::Investment | Kind::CreditCard | Kind::Loan | Kind::Service => {}
            }
        }
        for product in &file.products {
            let named = product.eligibility.holds_any.iter().chain(&product.eligibility.holds_none);
            if let Some(unknown) = named.into_iter().find(|id| !ids.contains(id)) {
                let reason = format!("eligibility names {unknown}, which is no product");
                return Err(CatalogueError::Product { product: product.id.clone(), reason });
            }
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

impl TryFrom<CatalogueFile> for Catalogue {
    type Error = CatalogueError;
    fn try_from(file: CatalogueFile) -> Result<Self, CatalogueError> {
        Self::check(file)
    }
}

impl From<Catalogue> for CatalogueFile {
    fn from(catalogue: Catalogue) -> Self {
        catalogue.file
    }
}
