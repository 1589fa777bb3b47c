//! `control/suppressions.csv`: who must not be contacted. It may change at any time, so it is never cached.

use contracts::store::ObjectStore;
use contracts::{CustomerRef, ObjectKey};

use crate::Error;

/// Whether the customer is on the list as it stands now. No list is an empty one.
pub async fn holds(store: &dyn ObjectStore, reference: &CustomerRef) -> Result<bool, Error> {
    match store.find(&ObjectKey::Suppressions).await? {
        Some(bytes) => listed(&bytes, reference),
        None => Ok(false),
    }
}

/// Looks a reference up in the list's bytes. Other columns are the bank's own; a line that cannot be understood is an
/// error, because it may name the very customer.
fn listed(csv: &[u8], reference: &CustomerRef) -> Result<bool, Error> {
    let csv = csv.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(csv);
    if csv.trim_ascii().is_empty() {
        return Ok(false);
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(csv);
    let wrong = |line, expected| Error::Suppressions { line, expected };
    let headers = reader.headers().map_err(|_| wrong(1, "UTF-8"))?;
    let column = headers.iter().position(|name| name.eq_ignore_ascii_case("reference"));
    let column = column.ok_or(wrong(1, "a header with the column `reference`"))?;
    let mut found = false;
    for record in reader.records() {
        let record = record.map_err(|error| wrong(error.position().map_or(0, csv::Position::line), "UTF-8"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = record.get(column).unwrap_or_default();
        let cell = CustomerRef::parse(cell.to_ascii_lowercase());
        let listed = cell.map_err(|_| wrong(line, "a customer reference of 32 hex digits"))?;
        found |= listed == *reference;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(digit: &str) -> CustomerRef {
        CustomerRef::parse(digit.repeat(32)).unwrap()
    }

    #[test]
    fn a_listed_customer_is_found_whatever_other_columns_and_case_there_are() {
        let list = format!("\u{feff}since,Reference\r\n2026-01-02, {} \r\n", "AB".repeat(16));
        assert!(listed(list.as_bytes(), &CustomerRef::parse("ab".repeat(16)).unwrap()).unwrap());
        assert!(!listed(list.as_bytes(), &reference("c")).unwrap());
    }

    #[test]
    fn an_empty_list_suppresses_nobody() {
        assert!(!listed(b"", &reference("a")).unwrap());
        assert!(!listed(b"reference\n", &reference("a")).unwrap());
    }

    #[test]
    fn a_list_that_cannot_be_understood_is_an_error_that_names_the_line_and_not_the_cell() {
        let message = |list: &str| listed(list.as_bytes(), &reference("a")).unwrap_err().to_string();
        let expected = "control/suppressions.csv: line 1: expected a header with the column `reference`";
        assert_eq!(message("customer\nx\n"), expected);
        let list = format!("reference\n{}\nMaria\n", "b".repeat(32));
        let expected = "control/suppressions.csv: line 3: expected a customer reference of 32 hex digits";
        assert_eq!(message(&list), expected);
    }

    #[test]
    fn a_bad_line_after_the_customers_own_is_still_an_error() {
        let list = format!("reference\n{}\n???\n", "a".repeat(32));
        assert!(listed(list.as_bytes(), &reference("a")).is_err());
    }
}
