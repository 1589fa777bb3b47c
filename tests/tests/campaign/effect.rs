//! Tests of a campaign with a control group, and of the commands that measure it.

use std::collections::BTreeSet;
use std::path::Path;

use bespoke::sample::{rows, write_rows};
use bespoke_tests::{Sandbox, root};
use serde_json::Value;

use super::{ends, sandbox};

const SETTINGS: &str = "[effect]\nenabled = true\ncampaign = \"spring\"\nholdout = 0.5\nwindow_days = 30\n\
    tones = [\"warm\", \"formal\"]\n[delivery]\nlink_base = \"https://bank.example/l\"\n";

/// The number of customers in the workbooks.
const CUSTOMERS: usize = 48;

/// A campaign that has ended.
struct Campaign {
    sandbox: Sandbox,
    data: String,
    run: String,
    manifest: Value,
}

impl Campaign {
    fn run() -> Self {
        let sandbox = sandbox(SETTINGS);
        let data = sandbox.path().join("bank");
        write_rows(&data, &rows(CUSTOMERS, 100 * CUSTOMERS, 7)).unwrap();
        for file in ["catalogue.json", "lexicon.toml"] {
            std::fs::copy(root().join("data").join(file), data.join(file)).unwrap();
        }
        let data = data.to_str().unwrap().to_owned();
        let finished = ends(&sandbox.run(&["campaign", &data, "--no-video", "--json"]), 0);
        let run = finished["run"].as_str().unwrap().to_owned();
        let manifest = std::fs::read(sandbox.artifacts().join("runs").join(&run).join("manifest.json")).unwrap();
        let manifest = serde_json::from_slice(&manifest).unwrap();
        Self { sandbox, data, run, manifest }
    }

    /// Returns the references of the customers with an outcome.
    fn customers(&self, outcome: &str) -> BTreeSet<String> {
        let entries = self.manifest["entries"].as_array().unwrap().iter();
        let with_outcome = entries.filter(|entry| entry["outcome"] == outcome);
        with_outcome.map(|entry| entry["reference"].as_str().unwrap().to_owned()).collect()
    }

    fn files(&self, reference: &str) -> BTreeSet<String> {
        names(&self.sandbox.artifacts().join("customers").join(reference).join(&self.run))
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn control_group_is_ranked_and_recorded_and_gets_nothing() {
    let campaign = Campaign::run();
    let Campaign { sandbox, data, run, .. } = &campaign;
    let held_out = campaign.customers("held-out");
    let published = campaign.customers("published");
    assert!(held_out.len() >= 5 && published.len() >= 5, "{} and {}", held_out.len(), published.len());
    for reference in &held_out {
        assert_eq!(campaign.files(reference), BTreeSet::from(["evidence.json".to_owned(), "facts.json".to_owned()]));
    }
    ends(&sandbox.run(&["verify", run, "--json"]), 0);
    let forecast = ends(&sandbox.run(&["campaign", data, "--dry-run", "--no-video", "--json"]), 0);
    assert_eq!(forecast["run"], run.as_str(), "the plan is part of the request");
    assert_eq!(forecast["skipped_because"]["the customer is in the control group"], held_out.len());

    let out = sandbox.path().join("export");
    ends(&sandbox.run(&["export", run, "--out", out.to_str().unwrap(), "--json"]), 0);
    let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(out.join(format!("{run}.json"))).unwrap()).unwrap();
    for row in rows {
        let is_published = published.contains(row["reference"].as_str().unwrap());
        assert_eq!(row["link"] != "", is_published, "{row}");
        assert_eq!(row["outcome"] == "held-out", held_out.contains(row["reference"].as_str().unwrap()), "{row}");
    }
}

#[test]
fn effect_is_measured_without_peeking() {
    let campaign = Campaign::run();
    let Campaign { sandbox, data, run, .. } = &campaign;
    let table = sandbox.path().join("adoptions.csv");
    let file = table.to_str().unwrap();
    let import = |rows: &str| {
        std::fs::write(&table, format!("customer,product,date\n{rows}")).unwrap();
        sandbox.run(&["effect", "import", file, "--data", data, "--json"])
    };
    let refused = import("0001,rocket,2026-11-05\n");
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("error[Input.BadRow]") && stderr.contains("row 2: the product"), "{stderr}");
    let id = rows(CUSTOMERS, 100 * CUSTOMERS, 7).profiles[0].customer_id.clone();
    let imported = ends(&import(&format!("{id},cash-back-card,2026-11-05\nstranger,cash-back-card,2026-11-05\n")), 0);
    assert_eq!((&imported["added"], &imported["others"]), (&1.into(), &1.into()));

    let page = sandbox.path().join("effect.html");
    let report = ends(&sandbox.run(&["effect", run, "--html", page.to_str().unwrap(), "--json"]), 0);
    assert_eq!((&report["is_over"], &report["measurement"]), (&false.into(), &Value::Null));
    assert_eq!(report["held_out"], campaign.customers("held-out").len());
    assert!(report["reading"].as_str().unwrap().contains("shows no uplift and no significance"));
    assert!(std::fs::read_to_string(page).unwrap().contains("It has not ended."));
    let text = sandbox.run(&["effect", run]);
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("not over yet") && !text.contains("95 %"), "{text}");

    let alone = ends(&sandbox.run(&["run", "--customer", &id, "--data", data, "--no-video", "--json"]), 0);
    let no_plan = sandbox.run(&["effect", alone["run"].as_str().unwrap()]);
    assert_eq!(no_plan.status.code(), Some(2), "a run for one customer has no control group");
}
