//! Decrypts a file in memory to obtain its workbook, within limits.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};

use contracts::key::Workbook;
use contracts::panics::caught;
use office_crypto::DecryptError;
use storage::secret::{ExposeSecret, SecretString};
use zeroize::Zeroizing;
use zip::ZipArchive;

use crate::error::{DamagedPart, Error, FileKind};
use crate::package::{claimed_strings, main_part};

/// The header of a compound file (MS-CFB 2.2): an encrypted `.xlsx`, or any legacy Office file.
const COMPOUND_FILE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// The header of a zip archive's first entry (APPNOTE 4.3.7).
const ZIP_ARCHIVE: &[u8] = b"PK\x03\x04";

/// The maximum size of a workbook. A workbook beyond a limit causes a named error instead of exhausting memory.
///
/// Nested XML needs no limit, because the reader keeps only a stack of names. Entities need none, because only XML's
/// own five are resolved. `office-crypto` itself refuses more than a million rounds of hashing.
#[derive(Clone, Copy, Debug)]
pub struct IntakeLimits {
    /// The total bytes of all unpacked parts.
    pub unpacked: u64,
    /// The maximum ratio of unpacked to packed size. Spreadsheets stay below 50; a zip bomb is near 1,000.
    pub ratio: u64,
    /// The number of unpacked bytes below which the ratio is ignored.
    pub ratio_from: u64,
    /// The number of parts in the archive.
    pub parts: usize,
    /// The bytes of shared strings, which stay in memory while a sheet is read.
    pub strings: u64,
    /// The number of shared strings.
    pub string_count: u64,
    /// The number of XML tags in a part that stays in memory: the workbook, its styles and its relationships.
    pub tags: u64,
    /// The number of bytes from one XML tag to the next. They are in memory together.
    pub tag_gap: u64,
    /// The number of cells in a sheet.
    pub cells: u64,
    /// The number of characters in one cell. Spreadsheet programs themselves allow 32,767.
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
            tag_gap: 1024 * 1024,
            cells: 20_000_000,
            characters: 32_767,
        }
    }
}

/// Returns whether the file's first bytes are those of an encrypted workbook.
#[must_use]
pub fn is_encrypted(file: &[u8]) -> bool {
    file.starts_with(COMPOUND_FILE)
}

/// Returns the workbook in `file`: decrypted with the password, or unchanged if `allow_unprotected`. The copy is zeroed
/// when dropped.
///
/// `office-crypto` does not check the password with agile encryption, and a wrong password results in noise. A result
/// without an archive's header therefore means that the password is wrong.
pub fn unlock(
    file: Workbook,
    bytes: &[u8],
    password: Option<&SecretString>,
    allow_unprotected: bool,
    limits: &IntakeLimits,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let package = if is_encrypted(bytes) {
        let password = password.map_or("", |password| password.expose_secret());
        let package = caught(|| office_crypto::decrypt_from_bytes(bytes.to_vec(), password))
            .ok_or(Error::Damaged { file, part: DamagedPart::EncryptedContainer })?
            .map_err(|error| decryption_error(file, bytes, &error))?;
        Zeroizing::new(package)
    } else if bytes.starts_with(ZIP_ARCHIVE) {
        // If the file is of another kind, that is the more useful error.
        if !allow_unprotected {
            check_archive(file, bytes, limits)?;
            return Err(Error::NotProtected { file });
        }
        Zeroizing::new(bytes.to_vec())
    } else {
        return Err(Error::NotAWorkbook { file, kind: file_kind(bytes) });
    };
    if !package.starts_with(ZIP_ARCHIVE) {
        return Err(Error::WrongPassword { file });
    }
    check_archive(file, &package, limits)?;
    Ok(package)
}

