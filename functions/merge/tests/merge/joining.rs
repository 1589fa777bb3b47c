//! Tests of workbooks that become a dataset.

use std::sync::atomic::Ordering;

use crate::bank::{Bank, PASSWORD, three_customers};
use crate::workbook::{Sheet, Value, encrypt, plain};
use contracts::consent::Refusal;
use contracts::key::{DatasetPart, Workbook};
use contracts::{CustomerId, ErrorName, NamedError, ObjectKey};
use jiff::civil::date;
use policy::consent::gate;
use policy::customer::{Cents, CustomerRecord};
use storage::store::ObjectStore;

fn given(record: &CustomerRecord) -> &policy::customer::Customer {
    match record {
        CustomerRecord::Given(customer) => customer,
        CustomerRecord::Refused { .. } => panic!("refused"),
    }
}

#[tokio::test]
async fn encrypted_workbooks_become_joined_customers() {
    let mut bank = Bank::new();
    bank.settings.intake.allow_unprotected = false;
    bank.upload_encrypted(&three_customers()).await;
    let records = bank.records(&bank.merge().await.unwrap()).await;

    let anna = given(&records[0]);
    assert_eq!(anna.id.reveal(), "0001");
    assert_eq!(anna.profile.first_name, "Anna");
    assert_eq!(anna.profile.income, Some(Cents(5_200_000)));
    assert_eq!(anna.profile.account_balance, Some(Cents(120_050)));
    let held: Vec<&str> = anna.profile.products_held.iter().map(contracts::ProductId::as_str).collect();
    assert_eq!(held, ["checking", "travel-card"]);
    assert_eq!(anna.profile.adviser.as_deref(), Some("Ms Li"));
    let days: Vec<_> = anna.transactions.iter().map(|payment| (payment.date, payment.amount)).collect();
    assert_eq!(days, [(date(2026, 10, 30), Cents(31_025)), (date(2026, 10, 31), Cents(-4_500))]);
    assert_eq!(anna.as_of, date(2026, 10, 31));
    let proof = gate(&anna.consent.readings).unwrap().social.unwrap();
    assert_eq!(anna.tweets(&proof)[0].text, "Loving the coast!");

    let ben = given(&records[2]);
    assert_eq!(ben.id.reveal(), "2");
    assert_eq!(ben.profile.income, None);
    assert_eq!(gate(&ben.consent.readings).unwrap().social.unwrap_err(), Refusal::SaidNo);
}

#[tokio::test]
async fn record_holds_no_data_without_consent() {
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    let records = bank.records(&bank.merge().await.unwrap()).await;
    let all = serde_json::to_string(&records).unwrap();
    for absent in ["zebrafish", "quixotic", "Cleopatra", "Cornershop", "0003", "Surname"] {
        assert!(!all.contains(absent), "{absent}");
    }
    assert!(matches!(records[1], CustomerRecord::Refused { refusal: Refusal::SaidNo, .. }));
}

#[tokio::test]
async fn stored_objects_hold_no_plain_personal_data() {
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    bank.merge().await.unwrap();
    for (key, bytes) in bank.store.objects().iter().filter(|(key, _)| !key.starts_with("incoming/")) {
        let text = String::from_utf8_lossy(bytes);
        for personal in ["Anna", "0001", "Skyway", "Loving", "Li", "31025"] {
            assert!(!text.split(|c: char| !c.is_alphanumeric()).any(|word| word == personal), "{key}: {personal}");
        }
    }
}

