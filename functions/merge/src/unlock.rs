//! From the bytes of a file to the bytes of an unprotected workbook, within limits. Nothing touches a disk.

use std::io::{self, Cursor, Read};

use contracts::key::Workbook;
use contracts::panics::caught;
use office_crypto::DecryptError;
use storage::secret::{ExposeSecret, SecretString};
use zeroize::Zeroizing;
use zip::ZipArchive;

use crate::error::{Content, Error};

/// The header of a compound file (MS-CFB 2.2): a password-protected `.xlsx`, or any legacy Office file.
const COMPOUND: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// The header of a zip archive's first entry (APPNOTE 4.3.7).
const ARCHIVE: &[u8] = b"PK\x03\x04";

/// How large a workbook may be. Beyond it, reading stops by name instead of by exhausted memory. There is no limit to how
/// deep XML is nested, because its reader keeps no stack but one of names; no entity is ever resolved but the five of XML
/// itself; and `office-crypto` refuses more than a million rounds of hashing.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the workbook's parts once unpacked.
    pub unpacked: u64,
    /// How many times its packed size a workbook may unpack to. Spreadsheets stay below 50; a zip bomb is near 1,000.
    pub ratio: u64,
    /// Unpacked bytes up to which the ratio does not matter.
    pub ratio_from: u64,
    /// Parts of the archive.
    pub parts: usize,
    /// Bytes of the part that holds the sheets' texts, which is kept in memory while a sheet is read.
    pub strings: u64,
    /// Cells in the sheet that is read.
    pub cells: u64,
    /// Characters in one cell; a spreadsheet itself allows 32,767.
    pub characters: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked: 2 * 1024 * 1024 * 1024,
            ratio: 200,
            ratio_from: 16 * 1024 * 1024,
            parts: 10_000,
            strings: 256 * 1024 * 1024,
            cells: 20_000_000,
            characters: 32_767,
        }
    }
}

/// Whether the file needs a password, as far as its first bytes tell.
#[must_use]
pub fn is_protected(file: &[u8]) -> bool {
    file.starts_with(COMPOUND)
}

/// The unprotected workbook within `file`: decrypted with the password, or as it is where `allow_unprotected`. The copy is
/// zeroed when dropped.
///
/// `office-crypto` does not check the password of agile encryption, and a wrong one gives noise: what does not begin as an
/// archive was opened with the wrong password.
pub fn unlock(
    workbook: Workbook,
    file: &[u8],
    password: Option<&SecretString>,
    allow_unprotected: bool,
    limits: &Limits,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let package = if is_protected(file) {
        let password = password.map_or("", |password| password.expose_secret());
        let package = caught(|| office_crypto::decrypt_from_bytes(file.to_vec(), password))
            .ok_or(Error::Damaged { file: workbook, part: "its encrypted container" })?
            .map_err(|error| decryption_error(workbook, file, &error))?;
        Zeroizing::new(package)
    } else if file.starts_with(ARCHIVE) {
        if !allow_unprotected {
            return Err(Error::NotProtected { file: workbook });
        }
        Zeroizing::new(file.to_vec())
    } else {
        return Err(Error::NotAWorkbook { file: workbook, is: content(file) });
    };
    if !package.starts_with(ARCHIVE) {
        return Err(Error::WrongPassword { file: workbook });
    }
    check_archive(workbook, &package, limits)?;
    Ok(package)
}

