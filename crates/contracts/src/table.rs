//! Tables as CSV (RFC 4180) that a spreadsheet can open safely. Every table that Bespoke writes comes from here.

use std::borrow::Cow;

/// The first characters that make a spreadsheet treat a cell as a formula, or that it skips before one.
pub const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Returns whether a spreadsheet may execute a cell.
#[must_use]
pub fn is_formula(cell: &str) -> bool {
    cell.starts_with(FORMULA_STARTS)
}

/// Returns a cell that no spreadsheet executes. A cell that one may execute gets a leading apostrophe, so it is shown
/// as text.
#[must_use]
pub fn inert(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// Returns a table with a header. Every cell is inert.
///
/// # Panics
/// If the rows differ in length from the header.
#[must_use]
pub fn to_csv<Row, Cell>(header: &[&str], rows: impl IntoIterator<Item = Row>) -> Vec<u8>
where
    Row: IntoIterator<Item = Cell>,
    Cell: AsRef<str>,
{
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header.iter().map(|cell| inert(cell).into_owned())).expect("memory takes every write");
    for row in rows {
        let row = row.into_iter().map(|cell| inert(cell.as_ref()).into_owned());
        writer.write_record(row).expect("every row is as long as the header");
    }
    writer.into_inner().expect("memory takes every write")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_executed() {
        let cells = ["=HYPERLINK(\"https://evil.example\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a=1", ""];
        let table = String::from_utf8(to_csv(&["cell"], cells.map(|cell| [cell]))).unwrap();
        let mut read = csv::Reader::from_reader(table.as_bytes());
        let read: Vec<String> = read.records().map(|row| row.unwrap()[0].to_owned()).collect();
        let expected =
            ["'=HYPERLINK(\"https://evil.example\")", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'\r=1", "a=1", ""];
        assert_eq!(read, expected);
    }
}
