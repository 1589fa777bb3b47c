//! Tests of files that cannot be read. Each error names the file, the fault and the remedy, and does not quote content.

use std::fmt::Write as _;
use std::io::{Cursor, Write};

use crate::bank::{self, Bank, incoming, three_customers, transactions_header};
use crate::workbook::{Sheet, Value, encrypt, plain};
use contracts::NamedError;
use contracts::key::Workbook;
use insta::assert_snapshot;
use merge::Error;
use storage::store::ObjectStore;

/// Merges the three customers with one file replaced by `bytes`, and returns the error.
async fn merge_with(workbook: Workbook, bytes: Vec<u8>) -> Error {
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    bank.store.put(&incoming(workbook), bytes.into()).await.unwrap();
    bank.merge().await.unwrap_err()
}

async fn merge_with_rows(workbook: Workbook, rows: Vec<Vec<Value>>) -> Error {
    merge_with(workbook, plain(&[Sheet::new(rows)])).await
}

/// Returns the error's name, message and help as a terminal shows them.
fn shown(error: &Error) -> String {
    format!("[{}] {error}\nhelp: {}", error.name(), error.help().unwrap())
}

#[tokio::test]
async fn wrong_password_is_named() {
    let bytes = encrypt(&plain(&[three_customers()[0].clone()]), "another password");
    assert_snapshot!(shown(&merge_with(Workbook::Profile, bytes).await), @r"
    [Input.WrongPassword] customer_profile.xlsx: wrong password
    help: check EXCEL_PASSWORD, which must open all three workbooks; if it is right, the file is damaged
    ");
}

#[tokio::test]
async fn plain_workbook_is_refused_unless_allowed() {
    let mut bank = Bank::new();
    bank.settings.intake.allow_unprotected = false;
    bank.upload_sheets(&three_customers()).await;
    assert_snapshot!(shown(&bank.merge().await.unwrap_err()), @r"
    [Input.NotProtected] customer_profile.xlsx: not protected by a password; customer_transactions.xlsx: not protected by a password; twitter_data.xlsx: not protected by a password
    help: save it with a password, or set intake.allow_unprotected = true to read workbooks without one
    ");
}

#[tokio::test]
async fn every_missing_workbook_is_named() {
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    for workbook in [Workbook::Profile, Workbook::Tweets] {
        bank.store.delete(&incoming(workbook)).await.unwrap();
    }
    assert_snapshot!(shown(&bank.merge().await.unwrap_err()), @r"
    [Input.MissingWorkbook] batch tests lacks customer_profile.xlsx, twitter_data.xlsx
    help: upload all three files: customer_profile.xlsx, customer_transactions.xlsx and twitter_data.xlsx
    ");
}

#[tokio::test]
async fn other_kinds_of_file_are_named() {
    let mut legacy = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    legacy.create_stream("Workbook").unwrap().write_all(&[9, 8, 16, 0]).unwrap();
    let legacy = legacy.into_inner().into_inner();
    let mut messages = String::new();
    for bytes in [
        b"customer_id,first_name\n0001,Anna\n".to_vec(),
        b"\xef\xbb\xbfcustomer_id;first_name\n".to_vec(),
        b"<html><table><tr><td>0001".to_vec(),
        Vec::new(),
        vec![0, 1, 2, 3, 255],
        legacy,
    ] {
        let error = merge_with(Workbook::Transactions, bytes).await;
        writeln!(messages, "[{}] {error}", error.name()).unwrap();
    }
    assert_snapshot!(messages, @r#"
    [Input.MissingColumn] customer_transactions.xlsx: sheet "CSV" lacks the columns date, category, merchant; it has customer_id, first_name
    [Input.MissingColumn] customer_transactions.xlsx: sheet "CSV" lacks the columns date, category, merchant; it has customer_id, first_name
    [Input.NotAWorkbook] customer_transactions.xlsx: not an .xlsx workbook but a web page
    [Input.NotAWorkbook] customer_transactions.xlsx: not an .xlsx workbook but an empty file
    [Input.NotAWorkbook] customer_transactions.xlsx: not an .xlsx workbook but a file of an unknown kind
    [Input.NotAWorkbook] customer_transactions.xlsx: not an .xlsx workbook but a legacy .xls workbook
    "#);
}

#[tokio::test]
async fn truncated_file_is_damaged() {
    let plain = plain(&[three_customers()[2].clone()]);
    let encrypted = encrypt(&plain, bank::PASSWORD);
    for (whole, name) in [(&plain, "plain"), (&encrypted, "encrypted")] {
        for tenths in [3, 6, 9] {
            let error = merge_with(Workbook::Tweets, whole[..whole.len() * tenths / 10].to_vec()).await;
            assert_eq!(error.name().as_str(), "Input.NotAWorkbook", "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn decomposed_password_is_also_tried_composed() {
    let mut bank = Bank::new();
    bank.secrets.password = "pa\u{308}sswo\u{308}rd";
    bank.upload_encrypted(&three_customers()).await;
    assert!(bank.merge().await.is_ok());
}

#[tokio::test]
async fn protecting_only_the_structure_is_not_enough() {
    let protected = |xml: &str| {
        let book = plain(&[three_customers()[2].clone()]);
        let part = "xl/workbook.xml";
        let mut archive = zip::ZipArchive::new(Cursor::new(&book)).unwrap();
        let main = std::io::read_to_string(archive.by_name(part).unwrap()).unwrap();
        with_part(&book, part, main.replacen("<bookViews>", &format!("{xml}<bookViews>"), 1).as_bytes())
    };
    let mut messages = String::new();
    for xml in [r#"<workbookProtection lockStructure="1"/>"#, r#"<fileSharing readOnlyRecommended="1"/>"#] {
        let mut bank = Bank::new();
        bank.settings.intake.allow_unprotected = false;
        bank.upload_encrypted(&three_customers()).await;
        bank.store.put(&incoming(Workbook::Tweets), protected(xml).into()).await.unwrap();
        writeln!(messages, "{}", bank.merge().await.unwrap_err()).unwrap();
    }
    assert_snapshot!(messages, @r"
    twitter_data.xlsx: not protected by a password: it has only a protected structure, which leaves its content readable
    twitter_data.xlsx: not protected by a password: it has only a read-only recommendation, which leaves its content readable
    ");
}

#[tokio::test]
async fn changed_byte_is_detected() {
    let mut bytes = encrypt(&plain(&[three_customers()[2].clone()]), bank::PASSWORD);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    assert_snapshot!(shown(&merge_with(Workbook::Tweets, bytes).await), @r"
    [Input.NotAWorkbook] twitter_data.xlsx: changed since it was encrypted: its integrity check fails
    help: upload the workbook again from its source
    ");
}

/// Returns the workbook with one of its parts replaced.
pub fn with_part(workbook: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    let mut old = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
    let mut new = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..old.len() {
        let part = old.by_index_raw(index).unwrap();
        if part.name().unwrap() != name {
            new.raw_copy_file(part).unwrap();
        }
    }
    new.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    new.write_all(content).unwrap();
    new.finish().unwrap().into_inner()
}

#[tokio::test]
async fn zip_bomb_is_too_large() {
    let bomb = with_part(&plain(&[three_customers()[2].clone()]), "xl/media/image1.png", &vec![0; 32 * 1024 * 1024]);
    let error = merge_with(Workbook::Tweets, encrypt(&bomb, bank::PASSWORD)).await;
    assert_snapshot!(shown(&error), @r"
    [Input.TooLarge] twitter_data.xlsx: exceeds the limit of 200 times its packed size when unpacked
    help: split the batch, or remove what does not belong in the workbook
    ");
}

#[tokio::test]
async fn archive_with_too_many_parts_is_too_large() {
    let mut workbook = zip::ZipWriter::new_append(Cursor::new(plain(&[three_customers()[2].clone()]))).unwrap();
    for part in 0..10_000 {
        workbook.start_file(format!("xl/{part}"), zip::write::SimpleFileOptions::default()).unwrap();
    }
    let error = merge_with(Workbook::Tweets, workbook.finish().unwrap().into_inner()).await;
    assert_snapshot!(error, @"twitter_data.xlsx: exceeds the limit of 10000 parts in its archive");
}

#[tokio::test]
async fn full_sheet_is_read_to_its_last_row() {
    const LAST: u32 = 1_048_575;
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0..).zip(["customer_id", "tweet"]) {
        sheet.write(0, column, name).unwrap();
    }
    for row in 1..=LAST {
        sheet.write(row, 0, 2).unwrap();
        sheet.write(row, 1, "a").unwrap();
    }
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    bank.store.put(&incoming(Workbook::Tweets), workbook.save_to_buffer().unwrap().into()).await.unwrap();
    let report = bank.report(&bank.merge().await.unwrap()).await;
    assert_eq!(report["files"][2]["read"], LAST);
    // The customer refuses the use of posts.
    assert_eq!(report["files"][2]["withheld"], LAST);
}

#[tokio::test]
async fn entity_bomb_counts_as_damage() {
    let strings = r#"<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
        <sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&b;</t></si></sst>"#;
    let bomb = with_part(&plain(&[three_customers()[2].clone()]), "xl/sharedStrings.xml", strings.as_bytes());
    assert_snapshot!(shown(&merge_with(Workbook::Tweets, bomb).await), @r"
    [Input.NotAWorkbook] twitter_data.xlsx: damaged: cannot read its XML
    help: upload the workbook again, or save it again in a spreadsheet program
    ");
}

/// Such a cell must not make the reader allocate the space up to it.
#[tokio::test]
async fn cell_beyond_last_column_or_row_counts_as_damage() {
    for place in ["XFE1", "FXSHRXW1", "A1048577"] {
        let sheet = format!(
            r#"<worksheet><sheetData><row><c r="{place}" t="inlineStr"><is><t>tweet</t></is></c></row></sheetData></worksheet>"#
        );
        let file = with_part(&plain(&[three_customers()[2].clone()]), "xl/worksheets/sheet1.xml", sheet.as_bytes());
        let error = merge_with(Workbook::Tweets, file).await;
        assert_eq!(error.to_string(), "twitter_data.xlsx: damaged: cannot read sheet \"Sheet1\"", "{place}");
    }
}

#[tokio::test]
async fn rights_management_is_named() {
    let mut managed = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    managed.create_storage_all("/\u{6}DataSpaces/TransformInfo/DRMEncryptedTransform").unwrap();
    managed.create_stream("/EncryptedPackage").unwrap().write_all(&[7; 5000]).unwrap();
    let error = merge_with(Workbook::Tweets, managed.into_inner().into_inner()).await;
    assert_snapshot!(shown(&error), @r"
    [Input.NotAWorkbook] twitter_data.xlsx: cannot decrypt: rights-managed content
    help: save it in a current version of Excel, with a password and without rights management or a certificate
    ");
}

#[tokio::test]
async fn missing_columns_are_named_beside_those_found() {
    let rows = vec![row!["Customer ID", "date", "category", "merchant", "amount", "consent"]];
    assert_snapshot!(shown(&merge_with_rows(Workbook::Transactions, rows).await), @r#"
    [Input.MissingColumn] customer_transactions.xlsx: sheet "Sheet1" lacks the columns transaction_amount, consent_social_media; it has Customer ID, date, category, merchant, amount, consent
    help: rename the column, or name the bank's own column under [intake.columns] in bespoke.toml
    "#);
}

#[tokio::test]
async fn first_row_of_data_is_not_quoted_as_header() {
    let rows = vec![row!["0001", "Anna", "Secretive", 1.0]];
    assert_snapshot!(
        merge_with_rows(Workbook::Profile, rows).await,
        @r#"customer_profile.xlsx: sheet "Sheet1" lacks the columns customer_id, first_name, income, account_balance, products_held; its first row has no known column name and may not be a header"#
    );
}

#[tokio::test]
async fn workbook_without_visible_sheet_is_named() {
    let hidden = Sheet { hidden: true, ..three_customers()[2].clone() };
    let empty = Sheet { name: "Empty", hidden: false, rows: Vec::new() };
    assert_snapshot!(shown(&merge_with(Workbook::Tweets, plain(&[empty, hidden])).await), @r"
    [Input.MissingColumn] twitter_data.xlsx: no visible sheet has a header row
    help: make the sheet visible and give it a header row
    ");
}

#[tokio::test]
async fn duplicate_column_is_refused() {
    let mut header = transactions_header();
    header.push(Value::from("CONSENT"));
    assert_snapshot!(
        merge_with_rows(Workbook::Transactions, vec![header]).await,
        @r#"customer_transactions.xlsx: sheet "Sheet1" has two columns named consent"#
    );
}

#[tokio::test]
async fn too_many_bad_rows_stop_the_run() {
    let mut rows = vec![transactions_header()];
    rows.extend((0..40).map(|_| row!["0001", "gibberish", "Fuel", "Pump", 3.0, "yes", "yes"]));
    rows.push(row!["9999", "2026-10-01", "Fuel", "Pump", 3.0, "yes", "yes"]);
    assert_snapshot!(shown(&merge_with_rows(Workbook::Transactions, rows).await), @r#"
    [Input.TooManyBadRows] customer_transactions.xlsx: sheet "Sheet1": 41 of 41 rows cannot be used: column date: not a date; write it as 2026-10-31 (40 rows: 2, 3, 4, 5, 6 and 35 more); row 42, column customer_id: no profile row has this id; ids are text, so 0042 is not 42
    help: correct the rows, or raise intake.max_bad_rows in bespoke.toml
    "#);
}

#[tokio::test]
async fn bad_rows_are_set_aside_by_row_and_column() {
    let mut bank = Bank::new();
    bank.settings.intake.max_bad_rows = 1.0;
    let mut sheets = three_customers();
    sheets[0].rows.extend([
        row!["", "Nobody", "", "", "", "", ""],
        row!["0007", "", "", "", "", "", ""],
        row!["0008", "Dee", "", "plenty", "", "", ""],
    ]);
    sheets[1].rows.extend([
        row!["0001", "2026-10-01", "", "Pump", 3.0, "yes", "yes"],
        row!["0001", "2026-10-01", "Fuel", "Pump", "three", "yes", "yes"],
        row!["1", "2026-10-01", "Fuel", "Pump", 3.0, "yes", "yes"],
    ]);
    sheets[2].rows.push(row!["0001", "  ", ""]);
    bank.upload_sheets(&sheets).await;
    let report = bank.report(&bank.merge().await.unwrap()).await;
    let mut problems = String::new();
    for list in ["set_aside", "remarks"] {
        writeln!(problems, "{list}:").unwrap();
        for problem in report[list].as_array().unwrap() {
            let text = |field: &str| problem[field].as_str().unwrap();
            writeln!(problems, "{} {} {}: {}", text("file"), problem["row"], text("column"), text("rule")).unwrap();
        }
    }
    assert_snapshot!(problems, @r"
    set_aside:
    profile 5 customer_id: blank; fill it in
    profile 6 first_name: blank; fill it in
    transactions 6 category: blank; fill it in
    transactions 7 transaction_amount: not an amount; write it as 1234.50
    transactions 8 customer_id: no profile row has this id; ids are text, so 0042 is not 42
    tweets 5 tweet: blank; fill it in
    remarks:
    profile 3 products_held: names a product that is not in the catalog; correct the name or add the product
    profile 7 income: not an amount; write it as 1234.50
    ");
}