fn decryption_error(file: Workbook, bytes: &[u8], error: &DecryptError) -> Error {
    match error {
        // A legacy workbook is a stream with this name, in UTF-16 (MS-XLS 2.1.2).
        _ if !holds_utf16(bytes, "EncryptedPackage") && holds_utf16(bytes, "Workbook") => {
            Error::NotAWorkbook { file, kind: FileKind::LegacyXls }
        }
        // The container has this storage if the workbook is protected by rights management instead of a password
        // (MS-OFFCRYPTO 2.2).
        _ if holds_utf16(bytes, "DRMEncryptedTransform") => {
            Error::UnknownEncryption { file, scheme: "rights management" }
        }
        DecryptError::Unimplemented(_) => older_algorithm(file),
        // `office-crypto` reports an unsupported key length as a damaged structure.
        _ if [b"keyBits=\"128\"", b"keyBits=\"192\""].iter().any(|bits| holds(bytes, *bits)) => older_algorithm(file),
        DecryptError::IoError(_)
        | DecryptError::InvalidHeader
        | DecryptError::InvalidStructure
        | DecryptError::NotEncrypted
        | DecryptError::Unknown => Error::Damaged { file, part: DamagedPart::EncryptedContainer },
    }
}

fn older_algorithm(file: Workbook) -> Error {
    Error::UnknownEncryption { file, scheme: "an older encryption algorithm" }
}

fn holds(file: &[u8], bytes: &[u8]) -> bool {
    file.windows(bytes.len()).any(|window| window == bytes)
}

fn holds_utf16(file: &[u8], name: &str) -> bool {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    holds(file, &name)
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
    if is_text && first_line.contains([',', ';', '\t']) { FileKind::Csv } else { FileKind::Unknown }
}

/// Checks that the package is a workbook within the limits, and that each part matches its checksum.
///
/// Unpacks every part once and drops the bytes, because an archive may declare false sizes and calamine loads whole
/// parts.
fn check_archive(file: Workbook, package: &[u8], limits: &IntakeLimits) -> Result<(), Error> {
    let damaged = || Error::Damaged { file, part: DamagedPart::Archive };
    let mut archive = ZipArchive::new(Cursor::new(package)).map_err(|_| damaged())?;
    let names: Vec<_> = archive.file_names().collect::<Result<_, _>>().map_err(|_| damaged())?;
    if names.iter().any(|name| name == "xl/workbook.bin") {
        return Err(Error::NotAWorkbook { file, kind: FileKind::Xlsb });
    }
    if !names.iter().any(|name| name.eq_ignore_ascii_case("xl/workbook.xml")) {
        return Err(Error::NotAWorkbook { file, kind: FileKind::Zip });
    }
    let too_large = |unit, limit| Error::TooLarge { file, sheet: None, row: None, limit, unit };
    if names.len() > limits.parts {
        return Err(too_large("parts in its archive", limits.parts as u64));
    }
    // The smaller of the two limits stops a bomb before it is fully unpacked.
    let max_by_ratio = (package.len() as u64).saturating_mul(limits.ratio).max(limits.ratio_from);
    let mut unpacked = 0;
    let mut tags = BTreeMap::new();
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| damaged())?;
        let name = part.name().map_err(|_| damaged())?.to_ascii_lowercase();
        let rest = limits.unpacked.min(max_by_ratio).saturating_sub(unpacked) + 1;
        let mut scanner = TagScanner::default();
        let size = io::copy(&mut part.take(rest), &mut scanner).map_err(|_| damaged())?;
        unpacked += size;
        if unpacked > max_by_ratio {
            return Err(too_large("times its packed size", limits.ratio));
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
        tags.insert(name, scanner.tags);
    }
    let main = main_part(&mut archive).to_ascii_lowercase();
    for (name, tags) in tags {
        if name.ends_with("sharedstrings.xml") {
            // A string has at least four tags: `<si><t>…</t></si>`.
            if claimed_strings(&mut archive, &name).max(tags / 4) > limits.string_count {
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
    Ok(())
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

/// Counts the tags of a part and measures the bytes between them, while the part is unpacked.
#[derive(Default)]
struct TagScanner {
    tags: u64,
    gap: u64,
    longest: u64,
}

impl TagScanner {
    fn longest_gap(&self) -> u64 {
        self.longest.max(self.gap)
    }
}

impl Write for TagScanner {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut last = 0;
        for at in memchr::memchr_iter(b'<', bytes) {
            self.tags += 1;
            self.longest = self.longest_gap().max(self.gap + (at - last) as u64);
            self.gap = 0;
            last = at;
        }
        self.gap += (bytes.len() - last) as u64;
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
