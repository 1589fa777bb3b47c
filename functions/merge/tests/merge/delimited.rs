//! Tests that delimited text is read by the same rules as a sheet.

use contracts::NamedError;
use contracts::key::Workbook;
use storage::store::ObjectStore;

use crate::bank::{Bank, incoming, three_customers};
use crate::workbook::{Sheet, Value};

/// Writes a sheet as delimited text.
fn delimited(sheet: &Sheet, delimiter: u8) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    for row in &sheet.rows {
        let field = |value: &Value| match value {
            Value::Blank => String::new(),
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(answer) => if *answer { "TRUE" } else { "FALSE" }.to_owned(),
            Value::Date(year, month, day) => format!("{year}-{month:02}-{day:02}"),
            Value::Formula(_, result) => (*result).to_owned(),
        };
        writer.write_record(row.iter().map(field)).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Returns the three customers without a serial date, which text cannot represent.
fn sheets() -> [Sheet; 3] {
    let mut sheets = three_customers();
    sheets[1].rows[3][1] = Value::Date(2025, 12, 9);
    sheets
}

#[tokio::test]
async fn delimited_text_yields_same_dataset_as_workbooks() {
    let sheets = sheets();
    let workbooks = Bank::new();
    workbooks.upload_sheets(&sheets).await;
    let expected = workbooks.merge().await.unwrap().dataset;
    for delimiter in *b",;\t|" {
        for mark in ["", "\u{feff}"] {
            let text = Bank::new();
            text.upload(sheets.each_ref().map(|sheet| [mark.as_bytes(), &delimited(sheet, delimiter)].concat())).await;
            assert_eq!(text.merge().await.unwrap().dataset, expected, "{:?}", char::from(delimiter));
        }
    }
    let wide = Bank::new();
    let utf16 = |sheet: &Sheet| {
        let text = String::from_utf8(delimited(sheet, b',')).unwrap();
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    };
    wide.upload(sheets.each_ref().map(utf16)).await;
    assert_eq!(wide.merge().await.unwrap().dataset, expected);
}

#[tokio::test]
async fn text_without_protection_is_refused_unless_allowed() {
    let mut bank = Bank::new();
    bank.settings.intake.allow_unprotected = false;
    bank.upload_encrypted(&three_customers()).await;
    let text = delimited(&three_customers()[0], b',');
    bank.store.put(&incoming(Workbook::Profile), text.into()).await.unwrap();
    let error = bank.merge().await.unwrap_err();
    assert_eq!(error.name().as_str(), "Input.NotProtected");
    assert_eq!(error.to_string(), "customer_profile.xlsx: not protected by a password");
}

#[tokio::test]
async fn text_that_is_not_unicode_or_lacks_a_column_is_named() {
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    for (bytes, message) in [
        (
            b"customer_id,tweet\n1,caf\xe9\n".to_vec(),
            "twitter_data.xlsx: damaged: cannot read its text as UTF-8 or UTF-16",
        ),
        (
            b"customer_id;text\n1;a\n".to_vec(),
            "twitter_data.xlsx: sheet \"CSV\" lacks the column tweet; it has customer_id, text",
        ),
    ] {
        bank.store.put(&incoming(Workbook::Tweets), bytes.into()).await.unwrap();
        assert_eq!(bank.merge().await.unwrap_err().to_string(), message);
    }
}
