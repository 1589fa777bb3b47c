//! Reads one sheet of a workbook, cell by cell: finds the sheet by its columns, then hands over row after row.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use contracts::key::Workbook;
use contracts::panics::caught;

use crate::error::Error;
use crate::unlock::Limits;
use crate::value::{Cell, day_of};

/// The most header texts that a message lists, and the most characters of each.
const FOUND: (usize, usize) = (30, 40);

/// The rows and columns of a sheet (ECMA-376 part 1, 18.3.1.73 and 18.3.1.13): whatever claims to lie beyond them would
/// only cost memory.
const ROWS: u32 = 1_048_576;
const COLUMNS: u32 = 16_384;

/// A column that is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Our name for it.
    pub name: &'static str,
    /// Whether the sheet cannot be read without it.
    pub required: bool,
}

/// Shorthand for tables of columns.
pub const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

/// Shorthand for tables of columns.
pub const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// A row that is not empty.
pub struct Row<'a> {
    /// Its number, counted from 1 as a spreadsheet counts.
    pub number: u32,
    /// The sheet's name.
    pub sheet: &'a str,
    /// One cell for each column that was looked for, in that order.
    pub cells: &'a [Cell<'a>],
    /// Whether serial dates count from 1904.
    pub epoch_1904: bool,
}

/// The bank's own column names by ours.
pub type Renamed = BTreeMap<String, String>;

