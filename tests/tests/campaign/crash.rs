//! A campaign killed three times at random, and taken up again each time.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use bespoke::sample::write_sample;
use bespoke_tests::{Sandbox, report, root};
use rand::Rng as _;
use serde_json::Value;

use super::{ends, model::Model, sandbox};

/// How many customers: a few in `make test`, more with `make crash-test`.
fn customers() -> usize {
    std::env::var("CRASH_CUSTOMERS").map_or(8, |text| text.parse().unwrap())
}

/// How many customers are under way for each core at most.
const UNDER_WAY: usize = 4;

/// Runs the campaign until it has said so many lines, and kills it; true if it came to its end before.
fn run_and_kill(sandbox: &Sandbox, data: &std::path::Path, lines: usize) -> bool {
    let mut command = sandbox.command(&["campaign", "--rate", "220", "-vv"]);
    command.env("BESPOKE_DATA", data).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines().take(lines).count();
    // SIGKILL: nothing of it can tidy up.
    child.kill().unwrap();
    child.wait().unwrap();
    said < lines
}

/// The customers who have a file of this name.
fn who_has(sandbox: &Sandbox, name: &str) -> BTreeSet<String> {
    let files = sandbox.files().into_iter().filter(|path| path.ends_with(name));
    files.map(|path| path.iter().rev().nth(2).unwrap().to_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_killed_three_times_ends_with_one_outcome_each_and_no_text_is_asked_for_twice() {
    let model = Model::start().await;
    let sandbox = sandbox(&model.settings());
    let data = sandbox.path().join("data");
    write_sample(&data, customers(), 0, 1).unwrap();
    for file in ["catalogue.json", "lexicon.toml"] {
        std::fs::copy(root().join("data").join(file), data.join(file)).unwrap();
    }

    // What was written and asked for when each attempt ended.
    let (mut written, mut asked) = (vec![BTreeSet::new()], vec![0]);
    for attempt in 1..=3 {
        let lines = rand::rng().random_range(3..=customers() * 3);
        let ended = tokio::task::block_in_place(|| run_and_kill(&sandbox, &data, lines));
        println!("attempt {attempt}: killed after {lines} lines, ended before: {ended}");
        written.push(who_has(&sandbox, "script.json"));
        asked.push(model.calls());
    }
    let last =
        || sandbox.command(&["campaign", "--rate", "220", "--json"]).env("BESPOKE_DATA", &data).output().unwrap();
    let told = ends(&tokio::task::block_in_place(last), 0);
    written.push(who_has(&sandbox, "script.json"));
    asked.push(model.calls());

    // One outcome each.
    let run = told["run"].as_str().unwrap();
    let manifest = std::fs::read(sandbox.artifacts().join(format!("runs/{run}/manifest.json"))).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let entries = manifest["entries"].as_array().unwrap();
    let whom: BTreeSet<&str> = entries.iter().map(|entry| entry["reference"].as_str().unwrap()).collect();
    assert_eq!((entries.len(), whom.len()), (customers(), customers()));
    assert_eq!(who_has(&sandbox, "evidence.json").len(), customers());
    assert!(who_has(&sandbox, "failure.json").is_empty());
    let published = manifest["counts"]["published"].as_u64().unwrap();
    assert_eq!(told["counts"]["published"], published);
    assert_eq!(who_has(&sandbox, "recommendation.mp4").len() as u64, published);
    assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());

    // No text that was there was asked for again: whoever was written to by the model cost one call, and beyond these
    // there are no more calls than were under way when the process was killed.
    let by_model = |reference: &str| {
        let at = sandbox.artifacts().join(format!("customers/{reference}/{run}/evidence.json"));
        let record: Value = serde_json::from_slice(&std::fs::read(at).unwrap()).unwrap();
        record["made_by"]["writer"] == "counting"
    };
    let texts: Vec<usize> = written
        .windows(2)
        .map(|pair| pair[1].difference(&pair[0]).filter(|reference| by_model(reference)).count())
        .collect();
    let calls: Vec<usize> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("texts by the model in each attempt: {texts:?}, calls: {calls:?}");
    let cores = std::thread::available_parallelism().unwrap().get();
    for (texts, calls) in texts[..3].iter().zip(&calls) {
        assert!(calls >= texts && calls - texts <= cores * UNDER_WAY, "{calls} calls for {texts} texts");
    }
    assert_eq!(texts[3], calls[3], "the attempt that was not killed asked once for each text that was not there");
    // Every call was paid for, and the report counts those whose text stands.
    let paid = told["spent_usd"].as_f64().unwrap();
    let standing: usize = texts.iter().sum();
    assert!((paid - 0.0003 * standing as f64).abs() < 1e-6, "{paid} for {standing} texts");

    let verified = sandbox.run(&["verify", run, "--json"]);
    assert_eq!(report(&verified)["findings"], Value::Array(Vec::new()));
    assert_eq!(verified.status.code(), Some(0));
}
