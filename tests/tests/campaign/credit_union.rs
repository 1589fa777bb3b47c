//! A second institution, a credit union, goes through the whole demo under its own rules.

use std::path::Path;

use bespoke_tests::{report, root};

use super::{ends, sandbox};

fn copy(from: &Path, to: &Path, edit: impl Fn(String) -> String) {
    std::fs::write(to, edit(std::fs::read_to_string(from).unwrap())).unwrap();
}

#[test]
fn demo_works_for_a_credit_union() {
    let sandbox = sandbox("");
    let (data, assets) = (sandbox.path().join("data"), sandbox.path().join("assets"));
    std::fs::create_dir_all(data.join("phrases")).unwrap();
    std::fs::create_dir_all(&assets).unwrap();
    let from = root().join("data");
    for file in ["customer_profile.xlsx", "customer_transactions.xlsx", "twitter_data.xlsx", "lexicon.toml"] {
        std::fs::copy(from.join(file), data.join(file)).unwrap();
    }
    for file in ["phrases/en.toml", "phrases/en.approvals.csv"] {
        std::fs::copy(from.join(file), data.join(file)).unwrap();
    }
    let as_union = |text: String| {
        let text = text.replace("Meridian Bank", "Harbor Credit Union").replace("Meridian", "Harbor");
        text.replace("Member FDIC", "Federally insured by NCUA")
    };
    copy(&from.join("catalogue.json"), &data.join("catalogue.json"), as_union);
    for entry in std::fs::read_dir(root().join("assets")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "brand.toml" {
            std::os::unix::fs::symlink(entry.path(), assets.join(entry.file_name())).unwrap();
        }
    }
    let brand = |text: String| as_union(text).replace("\"us-bank\"", "\"us-credit-union\"");
    copy(&root().join("assets/brand.toml"), &assets.join("brand.toml"), brand);

    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.env("BESPOKE_DATA", &data).env("BESPOKE_ASSETS", &assets).output().unwrap()
    };
    let catalogue = data.join("catalogue.json");
    let institution = ["--institution", "us-credit-union", "--by", "Rita"];
    let approved = run(&[&["catalogue", "approve", catalogue.to_str().unwrap()], &institution[..]].concat());
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
    let output = run(&["demo", "--videos", "1", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let id = report(&output)["run"].as_str().unwrap().to_owned();
    ends(&run(&["verify", &id, "--json"]), 0);
    let texts = sandbox.files().into_iter().filter(|path| path.ends_with("recommendation.txt"));
    let texts: Vec<String> = texts.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(texts.iter().any(|text| text.contains("Federally insured by NCUA")));
    assert!(texts.iter().all(|text| text.contains("Harbor Credit Union") && !text.contains("Member FDIC")));

    let catalogue = data.join("catalogue.json");
    let check =
        |name: &str| run(&["catalogue", "check", catalogue.to_str().unwrap(), "--institution", name]).status.code();
    assert_eq!((check("us-credit-union"), check("us-bank")), (Some(0), Some(2)));
}
