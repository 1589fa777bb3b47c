//! Files that cannot be read: each is told by name, with what to do about it, and without any content.

use std::io::{Cursor, Write};

use crate::bank::{self, Bank, incoming, three_customers, transactions_header};
use crate::workbook::{Sheet, Value, plain, protect};
use contracts::key::Workbook;
use contracts::{ErrorName, NamedError};
use merge::Error;
use storage::store::ObjectStore;

/// Merges the three customers with one file replaced by `bytes`.
async fn merge_with(workbook: Workbook, bytes: Vec<u8>) -> Error {
    let mut bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    bank.store.put(&incoming(workbook), bytes.into()).await.unwrap();
    bank.settings.intake.allow_unprotected = true;
    bank.merge().await.unwrap_err()
}

async fn merge_with_rows(workbook: Workbook, rows: Vec<Vec<Value>>) -> Error {
    merge_with(workbook, plain(&[Sheet::new(rows)])).await
}

#[tokio::test]
async fn a_wrong_password_is_told_as_such() {
    let bytes = protect(&plain(&[three_customers()[0].clone()]), "another password");
    let error = merge_with(Workbook::Profile, bytes).await;
    assert_eq!(error.name(), ErrorName::InputWrongPassword);
    assert_eq!(error.to_string(), "customer_profile.xlsx: the password does not open it");
    assert!(error.help().unwrap().contains("EXCEL_PASSWORD"));
}

#[tokio::test]
async fn a_workbook_without_a_password_is_refused_unless_allowed() {
    let mut bank = Bank::new();
    bank.settings.intake.allow_unprotected = false;
    bank.upload_sheets(&three_customers()).await;
    let error = bank.merge().await.unwrap_err();
    assert_eq!(error.name(), ErrorName::InputNotProtected);
    assert!(error.help().unwrap().contains("allow_unprotected"));
}

#[tokio::test]
async fn every_missing_workbook_is_named() {
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    for workbook in [Workbook::Profile, Workbook::Tweets] {
        bank.store.delete(&incoming(workbook)).await.unwrap();
    }
    let error = bank.merge().await.unwrap_err();
    assert_eq!(error.name(), ErrorName::InputMissingWorkbook);
    assert_eq!(error.to_string(), "batch tests lacks customer_profile.xlsx, twitter_data.xlsx");
}

#[tokio::test]
async fn other_kinds_of_file_are_told_apart_by_their_content() {
    let mut legacy = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    legacy.create_stream("Workbook").unwrap().write_all(&[9, 8, 16, 0]).unwrap();
    let legacy = legacy.into_inner().into_inner();
    for (bytes, is) in [
        (b"customer_id,first_name\n0001,Anna\n".to_vec(), "comma- or tab-separated text"),
        (b"\xef\xbb\xbfcustomer_id;first_name\n".to_vec(), "comma- or tab-separated text"),
        (b"<html><table><tr><td>0001".to_vec(), "a web page"),
        (Vec::new(), "is empty"),
        (vec![0, 1, 2, 3, 255], "a file of an unknown kind"),
        (legacy, "a legacy .xls workbook"),
    ] {
        let error = merge_with(Workbook::Transactions, bytes).await;
        assert_eq!(error.name(), ErrorName::InputNotAWorkbook);
        let message = error.to_string();
        assert!(message.starts_with("customer_transactions.xlsx: ") && message.contains(is), "{message}");
        assert!(error.help().unwrap().contains("save it as .xlsx"));
    }
}

