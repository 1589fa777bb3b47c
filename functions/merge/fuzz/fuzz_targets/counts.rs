//! Fuzzes counts and sizes: claimed counts, repeated tags, distant positions and long gaps. A few bytes of input become
//! a large part, which a fuzzer that mutates only bytes would not find.

#![no_main]

use std::fmt::Write as _;

use libfuzzer_sys::arbitrary::{self, Arbitrary};

const NAMESPACE: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
/// The maximum number of repetitions.
const MAX_REPEATED: u32 = 1 << 20;

#[derive(Arbitrary, Debug)]
struct Counts {
    claimed: u64,
    count: u64,
    strings: u32,
    string: Repeated,
    rows: u32,
    row: u64,
    column: u8,
    dimension: u64,
    cell: Repeated,
    gap: u32,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Repeated {
    Empty,
    Text,
    Runs,
    Nested,
}

impl Repeated {
    const fn string(self) -> &'static str {
        match self {
            Self::Empty => "<si/>",
            Self::Text => "<si><t>a</t></si>",
            Self::Runs => "<si><r><t>a</t></r><r><t>b</t></r></si>",
            Self::Nested => "<si><si><si><t/></si></si></si>",
        }
    }

    fn cell(self, row: u64, column: char) -> String {
        match self {
            Self::Empty => "<c/>".to_owned(),
            Self::Text => format!("<c r=\"{column}{row}\"><v>1</v></c>"),
            Self::Runs => format!("<c r=\"{column}{row}\" t=\"inlineStr\"><is><t>a</t></is></c>"),
            Self::Nested => format!("<c r=\"{column}{row}\" t=\"s\"><v>{row}</v></c>"),
        }
    }
}

libfuzzer_sys::fuzz_target!(|counts: Counts| {
    let strings = counts.string.string().repeat((counts.strings % MAX_REPEATED) as usize);
    let shared = format!(
        "<sst xmlns=\"{NAMESPACE}\" count=\"{}\" uniqueCount=\"{}\">{strings}</sst>",
        counts.count, counts.claimed
    );
    merge_fuzz::check(merge_fuzz::with_part("xl/sharedStrings.xml", shared.as_bytes()));

    let column = char::from(b'A' + counts.column % 26);
    let mut rows = String::new();
    for row in 0..u64::from(counts.rows % (MAX_REPEATED / 8)) {
        let number = counts.row.wrapping_add(row);
        let _infallible = write!(rows, "<row r=\"{number}\">{}</row>", counts.cell.cell(number, column));
    }
    let gap = " ".repeat((counts.gap % (4 * MAX_REPEATED)) as usize);
    let sheet = format!(
        "<worksheet xmlns=\"{NAMESPACE}\"><dimension ref=\"A1:{column}{}\"/>{gap}<sheetData>{rows}</sheetData></worksheet>",
        counts.dimension
    );
    merge_fuzz::check(merge_fuzz::with_part("xl/worksheets/sheet1.xml", sheet.as_bytes()));
});
