//! Reads delimited text, such as CSV, by the same rules as a sheet.

use std::borrow::Cow;

use contracts::key::Workbook;
use csv::{ReaderBuilder, StringRecord};

use crate::error::{DamagedPart, Error};
use crate::sheet::{RawCell, RawRow, SheetRequest, SheetRow, SheetSummary, match_columns};
use crate::value::Cell;

/// The sheet name in messages about text files.
const SHEET: &str = "CSV";
/// The supported delimiters, most common first.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Passes the rows of a table to `on_row`. The delimiter is the first one that yields a header with all required
/// columns.
pub fn read_delimited(
    request: &SheetRequest<'_>,
    bytes: &[u8],
    mut on_row: impl FnMut(SheetRow<'_>),
) -> Result<SheetSummary, Error> {
    let file = request.file;
    let text = decoded(file, bytes)?;
    let too_large = |row, limit, unit| Error::TooLarge { file, sheet: Some(SHEET.to_owned()), row, limit, unit };
    if text.len() as u64 > request.limits.unpacked {
        return Err(too_large(None, request.limits.unpacked, "bytes"));
    }
    let mut nearest: Option<Error> = None;
    for delimiter in DELIMITERS {
        let mut rows = Rows::new(file, &text, delimiter);
        let Some(number) = rows.next_header(request)? else {
            return Err(match request.intake.header_row.get(&file) {
                Some(row) => Error::NoHeader { file, sheet: SHEET.to_owned(), row: *row },
                None => Error::NoSheet { file },
            });
        };
        let header = match match_columns(request, SHEET, &raw_row(number, &rows.record)) {
            Ok(header) => header,
            Err(error) => {
                if nearest.as_ref().is_none_or(|other| missing(&error) < missing(other)) {
                    nearest = Some(error);
                }
                continue;
            }
        };
        let present: Vec<bool> = (0..request.columns.len()).map(|at| header.column_of(at).is_some()).collect();
        let mut cells = vec![Cell::Empty; request.columns.len()];
        let mut seen = 0_u64;
        while let Some(number) = rows.next()? {
            cells.fill(Cell::Empty);
            for (field, position) in rows.record.iter().zip(&header.positions) {
                seen += 1;
                let Some(position) = position else { continue };
                if field.len() as u64 > request.limits.characters
                    && field.chars().count() as u64 > request.limits.characters
                {
                    return Err(too_large(Some(number), request.limits.characters, "characters in one cell"));
                }
                if !field.is_empty() {
                    cells[*position] = Cell::Text(field.to_owned().into());
                }
            }
            if seen > request.limits.cells {
                return Err(too_large(None, request.limits.cells, "cells"));
            }
            if cells.iter().any(|cell| !cell.is_blank()) {
                on_row(SheetRow { number, sheet: SHEET, cells: &cells, present: &present, epoch_1904: false });
            }
        }
        return Ok(SheetSummary {
            sheets: vec![SHEET.to_owned()],
            present,
            headers: header.texts,
            unread: header.unread,
            ..SheetSummary::default()
        });
    }
    Err(nearest.unwrap_or(Error::NoSheet { file }))
}

/// Decodes a file in UTF-8, or in UTF-16 with a byte-order mark.
fn decoded(file: Workbook, bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    let damaged = || Error::Damaged { file, part: DamagedPart::Text };
    let (encoding, mark) = encoding_rs::Encoding::for_bom(bytes).unwrap_or((encoding_rs::UTF_8, 0));
    let body = bytes.get(mark..).unwrap_or_default();
    encoding.decode_without_bom_handling_and_without_replacement(body).ok_or_else(damaged)
}

/// Returns the number of missing columns that an error reports.
fn missing(error: &Error) -> usize {
    match error {
        Error::MissingColumn { missing, .. } => missing.len(),
        _ => 0,
    }
}

/// The rows of a table.
struct Rows<'t> {
    file: Workbook,
    reader: csv::Reader<&'t [u8]>,
    record: StringRecord,
}

impl<'t> Rows<'t> {
    fn new(file: Workbook, text: &'t str, delimiter: u8) -> Self {
        let reader =
            ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
        Self { file, reader, record: StringRecord::new() }
    }

    /// Reads the next row with content into `record`. Returns its line, counted from 1.
    fn next(&mut self) -> Result<Option<u32>, Error> {
        let damaged = |_| Error::Damaged { file: self.file, part: DamagedPart::Text };
        while self.reader.read_record(&mut self.record).map_err(damaged)? {
            if self.record.iter().any(|field| !field.trim().is_empty()) {
                let line = self.record.position().map_or(0, csv::Position::line);
                return Ok(Some(u32::try_from(line).unwrap_or(u32::MAX)));
            }
        }
        Ok(None)
    }

    fn next_header(&mut self, request: &SheetRequest<'_>) -> Result<Option<u32>, Error> {
        let Some(row) = request.intake.header_row.get(&request.file) else { return self.next() };
        while let Some(number) = self.next()? {
            if number >= *row {
                return Ok((number == *row).then_some(number));
            }
        }
        Ok(None)
    }
}

fn raw_row(number: u32, record: &StringRecord) -> RawRow<'_> {
    let cell = |(column, field): (u32, &'_ str)| RawCell {
        column,
        cell: Cell::Text(field.to_owned().into()),
        is_formula: false,
    };
    RawRow { number, cells: (0..).zip(record).map(cell).filter(|cell| !cell.cell.is_blank()).collect() }
}
