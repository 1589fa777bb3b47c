//! Tests of errors: each one has a name, a remedy and the documented exit code, and is printed once.

use bespoke_tests::Sandbox;

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"))
}

#[track_caller]
fn fails(output: &std::process::Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in: {stderr}");
    }
    assert!(output.stdout.is_empty(), "an error leaves standard output empty");
}

#[test]
fn unknown_customer_is_an_input_error_and_is_printed_once() {
    let sandbox = sandbox();
    let output = sandbox.run(&["run", "--customer", "no-such-customer"]);
    fails(&output, 3, &["error[Input.UnknownCustomer]", "help"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr.matches("Input.UnknownCustomer").count(), 1, "the log must not repeat the error: {stderr}");
    assert!(!stderr.contains("no-such-customer"), "the id must not be echoed: {stderr}");
    assert_eq!(sandbox.leftovers(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn wrong_password_error_names_the_workbook_and_the_variable() {
    let sandbox = sandbox();
    let output = sandbox.command(&["run", "--customer", "0001"]).env("EXCEL_PASSWORD", "wrong-one").output().unwrap();
    fails(&output, 3, &["error[Input.WrongPassword]", "customer_profile.xlsx", "EXCEL_PASSWORD"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("wrong-one"));
}

#[test]
fn missing_password_error_names_the_variable() {
    let sandbox = sandbox();
    let output = sandbox.command(&["run", "--customer", "0001"]).env_remove("EXCEL_PASSWORD").output().unwrap();
    fails(&output, 2, &["error[Secret.Missing]", "EXCEL_PASSWORD", ".env"]);
}

#[test]
fn error_names_the_missing_workbook() {
    let sandbox = sandbox();
    let data = sandbox.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for name in ["customer_profile.xlsx", "customer_transactions.xlsx", "catalogue.json", "lexicon.toml"] {
        std::fs::copy(bespoke_tests::root().join("data").join(name), data.join(name)).unwrap();
    }
    let output = sandbox.command(&["run", "--customer", "0001"]).env("BESPOKE_DATA", &data).output().unwrap();
    fails(&output, 3, &["error[Input.MissingWorkbook]", "twitter_data.xlsx"]);
}

#[test]
fn check_lists_every_problem_and_writes_nothing() {
    let sandbox = sandbox();
    let data = sandbox.path().join("bank");
    std::fs::create_dir(&data).unwrap();
    let files = bespoke_tests::root().join("functions/merge/tests/files");
    std::fs::copy(files.join("wrong-password.profile.xlsx"), data.join("customer_profile.xlsx")).unwrap();
    std::fs::write(data.join("customer_transactions.xlsx"), b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n").unwrap();
    std::fs::copy(bespoke_tests::root().join("data/catalogue.json"), data.join("catalogue.json")).unwrap();
    let output = sandbox.run(&["check", data.to_str().unwrap()]);
    let words = ["error[Input.MissingWorkbook]", "error[Input.WrongPassword]", "error[Input.NotAWorkbook]", "help"];
    fails(&output, 3, &words);
    assert!(!sandbox.artifacts().exists() && !sandbox.key_file().exists());
}

#[test]
fn check_counts_rows_and_customers() {
    let output = sandbox().run(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let checked = bespoke_tests::report(&output);
    assert_eq!((&checked["usable"], &checked["errors"]), (&true.into(), &serde_json::json!([])));
    let counts = |field: &str| -> Vec<u64> {
        checked["report"]["files"].as_array().unwrap().iter().map(|file| file[field].as_u64().unwrap()).collect()
    };
    assert_eq!((counts("read"), counts("withheld")), (vec![12, 567, 23], vec![0, 145, 7]));
    assert_eq!(checked["report"]["customers"]["consented"], 9);
}

#[test]
fn run_for_a_customer_who_refused_exits_with_nothing_to_do() {
    let sandbox = sandbox();
    let output = sandbox.run(&["run", "--customer", "0003", "--json"]);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let report = bespoke_tests::report(&output);
    assert_eq!(report["customers"][0]["outcome"], "skipped");
}

#[test]
fn missing_program_is_reported_before_any_work() {
    let sandbox = sandbox();
    let output =
        sandbox.command(&["run", "--customer", "0001"]).env("BESPOKE_FFMPEG", "/no/such/ffmpeg").output().unwrap();
    fails(&output, 5, &["error[Render.EngineMissing]", "ffmpeg"]);
    assert!(!sandbox.artifacts().exists());
}

#[test]
fn settings_error_names_the_line() {
    let sandbox = sandbox();
    std::fs::write(sandbox.path().join("bespoke.toml"), "[voice]\nspeed = 2\n").unwrap();
    fails(&sandbox.run(&["config"]), 2, &["error[Config.Invalid]", "line 2", "speed"]);
}

#[test]
fn secret_in_the_settings_is_not_echoed() {
    let sandbox = sandbox();
    std::fs::write(sandbox.path().join("bespoke.toml"), "[writer.model]\napi_key = \"not-to-be-seen\"\n").unwrap();
    let output = sandbox.run(&["config"]);
    fails(&output, 2, &["line 2", "api_key"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("not-to-be-seen"));
}

#[test]
fn suppression_removes_a_published_result() {
    let sandbox = sandbox();
    let run = ["run", "--customer", "0001", "--no-video", "--json"];
    let report = bespoke_tests::report(&sandbox.run(&run));
    let text = report["customers"][0]["files"][0].as_str().unwrap().to_owned();
    let folder = std::path::Path::new(&text).parent().unwrap().parent().unwrap();
    let reference = folder.file_name().unwrap().to_str().unwrap();
    let control = sandbox.artifacts().join("control");
    std::fs::write(control.join("suppressions.csv"), format!("reference\n{reference}\n")).unwrap();

    let output = sandbox.run(&run);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!std::path::Path::new(&text).exists(), "the published text is removed");
    assert!(!sandbox.artifacts().join("output/recommendations.txt").exists());
}

#[test]
fn failed_run_leaves_no_copy_of_another_customer() {
    let sandbox = sandbox();
    assert!(sandbox.run(&["run", "--customer", "0002", "--no-video"]).status.success());
    assert!(sandbox.artifacts().join("output/recommendations.txt").exists());
    fails(&sandbox.run(&["run", "--customer", "no-such-customer"]), 3, &["Input.UnknownCustomer"]);
    assert!(!sandbox.artifacts().join("output/recommendations.txt").exists());
}

#[test]
fn failed_customer_does_not_stop_the_others() {
    let sandbox = sandbox();
    let first = bespoke_tests::report(&sandbox.run(&["demo", "--videos", "0", "--json"]));
    let text = std::path::PathBuf::from(first["customers"][0]["files"][0].as_str().unwrap());
    // Simulates a run that was killed before it wrote the evidence, and text that changed afterward.
    std::fs::remove_file(text.with_file_name("evidence.json")).unwrap();
    std::fs::write(&text, "something else").unwrap();
    let output = sandbox.run(&["demo", "--videos", "0", "--json"]);
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    let again = bespoke_tests::report(&output);
    assert_eq!(again["customers"][0]["outcome"], "failed");
    assert_eq!(again["customers"][0]["error"], "Store.Conflict");
    assert_eq!(again["customers"][1]["outcome"], "published");
    assert!(sandbox.run(&["demo", "--videos", "0", "--again"]).status.success(), "--again starts a new run");
}

#[test]
fn customer_is_required_without_a_terminal() {
    fails(&sandbox().run(&["run"]), 2, &["--customer"]);
}

#[test]
fn unknown_category_lists_the_choices() {
    let output = sandbox().run(&["run", "--customer", "0001", "--category", "Lending"]);
    fails(&output, 2, &["Consumer Lending", "Commercial Banking"]);
}

#[test]
fn command_asks_for_the_customer_at_a_terminal() {
    let sandbox = sandbox();
    let command = sandbox.command(&["run", "--no-video"]);
    let mut session = rexpect::session::spawn_command(command, Some(120_000)).unwrap();
    session.exp_string("Customer id:").unwrap();
    session.send_line("0002").unwrap();
    session.exp_string("published").unwrap();
    session.exp_eof().unwrap();
    assert!(sandbox.artifacts().join("output/recommendations.txt").is_file());
}
