//! The phrasebook of the sample bank is sound and approved.

use contracts::catalogue::Catalogue;
use phrases::{Phrasebook, check};

#[test]
fn sample_book_is_sound() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let read = |path: &str| std::fs::read_to_string(data.join(path)).unwrap();
    let book = Phrasebook::parse(&read("phrases/en.toml"), &read("phrases/en.approvals.csv")).unwrap();
    let catalogue = Catalogue::from_json(read("catalogue.json").as_bytes()).unwrap();
    let findings: Vec<String> =
        check::check(&book, &catalogue, |_, _, _| Vec::new()).iter().map(ToString::to_string).collect();
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(book.live().count(), book.lines().len());
}
