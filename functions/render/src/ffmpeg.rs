//! Runs ffmpeg and ffprobe with progress reports, a deadline and cancellation.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ffmpeg_sidecar::command::FfmpegCommand;
use ffmpeg_sidecar::event::{FfmpegEvent, LogLevel};
use ffmpeg_sidecar::log_parser::parse_time_str;
use storage::child::{child_environment, launched};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::graph::Arguments;

/// The maximum time without output from ffmpeg, which reports progress twice per second.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);
/// The interval at which cancellation and the deadline are checked.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The paths of the two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// ffmpeg.
    pub ffmpeg: PathBuf,
    /// ffprobe.
    pub ffprobe: PathBuf,
}

/// A runner of ffmpeg and ffprobe for one render.
#[derive(Clone, Debug)]
pub(crate) struct FfmpegRunner {
    pub tools: Tools,
    pub scratch: PathBuf,
    pub fonts: PathBuf,
    pub cancel: CancellationToken,
    pub deadline: Instant,
}

/// A child process that is killed on drop.
struct KillOnDrop(ffmpeg_sidecar::child::FfmpegChild);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.as_inner_mut().wait();
    }
}

fn cannot_start(program: &'static str, error: &std::io::Error) -> Error {
    Error::EngineMissing { program, reason: format!("cannot be started: {}", error.kind()) }
}

impl FfmpegRunner {
    /// Runs ffmpeg and returns its log. Calls `progress` with the seconds of output written so far.
    pub(crate) fn ffmpeg(
        &self,
        doing: &'static str,
        arguments: &Arguments,
        progress: &dyn Fn(f64),
    ) -> Result<Vec<String>, Error> {
        self.start(arguments)?.wait(self, doing, progress)
    }

    /// Does the same as [`Self::ffmpeg`], with the bytes that `feed` writes as ffmpeg's standard input.
    pub(crate) fn ffmpeg_fed(
        &self,
        doing: &'static str,
        arguments: &Arguments,
        progress: &dyn Fn(f64),
        feed: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send,
    ) -> Result<Vec<String>, Error> {
        let mut child = self.start(arguments)?;
        let input = child.0.take_stdin();
        std::thread::scope(|scope| {
            // If ffmpeg ends early, the next write to it fails and ends the thread. ffmpeg's own error gives the reason.
            let writer = scope.spawn(move || input.map_or(Ok(()), |mut input| feed(&mut input)));
            let log = child.wait(self, doing, progress);
            let written = writer.join();
            let log = log?;
            match written {
                Ok(Ok(())) => Ok(log),
                Ok(Err(error)) => Err(Error::Failed { program: "ffmpeg", doing, reason: error.to_string() }),
                Err(_) => {
                    Err(Error::Failed { program: "ffmpeg", doing, reason: "failed to compose a frame".to_owned() })
                }
            }
        })
    }

    fn start(&self, arguments: &Arguments) -> Result<KillOnDrop, Error> {
        let (program, before) = launched(&self.tools.ffmpeg);
        // `FfmpegCommand::new` would put its log level before the launcher's arguments.
        let mut inner = Command::new(program);
        inner.args(before).args(["-loglevel", "level+info", "-hide_banner", "-nostdin"]).args(&arguments.0);
        inner.env_clear().envs(child_environment()).current_dir(&self.scratch);
        inner.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Restrict fontconfig to the brand's fonts.
        let config = self.fonts.join("fonts.conf");
        if config.is_file() {
            inner.env("FONTCONFIG_FILE", config).env("XDG_CACHE_HOME", &self.scratch);
        }
        let mut command = FfmpegCommand::from(inner);
        Ok(KillOnDrop(command.spawn().map_err(|error| cannot_start("ffmpeg", &error))?))
    }

    /// Returns the last errors, without the path of the scratch folder. Omits messages from libass, because they may
    /// quote a caption.
    fn last_errors(&self, log: &[String]) -> String {
        let errors = log.iter().filter(|line| line.contains("[error]") || line.contains("[fatal]"));
        let printable: Vec<&String> =
            errors.filter(|line| !line.contains("Parsed_ass") && !line.contains("Dialogue")).collect();
        let last = printable.iter().skip(printable.len().saturating_sub(4)).map(|line| {
            let line = line.replace(&*self.scratch.to_string_lossy(), "<scratch>");
            line.chars().take(240).collect::<String>()
        });
        let last: Vec<String> = last.collect();
        if last.is_empty() { "no reason given".to_owned() } else { last.join("; ") }
    }

