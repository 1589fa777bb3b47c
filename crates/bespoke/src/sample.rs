//! The generator of sample workbooks: invented customers of the fictional Meridian Bank, at any size.
//!
//! The first twelve are written by hand, one case each (see `data/README.md`); the rest are drawn from a seed. The same
//! seed gives the same rows; the files differ, because encryption is salted.

mod cast;
mod crowd;
mod story;
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

use story::Story;

/// The password of the sample workbooks. Not a secret: everybody in them is invented.
pub const SAMPLE_PASSWORD: &str = "meridian-demo";

/// The day of the newest payment.
pub const LAST_DAY: Date = date(2026, 10, 31);

/// How many payments each generated customer has when nothing else is asked for.
const PAYMENTS: usize = 50;

/// The rows that a sheet can hold beside its header (ECMA-376 limits it to 1,048,576).
const MOST_ROWS: usize = 1_048_575;

/// A row of `customer_profile.xlsx`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRow {
    /// The bank's id, as text.
    pub customer_id: String,
    /// First name.
    pub first_name: String,
    /// Last name; not read by the program.
    pub last_name: String,
    /// Years; not read by the program.
    pub age: u8,
    /// Not read by the program.
    pub gender: String,
    /// Not read by the program.
    pub marital_status: String,
    /// Not read by the program.
    pub city: String,
    /// Not read by the program.
    pub zip_code: String,
    /// Not read by the program.
    pub occupation: String,
    /// Dollars a year.
    pub income: f64,
    /// Dollars.
    pub account_balance: f64,
    /// Product ids of the catalogue, separated by `; `.
    pub products_held: String,
    /// The adviser's name, or empty.
    pub investment_advisor: String,
    /// Since when they are a customer.
    pub customer_since: Date,
}

/// A row of `customer_transactions.xlsx`.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionRow {
    /// The bank's id, as text.
    pub customer_id: String,
    /// The day.
    pub date: Date,
    /// The bank's word for what it was for.
    pub category: String,
    /// Who was paid.
    pub merchant: String,
    /// Dollars that left the account.
    pub transaction_amount: f64,
    /// The answer to the first question, or empty.
    pub consent: String,
    /// The answer to the second question, or empty.
    pub consent_social_media: String,
}

/// A row of `twitter_data.xlsx`.
#[derive(Clone, Debug, PartialEq)]
pub struct TweetRow {
    /// The bank's id, as text.
    pub customer_id: String,
    /// The text.
    pub tweet: String,
    /// The day.
    pub created_at: Date,
}

/// The rows of the three workbooks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Profiles.
    pub profiles: Vec<ProfileRow>,
    /// Transactions.
    pub transactions: Vec<TransactionRow>,
    /// Tweets.
    pub tweets: Vec<TweetRow>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The three files, in the order in which they are read.
    pub files: [PathBuf; 3],
    /// How many customers.
    pub customers: usize,
    /// How many transactions.
    pub transactions: usize,
    /// How many tweets.
    pub tweets: usize,
}

/// Why no sample was written.
#[derive(Debug, Error)]
pub enum SampleError {
    /// A sheet cannot hold that many rows.
    #[error("a sheet holds at most {MOST_ROWS} rows")]
    TooManyRows,
    /// The workbook could not be made.
    #[error("{file}: cannot be made")]
    Workbook {
        /// The file.
        file: Workbook,
        /// Why.
        source: rust_xlsxwriter::XlsxError,
    },
    /// The file could not be written.
    #[error("{path}: cannot be written", path = .path.display())]
    Write {
        /// The file or the folder.
        path: PathBuf,
        /// Why.
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

/// Writes the three workbooks into the folder `out`, which is made if it is not there; files of their names are replaced.
///
/// `transactions` is the number of payments that is aimed at: the hand-written customers always have all of theirs (about
/// 50 each), and the rest is shared out among the others, one at least. With 0, everybody has about 50.
pub fn write_sample(out: &Path, customers: usize, transactions: usize, seed: u64) -> Result<Written, SampleError> {
    if customers > MOST_ROWS || transactions > MOST_ROWS {
        return Err(SampleError::TooManyRows);
    }
    let rows = rows(customers, transactions, seed);
    let files = write_rows(out, &rows)?;
    let Rows { profiles, transactions, tweets } = rows;
    Ok(Written { files, customers: profiles.len(), transactions: transactions.len(), tweets: tweets.len() })
}

/// Writes rows as the three workbooks, as [`write_sample`] does.
pub fn write_rows(out: &Path, rows: &Rows) -> Result<[PathBuf; 3], SampleError> {
    std::fs::create_dir_all(out).map_err(|source| SampleError::Write { path: out.to_owned(), source })?;
    let files = Workbook::ALL.map(|file| out.join(file.file_name()));
    for (file, path) in Workbook::ALL.into_iter().zip(&files) {
        workbooks::write(file, rows, path)?;
    }
    Ok(files)
}

/// The rows of a sample. See [`write_sample`].
#[must_use]
pub fn rows(customers: usize, transactions: usize, seed: u64) -> Rows {
    let mut rows = Rows::default();
    let cast = cast::CAST.len().min(customers);
    for (at, story) in cast::CAST.iter().take(cast).enumerate() {
        story.tell(at + 1, None, &mut draw(seed, at), &mut rows);
    }
    let others = customers - cast;
    let rest = transactions.saturating_sub(rows.transactions.len());
    for other in 0..others {
        let at = cast + other;
        let mut random = draw(seed, at);
        let share = (rest / others + usize::from(other < rest % others)).max(1);
        let payments = if transactions == 0 { PAYMENTS } else { share };
        let story: Story = crowd::invent(&mut random);
        story.tell(at + 1, Some(payments), &mut random, &mut rows);
    }
    rows
}

/// A customer's own generator, so that one more customer changes nobody else's rows.
fn draw(seed: u64, at: usize) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(at as u64))
}
