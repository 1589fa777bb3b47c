//! Reads the parts of a workbook's package that calamine does not expose: the location of each sheet, whether formulas
//! are waiting for a recalculation, and the position of each cell.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufReader, Cursor, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use zip::ZipArchive;

/// The archive of a decrypted workbook.
pub type Archive<'p> = ZipArchive<Cursor<&'p [u8]>>;

/// The workbook part of a package.
#[derive(Debug, Default)]
pub struct WorkbookPart {
    /// The path of each sheet's part, by the sheet's name.
    sheets: HashMap<String, String>,
    /// Whether the workbook asks to be recalculated when it is opened. If so, stored results may be stale.
    pub recalculates: bool,
}

impl WorkbookPart {
    /// Reads the workbook part. Skips anything unreadable, because calamine reports damage itself.
    pub fn read(archive: &mut Archive<'_>) -> Self {
        let path = main_part(archive);
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let relations = relationships(archive, &format!("{folder}/_rels/{name}.rels"));
        let mut workbook = Self::default();
        for_each_element(archive, &path, |element| match element.local_name().as_ref() {
            "sheet" => {
                let sheet_name = attribute(element, "name");
                let relation = attribute(element, "id").and_then(|id| relations.get(&id));
                if let (Some(sheet_name), Some(target)) = (sheet_name, relation) {
                    let path = target.strip_prefix('/').map_or_else(|| format!("{folder}/{target}"), str::to_owned);
                    workbook.sheets.insert(sheet_name, path);
                }
            }
            "calcPr" => {
                let flag = attribute(element, "fullCalcOnLoad");
                workbook.recalculates |= flag.is_some_and(|flag| flag == "1" || flag == "true");
            }
            _ => {}
        });
        workbook
    }

    /// Starts locating the cells in a sheet. Returns `None` if the sheet's part cannot be found.
    pub fn locate_cells<'z>(&self, archive: &'z mut Archive<'_>, sheet: &str) -> Option<CellLocator<'z>> {
        Some(CellLocator::new(part(archive, self.sheets.get(sheet)?)?))
    }
}

/// Yields the position of each cell in a sheet, in the order of the sheet's XML.
///
/// calamine does not report the position of a cell that it cannot read. It yields the cells in the same order, so
/// counting cells determines the position.
pub struct CellLocator<'z> {
    reader: Reader<BufReader<Box<dyn Read + 'z>>>,
    buffer: Vec<u8>,
    row: u32,
    column: u32,
}

impl<'z> CellLocator<'z> {
    fn new(sheet: Box<dyn Read + 'z>) -> Self {
        Self { reader: Reader::from_reader(BufReader::new(sheet)), buffer: Vec::new(), row: 0, column: 0 }
    }

    /// Returns the row and column of the next cell, both counted from 0, or `None` at the end of the sheet.
    pub fn next(&mut self) -> Option<(u32, u32)> {
        loop {
            self.buffer.clear();
            let (element, empty) = match self.reader.read_event_into(&mut self.buffer).ok()? {
                Event::Start(element) => (element, false),
                Event::Empty(element) => (element, true),
                Event::End(element) => {
                    if element.local_name().as_ref() == "row" {
                        self.row += 1;
                        self.column = 0;
                    }
                    continue;
                }
                Event::Eof => return None,
                _ => continue,
            };
            let reference = attribute(&element, "r");
            match element.local_name().as_ref() {
                "row" => {
                    self.row = reference.and_then(|row| row.parse::<u32>().ok()?.checked_sub(1)).unwrap_or(self.row);
                    if empty {
                        self.row += 1;
                        self.column = 0;
                    }
                }
                "c" => {
                    let place = reference.and_then(|reference| cell_position(&reference));
                    let (row, column) = place.unwrap_or((self.row, self.column));
                    self.column = column + 1;
                    return Some((row, column));
                }
                _ => {}
            }
        }
    }
}

