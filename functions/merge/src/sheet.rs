//! Reads the sheets of a workbook: finds them by their columns, then passes on their rows one by one.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use contracts::key::Workbook;
use contracts::panics::caught;
use contracts::settings::IntakeSettings;

use crate::error::{DamagedPart, Error};
use crate::package::{Archive, CellLocator, WorkbookPart};
use crate::unlock::IntakeLimits;
use crate::value::{Cell, day_of, visible};

/// The maximum number of column names that a message lists.
const MAX_LISTED_HEADERS: usize = 30;
/// The maximum number of characters in a column name in a message.
const MAX_HEADER_CHARS: usize = 40;
/// The number of rows after the first one that are searched for a header, so an error can name its row.
const MAX_TITLE_ROWS: usize = 20;

/// The maximum number of rows in a sheet (ECMA-376 part 1, 18.3.1.73). A cell beyond them would only cost memory.
const MAX_ROWS: u32 = 1_048_576;
/// The maximum number of columns in a sheet (ECMA-376 part 1, 18.3.1.13).
const MAX_COLUMNS: u32 = 16_384;

/// A column to look for.
#[derive(Clone, Copy, Debug)]
pub struct SourceColumn {
    /// Bespoke's name for the column.
    pub name: &'static str,
    /// Whether a sheet without this column is unreadable.
    pub required: bool,
}

/// Returns a required column.
pub const fn required(name: &'static str) -> SourceColumn {
    SourceColumn { name, required: true }
}

/// Returns an optional column.
pub const fn optional(name: &'static str) -> SourceColumn {
    SourceColumn { name, required: false }
}

/// A workbook to read, and how to read it.
#[derive(Clone, Copy)]
pub struct SheetRequest<'a> {
    /// The workbook.
    pub file: Workbook,
    /// The columns to read. The first one is the customer id.
    pub columns: &'a [SourceColumn],
    /// The settings that choose sheets, header row and column names.
    pub intake: &'a IntakeSettings,
    /// The limits.
    pub limits: &'a IntakeLimits,
}

/// A row with content.
pub struct SheetRow<'a> {
    /// The row's number, counted from 1 as in a spreadsheet.
    pub number: u32,
    /// The sheet's name.
    pub sheet: &'a str,
    /// One cell per requested column, in the order of the request.
    pub cells: &'a [Cell<'a>],
    /// Whether the sheet has each of the requested columns, in the same order.
    pub present: &'a [bool],
    /// Whether serial dates count from 1904.
    pub epoch_1904: bool,
}

/// The sheets that were read.
#[derive(Debug, Default)]
pub struct SheetSummary {
    /// The names of the sheets.
    pub sheets: Vec<String>,
    /// Whether any sheet has each of the requested columns, in the order of the request.
    pub present: Vec<bool>,
    /// The column names in the most recent header, at most 30.
    pub headers: Vec<String>,
    /// The names of the columns that are not read.
    pub unread: Vec<String>,
    /// The columns with formulas whose stored results may be stale.
    pub stale_columns: Vec<&'static str>,
    /// The number format that shows ids with leading zeros, if the id column has one.
    pub id_format: Option<String>,
}

impl SheetSummary {
    /// Returns the names of the sheets, separated by commas.
    pub fn name(&self) -> String {
        self.sheets.join(", ")
    }
}

/// The bank's own column names, keyed by Bespoke's names.
type ColumnNames = BTreeMap<String, String>;

/// The header row of a sheet.
#[derive(Debug)]
pub struct Header {
    /// For each column of the sheet, its position in the request.
    pub positions: Vec<Option<usize>>,
    /// The column names in the row.
    pub texts: Vec<String>,
    /// The names of the columns that are not read.
    pub unread: Vec<String>,
}

impl Header {
    /// Returns the sheet's column for a position in the request.
    pub fn column_of(&self, position: usize) -> Option<u32> {
        self.positions.iter().position(|at| *at == Some(position)).and_then(|at| u32::try_from(at).ok())
    }
}