#[tokio::test]
async fn row_order_does_not_change_dataset() {
    let bank = Bank::new();
    let shuffled = Bank::new();
    let mut sheets = three_customers();
    bank.upload_sheets(&sheets).await;
    for sheet in &mut sheets {
        sheet.rows[1..].reverse();
    }
    shuffled.upload_sheets(&sheets).await;
    let first = bank.merge().await.unwrap();
    assert_eq!(shuffled.merge().await.unwrap().dataset, first.dataset);

    sheets[1].rows[1][4] = Value::Number(5.01);
    shuffled.upload_sheets(&sheets).await;
    // The dataset does not include the payment of a customer who refused.
    assert_eq!(shuffled.merge().await.unwrap().dataset, first.dataset);
    sheets[2].rows[3][1] = Value::from("Loving the hills!");
    shuffled.upload_sheets(&sheets).await;
    assert_ne!(shuffled.merge().await.unwrap().dataset, first.dataset);
}

#[tokio::test]
async fn same_upload_is_found_without_password() {
    let bank = Bank::new();
    bank.upload_encrypted(&three_customers()).await;
    let first = bank.merge().await.unwrap();
    let objects = bank.store.objects();
    let reads = bank.secrets.reads.load(Ordering::Relaxed);
    assert_eq!(bank.merge().await.unwrap(), first);
    assert_eq!(bank.store.objects(), objects);
    assert_eq!(bank.secrets.reads.load(Ordering::Relaxed), reads);
}

#[tokio::test]
async fn same_rows_in_other_files_reuse_dataset() {
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    let first = bank.merge().await.unwrap();
    let lines = ObjectKey::Dataset(first.dataset.clone(), DatasetPart::Customers);
    let before = bank.store.get(&lines).await.unwrap();
    bank.upload_encrypted(&three_customers()).await;
    let second = bank.merge().await.unwrap();
    assert_eq!(second.dataset, first.dataset);
    assert_eq!(bank.store.get(&lines).await.unwrap(), before);
    bank.records(&second).await;
}

#[tokio::test]
async fn next_run_writes_missing_index() {
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    let dataset = bank.merge().await.unwrap().dataset;

    let other = Bank::new();
    other.upload_sheets(&three_customers()).await;
    other.store.fail_next(&ObjectKey::Dataset(dataset, DatasetPart::Index), 1);
    assert_eq!(other.merge().await.unwrap_err().name(), ErrorName::StoreUnavailable);
    let output = other.merge().await.unwrap();
    assert_eq!(other.records(&output).await.len(), 3);
}

#[tokio::test]
async fn customer_erased_while_reading_gets_no_key_and_no_line() {
    let bank = Bank::new();
    bank.upload_sheets(&three_customers()).await;
    let anna = bank.vault.keys().reference(&CustomerId::parse("0001").unwrap());
    let key = ObjectKey::CustomerKey(anna.clone());
    bank.store.put_before(&key, &ObjectKey::Forgotten(anna.clone()), "{}".into());
    let records = bank.records(&bank.merge().await.unwrap()).await;
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| *record.reference() != anna));
    assert!(!bank.store.objects().contains_key(&key.to_string()));
}

#[tokio::test]
async fn workbooks_changed_since_start_are_refused() {
    let bank = Bank::new();
    let mut sheets = three_customers();
    bank.upload_sheets(&sheets).await;
    let run = bank.merge().await.unwrap().run;
    sheets[0].rows.pop();
    bank.upload_sheets(&sheets).await;
    let error = bank.merge_as(run).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigChanged);
    assert_eq!(error.to_string(), "the workbooks changed since the run started");
}

#[tokio::test]
async fn refusal_in_unusable_row_counts() {
    let mut bank = Bank::new();
    bank.settings.intake.max_bad_rows = 0.5;
    let mut sheets = three_customers();
    sheets[1].rows.push(row!["0001", "someday", "Hotels", "Inn", 1.0, "no", "yes"]);
    bank.upload_sheets(&sheets).await;
    let output = bank.merge().await.unwrap();
    let records = bank.records(&output).await;
    assert!(matches!(records[0], CustomerRecord::Refused { refusal: Refusal::Contradictory, .. }));
    let report = bank.report(&output).await;
    let problem = &report["set_aside"][0];
    assert_eq!(problem["row"], 6);
    assert_eq!(problem["column"], "date");
    assert_eq!(report["customers"]["refused"], serde_json::json!({"said-no": 1, "contradictory": 1}));
}

