//! Fuzzes one part of a workbook. It packs the part itself, because a fuzzer rarely gets past an archive's checksums.

#![no_main]

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
    merge_fuzz::check(merge_fuzz::with_part(replaced, content));
});