/// Passes the rows of the sheet that has every required column to `on_row`.
///
/// The sheet must be the only visible one that has the required columns and a row below them. If the settings list
/// sheets, reads those instead. Column names match regardless of case, spaces, underscores and other punctuation. A
/// bank's own column name in the settings replaces Bespoke's.
pub fn read_sheets(
    request: &SheetRequest<'_>,
    package: &[u8],
    mut on_row: impl FnMut(SheetRow<'_>),
) -> Result<SheetSummary, Error> {
    let mut workbook = OpenWorkbook::open(request.file, package)?;
    let sheets = choose_sheets(request, &mut workbook)?;
    let mut summary = SheetSummary { present: vec![false; request.columns.len()], ..SheetSummary::default() };
    for sheet in sheets {
        let id_formats = padded_ids(request, &mut workbook, &sheet)?;
        summary.id_format = summary.id_format.take().or_else(|| id_formats.values().next().cloned());
        let epoch_1904 = workbook.xlsx.has_1904_epoch();
        let recalculates = workbook.part.recalculates;
        let mut reader = RowReader::open(request, &mut workbook, &sheet)?;
        let mut raw = RawRow::default();
        if !reader.next_header(&mut raw)? {
            continue;
        }
        let header = match_columns(request, &sheet, &raw)?;
        let present: Vec<bool> = (0..request.columns.len()).map(|at| header.column_of(at).is_some()).collect();
        let mut formulas = vec![false; request.columns.len()];
        let mut row = vec![Cell::Empty; request.columns.len()];
        while reader.next_row(&mut raw)? {
            row.fill(Cell::Empty);
            for RawCell { column, cell, is_formula } in raw.cells.drain(..) {
                if let Some(Some(position)) = header.positions.get(column as usize) {
                    formulas[*position] |= is_formula;
                    row[*position] = cell;
                }
            }
            if let Some(format) = id_formats.get(&raw.number)
                && let Cell::Number(id) = row[0]
                && id.fract() == 0.0
                && id >= 0.0
            {
                row[0] = Cell::Text(format!("{id:0width$.0}", width = format.len()).into());
            }
            if row.iter().any(|cell| !cell.is_blank()) {
                on_row(SheetRow { number: raw.number, sheet: &sheet, cells: &row, present: &present, epoch_1904 });
            }
        }
        for (position, column) in request.columns.iter().enumerate() {
            summary.present[position] |= present[position];
            if formulas[position] && recalculates && !summary.stale_columns.contains(&column.name) {
                summary.stale_columns.push(column.name);
            }
        }
        summary.headers = header.texts;
        summary.unread.extend(header.unread);
        summary.sheets.push(sheet);
    }
    Ok(summary)
}

/// A workbook as calamine reads it, together with its package.
struct OpenWorkbook<'p> {
    xlsx: Xlsx<Cursor<&'p [u8]>>,
    part: WorkbookPart,
    archive: Archive<'p>,
}

impl<'p> OpenWorkbook<'p> {
    fn open(file: Workbook, package: &'p [u8]) -> Result<Self, Error> {
        let xlsx = guarded(|| Xlsx::new(Cursor::new(package))).map_err(|fault| fault.of(file, None))?;
        let damaged = |_| Error::Damaged { file, part: DamagedPart::Archive };
        let mut archive = Archive::new(Cursor::new(package)).map_err(damaged)?;
        let part = WorkbookPart::read(&mut archive);
        Ok(Self { xlsx, part, archive })
    }
}

/// The result of a first look at a sheet.
enum Probe {
    /// The sheet has the required columns.
    Fits { has_rows: bool },
    /// The sheet lacks required columns.
    Lacks(Error),
    /// The sheet has no content.
    Empty,
}

/// Returns the names of the sheets to read.
fn choose_sheets(request: &SheetRequest<'_>, workbook: &mut OpenWorkbook<'_>) -> Result<Vec<String>, Error> {
    let file = request.file;
    let worksheets = workbook.xlsx.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let (visible, hidden): (Vec<_>, Vec<_>) =
        worksheets.cloned().partition(|sheet| sheet.visible == SheetVisible::Visible);
    let visible: Vec<String> = visible.into_iter().map(|sheet| sheet.name).collect();
    if let Some(names) = request.intake.sheets.get(&file) {
        let names = names.as_slice();
        let exists = |name: &String| visible.contains(name) || hidden.iter().any(|sheet| sheet.name == *name);
        if let Some(missing) = names.iter().find(|name| !exists(name)) {
            return Err(Error::NoSuchSheet { file, sheet: missing.clone(), sheets: visible });
        }
        for name in names {
            match probe(request, workbook, name)? {
                Probe::Fits { .. } => {}
                Probe::Lacks(error) => return Err(error),
                Probe::Empty => return Err(Error::NoSheet { file }),
            }
        }
        return Ok(names.to_vec());
    }
    let mut with_rows = Vec::new();
    let mut without_rows = Vec::new();
    let mut nearest: Option<Error> = None;
    for sheet in visible {
        match probe(request, workbook, &sheet)? {
            Probe::Fits { has_rows: true } => with_rows.push(sheet),
            Probe::Fits { has_rows: false } => without_rows.push(sheet),
            Probe::Empty => {}
            Probe::Lacks(error) => {
                if nearest.as_ref().is_none_or(|other| distance(&error) < distance(other)) {
                    nearest = Some(error);
                }
            }
        }
    }
    match with_rows.len() {
        0 => match without_rows.into_iter().next() {
            Some(sheet) => Ok(vec![sheet]),
            None => Err(nearest.unwrap_or(Error::NoSheet { file })),
        },
        1 => Ok(with_rows),
        _ => Err(Error::SeveralSheets { file, sheets: with_rows }),
    }
}

