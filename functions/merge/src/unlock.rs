//! Decrypts a workbook in memory, and checks it against limits.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};

use contracts::key::Workbook;
use contracts::panics::caught;
use office_crypto::DecryptError;
use storage::secret::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;
use zip::ZipArchive;

use crate::agile::{AgileError, AgileInfo};
use crate::container::Container;
use crate::error::{DamagedPart, Error, FileKind};
use crate::normal::{find_main_part, rewritten};
use crate::package::{Archive, claimed_strings};

/// The header of a compound file (MS-CFB 2.2): an encrypted `.xlsx`, or any legacy Office file.
const COMPOUND_FILE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// The header of a zip archive's first entry (APPNOTE 4.3.7).
const ZIP_ARCHIVE: &[u8] = b"PK\x03\x04";

/// Limits on the size of a workbook. A workbook that exceeds a limit causes a named error instead of exhausting memory.
///
/// Nested XML needs no limit, because the reader keeps only a stack of names. Entities need none, because only XML's
/// five predefined ones are resolved. `agile` limits the rounds of hashing.
#[derive(Clone, Copy, Debug)]
pub struct IntakeLimits {
    /// The maximum total size of all unpacked parts, in bytes.
    pub unpacked: u64,
    /// The maximum ratio of unpacked to packed size. Spreadsheets stay below 50; a zip bomb is near 1,000.
    pub ratio: u64,
    /// The number of unpacked bytes below which the ratio is ignored.
    pub ratio_from: u64,
    /// The maximum number of parts in the archive.
    pub parts: usize,
    /// The maximum size of the shared strings, in bytes. They stay in memory while a sheet is read.
    pub strings: u64,
    /// The maximum number of shared strings.
    pub string_count: u64,
    /// The maximum number of XML tags in a part that stays in memory: the workbook, its styles, its themes and its
    /// relationships.
    pub tags: u64,
    /// The maximum estimated memory for cell formats, in bytes. calamine may copy a format for every style that uses
    /// it, so the estimate is the number of tags times the longest gap between tags.
    pub formats: u64,
    /// The maximum number of bytes from one XML tag to the next. The reader holds that text in memory. Parts that are
    /// not XML may have 64 times as many, because they are not loaded.
    pub tag_gap: u64,
    /// The maximum number of cells in a sheet.
    pub cells: u64,
    /// The maximum number of characters in one cell. Spreadsheet programs themselves allow 32,767.
    pub characters: u64,
}

impl Default for IntakeLimits {
    fn default() -> Self {
        Self {
            unpacked: 2 * 1024 * 1024 * 1024,
            ratio: 200,
            ratio_from: 16 * 1024 * 1024,
            parts: 10_000,
            strings: 256 * 1024 * 1024,
            string_count: 3_000_000,
            tags: 1_000_000,
            formats: 256 * 1024 * 1024,
            tag_gap: 1024 * 1024,
            cells: 20_000_000,
            characters: 32_767,
        }
    }
}

/// Returns whether the file is a compound file: an encrypted `.xlsx`, or any legacy Office file.
#[must_use]
pub fn is_encrypted(file: &[u8]) -> bool {
    file.starts_with(COMPOUND_FILE)
}

/// The password with which Excel encrypts a workbook if only its structure is protected. It is public, so it protects
/// nothing.
const DEFAULT_PASSWORD: &str = "VelvetSweatshop";

