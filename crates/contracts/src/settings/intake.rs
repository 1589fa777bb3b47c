//! The settings of intake: columns, sheets, consent words, stop columns and signs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::key::Workbook;

/// How workbooks are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IntakeSettings {
    /// Whether to accept a workbook without a password.
    pub allow_unprotected: bool,
    /// The share of bad rows, 0 to 1, above which the run stops.
    pub max_bad_rows: f64,
    /// The bank's own column names, by workbook, such as `customer_id = "Client No"`.
    pub columns: BTreeMap<Workbook, BTreeMap<String, String>>,
    /// The sheets to read, by workbook. Several sheets are joined. Required if several visible sheets have the columns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sheets: BTreeMap<Workbook, SheetNames>,
    /// The header's row, by workbook, counted from 1. If not set, the header is the first row with content.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub header_row: BTreeMap<Workbook, u32>,
    /// The bank's own words for consent and refusal.
    #[serde(skip_serializing_if = "ConsentWords::is_empty")]
    pub consent: ConsentWords,
    /// The stop columns, which can only stop messages.
    #[serde(skip_serializing_if = "StopSettings::is_empty")]
    pub stops: StopSettings,
    /// The sign of spending in `transaction_amount`. Required if most amounts are negative. Amounts marked DR or CR are
    /// not affected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spending: Option<SpendingSign>,
    /// The share of payments, 0 to 1, whose category may be unknown before `bespoke check` fails.
    #[serde(skip_serializing_if = "is_default_share")]
    pub max_unknown_categories: f64,
}

/// The default of `intake.max_unknown_categories`.
const MAX_UNKNOWN_CATEGORIES: f64 = 0.5;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_default_share(share: &f64) -> bool {
    (*share - MAX_UNKNOWN_CATEGORIES).abs() < f64::EPSILON
}

/// The sign of spending in the transactions workbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpendingSign {
    /// Spending is positive, and incoming money is negative.
    Positive,
    /// Spending is negative, and incoming money is positive.
    Negative,
}

/// How stop columns are read. These columns, such as `deceased` or `status`, can only stop messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StopSettings {
    /// The bank's own words that do not stop messages, such as a status `A`. Any other unknown status stops them.
    pub harmless: Vec<String>,
    /// The names of columns that are deliberately not read, although they look like stop columns.
    pub declined: Vec<String>,
}

impl StopSettings {
    fn is_empty(&self) -> bool {
        self.harmless.is_empty() && self.declined.is_empty()
    }
}

/// The name of one sheet, or a list of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SheetNames {
    /// One sheet.
    One(String),
    /// Several sheets.
    Many(Vec<String>),
}

impl SheetNames {
    /// Returns the names.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// The bank's own words for consent and refusal. Case and surrounding space do not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsentWords {
    /// Words that mean yes, such as `opted in`.
    pub yes: Vec<String>,
    /// Words that mean no, such as `opted out`.
    pub no: Vec<String>,
}

impl ConsentWords {
    fn is_empty(&self) -> bool {
        self.yes.is_empty() && self.no.is_empty()
    }

    /// Returns whether the words are unambiguous: none is blank or in both lists, and no plain "no" is listed as a yes.
    pub(super) fn are_clear(&self) -> bool {
        let plain = |words: &[String]| -> Vec<String> { words.iter().map(|word| plain_answer(word)).collect() };
        let yes = plain(&self.yes);
        let no = plain(&self.no);
        let blank = yes.iter().chain(&no).any(String::is_empty);
        let turned = yes.iter().any(|word| no.contains(word) || ["no", "n", "false", "0"].contains(&word.as_str()));
        !blank && !turned
    }
}

/// Reduces a consent answer to lower case without surrounding space. `2.0` and `2` are equal.
#[must_use]
pub fn plain_answer(word: &str) -> String {
    let word = word.trim().to_lowercase();
    word.strip_suffix(".0").map(ToOwned::to_owned).unwrap_or(word)
}

/// Returns the columns that intake reads from a workbook. `intake.columns` can rename them.
#[must_use]
pub const fn intake_columns(workbook: Workbook) -> &'static [&'static str] {
    match workbook {
        Workbook::Profile => &[
            "customer_id",
            "first_name",
            "income",
            "account_balance",
            "products_held",
            "investment_advisor",
            "customer_since",
            "language",
            "consent",
            "consent_social_media",
            "deceased",
            "is_deceased",
            "deceased_date",
            "date_of_death",
            "death_date",
            "decedent",
            "status",
            "customer_status",
            "client_status",
            "member_status",
            "account_status",
            "date_of_birth",
            "birth_date",
            "dob",
            "fecha_de_nacimiento",
            "age",
            "edad",
            "minor",
            "is_minor",
            "collections",
            "in_collections",
            "charge_off",
            "charged_off",
            "written_off",
            "delinquent",
            "past_due",
            "in_arrears",
            "in_default",
            "bankruptcy",
            "bankrupt",
            "foreclosure",
            "vulnerable",
            "vulnerable_customer",
            "vulnerability",
            "hardship",
            "open_complaint",
            "complaint",
            "open_dispute",
            "open_application",
            "pending_application",
            "fraud_case",
            "fraud",
            "fraud_flag",
            "do_not_contact",
            "do_not_market",
            "do_not_solicit",
            "do_not_call",
            "do_not_mail",
            "do_not_email",
            "dnc",
            "opt_out",
            "opted_out",
            "unsubscribed",
        ],
        Workbook::Transactions => &[
            "customer_id",
            "date",
            "category",
            "merchant",
            "transaction_amount",
            "debit_amount",
            "credit_amount",
            "currency",
            "consent",
            "consent_social_media",
        ],
        Workbook::Tweets => &["customer_id", "tweet", "created_at"],
    }
}

impl Default for IntakeSettings {
    fn default() -> Self {
        Self {
            allow_unprotected: false,
            max_bad_rows: 0.05,
            columns: BTreeMap::new(),
            sheets: BTreeMap::new(),
            header_row: BTreeMap::new(),
            consent: ConsentWords::default(),
            stops: StopSettings::default(),
            spending: None,
            max_unknown_categories: MAX_UNKNOWN_CATEGORIES,
        }
    }
}
