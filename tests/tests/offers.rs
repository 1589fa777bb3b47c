//! Tests that run the commands for consent, sentiment and offers as processes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Output, Stdio};

use bespoke::sample::{rows, write_rows};
use bespoke_tests::{Sandbox, report, root};
use serde_json::{Value, json};

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"))
}

#[track_caller]
fn succeeds(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    report(output)
}

#[test]
fn explain_shows_facts_and_candidates_and_writes_nothing() {
    let sandbox = sandbox();
    let explained = succeeds(&sandbox.run(&["explain", "--customer", "0001", "--json"]));
    assert_eq!(explained["assessment"], "proceed");
    assert_eq!(explained["signs"], json!(["travel"]));
    let first = &explained["candidates"][0];
    assert_eq!(first["product"], "travel-rewards-card");
    let weights: f64 =
        first["reasons"].as_array().unwrap().iter().map(|reason| reason["weight"].as_f64().unwrap()).sum();
    assert!((weights - first["score"].as_f64().unwrap()).abs() < 1e-9);
    assert!(!sandbox.artifacts().exists());

    let refused = sandbox.run(&["explain", "--customer", "0003"]);
    assert!(String::from_utf8_lossy(&refused.stdout).contains("would be skipped: the customer said no"));
    assert_eq!(sandbox.run(&["explain", "--customer", "no-such"]).status.code(), Some(3));
}

/// The customers whose offers the documentation explains.
const WALKED_THROUGH: [&str; 3] = ["0001", "0006", "0011"];

#[test]
fn documented_offers_match_explain() {
    let guide = std::fs::read_to_string(root().join("docs/concepts/offers.md")).unwrap();
    let catalogue = std::fs::read_to_string(root().join("data/catalogue.json")).unwrap();
    let catalogue: Value = serde_json::from_str(&catalogue).unwrap();
    let name = |id: &Value| {
        let mut products = catalogue["products"].as_array().unwrap().iter();
        products.find(|product| product["id"] == *id).unwrap()["name"].as_str().unwrap().to_owned()
    };
    for id in WALKED_THROUGH {
        let explained = succeeds(&sandbox().run(&["explain", "--customer", id, "--json"]));
        let (_, section) = guide.split_once(&format!("### {id}")).unwrap();
        let section = section.split("\n### ").next().unwrap().split("\n## ").next().unwrap();
        for offer in explained["stance"]["offers"].as_array().unwrap() {
            let name = name(&offer["product"]);
            let line = section.lines().find(|line| line.contains(&name)).unwrap_or_else(|| panic!("{id}: {name}"));
            let candidates = explained["candidates"].as_array().unwrap();
            let candidate = candidates.iter().find(|candidate| candidate["product"] == offer["product"]).unwrap();
            for reason in candidate["reasons"].as_array().unwrap() {
                let reason = format!("{} {:+.2}", reason["text"].as_str().unwrap(), reason["weight"].as_f64().unwrap());
                assert!(line.contains(&reason), "{id}: {reason:?} is not in {line}");
            }
        }
        assert_eq!(
            section.matches("| Meridian").count(),
            explained["stance"]["offers"].as_array().unwrap().len(),
            "{id}"
        );
    }
}

#[test]
fn documentation_lists_exactly_the_existing_facts() {
    let guide = std::fs::read_to_string(root().join("docs/concepts/consent-and-facts.md")).unwrap();
    let table = guide.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let documented: BTreeSet<&str> = names.map(|name| name.split('.').next().unwrap()).collect();
    // The facts name a language only if it is not the default.
    let explained =
        ["0001", "0012"].map(|customer| succeeds(&sandbox().run(&["explain", "--customer", customer, "--json"])));
    let not_facts = ["customer", "catalogue", "catalogue_version", "assessment", "reference"];
    let names = explained.iter().flat_map(|one| one.as_object().unwrap().keys()).map(String::as_str);
    let facts: BTreeSet<&str> = names.filter(|name| !not_facts.contains(name)).collect();
    assert_eq!(documented, facts);
}

