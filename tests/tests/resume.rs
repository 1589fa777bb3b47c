//! Tests of runs that are killed or canceled: the next run continues them, and no partial files remain.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use bespoke_tests::{Sandbox, probe};

const RUN: [&str; 4] = ["run", "--customer", "0001", "-vv"];

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"))
}

/// Starts a run and returns once it has begun to render.
fn start_rendering(sandbox: &Sandbox) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = sandbox.command(&RUN).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("rendering") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "the run ended before it rendered");
    }
    (child, stderr)
}

fn videos(sandbox: &Sandbox) -> Vec<PathBuf> {
    // Prepared backgrounds are not counted, because they are kept for later renders.
    let backgrounds = sandbox.artifacts().join(".backgrounds");
    let is_video = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "mp4");
    sandbox.files().into_iter().filter(is_video).filter(|path| !path.starts_with(&backgrounds)).collect()
}

#[track_caller]
fn finish(sandbox: &Sandbox) {
    let output = sandbox.run(&RUN);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
    let video = sandbox.artifacts().join("output/recommendations_video.mp4");
    let seconds: f64 = probe(&video)["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!(seconds > 20.0, "the video lasts only {seconds} s");
}

#[test]
fn killed_run_is_continued_by_the_next_one() {
    let sandbox = sandbox();
    let (mut child, _) = start_rendering(&sandbox);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(videos(&sandbox).iter().all(|path| path.starts_with(sandbox.artifacts().join(".scratch"))));
    let customers = sandbox.artifacts().join("customers");
    let is_narration = |path: &PathBuf| path.starts_with(&customers) && path.ends_with("narration.wav");
    let narrated = sandbox.files().into_iter().find(is_narration).unwrap();
    let before = std::fs::read(&narrated).unwrap();

    finish(&sandbox);
    assert_eq!(std::fs::read(&narrated).unwrap(), before, "finished work survives the kill");
}

#[test]
fn interrupted_run_leaves_no_temporary_file_and_continues() {
    let sandbox = sandbox();
    let (mut child, mut stderr) = start_rendering(&sandbox);
    let interrupt = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6), "{rest}");
    assert!(rest.contains("Run.Cancelled"), "{rest}");
    assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
    assert!(videos(&sandbox).is_empty());

    finish(&sandbox);
}
