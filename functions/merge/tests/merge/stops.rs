//! Tests that the stops in a profile row apply to every customer whom the row could mean, no matter what else is wrong
//! with the row.

use contracts::NamedError;
use contracts::facts::Stop;
use contracts::key::Workbook;
use contracts::settings::{IntakeSettings, intake_columns};
use merge::{CheckResult, IntakeLimits};
use policy::customer::CustomerRecord;

use crate::bank::{Bank, reading_time, three_customers};
use crate::workbook::{Sheet, Value, plain};

/// Returns the three customers with one more column in the profile. `cells` are its cells in the three rows.
fn with_column(name: &str, cells: [&str; 3]) -> [Sheet; 3] {
    let mut sheets = three_customers();
    for (row, cell) in sheets[0].rows.iter_mut().zip([name].into_iter().chain(cells)) {
        row.push(Value::from(cell));
    }
    sheets
}

/// Returns the stops of each customer who consented, by id.
async fn stops(sheets: &[Sheet; 3]) -> Vec<(String, Vec<Stop>)> {
    let mut bank = Bank::new();
    bank.settings.intake.max_bad_rows = 1.0;
    bank.upload_sheets(sheets).await;
    let given = |record| match record {
        CustomerRecord::Given(customer) => Some((customer.id.reveal().to_owned(), customer.profile.stops)),
        CustomerRecord::Refused { .. } => None,
    };
    bank.records(&bank.merge().await.unwrap()).await.into_iter().filter_map(given).collect()
}

fn check(intake: &IntakeSettings, sheets: &[Sheet; 3]) -> CheckResult {
    let intake = IntakeSettings { allow_unprotected: true, max_bad_rows: 1.0, ..intake.clone() };
    let files = sheets.each_ref().map(|sheet| plain(std::slice::from_ref(sheet)));
    let files: Vec<_> = Workbook::ALL.into_iter().zip(files).collect();
    merge::check(&files, None, &intake, &Bank::new().catalogue, reading_time(), &IntakeLimits::default())
}

#[tokio::test]
async fn row_that_is_set_aside_keeps_its_stops() {
    type Damage = fn(&mut Vec<Value>);
    let broken: [(&str, Damage); 5] = [
        ("no first name", |row| row[1] = Value::Blank),
        ("another id", |row| row[0] = Value::from(1.0)),
        ("an invisible character", |row| row[0] = Value::from("00\u{200b}01")),
        ("a formula's sign in front", |row| row[0] = Value::from(" 0001 \u{feff}")),
        ("full-width digits", |row| row[0] = Value::from("\u{ff10}\u{ff10}\u{ff10}1\u{200e}")),
    ];
    for (fault, damage) in broken {
        let mut sheets = with_column("deceased", ["", "", ""]);
        let mut row = sheets[0].rows[1].clone();
        *row.last_mut().unwrap() = Value::from("yes");
        damage(&mut row);
        // A usable row with the id 1 would be a separate customer.
        if fault == "another id" {
            row[1] = Value::Blank;
        }
        sheets[0].rows.push(row);
        let anna = &stops(&sheets).await[0];
        assert_eq!((anna.0.as_str(), anna.1.as_slice()), ("0001", [Stop::Deceased].as_slice()), "{fault}");
    }
}

#[tokio::test]
async fn stop_in_contradicting_rows_applies_to_similar_ids() {
    let mut sheets = with_column("deceased", ["", "", ""]);
    for (income, deceased) in [(1.0, "yes"), (2.0, "")] {
        let mut row = sheets[0].rows[1].clone();
        row[0] = Value::from("1");
        row[3] = Value::from(income);
        *row.last_mut().unwrap() = Value::from(deceased);
        sheets[0].rows.push(row);
    }
    assert_eq!(stops(&sheets).await[0].1, [Stop::Deceased]);
}

#[test]
fn stop_without_a_readable_id_fails_the_run() {
    let mut sheets = with_column("deceased", ["", "", ""]);
    let mut row = sheets[0].rows[1].clone();
    row[0] = Value::Blank;
    *row.last_mut().unwrap() = Value::from("yes");
    sheets[0].rows.push(row);
    let result = check(&IntakeSettings::default(), &sheets);
    assert_eq!(
        result.errors[0].to_string(),
        "customer_profile.xlsx: sheet \"Sheet1\": stops without a readable customer_id in row 5"
    );
    // A row of totals is not a stop.
    let mut sheets = with_column("age", ["40", "41", "42"]);
    let mut total = vec![Value::Blank; 8];
    total[7] = Value::from(123.0);
    total[6] = Value::from("Total");
    sheets[0].rows.push(total);
    assert!(check(&IntakeSettings::default(), &sheets).errors.is_empty());
}

