//! Every file of `tests/files`, made by writers that are not ours, and what intake says of it: the table in
//! `docs/intake.md`. `BLESS=1` writes the table anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use contracts::NamedError;
use contracts::key::Workbook;
use jiff::Timestamp;
use merge::{Checked, Limits};
use policy::customer::{Customer, CustomerRecord};
use storage::secret::SecretString;

use crate::bank::Bank;

/// The cases, and what is in their files.
const CASES: [(&str, &str); 53] = [
    ("base", "three customers, by openpyxl"),
    ("xlsxwriter", "the same, by XlsxWriter, with shared strings"),
    ("inline-strings", "the same, by XlsxWriter, with strings in their cells"),
    ("libreoffice", "the same, by LibreOffice"),
    ("agile", "the same, under a password, by msoffcrypto-tool (ECMA-376 agile)"),
    ("agile-ten-rounds", "under a password that is hashed 10 times, not 100,000"),
    ("agile-unicode", "under the password `pässwörd-✓`"),
    ("standard", "under a password, by officecrypto-tool (ECMA-376 standard)"),
    ("libreoffice-protected", "under a password, by LibreOffice"),
    ("wrong-password", "under another password"),
    ("agile-2010", "under a password, as Excel 2010 does it by default (said by hand)"),
    ("legacy", "an `.xls`, by LibreOffice"),
    ("legacy-protected", "an `.xls` under a password"),
    ("xlsb", "a binary workbook, by pyxlsbwriter"),
    ("csv", "comma-separated text"),
    ("html", "a web page with a table"),
    ("ods", "an OpenDocument sheet"),
    ("docx", "a Word document"),
    ("text", "a letter in plain text"),
    ("empty", "nothing"),
    ("truncated", "the first 60 % of a workbook"),
    ("truncated-protected", "the first 60 % of a workbook under a password"),
    ("odd-directory", "a container that `make fuzz` found, at which its reader panics"),
    ("zip-bomb", "a part of 64 MB of zeros"),
    ("string-bomb", "one text of 80 MB"),
    ("entity-bomb", "XML entities that multiply"),
    ("external-entity", "an XML entity that names a file of the machine"),
    ("deep-nesting", "100,000 XML elements, one in the other"),
    ("no-sheet", "one sheet, hidden"),
    ("hidden-sheet", "a hidden sheet before the one to read"),
    ("two-sheets", "a sheet of notes before the one to read"),
    ("no-header", "data in the first row"),
    ("title-row", "a merged title above the header"),
    ("missing-column", "without `consent_social_media`"),
    ("renamed", "`Customer ID`, `DATE`, … and columns that are not ours"),
    ("bank-names", "the bank's own column names, mapped in `bespoke.toml`"),
    ("twice", "a second column `Consent`"),
    ("duplicate-same", "a customer twice, the same"),
    ("duplicate-differs", "a customer twice, with another income"),
    ("orphans", "a payment of somebody without a profile"),
    ("ids", "ids as numbers, as text, with zeros and spaces, too long, and what is none"),
    ("dates", "dates as such, as serials, as text, and what is none"),
    ("dates-1904", "dates that count from 1904"),
    ("amounts", "amounts as numbers and as text, and what is none"),
    ("formulas", "formulas with their results, one of them an error"),
    ("formulas-uncached", "formulas without results"),
    ("merged", "an id merged over two rows"),
    ("empty-rows", "empty rows between"),
    ("consent", "every form of yes and no, in both columns"),
    ("contradicting", "a customer who says yes and no"),
    ("error-cells", "`#REF!` in place of a name"),
    ("long-cell", "a post of 40,000 characters"),
    ("hostile", "control and direction marks, formulas, markup, paths, orders to a model"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files")
}

fn short(file: Workbook) -> &'static str {
    match file {
        Workbook::Profile => "profile",
        Workbook::Transactions => "transactions",
        Workbook::Tweets => "tweets",
    }
}

/// The case's own file, or that of `base`.
fn file(case: &str, workbook: Workbook) -> Vec<u8> {
    let path = |case: &str| folder().join(format!("{case}.{}.xlsx", short(workbook)));
    std::fs::read(path(case)).or_else(|_| std::fs::read(path("base"))).unwrap()
}

fn look(case: &str) -> Checked {
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
    merge::check(&files, Some(&password), &intake, &bank.catalogue, Timestamp::UNIX_EPOCH, &Limits::default())
}

