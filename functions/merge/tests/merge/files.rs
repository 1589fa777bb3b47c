//! Reads every file in `tests/files` and compares the results with the tables in `docs/intake.md`.
//!
//! Independent programs wrote the files. `BLESS=1` rewrites the tables.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use contracts::NamedError;
use contracts::catalogue::Catalogue;
use contracts::key::Workbook;
use contracts::settings::IntakeSettings;
use merge::{CheckResult, IntakeLimits, ProblemGroup};
use policy::customer::{Customer, CustomerRecord};
use storage::secret::SecretString;

use crate::bank::{Bank, reading_time};

/// The cases, with a description of their files.
const CASES: [(&str, &str); 53] = [
    ("base", "three customers, written by openpyxl"),
    ("xlsxwriter", "the same, written by XlsxWriter with shared strings"),
    ("inline-strings", "the same, written by XlsxWriter with inline strings"),
    ("libreoffice", "the same, written by LibreOffice"),
    ("agile", "the same, encrypted by msoffcrypto-tool (ECMA-376 agile)"),
    ("agile-ten-rounds", "encrypted with 10 rounds of hashing instead of 100,000"),
    ("agile-unicode", "encrypted with the password `pässwörd-✓`"),
    ("standard", "encrypted by officecrypto-tool (ECMA-376 standard)"),
    ("libreoffice-protected", "encrypted by LibreOffice"),
    ("wrong-password", "encrypted with another password"),
    ("agile-2010", "labeled as encrypted with Excel 2010's defaults, AES-128 with SHA-1"),
    ("legacy", "an `.xls` written by LibreOffice"),
    ("legacy-protected", "an encrypted `.xls` written by LibreOffice"),
    ("xlsb", "a binary workbook written by pyxlsbwriter"),
    ("csv", "comma-separated text"),
    ("html", "a web page with a table"),
    ("ods", "an OpenDocument sheet"),
    ("docx", "a Word document"),
    ("text", "a letter in plain text"),
    ("empty", "no bytes"),
    ("truncated", "the first 60 % of a workbook"),
    ("truncated-protected", "the first 60 % of an encrypted workbook"),
    ("odd-directory", "an encrypted container that made a reader panic, found by `make fuzz`"),
    ("zip-bomb", "a part of 64 MB of zeros"),
    ("string-bomb", "one string of 80 MB"),
    ("entity-bomb", "XML entities that expand exponentially"),
    ("external-entity", "an XML entity that names a local file"),
    ("deep-nesting", "100,000 nested XML elements"),
    ("no-sheet", "one sheet, hidden"),
    ("hidden-sheet", "a hidden sheet before the data sheet"),
    ("two-sheets", "a sheet of notes before the data sheet"),
    ("no-header", "data in the first row"),
    ("title-row", "a merged title above the header"),
    ("missing-column", "without `consent_social_media`"),
    ("renamed", "`Customer ID`, `DATE`, … and unknown columns"),
    ("bank-names", "the bank's own column names, mapped in `bespoke.toml`"),
    ("twice", "a second column `Consent`"),
    ("duplicate-same", "two identical profile rows of a customer"),
    ("duplicate-differs", "two profile rows of a customer with different incomes"),
    ("orphans", "a payment of a customer without a profile"),
    ("ids", "ids as numbers, as text, with zeros and spaces; too long; and not ids"),
    ("dates", "dates as date cells, as serials and as text; and not dates"),
    ("dates-1904", "dates that count from 1904"),
    ("amounts", "amounts as numbers and as text; and not amounts"),
    ("formulas", "formulas with stored results, one of them an error"),
    ("formulas-uncached", "formulas without stored results"),
    ("merged", "an id merged over two rows"),
    ("empty-rows", "empty rows between the others"),
    ("consent", "every form of yes and no, in both columns"),
    ("contradicting", "a customer who says both yes and no"),
    ("error-cells", "`#REF!` in place of a name"),
    ("long-cell", "a post of 40,000 characters"),
    ("hostile", "control characters, direction marks, formulas, markup, paths, prompt injection"),
];

