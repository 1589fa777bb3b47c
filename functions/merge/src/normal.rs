//! Rewrites valid but unusual packages into the form that calamine reads.
//!
//! calamine expects `xl/sharedStrings.xml` and `xl/styles.xml` beside the workbook, plain paths, UTF-8, worksheets only,
//! a range in each `dimension`, and nothing in a cell but its formula and value. `LibreOffice` and openpyxl accept more.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Cursor, Read, Write};

use contracts::key::Workbook;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use zeroize::Zeroizing;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::{DamagedPart, Error};
use crate::package::{Archive, attribute, cell_position, utf8};

/// The number of bytes at the start of a part that are searched for its encoding and its dimension.
const START: usize = 4096;

/// The locations of a package's parts.
struct Layout {
    /// The index of each part, by its path in lower case with forward slashes.
    parts: BTreeMap<String, usize>,
    /// Whether some part has a path at which calamine does not find it, or `_rels/.rels` is missing.
    has_odd_path: bool,
    main: String,
}

/// A sheet that the workbook lists.
struct ListedSheet {
    name: String,
    state: Option<String>,
    path: String,
}

/// The content of the workbook part.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "the four are independent attributes of the part")]
struct MainPart {
    sheets: Vec<ListedSheet>,
    /// Whether it lists a sheet that is not a worksheet, has no part or has an unknown state.
    has_other_sheets: bool,
    is_1904: bool,
    recalculates: bool,
    strings: Option<String>,
    styles: Option<String>,
    has_odd_target: bool,
}

/// Returns the path of the workbook part, or `None` if the archive is not a workbook.
pub fn find_main_part(archive: &mut Archive<'_>) -> Option<String> {
    Layout::of(archive).map(|layout| layout.main)
}

/// Rewrites a package that calamine would not read correctly. `has_odd_cells` says whether a sheet has cells that
/// calamine skips or misreads.
///
/// Returns `None` if the package can stay as it is. Also returns `None` if the workbook lists no readable sheet,
/// because the reader reports that.
pub fn rewritten(file: Workbook, package: &[u8], has_odd_cells: bool) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let damaged = |part| Error::Damaged { file, part };
    let archive = || ZipArchive::new(Cursor::new(package)).map_err(|_| damaged(DamagedPart::Archive));
    let mut archive = archive()?;
    let layout = Layout::of(&mut archive).ok_or_else(|| damaged(DamagedPart::Archive))?;
    let Some(main) = MainPart::read(&mut archive, &layout) else { return Ok(None) };
    let is_usual = layout.main.eq_ignore_ascii_case("xl/workbook.xml")
        && !layout.has_odd_path
        && !main.has_odd_target
        && !main.has_other_sheets
        && !has_odd_cells
        && !main.has_odd_part(&mut archive, &layout);
    if is_usual {
        return Ok(None);
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(2 * package.len())));
    main.write(&mut archive, &layout, &mut writer).map_err(|()| damaged(DamagedPart::Xml))?;
    let rewritten = writer.finish().map_err(|_| damaged(DamagedPart::Archive))?;
    Ok(Some(Zeroizing::new(rewritten.into_inner())))
}

impl Layout {
    fn of(archive: &mut Archive<'_>) -> Option<Self> {
        let mut parts = BTreeMap::new();
        let mut has_odd_path = false;
        for index in 0..archive.len() {
            let Ok(part) = archive.by_index_raw(index) else { continue };
            let Ok(name) = part.name() else { continue };
            let path = resolved("", &name);
            has_odd_path |= path != name.to_ascii_lowercase();
            parts.entry(path).or_insert(index);
        }
        has_odd_path |= !parts.contains_key("_rels/.rels");
        let mut layout = Self { parts, has_odd_path, main: String::new() };
        let mut main = None;
        layout.for_each(archive, "_rels/.rels", |element| {
            if attribute(element, "Type").is_some_and(|kind| kind.ends_with("/officeDocument")) {
                main = main.take().or_else(|| attribute(element, "Target"));
            }
        });
        if main.is_none() {
            layout.for_each(archive, "[content_types].xml", |element| {
                let kind = attribute(element, "ContentType").unwrap_or_default();
                if kind.contains("sheet") && kind.ends_with(".main+xml") {
                    main = main.take().or_else(|| attribute(element, "PartName"));
                }
            });
        }
        let main = resolved("", &main.unwrap_or_else(|| "xl/workbook.xml".to_owned()));
        let is_workbook = layout.parts.contains_key(&main) && {
            let mut root = None;
            layout.for_each(archive, &main, |element| {
                root.get_or_insert_with(|| element.local_name().as_ref() == "workbook");
            });
            // A workbook whose XML is damaged is still a workbook.
            root.unwrap_or(main == "xl/workbook.xml")
        };
        layout.main = main;
        is_workbook.then_some(layout)
    }

