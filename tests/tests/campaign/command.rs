//! Tests of the campaign command.

use super::{ends, model::Model, sandbox};

#[test]
fn dry_run_predicts_the_run_and_writes_nothing() {
    let sandbox = sandbox("");
    let report = ends(&sandbox.run(&["campaign", "--dry-run", "--no-video", "--json"]), 0);
    assert!(!sandbox.artifacts().join("customers").exists() && !sandbox.artifacts().join("runs").exists());
    assert_eq!((&report["customers"], &report["selected"]), (&12.into(), &9.into()));
    assert_eq!((&report["videos"], &report["model"]["calls"]), (&0.into(), &0.into()));

    let finished = ends(&sandbox.run(&["campaign", "--no-video", "--json"]), 0);
    assert_eq!(report["run"], finished["run"]);
    assert_eq!(report["selected"], finished["counts"]["published"]);
    assert_eq!(report["skipped_because"], finished["skipped_because"]);
    let again = ends(&sandbox.run(&["campaign", "--dry-run", "--no-video", "--json"]), 0);
    assert_eq!(again["ended_before"], 12);
}

#[test]
fn dry_run_forecasts_time_and_cost() {
    let sandbox = sandbox("");
    // The settings choose no voice, so the forecast for AWS is based on Polly.
    std::fs::write(sandbox.path().join("bespoke.toml"), "[video]\nresolution = 180\n").unwrap();
    let output = sandbox.run(&["campaign", "--dry-run"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for word in ["9 videos", "cores", "of CPU time", "On AWS", "Polly, neural", "S3, 13 months", "limited by"] {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[test]
fn schedule_limits_a_campaign_to_its_segment() {
    let sandbox = sandbox("");
    let (file, ids) = (sandbox.path().join("savers.toml"), sandbox.path().join("ids.txt"));
    let file_name = file.to_str().unwrap();
    let options = "time_zone = \"Europe/Berlin\"\nvideo = false\nshape = \"9:16\"\n";
    let write = |more: &str| std::fs::write(&file, format!("when = \"cron(0 9 ? * MON *)\"\n{options}{more}")).unwrap();
    let outside = "the customer is outside the campaign's segment";
    let dry_run = |more: &[&str]| {
        let arguments = [&["campaign", "--dry-run", "--json", "--schedule", file_name], more].concat();
        ends(&sandbox.run(&arguments), 0)
    };

    write("segment = \"need:saving\"\n");
    let savers = dry_run(&[]);
    write("segment = \"not need:saving\"\n");
    let others = dry_run(&[]);
    assert_ne!(savers["run"], others["run"], "the segment determines the results");
    let selected = |report: &serde_json::Value| report["selected"].as_u64().unwrap();
    assert!(selected(&savers) > 0 && selected(&others) > 0, "{savers} {others}");
    assert_eq!(selected(&savers) + selected(&others), 9, "each of the nine customers is in one of the two segments");
    assert_eq!(savers["skipped_because"][outside], others["selected"]);
    assert_eq!(savers["videos"], 0);

    let run = ends(&sandbox.run(&["campaign", "--json", "--schedule", file_name]), 0);
    assert_eq!((&run["run"], &run["counts"]["published"]), (&others["run"], &others["selected"]));

    std::fs::write(&ids, "0001\n\n0006\n").unwrap();
    write("");
    let two = dry_run(&["--customers", ids.to_str().unwrap()]);
    assert_eq!((&two["customers"], &two["selected"]), (&2.into(), &2.into()));
}

#[test]
fn schedule_that_must_not_start_is_refused_by_name() {
    let sandbox = sandbox("");
    let file = sandbox.path().join("spring.toml");
    let (not_now, invalid) = ((4, "error[Start.NotNow]"), (2, "error[Config.Invalid]"));
    for (text, (code, name), expected) in [
        ("paused = true", not_now, "schedule spring is paused"),
        ("segment = \"income:high\"", invalid, "schedule spring: line 2: segment: unknown fact at character 1"),
        ("segment = \"holds:no-such\"", invalid, "schedule spring: segment: the catalog has no product no-such"),
        ("quiet_hours = { from = \"20:00\", to = \"09:30\" }", invalid, "due at 09:00, which is in the quiet hours"),
    ] {
        std::fs::write(&file, format!("when = \"cron(0 9 ? * MON *)\"\n{text}\n")).unwrap();
        let output = sandbox.run(&["campaign", "--no-video", "--schedule", file.to_str().unwrap()]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(message.contains(name) && message.contains(expected), "{message}");
        assert!(!sandbox.artifacts().join("runs").exists(), "{text}");
    }
}

#[test]
fn run_without_a_limit_continues_the_limited_run() {
    let sandbox = sandbox("");
    let first = ends(&sandbox.run(&["campaign", "--no-video", "--limit", "3", "--json"]), 0);
    assert_eq!(first["counts"]["published"], 3);
    assert!(first["counts"]["waiting"].as_u64().unwrap() >= 6, "{first}");
    let again = ends(&sandbox.run(&["campaign", "--no-video", "--limit", "3", "--json"]), 0);
    assert_eq!(again["counts"], first["counts"], "customers from earlier attempts are counted");

    let all = ends(&sandbox.run(&["campaign", "--no-video", "--json"]), 0);
    assert_eq!((&all["run"], &all["counts"]["published"]), (&first["run"], &9.into()));
    assert_eq!(all["counts"]["waiting"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_stays_within_its_budget_and_continues_with_a_larger_one() {
    let model = Model::start().await;
    let sandbox = sandbox(&model.settings());
    let run = |budget: &str| {
        tokio::task::block_in_place(|| sandbox.run(&["campaign", "--no-video", "--budget", budget, "--json"]))
    };
    // A text costs 0.0003 dollars, and the run reserves twice as much for each customer in progress.
    let report = ends(&run("0.001"), 6);
    assert_eq!(report["stop"]["why"], "budget");
    let spent = report["spent_usd"].as_f64().unwrap();
    assert!(spent > 0.0 && spent <= 0.001, "{report}");
    assert!(report["counts"]["waiting"].as_u64().unwrap() > 0, "{report}");
    let calls = model.calls();

    let report = ends(&run("1"), 0);
    assert_eq!((&report["counts"]["published"], &report["stop"]), (&9.into(), &serde_json::Value::Null));
    assert!((report["spent_usd"].as_f64().unwrap() - 0.0003 * 6.0).abs() < 1e-9, "{report}");
    assert_eq!(
        report["writers"]["instead_of_model"],
        serde_json::json!({ "the guard cannot check free text in Spanish": 1 })
    );
    // Two of the nine get a service message, and one who prefers Spanish gets approved lines.
    assert_eq!(model.calls(), 6, "{calls} of the calls were made before");
}

#[test]
fn changed_background_starts_another_run() {
    let sandbox = sandbox("");
    let (data, sample) = (sandbox.path().join("bank"), bespoke_tests::root().join("data"));
    std::fs::create_dir_all(data.join("backgrounds")).unwrap();
    for file in
        ["customer_profile.xlsx", "customer_transactions.xlsx", "twitter_data.xlsx", "catalogue.json", "lexicon.toml"]
    {
        std::fs::copy(sample.join(file), data.join(file)).unwrap();
    }
    let run = |more: &[&str]| {
        let arguments = ["run", "--customer", "0001", "--json", "--data", data.to_str().unwrap()];
        sandbox.run(&[&arguments[..], more].concat())
    };
    let without = ends(&run(&["--no-video"]), 0);
    let film = data.join("backgrounds/sea.mp4");
    let source = "testsrc2=size=320x180:rate=30:duration=1";
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p"]).arg(&film);
    assert!(ffmpeg.status().unwrap().success());
    let with = ends(&run(&[]), 0);
    let digest = contracts::Digest::of(&std::fs::read(&film).unwrap()).short();
    let kept: Vec<String> = std::fs::read_dir(sandbox.artifacts().join(".backgrounds"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let is_prepared = |name: &String| name.starts_with(&format!("{digest}-")) && name.ends_with("-320x180.mp4");
    assert!(kept.contains(&digest) && kept.iter().any(is_prepared), "the background is cached and prepared: {kept:?}");

    std::fs::write(&film, "another").unwrap();
    let another = ends(&run(&["--no-video"]), 0);
    let runs = [&without["run"], &with["run"], &another["run"]];
    assert!(runs[0] != runs[1] && runs[1] != runs[2] && runs[0] != runs[2], "{runs:?}");

    std::fs::rename(&film, data.join("backgrounds/two words.mp4")).unwrap();
    let report = run(&["--no-video"]);
    assert_eq!(report.status.code(), Some(3));
    let text = String::from_utf8_lossy(&report.stderr).into_owned();
    assert!(text.contains("error[Render.AssetBroken]: config/backgrounds/: a file name must be"), "{text}");
}

#[test]
fn too_many_failures_stop_a_campaign() {
    let sandbox = sandbox("");
    let broken = sandbox.path().join("bespoke.toml");
    let arguments = ["campaign", "--max-concurrency", "1", "--background", broken.to_str().unwrap(), "--json"];
    let report = ends(&sandbox.run(&arguments), 6);
    assert_eq!(report["stop"]["why"], "failures");
    assert!(report["failed_with"]["Render.AssetBroken in render"].as_u64().unwrap() >= 5, "{report}");
}
