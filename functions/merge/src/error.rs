//! What merge can fail with.

use std::fmt;

use contracts::key::Workbook;
use contracts::{Batch, ErrorName, NamedError};
use storage::secret::SecretError;
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

use crate::report::Problem;

/// How many bad rows a message lists; the report has more.
const LISTED: usize = 20;

/// What merge can fail with. No message holds a cell's content: the file, the sheet, the row and the column are told.
#[derive(Debug, Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something sealed could not be opened, or stands in the way.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The password could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What the run was started with has changed since.
    #[error("the {what} changed since the run was started")]
    Changed {
        /// Which input.
        what: &'static str,
    },
    /// The run is for one customer, and the workbooks have no such customer.
    #[error("batch {batch} has no customer with the id that was asked for", batch = .batch.as_str())]
    UnknownCustomer {
        /// The batch.
        batch: Batch,
    },
    /// The run is for one customer, who was forgotten.
    #[error("batch {batch}: the customer was forgotten, and nothing of them is taken in", batch = .batch.as_str())]
    Forgotten {
        /// The batch.
        batch: Batch,
    },
    /// One or more of the three workbooks are not there.
    #[error("batch {batch} lacks {files}", batch = .batch.as_str(), files = listed(.files))]
    MissingWorkbook {
        /// The batch.
        batch: Batch,
        /// Which are not there.
        files: Vec<Workbook>,
    },
    /// The file is not an `.xlsx` workbook.
    #[error("{file}: {is}, not an .xlsx workbook")]
    NotAWorkbook {
        /// The file.
        file: Workbook,
        /// What it is instead.
        is: Content,
    },
    /// The file is encrypted in a way that is not supported.
    #[error("{file}: is encrypted {how}, which cannot be read")]
    UnknownEncryption {
        /// The file.
        file: Workbook,
        /// How, as a phrase.
        how: &'static str,
    },
    /// The workbook begins as it must, but cannot be read to its end.
    #[error("{file}: is damaged: {part} cannot be read")]
    Damaged {
        /// The file.
        file: Workbook,
        /// Where.
        part: &'static str,
    },
    /// The workbook has no password.
    #[error("{file}: has no password")]
    NotProtected {
        /// The file.
        file: Workbook,
    },
    /// The password does not open the workbook.
    #[error("{file}: the password does not open it")]
    WrongPassword {
        /// The file.
        file: Workbook,
    },
    /// The workbook has no visible sheet with anything in it.
    #[error("{file}: has no visible sheet with a header row")]
    NoSheet {
        /// The file.
        file: Workbook,
    },
    /// No visible sheet has all columns that are needed.
    #[error("{file}: sheet {sheet:?} lacks {missing}; {found}", missing = columns(.missing), found = or_headless(.found))]
    MissingColumn {
        /// The file.
        file: Workbook,
        /// The sheet that came nearest.
        sheet: String,
        /// The columns that are not there.
        missing: Vec<&'static str>,
        /// The header row's texts; empty if it does not look like a header row.
        found: Vec<String>,
    },
    /// Two columns of a sheet have the same name.
    #[error("{file}: sheet {sheet:?} has the column {column} twice")]
    ColumnTwice {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The column.
        column: &'static str,
    },
    /// The workbook goes beyond a limit.
    #[error("{file}: more than {limit} {what}")]
    TooLarge {
        /// The file.
        file: Workbook,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Too many rows cannot be used.
    #[error("{file}: {bad} of {rows} rows cannot be used: {problems}", problems = first_of(.problems, *.bad))]
    TooManyBadRows {
        /// The file.
        file: Workbook,
        /// How many rows are bad.
        bad: usize,
        /// How many rows there are.
        rows: usize,
        /// The first of them.
        problems: Vec<Problem>,
    },
    /// More than one workbook cannot be used.
    #[error("{}", .0.iter().map(Error::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<Error>),
    /// The reading was stopped from outside, or failed in a way that nobody foresaw.
    #[error("reading the workbooks was cut short")]
    Interrupted,
}

/// What a panic says may quote what was being read: it is left out.
impl From<tokio::task::JoinError> for Error {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::Interrupted
    }
}

/// What a file that is no `.xlsx` workbook turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// The binary format of Excel 97 to 2003.
    LegacyXls,
    /// The binary format `.xlsb`.
    Xlsb,
    /// Lines of text with separators.
    Csv,
    /// A web page, which some banking systems export under the name of a workbook.
    Html,
    /// Another zip archive.
    Zip,
    /// Something else.
    Unknown,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::LegacyXls => "is a legacy .xls workbook",
            Self::Xlsb => "is a binary .xlsb workbook",
            Self::Csv => "is comma- or tab-separated text",
            Self::Html => "is a web page",
            Self::Zip => "is another kind of archive",
            Self::Unknown => "is a file of an unknown kind",
        })
    }
}

