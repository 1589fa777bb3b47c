//! `control/suppressions.csv`: who must not be contacted. It may change at any time, so it is read afresh wherever it
//! counts, and what cannot be read is an error, never an empty list.

use thiserror::Error;

use crate::store::{ObjectStore, StoreError};
use crate::{CustomerRef, ErrorName, NamedError, ObjectKey};

/// Why the list cannot be used. Names the place, never what stands there.
#[derive(Debug, Error)]
pub enum SuppressionsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No column is headed `reference`.
    #[error("control/suppressions.csv: there is no column \"reference\"")]
    NoColumn,
    /// A row is not CSV in UTF-8, or holds no reference.
    #[error("control/suppressions.csv: row {row}: not a customer reference of 32 hex digits")]
    Row {
        /// Counted from 1, the header included.
        row: usize,
    },
}

impl NamedError for SuppressionsError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::NoColumn | Self::Row { .. } => ErrorName::ConfigInvalid,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.help(),
            Self::NoColumn | Self::Row { .. } => {
                Some("a CSV with a column `reference`, one customer reference a row".to_owned())
            }
        }
    }
}

/// Whether the customer is on the list as it stands now. No list names nobody.
pub async fn is_suppressed(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<bool, SuppressionsError> {
    match store.find(&ObjectKey::Suppressions).await? {
        Some(list) => names(&list, reference),
        None => Ok(false),
    }
}

/// Whether `list` names the customer. Further columns are allowed; a file of nothing but white space names nobody.
fn names(list: &[u8], reference: &CustomerRef) -> Result<bool, SuppressionsError> {
    // Spreadsheet programs put a byte order mark before UTF-8.
    let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list).trim_ascii();
    if list.is_empty() {
        return Ok(false);
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(list);
    let headers = reader.headers().map_err(|_| SuppressionsError::NoColumn)?;
    let column = headers.iter().position(|header| header.eq_ignore_ascii_case("reference"));
    let column = column.ok_or(SuppressionsError::NoColumn)?;
    let mut found = false;
    for (index, record) in reader.records().enumerate() {
        // A row that cannot be understood may name the very customer.
        let listed = record.ok().and_then(|record| CustomerRef::parse(record.get(column)?.to_ascii_lowercase()).ok());
        found |= listed.ok_or(SuppressionsError::Row { row: index + 2 })? == *reference;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "00112233445566778899aabbccddeeff";

    fn listed(list: &str) -> Result<bool, SuppressionsError> {
        names(list.as_bytes(), &CustomerRef::parse(REFERENCE).unwrap())
    }

    #[test]
    fn a_listed_customer_is_found_as_spreadsheets_write_it() {
        for list in [
            format!("reference\n{REFERENCE}\n"),
            format!("\u{feff}Reference,why\r\n{},\"asked, twice\"\r\n", REFERENCE.to_uppercase()),
            format!("why, reference\nasked, {REFERENCE}"),
        ] {
            assert!(listed(&list).unwrap(), "{list}");
        }
    }

    #[test]
    fn others_are_not_found() {
        for list in ["reference\nffffffffffffffffffffffffffffffff\n", "reference\n", "\n", ""] {
            assert!(!listed(list).unwrap(), "{list:?}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error_that_names_the_row_and_not_the_cell() {
        let said = |list: &str| listed(list).unwrap_err().to_string();
        assert!(said("id\n1\n").contains("no column"));
        assert!(said(&format!("{REFERENCE}\n")).contains("no column"));
        let after_the_customers_own = format!("reference\n{REFERENCE}\nMaria\n");
        assert_eq!(
            said(&after_the_customers_own),
            "control/suppressions.csv: row 3: not a customer reference of 32 hex digits"
        );
    }
}
