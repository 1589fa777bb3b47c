//! Code that the end-to-end tests share: a sandbox that runs the real command on the sample data.

pub mod source;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The password of the sample workbooks.
pub const PASSWORD: &str = bespoke::sample::SAMPLE_PASSWORD;

/// Returns the root of the checkout.
///
/// # Panics
/// Never: this package is one folder below it.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the checkout")
}

/// Returns a reason for a sample product that the guard would accept from a model.
///
/// # Panics
/// If the sample catalog has no such product.
#[must_use]
pub fn fitting_reason(product: &str) -> String {
    let catalogue = std::fs::read(root().join("data/catalogue.json")).expect("the sample catalog");
    let catalogue: Value = serde_json::from_slice(&catalogue).expect("JSON");
    let products = catalogue["products"].as_array().expect("products");
    let product = products.iter().find(|each| each["id"] == product).expect("a product of the sample");
    format!("{} could be useful for what you have in mind.", product["name"].as_str().expect("a name"))
}

/// A folder with artifacts, keys and settings for one test.
pub struct Sandbox {
    folder: TempDir,
    program: &'static str,
}

impl Sandbox {
    /// Creates a sandbox for `program`. Its videos are small and use x264's fastest preset; the tests of `render` cover
    /// full-size videos.
    ///
    /// # Panics
    /// If the folder cannot be created.
    #[must_use]
    pub fn new(program: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("bespoke.toml"), "[video]\nresolution = 360\npreset = \"ultrafast\"\n")
            .expect("writable");
        Self { folder, program }
    }

    /// Returns the artifacts folder.
    #[must_use]
    pub fn artifacts(&self) -> PathBuf {
        self.folder.path().join("artifacts")
    }

    /// Returns the sandbox's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the key file of this sandbox's runs.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("home/bespoke/keys.toml")
    }

    /// Returns the file with the key that signs this sandbox's log.
    #[must_use]
    pub fn signing_key_file(&self) -> PathBuf {
        self.key_file().with_file_name("signing-key.pem")
    }

    /// Returns the command with these arguments, but does not start it. It inherits only `PATH` from the environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("XDG_DATA_HOME", self.folder.path().join("home"))
            .env("EXCEL_PASSWORD", PASSWORD)
            .env("BESPOKE_DATA", root().join("data"))
            .env("BESPOKE_ASSETS", root().join("assets"));
        command
    }

    /// Runs the command, and waits for it to exit.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the command starts")
    }

    /// Returns every artifact except the lock file.
    ///
    /// # Panics
    /// If a folder cannot be read.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.artifacts()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("readable") {
                let path = entry.expect("readable").path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with(".lock") {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }

    /// Returns the files in the scratch folder.
    #[must_use]
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let scratch = self.artifacts().join(runner::folder::SCRATCH);
        self.files().into_iter().filter(|path| path.starts_with(&scratch)).collect()
    }
}

/// Parses the JSON report on a command's standard output.
///
/// # Panics
/// If it is not JSON, with the command's standard error.
#[must_use]
pub fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Returns ffprobe's description of a media file.
///
/// # Panics
/// If ffprobe fails.
#[must_use]
pub fn probe(path: &Path) -> Value {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-print_format", "json", "-show_streams", "-show_format"])
        .arg(path)
        .output()
        .expect("ffprobe starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("ffprobe writes JSON")
}