fn listed(files: &[Workbook]) -> String {
    files.iter().map(|file| file.file_name()).collect::<Vec<_>>().join(", ")
}

fn columns(missing: &[&str]) -> String {
    let noun = if missing.len() == 1 { "the column" } else { "the columns" };
    format!("{noun} {}", missing.join(", "))
}

fn or_headless(found: &[String]) -> String {
    if found.is_empty() {
        "its first row has no known column name, so it may lack the header row".to_owned()
    } else {
        format!("found {}", found.join(", "))
    }
}

fn first_of(problems: &[Problem], bad: usize) -> String {
    let listed = problems.iter().take(LISTED).map(Problem::to_string).collect::<Vec<_>>().join("; ");
    if bad > LISTED { format!("{listed}; and {} more", bad - LISTED) } else { listed }
}

impl Error {
    /// The one error, or all of them as one.
    pub(crate) fn of_several(mut errors: Vec<Self>) -> Self {
        if errors.len() == 1 { errors.remove(0) } else { Self::Several(errors) }
    }
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            // The first workbook's: the others are read without it.
            Self::Several(errors) => errors.first().map_or(ErrorName::InputNotAWorkbook, Self::name),
            Self::Store(error) => error.name(),
            Self::Vault(error) => error.name(),
            Self::Secret(error) => error.name(),
            Self::Changed { .. } => ErrorName::ConfigChanged,
            Self::UnknownCustomer { .. } | Self::Forgotten { .. } => ErrorName::InputUnknownCustomer,
            Self::MissingWorkbook { .. } => ErrorName::InputMissingWorkbook,
            Self::NotAWorkbook { .. } | Self::UnknownEncryption { .. } | Self::Damaged { .. } | Self::Interrupted => {
                ErrorName::InputNotAWorkbook
            }
            Self::NotProtected { .. } => ErrorName::InputNotProtected,
            Self::WrongPassword { .. } => ErrorName::InputWrongPassword,
            Self::NoSheet { .. } | Self::MissingColumn { .. } | Self::ColumnTwice { .. } => {
                ErrorName::InputMissingColumn
            }
            Self::TooLarge { .. } => ErrorName::InputTooLarge,
            Self::TooManyBadRows { .. } => ErrorName::InputTooManyBadRows,
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::Several(errors) => {
                let mut helps: Vec<String> = errors.iter().filter_map(Self::help).collect();
                helps.dedup();
                return Some(helps.join("; "));
            }
            Self::Store(error) => return error.help(),
            Self::Vault(error) => return error.help(),
            Self::Secret(error) => return error.help(),
            Self::Changed { .. } => "start a new run",
            Self::Forgotten { .. } => "they are on the suppression list: bespoke suppress --list",
            Self::UnknownCustomer { .. } => {
                "ids are compared as text, leading zeros included; see the column customer_id of customer_profile.xlsx"
            }
            Self::MissingWorkbook { .. } => {
                "a batch is the three files customer_profile.xlsx, customer_transactions.xlsx and twitter_data.xlsx"
            }
            Self::NotAWorkbook { .. } => "open it in a spreadsheet program and save it as .xlsx with a password",
            Self::UnknownEncryption { .. } => {
                "save it with a password, and without rights management, in a current version of Excel"
            }
            Self::Damaged { .. } | Self::Interrupted => "upload the workbook again, or save it afresh",
            Self::NotProtected { .. } => {
                "save it with a password, or set intake.allow_unprotected = true if plain workbooks are meant to be read"
            }
            Self::WrongPassword { .. } => {
                "check EXCEL_PASSWORD; all three workbooks need the same one; if it is right, the file is damaged"
            }
            Self::NoSheet { .. } => "make the sheet visible and give it a header row",
            Self::MissingColumn { .. } => {
                "rename the column, or name the bank's own column under [intake.columns] in bespoke.toml"
            }
            Self::ColumnTwice { .. } => "remove or rename one of the two",
            Self::TooLarge { .. } => "split the batch into smaller ones",
            Self::TooManyBadRows { .. } => "correct the rows, or raise intake.max_bad_rows in bespoke.toml",
        };
        Some(help.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use contracts::error::chain;

    use super::*;

    #[tokio::test]
    async fn what_a_panic_says_is_told_to_nobody() {
        let ended = tokio::spawn(async { panic!("José spent 12.50") }).await;
        let error = Error::from(ended.unwrap_err());
        assert_eq!(chain(&error), "reading the workbooks was cut short");
    }
}