#[tokio::test]
async fn unclear_cells_are_stops_and_their_words_are_shown() {
    let sheets = with_column("Status", ["Zwrq", "Active", ""]);
    let stops = stops(&sheets).await;
    assert_eq!(stops[0].1, [Stop::Unclear]);
    assert_eq!(stops[1].1, []);
    let result = check(&IntakeSettings::default(), &sheets);
    let words: Vec<String> = result.unknown_words.iter().map(ToString::to_string).collect();
    assert!(words.contains(&"customer_profile.xlsx, column status: \"zwrq\" (rows: 1)".to_owned()), "{words:?}");
    let report = serde_json::to_string(&result.report).unwrap();
    assert!(report.contains("intake.stops.harmless") && !report.contains("zwrq"), "{report}");
    let unread = stops_of_birth_dates(["someday", "31/02/1980", ""]).await;
    assert!(unread.iter().all(|(_, stops)| stops == &[Stop::Unclear]), "{unread:?}");
}

async fn stops_of_birth_dates(dates: [&str; 3]) -> Vec<(String, Vec<Stop>)> {
    stops(&with_column("Date of Birth", dates)).await
}

#[test]
fn column_that_suggests_a_stop_must_be_mapped_or_declined() {
    let sheets = with_column("Deceased Flag", ["", "", ""]);
    let result = check(&IntakeSettings::default(), &sheets);
    assert_eq!(result.errors[0].name().as_str(), "Input.Ambiguous");
    assert_eq!(
        format!("{}\nhelp: {}", result.errors[0], result.errors[0].help().unwrap()),
        "customer_profile.xlsx: sheet \"Sheet1\": these columns are not read, although their names suggest customers who must not be contacted: \
         \"Deceased Flag\"\nhelp: map each one under [intake.columns.profile] in bespoke.toml, such as deceased = \"Deceased Flag\", \
         or list it in intake.stops.declined = [\"Deceased Flag\"]"
    );
    let mut declined = IntakeSettings::default();
    declined.stops.declined.push("deceased_flag".to_owned());
    assert!(check(&declined, &sheets).errors.is_empty());
    let mut mapped = IntakeSettings::default();
    let names = [("deceased".to_owned(), "Deceased Flag".to_owned())];
    mapped.columns.insert(Workbook::Profile, names.into_iter().collect());
    assert!(check(&mapped, &sheets).errors.is_empty());
}

#[test]
fn every_column_that_is_read_can_be_mapped() {
    let sheets = three_customers();
    for column in intake_columns(Workbook::Profile) {
        let mut renamed = sheets.clone();
        renamed[0].rows[0].push(Value::from("Own name"));
        let mut intake = IntakeSettings::default();
        let names = [((*column).to_owned(), "Own name".to_owned())];
        intake.columns.insert(Workbook::Profile, names.into_iter().collect());
        let missing = check(&intake, &renamed).errors;
        let is_fact =
            three_customers()[0].rows[0].iter().any(|cell| matches!(cell, Value::Text(text) if text == column));
        // The column with the usual name is then no longer read, which matters only for columns in the three customers.
        assert!(missing.is_empty() || is_fact, "{column}: {missing:?}");
    }
}

#[test]
fn unrecognized_product_is_reported() {
    let mut sheets = three_customers();
    sheets[0].rows[1][5] = Value::from("Travl Card; Zeppelin");
    let result = check(&IntakeSettings::default(), &sheets);
    let words: Vec<&str> = result.unknown_words.iter().map(|word| word.answer.as_str()).collect();
    assert_eq!(words, ["Travl Card", "Unheard-of Account", "Zeppelin"]);
    assert!(result.report.remarks.iter().any(|problem| problem.column == "products_held" && problem.row == 2));
}

/// A profile can state the preferred language in many ways. If it does not, the bank's default applies.
#[tokio::test]
async fn preferred_language_is_kept_and_an_unknown_one_is_reported() {
    let sheets = with_column("Language", ["es-MX", "Klingon", ""]);
    let mut bank = Bank::new();
    bank.settings.intake.max_bad_rows = 1.0;
    bank.upload_sheets(&sheets).await;
    let output = bank.merge().await.unwrap();
    let language = |record| match record {
        CustomerRecord::Given(customer) => Some(customer.profile.language),
        CustomerRecord::Refused { .. } => None,
    };
    let languages: Vec<_> = bank.records(&output).await.into_iter().filter_map(language).collect();
    assert_eq!(languages, [Some(contracts::Language::Spanish), None]);
    let remarks = bank.report(&output).await["remarks"].to_string();
    assert!(remarks.contains("not a supported language"), "{remarks}");
    assert!(!remarks.contains("Klingon"), "the report holds no cell: {remarks}");
    let words = check(&IntakeSettings::default(), &sheets).unknown_words;
    assert!(words.iter().any(|word| word.column == "language" && word.answer == "Klingon"), "{words:?}");
}
