//! Builds workbooks, plain or encrypted.

use std::io::{Cursor, Write};

use ms_offcrypto_writer::Ecma376AgileWriter;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

/// The content of a cell.
#[derive(Clone, Debug)]
pub enum Value {
    Blank,
    Text(String),
    Number(f64),
    Bool(bool),
    Date(u16, u8, u8),
    /// A formula and its stored result.
    Formula(&'static str, &'static str),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Blank } else { Self::Text(text.to_owned()) }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(answer: bool) -> Self {
        Self::Bool(answer)
    }
}

/// Returns the cells of one row.
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$($crate::workbook::Value::from($value)),*] };
}

/// A sheet; its first row is the header.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub name: &'static str,
    pub hidden: bool,
    pub rows: Vec<Vec<Value>>,
}

impl Sheet {
    pub fn new(rows: Vec<Vec<Value>>) -> Self {
        Self { name: "Sheet1", hidden: false, rows }
    }
}

/// Returns a workbook without a password.
pub fn plain(sheets: &[Sheet]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let day = Format::new().set_num_format("yyyy-mm-dd");
    for sheet in sheets {
        let worksheet = workbook.add_worksheet();
        worksheet.set_name(sheet.name).unwrap().set_hidden(sheet.hidden);
        for (row, cells) in (0..).zip(&sheet.rows) {
            for (column, cell) in (0..).zip(cells) {
                match cell {
                    Value::Blank => continue,
                    Value::Text(text) => worksheet.write_string(row, column, text),
                    Value::Number(number) => worksheet.write_number(row, column, *number),
                    Value::Bool(answer) => worksheet.write_boolean(row, column, *answer),
                    Value::Date(y, m, d) => {
                        let date = ExcelDateTime::from_ymd(*y, *m, *d).unwrap();
                        worksheet.write_datetime_with_format(row, column, date, &day)
                    }
                    Value::Formula(formula, result) => {
                        worksheet.write_formula(row, column, Formula::new(*formula).set_result(*result))
                    }
                }
                .unwrap();
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// Encrypts the workbook as current versions of Excel do.
pub fn encrypt(plain: &[u8], password: &str) -> Vec<u8> {
    let mut writer = Ecma376AgileWriter::create(&mut rand::rng(), password, Cursor::new(Vec::new())).unwrap();
    writer.write_all(plain).unwrap();
    writer.into_inner().unwrap().into_inner()
}
