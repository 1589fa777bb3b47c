//! The errors of the merge stage.

use std::fmt;

use contracts::key::Workbook;
use contracts::{Batch, ErrorName, NamedError};
use storage::secret::SecretError;
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

use crate::report::{ProblemGroup, RowProblem};

/// The maximum number of rows or groups of rows that a message lists. The report lists more.
const MAX_LISTED: usize = 20;

/// An error in the merge stage. Messages name the file, sheet, row and column. They quote column headers and currency
/// codes, but no other cell content.
#[derive(Debug, Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed object cannot be opened, or its key already holds a different object.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The password is not available.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The separate process that reads the workbooks first failed or crashed.
    #[error("{message}")]
    Reader {
        /// The error's name.
        name: ErrorName,
        /// The message.
        message: String,
        /// The remedy.
        help: Option<String>,
    },
    /// An input differs from the one at the start of the run.
    #[error("the {input} changed since the run started")]
    InputChanged {
        /// The input.
        input: &'static str,
    },
    /// The run is for one customer, who is not in the workbooks.
    #[error("batch {batch} has no customer with the requested id", batch = .batch.as_str())]
    UnknownCustomer {
        /// The batch.
        batch: Batch,
    },
    /// The run is for one customer, whose erasure has started.
    #[error("batch {batch}: the requested customer was erased, so their data must not be read again", batch = .batch.as_str())]
    Forgotten {
        /// The batch.
        batch: Batch,
    },
    /// One or more of the three workbooks are missing.
    #[error("batch {batch} lacks {files}", batch = .batch.as_str(), files = file_names(.files))]
    MissingWorkbook {
        /// The batch.
        batch: Batch,
        /// The missing workbooks.
        files: Vec<Workbook>,
    },
    /// The file is not an `.xlsx` workbook.
    #[error("{file}: not an .xlsx workbook but {kind}")]
    NotAWorkbook {
        /// The file.
        file: Workbook,
        /// The kind of file that was found.
        kind: FileKind,
    },
    /// The file is encrypted in a way that is not supported.
    #[error("{file}: cannot decrypt: {scheme}")]
    UnknownEncryption {
        /// The file.
        file: Workbook,
        /// The unsupported scheme, or the requirement that it fails, as a phrase.
        scheme: &'static str,
    },
    /// The file starts like a workbook but cannot be read to its end.
    #[error("{file}: damaged: cannot read {part}")]
    Damaged {
        /// The file.
        file: Workbook,
        /// The unreadable part.
        part: DamagedPart,
    },
    /// The workbook is not encrypted.
    #[error("{file}: not protected by a password{also}", also = only_protected(*.only))]
    NotProtected {
        /// The file.
        file: Workbook,
        /// A protection that leaves the content readable, as a phrase.
        only: Option<&'static str>,
    },
    /// The password is wrong for the workbook.
    #[error("{file}: wrong password")]
    WrongPassword {
        /// The file.
        file: Workbook,
    },
    /// The workbook is encrypted with Excel's public default password.
    #[error("{file}: encrypted with Excel's own default password, which protects nothing")]
    DefaultPassword {
        /// The file.
        file: Workbook,
    },
    /// The encrypted workbook was changed after it was encrypted.
    #[error("{file}: changed since it was encrypted: its integrity check fails")]
    Changed {
        /// The file.
        file: Workbook,
    },
    /// No visible sheet has content, or a sheet that the settings list is empty.
    #[error("{file}: no visible sheet has a header row")]
    NoSheet {
        /// The file.
        file: Workbook,
    },
    /// No sheet that may be read has all required columns.
    #[error("{file}: sheet {sheet:?} lacks {missing}; {header}", missing = columns(.missing), header = header(.found))]
    MissingColumn {
        /// The file.
        file: Workbook,
        /// The sheet with the fewest missing columns.
        sheet: String,
        /// The missing columns.
        missing: Vec<&'static str>,
        /// The column names in the header row. Empty if the first row does not look like a header.
        found: Vec<String>,
    },
    /// The settings list a sheet that the workbook does not have.
    #[error("{file}: no sheet is named {sheet:?}; it has {sheets}", sheets = quoted(.sheets))]
    NoSuchSheet {
        /// The file.
        file: Workbook,
        /// The sheet's name in the settings.
        sheet: String,
        /// The visible sheets.
        sheets: Vec<String>,
    },
    /// Several visible sheets have the required columns and at least one row below them.
    #[error("{file}: the sheets {sheets} all have the columns, and only one is read by default", sheets = quoted(.sheets))]
    SeveralSheets {
        /// The file.
        file: Workbook,
        /// The sheets.
        sheets: Vec<String>,
    },
    /// The header is below other rows.
    #[error("{file}: sheet {sheet:?}: the header seems to be in row {header}, below other content")]
    TitleRows {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The row that has the columns.
        header: u32,
    },
    /// The row that the settings declare as the header is empty.
    #[error("{file}: sheet {sheet:?}: row {row} is empty, but intake.header_row names it as the header")]
    NoHeader {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The row.
        row: u32,
    },
    /// A consent column holds codes whose meaning is unknown.
    #[error("{file}: sheet {sheet:?}, column {column}: holds codes other than 0 and 1, whose meaning is unknown")]
    CodedConsent {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The column.
        column: &'static str,
    },
    /// Rows refuse consent or stop messages, but it is unclear which customer they concern.
    #[error("{file}: sheet {sheet:?}: {what} without a readable customer_id in {rows}", rows = row_list(.rows, *.count))]
    Unassigned {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The content of the rows: `refusals` or `stops`.
        what: &'static str,
        /// The number of such rows.
        count: usize,
        /// The first of them.
        rows: Vec<u32>,
    },
    /// Most amounts are negative, and the settings do not say which sign spending has.
    #[error(
        "{file}: sheet {sheet:?}, column transaction_amount: {percent} % of the amounts are negative, so it is unclear whether \
         spending is positive or negative"
    )]
    UnclearSign {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The percentage.
        percent: u32,
    },
    /// The amounts in a column are in several currencies.
    #[error("{file}: sheet {sheet:?}, column {column}: holds several currencies: {list}", list = .currencies.join(", "))]
    MixedCurrencies {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The column.
        column: &'static str,
        /// The currencies.
        currencies: Vec<String>,
    },
    /// The names of some columns suggest customers who must not be contacted, but the settings neither map nor decline
    /// these columns.
    #[error(
        "{file}: sheet {sheet:?}: these columns are not read, although their names suggest customers who must not be contacted: {columns}",
        columns = quoted(.columns)
    )]
    UnreadStops {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The columns' names in the header.
        columns: Vec<String>,
    },
    /// Two columns of a sheet have the same name.
    #[error("{file}: sheet {sheet:?} has two columns named {column}")]
    DuplicateColumn {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The column.
        column: &'static str,
    },
    /// The workbook exceeds a limit.
    #[error("{file}: {part}exceeds the limit of {limit} {unit}", part = place(.sheet.as_ref(), *.row))]
    TooLarge {
        /// The file.
        file: Workbook,
        /// The sheet, if the limit concerns a sheet.
        sheet: Option<String>,
        /// The row, if the limit concerns a cell.
        row: Option<u32>,
        /// The limit.
        limit: u64,
        /// The limited quantity, as a phrase that follows the limit.
        unit: &'static str,
    },
    /// Too many rows are unusable.
    #[error(
        "{file}: sheet {sheet:?}: {bad} of {rows} rows cannot be used: {problems}",
        problems = first_problems(.problems, *.bad)
    )]
    TooManyBadRows {
        /// The file.
        file: Workbook,
        /// The sheet.
        sheet: String,
        /// The number of bad rows.
        bad: usize,
        /// The number of rows in the sheet.
        rows: usize,
        /// The problems in the first bad rows.
        problems: Vec<RowProblem>,
    },
    /// Several errors, in one or more workbooks.
    #[error("{}", .0.iter().map(Error::to_string).collect::<Vec<_>>().join("; "))]
    Multiple(Vec<Error>),
    /// The task that was reading the workbooks was aborted or panicked.
    #[error("failed to read the workbooks: the reader stopped early")]
    Interrupted,
}

