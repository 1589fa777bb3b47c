//! Tests that the sample bank's phrasebook is valid and approved.

use contracts::catalogue::Catalogue;
use contracts::{ErrorName, Language, NamedError as _};
use phrases::{Phrasebook, Phrasebooks, check};

#[test]
fn sample_phrasebook_has_no_problems() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let read = |path: &str| std::fs::read_to_string(data.join(path)).unwrap();
    let book = Phrasebook::parse(&read("phrases/en.toml"), &read("phrases/en.approvals.csv")).unwrap();
    let catalogue = Catalogue::from_json(read("catalogue.json").as_bytes()).unwrap();
    let findings: Vec<String> =
        check::check(&book, &catalogue, |_, _, _| Vec::new()).iter().map(ToString::to_string).collect();
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(book.live().count(), book.lines().len());
}

#[test]
fn packaged_phrasebook_is_refused_for_another_catalogue() {
    let sample = include_str!("../../../data/catalogue.json");
    let catalogue = |text: &str| Catalogue::from_json(text.as_bytes()).unwrap();
    assert!(Phrasebooks::packaged_for(&catalogue(sample), Language::English).is_ok());
    let error = Phrasebooks::packaged_for(
        &catalogue(&sample.replace("Everyday Checking", "Daily Checking")),
        Language::English,
    )
    .unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigInvalid);
    assert!(error.help().unwrap().contains("the bank's own phrasebook"));
}