/// The cases in `tests/files/field`, which reproduce reports from the field, with a description of their files.
const FIELD_CASES: [(&str, &str); 58] = [
    ("adviser-null", "`NULL` in place of an adviser"),
    ("amount-cr-dr", "amounts such as `12.50 DR`"),
    ("amount-debits-negative", "debits negative, deposits positive"),
    ("amount-indian-grouping", "amounts such as `1,23,456.00`"),
    ("amount-mixed-currencies", "several currencies in one column"),
    ("bad-boolean", "a truth value of -1"),
    ("bad-number-unread-column", "a bad number in a column that is not read"),
    ("column-names-of-marks-only", "a column named `%`, and `merchant = \"$\"` in the settings"),
    ("consent-coded-1no-2yes", "consent coded as 1 and 2"),
    ("consent-opted-in", "consent as `Opted in`"),
    ("crash-unique-count", "shared strings that claim a count of 100,000,000,000"),
    ("date-one-in-2062", "a payment in 2062"),
    ("date-swapped-all-real", "all days and months swapped"),
    ("date-uk-csv-in-us-excel", "days and months swapped where possible, and text elsewhere"),
    ("dimension-a0", "the dimension `A0:G41`"),
    ("dimension-empty", "an empty dimension"),
    ("dimension-whole-columns", "the dimension `A:G`"),
    ("enc-aes128-sha512", "AES-128 with SHA-512"),
    ("enc-aes256-last-sector-short", "a container whose last sector is cut short"),
    ("enc-aes256-long-tags", "an encryption description without empty tags"),
    ("enc-aes256-padded-package", "a padded package"),
    ("enc-aes256-sha256", "AES-256 with SHA-256"),
    ("enc-certificate-only", "encrypted with a certificate"),
    ("enc-excel2010-aes128-sha1", "Excel 2010's default: AES-128 with SHA-1"),
    ("enc-extensible", "extensible encryption"),
    ("enc-reprotected-mixed-ciphers", "different ciphers for the password and the package"),
    ("enc-velvetsweatshop", "Excel's own default password"),
    ("env-backslash", "the password `Sum\\mer`"),
    ("env-dollar", "the password `Summer$2026`"),
    ("env-dollar-dq", "the password `Summer$2026`, in double quotes in `.env`"),
    ("env-dollar-word", "the password `pa$$word`"),
    ("env-leading-hash", "the password `#1Bank`"),
    ("env-quote-inside", "the password `O'Brien26`"),
    ("env-space-hash", "the password `Summer #2026`"),
    ("error-getting-data-by-exceljs", "`#GETTING_DATA` in a column that is not read"),
    ("formula-amounts-cached-zero", "formulas with the stored result 0"),
    ("formula-products-no-result", "formulas without results"),
    ("id-format-0000", "number ids with the format `0000`"),
    ("id-format-0000-one-file", "the same in one workbook only"),
    ("id-scientific-text", "an id as `1.23457E+15`"),
    ("name-boolean", "`TRUE` in place of a name"),
    ("name-null", "`NULL` in place of a name"),
    ("ods-under-password", "password-protected OpenDocument sheets"),
    ("package-backslash-names", "backslashes in the paths of parts"),
    ("package-cell-extlst", "a cell with an extension"),
    ("package-dotdot-targets", "`../` in the paths of sheets"),
    ("package-latin1-strings", "strings in Latin-1"),
    ("package-macro-sheet", "a macro sheet"),
    ("package-utf16-strings", "strings in UTF-16"),
    ("package-workbook2-xml", "`workbook2.xml` in place of `workbook.xml`"),
    ("refusal-lost-id-blank", "a refusal without an id"),
    ("refusal-lost-id-unpadded", "a refusal for `1`, which means `0001`"),
    ("refusal-lost-id-zero-width", "a refusal whose id has a zero-width space"),
    ("sheet-empty-template-first", "an empty template before the data sheet"),
    ("sheet-old-copy-first", "an old copy before the current sheet"),
    ("sheet-second-refuses", "a second sheet with refusals"),
    ("title-rows-above", "title rows above the header"),
    ("v-whitespace-string-index", "spaces around the index of a string"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files")
}

/// Returns the case's own file, or the one from `base`.
fn file(case: &str, workbook: Workbook) -> Vec<u8> {
    file_in(&folder(), case, workbook)
}

fn file_in(folder: &Path, case: &str, workbook: Workbook) -> Vec<u8> {
    let path = |case: &str| folder.join(format!("{case}.{}.xlsx", workbook.name()));
    std::fs::read(path(case)).or_else(|_| std::fs::read(path("base"))).unwrap()
}

/// Reads a case in `tests/files/field` as `bespoke check` does with default settings, except that it also accepts
/// workbooks without a password.
fn check_field(case: &str) -> CheckResult {
    let mut intake = IntakeSettings { allow_unprotected: true, ..IntakeSettings::default() };
    if case == "column-names-of-marks-only" {
        let names = [("merchant".to_owned(), "$".to_owned())];
        intake.columns.insert(Workbook::Transactions, names.into_iter().collect());
    }
    let password = match case {
        "env-backslash" => "Sum\\mer",
        "env-dollar" | "env-dollar-dq" => "Summer$2026",
        "env-dollar-word" => "pa$$word",
        "env-leading-hash" => "#1Bank",
        "env-quote-inside" => "O'Brien26",
        "env-space-hash" => "Summer #2026",
        _ => "meridian-demo",
    };
    let folder = folder().join("field");
    let files = Workbook::ALL.map(|workbook| (workbook, file_in(&folder, case, workbook)));
    let catalogue = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/catalogue.json"));
    let catalogue = Catalogue::from_json(catalogue).unwrap();
    let read_at = "2026-11-30T12:00:00Z".parse().unwrap();
    let password = SecretString::from(password);
    merge::check(&files, Some(&password), &intake, &catalogue, read_at, &IntakeLimits::default())
}

/// Reads a case as `bespoke check` does.
fn check(case: &str) -> CheckResult {
    let bank = Bank::new();
    let mut intake = bank.settings.intake;
    intake.max_bad_rows = 1.0;
    if case == "bank-names" {
        let ours =
            ["customer_id", "date", "category", "merchant", "transaction_amount", "consent", "consent_social_media"];
        let theirs = ["Client No", "Posted", "Kind", "Payee", "Value", "Marketing OK", "Social OK"];
        let names = ours.into_iter().zip(theirs).map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned()));
        intake.columns.insert(Workbook::Transactions, names.collect());
    }
    let password = if case == "agile-unicode" { "pässwörd-✓" } else { "meridian-demo" };
    let files = Workbook::ALL.map(|workbook| (workbook, file(case, workbook)));
    let password = SecretString::from(password);
    merge::check(&files, Some(&password), &intake, &bank.catalogue, reading_time(), &IntakeLimits::default())
}

