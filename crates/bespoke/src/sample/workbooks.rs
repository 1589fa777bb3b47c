//! Writes rows into encrypted workbooks.

use std::io::{Cursor, Write};
use std::path::Path;

use contracts::key::Workbook;
use jiff::civil::Date;
use ms_offcrypto_writer::Ecma376AgileWriter;
use rust_xlsxwriter::{ExcelDateTime, Format, Worksheet, XlsxError};

use super::{SAMPLE_PASSWORD, SampleError, SampleRows};

const PROFILE: [&str; 15] = [
    "customer_id",
    "first_name",
    "last_name",
    "age",
    "gender",
    "marital_status",
    "city",
    "zip_code",
    "occupation",
    "income",
    "account_balance",
    "products_held",
    "investment_advisor",
    "customer_since",
    "language",
];
const TRANSACTIONS: [&str; 7] =
    ["customer_id", "date", "category", "merchant", "transaction_amount", "consent", "consent_social_media"];
const TWEETS: [&str; 3] = ["customer_id", "tweet", "created_at"];

/// Writes one of the three workbooks, encrypted with [`SAMPLE_PASSWORD`].
pub fn write(file: Workbook, rows: &SampleRows, path: &Path) -> Result<(), SampleError> {
    let plain = plain(file, rows).map_err(|source| SampleError::Workbook { file, source })?;
    let io = |source| SampleError::Write { path: path.to_owned(), source };
    let mut writer =
        Ecma376AgileWriter::create(&mut rand::rng(), SAMPLE_PASSWORD, Cursor::new(Vec::new())).map_err(io)?;
    writer.write_all(&plain).map_err(io)?;
    let encrypted = writer.into_inner().map_err(io)?.into_inner();
    std::fs::write(path, encrypted).map_err(io)
}

fn plain(file: Workbook, rows: &SampleRows) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    let day = Format::new().set_num_format("yyyy-mm-dd");
    let write_date = |sheet: &mut Worksheet, row, column, date: Date| -> Result<(), XlsxError> {
        let year = date.year().unsigned_abs();
        let month = date.month().unsigned_abs();
        let date = ExcelDateTime::from_ymd(year, month, date.day().unsigned_abs())?;
        sheet.write_datetime_with_format(row, column, date, &day).map(|_| ())
    };
    match file {
        Workbook::Profile => {
            sheet.set_name("profile")?.write_row(0, 0, PROFILE)?;
            for (at, row) in (1..).zip(&rows.profiles) {
                let start = [&row.customer_id, &row.first_name, &row.last_name];
                sheet.write_row(at, 0, start)?.write_number(at, 3, f64::from(row.age))?;
                let middle = [&row.gender, &row.marital_status, &row.city, &row.zip_code, &row.occupation];
                sheet.write_row(at, 4, middle)?;
                sheet.write_number(at, 9, row.income)?.write_number(at, 10, row.account_balance)?;
                sheet.write_row(at, 11, [&row.products_held, &row.investment_advisor])?;
                write_date(sheet, at, 13, row.customer_since)?;
                sheet.write_string(at, 14, &row.language)?;
            }
        }
        Workbook::Transactions => {
            sheet.set_name("transactions")?.write_row(0, 0, TRANSACTIONS)?;
            for (at, row) in (1..).zip(&rows.transactions) {
                sheet.write_string(at, 0, &row.customer_id)?;
                write_date(sheet, at, 1, row.date)?;
                sheet.write_row(at, 2, [&row.category, &row.merchant])?.write_number(at, 4, row.transaction_amount)?;
                sheet.write_row(at, 5, [&row.consent, &row.consent_social_media])?;
            }
        }
        Workbook::Tweets => {
            sheet.set_name("tweets")?.write_row(0, 0, TWEETS)?;
            for (at, row) in (1..).zip(&rows.tweets) {
                sheet.write_row(at, 0, [&row.customer_id, &row.tweet])?;
                write_date(sheet, at, 2, row.created_at)?;
            }
        }
    }
    workbook.save_to_buffer()
}