/// Reads the header of a sheet, and checks for a row below it.
fn probe(request: &SheetRequest<'_>, workbook: &mut OpenWorkbook<'_>, sheet: &str) -> Result<Probe, Error> {
    let file = request.file;
    let mut reader = RowReader::open(request, workbook, sheet)?;
    let mut raw = RawRow::default();
    if !reader.next_header(&mut raw)? {
        return Ok(match request.intake.header_row.get(&file) {
            Some(row) => Probe::Lacks(Error::NoHeader { file, sheet: sheet.to_owned(), row: *row }),
            None => Probe::Empty,
        });
    }
    let header = match match_columns(request, sheet, &raw) {
        Ok(header) => header,
        Err(error @ Error::MissingColumn { .. }) if !request.intake.header_row.contains_key(&file) => {
            // A title above the header is common in reports.
            for _ in 0..MAX_TITLE_ROWS {
                if !reader.next_row(&mut raw)? {
                    break;
                }
                if match_columns(request, sheet, &raw).is_ok() {
                    let sheet = sheet.to_owned();
                    return Ok(Probe::Lacks(Error::TitleRows { file, sheet, header: raw.number }));
                }
            }
            return Ok(Probe::Lacks(error));
        }
        Err(error) => return Ok(Probe::Lacks(error)),
    };
    while reader.next_row(&mut raw)? {
        let is_read = |cell: &RawCell<'_>| matches!(header.positions.get(cell.column as usize), Some(Some(_)));
        if raw.cells.iter().any(is_read) {
            return Ok(Probe::Fits { has_rows: true });
        }
    }
    Ok(Probe::Fits { has_rows: false })
}

/// Returns how far a sheet with this error is from a match. The error in the closest sheet is the one to report.
fn distance(error: &Error) -> usize {
    match error {
        Error::TitleRows { .. } => 0,
        Error::MissingColumn { missing, .. } => missing.len(),
        Error::NoHeader { .. } => usize::MAX,
        _ => 1,
    }
}

/// Reduces a name to its letters and digits in lower case, so `Customer ID`, `customer_id` and `CustomerId` are equal.
/// A name without letters and digits, such as `%`, is left unchanged.
pub fn plain_name(name: &str) -> String {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if plain.is_empty() { name.trim().to_owned() } else { plain }
}

/// Finds the columns in a header row.
pub fn match_columns(request: &SheetRequest<'_>, sheet: &str, row: &RawRow<'_>) -> Result<Header, Error> {
    let SheetRequest { file, columns, intake, .. } = *request;
    let own_names: Option<&ColumnNames> = intake.columns.get(&file);
    let own_name = |column: &SourceColumn| {
        plain_name(own_names.and_then(|names| names.get(column.name)).map_or(column.name, String::as_str))
    };
    let names: Vec<String> = columns.iter().map(own_name).collect();
    let mut positions = Vec::new();
    let mut texts = Vec::new();
    let mut unread = Vec::new();
    let mut places = vec![None; columns.len()];
    for RawCell { column: at, cell, .. } in &row.cells {
        let Cell::Text(text) = cell else { continue };
        texts.push(visible(text.trim()).chars().take(MAX_HEADER_CHARS).collect::<String>());
        let plain = plain_name(text);
        let Some(column) = names.iter().position(|name| *name == plain) else {
            unread.push(visible(text.trim()).chars().take(MAX_HEADER_CHARS).collect());
            continue;
        };
        if places[column].replace(*at).is_some() {
            return Err(Error::DuplicateColumn { file, sheet: sheet.to_owned(), column: columns[column].name });
        }
        let at = *at as usize;
        positions.resize(positions.len().max(at + 1), None);
        positions[at] = Some(column);
    }
    let absent =
        |(place, column): (&Option<u32>, &SourceColumn)| (place.is_none() && column.required).then_some(column.name);
    let missing: Vec<&str> = places.iter().zip(columns).filter_map(absent).collect();
    // A first row without any known name may hold a customer's data, which must not appear in messages.
    if positions.is_empty() {
        texts.clear();
    }
    texts.truncate(MAX_LISTED_HEADERS);
    if missing.is_empty() {
        return Ok(Header { positions, texts, unread });
    }
    Err(Error::MissingColumn { file, sheet: sheet.to_owned(), missing, found: texts })
}

