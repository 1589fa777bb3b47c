//! What a person sees of campaigns at the terminal.

use super::{ends, model::Model, sandbox};

#[test]
fn a_dry_run_makes_nothing_and_says_what_the_run_then_does() {
    let sandbox = sandbox("");
    let told = ends(&sandbox.run(&["campaign", "--dry-run", "--no-video", "--json"]), 0);
    assert!(!sandbox.artifacts().join("customers").exists() && !sandbox.artifacts().join("runs").exists());
    assert_eq!((&told["customers"], &told["told"]), (&12.into(), &9.into()));
    assert_eq!((&told["videos"], &told["model"]["calls"]), (&0.into(), &0.into()));

    let done = ends(&sandbox.run(&["campaign", "--no-video", "--json"]), 0);
    assert_eq!(told["run"], done["run"]);
    assert_eq!(told["told"], done["counts"]["published"]);
    assert_eq!(told["skipped_because"], done["skipped_because"]);
    let again = ends(&sandbox.run(&["campaign", "--dry-run", "--no-video", "--json"]), 0);
    assert_eq!(again["ended_before"], 12);
}

#[test]
fn a_dry_run_forecasts_time_and_dollars_here_and_on_aws_by_component() {
    let sandbox = sandbox("");
    // Whoever leaves the choice of the voice to the program is spoken by Polly on AWS.
    std::fs::write(sandbox.path().join("bespoke.toml"), "[video]\nresolution = 180\n").unwrap();
    let output = sandbox.run(&["campaign", "--dry-run"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for word in ["9 videos", "cores", "of CPU", "On AWS", "Polly, neural", "S3, 13 months", "bound by"] {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
fn a_limit_takes_the_first_and_the_same_run_goes_on_without_it() {
    let sandbox = sandbox("");
    let first = ends(&sandbox.run(&["campaign", "--no-video", "--limit", "3", "--json"]), 0);
    assert_eq!(first["counts"]["published"], 3);
    assert!(first["counts"]["waiting"].as_u64().unwrap() >= 6, "{first}");
    let again = ends(&sandbox.run(&["campaign", "--no-video", "--limit", "3", "--json"]), 0);
    assert_eq!(again["counts"], first["counts"], "those of earlier attempts count");

    let all = ends(&sandbox.run(&["campaign", "--no-video", "--json"]), 0);
    assert_eq!((&all["run"], &all["counts"]["published"]), (&first["run"], &9.into()));
    assert_eq!(all["counts"]["waiting"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_kept_to_and_a_larger_one_goes_on() {
    let model = Model::start().await;
    let sandbox = sandbox(&model.settings());
    let run = |budget: &str| {
        tokio::task::block_in_place(|| sandbox.run(&["campaign", "--no-video", "--budget", budget, "--json"]))
    };
    // A text costs 0.0003 dollars, and twice that is kept aside for each that is under way.
    let told = ends(&run("0.001"), 6);
    assert_eq!(told["stop"]["why"], "budget");
    let spent = told["spent_usd"].as_f64().unwrap();
    assert!(spent > 0.0 && spent <= 0.001, "{told}");
    assert!(told["counts"]["waiting"].as_u64().unwrap() > 0, "{told}");
    let calls = model.calls();

    let told = ends(&run("1"), 0);
    assert_eq!((&told["counts"]["published"], &told["stop"]), (&9.into(), &serde_json::Value::Null));
    assert!((told["spent_usd"].as_f64().unwrap() - 0.0003 * 7.0).abs() < 1e-9, "two are sold nothing: {told}");
    assert_eq!(model.calls(), 7, "{calls} of them before");
}

#[test]
fn too_many_failures_stop_a_campaign() {
    let sandbox = sandbox("");
    let broken = sandbox.path().join("bespoke.toml");
    let arguments = ["campaign", "--max-concurrency", "1", "--background", broken.to_str().unwrap(), "--json"];
    let told = ends(&sandbox.run(&arguments), 6);
    assert_eq!(told["stop"]["why"], "failures");
    assert!(told["failed_with"]["Render.AssetBroken in render"].as_u64().unwrap() >= 5, "{told}");
}
