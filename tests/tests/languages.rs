//! Tests that each supported language is complete, and lists the files and fields that a third one would lack.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;

use bespoke_tests::{Sandbox, root};
use contracts::Language;
use serde_json::Value;

/// Returns everything that the program and the sample bank lack in a language: its tag, its English name in lower case,
/// and the file or field.
fn missing(tag: &str, name: &str) -> Vec<String> {
    let files = [
        format!("data/phrases/{tag}.toml"),
        format!("data/phrases/{tag}.approvals.csv"),
        format!("data/lexicons/posts.{tag}.toml"),
        format!("functions/narrate/src/reference.{tag}.txt"),
        format!("functions/narrate/src/spoken/{name}/mod.rs"),
        format!("functions/recommend/rules/{tag}"),
    ];
    let mut missing: Vec<String> = files.into_iter().filter(|file| !root().join(file).exists()).collect();
    let own = Language::default().tag();
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let catalogue: Value = serde_json::from_str(&read("data/catalogue.json")).unwrap();
    for product in catalogue["products"].as_array().unwrap() {
        if tag != own && product["translations"].get(tag).is_none() {
            missing.push(format!("data/catalogue.json: {}: translations.{tag}", product["id"].as_str().unwrap()));
        }
    }
    if tag != own && !read("assets/brand.toml").contains(&format!("[translations.{tag}]")) {
        missing.push(format!("assets/brand.toml: translations.{tag}"));
    }
    if !Language::ALL.iter().any(|language| language.tag() == tag) {
        missing.push(format!("crates/contracts/src/language.rs: Language has no variant for {tag}"));
    }
    missing
}

#[test]
fn every_language_is_complete() {
    for language in Language::ALL {
        let name = language.name().to_lowercase();
        assert_eq!(missing(language.tag(), &name), Vec::<String>::new(), "{language}");
    }
}

/// The checklist for a third language names every kind of file that this test finds missing.
#[test]
fn third_language_lacks_what_the_checklist_names() {
    let french = missing("fr", "french");
    let kinds = |file: &str| french.iter().filter(|missing| missing.starts_with(file)).count();
    assert_eq!(kinds("data/catalogue.json"), 23, "{french:?}");
    assert_eq!(french.len(), 23 + 8, "{french:?}");
    let checklist = std::fs::read_to_string(root().join("docs/guides/a-third-language.md")).unwrap();
    for gap in &french {
        let file = gap.split(": ").next().unwrap().replace(".fr.", ".LANGUAGE.").replace("fr.toml", "LANGUAGE.toml");
        let file = file.replace("/french/", "/NAME/").replace("rules/fr", "rules/LANGUAGE");
        let file = file.replace("phrases/fr.", "phrases/LANGUAGE.");
        assert!(checklist.contains(&file), "docs/guides/a-third-language.md does not name {file}");
    }
}

/// Returns the text for a sample customer.
fn text_for(sandbox: &Sandbox, id: &str) -> String {
    let output = sandbox.command(&["run", "--customer", id, "--no-video"]).output().unwrap();
    assert!(output.status.success(), "{id}: {}", String::from_utf8_lossy(&output.stderr));
    // The command ends with the paths of the results.
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let text = stdout
        .lines()
        .rev()
        .find(|line| Path::new(line).extension().is_some_and(|extension| extension == "txt"))
        .unwrap_or_else(|| panic!("{stdout}"));
    std::fs::read_to_string(sandbox.path().join(text.trim())).unwrap()
}

/// Everything that a customer who prefers Spanish reads is in Spanish: the approved lines, the bank's translations and the
/// program's own words.
#[test]
fn customer_who_prefers_spanish_reads_only_spanish() {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"));
    for (id, name) in [("0008", "Marisol"), ("0009", "Tomás"), ("0012", "Gabriela")] {
        let text = text_for(&sandbox, id);
        assert!(text.starts_with(&format!("Para {name}, de Meridian Bank")), "{id}: {text}");
        for said in ["Tenga en cuenta", "Acerca de este mensaje", "Redacción: frases aprobadas por el banco"] {
            assert!(text.contains(said), "{id}: {said}: {text}");
        }
        let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).collect();
        for english in ["the", "your", "you", "and", "with", "this", "rates", "Hello"] {
            assert!(!words.contains(&english), "{id}: {english}: {text}");
        }
    }
    let english = text_for(&sandbox, "0001");
    assert!(english.starts_with("For José, from Meridian Bank") && english.contains("Please note"), "{english}");
}

#[test]
fn explain_names_the_language_and_the_products_without_a_translation() {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"));
    let mut catalogue: Value =
        serde_json::from_str(&std::fs::read_to_string(root().join("data/catalogue.json")).unwrap()).unwrap();
    for product in catalogue["products"].as_array_mut().unwrap() {
        if product["id"] == "cash-back-card" {
            product.as_object_mut().unwrap().remove("translations");
        }
    }
    let file = sandbox.path().join("catalogue.json");
    std::fs::write(&file, catalogue.to_string()).unwrap();
    let phrases = sandbox.path().join("phrases");
    std::fs::create_dir_all(&phrases).unwrap();
    for name in ["en.toml", "en.approvals.csv", "es.toml", "es.approvals.csv"] {
        std::fs::copy(root().join("data/phrases").join(name), phrases.join(name)).unwrap();
    }
    let file = file.to_str().unwrap();
    let output = sandbox.command(&["explain", "--customer", "0012", "--catalogue", file]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("language        Spanish"), "{shown}");
    let excluded = "not offered in Spanish: the product has no `translations.es` entry in the catalog";
    assert_eq!(shown.matches(excluded).count(), 1, "{shown}");
    let (_, after) = shown.split_once("Meridian Cash Back Card").unwrap();
    assert!(after.split('✗').next().unwrap().contains(excluded) || after.contains(excluded), "{shown}");
}
