//! The events of each run, written as they come, so that their numbers stay when the server is started again.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use api::Event;
use api::events::Kind;
use contracts::{ErrorName, RunId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::folder::create_private;

/// How many journals are kept open that nobody uses.
const KEPT: usize = 64;

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

/// What happened to one run.
pub struct Journal {
    path: PathBuf,
    events: Mutex<Vec<Event>>,
    /// The number of the last event.
    last: watch::Sender<u64>,
    stop: CancellationToken,
}

impl Journal {
    /// Reads what was written. A line that a killed process left half-written is cut off.
    fn read(path: PathBuf, stop: CancellationToken) -> std::io::Result<Self> {
        let mut events: Vec<Event> = Vec::new();
        match File::options().read(true).write(true).open(&path) {
            Ok(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                let mut whole = 0;
                for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
                    let Ok(event) = serde_json::from_slice(line) else { break };
                    events.push(event);
                    whole += line.len() as u64;
                }
                file.set_len(whole)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let last = watch::Sender::new(events.len() as u64);
        Ok(Self { path, events: Mutex::new(events), last, stop })
    }

    /// Adds an event, and gives it its number. An event that cannot be written is told all the same: the run must not fail
    /// because of what is told of it.
    pub fn tell(&self, event: Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Event { n: events.len() as u64 + 1, ..event };
        let write = || {
            let mut line = serde_json::to_vec(&event)?;
            line.push(b'\n');
            File::options().create(true).append(true).open(&self.path)?.write_all(&line)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, "an event cannot be written");
        }
        let n = event.n;
        events.push(event);
        drop(events);
        self.last.send_replace(n);
    }

    /// The events after number `after`.
    pub fn after(&self, after: u64) -> Vec<Event> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let after = usize::try_from(after).unwrap_or(usize::MAX).min(events.len());
        events[after..].to_vec()
    }

    /// Whether the text was told of.
    pub fn has_text(&self) -> bool {
        self.after(0).iter().any(|event| event.kind == Kind::Text)
    }

    /// Waits for an event after number `after`. False if the server stops before.
    pub async fn more(&self, after: u64) -> bool {
        let mut last = self.last.subscribe();
        tokio::select! {
            there = last.wait_for(|last| *last > after) => there.is_ok(),
            () = self.stop.cancelled() => false,
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
        let numbers: Vec<u64> = journal.after(0).iter().map(|event| event.n).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(journal.after(3).len(), 1);
        assert_eq!(journal.after(99), []);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
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