/// Parses a cell reference such as `B7` into row and column, counted from 0.
pub fn cell_position(reference: &str) -> Option<(u32, u32)> {
    let letters = reference.find(|c: char| c.is_ascii_digit())?;
    let (letters, digits) = reference.split_at(letters);
    let mut column = 0_u32;
    for letter in letters.bytes() {
        let value = letter.to_ascii_uppercase().checked_sub(b'A').filter(|value| *value < 26)?;
        column = column.checked_mul(26)?.checked_add(u32::from(value) + 1)?;
    }
    Some((digits.parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

/// Returns the path of the workbook part.
pub fn main_part(archive: &mut Archive<'_>) -> String {
    let mut path = "xl/workbook.xml".to_owned();
    for_each_element(archive, "_rels/.rels", |element| {
        if attribute(element, "Type").is_some_and(|kind| kind.ends_with("/officeDocument"))
            && let Some(target) = attribute(element, "Target")
        {
            target.trim_start_matches('/').clone_into(&mut path);
        }
    });
    path
}

/// Returns XML in UTF-8. The result is owned if the first bytes or the declaration indicate another encoding, and
/// borrowed otherwise.
pub fn utf8(xml: &[u8]) -> Cow<'_, [u8]> {
    let declared = || {
        let start = xml.get(..xml.len().min(200))?;
        let end = memchr::memmem::find(start, b"?>")?;
        let declaration = std::str::from_utf8(start.get(..end)?).ok()?;
        let (_, value) = declaration.trim_start_matches('\u{feff}').strip_prefix("<?xml")?.split_once("encoding")?;
        let value = value.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        encoding_rs::Encoding::for_label(value.get(1..)?.split(quote).next()?.as_bytes())
    };
    let encoding = match xml {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => Some(encoding_rs::UTF_16LE),
        [0xfe, 0xff, ..] | [0, b'<', ..] => Some(encoding_rs::UTF_16BE),
        _ => declared(),
    };
    match encoding {
        None => Cow::Borrowed(xml),
        Some(encoding) if encoding == encoding_rs::UTF_8 => Cow::Borrowed(xml),
        Some(encoding) => {
            let is_wide = [encoding_rs::UTF_16LE, encoding_rs::UTF_16BE].contains(&encoding);
            // A part that declares UTF-16 but consists of single bytes is in UTF-8 after all.
            let text = if is_wide && !matches!(xml, [0xff | 0xfe | 0, ..] | [_, 0, ..]) {
                String::from_utf8_lossy(xml)
            } else {
                encoding.decode_with_bom_removal(xml).0
            };
            // The declaration would contradict the new encoding.
            let body = text.find("?>").filter(|_| text.starts_with("<?xml")).map_or(0, |end| end + 2);
            Cow::Owned(text.as_bytes()[body..].to_vec())
        }
    }
}

/// Returns the number of strings that a shared-strings part claims to contain. calamine reserves memory for that many.
pub fn claimed_strings(archive: &mut Archive<'_>, path: &str) -> u64 {
    let mut claimed = 0;
    for_each_element(archive, path, |element| {
        if element.local_name().as_ref() == "sst"
            && let Some(count) = attribute(element, "uniqueCount")
        {
            let digits: String = count.chars().filter(char::is_ascii_digit).collect();
            claimed = claimed.max(if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u64::MAX) });
        }
    });
    claimed
}

/// Returns the target of each relationship, by its id.
fn relationships(archive: &mut Archive<'_>, path: &str) -> HashMap<String, String> {
    let mut targets = HashMap::new();
    for_each_element(archive, path.trim_start_matches('/'), |element| {
        if let Some(id) = attribute(element, "Id")
            && let Some(target) = attribute(element, "Target")
        {
            targets.insert(id, target);
        }
    });
    targets
}

fn for_each_element(archive: &mut Archive<'_>, path: &str, mut on_element: impl FnMut(&BytesStart<'_>)) {
    let Some(part) = part(archive, path) else { return };
    let mut reader = Reader::from_reader(BufReader::new(part));
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(element) | Event::Empty(element)) => on_element(&element),
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn part<'z>(archive: &'z mut Archive<'_>, path: &str) -> Option<Box<dyn Read + 'z>> {
    let index = (0..archive.len()).find(|index| {
        let name = archive.by_index_raw(*index);
        name.is_ok_and(|part| part.name().is_ok_and(|name| name.eq_ignore_ascii_case(path)))
    })?;
    Some(Box::new(archive.by_index(index).ok()?))
}

/// Returns the unescaped value of an attribute, regardless of its namespace prefix.
pub fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes
        .with_checks(false)
        .filter_map(Result::ok)
        .find(|attribute| attribute.key.local_name().as_ref() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cell_references_are_parsed() {
        assert_eq!(cell_position("A1"), Some((0, 0)));
        assert_eq!(cell_position("AB12"), Some((11, 27)));
        for bad in ["A0", "12", "A", "", "é1", "AAAAAAAAAAAAA1"] {
            assert_eq!(cell_position(bad), None, "{bad}");
        }
    }

    #[test]
    fn cells_without_references_count_from_their_row() {
        let xml = r#"<x:sheetData><x:row r="3"><x:c r="B3"/><x:c/></x:row><x:row/><x:row><x:c t="e"></x:c></x:row></x:sheetData>"#;
        let mut locator = CellLocator::new(Box::new(xml.as_bytes()));
        assert_eq!(locator.next(), Some((2, 1)));
        assert_eq!(locator.next(), Some((2, 2)));
        assert_eq!(locator.next(), Some((4, 0)));
        assert_eq!(locator.next(), None);
    }
}