/// Drops the panic's message, because it may quote a cell.
impl From<tokio::task::JoinError> for Error {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::Interrupted
    }
}

/// The kind of a file that is not an `.xlsx` workbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A file without content.
    Empty,
    /// The binary format of Excel 97 to 2003.
    LegacyXls,
    /// The binary format `.xlsb`.
    Xlsb,
    /// Delimited text.
    Csv,
    /// A web page. Some banking systems export web pages with a workbook's file name.
    Html,
    /// An `OpenDocument` spreadsheet.
    Ods,
    /// A password-protected `OpenDocument` spreadsheet.
    ProtectedOds,
    /// A Word document.
    Word,
    /// A `PowerPoint` presentation.
    PowerPoint,
    /// Another zip archive.
    Zip,
    /// Any other file.
    Unknown,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::LegacyXls => "a legacy .xls workbook",
            Self::Xlsb => "a binary .xlsb workbook",
            Self::Csv => "comma- or tab-separated text",
            Self::Html => "a web page",
            Self::Ods => "an OpenDocument spreadsheet (.ods)",
            Self::ProtectedOds => "a password-protected OpenDocument spreadsheet (.ods)",
            Self::Word => "a Word document",
            Self::PowerPoint => "a PowerPoint presentation",
            Self::Zip => "another kind of archive",
            Self::Unknown => "a file of an unknown kind",
        })
    }
}

