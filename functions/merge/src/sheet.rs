//! Reads one sheet of a workbook: finds it by its columns, then hands out its rows one by one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use contracts::key::Workbook;
use contracts::panics::caught;

use crate::error::{DamagedPart, Error};
use crate::unlock::IntakeLimits;
use crate::value::{Cell, day_of};

/// The most header texts that a message lists.
const MAX_LISTED_HEADERS: usize = 30;
/// The most characters of a header text in a message.
const MAX_HEADER_CHARS: usize = 40;

/// The rows of a sheet (ECMA-376 part 1, 18.3.1.73). A cell beyond them would only cost memory.
const MAX_ROWS: u32 = 1_048_576;
/// The columns of a sheet (ECMA-376 part 1, 18.3.1.13).
const MAX_COLUMNS: u32 = 16_384;

/// A column to look for.
#[derive(Clone, Copy, Debug)]
pub struct SourceColumn {
    /// Bespoke's name for it.
    pub name: &'static str,
    /// Whether a sheet without it cannot be read.
    pub required: bool,
}

/// Returns a required column, for tables of columns.
pub const fn required(name: &'static str) -> SourceColumn {
    SourceColumn { name, required: true }
}

/// Returns an optional column, for tables of columns.
pub const fn optional(name: &'static str) -> SourceColumn {
    SourceColumn { name, required: false }
}

/// A row with content.
pub struct SheetRow<'a> {
    /// Its number, counted from 1 as a spreadsheet counts.
    pub number: u32,
    /// The sheet's name.
    pub sheet: &'a str,
    /// One cell for each column to look for, in the order of those columns.
    pub cells: &'a [Cell<'a>],
    /// Whether serial dates count from 1904.
    pub epoch_1904: bool,
}

/// The bank's own column names, by Bespoke's names.
pub type ColumnNames = BTreeMap<String, String>;