/// Returns the package in `bytes`, decrypted if needed, checked against `limits`, and rewritten if calamine cannot read
/// its layout. The copy is zeroed when dropped.
///
/// Accepts an unencrypted workbook only if `allow_unprotected` is true. `file` says which of the three workbooks it is.
pub fn unlock(
    file: Workbook,
    bytes: &[u8],
    password: Option<&SecretString>,
    allow_unprotected: bool,
    limits: &IntakeLimits,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let package = if is_encrypted(bytes) {
        let password = password.map_or("", |password| password.expose_secret());
        decrypt(file, bytes, password)?
    } else if bytes.starts_with(ZIP_ARCHIVE) {
        // If the archive is not a workbook at all, `check_archive` reports that, which is more useful.
        if !allow_unprotected {
            let scan = check_archive(file, bytes, limits)?;
            return Err(Error::NotProtected { file, only: scan.protection });
        }
        Zeroizing::new(bytes.to_vec())
    } else {
        return Err(Error::NotAWorkbook { file, kind: file_kind(bytes) });
    };
    let scan = check_archive(file, &package, limits)?;
    match rewritten(file, &package, scan.has_odd_cells)? {
        Some(usual) => {
            check_archive(file, &usual, limits)?;
            Ok(usual)
        }
        None => Ok(package),
    }
}

/// Decrypts a compound file with agile or standard encryption (MS-OFFCRYPTO 2.3.4).
fn decrypt(file: Workbook, bytes: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let damaged = || Error::Damaged { file, part: DamagedPart::EncryptedContainer };
    let unknown = |scheme| Error::UnknownEncryption { file, scheme };
    let container = Container::open(bytes).ok_or_else(damaged)?;
    // A legacy workbook is a stream with one of these names (MS-XLS 2.1.2).
    if container.has("Workbook") || container.has("Book") {
        return Err(Error::NotAWorkbook { file, kind: FileKind::LegacyXls });
    }
    // Rights management replaces the password (MS-OFFCRYPTO 2.2).
    if holds_utf16(bytes, "DRMEncryptedTransform") {
        return Err(unknown("rights-managed content"));
    }
    let info = container.stream("EncryptionInfo").ok_or_else(damaged)?;
    let (version, info) = info.split_first_chunk::<4>().ok_or_else(damaged)?;
    let passwords = spellings(password);
    match *version {
        [4, 0, 4, 0] => {
            let stream = container.stream("EncryptedPackage").ok_or_else(damaged)?;
            drop(container);
            // The version is followed by four bytes of flags.
            let info = info.get(4..).ok_or_else(damaged)?;
            let info = AgileInfo::parse(info).map_err(|error| agile_error(file, error))?;
            let open = |password: &str| info.decrypt(&info.unlock(password)?, &stream);
            let mut opened = Err(AgileError::WrongPassword);
            for password in &passwords {
                opened = open(password);
                if opened.as_ref().err() != Some(&AgileError::WrongPassword) {
                    break;
                }
            }
            if opened.as_ref().err() == Some(&AgileError::WrongPassword) && info.unlock(DEFAULT_PASSWORD).is_ok() {
                return Err(Error::DefaultPassword { file });
            }
            opened.map_err(|error| agile_error(file, error))
        }
        [2..=4, 0, 2, 0] => {
            drop(container);
            for password in passwords.iter().map(|password| password.as_str()).chain([DEFAULT_PASSWORD]) {
                let package = caught(|| office_crypto::decrypt_from_bytes(bytes.to_vec(), password))
                    .ok_or_else(damaged)?
                    .map_err(|error| match error {
                        DecryptError::Unimplemented(_) => unknown("an older encryption algorithm"),
                        _ => damaged(),
                    })?;
                let package = Zeroizing::new(package);
                // `office-crypto` does not check the password, and a wrong password produces noise.
                if package.starts_with(ZIP_ARCHIVE) {
                    let is_default = password == DEFAULT_PASSWORD;
                    return if is_default { Err(Error::DefaultPassword { file }) } else { Ok(package) };
                }
            }
            Err(Error::WrongPassword { file })
        }
        [3 | 4, 0, 3, 0] => Err(unknown("extensible encryption, which needs a third-party program")),
        _ => Err(unknown("an unknown kind of encryption")),
    }
}

/// Returns the Unicode forms of a password to try: as given, composed (NFC) and decomposed (NFD).
fn spellings(password: &str) -> Vec<Zeroizing<String>> {
    let mut spellings = vec![Zeroizing::new(password.to_owned())];
    for spelling in [password.nfc().collect::<String>(), password.nfd().collect()] {
        let spelling = Zeroizing::new(spelling);
        if !spellings.contains(&spelling) {
            spellings.push(spelling);
        }
    }
    spellings
}