#[tokio::test]
async fn a_file_cut_short_is_damaged_wherever_it_is_cut() {
    let plain = plain(&[three_customers()[2].clone()]);
    let protected = protect(&plain, bank::PASSWORD);
    for (whole, name) in [(&plain, "plain"), (&protected, "protected")] {
        for share in [3, 6, 9] {
            let error = merge_with(Workbook::Tweets, whole[..whole.len() * share / 10].to_vec()).await;
            assert_eq!(error.name(), ErrorName::InputNotAWorkbook, "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn a_changed_byte_is_damage() {
    let mut bytes = protect(&plain(&[three_customers()[2].clone()]), bank::PASSWORD);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    assert_eq!(merge_with(Workbook::Tweets, bytes).await.name(), ErrorName::InputNotAWorkbook);
}

/// The workbook with one of its parts replaced.
fn with_part(workbook: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
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
async fn a_zip_bomb_is_too_large() {
    let bomb = with_part(&plain(&[three_customers()[2].clone()]), "xl/media/image1.png", &vec![0; 32 * 1024 * 1024]);
    let error = merge_with(Workbook::Tweets, protect(&bomb, bank::PASSWORD)).await;
    assert_eq!(error.name(), ErrorName::InputTooLarge);
    assert_eq!(error.to_string(), "twitter_data.xlsx: more than 200 times its own size once unpacked");
}

#[tokio::test]
async fn an_archive_of_more_parts_than_any_workbook_has_is_too_large() {
    let mut workbook = zip::ZipWriter::new_append(Cursor::new(plain(&[three_customers()[2].clone()]))).unwrap();
    for part in 0..10_000 {
        workbook.start_file(format!("xl/{part}"), zip::write::SimpleFileOptions::default()).unwrap();
    }
    let error = merge_with(Workbook::Tweets, workbook.finish().unwrap().into_inner()).await;
    assert_eq!(error.to_string(), "twitter_data.xlsx: more than 10000 parts");
}

#[tokio::test]
async fn a_full_sheet_is_read_to_its_last_row() {
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
async fn an_entity_bomb_is_damage() {
    let strings = r#"<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
        <sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&b;</t></si></sst>"#;
    let bomb = with_part(&plain(&[three_customers()[2].clone()]), "xl/sharedStrings.xml", strings.as_bytes());
    assert_eq!(merge_with(Workbook::Tweets, bomb).await.name(), ErrorName::InputNotAWorkbook);
}

#[tokio::test]
async fn a_cell_beyond_the_last_column_is_damage_and_takes_no_memory() {
    for place in ["XFE1", "FXSHRXW1", "A1048577"] {
        let sheet = format!(
            r#"<worksheet><sheetData><row><c r="{place}" t="inlineStr"><is><t>tweet</t></is></c></row></sheetData></worksheet>"#
        );
        let file = with_part(&plain(&[three_customers()[2].clone()]), "xl/worksheets/sheet1.xml", sheet.as_bytes());
        let error = merge_with(Workbook::Tweets, file).await;
        assert_eq!(error.to_string(), "twitter_data.xlsx: is damaged: a sheet cannot be read", "{place}");
    }
}

#[tokio::test]
async fn rights_management_is_not_called_damage() {
    let mut managed = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    managed.create_storage_all("/\u{6}DataSpaces/TransformInfo/DRMEncryptedTransform").unwrap();
    managed.create_stream("/EncryptedPackage").unwrap().write_all(&[7; 5000]).unwrap();
    let error = merge_with(Workbook::Tweets, managed.into_inner().into_inner()).await;
    assert_eq!(error.to_string(), "twitter_data.xlsx: is encrypted by rights management, which cannot be read");
    assert!(error.help().unwrap().contains("without rights management"));
}

#[tokio::test]
async fn missing_columns_are_named_beside_those_that_were_found() {
    let rows = vec![row!["Customer ID", "date", "category", "merchant", "amount", "consent"]];
    let error = merge_with_rows(Workbook::Transactions, rows).await;
    assert_eq!(error.name(), ErrorName::InputMissingColumn);
    assert_eq!(
        error.to_string(),
        "customer_transactions.xlsx: sheet \"Sheet1\" lacks the columns transaction_amount, consent_social_media; found \
         Customer ID, date, category, merchant, amount, consent"
    );
}

#[tokio::test]
async fn a_first_row_of_data_is_not_repeated_as_if_it_were_a_header() {
    let rows = vec![row!["0001", "Anna", "Secretive", 1.0]];
    let message = merge_with_rows(Workbook::Profile, rows).await.to_string();
    assert!(message.contains("may lack the header row"), "{message}");
    assert!(!message.contains("Secretive"), "{message}");
}

#[tokio::test]
async fn a_workbook_without_a_visible_sheet_to_read_is_told_as_such() {
    let hidden = Sheet { hidden: true, ..three_customers()[2].clone() };
    let empty = Sheet { name: "Empty", hidden: false, rows: Vec::new() };
    let error = merge_with(Workbook::Tweets, plain(&[empty, hidden])).await;
    assert_eq!(error.name(), ErrorName::InputMissingColumn);
    assert!(error.to_string().contains("no visible sheet"), "{error}");
}

#[tokio::test]
async fn a_column_that_stands_twice_is_refused() {
    let mut header = transactions_header();
    header.push(Value::from("CONSENT"));
    let error = merge_with_rows(Workbook::Transactions, vec![header]).await;
    assert_eq!(error.to_string(), "customer_transactions.xlsx: sheet \"Sheet1\" has the column consent twice");
}

#[tokio::test]
async fn too_many_bad_rows_stop_the_run_and_all_are_listed_without_their_content() {
    let mut rows = vec![transactions_header()];
    rows.extend((0..40).map(|_| row!["0001", "gibberish", "Fuel", "Pump", 3.0, "yes", "yes"]));
    rows.push(row!["9999", "2026-10-01", "Fuel", "Pump", 3.0, "yes", "yes"]);
    let error = merge_with_rows(Workbook::Transactions, rows).await;
    assert_eq!(error.name(), ErrorName::InputTooManyBadRows);
    let message = error.to_string();
    assert!(message.starts_with("customer_transactions.xlsx: 41 of 41 rows cannot be used: row 2, column date: not a"));
    assert!(message.ends_with("; and 21 more"), "{message}");
    assert!(!message.contains("gibberish") && !message.contains("0001"), "{message}");
}

#[tokio::test]
async fn bad_rows_of_every_kind_are_set_aside_by_row_and_column() {
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
    let output = bank.merge().await.unwrap();
    let report = bank.report(&output).await;
    let listed = |list: &str| -> Vec<String> {
        let problems = report[list].as_array().unwrap().iter();
        problems
            .map(|p| format!("{} {} {}", p["file"].as_str().unwrap(), p["row"], p["column"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(
        listed("set_aside"),
        [
            "profile 5 customer_id",
            "profile 6 first_name",
            "transactions 6 category",
            "transactions 7 transaction_amount",
            "transactions 8 customer_id",
            "tweets 5 tweet",
        ]
    );
    assert_eq!(listed("remarks"), ["profile 3 products_held", "profile 7 income"]);
}