/// Returns the result as a table cell.
fn describe(checked: &CheckResult) -> String {
    let CheckResult { report, errors, unknown_answers, unknown_words, .. } = checked;
    let mut lines = Vec::new();
    for error in errors {
        lines.push(format!("`{}` {error}", error.name()));
        lines.extend(error.help().map(|help| format!("help: {help}")));
    }
    if errors.is_empty() {
        let rows: Vec<String> = report.files.iter().map(|file| file.read.to_string()).collect();
        let count = &report.customers;
        lines.push(format!(
            "{} rows; {} customers, {} consented, {} of them to the use of posts",
            rows.join(" + "),
            count.all,
            count.consented,
            count.consented_to_posts
        ));
    }
    lines.extend(report.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.extend(unknown_answers.iter().map(|answer| format!("unknown answer: {answer}")));
    lines.extend(unknown_words.iter().map(|word| format!("unknown word: {word}")));
    for (list, problems) in [("set aside", &report.set_aside), ("ignored", &report.remarks)] {
        let groups = ProblemGroup::of(problems);
        lines.extend(groups.iter().map(|group| format!("{list}: {} {group}", group.first.file.name())));
    }
    lines.join("<br>").replace('|', "\\|")
}

/// Compares a table in `docs/intake.md` with the results, or rewrites it.
fn assert_documented(name: &str, cases: &[(&str, &str)], check: impl Fn(&str) -> CheckResult) {
    let mut table = String::from("| Case | Content | Result |\n|---|---|---|\n");
    for (case, holds) in cases {
        let _infallible = writeln!(table, "| {case} | {holds} | {} |", describe(&check(case)));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/intake.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let begin = format!("<!-- {name} -->\n");
    let from = document.find(&begin).unwrap() + begin.len();
    let to = from + document[from..].find("<!-- end of table -->\n").unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, [&document[..from], &table, &document[to..]].concat()).unwrap();
        return;
    }
    for (actual, documented) in table.lines().zip(document[from..to].lines()) {
        assert_eq!(actual, documented);
    }
    assert_eq!(table, document[from..to]);
}

#[test]
fn documented_results_are_current() {
    assert_documented("table", &CASES, check);
    assert_documented("field table", &FIELD_CASES, check_field);
}

#[test]
fn every_file_has_a_case() {
    assert_eq!(cases_in(&folder()), CASES.iter().map(|(case, _)| (*case).to_owned()).collect());
    let mut field: BTreeSet<String> = FIELD_CASES.iter().map(|(case, _)| (*case).to_owned()).collect();
    field.insert("base".to_owned());
    assert_eq!(cases_in(&folder().join("field")), field);
}