fn agile_error(file: Workbook, error: AgileError) -> Error {
    let unknown = |scheme| Error::UnknownEncryption { file, scheme };
    match error {
        AgileError::WrongPassword => Error::WrongPassword { file },
        AgileError::Malformed => Error::Damaged { file, part: DamagedPart::EncryptedContainer },
        AgileError::Changed => Error::Changed { file },
        AgileError::NoIntegrity => unknown("encryption without an integrity check"),
        AgileError::CertificateOnly => unknown("certificate-based encryption, which has no password"),
        AgileError::Unsupported => unknown("only AES in CBC mode with SHA-1 or SHA-2 is supported"),
    }
}

fn holds(file: &[u8], bytes: &[u8]) -> bool {
    file.windows(bytes.len()).any(|window| window == bytes)
}

fn holds_utf16(file: &[u8], name: &str) -> bool {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    holds(file, &name)
}

/// Returns whether to read the file as delimited text, such as CSV. This includes any file that starts with a UTF-16
/// byte-order mark.
pub fn is_delimited(bytes: &[u8]) -> bool {
    let is_wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    !is_encrypted(bytes) && !bytes.starts_with(ZIP_ARCHIVE) && (is_wide || file_kind(bytes) == FileKind::Csv)
}

/// Guesses the kind of a file that is neither a compound file nor an archive.
fn file_kind(bytes: &[u8]) -> FileKind {
    let start = &bytes[..bytes.len().min(4096)];
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    if start.is_empty() {
        return FileKind::Empty;
    }
    // BIFF 2 to 5 without a container: a BOF record (MS-XLS 2.4.21).
    if matches!(start, [0x09, 0x00 | 0x02 | 0x04 | 0x08, ..]) {
        return FileKind::LegacyXls;
    }
    let text = String::from_utf8_lossy(start);
    let trimmed = text.trim_start().to_ascii_lowercase();
    if ["<html", "<!doctype html", "<table", "<head"].iter().any(|tag| trimmed.starts_with(tag)) {
        return FileKind::Html;
    }
    let is_text = !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let first_line = text.lines().next().unwrap_or_default();
    if is_text && first_line.contains([',', ';', '\t', '|']) { FileKind::Csv } else { FileKind::Unknown }
}

