//! Tests that `data/phrases/phrases.schema.json` has the same fields and values as the parser.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use contracts::facts::{Need, SpendingCategory};
use phrases::Phrasebook;
use serde_json::Value;

const BOOK: &str = include_str!("../../../data/phrases/en.toml");
const SCHEMA: &str = include_str!("../../../data/phrases/phrases.schema.json");

/// Returns the names that the parser expects instead of `bogus`, as its error message lists them.
fn expected(book: &str) -> BTreeSet<String> {
    let message = Phrasebook::parse(book, "").unwrap_err().to_string();
    let (_, list) = message.split_once("expected").unwrap_or_else(|| panic!("{message}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn fields(definition: &Value) -> BTreeSet<String> {
    definition["properties"].as_object().unwrap().keys().cloned().collect()
}

fn values(definition: &Value) -> BTreeSet<String> {
    definition["enum"].as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[test]
fn schema_and_parser_have_the_same_fields() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert_eq!(fields(&schema), expected(&format!("bogus = 1\n{BOOK}")));
    for (kind, definition) in [
        ("opening", "opening"),
        ("reason", "reason"),
        ("link", "link"),
        ("closing", "closing"),
        ("service", "service"),
        ("service_opening", "plain"),
        ("service_closing", "plain"),
    ] {
        let bogus = BOOK.replacen(&format!("[[{kind}]]"), &format!("[[{kind}]]\nbogus = 1"), 1);
        assert_eq!(fields(&schema["$defs"][definition]), expected(&bogus), "{kind}");
    }
    let wishes = BOOK.replacen("[wishes]", "[wishes]\nbogus = 1", 1);
    assert_eq!(fields(&schema["$defs"]["wishes"]), expected(&wishes));
}

#[test]
fn schema_and_parser_have_the_same_values() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let tones = BOOK.replacen("tone = \"warm\"", "tone = \"bogus\"", 1);
    assert_eq!(values(&schema["$defs"]["tone"]), expected(&tones));
    let topics = BOOK.replacen("topic = \"hardship\"", "topic = \"bogus\"", 1);
    assert_eq!(values(&schema["$defs"]["topic"]), expected(&topics));
    let offers = BOOK.replacen("[[closing]]", "[[closing]]\noffers = \"bogus\"", 1);
    assert_eq!(values(&schema["$defs"]["offers"]), expected(&offers));
    let pattern = schema["$defs"]["ground"]["pattern"].as_str().unwrap();
    let list = |kind: &str| -> BTreeSet<String> {
        let (_, rest) = pattern.split_once(&format!("{kind}:(")).unwrap();
        rest.split(')').next().unwrap().split('|').map(str::to_owned).collect()
    };
    let name = |value: Value| value.as_str().unwrap().to_owned();
    let spending = SpendingCategory::ALL.iter().map(|category| name(serde_json::to_value(category).unwrap()));
    let needs = Need::ALL.iter().map(|need| name(serde_json::to_value(need).unwrap()));
    assert_eq!((list("spending"), list("need")), (spending.collect(), needs.collect()));
}