fn cases_in(folder: &Path) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files
        .filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "xlsx"))
        .map(|name| name.split('.').next().unwrap().to_owned())
        .collect()
}

#[test]
fn same_rows_yield_same_result_from_every_writer() {
    let base = describe(&check("base"));
    for case in [
        "xlsxwriter",
        "inline-strings",
        "libreoffice",
        "agile",
        "agile-ten-rounds",
        "agile-unicode",
        "standard",
        "libreoffice-protected",
    ] {
        assert_eq!(describe(&check(case)), base, "{case}");
    }
}

#[test]
fn no_message_quotes_a_cell() {
    for (case, _) in CASES {
        let checked = check(case);
        let messages = format!("{} {}", describe(&checked), serde_json::to_string(&checked.report).unwrap());
        for content in [
            "Surname",
            "Cleopatra",
            "Anna",
            "zebrafish",
            "walrus",
            "Skyway",
            "078-05",
            "9999",
            "cmd",
            "script>",
            "root:",
        ] {
            assert!(!messages.contains(content), "{case}: {content}");
        }
    }
}

/// Merges a case and returns the customers who consented.
async fn merged_customers(case: &str) -> Vec<Customer> {
    let mut bank = Bank::new();
    bank.settings.intake.max_bad_rows = 1.0;
    bank.upload(Workbook::ALL.map(|workbook| file(case, workbook))).await;
    let records = bank.records(&bank.merge().await.unwrap()).await;
    let given = |record| match record {
        CustomerRecord::Given(customer) => Some(*customer),
        CustomerRecord::Refused { .. } => None,
    };
    records.into_iter().filter_map(given).collect()
}

#[tokio::test]
async fn only_plain_yes_is_consent() {
    let customers = merged_customers("consent").await;
    let ids: Vec<&str> = customers.iter().map(|customer| customer.id.reveal()).collect();
    // A 1 means yes only in a column that contains nothing but 0 and 1.
    assert_eq!(ids, ["c-on", "c-true", "c-y", "c-yes"]);
}

#[tokio::test]
async fn ids_keep_zeros_and_lose_spaces() {
    let customers = merged_customers("ids").await;
    let ids: Vec<&str> = customers.iter().map(|customer| customer.id.reveal()).collect();
    assert_eq!(ids, ["0042", "42", "7"]);
}

#[tokio::test]
async fn amounts_and_dates_equal_their_cells() {
    let amounts = |customer: &Customer| -> Vec<(String, i64)> {
        customer.transactions.iter().map(|payment| (payment.merchant.clone(), payment.amount.0)).collect()
    };
    let read = |pairs: &[(&str, i64)]| -> Vec<(String, i64)> {
        pairs.iter().map(|(merchant, cents)| ((*merchant).to_owned(), *cents)).collect()
    };
    let mut of_amounts = amounts(&merged_customers("amounts").await[0]);
    of_amounts.sort();
    assert_eq!(
        of_amounts,
        read(&[
            ("Amount 1", 1_250),
            ("Amount 2", 123_450),
            ("Amount 3", 123_450),
            ("Amount 4", -4_500),
            ("Amount 5", -300)
        ])
    );
    let formulas = merged_customers("formulas").await;
    assert_eq!(amounts(&formulas[0]), read(&[("Skyway", 31_025), ("Inn", -4_500)]));
    for case in ["dates", "dates-1904"] {
        let customers = merged_customers(case).await;
        let days: BTreeSet<String> = customers[0].transactions.iter().map(|payment| payment.date.to_string()).collect();
        assert!(days.contains("2026-10-31") && days.iter().all(|day| day.starts_with("2026-1")), "{case}: {days:?}");
    }
}

#[test]
fn errors_of_all_files_are_reported() {
    let bank = Bank::new();
    let files = [
        (Workbook::Profile, file("wrong-password", Workbook::Profile)),
        (Workbook::Transactions, file("twice", Workbook::Transactions)),
        (Workbook::Tweets, file("ods", Workbook::Tweets)),
    ];
    let password = SecretString::from("meridian-demo");
    let limits = IntakeLimits::default();
    let intake = &bank.settings.intake;
    let checked = merge::check(&files, Some(&password), intake, &bank.catalogue, reading_time(), &limits);
    let names: Vec<&str> = checked.errors.iter().map(|error| error.name().as_str()).collect();
    assert_eq!(names, ["Input.WrongPassword", "Input.MissingColumn", "Input.NotAWorkbook"]);
}