/// Checks that the package is a workbook within the limits, and that each part matches its checksum.
///
/// Unpacks every part once and drops the bytes, because an archive may declare false sizes and calamine loads whole
/// parts.
fn check_archive(file: Workbook, package: &[u8], limits: &IntakeLimits) -> Result<Scan, Error> {
    let damaged = || Error::Damaged { file, part: DamagedPart::Archive };
    let mut archive = ZipArchive::new(Cursor::new(package)).map_err(|_| damaged())?;
    let names: Vec<_> = archive.file_names().collect::<Result<_, _>>().map_err(|_| damaged())?;
    let plain_names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase().replace('\\', "/")).collect();
    let has = |suffix: &str| plain_names.iter().any(|name| name.ends_with(suffix));
    let other_kind = [
        ("workbook.bin", FileKind::Xlsb),
        ("word/document.xml", FileKind::Word),
        ("ppt/presentation.xml", FileKind::PowerPoint),
    ];
    if let Some((_, kind)) = other_kind.into_iter().find(|(suffix, _)| has(suffix)) {
        return Err(Error::NotAWorkbook { file, kind });
    }
    let too_large = |unit, limit| Error::TooLarge { file, sheet: None, row: None, limit, unit };
    if names.len() > limits.parts {
        return Err(too_large("parts in its archive", limits.parts as u64));
    }
    let max_by_ratio = (package.len() as u64).saturating_mul(limits.ratio).max(limits.ratio_from);
    let mut unpacked = 0;
    let mut tags = BTreeMap::new();
    let mut scan = Scan::default();
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| damaged())?;
        let name = part.name().map_err(|_| damaged())?.to_ascii_lowercase();
        // Read at most one byte past the smaller limit, so a zip bomb is never fully unpacked.
        let rest = limits.unpacked.min(max_by_ratio).saturating_sub(unpacked) + 1;
        let mut scanner = TagScanner::default();
        let size = io::copy(&mut part.take(rest), &mut scanner).map_err(|_| damaged())?;
        unpacked += size;
        if unpacked > max_by_ratio {
            return Err(too_large("times its packed size when unpacked", limits.ratio));
        }
        if unpacked > limits.unpacked {
            return Err(too_large("unpacked bytes", limits.unpacked));
        }
        if name.ends_with("sharedstrings.xml") && size > limits.strings {
            return Err(too_large("bytes of shared strings", limits.strings));
        }
        let max_gap = if is_xml(&name) { limits.tag_gap } else { 64 * limits.tag_gap };
        if scanner.longest_gap() > max_gap {
            return Err(too_large("bytes between two XML tags", max_gap));
        }
        if name.ends_with("styles.xml") && scanner.tags.saturating_mul(scanner.longest_gap()) > limits.formats {
            return Err(too_large("bytes of cell formats", limits.formats));
        }
        scan.has_odd_cells |= scanner.has_odd_cells;
        scan.protection = scan.protection.or(scanner.protection);
        tags.insert(name.replace('\\', "/"), (scanner.tags, scanner.strings));
    }
    let Some(main) = find_main_part(&mut archive) else {
        let is_ods = has("content.xml") && has("meta-inf/manifest.xml");
        let kind = match is_ods.then(|| text_of(&mut archive, "META-INF/manifest.xml")) {
            Some(manifest) if manifest.contains("encryption-data") => FileKind::ProtectedOds,
            Some(_) => FileKind::Ods,
            None => FileKind::Zip,
        };
        return Err(Error::NotAWorkbook { file, kind });
    };
    for (name, (tags, strings)) in tags {
        if name.ends_with("sharedstrings.xml") {
            if claimed_strings(&mut archive, &name).max(strings) > limits.string_count {
                return Err(too_large("shared strings", limits.string_count));
            }
        } else if (name == main
            || has_extension(&name, "rels")
            || name.ends_with("styles.xml")
            || name.contains("theme"))
            && tags > limits.tags
        {
            return Err(too_large("XML tags in one part", limits.tags));
        }
    }
    Ok(scan)
}

/// The findings of the first pass over a package's parts.
#[derive(Default)]
struct Scan {
    /// Whether a sheet has cells that calamine skips or misreads.
    has_odd_cells: bool,
    /// A kind of protection that leaves the content readable, as a phrase.
    protection: Option<&'static str>,
}

/// Returns the first megabyte of a part as text.
fn text_of(archive: &mut Archive<'_>, name: &str) -> String {
    let mut bytes = Vec::new();
    if let Ok(part) = archive.by_name(name) {
        let _partial = part.take(1 << 20).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns whether the reader may load the part as XML. Custom XML parts may hold long encoded data, but are never
/// loaded.
fn is_xml(name: &str) -> bool {
    (has_extension(name, "xml") || has_extension(name, "rels")) && !name.starts_with("customxml/")
}

/// Returns whether the name of a part, in lower case, has the extension.
fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, found)| found == extension)
}

/// Counts the tags of a part and measures the bytes between them as the part is unpacked.
#[derive(Default)]
struct TagScanner {
    tags: u64,
    /// The number of shared strings, empty ones included.
    strings: u64,
    gap: u64,
    longest: u64,
    /// The end of the last write, if a tag may continue in the next one.
    tail: Vec<u8>,
    /// The last byte of the last write.
    last: u8,
    in_sheet_data: bool,
    has_odd_cells: bool,
    protection: Option<&'static str>,
}

/// The number of bytes after a `<` that the scanner inspects. It does not recognize longer tag names.
const MAX_TAG_NAME: usize = 40;

