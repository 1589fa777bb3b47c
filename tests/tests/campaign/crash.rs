//! Tests a campaign that is killed three times at random moments and continued each time.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use bespoke::sample::write_sample;
use bespoke_tests::{Sandbox, report, root};
use rand::Rng as _;
use serde_json::Value;

use super::{ends, model::Model, sandbox};

/// Returns the number of customers. `make crash-test` uses more than `make test`.
fn customers() -> usize {
    std::env::var("CRASH_CUSTOMERS").map_or(8, |text| text.parse().unwrap())
}

/// The maximum number of customers in progress per core.
const IN_PROGRESS: usize = 4;

/// Runs the campaign and kills it after this many lines on standard error. Returns whether it ended before that.
fn run_and_kill(sandbox: &Sandbox, data: &std::path::Path, lines: usize) -> bool {
    let mut command = sandbox.command(&["campaign", "--rate", "220", "-vv"]);
    command.env("BESPOKE_DATA", data).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let read = BufReader::new(child.stderr.take().unwrap()).lines().take(lines).count();
    // SIGKILL: the process cannot clean up.
    child.kill().unwrap();
    child.wait().unwrap();
    read < lines
}

/// Returns the customers with a file of this name.
fn customers_with(sandbox: &Sandbox, name: &str) -> BTreeSet<String> {
    let files = sandbox.files().into_iter().filter(|path| path.ends_with(name));
    files.map(|path| path.iter().rev().nth(2).unwrap().to_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_campaign_ends_with_one_outcome_per_customer() {
    let model = Model::start().await;
    let sandbox = sandbox(&model.settings());
    let data = sandbox.path().join("data");
    write_sample(&data, customers(), 0, 1).unwrap();
    for file in ["catalogue.json", "lexicon.toml"] {
        std::fs::copy(root().join("data").join(file), data.join(file)).unwrap();
    }

    // The number of scripts and of model calls after each attempt.
    let mut written = vec![BTreeSet::new()];
    let mut calls_made = vec![0];
    for attempt in 1..=3 {
        let lines = rand::rng().random_range(3..=customers() * 3);
        let ended = tokio::task::block_in_place(|| run_and_kill(&sandbox, &data, lines));
        println!("attempt {attempt}: killed after {lines} lines, ended before: {ended}");
        written.push(customers_with(&sandbox, "script.json"));
        calls_made.push(model.calls());
    }
    let last =
        || sandbox.command(&["campaign", "--rate", "220", "--json"]).env("BESPOKE_DATA", &data).output().unwrap();
    let report_of_run = ends(&tokio::task::block_in_place(last), 0);
    written.push(customers_with(&sandbox, "script.json"));
    calls_made.push(model.calls());

    // Each customer has one outcome.
    let run = report_of_run["run"].as_str().unwrap();
    let manifest = std::fs::read(sandbox.artifacts().join(format!("runs/{run}/manifest.json"))).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let entries = manifest["entries"].as_array().unwrap();
    let references: BTreeSet<&str> = entries.iter().map(|entry| entry["reference"].as_str().unwrap()).collect();
    assert_eq!((entries.len(), references.len()), (customers(), customers()));
    assert_eq!(customers_with(&sandbox, "evidence.json").len(), customers());
    assert!(customers_with(&sandbox, "failure.json").is_empty());
    let published = manifest["counts"]["published"].as_u64().unwrap();
    assert_eq!(report_of_run["counts"]["published"], published);
    assert_eq!(customers_with(&sandbox, "recommendation.mp4").len() as u64, published);
    assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());

    // A script that exists is not written again. So the number of calls is the number of scripts by the model, plus at most
    // the calls that were in progress when the process was killed.
    let by_model = |reference: &str| {
        let at = sandbox.artifacts().join(format!("customers/{reference}/{run}/evidence.json"));
        let record: Value = serde_json::from_slice(&std::fs::read(at).unwrap()).unwrap();
        record["made_by"]["writer"] == "counting"
    };
    let texts: Vec<usize> = written
        .windows(2)
        .map(|pair| pair[1].difference(&pair[0]).filter(|reference| by_model(reference)).count())
        .collect();
    let calls: Vec<usize> = calls_made.windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("scripts by the model in each attempt: {texts:?}, calls: {calls:?}");
    let cores = std::thread::available_parallelism().unwrap().get();
    for (texts, calls) in texts[..3].iter().zip(&calls) {
        assert!(calls >= texts && calls - texts <= cores * IN_PROGRESS, "{calls} calls for {texts} scripts");
    }
    assert_eq!(texts[3], calls[3], "the last attempt makes one call per missing script");
    // The report counts the cost of every text that was published.
    let paid = report_of_run["spent_usd"].as_f64().unwrap();
    let kept: usize = texts.iter().sum();
    assert!((paid - 0.0003 * kept as f64).abs() < 1e-6, "{paid} for {kept} texts");

    let verified = sandbox.run(&["verify", run, "--json"]);
    assert_eq!(report(&verified)["findings"], Value::Array(Vec::new()));
    assert_eq!(verified.status.code(), Some(0));
}
