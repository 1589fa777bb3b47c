//! Tests of the catalog.

use jiff::civil::date;

use super::*;

const SAMPLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/catalogue.json"));

fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut whole: Value = serde_json::from_str(SAMPLE).unwrap();
    change(&mut whole);
    match Catalogue::from_json(whole.to_string().as_bytes()).unwrap_err() {
        CatalogueError::Problems(problems) => problems.iter().map(CatalogueProblem::to_string).collect(),
        CatalogueError::Json(error) => panic!("{error}"),
    }
}

type Change = fn(&mut Value);

#[test]
fn every_type_error_is_reported_by_product_and_field() {
    let said = problems(|whole| {
        whole["products"][0]["kind"] = "bond".into();
        whole["products"][1]["eligibility"] = serde_json::json!({ "min_income": "rich" });
        whole["products"][2].as_object_mut().unwrap().remove("summary");
        whole["products"][3]["colour"] = "blue".into();
        whole["version"] = 3.into();
    });
    let expected = [
        "product everyday-checking: kind: unknown variant `bond`",
        "product high-yield-savings: eligibility.min_income: unknown variant `rich`",
        "product certificate-of-deposit: missing field `summary`",
        "product business-checking: colour: unknown field `colour`",
        "version: invalid type: integer `3`, expected a string",
    ];
    assert_eq!(said.len(), expected.len(), "{said:?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn every_broken_rule_is_reported_by_product_and_field() {
    let rules: [(Change, &str); 13] = [
        (
            |p| p["headline"] = "one two three four five six".into(),
            "product everyday-checking: headline: has 6 words, must have at most 5",
        ),
        (|p| p["art"] = "../logo".into(), "product everyday-checking: art: must consist of"),
        (
            |p| p["short_claims"] = serde_json::json!(["one"]),
            "product everyday-checking: short_claims: must have one entry for each of the 3 approved claims",
        ),
        (
            |p| p["figure"] = serde_json::json!({ "value": "4.10%", "label": "APY", "terms": "Variable." }),
            "product everyday-checking: figure: 4.10 is not in rates_and_terms",
        ),
        (
            |p| p["figure"] = serde_json::json!({ "value": "$25", "label": "to open", "terms": " " }),
            "product everyday-checking: figure: must not be empty",
        ),
        (|p| p["id"] = "high-yield-savings".into(), "product high-yield-savings: id: is used twice"),
        (|p| p["name"] = "meridian high-yield savings".into(), "product high-yield-savings: name: another product"),
        (|p| p["summary"] = " ".into(), "product everyday-checking: summary: must not be empty"),
        (|p| p["approved_claims"][0] = "a\nb".into(), "product everyday-checking: approved_claims: must be plain"),
        (|p| p["needs"] = serde_json::json!([]), "product everyday-checking: needs: must name at least one"),
        (
            |p| p["eligibility"]["holds_any"] = serde_json::json!(["gone"]),
            "product everyday-checking: eligibility.holds_any: gone is not a product",
        ),
        (
            |p| p["eligibility"]["holds_any"] = serde_json::json!(["private-banking"]),
            "product everyday-checking: eligibility.holds_any: private-banking is in holds_none too",
        ),
        (
            |p| (p["valid_from"], p["valid_until"]) = ("2026-11-02".into(), "2026-11-01".into()),
            "product everyday-checking: valid_until: 2026-11-01 is before valid_from, 2026-11-02",
        ),
    ];
    for (change, expected) in rules {
        let said = problems(|whole| change(&mut whole["products"][0]));
        assert!(said.iter().any(|said| said.starts_with(expected)), "{expected}: {said:?}");
    }
    assert_eq!(
        problems(|whole| whole["products"] = Value::Array(Vec::new())),
        ["products: must name at least one product"]
    );
}

#[test]
fn json_error_names_the_line() {
    let error = Catalogue::from_json(b"{\n  nonsense").unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn product_is_offered_from_first_to_last_day() {
    let mut product = Catalogue::from_json(SAMPLE.as_bytes()).unwrap().products()[0].clone();
    assert!(product.is_valid_on(date(1999, 1, 1)));
    (product.valid_from, product.valid_until) = (Some(date(2026, 11, 2)), Some(date(2026, 11, 30)));
    let days = [date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 30), date(2026, 12, 1)];
    assert_eq!(days.map(|day| product.is_valid_on(day)), [false, true, true, false]);
}

#[test]
fn picture_is_derived_from_required_fields() {
    let mut product = Catalogue::from_json(SAMPLE.as_bytes()).unwrap().products()[0].clone();
    (product.customer_name, product.headline, product.art, product.figure) = (None, None, None, None);
    product.short_claims.clear();
    let picture = product.picture("Meridian Bank");
    assert_eq!((&*picture.customer_name, &*picture.headline), ("Everyday Checking", "Everyday Checking"));
    assert_eq!((&*picture.art, picture.figure, picture.claims), ("account", None, product.approved_claims.clone()));
    assert_eq!(product.picture("Harbor").customer_name, "Meridian Everyday Checking");
}

/// Returns the names that serde lists in its message about an unknown name.
fn expected(change: impl FnOnce(&mut Value)) -> BTreeSet<String> {
    let said = problems(change).remove(0);
    let (_, list) = said.split_once("expected").unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn committed_schema_matches_the_types() {
    let schema: Value =
        serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/catalogue.schema.json")))
            .unwrap();
    let fields = |at: &Value| at["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let values = |name: &str| {
        let all = schema["$defs"][name]["enum"].as_array().unwrap().iter();
        all.map(|value| value.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let product = &schema["$defs"]["product"];
    assert_eq!(fields(&schema), expected(|whole| whole["bogus"] = 1.into()));
    assert_eq!(fields(product), expected(|whole| whole["products"][0]["bogus"] = 1.into()));
    let bogus = serde_json::json!({ "es": { "bogus": 1 } });
    assert_eq!(fields(&schema["$defs"]["translation"]), expected(|whole| whole["products"][0]["translations"] = bogus));
    assert_eq!(
        fields(&schema["$defs"]["eligibility"]),
        expected(|whole| whole["products"][0]["eligibility"]["bogus"] = 1.into())
    );
    assert_eq!(
        fields(&schema["$defs"]["figure"]),
        expected(|whole| whole["products"][0]["figure"] = serde_json::json!({ "bogus": 1 }))
    );
    let lists: [(&str, Change); 8] = [
        ("language", |p| p["translations"] = serde_json::json!({ "bogus": {} })),
        ("category", |p| p["category"] = "bogus".into()),
        ("kind", |p| p["kind"] = "bogus".into()),
        ("need", |p| p["needs"][0] = "bogus".into()),
        ("spending", |p| p["spending"] = serde_json::json!(["bogus"])),
        ("topic", |p| p["topics"] = serde_json::json!(["bogus"])),
        ("band", |p| p["eligibility"]["min_income"] = "bogus".into()),
        ("tenure", |p| p["eligibility"]["min_tenure"] = "bogus".into()),
    ];
    for (name, bogus) in lists {
        assert_eq!(values(name), expected(|whole| bogus(&mut whole["products"][0])), "{name}");
    }
    for required in product["required"].as_array().unwrap() {
        let name = required.as_str().unwrap();
        let said = problems(|whole| {
            whole["products"][0].as_object_mut().unwrap().remove(name);
        });
        assert!(said[0].contains(&format!("missing field `{name}`")), "{said:?}");
    }
}

#[test]
fn catalogue_in_another_language_says_the_banks_own_translations() {
    let catalogue = Catalogue::from_json(SAMPLE.as_bytes()).unwrap();
    let spanish = catalogue.in_language(Language::Spanish);
    assert_eq!(spanish.digest(), catalogue.digest(), "one digest covers all languages");
    for (own, translated) in catalogue.products().iter().zip(spanish.products()) {
        assert!(catalogue.has_texts_in(own, Language::Spanish));
        assert_eq!((&own.id, own.kind, &own.needs), (&translated.id, translated.kind, &translated.needs));
        assert_ne!(own.summary, translated.summary);
    }
    let json = catalogue.to_json().to_string();
    assert_eq!(Catalogue::from_json(json.as_bytes()).unwrap(), catalogue, "translations survive a round trip");
    let changed = SAMPLE.replace("Cuenta Diaria", "Cuenta de Siempre");
    assert_ne!(Catalogue::from_json(changed.as_bytes()).unwrap().digest(), catalogue.digest());
}

#[test]
fn product_without_a_translation_has_no_texts_in_that_language() {
    let mut whole: Value = serde_json::from_str(SAMPLE).unwrap();
    whole["products"][0].as_object_mut().unwrap().remove("translations");
    let catalogue = Catalogue::from_json(whole.to_string().as_bytes()).unwrap();
    let [first, second, ..] = catalogue.products() else { panic!("the sample has products") };
    assert!(!catalogue.has_texts_in(first, Language::Spanish) && catalogue.has_texts_in(second, Language::Spanish));
    assert!(catalogue.has_texts_in(first, Language::English));
}

/// A translation with another number would promise another rate.
#[test]
fn translation_has_the_same_numbers_and_as_many_texts() {
    let es = "/products/1/translations/es";
    let change = |path: &str, value: Value| {
        problems(|whole| *whole.pointer_mut(&format!("{es}/{path}")).unwrap() = value).join("; ")
    };
    for (path, value, expected) in [
        ("figure/value", Value::from("3.65%"), "translations.es.figure: must have the same numbers"),
        (
            "rates_and_terms/0",
            Value::from("3.60% de APY."),
            "translations.es.rates_and_terms: must have the same numbers",
        ),
        ("approved_claims", serde_json::json!(["Una."]), "translations.es.approved_claims: must have 2 entries"),
        (
            "approved_claims/1",
            Value::from("Gane 5% más."),
            "translations.es.approved_claims: must have the same numbers",
        ),
        ("figure", Value::Null, "translations.es.figure: must be there"),
        ("headline", Value::from("una dos tres cuatro cinco seis"), "translations.es.headline: has 6 words"),
        ("summary", Value::from(" "), "translations.es.summary: must not be empty"),
    ] {
        let said = change(path, value);
        assert!(said.contains(expected), "{path}: {said}");
    }
    let comma = |whole: &mut Value| {
        let figure = whole.pointer_mut(&format!("{es}/figure/value")).unwrap();
        *figure = "3,60 %".into();
        let terms = whole.pointer_mut(&format!("{es}/rates_and_terms/0")).unwrap();
        *terms = terms.as_str().unwrap().replace("3.60%", "3,60 %").replace("$0.01", "$0,01").into();
        let terms = whole.pointer_mut(&format!("{es}/figure/terms")).unwrap();
        *terms = terms.as_str().unwrap().replace("$0.01", "$0,01").into();
    };
    let mut whole: Value = serde_json::from_str(SAMPLE).unwrap();
    comma(&mut whole);
    Catalogue::from_json(whole.to_string().as_bytes()).unwrap();
    let own = problems(|whole| {
        let texts = whole["products"][0]["translations"]["es"].clone();
        whole["products"][0]["translations"]["en"] = texts;
    });
    assert!(own.join("; ").contains("translations.en: repeats the language of the catalog"), "{own:?}");
}
