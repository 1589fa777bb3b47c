//! Tests of valid workbooks that could be misread. Each kind of doubt leads to an error, to a warning or to a row being
//! set aside, never to a guess.

use std::fmt::Write as _;

use contracts::NamedError;
use contracts::key::Workbook;
use contracts::settings::{ConsentWords, IntakeSettings, SheetNames, SpendingSign};
use insta::assert_snapshot;
use merge::{CheckResult, IntakeLimits};

use crate::bad_input::with_part;
use crate::bank::{Bank, reading_time, three_customers, transactions_header};
use crate::workbook::{Sheet, Value, plain};

/// Checks workbooks as `bespoke check` does, with any share of bad rows allowed.
fn check(intake: &IntakeSettings, files: [Vec<u8>; 3]) -> CheckResult {
    let bank = Bank::new();
    let intake = IntakeSettings { allow_unprotected: true, max_bad_rows: 1.0, ..intake.clone() };
    let files: Vec<_> = Workbook::ALL.into_iter().zip(files).collect();
    merge::check(&files, None, &intake, &bank.catalogue, reading_time(), &IntakeLimits::default())
}

fn books(sheets: &[Sheet; 3]) -> [Vec<u8>; 3] {
    sheets.each_ref().map(|sheet| plain(std::slice::from_ref(sheet)))
}

/// Checks the three customers after applying `change` to their sheets.
fn check_changed(change: impl FnOnce(&mut [Sheet; 3])) -> CheckResult {
    let mut sheets = three_customers();
    change(&mut sheets);
    check(&IntakeSettings::default(), books(&sheets))
}

/// Checks the three customers with a different transactions workbook.
fn check_transactions(intake: &IntakeSettings, transactions: Vec<u8>) -> CheckResult {
    let [profile, _, tweets] = books(&three_customers());
    check(intake, [profile, transactions, tweets])
}

/// Returns the errors, counts, warnings and problems, one per line.
fn shown(result: &CheckResult) -> String {
    let mut lines = String::new();
    for error in &result.errors {
        writeln!(lines, "[{}] {error}\nhelp: {}", error.name(), error.help().unwrap()).unwrap();
    }
    let count = &result.report.customers;
    if result.errors.is_empty() {
        writeln!(lines, "{} of {} consented, {} to posts", count.consented, count.all, count.consented_to_posts)
            .unwrap();
    }
    for warning in &result.report.warnings {
        writeln!(lines, "warning: {warning}").unwrap();
    }
    for answer in &result.unknown_answers {
        writeln!(lines, "unknown answer: {answer}").unwrap();
    }
    // Skip the remark about Ben's unknown product, which is always there.
    for (list, problems) in [("set aside", &result.report.set_aside), ("ignored", &result.report.remarks)] {
        for problem in problems.iter().filter(|problem| problem.rule != UNKNOWN_PRODUCT) {
            writeln!(lines, "{list}: {} {problem}", problem.file.name()).unwrap();
        }
    }
    lines
}

const UNKNOWN_PRODUCT: &str = "names a product that is not in the catalog; correct the name or add the product";

fn named(name: &'static str, sheet: &Sheet) -> Sheet {
    Sheet { name, ..sheet.clone() }
}