fn decryption_error(workbook: Workbook, file: &[u8], error: &DecryptError) -> Error {
    match error {
        // A stream of this name, in UTF-16, is what a legacy workbook consists of (MS-XLS 2.1.2).
        _ if !holds_utf16(file, "EncryptedPackage") && holds_utf16(file, "Workbook") => {
            Error::NotAWorkbook { file: workbook, is: Content::LegacyXls }
        }
        // What rights management adds to the container instead of a password (MS-OFFCRYPTO 2.2).
        _ if holds_utf16(file, "DRMEncryptedTransform") => {
            Error::UnknownEncryption { file: workbook, how: "by rights management" }
        }
        // `office-crypto` takes another length of key for damage.
        DecryptError::Unimplemented(_) => older_algorithm(workbook),
        _ if [b"keyBits=\"128\"", b"keyBits=\"192\""].iter().any(|bits| holds(file, *bits)) => {
            older_algorithm(workbook)
        }
        DecryptError::IoError(_)
        | DecryptError::InvalidHeader
        | DecryptError::InvalidStructure
        | DecryptError::NotEncrypted
        | DecryptError::Unknown => Error::Damaged { file: workbook, part: "its encrypted container" },
    }
}

fn older_algorithm(workbook: Workbook) -> Error {
    Error::UnknownEncryption { file: workbook, how: "with an older algorithm" }
}

fn holds(file: &[u8], bytes: &[u8]) -> bool {
    file.windows(bytes.len()).any(|window| window == bytes)
}

fn holds_utf16(file: &[u8], name: &str) -> bool {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    holds(file, &name)
}

/// What a file is that is neither a compound file nor an archive.
fn content(file: &[u8]) -> Content {
    let start = &file[..file.len().min(4096)];
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    if start.is_empty() {
        return Content::Empty;
    }
    // BIFF 2 to 5 without a container: a BOF record (MS-XLS 2.4.21).
    if matches!(start, [0x09, 0x00 | 0x02 | 0x04 | 0x08, ..]) {
        return Content::LegacyXls;
    }
    let text = String::from_utf8_lossy(start);
    let trimmed = text.trim_start().to_ascii_lowercase();
    if ["<html", "<!doctype html", "<table", "<head"].iter().any(|tag| trimmed.starts_with(tag)) {
        return Content::Html;
    }
    let is_text = !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let first_line = text.lines().next().unwrap_or_default();
    if is_text && first_line.contains([',', ';', '\t']) { Content::Csv } else { Content::Unknown }
}

/// Unpacks every part once, into nothing: what an archive says of its own sizes may be a lie, and calamine takes in whole
/// parts. Checks the parts' checksums by the way.
fn check_archive(workbook: Workbook, package: &[u8], limits: &Limits) -> Result<(), Error> {
    let damaged = || Error::Damaged { file: workbook, part: "its archive" };
    let mut archive = ZipArchive::new(Cursor::new(package)).map_err(|_| damaged())?;
    let names: Vec<_> = archive.file_names().collect::<Result<_, _>>().map_err(|_| damaged())?;
    if names.iter().any(|name| name == "xl/workbook.bin") {
        return Err(Error::NotAWorkbook { file: workbook, is: Content::Xlsb });
    }
    if !names.iter().any(|name| name.eq_ignore_ascii_case("xl/workbook.xml")) {
        return Err(Error::NotAWorkbook { file: workbook, is: Content::Zip });
    }
    let too_large = |what, limit| Error::TooLarge { file: workbook, what, limit };
    if names.len() > limits.parts {
        return Err(too_large("parts", limits.parts as u64));
    }
    // Whichever is smaller stops a bomb before all of it is unpacked.
    let most_by_ratio = (package.len() as u64).saturating_mul(limits.ratio).max(limits.ratio_from);
    let mut unpacked = 0;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| damaged())?;
        let is_strings = part.name().is_ok_and(|name| name.eq_ignore_ascii_case("xl/sharedStrings.xml"));
        let rest = limits.unpacked.min(most_by_ratio).saturating_sub(unpacked) + 1;
        let size = io::copy(&mut part.take(rest), &mut io::sink()).map_err(|_| damaged())?;
        unpacked += size;
        if unpacked > most_by_ratio {
            return Err(too_large("times its own size once unpacked", limits.ratio));
        }
        if unpacked > limits.unpacked {
            return Err(too_large("bytes once unpacked", limits.unpacked));
        }
        if is_strings && size > limits.strings {
            return Err(too_large("bytes of texts", limits.strings));
        }
    }
    Ok(())
}