    /// Returns the content of a part in UTF-8.
    fn text(&self, archive: &mut Archive<'_>, path: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        archive.by_index(*self.parts.get(path)?).ok()?.read_to_end(&mut bytes).ok()?;
        Some(utf8(&bytes).into_owned())
    }

    /// Returns the first bytes of a part.
    fn start(&self, archive: &mut Archive<'_>, path: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let part = archive.by_index(*self.parts.get(path)?).ok()?;
        part.take(START as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn for_each(&self, archive: &mut Archive<'_>, path: &str, mut on_element: impl FnMut(&BytesStart<'_>)) {
        let Some(text) = self.text(archive, path) else { return };
        let mut reader = Reader::from_reader(text.as_slice());
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Start(element) | Event::Empty(element) => on_element(&element),
                Event::Eof => return,
                _ => {}
            }
        }
    }
}

impl MainPart {
    /// Reads the workbook part. Returns `None` if it lists no readable sheet.
    fn read(archive: &mut Archive<'_>, layout: &Layout) -> Option<Self> {
        let (folder, name) = layout.main.rsplit_once('/').unwrap_or(("", &layout.main));
        let relations =
            if folder.is_empty() { format!("_rels/{name}.rels") } else { format!("{folder}/_rels/{name}.rels") };
        let mut main = Self::default();
        let mut targets = BTreeMap::new();
        layout.for_each(archive, &relations, |element| {
            let (Some(id), Some(target)) = (attribute(element, "Id"), attribute(element, "Target")) else { return };
            let kind = attribute(element, "Type").unwrap_or_default();
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            let path = resolved(folder, &target);
            main.has_odd_target |= target.contains(['\\']) || target.split('/').any(|step| step == ".." || step == ".");
            match kind.as_str() {
                "sharedStrings" => {
                    main.has_odd_target |= path != "xl/sharedstrings.xml";
                    main.strings = Some(path.clone());
                }
                "styles" => {
                    main.has_odd_target |= path != "xl/styles.xml";
                    main.styles = Some(path.clone());
                }
                _ => {}
            }
            targets.insert(id, (kind, path));
        });
        layout.for_each(archive, &layout.main, |element| match element.local_name().as_ref() {
            "sheet" => {
                let sheet = attribute(element, "name").zip(attribute(element, "id").and_then(|id| targets.get(&id)));
                match sheet {
                    Some((name, (kind, path))) if kind == "worksheet" && layout.parts.contains_key(path) => {
                        let state = attribute(element, "state");
                        let known = [None, Some("visible"), Some("hidden"), Some("veryHidden")];
                        main.has_other_sheets |= !known.contains(&state.as_deref());
                        main.sheets.push(ListedSheet { name, state, path: path.clone() });
                    }
                    _ => main.has_other_sheets = true,
                }
            }
            "workbookPr" => main.is_1904 |= is_true(element, "date1904"),
            "calcPr" => main.recalculates |= is_true(element, "fullCalcOnLoad"),
            _ => {}
        });
        // Strings and styles without a relationship are read from their usual paths.
        let usual = |path: &str| layout.parts.contains_key(path).then(|| path.to_owned());
        main.strings = main.strings.or_else(|| usual("xl/sharedstrings.xml"));
        main.styles = main.styles.or_else(|| usual("xl/styles.xml"));
        (!main.sheets.is_empty()).then_some(main)
    }

    /// Returns whether a part has an encoding other than UTF-8, or a sheet has an odd dimension.
    fn has_odd_part(&self, archive: &mut Archive<'_>, layout: &Layout) -> bool {
        let mut odd = |path: &str| {
            let start = layout.start(archive, path).unwrap_or_default();
            matches!(utf8(&start), Cow::Owned(_)) || has_odd_dimension(&start)
        };
        let relations =
            layout.parts.keys().filter(|path| path.ends_with("workbook.xml.rels") || *path == "_rels/.rels");
        let sheets = self.sheets.iter().map(|sheet| &sheet.path);
        let mut paths = sheets.chain(&self.strings).chain(&self.styles).chain([&layout.main]).chain(relations);
        paths.any(|path| odd(path))
    }