#[test]
fn sentiment_prints_json_for_any_text() {
    let sandbox = sandbox();
    let mut texts = vec![
        "I love my new card, wonderful rewards points!".to_owned(),
        String::new(),
        "😢😢😢".to_owned(),
        "明日は晴れるでしょう".to_owned(),
        "awful fees ".repeat(20_000),
    ];
    texts.resize(10_000, "What a wonderful vacation".to_owned());
    let mut child = sandbox.command(&["sentiment", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all((texts.join("\n") + "\n").as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let lines: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 10_000);
    let reading = |at: usize| (lines[at]["sentiment"].as_str().unwrap(), lines[at]["topics"].clone());
    assert_eq!(reading(0), ("positive", json!(["card"])));
    assert_eq!(reading(1), ("neutral", json!([])));
    assert_eq!(reading(2).0, "negative");
    assert_eq!(reading(3), ("neutral", json!([])));
    assert_eq!(reading(4), ("negative", json!(["fees"])));
    assert_eq!((&lines[1]["compound"], &lines[9_999]["line"]), (&json!(0.0), &json!(10_000)));
}

#[test]
fn suppressed_customer_is_listed_and_skipped_until_removed() {
    let sandbox = sandbox();
    let suppress =
        |more: &[&str]| succeeds(&sandbox.run(&[&["suppress", "--customer", "0001", "--json"], more].concat()));
    assert_eq!(suppress(&["--reason", "asked on the telephone"])["changed"], true);
    assert_eq!(suppress(&[])["changed"], false, "a second suppression changes nothing");
    let list = succeeds(&sandbox.run(&["suppress", "--list", "--json"]));
    assert_eq!((list.as_array().unwrap().len(), &list[0]["reason"]), (1, &json!("asked on the telephone")));
    let file = std::fs::read_to_string(sandbox.artifacts().join("control/suppressions.csv")).unwrap();
    assert!(!file.contains("0001,") && file.lines().count() == 2, "{file}");

    assert_eq!(sandbox.run(&["run", "--customer", "0001", "--no-video"]).status.code(), Some(4));
    assert_eq!(suppress(&["--remove"])["changed"], true);
    assert_eq!(suppress(&["--remove"])["changed"], false);
    assert_eq!(succeeds(&sandbox.run(&["suppress", "--list", "--json"])), json!([]));
    assert_eq!(sandbox.run(&["suppress"]).status.code(), Some(2));
    let bad = sandbox.run(&["suppress", "--customer", "0001", "--reason", "=cmd|' /C calc'!A0"]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn hand_edited_list_keeps_its_columns_and_malformed_list_is_not_overwritten() {
    let sandbox = sandbox();
    let list = sandbox.artifacts().join("control/suppressions.csv");
    std::fs::create_dir_all(list.parent().unwrap()).unwrap();
    std::fs::write(&list, "reference\n").unwrap();
    // If there is a list but no keys, no keys are created, because the list's references would not match any customer.
    assert_eq!(sandbox.run(&["suppress", "--customer", "0001"]).status.code(), Some(2));
    std::fs::remove_file(&list).unwrap();
    succeeds(&sandbox.run(&["suppress", "--customer", "0002", "--json"]));
    let other = "f".repeat(32);
    std::fs::write(&list, format!("\u{feff}ticket,Reference\nT-1,{other}\n")).unwrap();
    let refused = sandbox.run(&["suppress", "--customer", "0001", "--json"]);
    assert!(format!("{refused:?}").contains("control/suppressions.csv: changed"), "{refused:?}");
    succeeds(&sandbox.run(&["control", "--accept", "--json"]));
    succeeds(&sandbox.run(&["suppress", "--customer", "0001", "--json"]));
    let text = std::fs::read_to_string(&list).unwrap();
    assert!(text.starts_with(&format!("ticket,Reference,reason,since\nT-1,{other},,\n")), "{text}");

    std::fs::write(&list, "Reference\nMaria\n").unwrap();
    assert_eq!(sandbox.run(&["suppress", "--customer", "0001"]).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&list).unwrap(), "Reference\nMaria\n");
}

#[test]
fn newer_answer_can_only_restrict_consent() {
    let sandbox = sandbox();
    let consent = |general: &str, posts: &str, on: &str| {
        let answers = ["consent", "--customer", "0001", "--general", general, "--posts", posts, "--on", on, "--json"];
        succeeds(&sandbox.run(&answers));
        succeeds(&sandbox.run(&["explain", "--customer", "0001", "--json"]))
    };
    let explained = consent("yes", "no", "2026-11-02");
    assert_eq!(explained["mood"], Value::Null);
    assert_eq!(explained["consent"]["control"]["answers"][1]["as_of"], "2026-11-02");
    assert_eq!(consent("no", "no", "2026-11-03")["skip"]["reason"], "no-consent");
    assert_eq!(consent("yes", "yes", "2026-11-03")["skip"]["reason"], "no-consent", "on the same day, a refusal wins");
    assert!(consent("yes", "yes", "2026-11-04")["mood"].is_object());
    assert!(consent("yes", "yes", "2026-11-04")["mood"].is_object(), "an identical answer is recorded only once");
    let file = std::fs::read_to_string(sandbox.artifacts().join("control/consents.csv")).unwrap();
    assert_eq!(file.lines().count(), 5, "every answer stays on record: {file}");

    let future = ["consent", "--customer", "0001", "--general", "yes", "--posts", "yes", "--on", "2062-11-24"];
    assert_eq!(sandbox.run(&future).status.code(), Some(2), "a future answer would hide every answer until then");
}

#[test]
fn catalogue_check_lists_problems_by_product_and_field() {
    let sandbox = sandbox();
    let sample = root().join("data/catalogue.json");
    let sample = sample.to_str().unwrap();
    let explained = succeeds(&sandbox.run(&["catalogue", "check", sample, "--json"]));
    assert_eq!((&explained["usable"], &explained["products"]), (&json!(true), &json!(23)));

    let mut catalogue: Value = serde_json::from_slice(&std::fs::read(sample).unwrap()).unwrap();
    catalogue["products"][0]["kind"] = "bond".into();
    catalogue["products"][4]["needs"] = json!([]);
    let file = sandbox.path().join("broken.json");
    std::fs::write(&file, catalogue.to_string()).unwrap();
    let output = sandbox.run(&["catalogue", "check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("product everyday-checking: kind: unknown variant `bond`")
    );

    catalogue["products"][0]["kind"] = "deposit".into();
    std::fs::write(&file, catalogue.to_string()).unwrap();
    let explained = report(&sandbox.run(&["catalogue", "check", file.to_str().unwrap(), "--json"]));
    let expected =
        json!([{ "product": "travel-rewards-card", "field": "needs", "reason": "must name at least one need" }]);
    assert_eq!(explained["problems"], expected);
}

/// Among ten thousand customers, all women and no men hold a membership. The bank's catalog ignores the membership. The
/// biased catalog excludes its holders from an offer, which is discrimination by sex in disguise.
#[test]
fn disparity_finds_a_planted_bias() {
    let sandbox = sandbox();
    let data = sandbox.path().join("ten-thousand");
    let mut rows = rows(10_000, 60_000, 5);
    for profile in rows.profiles.iter_mut().filter(|profile| profile.gender == "female") {
        profile.products_held += "; alumnae-membership";
    }
    write_rows(&data, &rows).unwrap();
    let own = root().join("data/catalogue.json");
    let mut biased: Value = serde_json::from_slice(&std::fs::read(&own).unwrap()).unwrap();
    let products = biased["products"].as_array_mut().unwrap();
    let card = products.iter_mut().find(|product| product["id"] == "cash-back-card").unwrap();
    card["eligibility"]["holds_none"] = json!(["alumnae-membership"]);
    products.push(json!({
        "id": "alumnae-membership", "name": "Alumnae Membership", "kind": "service", "category": "Commercial Banking",
        "summary": "Alumnae Membership is a club.", "approved_claims": [], "disclosures": [], "needs": ["rewards"],
    }));
    let file = sandbox.path().join("biased.json");
    std::fs::write(&file, biased.to_string()).unwrap();

    let disparity = |catalogue: &str| {
        let lexicon = root().join("data/lexicon.toml");
        let asked = ["disparity", data.to_str().unwrap(), "--catalogue", catalogue, "--json", "--lexicon"];
        succeeds(&sandbox.run(&[&asked[..], &[lexicon.to_str().unwrap()]].concat()))
    };
    let found = |report: &Value| -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or("any offer").to_owned();
        let mut found = Vec::new();
        for attribute in report["attributes"].as_array().unwrap() {
            for selection in attribute["selections"].as_array().unwrap() {
                let rates = selection["rates"].as_array().unwrap().iter();
                for rate in rates.filter(|rate| rate["verdict"] == "below-four-fifths") {
                    found.push((text(&attribute["name"]), text(&selection["offer"]), text(&rate["group"])));
                }
            }
        }
        found
    };
    let fair = disparity(own.to_str().unwrap());
    assert_eq!(fair["customers"], 10_000);
    assert_eq!(found(&fair), [], "{fair}");
    let names: Vec<&str> = fair["attributes"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["age", "gender", "marital_status", "zip_code"]);

    let biased = disparity(file.to_str().unwrap());
    let expected = ["gender", "cash-back-card", "female"].map(str::to_owned);
    assert!(found(&biased).contains(&expected.into()), "{:?}", found(&biased));
    assert!(found(&biased).iter().all(|(attribute, ..)| attribute == "gender"), "{:?}", found(&biased));
    assert!(!sandbox.artifacts().exists() && !sandbox.key_file().exists(), "the report writes no file");
}

/// A profile whose only protected column has a name that Bespoke does not know.
#[test]
fn disparity_names_columns_that_look_protected_and_compares_them_on_request() {
    let sandbox = sandbox();
    std::fs::write(sandbox.path().join("bespoke.toml"), "[intake]\nallow_unprotected = true\n").unwrap();
    let data = sandbox.path().join("bank");
    std::fs::create_dir(&data).unwrap();
    let mut profile = "customer_id,first_name,income,account_balance,products_held,DOB\n".to_owned();
    let mut payments =
        "customer_id,date,category,merchant,transaction_amount,consent,consent_social_media\n".to_owned();
    for number in 0..100 {
        let year = if number % 2 == 0 { 1950 } else { 1990 };
        writeln!(profile, "{number:04},Ann,52000,4100,everyday-checking,{year}-03-01").unwrap();
        writeln!(payments, "{number:04},2026-11-02,Travel,Airline,250.00,yes,no").unwrap();
    }
    let files = [
        ("customer_profile.xlsx", profile),
        ("customer_transactions.xlsx", payments),
        ("twitter_data.xlsx", "customer_id,tweet\n0001,Hello\n".to_owned()),
    ];
    for (name, content) in files {
        std::fs::write(data.join(name), content).unwrap();
    }
    for file in ["catalogue.json", "lexicon.toml"] {
        std::fs::copy(root().join("data").join(file), data.join(file)).unwrap();
    }
    let asked = ["disparity", data.to_str().unwrap()];
    let output = sandbox.run(&asked);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for part in ["Nothing was compared", "\"DOB\" looks like date_of_birth", "voluntary since July 2026"] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(part), "{part}: {text}");
    }
    assert!(!text.contains("four fifths of the highest"), "{text}");
    let report = succeeds(&sandbox.run(&[&asked[..], &["--json"]].concat()));
    assert_eq!(report["nothing_compared"], true);
    assert_eq!(report["lookalikes"], json!([{ "header": "DOB", "looks_like": "date_of_birth" }]));

    let named = succeeds(&sandbox.run(&[&asked[..], &["--column", "date_of_birth=DOB", "--json"]].concat()));
    assert_eq!((&named["nothing_compared"], &named["lookalikes"]), (&json!(false), &json!([])));
    assert_eq!(named["attributes"][0]["groups"], json!({ "25 to 39": 50, "62 and over": 50 }));
    let rates = named["attributes"][0]["selections"][0]["rates"].as_array().unwrap();
    assert!(rates.iter().all(|rate| rate["rest"]["ratio"] == 1.0), "{rates:?}");
    assert_eq!(sandbox.run(&["disparity", "--column", "shoe_size=DOB"]).status.code(), Some(2));
}