    /// Returns ffprobe's description of a file as JSON.
    pub(crate) fn probe(&self, doing: &'static str, file: &Path) -> Result<Vec<u8>, Error> {
        probe(&self.tools, doing, file, &[])
    }

    /// Returns ffprobe's description of a file and its first frame as JSON.
    pub(crate) fn probe_first_frame(&self, file: &Path) -> Result<Vec<u8>, Error> {
        probe(&self.tools, "describing an image", file, &["-show_frames", "-read_intervals", "%+#1"])
    }
}

impl KillOnDrop {
    /// Waits for the process to end and returns the log. Kills the process when it returns early.
    fn wait(
        mut self,
        runner: &FfmpegRunner,
        doing: &'static str,
        progress: &dyn Fn(f64),
    ) -> Result<Vec<String>, Error> {
        let failed = |reason: String| Error::Failed { program: "ffmpeg", doing, reason };
        let timed_out = |reason: String| Error::TimedOut { program: "ffmpeg", doing, reason };
        let deadline = "exceeded video.deadline_seconds in bespoke.toml".to_owned();
        let events = self.0.iter().map_err(|error| failed(error.to_string()))?;
        // The crate's iterator blocks without a timeout. Running it in a separate thread lets this thread check the
        // deadline.
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for event in events {
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let mut log = Vec::new();
        let mut last_event = Instant::now();
        loop {
            if runner.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if Instant::now() >= runner.deadline {
                return Err(timed_out(deadline.clone()));
            }
            match receiver.recv_timeout(POLL_INTERVAL) {
                Ok(FfmpegEvent::Progress(now)) => progress(parse_time_str(&now.time).unwrap_or(0.0)),
                Ok(FfmpegEvent::Log(level, line)) => {
                    // A line may contain a measurement or an error. It still includes its level.
                    if level != LogLevel::Unknown || !line.is_empty() {
                        log.push(line);
                    }
                }
                Ok(FfmpegEvent::LogEOF) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    if last_event.elapsed() > SILENCE_LIMIT {
                        return Err(timed_out(format!("no output for {} s", SILENCE_LIMIT.as_secs())));
                    }
                    continue;
                }
            }
            last_event = Instant::now();
        }
        // The log has ended, so the process has ended or is about to end.
        let status = loop {
            match self.0.as_inner_mut().try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() >= runner.deadline => {
                    return Err(timed_out(deadline.clone()));
                }
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(failed(error.to_string())),
            }
        };
        if status.success() { Ok(log) } else { Err(failed(format!("{status}: {}", runner.last_errors(&log)))) }
    }
}

/// Returns ffprobe's description of a file as JSON.
pub(crate) fn probe(tools: &Tools, doing: &'static str, file: &Path, options: &[&str]) -> Result<Vec<u8>, Error> {
    let (program, before) = launched(&tools.ffprobe);
    let output = std::process::Command::new(program)
        .args(before)
        .env_clear()
        .envs(child_environment())
        .args(["-v", "error", "-protocol_whitelist", "file", "-print_format", "json", "-show_format", "-show_streams"])
        .args(options)
        .arg("-i")
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_start("ffprobe", &error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let last = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("no reason given").to_owned();
    let reason = last.replace(&*file.to_string_lossy(), "the file");
    Err(Error::Failed { program: "ffprobe", doing, reason })
}

/// Returns a program's output for an option such as `-version`.
pub(crate) fn query(program: &'static str, path: &Path, option: &str) -> Result<String, Error> {
    let output = std::process::Command::new(path)
        .env_clear()
        .envs(child_environment())
        .args(["-hide_banner", option])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| cannot_start(program, &error))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn program_sees_no_variable_that_may_contain_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ffmpeg");
        std::fs::write(&program, "#!/bin/sh\nenv\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        // cargo sets this variable for the test. Here, it plays the role of a bank's key.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let environment = query("ffmpeg", &program, "-version").unwrap();
        assert!(environment.contains("PATH=") && !environment.contains("CARGO_MANIFEST_DIR"), "{environment}");
    }
}