    fn write(
        &self,
        archive: &mut Archive<'_>,
        layout: &Layout,
        zip: &mut ZipWriter<Cursor<Vec<u8>>>,
    ) -> Result<(), ()> {
        let mut sheets = String::new();
        let mut relations = String::new();
        let kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        for (number, sheet) in (1..).zip(&self.sheets) {
            let state = sheet.state.as_deref().filter(|state| ["hidden", "veryHidden"].contains(state));
            let state = state.map_or(String::new(), |state| format!(" state=\"{state}\""));
            let name = quick_xml::escape::escape(&sheet.name);
            sheets
                .extend([format!("<sheet name=\"{name}\" sheetId=\"{number}\"{state} r:id=\"rId{number}\"></sheet>")]);
            relations.extend([format!(
                "<Relationship Id=\"rId{number}\" Type=\"{kinds}/worksheet\" Target=\"worksheets/sheet{number}.xml\"/>"
            )]);
            let source = layout.parts.get(&sheet.path).ok_or(())?;
            Self::copy(archive, *source, &format!("xl/worksheets/sheet{number}.xml"), zip)?;
        }
        for (part, path) in [("sharedStrings", &self.strings), ("styles", &self.styles)] {
            let Some(source) = path.as_ref().and_then(|path| layout.parts.get(path)) else { continue };
            relations.extend([format!("<Relationship Id=\"{part}\" Type=\"{kinds}/{part}\" Target=\"{part}.xml\"/>")]);
            Self::copy(archive, *source, &format!("xl/{part}.xml"), zip)?;
        }
        let main = format!(
            "<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"{kinds}\">\
             <workbookPr date1904=\"{}\"></workbookPr><sheets>{sheets}</sheets><calcPr fullCalcOnLoad=\"{}\"></calcPr></workbook>",
            u8::from(self.is_1904),
            u8::from(self.recalculates)
        );
        let package = "http://schemas.openxmlformats.org/package/2006/relationships";
        let root = format!("<Relationship Id=\"rId1\" Type=\"{kinds}/officeDocument\" Target=\"xl/workbook.xml\"/>");
        for (name, content) in [
            ("xl/workbook.xml", main),
            ("xl/_rels/workbook.xml.rels", format!("<Relationships xmlns=\"{package}\">{relations}</Relationships>")),
            ("_rels/.rels", format!("<Relationships xmlns=\"{package}\">{root}</Relationships>")),
        ] {
            zip.start_file(name, options()).map_err(drop)?;
            zip.write_all(content.as_bytes()).map_err(drop)?;
        }
        Ok(())
    }

    /// Copies a part as UTF-8, without the elements that calamine cannot read.
    fn copy(
        archive: &mut Archive<'_>,
        source: usize,
        name: &str,
        zip: &mut ZipWriter<Cursor<Vec<u8>>>,
    ) -> Result<(), ()> {
        zip.start_file(name, options()).map_err(drop)?;
        let mut part = BufReader::with_capacity(START, archive.by_index(source).map_err(drop)?);
        let is_odd = matches!(utf8(part.fill_buf().map_err(drop)?), Cow::Owned(_));
        if is_odd {
            let mut bytes = Vec::new();
            part.read_to_end(&mut bytes).map_err(drop)?;
            let text = utf8(&bytes);
            return filter(text.as_ref(), zip);
        }
        filter(part, zip)
    }
}

