//! Fuzzes one part of a workbook. It packs the part itself, because a fuzzer rarely gets past an archive's checksums.

#![no_main]

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const WORKBOOK: &[u8] = include_bytes!("../../tests/files/xlsxwriter.transactions.xlsx");
const PARTS: [&str; 6] = [
    "xl/worksheets/sheet1.xml",
    "xl/sharedStrings.xml",
    "xl/workbook.xml",
    "xl/styles.xml",
    "xl/_rels/workbook.xml.rels",
    "[Content_Types].xml",
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((index, content)) = input.split_first() else { return };
    let replaced = PARTS[usize::from(*index) % PARTS.len()];
    merge_fuzz::check(with_part(replaced, content).expect("writes to memory succeed"));
});

fn with_part(name: &str, content: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut old = ZipArchive::new(Cursor::new(WORKBOOK))?;
    let mut new = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..old.len() {
        let part = old.by_index_raw(index)?;
        if part.name()? != name {
            new.raw_copy_file(part)?;
        }
    }
    new.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
    new.write_all(content)?;
    Ok(new.finish()?.into_inner())
}
