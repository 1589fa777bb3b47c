//! Tests that only one module writes tables, so that no cell can become a formula.

use bespoke_tests::root;
use bespoke_tests::source::code;

#[test]
fn only_one_module_writes_tables() {
    let mut folders = vec![root().join("crates"), root().join("functions")];
    let mut writers = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() && !["tests", "examples", "target", "fuzz"].contains(&name.as_str()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && name != "tests.rs"
                && code(&std::fs::read_to_string(&path).expect("readable")).contains("csv::Writer")
            {
                writers.push(path.strip_prefix(root()).expect("below the root").display().to_string());
            }
        }
    }
    assert_eq!(writers, ["crates/contracts/src/table.rs"]);
}