/// Copies XML, but omits dimensions, declared string counts and cell extensions, and trims numbers.
fn filter(part: impl BufRead, zip: &mut ZipWriter<Cursor<Vec<u8>>>) -> Result<(), ()> {
    let mut reader = Reader::from_reader(part);
    let mut writer = Writer::new(zip);
    let mut buffer = Vec::new();
    // The number of open elements inside the current cell. `left_out` counts those that are being skipped.
    let mut in_cell: Option<u32> = None;
    let mut is_value = false;
    let mut is_text_cell = false;
    let mut left_out: Option<u32> = None;
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(drop)?;
        let (name, opens, closes) = match &event {
            Event::Eof => return Ok(()),
            // The declaration may name the original encoding.
            Event::Decl(_) => continue,
            Event::Start(element) => (element.local_name().as_ref().to_owned(), true, false),
            Event::Empty(element) => (element.local_name().as_ref().to_owned(), true, true),
            Event::End(element) => (element.local_name().as_ref().to_owned(), false, true),
            _ => (String::new(), false, false),
        };
        if let Some(depth) = &mut left_out {
            if opens && !closes {
                *depth += 1;
            } else if closes && !opens {
                *depth -= 1;
                if *depth == 0 {
                    left_out = None;
                }
            }
            continue;
        }
        let is_extension = in_cell == Some(0) && opens && !matches!(name.as_str(), "v" | "f" | "is");
        if opens && (name == "dimension" || is_extension) {
            if !closes {
                left_out = Some(1);
            }
            continue;
        }
        if opens && name == "c" {
            is_text_cell = matches!(&event, Event::Start(cell) if attribute(cell, "t").as_deref() == Some("str"));
        }
        if opens || closes {
            is_value = opens && !closes && in_cell == Some(0) && name == "v";
        }
        match (&mut in_cell, opens, closes) {
            (None, true, false) if name == "c" => in_cell = Some(0),
            (Some(depth), true, false) => *depth += 1,
            (Some(0), false, true) => in_cell = None,
            (Some(depth), false, true) => *depth -= 1,
            _ => {}
        }
        match event {
            Event::Start(element) if name == "sst" => {
                let name = element.name().as_ref().to_owned();
                writer.write_event(Event::Start(BytesStart::new(name))).map_err(drop)?;
            }
            Event::Empty(element) if name == "sst" => {
                let name = element.name().as_ref().to_owned();
                writer.write_event(Event::Start(BytesStart::new(name.clone()))).map_err(drop)?;
                writer.write_event(Event::End(BytesEnd::new(name))).map_err(drop)?;
            }
            Event::Text(text) if is_value && !is_text_cell => {
                let number = text.as_ref().trim().to_owned();
                writer.write_event(Event::Text(BytesText::from_escaped(number))).map_err(drop)?;
            }
            event => writer.write_event(event).map_err(drop)?,
        }
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(1))
}

fn is_true(element: &BytesStart<'_>, name: &str) -> bool {
    attribute(element, name).is_some_and(|flag| flag == "1" || flag == "true")
}

/// Resolves a target against a folder. Returns its path in lower case with forward slashes.
fn resolved(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/").to_ascii_lowercase();
    let mut steps: Vec<&str> = Vec::new();
    let folder = folder.to_ascii_lowercase();
    if !target.starts_with('/') {
        steps.extend(folder.split('/'));
    }
    for step in target.split('/') {
        match step {
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.retain(|step| !step.is_empty() && *step != ".");
    steps.join("/")
}

/// Returns whether the dimension at the start of a sheet is anything but a range of cells.
fn has_odd_dimension(start: &[u8]) -> bool {
    let mut reader = Reader::from_reader(start);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                "dimension" => return !attribute(&element, "ref").is_some_and(|range| is_range(&range)),
                "sheetData" => return false,
                _ => {}
            },
            Event::Eof => return false,
            _ => {}
        }
    }
    false
}

fn is_range(range: &str) -> bool {
    let (first, last) = range.split_once(':').unwrap_or((range, range));
    match (cell_position(first), cell_position(last)) {
        (Some((top, left)), Some((bottom, right))) => {
            top <= bottom && left <= right && bottom < 1_048_576 && right < 16_384
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_resolved() {
        for (folder, target, path) in [
            ("xl", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl", "../xl/./worksheets/Sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl", "/xl/sharedStrings.xml", "xl/sharedstrings.xml"),
            ("", "xl\\workbook.xml", "xl/workbook.xml"),
            ("", "../../x.xml", "x.xml"),
        ] {
            assert_eq!(resolved(folder, target), path);
        }
    }

    #[test]
    fn only_cell_ranges_are_valid_dimensions() {
        for good in ["A1", "A1:G41", "B2:XFD1048576"] {
            assert!(is_range(good), "{good}");
        }
        for bad in ["", "A0:G41", "A:G", "G41:A1", "1:5", "A1:B", "A1:XFE2"] {
            assert!(!is_range(bad), "{bad}");
        }
    }
}