/// Finds the first visible sheet with every required column and hands its rows to `on_row`. Returns the sheet's name.
///
/// Column names match whatever their case, spaces, underscores and other marks. `column_names` takes precedence.
pub fn read_sheet(
    file: Workbook,
    package: &[u8],
    columns: &[SourceColumn],
    column_names: Option<&ColumnNames>,
    limits: &IntakeLimits,
    mut on_row: impl FnMut(SheetRow<'_>),
) -> Result<String, Error> {
    let mut workbook: Xlsx<_> = guarded(|| Xlsx::new(Cursor::new(package))).map_err(|fault| fault.of(file, None))?;
    let epoch_1904 = workbook.has_1904_epoch();
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect();
    let mut nearest: Option<Error> = None;
    for sheet in sheets {
        let mut reader = RowReader::open(file, &mut workbook, &sheet, limits)?;
        let mut raw = RawRow::default();
        if !reader.next_row(&mut raw)? {
            continue;
        }
        let header = std::mem::take(&mut raw);
        let header = match match_columns(file, &sheet, &header, columns, column_names) {
            Ok(header) => header,
            Err(error) => {
                if nearest.as_ref().is_none_or(|other| missing_count(&error) < missing_count(other)) {
                    nearest = Some(error);
                }
                continue;
            }
        };
        let mut row = vec![Cell::Empty; columns.len()];
        while reader.next_row(&mut raw)? {
            row.fill(Cell::Empty);
            for (at, cell) in raw.cells.drain(..) {
                if let Some(Some(column)) = header.get(at as usize) {
                    row[*column] = cell;
                }
            }
            if row.iter().any(|cell| !cell.is_blank()) {
                on_row(SheetRow { number: raw.number, sheet: &sheet, cells: &row, epoch_1904 });
            }
        }
        return Ok(sheet);
    }
    Err(nearest.unwrap_or(Error::NoSheet { file }))
}

fn missing_count(error: &Error) -> usize {
    if let Error::MissingColumn { missing, .. } = error { missing.len() } else { 0 }
}

/// Reduces a name to its letters and digits in lower case, so that `Customer ID`, `customer_id` and `CustomerId` are equal.
pub fn plain_name(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns, for each column of the sheet, its position in `columns` if it is one of them.
fn match_columns(
    file: Workbook,
    sheet: &str,
    header: &RawRow<'_>,
    columns: &[SourceColumn],
    column_names: Option<&ColumnNames>,
) -> Result<Vec<Option<usize>>, Error> {
    let own_name = |column: &SourceColumn| {
        plain_name(column_names.and_then(|names| names.get(column.name)).map_or(column.name, String::as_str))
    };
    let names: Vec<String> = columns.iter().map(own_name).collect();
    let mut matched = Vec::new();
    let mut found = Vec::new();
    let mut places = vec![None; columns.len()];
    for (at, cell) in &header.cells {
        let Cell::Text(text) = cell else { continue };
        found.push(text.trim().chars().take(MAX_HEADER_CHARS).collect::<String>());
        let plain = plain_name(text);
        let Some(column) = names.iter().position(|name| *name == plain) else { continue };
        if places[column].replace(*at).is_some() {
            return Err(Error::DuplicateColumn { file, sheet: sheet.to_owned(), column: columns[column].name });
        }
        let at = *at as usize;
        matched.resize(matched.len().max(at + 1), None);
        matched[at] = Some(column);
    }
    let absent =
        |(place, column): (&Option<u32>, &SourceColumn)| (place.is_none() && column.required).then_some(column.name);
    let missing: Vec<&str> = places.iter().zip(columns).filter_map(absent).collect();
    if missing.is_empty() {
        return Ok(matched);
    }
    // A first row without any known name may hold a customer's data, which messages must not repeat.
    if matched.is_empty() {
        found.clear();
    }
    found.truncate(MAX_LISTED_HEADERS);
    Err(Error::MissingColumn { file, sheet: sheet.to_owned(), missing, found })
}

/// A row as the sheet has it: its cells by column number.
#[derive(Default)]
struct RawRow<'w> {
    number: u32,
    cells: Vec<(u32, Cell<'w>)>,
}

/// Groups the cells of one sheet into rows.
struct RowReader<'w, 'p> {
    file: Workbook,
    sheet: String,
    cells: calamine::XlsxCellReader<'w, Cursor<&'p [u8]>>,
    limits: IntakeLimits,
    seen: u64,
    /// The first cell of the row after the last one returned, with that row's number.
    pending: Option<(u32, (u32, Cell<'w>))>,
    done: bool,
}

impl<'w, 'p> RowReader<'w, 'p> {
    fn open(
        file: Workbook,
        workbook: &'w mut Xlsx<Cursor<&'p [u8]>>,
        sheet: &str,
        limits: &IntakeLimits,
    ) -> Result<Self, Error> {
        let cells = guarded(|| workbook.worksheet_cells_reader(sheet)).map_err(|fault| fault.of(file, Some(sheet)))?;
        Ok(Self { file, sheet: sheet.to_owned(), cells, limits: *limits, seen: 0, pending: None, done: false })
    }

    /// Replaces `row` with the next row that has content. Returns whether there is one.
    fn next_row(&mut self, row: &mut RawRow<'w>) -> Result<bool, Error> {
        row.cells.clear();
        if let Some((number, first)) = self.pending.take() {
            row.number = number;
            row.cells.push(first);
        }
        while !self.done {
            let next = guarded(|| self.cells.next_cell()).map_err(|fault| fault.of(self.file, Some(&self.sheet)))?;
            let Some(next) = next else {
                self.done = true;
                break;
            };
            self.seen += 1;
            if self.seen > self.limits.cells {
                return Err(self.too_large(None, self.limits.cells, "cells"));
            }
            let (index, column) = next.get_position();
            if index >= MAX_ROWS || column >= MAX_COLUMNS {
                return Err(Error::Damaged { file: self.file, part: DamagedPart::Sheet(self.sheet.clone()) });
            }
            let number = index + 1;
            let cell = self.cell(number, next.get_value())?;
            if cell.is_blank() {
                continue;
            }
            if row.cells.is_empty() {
                row.number = number;
            } else if row.number != number {
                self.pending = Some((number, (column, cell)));
                return Ok(true);
            }
            row.cells.push((column, cell));
        }
        Ok(!row.cells.is_empty())
    }

    fn cell(&self, row: u32, value: &DataRef<'w>) -> Result<Cell<'w>, Error> {
        let text = |text: Cow<'w, str>| {
            let limit = self.limits.characters;
            // Counting characters is slow, and a text has at least as many bytes.
            if text.len() as u64 > limit && text.chars().count() as u64 > limit {
                return Err(self.too_large(Some(row), limit, "characters in one cell"));
            }
            Ok(Cell::Text(text))
        };
        Ok(match value {
            DataRef::Empty => Cell::Empty,
            DataRef::String(string) | DataRef::DateTimeIso(string) | DataRef::DurationIso(string) => {
                text(string.clone().into())?
            }
            DataRef::SharedString(string) => text((*string).into())?,
            #[expect(clippy::cast_precision_loss, reason = "ids beyond 15 digits are refused anyway")]
            DataRef::Int(number) => Cell::Number(*number as f64),
            DataRef::Float(number) => Cell::Number(*number),
            DataRef::Bool(answer) => Cell::Bool(*answer),
            DataRef::DateTime(moment) if moment.is_datetime() => day_of(moment).map_or(Cell::Error, Cell::Date),
            DataRef::DateTime(_) | DataRef::Error(_) => Cell::Error,
        })
    }

    fn too_large(&self, row: Option<u32>, limit: u64, unit: &'static str) -> Error {
        Error::TooLarge { file: self.file, sheet: Some(self.sheet.clone()), row, limit, unit }
    }
}

/// The part of a workbook at which calamine failed. calamine's own messages may quote personal data and are dropped.
#[derive(Clone, Copy)]
enum Fault {
    Archive,
    Xml,
    Content,
}

impl Fault {
    fn of(self, file: Workbook, sheet: Option<&str>) -> Error {
        let part = match (self, sheet) {
            (Self::Archive, _) => DamagedPart::Archive,
            (Self::Content, Some(sheet)) => DamagedPart::Sheet(sheet.to_owned()),
            (Self::Xml, _) | (Self::Content, None) => DamagedPart::Xml,
        };
        Error::Damaged { file, part }
    }
}

/// Runs a call into calamine. A panic in it counts as a damaged workbook.
fn guarded<T>(read: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, Fault> {
    caught(read).ok_or(Fault::Content)?.map_err(|error| match error {
        XlsxError::Io(_) | XlsxError::Zip(_) | XlsxError::FileNotFound(_) | XlsxError::RelationshipNotFound => {
            Fault::Archive
        }
        XlsxError::Xml(_) | XlsxError::XmlAttr(_) | XlsxError::XmlEof(_) | XlsxError::Encoding(_) => Fault::Xml,
        _ => Fault::Content,
    })
}