/// The part of a workbook that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DamagedPart {
    /// The compound file around an encrypted workbook.
    EncryptedContainer,
    /// The zip archive.
    Archive,
    /// The XML of the workbook, its strings or its styles.
    Xml,
    /// A sheet.
    Sheet(String),
    /// The text of a delimited file.
    Text,
}

impl fmt::Display for DamagedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EncryptedContainer => f.write_str("its encrypted container"),
            Self::Archive => f.write_str("its archive"),
            Self::Xml => f.write_str("its XML"),
            Self::Text => f.write_str("its text as UTF-8 or UTF-16"),
            Self::Sheet(name) => write!(f, "sheet {name:?}"),
        }
    }
}

fn file_names(files: &[Workbook]) -> String {
    files.iter().map(|file| file.file_name()).collect::<Vec<_>>().join(", ")
}

fn columns(missing: &[&str]) -> String {
    let noun = if missing.len() == 1 { "the column" } else { "the columns" };
    format!("{noun} {}", missing.join(", "))
}

fn header(found: &[String]) -> String {
    if found.is_empty() {
        "its first row has no known column name and may not be a header".to_owned()
    } else {
        format!("it has {}", found.join(", "))
    }
}

fn only_protected(only: Option<&str>) -> String {
    only.map_or_else(String::new, |only| format!(": it has only {only}, which leaves its content readable"))
}

fn quoted(names: &[String]) -> String {
    let first = names.iter().take(MAX_LISTED).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if names.len() > MAX_LISTED { format!("{first} and {} more", names.len() - MAX_LISTED) } else { first }
}

fn row_list(rows: &[u32], count: usize) -> String {
    let first = rows.iter().take(MAX_LISTED).map(|row| format!("row {row}")).collect::<Vec<_>>().join(", ");
    if count > MAX_LISTED { format!("{first} and {} more", count - MAX_LISTED) } else { first }
}

fn place(sheet: Option<&String>, row: Option<u32>) -> String {
    let Some(sheet) = sheet else { return String::new() };
    row.map_or_else(|| format!("sheet {sheet:?} "), |row| format!("sheet {sheet:?}, row {row} "))
}

fn first_problems(problems: &[RowProblem], bad: usize) -> String {
    let groups = ProblemGroup::of(problems);
    let first = groups.iter().take(MAX_LISTED).map(ProblemGroup::to_string).collect::<Vec<_>>().join("; ");
    let listed: usize = groups.iter().take(MAX_LISTED).map(|group| group.rows.len()).sum();
    if bad > listed { format!("{first}; and {} other rows", bad - listed) } else { first }
}

