//! Reads workbooks first in a separate process with limits on memory and time. A file that exceeds a limit causes a
//! named error instead of ending this process.
//!
//! The child gets the files and their password on standard input, but no keys. It reads the files as a run would and
//! discards the result. Its exit status is its only message. This process then reads the same bytes itself.

use std::io::{BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use contracts::catalogue::Catalogue;
use contracts::key::Workbook;
use contracts::settings::{IntakeSettings, Settings};
use contracts::{Digest, ErrorName};
use jiff::Timestamp;
use merge::IntakeLimits;
use serde::{Deserialize, Serialize};
use storage::child::child_environment;
use storage::secret::{ExposeSecret as _, SecretString};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::folder::create_private;

/// The hidden command that [`survive`] carries out.
pub const COMMAND: &str = "read-workbooks";

/// The folder below the artifacts folder with an empty file for each upload that a child has read.
const FOLDER: &str = ".intake";

/// A reader of workbooks in a separate process.
#[derive(Clone, Copy)]
pub struct IntakeGuard<'a> {
    /// The program whose command [`COMMAND`] calls [`survive`]. `None` starts no child, as in tests.
    pub program: Option<&'a Path>,
    /// The artifacts folder, in which a marker file records each upload that was read. `None` reads every time.
    pub artifacts: Option<&'a Path>,
    /// The settings.
    pub settings: &'a Settings,
    /// The catalog.
    pub catalogue: &'a Catalogue,
}

/// The first line on the child's standard input. The files follow.
#[derive(Serialize, Deserialize)]
struct Task {
    intake: IntakeSettings,
    catalogue: serde_json::Value,
    password: Option<String>,
    /// Each file with its length in bytes.
    files: Vec<(Workbook, usize)>,
    memory_mib: u64,
    seconds: u64,
}

impl IntakeGuard<'_> {
    /// Reads the files in a child, unless a child has already read them. Fails with `Input.TooLarge` if the child
    /// exceeds its limits or crashes. Faults in the files are not errors here: the later read reports them.
    ///
    /// # Panics
    ///
    /// Never in practice: the task consists of plain fields, and the child's input is piped.
    pub async fn read<B: AsRef<[u8]>>(
        &self,
        files: &[(Workbook, B)],
        password: Option<&SecretString>,
    ) -> Result<(), Failure> {
        let Some(program) = self.program else { return Ok(()) };
        let marker = self.artifacts.map(|artifacts| artifacts.join(FOLDER).join(self.digest(files).to_string()));
        if marker.as_ref().is_some_and(|marker| marker.exists()) {
            return Ok(());
        }
        let local = &self.settings.local;
        let task = Task {
            intake: self.settings.intake.clone(),
            catalogue: self.catalogue.to_json(),
            password: password.map(|password| password.expose_secret().to_owned()),
            files: files.iter().map(|(workbook, bytes)| (*workbook, bytes.as_ref().len())).collect(),
            memory_mib: local.intake_memory_mib,
            seconds: local.intake_seconds,
        };
        let mut input = Zeroizing::new(serde_json::to_vec(&task).expect("plain fields"));
        input.push(b'\n');
        let unstarted = Failure::file(ErrorName::StoreUnavailable, program);
        let child = start(program).map_err(unstarted)?;
        self.wait(child, &input, files).await?;
        if let Some(marker) = marker {
            let write = || {
                create_private(marker.parent().unwrap_or(Path::new(".")))?;
                std::fs::write(&marker, "")
            };
            write().map_err(Failure::file(ErrorName::StoreUnavailable, &marker))?;
        }
        Ok(())
    }

    async fn wait<B: AsRef<[u8]>>(
        &self,
        mut child: Child,
        input: &[u8],
        files: &[(Workbook, B)],
    ) -> Result<(), Failure> {
        let local = &self.settings.local;
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let work = async {
            // If the child ends early, a write fails. The exit status says why it ended.
            let mut written = stdin.write_all(input).await;
            for (_, bytes) in files {
                if written.is_ok() {
                    written = stdin.write_all(bytes.as_ref()).await;
                }
            }
            drop(stdin);
            child.wait().await
        };
        let too_large = |reason: String| {
            let help = "split the batch, or raise local.intake_memory_mib and local.intake_seconds";
            Err(Failure::new(ErrorName::InputTooLarge, format!("the workbooks cannot be read: {reason}"), help))
        };
        match tokio::time::timeout(Duration::from_secs(local.intake_seconds), work).await {
            Err(_) => too_large(format!("the reader took longer than {} s", local.intake_seconds)),
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => {
                let memory = local.intake_memory_mib;
                too_large(format!("the reader ended with {status}; it may use {memory} MiB of memory"))
            }
            Ok(Err(error)) => too_large(format!("failed to wait for the reader: {error}")),
        }
    }

    /// Returns the digest of the files, the settings and this program's version, which name the marker file.
    fn digest<B: AsRef<[u8]>>(&self, files: &[(Workbook, B)]) -> Digest {
        let files: Vec<Digest> = files.iter().map(|(_, bytes)| Digest::of(bytes.as_ref())).collect();
        let settings = Digest::of_json(&(&self.settings.intake, &self.settings.local));
        let parts = files.iter().chain([&settings]).map(|digest| digest.as_bytes().as_slice());
        Digest::of_parts(parts.chain([env!("CARGO_PKG_VERSION").as_bytes()]))
    }
}

fn start(program: &Path) -> std::io::Result<Child> {
    Command::new(program)
        .arg(COMMAND)
        .env_clear()
        .envs(child_environment())
        // By default, glibc reserves an address range for each thread, which would count toward the memory limit.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// Reads the workbooks on standard input, within the limits that the first line sets. Runs in the child.
pub fn survive() -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut line = Zeroizing::new(Vec::new());
    input.read_until(b'\n', &mut line)?;
    let task: Task = serde_json::from_slice(&line)?;
    limit(&task)?;
    let mut files = Vec::new();
    for (workbook, length) in task.files {
        let mut bytes = vec![0; length];
        input.read_exact(&mut bytes)?;
        files.push((workbook, bytes));
    }
    let catalogue = Catalogue::from_json(task.catalogue.to_string().as_bytes()).map_err(std::io::Error::other)?;
    let password = task.password.map(SecretString::from);
    let checked =
        merge::check(&files, password.as_ref(), &task.intake, &catalogue, Timestamp::now(), &IntakeLimits::default());
    // The parent reads the files itself, and reports their faults.
    drop(checked);
    std::io::stdout().flush()
}

/// Limits the memory and the CPU time of this process, and ends it with its parent. Disables core dumps, because the
/// process holds decrypted data.
#[cfg(unix)]
fn limit(task: &Task) -> std::io::Result<()> {
    use nix::sys::resource::{Resource, setrlimit};

    let bytes = task.memory_mib.saturating_mul(1024 * 1024);
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_CPU, task.seconds, task.seconds)?;
    setrlimit(Resource::RLIMIT_AS, bytes, bytes)?;
    crate::process::end_with_parent()
}

/// Does nothing, because Windows has no such limits.
#[cfg(not(unix))]
fn limit(_: &Task) -> std::io::Result<()> {
    Ok(())
}

/// Returns the program of this process, for [`IntakeGuard::program`].
#[must_use]
pub fn this_program() -> Option<PathBuf> {
    std::env::current_exe().ok()
}