#[test]
fn several_fitting_sheets_are_an_error_unless_chosen() {
    let [_, transactions, _] = three_customers();
    let mut old = named("Backup 2024", &transactions);
    old.rows.truncate(2);
    let current = named("Current", &transactions);
    let workbook = plain(&[old, current]);
    assert_snapshot!(shown(&check_transactions(&IntakeSettings::default(), workbook.clone())), @r#"
    [Input.Ambiguous] customer_transactions.xlsx: the sheets "Backup 2024", "Current" all have the columns, and only one is read by default
    help: hide or remove all but one, or list in bespoke.toml the sheets to read and join, such as intake.sheets.transactions = ["Backup 2024", "Current"]
    "#);

    let mut intake = IntakeSettings::default();
    intake.sheets.insert(Workbook::Transactions, SheetNames::One("Current".to_owned()));
    let chosen = check_transactions(&intake, workbook.clone());
    assert_eq!(chosen.report.files[1].sheet, "Current");
    assert_snapshot!(shown(&chosen), @"2 of 3 consented, 1 to posts");

    intake.sheets.insert(Workbook::Transactions, SheetNames::One("Currant".to_owned()));
    assert_snapshot!(shown(&check_transactions(&intake, workbook)), @r#"
    [Input.MissingColumn] customer_transactions.xlsx: no sheet is named "Currant"; it has "Backup 2024", "Current"
    help: correct intake.sheets.transactions in bespoke.toml
    "#);
}

#[test]
fn refusal_in_a_second_sheet_counts() {
    let [_, transactions, _] = three_customers();
    let mut november = named("November", &transactions);
    for row in &mut november.rows[1..] {
        row[5] = Value::from("no");
    }
    let mut intake = IntakeSettings::default();
    let both = vec!["October".to_owned(), "November".to_owned()];
    intake.sheets.insert(Workbook::Transactions, SheetNames::Many(both));
    let result = check_transactions(&intake, plain(&[named("October", &transactions), november]));
    assert_snapshot!(shown(&result), @"0 of 3 consented, 0 to posts");
    assert_eq!(result.report.files[1].sheet, "October, November");
    assert_eq!(result.report.files[1].read, 8);
}

#[test]
fn sheet_without_rows_is_skipped() {
    let [_, transactions, _] = three_customers();
    let template = Sheet { name: "Template", hidden: false, rows: vec![transactions_header()] };
    let result =
        check_transactions(&IntakeSettings::default(), plain(&[template.clone(), named("Data", &transactions)]));
    assert_snapshot!(shown(&result), @"2 of 3 consented, 1 to posts");
    // A workbook without any payments is still valid.
    assert_eq!(check_transactions(&IntakeSettings::default(), plain(&[template])).report.files[1].read, 0);
}

#[test]
fn title_rows_above_the_header_are_named() {
    let [_, mut transactions, _] = three_customers();
    transactions.rows.splice(0..0, [row!["Payments"], Vec::new(), row!["as of October"]]);
    let workbook = plain(&[transactions]);
    assert_snapshot!(shown(&check_transactions(&IntakeSettings::default(), workbook.clone())), @r#"
    [Input.MissingColumn] customer_transactions.xlsx: sheet "Sheet1": the header seems to be in row 4, below other content
    help: remove the rows above it, or set intake.header_row.transactions = 4 in bespoke.toml
    "#);
    let mut intake = IntakeSettings::default();
    intake.header_row.insert(Workbook::Transactions, 4);
    assert_snapshot!(shown(&check_transactions(&intake, workbook.clone())), @"2 of 3 consented, 1 to posts");
    intake.header_row.insert(Workbook::Transactions, 2);
    assert_snapshot!(shown(&check_transactions(&intake, workbook)), @r#"
    [Input.MissingColumn] customer_transactions.xlsx: sheet "Sheet1": row 2 is empty, but intake.header_row names it as the header
    help: correct intake.header_row.transactions in bespoke.toml
    "#);
}

#[test]
fn invisible_character_in_a_header_is_shown() {
    let result = check_changed(|sheets| sheets[2].rows[0] = row!["customer_id", "tw\u{200b}eet\u{ad}s"]);
    assert_snapshot!(shown(&result), @r#"
    [Input.MissingColumn] twitter_data.xlsx: sheet "Sheet1" lacks the column tweet; it has customer_id, tw[U+200B]eet[U+00AD]s
    help: rename the column, or name the bank's own column under [intake.columns] in bespoke.toml
    "#);
}

#[test]
fn column_names_without_letters_are_compared_verbatim() {
    let [_, mut transactions, _] = three_customers();
    for row in &mut transactions.rows {
        row.insert(0, Value::from("%"));
    }
    transactions.rows[0][4] = Value::from("$");
    let mut intake = IntakeSettings::default();
    let names = [("merchant".to_owned(), "$".to_owned())];
    intake.columns.insert(Workbook::Transactions, names.into());
    assert_snapshot!(shown(&check_transactions(&intake, plain(&[transactions]))), @"2 of 3 consented, 1 to posts");
}

#[test]
fn payment_after_the_day_of_reading_is_set_aside() {
    let result = check_changed(|sheets| sheets[1].rows[2][1] = Value::Date(2062, 10, 31));
    assert_snapshot!(shown(&result), @r"
    2 of 3 consented, 1 to posts
    set aside: transactions row 3, column date: in the future; correct the date
    ");
}

#[tokio::test]
async fn payment_in_the_future_does_not_move_the_as_of_date() {
    let mut bank = Bank::new();
    bank.settings.intake.max_bad_rows = 1.0;
    let mut sheets = three_customers();
    sheets[1].rows.push(row!["0001", Value::Date(2062, 10, 31), "Hotels", "Inn", 5.0, "yes", true]);
    bank.upload_sheets(&sheets).await;
    let records = bank.records(&bank.merge().await.unwrap()).await;
    let policy::customer::CustomerRecord::Given(anna) = &records[0] else { panic!("refused") };
    assert_eq!(anna.as_of.to_string(), "2026-10-31");
}

#[test]
fn integers_that_look_like_dates_are_not_serials() {
    // 40126 is the serial number of a day in 2009, but may also mean April 1, 2026.
    let result = check_changed(|sheets| {
        sheets[1].rows[1][1] = Value::from(103_126.0);
        sheets[1].rows[3][1] = Value::from(40_126.0);
    });
    assert_snapshot!(shown(&result), @r#"
    2 of 3 consented, 1 to posts
    warning: customer_transactions.xlsx, sheet "Sheet1", column date: has numbers that look like dates, such as 103126; format the column as dates
    set aside: transactions row 2, column date: in the future; correct the date
    set aside: transactions row 4, column date: a number that may be a date written in digits; format the column as dates
    "#);
}

#[test]
fn swapped_day_and_month_are_reported() {
    let texts_beside_dates = check_changed(|sheets| {
        sheets[1].rows[1][1] = Value::from("31/10/2026");
        sheets[1].rows[2][1] = Value::Date(2026, 5, 10);
        sheets[1].rows[3][1] = Value::Date(2026, 6, 10);
    });
    assert_snapshot!(shown(&texts_beside_dates), @r#"
    2 of 3 consented, 1 to posts
    warning: customer_transactions.xlsx, sheet "Sheet1", column date: has text such as 31/10/2026, and no date cell is after the 12th of a month, so day and month of the date cells are probably swapped; import the column again with the right order
    set aside: transactions row 2, column date: not a date; write it as 2026-10-31
    "#);

    let only_dates = check_changed(|sheets| {
        let days = (1..=12).flat_map(|month| [9, 10, 11].map(|day| Value::Date(2025, month, day)));
        let rows = days.map(|day| row!["0001", day, "Hotels", "Inn", 5.0, "yes", true]);
        sheets[1].rows.truncate(1);
        sheets[1].rows.extend(rows);
    });
    assert_snapshot!(shown(&only_dates), @r#"
    1 of 3 consented, 1 to posts
    warning: customer_transactions.xlsx, sheet "Sheet1", column date: no date is after the 12th of a month, so day and month are probably swapped; import the column again with the right order
    "#);
}

#[test]
fn refusal_counts_for_every_id_that_it_could_mean() {
    for id in ["1", "00001", "0001\u{200b}", " 000\u{ff11} "] {
        let row = row![id, "2026-10-01", "Hotels", "Inn", 5.0, "no", "yes"];
        let result = check_changed(|sheets| sheets[1].rows.push(row));
        assert!(shown(&result).starts_with("1 of 3 consented"), "{id:?}: {}", shown(&result));
    }
    let row = row!["0004", "2026-10-01", "Hotels", "Inn", 5.0, "no", "no"];
    let other_customer = check_changed(|sheets| sheets[1].rows.push(row));
    assert!(shown(&other_customer).starts_with("2 of 3 consented"), "{}", shown(&other_customer));
}

#[test]
fn refusal_without_a_readable_id_stops_the_run() {
    let unreadable = [Value::Blank, Value::Formula("=NA()", "#N/A"), Value::from("1.23457E+15"), Value::from(1.5)];
    for id in unreadable {
        let mut row = row!["", "2026-10-01", "Hotels", "Inn", 5.0, "no", "yes"];
        row[0] = id;
        let result = check_changed(|sheets| sheets[1].rows.push(row));
        let message = shown(&result);
        let begin = "[Input.Ambiguous] customer_transactions.xlsx: sheet \"Sheet1\": refusals without a readable \
                     customer_id in row 6\nhelp: correct the ids of these rows";
        assert!(message.starts_with(begin), "{message}");
    }
    // A row of totals below the payments is not a refusal.
    let row = row!["", "", "Total", "", 310.25, "", ""];
    let total = check_changed(|sheets| sheets[1].rows.push(row));
    assert!(total.errors.is_empty(), "{}", shown(&total));
}

#[test]
fn rounded_ids_are_refused() {
    let result = check_changed(|sheets| {
        sheets[0].rows[1][0] = Value::from("1.23457E+15");
        sheets[1].rows[1][0] = Value::from("1.23457E+15");
    });
    assert_snapshot!(shown(&result), @r"
    1 of 2 consented, 0 to posts
    set aside: profile row 2, column customer_id: a rounded number; store the whole id as text
    set aside: transactions row 2, column customer_id: a rounded number; store the whole id as text
    set aside: transactions row 3, column customer_id: no profile row has this id; ids are text, so 0042 is not 42
    set aside: tweets row 2, column customer_id: no profile row has this id; ids are text, so 0042 is not 42
    ");
}

#[test]
fn formatted_ids_are_read_as_shown() {
    let padded = |sheet: &Sheet| {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        let worksheet = workbook.add_worksheet();
        let zeros = rust_xlsxwriter::Format::new().set_num_format("0000");
        for (row, cells) in (0..).zip(&sheet.rows) {
            for (column, cell) in (0..).zip(cells) {
                match cell {
                    Value::Text(text) if row > 0 && column == 0 => {
                        worksheet.write_number_with_format(row, 0, text.parse::<f64>().unwrap(), &zeros).unwrap();
                    }
                    Value::Number(id) if column == 0 => {
                        worksheet.write_number_with_format(row, 0, *id, &zeros).unwrap();
                    }
                    Value::Text(text) => drop(worksheet.write_string(row, column, text).unwrap()),
                    Value::Number(number) => drop(worksheet.write_number(row, column, *number).unwrap()),
                    _ => {}
                }
            }
        }
        workbook.save_to_buffer().unwrap()
    };
    let sheets = three_customers();
    let [profile, transactions, tweets] = books(&sheets);
    let one_file = check(&IntakeSettings::default(), [padded(&sheets[0]), transactions, tweets]);
    // The text ids 0001 and 0003 match the ids that the profile shows, but the id 2 does not match 0002.
    assert_snapshot!(shown(&one_file), @r#"
    1 of 3 consented, 1 to posts
    warning: customer_profile.xlsx, sheet "Sheet1", column customer_id: number cells with the format 0000 are read as shown, with their leading zeros
    set aside: transactions row 4, column customer_id: no profile row has this id; ids are text, so 0042 is not 42
    set aside: tweets row 3, column customer_id: no profile row has this id; ids are text, so 0042 is not 42
    "#);
    drop(profile);
}

/// Replaces the XML of one cell.
fn with_cell(workbook: &[u8], cell: &str, xml: &str) -> Vec<u8> {
    let part = "xl/worksheets/sheet1.xml";
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(workbook)).unwrap();
    let sheet = std::io::read_to_string(archive.by_name(part).unwrap()).unwrap();
    let from = sheet.find(&format!("<c r=\"{cell}\"")).unwrap();
    let to = from + sheet[from..].find("</c>").unwrap() + "</c>".len();
    with_part(workbook, part, format!("{}{xml}{}", &sheet[..from], &sheet[to..]).as_bytes())
}

#[test]
fn odd_cell_makes_only_itself_unreadable() {
    let [_, transactions, _] = books(&three_customers());
    let odd = [
        r#"<c r="E2" t="e"><v>#SPILL!</v></c>"#,
        r#"<c r="E2" t="e"><v>#GETTING_DATA</v></c>"#,
        r#"<c r="E2" t="number"><v>310.25</v></c>"#,
        r#"<c r="E2" t="n"><v>1,5</v></c>"#,
        r#"<c r="E2" t="b"><v>-1</v></c>"#,
        r#"<c r="E2" t="s"><v>4000</v></c>"#,
    ];
    for xml in odd {
        let read = shown(&check_transactions(&IntakeSettings::default(), with_cell(&transactions, "E2", xml)));
        let expected = "2 of 3 consented, 1 to posts\nset aside: transactions row 2, column transaction_amount: \
                        unreadable; enter the value again\n";
        assert_eq!(read, expected, "{xml}");
    }
}

#[test]
fn odd_cell_in_an_unread_column_does_not_matter() {
    let [profile, ..] = books(&three_customers());
    let [_, transactions, tweets] = books(&three_customers());
    // The last name is not read.
    let profile = with_cell(&profile, "C2", r#"<c r="C2" t="e"><v>#GETTING_DATA</v></c>"#);
    let result = check(&IntakeSettings::default(), [profile, transactions, tweets]);
    assert_snapshot!(shown(&result), @"2 of 3 consented, 1 to posts");
}

/// Writers may omit cell references. An odd cell must not shift the cells after it.
#[test]
fn odd_cell_does_not_shift_cells_without_references() {
    let sheet = r#"<worksheet><sheetData><row>
        <c t="inlineStr"><is><t>customer_id</t></is></c><c t="inlineStr"><is><t>unread</t></is></c>
        <c t="inlineStr"><is><t>tweet</t></is></c></row><row>
        <c t="inlineStr"><is><t>0001</t></is></c><c t="e"><v>#SPILL!</v></c><c t="inlineStr"><is><t>Hello</t></is></c></row>
        <row><c t="e"><v>#BUSY!</v></c><c/><c t="inlineStr"><is><t>Hello</t></is></c></row>
        </sheetData></worksheet>"#;
    let [profile, transactions, tweets] = books(&three_customers());
    let tweets = with_part(&tweets, "xl/worksheets/sheet1.xml", sheet.as_bytes());
    assert_snapshot!(shown(&check(&IntakeSettings::default(), [profile, transactions, tweets])), @r"
    2 of 3 consented, 1 to posts
    set aside: tweets row 3, column customer_id: unreadable; enter the value again
    ");
}

#[test]
fn formula_without_result_is_named_in_every_column() {
    let [profile, transactions, tweets] = books(&three_customers());
    let formula = |cell: &str| format!("<c r=\"{cell}\"><f>A1</f><v></v></c>");
    let profile = with_cell(&profile, "F2", &formula("F2"));
    let profile = with_cell(&profile, "G2", &formula("G2"));
    let transactions = with_cell(&transactions, "E3", &formula("E3"));
    let transactions = with_cell(&transactions, "F4", &formula("F4"));
    assert_snapshot!(shown(&check(&IntakeSettings::default(), [profile, transactions, tweets])), @r#"
    1 of 3 consented, 1 to posts
    warning: customer_profile.xlsx, sheet "Sheet1", column products_held: has formulas, and the workbook asks for a recalculation, so their stored results may be stale; open it in a spreadsheet program and save it
    warning: customer_profile.xlsx, sheet "Sheet1", column investment_advisor: has formulas, and the workbook asks for a recalculation, so their stored results may be stale; open it in a spreadsheet program and save it
    warning: customer_transactions.xlsx, sheet "Sheet1", column transaction_amount: has formulas, and the workbook asks for a recalculation, so their stored results may be stale; open it in a spreadsheet program and save it
    warning: customer_transactions.xlsx, sheet "Sheet1", column consent: has formulas, and the workbook asks for a recalculation, so their stored results may be stale; open it in a spreadsheet program and save it
    unknown answer: customer_transactions.xlsx, column consent: "(a formula)" (rows: 1)
    set aside: transactions row 3, column transaction_amount: a formula without a stored result; open the workbook in a spreadsheet program and save it
    ignored: profile row 2, column products_held: a formula without a stored result; open the workbook in a spreadsheet program and save it
    ignored: profile row 2, column investment_advisor: a formula without a stored result; open the workbook in a spreadsheet program and save it
    "#);
}

#[test]
fn amounts_that_are_all_zero_are_named() {
    let result = check_changed(|sheets| sheets[1].rows[1..].iter_mut().for_each(|row| row[4] = Value::from(0.0)));
    assert_snapshot!(shown(&result), @r#"
    2 of 3 consented, 1 to posts
    warning: customer_transactions.xlsx, sheet "Sheet1", column transaction_amount: every amount is 0; if they are formulas, open the workbook in a spreadsheet program and save it
    "#);
}

/// Moves the consent columns of the three customers into the profile workbook.
fn consent_in_profile(sheets: &mut [Sheet; 3]) {
    let [profile, transactions, _] = sheets;
    for row in &mut transactions.rows {
        row.truncate(5);
    }
    for (row, [general, social]) in
        profile.rows.iter_mut().zip([["consent", "consent_social_media"], ["yes", "yes"], ["yes", "no"], ["no", "yes"]])
    {
        row.resize(7, Value::Blank);
        row.extend([Value::from(general), Value::from(social)]);
    }
}

#[test]
fn consent_may_be_in_the_profile_workbook() {
    assert_snapshot!(shown(&check_changed(consent_in_profile)), @"2 of 3 consented, 1 to posts");
    let refusal_wins = check_changed(|sheets| {
        let payments = sheets[1].clone();
        consent_in_profile(sheets);
        sheets[1] = payments;
        sheets[0].rows[1][7] = Value::from("no");
    });
    assert_snapshot!(shown(&refusal_wins), @"1 of 3 consented, 0 to posts");
    let in_unusable_row = check_changed(|sheets| {
        consent_in_profile(sheets);
        let mut again = sheets[0].rows[1].clone();
        again[1] = Value::Blank;
        again[7] = Value::from("no");
        sheets[0].rows.push(again);
    });
    assert!(shown(&in_unusable_row).starts_with("1 of 3 consented"), "{}", shown(&in_unusable_row));
}

#[test]
fn consent_in_no_workbook_is_a_missing_column() {
    let result = check_changed(|sheets| sheets[1].rows.iter_mut().for_each(|row| row.truncate(6)));
    assert_snapshot!(shown(&result), @r#"
    [Input.MissingColumn] customer_transactions.xlsx: sheet "Sheet1" lacks the column consent_social_media; it has customer_id, date, category, merchant, transaction_amount, consent
    help: rename the column, or name the bank's own column under [intake.columns] in bespoke.toml
    "#);
}

/// Checks the three customers with these answers to the general question.
fn check_answers(intake: &IntakeSettings, answers: [Value; 4]) -> CheckResult {
    let mut sheets = three_customers();
    for (row, answer) in sheets[1].rows[1..].iter_mut().zip(answers) {
        row[5] = answer;
    }
    check(intake, books(&sheets))
}

#[test]
fn one_means_yes_only_beside_zero() {
    let coded = |answers: [f64; 4]| check_answers(&IntakeSettings::default(), answers.map(Value::from));
    assert_snapshot!(shown(&coded([1.0, 1.0, 1.0, 0.0])), @"2 of 3 consented, 1 to posts");
    assert_snapshot!(shown(&coded([2.0, 2.0, 1.0, 1.0])), @r#"
    [Input.Ambiguous] customer_transactions.xlsx: sheet "Sheet1", column consent: holds codes other than 0 and 1, whose meaning is unknown
    help: list the codes under [intake.consent] in bespoke.toml, such as yes = ["2"] and no = ["1"]
    unknown answer: customer_transactions.xlsx, column consent: "1" (rows: 2)
    unknown answer: customer_transactions.xlsx, column consent: "2" (rows: 2)
    "#);
    let mixed = ["yes", "yes", "1", "no"].map(Value::from);
    assert_snapshot!(shown(&check_answers(&IntakeSettings::default(), mixed)), @r#"
    1 of 3 consented, 1 to posts
    unknown answer: customer_transactions.xlsx, column consent: "1" (rows: 1)
    "#);
}

#[test]
fn settings_can_map_the_banks_own_words() {
    let words = ["Opted in", "OPTED IN ", "opted\u{a0}in", "Opted out"].map(Value::from);
    assert_snapshot!(shown(&check_answers(&IntakeSettings::default(), words.clone())), @r#"
    0 of 3 consented, 0 to posts
    unknown answer: customer_transactions.xlsx, column consent: "OPTED IN" (rows: 1)
    unknown answer: customer_transactions.xlsx, column consent: "Opted in" (rows: 1)
    unknown answer: customer_transactions.xlsx, column consent: "Opted out" (rows: 1)
    unknown answer: customer_transactions.xlsx, column consent: "opted\u{a0}in" (rows: 1)
    "#);
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let own = |yes: &[&str], no: &[&str]| IntakeSettings {
        consent: ConsentWords { yes: list(yes), no: list(no) },
        ..IntakeSettings::default()
    };
    let intake = own(&["opted in"], &["opted out"]);
    assert_snapshot!(shown(&check_answers(&intake, words)), @"2 of 3 consented, 1 to posts");
    let codes = [2.0, 2.0, 2.0, 1.0].map(Value::from);
    assert_snapshot!(shown(&check_answers(&own(&["2"], &["1"]), codes)), @"2 of 3 consented, 1 to posts");
}

#[test]
fn kind_of_file_is_named_before_the_missing_password() {
    let [profile, transactions, tweets] = books(&three_customers());
    let files: Vec<_> =
        Workbook::ALL.into_iter().zip([profile, b"PK\x03\x04 not a workbook".to_vec(), tweets]).collect();
    drop(transactions);
    let bank = Bank::new();
    let limits = IntakeLimits::default();
    let result = merge::check(&files, None, &IntakeSettings::default(), &bank.catalogue, reading_time(), &limits);
    assert_eq!(result.errors[0].name().as_str(), "Input.NotProtected");
    assert_eq!(result.errors[1].to_string(), "customer_transactions.xlsx: damaged: cannot read its archive");
}

#[test]
fn claimed_counts_and_long_gaps_do_not_reach_the_reader() {
    let [profile, transactions, tweets] = books(&three_customers());
    let strings = "xl/sharedStrings.xml";
    let namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let claims = format!("<sst xmlns=\"{namespace}\" uniqueCount=\"100000000000\"><si><t>a</t></si></sst>");
    let empty = format!("<sst xmlns=\"{namespace}\">{}</sst>", "<si/>".repeat(13_000_000));
    let long_tag = format!("<sst xmlns=\"{namespace}\" x=\"{}\"></sst>", "a".repeat(2 << 20));
    let styles = format!("<styleSheet>{}</styleSheet>", "<xf/>".repeat(1_100_000));
    let long_format = format!(
        "<styleSheet><numFmts><numFmt numFmtId=\"200\" formatCode=\"{}\"/></numFmts><cellXfs>{}</cellXfs></styleSheet>",
        "0".repeat(2000),
        "<xf numFmtId=\"200\"/>".repeat(150_000)
    );
    let mut messages = String::new();
    let styles_part = "xl/styles.xml";
    for (part, content) in [
        (strings, &claims),
        (strings, &empty),
        (strings, &long_tag),
        (styles_part, &styles),
        (styles_part, &long_format),
    ] {
        let files = Workbook::ALL.into_iter().zip([
            profile.clone(),
            with_part(&transactions, part, content.as_bytes()),
            tweets.clone(),
        ]);
        let files: Vec<_> = files.collect();
        let limits = IntakeLimits { ratio: 100_000, ..IntakeLimits::default() };
        let intake = IntakeSettings { allow_unprotected: true, ..IntakeSettings::default() };
        let result = merge::check(&files, None, &intake, &Bank::new().catalogue, reading_time(), &limits);
        writeln!(messages, "{}", result.errors[0]).unwrap();
    }
    assert_snapshot!(messages, @r"
    customer_transactions.xlsx: exceeds the limit of 3000000 shared strings
    customer_transactions.xlsx: exceeds the limit of 3000000 shared strings
    customer_transactions.xlsx: exceeds the limit of 1048576 bytes between two XML tags
    customer_transactions.xlsx: exceeds the limit of 1000000 XML tags in one part
    customer_transactions.xlsx: exceeds the limit of 268435456 bytes of cell formats
    ");
}

/// Returns the three customers with 24 more payments by Anna. Their amounts repeat `amounts` in order.
fn with_amounts(amounts: &[Value]) -> [Sheet; 3] {
    let mut sheets = three_customers();
    for (day, amount) in (1..=24).zip(amounts.iter().cycle()) {
        let mut row = sheets[1].rows[1].clone();
        row[1] = Value::Date(2026, 10, day);
        row[4] = amount.clone();
        sheets[1].rows.push(row);
    }
    sheets
}

fn amounts(amounts: &[f64]) -> Vec<Value> {
    amounts.iter().map(|amount| Value::from(*amount)).collect()
}

#[test]
fn mostly_negative_amounts_require_the_spending_setting() {
    let debits = with_amounts(&amounts(&[-31.2, -210.25, -145.0, 2_000.0]));
    assert_snapshot!(shown(&check(&IntakeSettings::default(), books(&debits))), @r#"
    [Input.Ambiguous] customer_transactions.xlsx: sheet "Sheet1", column transaction_amount: 67 % of the amounts are negative, so it is unclear whether spending is positive or negative
    help: set intake.spending = "negative" or "positive" in bespoke.toml, or name columns for debits and credits as debit_amount and credit_amount under [intake.columns.transactions]
    "#);
    for sign in [SpendingSign::Negative, SpendingSign::Positive] {
        let intake = IntakeSettings { spending: Some(sign), ..IntakeSettings::default() };
        assert!(check(&intake, books(&debits)).errors.is_empty());
    }
    let marked = with_amounts(&["31.20 DR", "5.00 DR", "2000.00 CR"].map(Value::from));
    assert!(check(&IntakeSettings::default(), books(&marked)).errors.is_empty());
    let usual = with_amounts(&amounts(&[31.2, 210.25, -5.0]));
    assert!(check(&IntakeSettings::default(), books(&usual)).errors.is_empty());
}

#[test]
fn several_currencies_are_refused() {
    let mixed = with_amounts(&["$100.00", "€100.00", "¥10,000", "USD 5"].map(Value::from));
    assert_snapshot!(shown(&check(&IntakeSettings::default(), books(&mixed))), @r#"
    [Input.Ambiguous] customer_transactions.xlsx: sheet "Sheet1", column transaction_amount: holds several currencies: EUR, JPY, USD
    help: convert the amounts to one currency, or split the batch by currency
    "#);
    let mut sheets = three_customers();
    for (row, currency) in sheets[1].rows.iter_mut().zip(["currency", "USD", "USD", "EUR", "USD"]) {
        row.push(Value::from(currency));
    }
    let message = shown(&check(&IntakeSettings::default(), books(&sheets)));
    assert!(message.contains("holds several currencies: EUR, USD"), "{message}");
    let balances = check_changed(|sheets| sheets[0].rows[2][4] = Value::from("€5.00"));
    assert!(shown(&balances).contains("column account_balance: holds several currencies: EUR, USD"));
}

#[test]
fn debits_and_credits_may_have_columns_of_their_own() {
    let split = |sheets: &mut [Sheet; 3]| {
        let cells = [["Debit Amount", "Credit amount"], ["310.25", ""], ["", "45.00"], ["-40.00", ""], ["5", "0.00"]];
        for (row, [debit, credit]) in sheets[1].rows.iter_mut().zip(cells) {
            row.remove(4);
            row.extend([Value::from(debit), Value::from(credit)]);
        }
    };
    assert_snapshot!(shown(&check_changed(split)), @"2 of 3 consented, 1 to posts");
    let both = check_changed(|sheets| {
        split(sheets);
        sheets[1].rows[1][7] = Value::from("3.00");
    });
    assert_snapshot!(shown(&both), @r"
    2 of 3 consented, 1 to posts
    set aside: transactions row 2, column debit_amount: both a debit and a credit; keep one of them
    ");
    let neither = check_changed(|sheets| {
        sheets[1].rows.iter_mut().for_each(|row| drop(row.remove(4)));
    });
    assert!(shown(&neither).contains("lacks the column transaction_amount"), "{}", shown(&neither));
}

#[test]
fn categories_are_counted_by_their_lexicon_word() {
    let result = check_changed(|sheets| {
        sheets[1].rows[1][2] = Value::from("4511");
        sheets[1].rows[2][2] = Value::from("Payroll");
        sheets[1].rows[3][2] = Value::from("TRANSPORTATION_GAS");
    });
    let mut words: Vec<&str> = result.categories.iter().map(|(word, _)| word.as_str()).collect();
    words.sort_unstable();
    // The payroll is incoming money.
    assert_eq!(words, ["Groceries", "airlines", "gas station", "income"]);
}

/// `LibreOffice` and openpyxl read such packages. Bespoke must read the same values from them.
#[test]
fn unusual_package_is_read_like_a_usual_one() {
    let [profile, transactions, tweets] = books(&three_customers());
    let part = |name: &str| {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&profile)).unwrap();
        std::io::read_to_string(archive.by_name(name).unwrap()).unwrap()
    };
    let utf16 = |text: &str| {
        let text = text.replace("UTF-8", "UTF-16");
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    };
    let sheet = part("xl/worksheets/sheet1.xml");
    let main = part("xl/workbook.xml");
    let with_sheet =
        |id: &str| main.replace("</sheets>", &format!("<sheet name=\"B\" sheetId=\"9\" r:id=\"{id}\"/></sheets>"));
    let name = "xl/worksheets/sheet1.xml";
    let packages = [
        ("spaces around values", name, sheet.replace("<v>", "<v> ").replace("</v>", "\n</v>").into_bytes()),
        (
            "an unknown element in a cell",
            name,
            sheet.replacen("</v></c>", "</v><x:y xmlns:x=\"z\">1</x:y></c>", 3).into_bytes(),
        ),
        (
            "an extension before a value",
            name,
            sheet.replacen("<v>", "<extLst><ext><v>9</v></ext></extLst><v>", 3).into_bytes(),
        ),
        ("a reversed dimension", name, sheet.replacen("<dimension ref=\"A1:", "<dimension ref=\"Z99:", 1).into_bytes()),
        ("a sheet in UTF-16", name, utf16(&sheet)),
        ("strings in UTF-16", "xl/sharedStrings.xml", utf16(&part("xl/sharedStrings.xml"))),
        ("relationships in UTF-16", "_rels/.rels", utf16(&part("_rels/.rels"))),
        ("a sheet without a relationship", "xl/workbook.xml", with_sheet("").into_bytes()),
        ("a sheet with an unknown relationship", "xl/workbook.xml", with_sheet("rId99").into_bytes()),
    ];
    let usual = check(&IntakeSettings::default(), [profile.clone(), transactions.clone(), tweets.clone()]);
    for (kind, name, content) in packages {
        assert_ne!(content, part(name).into_bytes(), "{kind}");
        let unusual = with_part(&profile, name, &content);
        let result = check(&IntakeSettings::default(), [unusual, transactions.clone(), tweets.clone()]);
        assert_eq!(shown(&result), shown(&usual), "{kind}");
        assert_eq!(result.report.remarks, usual.report.remarks, "{kind}");
    }
}
