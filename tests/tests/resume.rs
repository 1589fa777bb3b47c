//! A run that is killed or stopped in the middle goes on from there, and leaves nothing half done.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use bespoke_tests::{Sandbox, probe};

const RUN: [&str; 4] = ["run", "--customer", "0001", "-vv"];

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"))
}

/// Starts a run and returns when its video is being made.
fn rendering(sandbox: &Sandbox) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = sandbox.command(&RUN).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("rendering") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "the run ended before it rendered");
    }
    (child, said)
}

fn videos(sandbox: &Sandbox) -> Vec<PathBuf> {
    let is_video = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "mp4");
    sandbox.files().into_iter().filter(is_video).collect()
}

#[track_caller]
fn runs_to_its_end(sandbox: &Sandbox) {
    let output = sandbox.run(&RUN);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
    let video = sandbox.artifacts().join("output/recommendations_video.mp4");
    let seconds: f64 = probe(&video)["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!(seconds > 20.0, "a whole video, not {seconds} s");
}

#[test]
fn a_run_killed_while_it_renders_goes_on_and_its_result_is_whole() {
    let sandbox = sandbox();
    let (mut child, _) = rendering(&sandbox);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(videos(&sandbox).iter().all(|path| path.starts_with(sandbox.artifacts().join(".scratch"))));
    let customers = sandbox.artifacts().join("customers");
    let is_narration = |path: &PathBuf| path.starts_with(&customers) && path.ends_with("narration.wav");
    let narrated = sandbox.files().into_iter().find(is_narration).unwrap();
    let before = std::fs::read(&narrated).unwrap();

    runs_to_its_end(&sandbox);
    assert_eq!(std::fs::read(&narrated).unwrap(), before, "what was done before the kill is kept");
}

#[test]
fn ctrl_c_stops_cleanly_leaves_no_temporary_file_and_the_next_run_goes_on() {
    let sandbox = sandbox();
    let (mut child, mut said) = rendering(&sandbox);
    let interrupt = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6), "{rest}");
    assert!(rest.contains("Run.Cancelled"), "{rest}");
    assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
    assert!(videos(&sandbox).is_empty());

    runs_to_its_end(&sandbox);
}
