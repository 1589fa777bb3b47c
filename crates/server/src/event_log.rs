//! The events of each run on disk. The log persists each event before publishing it, so event numbers survive a
//! restart.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::view::{RunEvent, RunEventKind};
use contracts::{ErrorName, RunId};
use runner::failure::Failure;
use runner::folder::create_private;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The number of open run logs at which the unused ones are closed.
const OPEN_LOGS: usize = 64;

/// The delay before another attempt to write events.
const RETRY: Duration = Duration::from_secs(2);

/// The event logs of all runs.
pub struct DiskEventLog {
    folder: PathBuf,
    open: Mutex<HashMap<RunId, Arc<RunLog>>>,
    stop: CancellationToken,
}

impl DiskEventLog {
    /// Opens the logs in `folder`.
    pub fn open(folder: &Path, stop: CancellationToken) -> Result<Self, Failure> {
        create_private(folder).map_err(Failure::file(ErrorName::StoreUnavailable, folder))?;
        Ok(Self { folder: folder.to_owned(), open: Mutex::default(), stop })
    }

    /// Returns a run's log, which is empty if the run has no events yet.
    pub fn of(&self, run: &RunId) -> Result<Arc<RunLog>, Failure> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = open.get(run) {
            return Ok(log.clone());
        }
        if open.len() >= OPEN_LOGS {
            open.retain(|_, log| Arc::strong_count(log) > 1);
        }
        let path = self.folder.join(format!("{run}.jsonl"));
        let log = RunLog::read(path.clone(), self.stop.clone());
        let log = Arc::new(log.map_err(Failure::file(ErrorName::StoreUnavailable, &path))?);
        open.insert(run.clone(), log.clone());
        Ok(log)
    }
}

/// The events of one run. Readers see an event only after it is in the file, so an event number always refers to the
/// same event.
pub struct RunLog {
    path: PathBuf,
    lines: Mutex<Lines>,
    /// The number of the last event that readers may see.
    last: watch::Sender<u64>,
    stop: CancellationToken,
}

/// The events of a run. An event's number is its position, counted from 1.
#[derive(Default)]
struct Lines {
    events: Vec<RunEvent>,
    /// The number of events in the file.
    written: usize,
    /// The number of bytes that these events occupy in the file.
    bytes: u64,
    /// Whether the last write failed. Only the first failure is logged.
    failing: bool,
}

