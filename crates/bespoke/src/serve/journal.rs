//! The events of each run, written as they come, so that their numbers stay when the server is started again.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::view::{RunEvent as Event, RunEventKind as Kind};
use contracts::{ErrorName, RunId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::folder::create_private;

/// How many journals are kept open that nobody uses.
const KEPT: usize = 64;

/// When it is tried again to write what could not be written.
const AGAIN: Duration = Duration::from_secs(2);

/// The journals of all runs.
pub struct Journals {
    folder: PathBuf,
    open: Mutex<HashMap<RunId, Arc<Journal>>>,
    stop: CancellationToken,
}

impl Journals {
    /// Journals in `folder`.
    pub fn open(folder: &Path, stop: CancellationToken) -> Result<Self, Failure> {
        create_private(folder).map_err(Failure::file(ErrorName::StoreUnavailable, folder))?;
        Ok(Self { folder: folder.to_owned(), open: Mutex::default(), stop })
    }

    /// The journal of a run, empty if nothing has happened.
    pub fn of(&self, run: &RunId) -> Result<Arc<Journal>, Failure> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(journal) = open.get(run) {
            return Ok(journal.clone());
        }
        if open.len() >= KEPT {
            open.retain(|_, journal| Arc::strong_count(journal) > 1);
        }
        let path = self.folder.join(format!("{run}.jsonl"));
        let journal = Journal::read(path.clone(), self.stop.clone());
        let journal = Arc::new(journal.map_err(Failure::file(ErrorName::StoreUnavailable, &path))?);
        open.insert(run.clone(), journal.clone());
        Ok(journal)
    }
}

/// What happened to one run. An event is told to nobody before it lies in the file: whoever has seen a number finds the same
/// event under it for good.
pub struct Journal {
    path: PathBuf,
    lines: Mutex<Lines>,
    /// The number of the last event that can be told.
    last: watch::Sender<u64>,
    stop: CancellationToken,
}

/// The events, each with its place as its number, from 1.
#[derive(Default)]
struct Lines {
    events: Vec<Event>,
    /// How many of them the file holds, and in how many bytes.
    written: usize,
    bytes: u64,
    /// Whether the last write failed, which is said once.
    failing: bool,
}

impl Journal {
    /// Reads what was written. A line that a killed process left half-written is cut off.
    fn read(path: PathBuf, stop: CancellationToken) -> std::io::Result<Self> {
        let mut lines = Lines::default();
        match std::fs::read(&path) {
            Ok(bytes) => {
                for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
                    let Ok(event) = serde_json::from_slice::<Event>(line) else { break };
                    if event.number != lines.events.len() as u64 + 1 {
                        break;
                    }
                    lines.events.push(event);
                    lines.bytes += line.len() as u64;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        lines.written = lines.events.len();
        let last = watch::Sender::new(lines.written as u64);
        Ok(Self { path, lines: Mutex::new(lines), last, stop })
    }

    /// Adds an event, and gives it its number. One that cannot be written is told once it can: the run must not fail because
    /// of what is told of it.
    pub fn tell(&self, event: Event) {
        let mut lines = self.lines();
        let n = lines.events.len() as u64 + 1;
        lines.events.push(Event { number: n, ..event });
        self.write(&mut lines);
    }

    /// Whether all that happened is written.
    pub fn is_written(&self) -> bool {
        let mut lines = self.lines();
        self.write(&mut lines);
        lines.written == lines.events.len()
    }

    /// Writes what is not written yet, in the place of what a write that failed left of it.
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
                tracing::warn!(%error, path = %self.path.display(), "events cannot be written, and are told once they can");
            }
            Err(_) => {}
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events after number `after`.
    pub fn after(&self, after: u64) -> Vec<Event> {
        let mut lines = self.lines();
        self.write(&mut lines);
        let told = &lines.events[..lines.written];
        told[usize::try_from(after).unwrap_or(usize::MAX).min(told.len())..].to_vec()
    }

    /// Whether the text was told of.
    pub fn has_text(&self) -> bool {
        self.lines().events.iter().any(|event| event.kind == Kind::Text)
    }

    /// Waits for an event after number `after`. False if the server stops before.
    pub async fn more(&self, after: u64) -> bool {
        let mut last = self.last.subscribe();
        loop {
            // What could not be written may be by now.
            self.is_written();
            tokio::select! {
                there = last.wait_for(|last| *last > after) => return there.is_ok(),
                () = self.stop.cancelled() => return false,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn log() -> Event {
        Event::new(0, Timestamp::UNIX_EPOCH, Kind::Log)
    }

    fn run() -> RunId {
        RunId::parse("run-1").unwrap()
    }

    #[test]
    fn numbers_stay_when_the_server_is_started_again_even_after_a_kill_in_the_middle_of_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::open(folder.path(), CancellationToken::new()).unwrap();
        for _ in 0..3 {
            journals.of(&run()).unwrap().tell(log());
        }
        let path = folder.path().join("run-1.jsonl");
        let before = std::fs::read(&path).unwrap();
        std::fs::write(&path, [before.as_slice(), b"{\"n\":4,\"at\""].concat()).unwrap();

        let journals = Journals::open(folder.path(), CancellationToken::new()).unwrap();
        let journal = journals.of(&run()).unwrap();
        journal.tell(log());
        let numbers: Vec<u64> = journal.after(0).iter().map(|event| event.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(journal.after(3).len(), 1);
        assert_eq!(journal.after(99), []);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
    }

    #[tokio::test]
    async fn what_could_not_be_written_is_told_once_it_is_and_no_number_is_told_twice_or_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run-1.jsonl");
        let journals = Journals::open(folder.path(), CancellationToken::new()).unwrap();
        let journal = journals.of(&run()).unwrap();
        journal.tell(log());
        // What stood there is elsewhere, and nothing can be written in its place.
        let (aside, whole) = (folder.path().join("aside"), std::fs::read(&path).unwrap());
        std::fs::rename(&path, &aside).unwrap();
        std::fs::create_dir(&path).unwrap();
        journal.tell(Event { message: Some("second".to_owned()), ..log() });
        journal.tell(Event { message: Some("third".to_owned()), ..log() });
        assert_eq!(journal.after(0).len(), 1, "what a restart would forget is told to nobody");
        assert!(!journal.is_written());

        // The disk has room again, after half of a line.
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, [whole.as_slice(), b"{\"n\":2,\"at\""].concat()).unwrap();
        assert!(journal.more(1).await, "whoever waits is told without another event");
        let told = journal.after(0);
        assert_eq!(told.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(told[1].message.as_deref(), Some("second"));

        let journals = Journals::open(folder.path(), CancellationToken::new()).unwrap();
        let journal = journals.of(&run()).unwrap();
        assert_eq!(journal.after(0), told, "and so after a restart");
        journal.tell(log());
        assert_eq!(journal.after(3)[0].number, 4);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_of_the_next_event_and_of_the_servers_end() {
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let journals = Journals::open(folder.path(), stop.clone()).unwrap();
        let journal = journals.of(&run()).unwrap();
        let (there, ()) = tokio::join!(journal.more(0), async { journal.tell(log()) });
        assert!(there);
        let (there, ()) = tokio::join!(journal.more(1), async { stop.cancel() });
        assert!(!there);
    }
}