impl TagScanner {
    fn longest_gap(&self) -> u64 {
        self.longest.max(self.gap)
    }
}

/// The elements within a sheet's data that calamine reads.
const CELL_ELEMENTS: [&[u8]; 23] = [
    b"row",
    b"c",
    b"v",
    b"f",
    b"is",
    b"t",
    b"r",
    b"rPr",
    b"rPh",
    b"phoneticPr",
    b"b",
    b"i",
    b"u",
    b"sz",
    b"color",
    b"rFont",
    b"family",
    b"scheme",
    b"charset",
    b"vertAlign",
    b"strike",
    b"outline",
    b"shadow",
];

impl TagScanner {
    /// Inspects a tag, starting at the byte after its `<`.
    fn inspect_tag(&mut self, tag: &[u8]) {
        let is_end = |byte: &u8| matches!(byte, b' ' | b'>' | b'/' | b'\t' | b'\r' | b'\n');
        let (closes, tag) = match tag {
            [b'/', tag @ ..] => (true, tag),
            tag => (false, tag),
        };
        let end = tag.iter().position(is_end).unwrap_or(tag.len());
        let name = tag[..end].rsplit(|byte| *byte == b':').next().unwrap_or_default();
        match name {
            b"si" if !closes => self.strings += 1,
            b"sheetData" => self.in_sheet_data = !closes,
            b"workbookProtection" => self.protection = Some("a protected structure"),
            b"fileSharing" => self.protection = self.protection.or(Some("a read-only recommendation")),
            b"sheetProtection" => self.protection = self.protection.or(Some("protected cells")),
            // calamine reads a number with a space before it as 0. Attributes hide where the number starts, so a `<v>`
            // with attributes counts as odd, too.
            b"v" if !closes => {
                self.has_odd_cells |=
                    tag.get(end + 1).is_some_and(u8::is_ascii_whitespace) || tag.get(end) == Some(&b' ');
            }
            name if self.in_sheet_data => {
                let is_known =
                    CELL_ELEMENTS.contains(&name) || name.first().is_none_or(|byte| matches!(byte, b'!' | b'?'));
                self.has_odd_cells |= !is_known;
            }
            _ => {}
        }
    }
}

impl Write for TagScanner {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.tail.is_empty() {
            let mut tag = std::mem::take(&mut self.tail);
            tag.extend_from_slice(&bytes[..bytes.len().min(MAX_TAG_NAME)]);
            self.inspect_tag(&tag);
        }
        let mut last = 0;
        for at in memchr::memchr_iter(b'<', bytes) {
            let rest = &bytes[at + 1..];
            if rest.len() < MAX_TAG_NAME && !rest.contains(&b'>') {
                self.tail = rest.to_vec();
            } else {
                match rest {
                    // Almost all tags are cells, values and strings, whose names are one letter long.
                    [b'/', b'v', b'>', ..] => {
                        let before = if at > 0 { bytes[at - 1] } else { self.last };
                        self.has_odd_cells |= before.is_ascii_whitespace();
                    }
                    [b'/', _, b'>', ..] | [b'c' | b'r' | b't', b'>' | b' ', ..] => {}
                    [b'v', b'>', first, ..] => self.has_odd_cells |= first.is_ascii_whitespace(),
                    rest => self.inspect_tag(&rest[..rest.len().min(MAX_TAG_NAME)]),
                }
            }
            self.tags += 1;
            self.longest = self.longest_gap().max(self.gap + (at - last) as u64);
            self.gap = 0;
            last = at;
        }
        self.gap += (bytes.len() - last) as u64;
        self.last = bytes.last().copied().unwrap_or(self.last);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_scanner_measures_gaps_across_writes() {
        let mut scanner = TagScanner::default();
        for piece in ["<a>12", "345<", "b/><c>", "123456789"] {
            scanner.write_all(piece.as_bytes()).unwrap();
        }
        assert_eq!(scanner.tags, 3);
        assert_eq!(scanner.longest_gap(), "<c>123456789".len() as u64);
    }
}
