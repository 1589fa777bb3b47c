//! Tests that workbooks are first read in a separate process, whose crash is a named error.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use std::path::Path;

use bespoke_tests::{PASSWORD, root};
use contracts::ErrorName;
use contracts::catalogue::Catalogue;
use contracts::key::Workbook;
use contracts::settings::Settings;
use runner::failure::Failure;
use runner::intake::IntakeGuard;
use storage::secret::SecretString;

/// Reads the sample workbooks with `program`.
async fn read(program: &Path, artifacts: Option<&Path>, settings: &Settings) -> Result<(), Failure> {
    let data = root().join("data");
    let catalogue = Catalogue::from_json(&std::fs::read(data.join("catalogue.json")).unwrap()).unwrap();
    let read = |workbook: Workbook| (workbook, std::fs::read(data.join(workbook.file_name())).unwrap());
    let guard = IntakeGuard { program: Some(program), artifacts, settings, catalogue: &catalogue };
    guard.read(&Workbook::ALL.map(read), Some(&SecretString::from(PASSWORD))).await
}

fn bespoke() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_bespoke-under-test"))
}

#[tokio::test]
async fn sample_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    read(bespoke(), Some(folder.path()), &settings).await.unwrap();
    // The second call does not read anything, so it does not try to start the missing program.
    read(Path::new("no-such-program"), Some(folder.path()), &settings).await.unwrap();
    assert!(read(Path::new("no-such-program"), None, &settings).await.is_err());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn reader_that_runs_out_of_memory_returns_named_error() {
    let mut settings = Settings::default();
    // This is too little for the program itself, so its first large allocation aborts it.
    settings.local.intake_memory_mib = 1;
    let folder = tempfile::tempdir().unwrap();
    let failure = read(bespoke(), Some(folder.path()), &settings).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::InputTooLarge);
    assert!(failure.to_string().contains("it may use 1 MiB of memory"), "{failure}");
    assert!(failure.help().unwrap().contains("local.intake_memory_mib"));
    assert!(!folder.path().join(".intake").exists(), "the next run reads it again");
}

#[cfg(unix)]
#[tokio::test]
async fn reader_that_takes_too_long_returns_named_error() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("endless");
    std::fs::write(&program, "#!/bin/sh\nwhile :; do :; done\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut settings = Settings::default();
    settings.local.intake_seconds = 1;
    let failure = read(&program, None, &settings).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::InputTooLarge);
    assert!(failure.to_string().contains("took longer than 1 s"), "{failure}");
}

/// A killed command must not leave a program behind that still has a customer's text.
#[cfg(target_os = "linux")]
#[test]
fn program_ends_with_a_killed_parent() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    let script = "\"$0\" end-with-parent sh -c 'echo ready; exec sleep 60' & wait";
    let mut parent = Command::new("sh").args(["-c", script]).arg(bespoke()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(parent.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let started = Instant::now();
    parent.kill().unwrap();
    parent.wait().unwrap();
    // The pipe closes when the program ends.
    output.read_to_string(&mut line).unwrap();
    assert!(started.elapsed() < Duration::from_secs(30), "the program outlived its parent");
}
