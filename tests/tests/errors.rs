//! What a person is told when something is wrong: the error's name, what to do, and the documented exit code.

use bespoke_tests::Sandbox;

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"))
}

#[track_caller]
fn fails(output: &std::process::Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(output.stdout.is_empty(), "an error leaves standard output empty");
}

#[test]
fn an_unknown_customer_is_bad_input_and_not_echoed() {
    let sandbox = sandbox();
    let output = sandbox.run(&["run", "--customer", "no-such-customer"]);
    fails(&output, 3, &["error[Input.UnknownCustomer]", "help"]);
    assert_eq!(sandbox.leftovers(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_wrong_password_is_bad_input_that_names_the_workbook_and_the_variable() {
    let sandbox = sandbox();
    let output = sandbox.command(&["run", "--customer", "0001"]).env("EXCEL_PASSWORD", "wrong-one").output().unwrap();
    fails(&output, 3, &["error[Input.WrongPassword]", "customer_profile.xlsx", "EXCEL_PASSWORD"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("wrong-one"));
}

#[test]
fn a_password_that_is_not_set_says_where_to_set_it() {
    let sandbox = sandbox();
    let output = sandbox.command(&["run", "--customer", "0001"]).env_remove("EXCEL_PASSWORD").output().unwrap();
    fails(&output, 2, &["error[Secret.Missing]", "EXCEL_PASSWORD", ".env"]);
}

#[test]
fn a_missing_workbook_is_bad_input_that_names_it() {
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
fn check_says_all_that_is_wrong_with_three_workbooks_at_once_and_writes_nothing() {
    let sandbox = sandbox();
    let data = sandbox.path().join("bank");
    std::fs::create_dir(&data).unwrap();
    let files = bespoke_tests::root().join("functions/merge/tests/files");
    std::fs::copy(files.join("wrong-password.profile.xlsx"), data.join("customer_profile.xlsx")).unwrap();
    std::fs::copy(files.join("csv.transactions.xlsx"), data.join("customer_transactions.xlsx")).unwrap();
    std::fs::copy(bespoke_tests::root().join("data/catalogue.json"), data.join("catalogue.json")).unwrap();
    let output = sandbox.run(&["check", data.to_str().unwrap()]);
    let words = ["error[Input.MissingWorkbook]", "error[Input.WrongPassword]", "error[Input.NotAWorkbook]", "help"];
    fails(&output, 3, &words);
    assert!(!sandbox.artifacts().exists() && !sandbox.key_file().exists());
}

#[test]
fn check_counts_rows_and_customers_of_workbooks_that_can_be_used() {
    let output = sandbox().run(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = bespoke_tests::report(&output);
    assert_eq!((&told["usable"], &told["errors"]), (&true.into(), &serde_json::json!([])));
    let counts = |field: &str| -> Vec<u64> {
        told["report"]["files"].as_array().unwrap().iter().map(|file| file[field].as_u64().unwrap()).collect()
    };
    assert_eq!((counts("read"), counts("withheld")), (vec![12, 567, 23], vec![0, 145, 7]));
    assert_eq!(told["report"]["customers"]["consented"], 9);
}

#[test]
fn a_customer_who_refused_is_nothing_to_do() {
    let sandbox = sandbox();
    let output = sandbox.run(&["run", "--customer", "0003", "--json"]);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let report = bespoke_tests::report(&output);
    assert_eq!(report["customers"][0]["outcome"], "skipped");
}

#[test]
fn a_missing_program_is_told_before_any_work_is_done() {
    let sandbox = sandbox();
    let output =
        sandbox.command(&["run", "--customer", "0001"]).env("BESPOKE_FFMPEG", "/no/such/ffmpeg").output().unwrap();
    fails(&output, 5, &["error[Render.EngineMissing]", "ffmpeg"]);
    assert!(!sandbox.artifacts().exists());
}

#[test]
fn a_mistake_in_the_settings_is_shown_at_its_line() {
    let sandbox = sandbox();
    std::fs::write(sandbox.path().join("bespoke.toml"), "[voice]\nspeed = 2\n").unwrap();
    fails(&sandbox.run(&["config"]), 2, &["error[Config.Invalid]", "line 2", "speed"]);
}

#[test]
fn a_secret_that_was_put_into_the_settings_by_mistake_is_not_shown() {
    let sandbox = sandbox();
    std::fs::write(sandbox.path().join("bespoke.toml"), "[writer.model]\napi_key = \"not-to-be-seen\"\n").unwrap();
    let output = sandbox.run(&["config"]);
    fails(&output, 2, &["line 2", "api_key"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("not-to-be-seen"));
}

#[test]
fn a_customer_suppressed_since_is_not_given_out_again() {
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
    assert!(!std::path::Path::new(&text).exists(), "what was published is taken away");
    assert!(!sandbox.artifacts().join("output/recommendations.txt").exists());
}

#[test]
fn another_customers_result_does_not_stay_where_this_ones_would_be() {
    let sandbox = sandbox();
    assert!(sandbox.run(&["run", "--customer", "0002", "--no-video"]).status.success());
    assert!(sandbox.artifacts().join("output/recommendations.txt").exists());
    fails(&sandbox.run(&["run", "--customer", "no-such-customer"]), 3, &["Input.UnknownCustomer"]);
    assert!(!sandbox.artifacts().join("output/recommendations.txt").exists());
}

#[test]
fn one_customer_who_cannot_be_published_does_not_stop_the_others() {
    let sandbox = sandbox();
    let first = bespoke_tests::report(&sandbox.run(&["demo", "--videos", "0", "--json"]));
    let text = std::path::PathBuf::from(first["customers"][0]["files"][0].as_str().unwrap());
    // As if the run had been killed before its evidence, and somebody had changed the text since.
    std::fs::remove_file(text.with_file_name("evidence.json")).unwrap();
    std::fs::write(&text, "something else").unwrap();
    let output = sandbox.run(&["demo", "--videos", "0", "--json"]);
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    let again = bespoke_tests::report(&output);
    assert_eq!(again["customers"][0]["outcome"], "failed");
    assert_eq!(again["customers"][0]["error"], "Store.Conflict");
    assert_eq!(again["customers"][1]["outcome"], "published");
    assert!(sandbox.run(&["demo", "--videos", "0", "--again"]).status.success(), "--again is the way out");
}

#[test]
fn without_a_terminal_a_customer_must_be_named() {
    fails(&sandbox().run(&["run"]), 2, &["--customer"]);
}

#[test]
fn an_unknown_category_lists_those_there_are() {
    let output = sandbox().run(&["run", "--customer", "0001", "--category", "Lending"]);
    fails(&output, 2, &["Consumer Lending", "Commercial Banking"]);
}

#[test]
fn at_a_terminal_the_customer_id_is_asked_for() {
    let sandbox = sandbox();
    let command = sandbox.command(&["run", "--no-video"]);
    let mut session = rexpect::session::spawn_command(command, Some(120_000)).unwrap();
    session.exp_string("Customer id:").unwrap();
    session.send_line("0002").unwrap();
    session.exp_string("published").unwrap();
    session.exp_eof().unwrap();
    assert!(sandbox.artifacts().join("output/recommendations.txt").is_file());
}