impl RunLog {
    /// Reads the file. Ignores everything from the first incomplete or malformed line on, such as one that a killed
    /// process left.
    fn read(path: PathBuf, stop: CancellationToken) -> std::io::Result<Self> {
        let mut lines = Lines::default();
        match std::fs::read(&path) {
            Ok(bytes) => {
                for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
                    let Ok(event) = serde_json::from_slice::<RunEvent>(line) else { break };
                    if event.number != lines.events.len() as u64 + 1 {
                        break;
                    }
                    lines.events.push(event);
                    lines.bytes += line.len() as u64;
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        lines.written = lines.events.len();
        let last = watch::Sender::new(lines.written as u64);
        Ok(Self { path, lines: Mutex::new(lines), last, stop })
    }

    /// Appends an event and numbers it. A full disk must not make the run fail, so if the write fails, a later write
    /// includes the event and publishes it.
    pub fn append(&self, event: RunEvent) {
        let mut lines = self.lines();
        let number = lines.events.len() as u64 + 1;
        lines.events.push(RunEvent { number, ..event });
        self.write(&mut lines);
    }

    /// Returns whether the file holds all events. Tries to write the missing ones first.
    pub fn is_written(&self) -> bool {
        let mut lines = self.lines();
        self.write(&mut lines);
        lines.written == lines.events.len()
    }

    /// Writes the events that are missing from the file, and overwrites the remains of a failed write.
    fn write(&self, lines: &mut Lines) {
        if lines.written == lines.events.len() {
            return;
        }
        let write = || -> std::io::Result<u64> {
            let mut rest = Vec::new();
            for event in &lines.events[lines.written..] {
                serde_json::to_writer(&mut rest, event)?;
                rest.push(b'\n');
            }
            let mut file = File::options().create(true).write(true).truncate(false).open(&self.path)?;
            file.set_len(lines.bytes)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(&rest)?;
            Ok(rest.len() as u64)
        };
        match write() {
            Ok(more) => {
                lines.bytes += more;
                lines.written = lines.events.len();
                lines.failing = false;
                self.last.send_replace(lines.written as u64);
            }
            Err(error) if !lines.failing => {
                lines.failing = true;
                tracing::warn!(%error, path = %self.path.display(), "failed to write events; retrying until a write succeeds");
            }
            Err(_) => {}
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the events after number `after`.
    pub fn after(&self, after: u64) -> Vec<RunEvent> {
        let mut lines = self.lines();
        self.write(&mut lines);
        let published = &lines.events[..lines.written];
        published[usize::try_from(after).unwrap_or(usize::MAX).min(published.len())..].to_vec()
    }

    /// Returns whether the run has a text event.
    pub fn has_text(&self) -> bool {
        self.lines().events.iter().any(|event| event.kind == RunEventKind::Text)
    }

    /// Waits for an event after number `after`. Returns false if the server stops first.
    pub async fn more(&self, after: u64) -> bool {
        let mut last = self.last.subscribe();
        loop {
            // Retry a write that failed before.
            self.is_written();
            tokio::select! {
                found = last.wait_for(|last| *last > after) => return found.is_ok(),
                () = self.stop.cancelled() => return false,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn event() -> RunEvent {
        RunEvent::new(0, Timestamp::UNIX_EPOCH, RunEventKind::Log)
    }

    fn open(folder: &Path) -> Arc<RunLog> {
        DiskEventLog::open(folder, CancellationToken::new()).unwrap().of(&RunId::parse("run-1").unwrap()).unwrap()
    }

    #[test]
    fn event_numbers_survive_a_kill_in_the_middle_of_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path());
        for _ in 0..3 {
            log.append(event());
        }
        let path = folder.path().join("run-1.jsonl");
        let before = std::fs::read(&path).unwrap();
        std::fs::write(&path, [before.as_slice(), b"{\"n\":4,\"at\""].concat()).unwrap();

        let log = open(folder.path());
        log.append(event());
        let numbers: Vec<u64> = log.after(0).iter().map(|event| event.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(log.after(3).len(), 1);
        assert_eq!(log.after(99), []);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
    }

    #[tokio::test]
    async fn unwritten_events_are_published_once_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run-1.jsonl");
        let log = open(folder.path());
        log.append(event());
        // A folder in place of the file makes every write fail.
        let moved = folder.path().join("moved");
        let whole = std::fs::read(&path).unwrap();
        std::fs::rename(&path, &moved).unwrap();
        std::fs::create_dir(&path).unwrap();
        log.append(RunEvent { message: Some("second".to_owned()), ..event() });
        log.append(RunEvent { message: Some("third".to_owned()), ..event() });
        assert_eq!(log.after(0).len(), 1, "readers see only the event that a restart would keep");
        assert!(!log.is_written());

        // The disk works again, but half a line is left over from the failed write.
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, [whole.as_slice(), b"{\"n\":2,\"at\""].concat()).unwrap();
        assert!(log.more(1).await, "a waiting reader gets the event without another one being appended");
        let published = log.after(0);
        assert_eq!(published.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(published[1].message.as_deref(), Some("second"));

        let log = open(folder.path());
        assert_eq!(log.after(0), published, "a restart reads the same events");
        log.append(event());
        assert_eq!(log.after(3)[0].number, 4);
    }

    #[tokio::test]
    async fn readers_wake_for_an_event_and_when_the_server_stops() {
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let log = DiskEventLog::open(folder.path(), stop.clone()).unwrap().of(&RunId::parse("run-1").unwrap()).unwrap();
        let (found, ()) = tokio::join!(log.more(0), async { log.append(event()) });
        assert!(found);
        let (found, ()) = tokio::join!(log.more(1), async { stop.cancel() });
        assert!(!found);
    }
}