/// Returns the number format of each id cell that shows leading zeros, by row. Almost no workbook has such a format.
fn padded_ids(
    request: &SheetRequest<'_>,
    workbook: &mut OpenWorkbook<'_>,
    sheet: &str,
) -> Result<HashMap<u32, String>, Error> {
    let file = request.file;
    let mut rows = HashMap::new();
    let fault = |fault: Fault| fault.of(file, Some(sheet));
    let reader = guarded(|| workbook.xlsx.worksheet_cells_reader(sheet)).map_err(fault)?;
    let formats: Vec<Option<String>> = reader
        .styles()
        .iter()
        .map(|style| {
            let code = style.number_format.as_ref()?.format_code.as_str();
            (code.len() > 1 && code.bytes().all(|byte| byte == b'0')).then(|| code.to_owned())
        })
        .collect();
    drop(reader);
    if formats.iter().all(Option::is_none) {
        return Ok(rows);
    }
    let mut header_reader = RowReader::open(request, workbook, sheet)?;
    let mut raw = RawRow::default();
    if !header_reader.next_header(&mut raw)? {
        return Ok(rows);
    }
    let Some(id_column) = match_columns(request, sheet, &raw)?.column_of(0) else { return Ok(rows) };
    drop(header_reader);
    let mut reader = guarded(|| workbook.xlsx.worksheet_cells_reader(sheet)).map_err(fault)?;
    while let Some((row, column, style)) = guarded(|| reader.next_style_id()).map_err(fault)? {
        if column == id_column
            && let Some(Some(format)) = formats.get(style)
        {
            rows.insert(row + 1, format.clone());
        }
    }
    Ok(rows)
}

/// A row as stored in the sheet.
#[derive(Default)]
pub struct RawRow<'w> {
    /// The row's number, counted from 1.
    pub number: u32,
    /// The cells with content.
    pub cells: Vec<RawCell<'w>>,
}

/// A cell as stored in a row.
pub struct RawCell<'w> {
    /// The column, counted from 0.
    pub column: u32,
    /// The content.
    pub cell: Cell<'w>,
    /// Whether the content is a formula's result.
    pub is_formula: bool,
}

