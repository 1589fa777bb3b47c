//! Running ffmpeg and ffprobe: progress, deadline, and an end whenever it is asked for.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ffmpeg_sidecar::command::FfmpegCommand;
use ffmpeg_sidecar::event::{FfmpegEvent, LogLevel};
use ffmpeg_sidecar::log_parser::parse_time_str;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::graph::Arguments;

/// How long ffmpeg may say nothing; it reports its progress twice a second.
const SILENCE: Duration = Duration::from_mins(1);
/// How often it is looked whether to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// The two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// ffmpeg.
    pub ffmpeg: PathBuf,
    /// ffprobe.
    pub ffprobe: PathBuf,
}

/// What all runs of one render share.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    pub tools: Tools,
    pub scratch: PathBuf,
    pub fonts: PathBuf,
    pub cancel: CancellationToken,
    pub deadline: Instant,
}

/// Stops the program on every way out.
struct Running(ffmpeg_sidecar::child::FfmpegChild);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the program has already ended.
        let _ = self.0.kill();
        let _ = self.0.as_inner_mut().wait();
    }
}

fn cannot_start(program: &'static str, error: &std::io::Error) -> Error {
    Error::EngineMissing { program, reason: format!("cannot be started: {}", error.kind()) }
}

impl Runner {
    /// Runs ffmpeg and gives what it logged. `progress` hears seconds of output.
    pub(crate) fn ffmpeg(
        &self,
        doing: &'static str,
        arguments: &Arguments,
        progress: &dyn Fn(f64),
    ) -> Result<Vec<String>, Error> {
        let mut command = FfmpegCommand::new_with_path(&self.tools.ffmpeg);
        command.args(["-hide_banner", "-nostdin"]).args(&arguments.0);
        let inner = command.as_inner_mut();
        inner.current_dir(&self.scratch).stdin(Stdio::piped());
        // Fonts come from the brand alone, not from the machine.
        let config = self.fonts.join("fonts.conf");
        if config.is_file() {
            inner.env("FONTCONFIG_FILE", config).env("XDG_CACHE_HOME", &self.scratch);
        }
        let failed = |reason: String| Error::Failed { program: "ffmpeg", doing, reason };
        let mut child = Running(command.spawn().map_err(|error| cannot_start("ffmpeg", &error))?);
        let events = child.0.iter().map_err(|error| failed(error.to_string()))?;
        // The crate's iterator waits without end; a thread of its own lets this one look at the clock.
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for event in events {
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let mut log = Vec::new();
        let mut heard = Instant::now();
        loop {
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if Instant::now() >= self.deadline {
                return Err(failed("ran out of time (video.deadline_seconds of bespoke.toml)".to_owned()));
            }
            match receiver.recv_timeout(GLANCE) {
                Ok(FfmpegEvent::Progress(now)) => progress(parse_time_str(&now.time).unwrap_or(0.0)),
                Ok(FfmpegEvent::Log(level, line)) => {
                    // Everything is kept that may be a measure or an error; the level is still in the line.
                    if level != LogLevel::Unknown || !line.is_empty() {
                        log.push(line);
                    }
                }
                Ok(FfmpegEvent::LogEOF) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    if heard.elapsed() > SILENCE {
                        return Err(failed(format!("said nothing for {} s", SILENCE.as_secs())));
                    }
                    continue;
                }
            }
            heard = Instant::now();
        }
        // The log has ended, so the program has or is about to.
        let status = loop {
            match child.0.as_inner_mut().try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() >= self.deadline => return Err(failed("ran out of time".to_owned())),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(failed(error.to_string())),
            }
        };
        if status.success() { Ok(log) } else { Err(failed(format!("{status}: {}", self.last_errors(&log)))) }
    }

    /// The last errors, without what libass says, which may quote a caption, and without the machine's paths.
    fn last_errors(&self, log: &[String]) -> String {
        let errors = log.iter().filter(|line| line.contains("[error]") || line.contains("[fatal]"));
        let told: Vec<&String> =
            errors.filter(|line| !line.contains("Parsed_ass") && !line.contains("Dialogue")).collect();
        let last = told.iter().skip(told.len().saturating_sub(4)).map(|line| {
            let line = line.replace(&*self.scratch.to_string_lossy(), "<scratch>");
            line.chars().take(240).collect::<String>()
        });
        let last: Vec<String> = last.collect();
        if last.is_empty() { "it gave no reason".to_owned() } else { last.join("; ") }
    }

    /// What ffprobe says of a file, as JSON.
    pub(crate) fn probe(&self, doing: &'static str, file: &Path) -> Result<Vec<u8>, Error> {
        probe(&self.tools, doing, file)
    }
}

/// What ffprobe says of a file, as JSON.
pub(crate) fn probe(tools: &Tools, doing: &'static str, file: &Path) -> Result<Vec<u8>, Error> {
    let output = std::process::Command::new(&tools.ffprobe)
        .args(["-v", "error", "-protocol_whitelist", "file", "-print_format", "json", "-show_format", "-show_streams"])
        .arg("-i")
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_start("ffprobe", &error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let last = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it gave no reason").to_owned();
    let reason = last.replace(&*file.to_string_lossy(), "the file");
    Err(Error::Failed { program: "ffprobe", doing, reason })
}

/// What ffmpeg prints for a question such as `-version`.
pub(crate) fn ask(tools: &Tools, question: &str) -> Result<String, Error> {
    let output = std::process::Command::new(&tools.ffmpeg)
        .args(["-hide_banner", question])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| cannot_start("ffmpeg", &error))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