impl Error {
    /// Returns a single error unchanged, or several errors as [`Error::Multiple`].
    pub(crate) fn combine(mut errors: Vec<Self>) -> Self {
        if errors.len() == 1 { errors.remove(0) } else { Self::Multiple(errors) }
    }
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            // Use the first error, because workbooks after it are not joined.
            Self::Multiple(errors) => errors.first().map_or(ErrorName::InputNotAWorkbook, Self::name),
            Self::Store(error) => error.name(),
            Self::Vault(error) => error.name(),
            Self::Secret(error) => error.name(),
            Self::Reader { name, .. } => *name,
            Self::InputChanged { .. } => ErrorName::ConfigChanged,
            Self::UnknownCustomer { .. } | Self::Forgotten { .. } => ErrorName::InputUnknownCustomer,
            Self::MissingWorkbook { .. } => ErrorName::InputMissingWorkbook,
            Self::NotAWorkbook { .. }
            | Self::UnknownEncryption { .. }
            | Self::Damaged { .. }
            | Self::Changed { .. }
            | Self::Interrupted => ErrorName::InputNotAWorkbook,
            Self::NotProtected { .. } | Self::DefaultPassword { .. } => ErrorName::InputNotProtected,
            Self::WrongPassword { .. } => ErrorName::InputWrongPassword,
            Self::NoSheet { .. }
            | Self::NoSuchSheet { .. }
            | Self::MissingColumn { .. }
            | Self::TitleRows { .. }
            | Self::NoHeader { .. }
            | Self::DuplicateColumn { .. } => ErrorName::InputMissingColumn,
            Self::SeveralSheets { .. }
            | Self::CodedConsent { .. }
            | Self::Unassigned { .. }
            | Self::UnclearSign { .. }
            | Self::MixedCurrencies { .. }
            | Self::UnreadStops { .. } => ErrorName::InputAmbiguous,
            Self::TooLarge { .. } => ErrorName::InputTooLarge,
            Self::TooManyBadRows { .. } => ErrorName::InputTooManyBadRows,
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::Multiple(errors) => {
                let mut helps: Vec<String> = errors.iter().filter_map(Self::help).collect();
                helps.dedup();
                return Some(helps.join("; "));
            }
            Self::NoSuchSheet { file, .. } => {
                return Some(format!("correct intake.sheets.{} in bespoke.toml", file.name()));
            }
            Self::SeveralSheets { file, sheets } => {
                let setting = format!("intake.sheets.{} = [{}]", file.name(), quoted(sheets));
                return Some(format!(
                    "hide or remove all but one, or list in bespoke.toml the sheets to read and join, such as {setting}"
                ));
            }
            Self::TitleRows { file, header, .. } => {
                let setting = format!("intake.header_row.{} = {header}", file.name());
                return Some(format!("remove the rows above it, or set {setting} in bespoke.toml"));
            }
            Self::NoHeader { file, .. } => {
                return Some(format!("correct intake.header_row.{} in bespoke.toml", file.name()));
            }
            Self::UnreadStops { columns, .. } => {
                return Some(format!(
                    "map each one under [intake.columns.profile] in bespoke.toml, such as deceased = {first:?}, or list it in \
                     intake.stops.declined = [{all}]",
                    first = columns.first().map_or("", String::as_str),
                    all = quoted(columns)
                ));
            }
            Self::Reader { help, .. } => return help.clone(),
            Self::Store(error) => return error.help(),
            Self::Vault(error) => return error.help(),
            Self::Secret(error) => return error.help(),
            Self::InputChanged { .. } => "start a new run",
            Self::Forgotten { .. } => "choose another customer; bespoke suppress --list shows who is suppressed",
            Self::UnknownCustomer { .. } => {
                "compare the id with the column customer_id of customer_profile.xlsx; leading zeros matter"
            }
            Self::MissingWorkbook { .. } => {
                "upload all three files: customer_profile.xlsx, customer_transactions.xlsx and twitter_data.xlsx"
            }
            Self::NotAWorkbook { .. } => "open it in a spreadsheet program and save it as .xlsx with a password",
            Self::UnknownEncryption { .. } => {
                "save it in a current version of Excel, with a password and without rights management or a certificate"
            }
            Self::UnclearSign { .. } => {
                "set intake.spending = \"negative\" or \"positive\" in bespoke.toml, or name columns for debits and credits as \
                 debit_amount and credit_amount under [intake.columns.transactions]"
            }
            Self::MixedCurrencies { .. } => "convert the amounts to one currency, or split the batch by currency",
            Self::DefaultPassword { .. } => "save it again with the bank's own password",
            Self::Changed { .. } => "upload the workbook again from its source",
            Self::Damaged { .. } => "upload the workbook again, or save it again in a spreadsheet program",
            Self::Interrupted => {
                "run bespoke check to find the faulty workbook, and save it again in a spreadsheet program"
            }
            Self::NotProtected { .. } => {
                "save it with a password, or set intake.allow_unprotected = true to read workbooks without one"
            }
            Self::WrongPassword { .. } => {
                "check EXCEL_PASSWORD, which must open all three workbooks; if it is right, the file is damaged"
            }
            Self::NoSheet { .. } => "make the sheet visible and give it a header row",
            Self::MissingColumn { .. } => {
                "rename the column, or name the bank's own column under [intake.columns] in bespoke.toml"
            }
            Self::DuplicateColumn { .. } => "remove or rename one of the two",
            Self::CodedConsent { .. } => {
                "list the codes under [intake.consent] in bespoke.toml, such as yes = [\"2\"] and no = [\"1\"]"
            }
            Self::Unassigned { .. } => "correct the ids of these rows, or remove rows that belong to no customer",
            Self::TooLarge { .. } => "split the batch, or remove what does not belong in the workbook",
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
    async fn panic_message_is_dropped() {
        let joined = tokio::spawn(async { panic!("José spent 12.50") }).await;
        let error = Error::from(joined.unwrap_err());
        assert_eq!(chain(&error), "failed to read the workbooks: the reader stopped early");
    }
}