/// Groups the cells of one sheet into rows.
struct RowReader<'w, 'p, 'r> {
    request: SheetRequest<'r>,
    sheet: String,
    cells: calamine::XlsxCellReader<'w, Cursor<&'p [u8]>>,
    seen: u64,
    /// The first cell of the row after the most recently returned one, with that row's number.
    pending: Option<(u32, RawCell<'w>)>,
    done: bool,
    /// The archive in which cells are located. Needed until the first cell that calamine cannot read.
    archive: Option<(&'w WorkbookPart, &'w mut Archive<'p>)>,
    /// The locator of the next cell. Used after the first cell that calamine cannot read.
    locator: Option<CellLocator<'w>>,
}

impl<'w, 'p, 'r> RowReader<'w, 'p, 'r> {
    fn open(request: &SheetRequest<'r>, workbook: &'w mut OpenWorkbook<'p>, sheet: &str) -> Result<Self, Error> {
        let OpenWorkbook { xlsx, part, archive } = workbook;
        let cells =
            guarded(|| xlsx.worksheet_cells_reader(sheet)).map_err(|fault| fault.of(request.file, Some(sheet)))?;
        Ok(Self {
            request: *request,
            sheet: sheet.to_owned(),
            cells,
            seen: 0,
            pending: None,
            done: false,
            archive: Some((part, archive)),
            locator: None,
        })
    }

    /// Replaces `row` with the header row. Returns whether there is one.
    fn next_header(&mut self, row: &mut RawRow<'w>) -> Result<bool, Error> {
        let Some(number) = self.request.intake.header_row.get(&self.request.file) else { return self.next_row(row) };
        while self.next_row(row)? {
            if row.number >= *number {
                return Ok(row.number == *number);
            }
        }
        Ok(false)
    }

    /// Replaces `row` with the next row that has content. Returns whether there is one.
    fn next_row(&mut self, row: &mut RawRow<'w>) -> Result<bool, Error> {
        row.cells.clear();
        if let Some((number, first)) = self.pending.take() {
            row.number = number;
            row.cells.push(first);
        }
        while !self.done {
            let Some((number, cell)) = self.next_cell()? else {
                self.done = true;
                break;
            };
            if cell.cell.is_blank() {
                continue;
            }
            if row.cells.is_empty() {
                row.number = number;
            } else if row.number != number {
                self.pending = Some((number, cell));
                return Ok(true);
            }
            row.cells.push(cell);
        }
        Ok(!row.cells.is_empty())
    }

    /// Returns the next cell with its row number, counted from 1.
    fn next_cell(&mut self) -> Result<Option<(u32, RawCell<'w>)>, Error> {
        let file = self.request.file;
        let next = match guarded(|| self.cells.next_cell_with_formula_metadata()) {
            Ok(Some(record)) => Some((Some(record.pos), record.value, record.formula.is_some())),
            Ok(None) => return Ok(None),
            Err(Fault::Cell) => None,
            Err(fault) => return Err(fault.of(file, Some(&self.sheet))),
        };
        self.seen += 1;
        if self.seen > self.request.limits.cells {
            return Err(self.too_large(None, self.request.limits.cells, "cells"));
        }
        let known = next.as_ref().and_then(|(position, ..)| *position);
        let (index, column) = self.position(known).ok_or_else(|| self.damaged())?;
        if index >= MAX_ROWS || column >= MAX_COLUMNS {
            return Err(self.damaged());
        }
        let number = index + 1;
        let (cell, is_formula) = match next {
            Some((_, DataRef::Empty, true)) => (Cell::NoResult, true),
            Some((_, value, is_formula)) => (self.cell(number, &value)?, is_formula),
            None => (Cell::Unreadable, false),
        };
        Ok(Some((number, RawCell { column, cell, is_formula })))
    }

    /// Returns the position of the most recently read cell.
    ///
    /// After an unreadable cell, calamine miscounts the cells in a row without references. From then on, the locator is
    /// used instead.
    fn position(&mut self, known: Option<(u32, u32)>) -> Option<(u32, u32)> {
        if let Some(locator) = &mut self.locator {
            return locator.next();
        }
        if known.is_some() {
            return known;
        }
        let (part, archive) = self.archive.take()?;
        let mut locator = part.locate_cells(archive, &self.sheet)?;
        for _ in 1..self.seen {
            locator.next()?;
        }
        let position = locator.next();
        self.locator = Some(locator);
        position
    }

    fn cell(&self, row: u32, value: &DataRef<'w>) -> Result<Cell<'w>, Error> {
        let text = |text: Cow<'w, str>| {
            let limit = self.request.limits.characters;
            // Counting characters is slow, and a string has at least as many bytes as characters.
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

    fn damaged(&self) -> Error {
        Error::Damaged { file: self.request.file, part: DamagedPart::Sheet(self.sheet.clone()) }
    }

    fn too_large(&self, row: Option<u32>, limit: u64, unit: &'static str) -> Error {
        Error::TooLarge { file: self.request.file, sheet: Some(self.sheet.clone()), row, limit, unit }
    }
}

/// The part of a workbook at which calamine failed. calamine's own messages are dropped, because they may quote
/// personal data.
#[derive(Clone, Copy)]
enum Fault {
    Archive,
    Xml,
    Content,
    /// One cell. The cells after it can still be read.
    Cell,
}

impl Fault {
    fn of(self, file: Workbook, sheet: Option<&str>) -> Error {
        let part = match (self, sheet) {
            (Self::Archive, _) => DamagedPart::Archive,
            (Self::Content | Self::Cell, Some(sheet)) => DamagedPart::Sheet(sheet.to_owned()),
            (Self::Xml, _) | (Self::Content | Self::Cell, None) => DamagedPart::Xml,
        };
        Error::Damaged { file, part }
    }
}

/// Runs a call into calamine. If calamine panics, the workbook counts as damaged.
fn guarded<T>(read: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, Fault> {
    caught(read).ok_or(Fault::Content)?.map_err(|error| match error {
        XlsxError::Io(_) | XlsxError::Zip(_) | XlsxError::FileNotFound(_) | XlsxError::RelationshipNotFound => {
            Fault::Archive
        }
        XlsxError::Xml(_) | XlsxError::XmlAttr(_) | XlsxError::XmlEof(_) | XlsxError::Encoding(_) => Fault::Xml,
        // An unknown error code, type, boolean or string index, or an invalid number.
        XlsxError::CellError(_)
        | XlsxError::CellTAttribute(_)
        | XlsxError::ParseFloat(_)
        | XlsxError::ParseInt(_)
        | XlsxError::Unrecognized { .. }
        | XlsxError::Unexpected(_)
        | XlsxError::UnexpectedNode(_) => Fault::Cell,
        _ => Fault::Content,
    })
}
