//! A campaign over customers who must not get some or all offers, each for one reason.

use std::collections::BTreeMap;
use std::path::Path;

use bespoke_tests::{Sandbox, root};
use rust_xlsxwriter::Workbook;
use serde_json::Value;

use super::{ends, sandbox};

/// The result that a customer must get.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Offers that include credit.
    Offers,
    /// Offers without credit; `explain` names this stop.
    NoCredit(&'static str),
    /// A message without offers about this topic.
    Service(&'static str),
    /// Nothing; `explain` names this stop.
    Nothing(&'static str),
}

/// A customer who differs from an ordinary one in one respect.
struct Person {
    /// A column of the profile, and its cell.
    cell: Option<(&'static str, &'static str)>,
    /// The category of an additional payment.
    payment: Option<&'static str>,
    /// A post.
    post: Option<&'static str>,
    expected: Expected,
}

const ORDINARY: Person = Person { cell: None, payment: None, post: None, expected: Expected::Offers };

fn people() -> Vec<Person> {
    use Expected::{NoCredit, Nothing, Offers, Service};

    let cells = [
        ("deceased", "yes", Nothing("deceased")),
        ("status", "Deceased", Nothing("deceased")),
        ("date_of_birth", "2012-05-01", Nothing("minor")),
        ("age", "16", Nothing("minor")),
        ("collections", "yes", Nothing("collections")),
        ("vulnerable", "yes", Nothing("vulnerable")),
        ("open_complaint", "yes", Nothing("open-complaint")),
        ("open_application", "yes", Nothing("open-application")),
        ("fraud_case", "yes", Nothing("fraud-case")),
        ("do_not_contact", "yes", Nothing("do-not-contact")),
        ("status", "Closed", Nothing("closed")),
        ("status", "gone fishing", Nothing("unclear")),
        ("account_balance", "-350", NoCredit("negative-balance")),
        ("status", "Active", Offers),
    ];
    let payments = [
        ("Overdraft Fee", NoCredit("overdraft")),
        ("Late Fee", NoCredit("late-fee")),
        ("Returned Payment Fee", NoCredit("returned-payment")),
        ("Payday Loan", NoCredit("payday-loan")),
        ("Debt Collection", Nothing("debt-collection")),
        ("Funeral Home", Nothing("funeral")),
    ];
    let posts = [
        ("My mom passed away on Sunday. Thank you for the beautiful flowers", Service("care")),
        ("Biopsy came back. It's stage 3. We start chemo Monday", Service("care")),
        ("My brother got arrested last night and bail is ten thousand", Service("care")),
        ("Somebody broke into our house and took everything", Service("care")),
        ("Me quedé sin trabajo y no sé cómo pagar la renta este mes", Service("hardship")),
        ("I got laid off today and I can't pay the rent", Service("hardship")),
        ("I was scammed, and all of my savings are gone", Service("fraud")),
        (
            "Three hours on the phone with my bank about a mortgage application they lost. Fantastic as always",
            Service("service"),
        ),
        ("Another awful monthly fee that nobody can explain, what a terrible rip off", Service("fees")),
        ("Heute war ein sehr schwerer Tag und ich weiß nicht, wie es weitergehen soll", Service("care")),
        ("I don't think I want to be here anymore, there is nothing left in me", Nothing("needs-person")),
        ("Sourdough attempt #6: finally not a brick", Offers),
    ];
    let cells = cells.map(|(column, text, expected)| Person { cell: Some((column, text)), expected, ..ORDINARY });
    let payments = payments.map(|(category, expected)| Person { payment: Some(category), expected, ..ORDINARY });
    let posts = posts.map(|(text, expected)| Person { post: Some(text), expected, ..ORDINARY });
    [ORDINARY].into_iter().chain(cells).chain(payments).chain(posts).collect()
}

fn id(number: usize) -> String {
    format!("{:04}", number + 1)
}

/// Writes the three workbooks.
fn write_workbooks(folder: &Path, people: &[Person]) {
    const PROFILE: [(&str, &str); 15] = [
        ("first_name", "Ann"),
        ("income", "52000"),
        ("account_balance", "4100"),
        ("products_held", "everyday-checking"),
        ("customer_since", "2019-01-01"),
        ("status", ""),
        ("deceased", ""),
        ("date_of_birth", ""),
        ("age", ""),
        ("collections", ""),
        ("vulnerable", ""),
        ("open_complaint", ""),
        ("open_application", ""),
        ("fraud_case", ""),
        ("do_not_contact", ""),
    ];
    let mut profiles =
        vec![["customer_id"].into_iter().chain(PROFILE.map(|(column, _)| column)).map(str::to_owned).collect()];
    let mut payments = vec![
        ["customer_id", "date", "category", "merchant", "transaction_amount", "consent", "consent_social_media"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut posts = vec![["customer_id", "tweet", "created_at"].map(str::to_owned).to_vec()];
    for (number, person) in people.iter().enumerate() {
        let cell = |(column, usual)| match person.cell {
            Some((own, text)) if own == column => text.to_owned(),
            _ => String::from(usual),
        };
        profiles.push([id(number)].into_iter().chain(PROFILE.map(cell)).collect());
        let mut pay = |date: &str, category: &str, amount: &str| {
            payments.push([&id(number), date, category, "Shop", amount, "yes", "yes"].map(str::to_owned).to_vec());
        };
        for month in 6..12 {
            pay(&format!("2026-{month:02}-05"), "Groceries", "280");
            pay(&format!("2026-{month:02}-06"), "Travel", "320");
        }
        if let Some(category) = person.payment {
            pay("2026-11-07", category, "35");
        }
        posts.extend(person.post.map(|post| vec![id(number), post.to_owned(), "2026-11-06".to_owned()]));
    }
    let files =
        [("customer_profile.xlsx", profiles), ("customer_transactions.xlsx", payments), ("twitter_data.xlsx", posts)];
    for (name, rows) in files {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        for (at, row) in (0..).zip(&rows) {
            sheet.write_row(at, 0, row).unwrap();
        }
        workbook.save(folder.join(name)).unwrap();
    }
}

/// Returns the names of the products in the sample catalog, and whether each is credit.
fn products() -> Vec<(String, bool)> {
    let catalogue: Value = serde_json::from_slice(&std::fs::read(root().join("data/catalogue.json")).unwrap()).unwrap();
    let products = catalogue["products"].as_array().unwrap().iter();
    let is_credit = |product: &Value| matches!(product["kind"].as_str().unwrap(), "credit-card" | "loan" | "mortgage");
    products.map(|product| (product["customer_name"].as_str().unwrap().to_owned(), is_credit(product))).collect()
}

/// Returns the outcome of each customer reference in the campaign's manifest.
fn outcomes(report: &Value) -> BTreeMap<String, String> {
    let mut manifest = csv::Reader::from_path(report["manifest"].as_str().unwrap()).unwrap();
    manifest.records().map(|row| row.map(|row| (row[0].to_owned(), row[1].to_owned())).unwrap()).collect()
}

/// Returns the published text, or `None` if nothing was published.
fn text(sandbox: &Sandbox, reference: &str) -> Option<String> {
    let files = sandbox.files().into_iter();
    let is_text = |path: &Path| path.ends_with("recommendation.txt") && path.to_string_lossy().contains(reference);
    let found: Vec<_> = files.filter(|path| is_text(path)).collect();
    assert!(found.len() <= 1, "{found:?}");
    found.first().map(|path| std::fs::read_to_string(path).unwrap())
}

#[test]
fn customers_with_a_stop_are_not_sold_to() {
    let sandbox = sandbox("[intake]\nallow_unprotected = true\n");
    let bank = sandbox.path().join("bank");
    std::fs::create_dir(&bank).unwrap();
    let people = people();
    write_workbooks(&bank, &people);
    for file in ["catalogue.json", "lexicon.toml"] {
        std::fs::copy(root().join("data").join(file), bank.join(file)).unwrap();
    }
    let bank = bank.to_str().unwrap();
    let report = ends(&sandbox.run(&["campaign", "--no-video", "--json", bank]), 0);
    let (outcomes, products) = (outcomes(&report), products());
    assert_eq!(outcomes.len(), people.len());

    for (number, person) in people.iter().enumerate() {
        let id = id(number);
        let explained = ends(&sandbox.run(&["explain", "--customer", &id, "--data", bank, "--json"]), 0);
        let reference = explained["reference"].as_str().unwrap();
        let text = text(&sandbox, reference);
        let named = |credit_only: bool| -> Vec<&str> {
            let text = text.as_deref().unwrap_or_default();
            let named =
                products.iter().filter(|(name, credit)| (*credit || !credit_only) && text.contains(name.as_str()));
            named.map(|(name, _)| name.as_str()).collect()
        };
        let context = format!("{id}: {:?} {:?} {:?}", person.cell, person.payment, person.post);
        let outcome = outcomes[reference].as_str();
        match person.expected {
            Expected::Offers => {
                assert!(!named(true).is_empty(), "{context}: {text:?}");
                assert_eq!(explained["stops"], serde_json::json!([]), "{context}");
            }
            Expected::NoCredit(stop) => {
                assert!(named(true).is_empty() && !named(false).is_empty(), "{context}: {text:?}");
                assert_eq!(explained["stops"], serde_json::json!([stop]), "{context}");
            }
            Expected::Service(topic) => {
                assert!(text.is_some() && named(false).is_empty(), "{context}: {text:?}");
                assert_eq!(
                    explained["stance"],
                    serde_json::json!({ "stance": "service", "topic": topic }),
                    "{context}"
                );
            }
            Expected::Nothing(stop) => {
                assert_eq!((outcome, &text), ("skipped", &None), "{context}");
                assert_eq!(explained["skip"]["because"], stop, "{context}: {explained}");
            }
        }
        assert_eq!(outcome == "published", text.is_some(), "{context}");
    }
}