#[tokio::test]
async fn formulas_empty_rows_hidden_sheets_and_renamed_columns_are_read() {
    let mut bank = Bank::new();
    let names = [("customer_id".to_owned(), "Client No.".to_owned())];
    bank.settings.intake.columns.insert(Workbook::Profile, names.into());
    let [mut profile, mut transactions, tweets] = three_customers();
    profile.rows[0] = row!["CLIENT no", "First Name", "x", "Income", "AccountBalance", "products held", "y"];
    transactions.rows[0][0] = Value::from("Customer ID");
    transactions.rows.insert(1, Vec::new());
    transactions.rows[2][6] = Value::Formula("=TRUE()", "yes");
    let mut decoy = three_customers()[1].clone();
    decoy.name = "Old";
    decoy.hidden = true;
    decoy.rows[1][5] = Value::from("no");
    let cover = Sheet { name: "Cover", hidden: false, rows: vec![row!["Confidential"]] };
    bank.upload([
        plain(&[Sheet { name: "Data", ..profile }]),
        plain(&[cover, Sheet { name: "Data", ..transactions }, decoy]),
        plain(&[tweets]),
    ])
    .await;
    let output = bank.merge().await.unwrap();
    let records = bank.records(&output).await;
    assert_eq!(given(&records[0]).transactions.len(), 2);
    assert!(gate(&given(&records[0]).consent.readings).unwrap().social.is_ok());
    assert_eq!(bank.report(&output).await["files"][1]["sheet"], "Data");
}

#[tokio::test]
async fn identical_profile_rows_are_one_customer_and_contradictory_rows_none() {
    let mut bank = Bank::new();
    bank.settings.intake.max_bad_rows = 0.9;
    let mut sheets = three_customers();
    let anna_again = sheets[0].rows[1].clone();
    let mut ben_again = sheets[0].rows[2].clone();
    ben_again[1] = Value::from("Benjamin");
    sheets[0].rows.extend([anna_again, ben_again]);
    bank.upload_sheets(&sheets).await;
    let output = bank.merge().await.unwrap();
    assert_eq!(output.customers, 2);
    let report = bank.report(&output).await;
    assert_eq!(report["files"][0]["set_aside"], 2);
    assert_eq!(report["files"][1]["set_aside"], 1);
    assert!(report["remarks"].as_array().unwrap().iter().any(|remark| remark["row"] == 5));
}

#[tokio::test]
async fn hostile_text_is_kept_as_text() {
    let bank = Bank::new();
    let mut sheets = three_customers();
    let hostile = "{\\an8}:'%{eif} <script>{{template}} =cmd|' /C calc'!A0";
    sheets[2].rows[1][1] = Value::from(hostile);
    sheets[1].rows[1][3] = Value::from("../../etc/passwd");
    bank.upload_sheets(&sheets).await;
    let records = bank.records(&bank.merge().await.unwrap()).await;
    let anna = given(&records[0]);
    let proof = gate(&anna.consent.readings).unwrap().social.unwrap();
    assert_eq!(anna.tweets(&proof)[0].text, hostile);
    assert_eq!(anna.transactions[0].merchant, "../../etc/passwd");
}

#[test]
fn customer_ids_need_the_password() {
    let [profile, ..] = three_customers();
    let file = encrypt(&plain(&[profile]), PASSWORD);
    let settings = contracts::settings::Settings::default();
    let ids = merge::customer_ids(&file, &PASSWORD.into(), &settings).unwrap();
    let ids: Vec<&str> = ids.iter().map(contracts::CustomerId::reveal).collect();
    assert_eq!(ids, ["0001", "0003", "2"]);
    let error = merge::customer_ids(&file, &"wrong".into(), &settings).unwrap_err();
    assert_eq!(error.name(), ErrorName::InputWrongPassword);
}
