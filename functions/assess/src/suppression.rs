//! `control/suppressions.csv`: who must not be contacted. What cannot be read is an error, never an empty list.

use contracts::CustomerRef;
use thiserror::Error;

/// Why the list cannot be used. Names the place, never what stands there.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SuppressionsError {
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

/// Whether `list` names the customer. Further columns are allowed; a file of nothing but white space names nobody.
pub fn is_suppressed(list: &[u8], reference: &CustomerRef) -> Result<bool, SuppressionsError> {
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
        let bad = SuppressionsError::Row { row: index + 2 };
        let record = record.map_err(|_| bad)?;
        let listed =
            record.get(column).and_then(|cell| CustomerRef::parse(cell.to_ascii_lowercase()).ok()).ok_or(bad)?;
        found |= listed == *reference;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "00112233445566778899aabbccddeeff";

    fn listed(list: &str) -> Result<bool, SuppressionsError> {
        is_suppressed(list.as_bytes(), &CustomerRef::parse(REFERENCE).unwrap())
    }

    #[test]
    fn a_listed_customer_is_found_as_spreadsheets_write_it() {
        for list in [
            format!("reference\n{REFERENCE}\n"),
            format!("\u{feff}Reference,why\r\n{},\"asked, twice\"\r\n", REFERENCE.to_uppercase()),
            format!("why, reference\nasked, {REFERENCE}"),
        ] {
            assert_eq!(listed(&list), Ok(true), "{list}");
        }
    }

    #[test]
    fn others_are_not_found() {
        assert_eq!(listed("reference\nffffffffffffffffffffffffffffffff\n"), Ok(false));
        assert_eq!(listed("reference\n"), Ok(false));
        assert_eq!(listed("\n"), Ok(false));
    }

    #[test]
    fn a_list_that_cannot_be_read_suppresses_the_run_rather_than_nobody() {
        assert_eq!(listed("id\n1\n"), Err(SuppressionsError::NoColumn));
        assert_eq!(listed(&format!("reference\n{REFERENCE}\n0042\n")), Err(SuppressionsError::Row { row: 3 }));
        assert_eq!(listed(&format!("{REFERENCE}\n")), Err(SuppressionsError::NoColumn));
    }
}