fn told(checked: &Checked) -> String {
    let Checked { report, errors } = checked;
    let mut lines: Vec<String> = errors.iter().map(|error| format!("`{}` {error}", error.name())).collect();
    if errors.is_empty() {
        let (count, rows) = (&report.customers, report.files.iter().map(|file| file.read.to_string()));
        lines.push(format!(
            "{} rows; {} customers, {} consented, {} of them to the use of posts",
            rows.collect::<Vec<_>>().join(" + "),
            count.all,
            count.consented,
            count.consented_to_posts
        ));
    }
    for (what, problems) in [("set aside", &report.set_aside), ("passed over", &report.remarks)] {
        lines.extend(problems.iter().map(|problem| format!("{what}: {} {problem}", short(problem.file))));
    }
    lines.join("<br>").replace('|', "\\|")
}

#[test]
fn every_file_is_met_as_the_documentation_says() {
    let mut table = String::from("| File | Holds | Intake says |\n|---|---|---|\n");
    for (case, holds) in CASES {
        let _infallible = writeln!(table, "| {case} | {holds} | {} |", told(&look(case)));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/intake.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- table -->\n", "<!-- end of table -->\n");
    let from = document.find(begin).unwrap() + begin.len();
    let to = document.find(end).unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, [&document[..from], &table, &document[to..]].concat()).unwrap();
        return;
    }
    for (said, documented) in table.lines().zip(document[from..to].lines()) {
        assert_eq!(said, documented);
    }
    assert_eq!(table, document[from..to]);
}

#[test]
fn no_file_is_without_a_case() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let of_files: BTreeSet<String> = files
        .filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "xlsx"))
        .map(|name| name.split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(of_files, CASES.iter().map(|(case, _)| (*case).to_owned()).collect());
}

#[test]
fn the_same_rows_are_the_same_whoever_wrote_the_file() {
    let base = told(&look("base"));
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
        assert_eq!(told(&look(case)), base, "{case}");
    }
}

#[test]
fn no_message_repeats_what_a_cell_holds() {
    for (case, _) in CASES {
        let checked = look(case);
        let said = format!("{} {}", told(&checked), serde_json::to_string(&checked.report).unwrap());
        for held in [
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
            assert!(!said.contains(held), "{case}: {held}");
        }
    }
}

/// The customers of a case, by what merge kept of them.
async fn kept(case: &str) -> Vec<Customer> {
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
async fn only_a_plain_yes_is_consent() {
    let customers = kept("consent").await;
    let ids: Vec<&str> = customers.iter().map(|customer| customer.id.reveal()).collect();
    assert_eq!(ids, ["c-1", "c-on", "c-true", "c-y", "c-yes"]);
}

#[tokio::test]
async fn ids_keep_their_zeros_and_lose_their_spaces() {
    let customers = kept("ids").await;
    let ids: Vec<&str> = customers.iter().map(|customer| customer.id.reveal()).collect();
    assert_eq!(ids, ["0042", "42", "7"]);
}

#[tokio::test]
async fn amounts_and_dates_are_what_the_cells_say() {
    let amounts = |customer: &Customer| -> Vec<(String, i64)> {
        customer.transactions.iter().map(|payment| (payment.merchant.clone(), payment.amount.0)).collect()
    };
    let read = |pairs: &[(&str, i64)]| -> Vec<(String, i64)> {
        pairs.iter().map(|(merchant, cents)| ((*merchant).to_owned(), *cents)).collect()
    };
    let mut of_amounts = amounts(&kept("amounts").await[0]);
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
    let formulas = kept("formulas").await;
    assert_eq!(amounts(&formulas[0]), read(&[("Skyway", 31_025), ("Inn", -4_500)]));
    for case in ["dates", "dates-1904"] {
        let customers = kept(case).await;
        let days: BTreeSet<String> = customers[0].transactions.iter().map(|payment| payment.date.to_string()).collect();
        assert!(days.contains("2026-10-31") && days.iter().all(|day| day.starts_with("2026-1")), "{case}: {days:?}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let bank = Bank::new();
    let files = [
        (Workbook::Profile, file("wrong-password", Workbook::Profile)),
        (Workbook::Transactions, file("missing-column", Workbook::Transactions)),
        (Workbook::Tweets, file("ods", Workbook::Tweets)),
    ];
    let (password, now) = (SecretString::from("meridian-demo"), Timestamp::UNIX_EPOCH);
    let checked =
        merge::check(&files, Some(&password), &bank.settings.intake, &bank.catalogue, now, &Limits::default());
    let names: Vec<&str> = checked.errors.iter().map(|error| error.name().as_str()).collect();
    assert_eq!(names, ["Input.WrongPassword", "Input.MissingColumn", "Input.NotAWorkbook"]);
}
