//! Generates sample workbooks with any number of invented customers of the fictional Meridian Bank.
//!
//! The first twelve customers are handwritten, one case each (see `data/README.md`). The others are randomly generated.
//! The same seed generates the same rows, but the files differ because encryption is salted.

mod drawn;
mod handwritten;
mod template;
#[cfg(test)]
mod tests;
mod workbooks;

use std::path::{Path, PathBuf};

use contracts::key::Workbook;
use contracts::{ErrorName, NamedError};
use jiff::civil::{Date, date};
use rand::SeedableRng;
use rand::rngs::StdRng;
use thiserror::Error;

/// The password of the sample workbooks. It is not a secret, because their customers are invented.
pub const SAMPLE_PASSWORD: &str = "meridian-demo";

/// The date of the newest payment.
pub const LAST_DAY: Date = date(2026, 10, 31);

/// The default number of payments for each generated customer.
const DEFAULT_PAYMENTS: usize = 50;

/// The maximum number of rows below a header row (ECMA-376 limits a sheet to 1,048,576 rows).
const MAX_ROWS: usize = 1_048_575;

/// A row of `customer_profile.xlsx`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRow {
    /// The customer id, as text.
    pub customer_id: String,
    /// First name.
    pub first_name: String,
    /// Last name. Bespoke does not read it.
    pub last_name: String,
    /// Age in years. Only `bespoke disparity` reads it.
    pub age: u8,
    /// Gender. Only `bespoke disparity` reads it.
    pub gender: String,
    /// Marital status. Only `bespoke disparity` reads it.
    pub marital_status: String,
    /// City. Bespoke does not read it.
    pub city: String,
    /// Zip code. Only `bespoke disparity` reads it.
    pub zip_code: String,
    /// Occupation. Bespoke does not read it.
    pub occupation: String,
    /// Income in dollars per year.
    pub income: f64,
    /// Balance in dollars.
    pub account_balance: f64,
    /// The ids of products from the catalog, separated by `; `.
    pub products_held: String,
    /// The adviser's name. Empty if there is none.
    pub investment_advisor: String,
    /// The date on which the customer joined the bank.
    pub customer_since: Date,
    /// The language that the customer prefers. Empty if the bank's own applies.
    pub language: String,
}

/// A row of `customer_transactions.xlsx`.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionRow {
    /// The customer id, as text.
    pub customer_id: String,
    /// The date of the payment.
    pub date: Date,
    /// The bank's category for the payment.
    pub category: String,
    /// The payee.
    pub merchant: String,
    /// The amount that left the account, in dollars.
    pub transaction_amount: f64,
    /// The answer to the general consent question. Empty if there is none.
    pub consent: String,
    /// The answer to the social-media consent question. Empty if there is none.
    pub consent_social_media: String,
}

/// A row of `twitter_data.xlsx`.
#[derive(Clone, Debug, PartialEq)]
pub struct TweetRow {
    /// The customer id, as text.
    pub customer_id: String,
    /// The text of the post.
    pub tweet: String,
    /// The date of the post.
    pub created_at: Date,
}

/// The rows in the three workbooks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleRows {
    /// The rows in `customer_profile.xlsx`.
    pub profiles: Vec<ProfileRow>,
    /// The rows in `customer_transactions.xlsx`.
    pub transactions: Vec<TransactionRow>,
    /// The rows in `twitter_data.xlsx`.
    pub tweets: Vec<TweetRow>,
}

/// A summary of the written sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleSummary {
    /// The three files, in the order of [`Workbook::ALL`].
    pub files: [PathBuf; 3],
    /// The number of customers.
    pub customers: usize,
    /// The number of transactions.
    pub transactions: usize,
    /// The number of tweets.
    pub tweets: usize,
}

/// An error while writing a sample.
#[derive(Debug, Error)]
pub enum SampleError {
    /// The sample needs more rows than a sheet can hold.
    #[error("too many rows: a sheet holds at most {MAX_ROWS}; ask for fewer customers or transactions")]
    TooManyRows,
    /// A workbook could not be built in memory.
    #[error("{file}: failed to build the workbook")]
    Workbook {
        /// The workbook.
        file: Workbook,
        /// The cause.
        source: rust_xlsxwriter::XlsxError,
    },
    /// A file or folder could not be written.
    #[error("{path}: failed to write; check permissions and free space", path = .path.display())]
    Write {
        /// The file or the folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl NamedError for SampleError {
    fn name(&self) -> ErrorName {
        match self {
            Self::TooManyRows => ErrorName::InputInvalidRequest,
            Self::Workbook { .. } | Self::Write { .. } => ErrorName::StoreUnavailable,
        }
    }
}

/// Writes the three workbooks to the `out` folder. Creates the folder if needed, and replaces files with the same
/// names.
///
/// `transactions` is the target number of payments. Handwritten customers always keep all of their payments, about 50
/// each. The other customers share the remaining payments, with at least one each. If `transactions` is 0, every
/// customer has about 50.
pub fn write_sample(
    out: &Path,
    customers: usize,
    transactions: usize,
    seed: u64,
) -> Result<SampleSummary, SampleError> {
    if customers > MAX_ROWS || transactions > MAX_ROWS {
        return Err(SampleError::TooManyRows);
    }
    let rows = rows(customers, transactions, seed);
    let files = write_rows(out, &rows)?;
    Ok(SampleSummary {
        files,
        customers: rows.profiles.len(),
        transactions: rows.transactions.len(),
        tweets: rows.tweets.len(),
    })
}

/// Writes the given rows as three workbooks, as [`write_sample`] does.
pub fn write_rows(out: &Path, rows: &SampleRows) -> Result<[PathBuf; 3], SampleError> {
    std::fs::create_dir_all(out).map_err(|source| SampleError::Write { path: out.to_owned(), source })?;
    let files = Workbook::ALL.map(|file| out.join(file.file_name()));
    for (file, path) in Workbook::ALL.into_iter().zip(&files) {
        workbooks::write(file, rows, path)?;
    }
    Ok(files)
}

/// Returns the rows of a sample. See [`write_sample`] for the arguments.
#[must_use]
pub fn rows(customers: usize, transactions: usize, seed: u64) -> SampleRows {
    let mut rows = SampleRows::default();
    let handwritten = handwritten::CUSTOMERS.len().min(customers);
    for (at, customer) in handwritten::CUSTOMERS.iter().take(handwritten).enumerate() {
        customer.add_rows(at + 1, None, &mut customer_rng(seed, at), &mut rows);
    }
    let drawn = customers - handwritten;
    let remaining = transactions.saturating_sub(rows.transactions.len());
    for number in 0..drawn {
        let at = handwritten + number;
        let mut random = customer_rng(seed, at);
        let share = (remaining / drawn + usize::from(number < remaining % drawn)).max(1);
        let payments = if transactions == 0 { DEFAULT_PAYMENTS } else { share };
        let customer = drawn::draw(&mut random);
        customer.add_rows(at + 1, Some(payments), &mut random, &mut rows);
    }
    rows
}

/// Returns a random generator for one customer, so adding a customer does not change the others' rows.
fn customer_rng(seed: u64, at: usize) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(at as u64))
}