/// Reads the first visible sheet that has every required column and hands its rows to `each`. Returns the sheet's name.
///
/// Names of columns are the same whatever their case, spaces, underscores and other marks; `renamed` comes first.
pub fn read_sheet(
    file: Workbook,
    package: &[u8],
    columns: &[Column],
    renamed: Option<&Renamed>,
    limits: &Limits,
    mut each: impl FnMut(Row<'_>),
) -> Result<String, Error> {
    let mut workbook: Xlsx<_> = sound(file, || Xlsx::new(Cursor::new(package)))?;
    let epoch_1904 = workbook.has_1904_epoch();
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect();
    let mut nearest: Option<Error> = None;
    for sheet in sheets {
        let mut cells = Cells::open(file, &mut workbook, &sheet, limits)?;
        let mut found = FoundRow::default();
        if !cells.next_row(&mut found)? {
            continue;
        }
        let header = std::mem::take(&mut found);
        let header = match match_columns(file, &sheet, &header, columns, renamed) {
            Ok(header) => header,
            Err(error) => {
                if nearest.as_ref().is_none_or(|other| lacking(&error) < lacking(other)) {
                    nearest = Some(error);
                }
                continue;
            }
        };
        let mut row = vec![Cell::Empty; columns.len()];
        while cells.next_row(&mut found)? {
            row.fill(Cell::Empty);
            for (at, cell) in found.cells.drain(..) {
                if let Some(Some(column)) = header.get(at as usize) {
                    row[*column] = cell;
                }
            }
            if row.iter().any(|cell| !cell.is_blank()) {
                each(Row { number: found.number, sheet: &sheet, cells: &row, epoch_1904 });
            }
        }
        return Ok(sheet);
    }
    Err(nearest.unwrap_or(Error::NoSheet { file }))
}

fn lacking(error: &Error) -> usize {
    if let Error::MissingColumn { missing, .. } = error { missing.len() } else { 0 }
}

/// A name by its letters and digits, in lower case: `Customer ID`, `customer_id` and `CustomerId` are one.
pub fn plain_name(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// For each column of the sheet, which of `columns` it is.
fn match_columns(
    file: Workbook,
    sheet: &str,
    header: &FoundRow<'_>,
    columns: &[Column],
    renamed: Option<&Renamed>,
) -> Result<Vec<Option<usize>>, Error> {
    let wanted: Vec<String> = columns
        .iter()
        .map(|column| plain_name(renamed.and_then(|names| names.get(column.name)).map_or(column.name, String::as_str)))
        .collect();
    let mut matched = Vec::new();
    let mut found = Vec::new();
    let mut places = vec![None; columns.len()];
    for (at, cell) in &header.cells {
        let Cell::Text(name) = cell else { continue };
        found.push(name.trim().chars().take(FOUND.1).collect::<String>());
        let plain = plain_name(name);
        let Some(column) = wanted.iter().position(|wanted| *wanted == plain) else { continue };
        if places[column].replace(*at).is_some() {
            return Err(Error::ColumnTwice { file, sheet: sheet.to_owned(), column: columns[column].name });
        }
        let at = *at as usize;
        matched.resize(matched.len().max(at + 1), None);
        matched[at] = Some(column);
    }
    let absent = |(place, column): (&Option<u32>, &Column)| (place.is_none() && column.required).then_some(column.name);
    let missing: Vec<&str> = places.iter().zip(columns).filter_map(absent).collect();
    if missing.is_empty() {
        return Ok(matched);
    }
    // A first row without any known name may hold a customer's data, which no message may repeat.
    if matched.is_empty() {
        found.clear();
    }
    found.truncate(FOUND.0);
    Err(Error::MissingColumn { file, sheet: sheet.to_owned(), missing, found })
}

#[derive(Default)]
struct FoundRow<'w> {
    number: u32,
    cells: Vec<(u32, Cell<'w>)>,
}

/// The cells of one sheet, gathered into rows.
struct Cells<'w, 'p> {
    file: Workbook,
    reader: calamine::XlsxCellReader<'w, Cursor<&'p [u8]>>,
    limits: Limits,
    seen: u64,
    /// The first cell of the row after the one that was given last, and that row's number.
    pending: Option<(u32, (u32, Cell<'w>))>,
    done: bool,
}

impl<'w, 'p> Cells<'w, 'p> {
    fn open(
        file: Workbook,
        workbook: &'w mut Xlsx<Cursor<&'p [u8]>>,
        sheet: &str,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let reader = sound(file, || workbook.worksheet_cells_reader(sheet))?;
        Ok(Self { file, reader, limits: *limits, seen: 0, pending: None, done: false })
    }

    /// Puts the next row that has a cell with something in it into `row`, whose memory is used again; tells whether there
    /// is one.
    fn next_row(&mut self, row: &mut FoundRow<'w>) -> Result<bool, Error> {
        row.cells.clear();
        if let Some((number, first)) = self.pending.take() {
            row.number = number;
            row.cells.push(first);
        }
        while !self.done {
            let Some(next) = sound(self.file, || self.reader.next_cell())? else {
                self.done = true;
                break;
            };
            self.seen += 1;
            if self.seen > self.limits.cells {
                return Err(Error::TooLarge { file: self.file, what: "cells", limit: self.limits.cells });
            }
            let (index, column) = next.get_position();
            if index >= ROWS || column >= COLUMNS {
                return Err(Error::Damaged { file: self.file, part: "a sheet" });
            }
            let cell = self.cell(next.get_value())?;
            if cell.is_blank() {
                continue;
            }
            let number = index + 1;
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

    fn cell(&self, value: &DataRef<'w>) -> Result<Cell<'w>, Error> {
        let text = |text: Cow<'w, str>| {
            if text.len() as u64 > self.limits.characters && text.chars().count() as u64 > self.limits.characters {
                let limit = self.limits.characters;
                return Err(Error::TooLarge { file: self.file, what: "characters in one cell", limit });
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
}

/// What calamine reads. What makes it panic is damaged as well.
fn sound<T>(file: Workbook, read: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, Error> {
    let read = caught(read).ok_or(Error::Damaged { file, part: "a sheet" })?;
    read.map_err(|error| damaged(file, &error))
}

/// calamine's own messages may quote the content, which is personal: only the part is told.
fn damaged(file: Workbook, error: &XlsxError) -> Error {
    let part = match error {
        XlsxError::Io(_) | XlsxError::Zip(_) | XlsxError::FileNotFound(_) | XlsxError::RelationshipNotFound => {
            "its archive"
        }
        XlsxError::Xml(_) | XlsxError::XmlAttr(_) | XlsxError::XmlEof(_) | XlsxError::Encoding(_) => "its XML",
        _ => "a sheet",
    };
    Error::Damaged { file, part }
}
