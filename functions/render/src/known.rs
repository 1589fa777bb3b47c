//! What is found out once for all renders of a process: what the brand's files are like, and where the background lies that
//! was prepared for a frame.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::error::Error;
use crate::measure::{Heard, Probe};

/// Kept across renders, and shared by those that go on at once: whoever comes second waits for what the first one finds. A
/// file that has changed since is looked at again.
#[derive(Debug, Default)]
pub struct Known {
    pub(crate) probes: Memory<Probe>,
    pub(crate) sounds: Memory<Heard>,
    pub(crate) backgrounds: Memory<PathBuf>,
}

/// A file as it was: path, length, time of its last change; and what else the answer depends on.
type Asked = (PathBuf, u64, Option<SystemTime>, String);

/// Answers about files.
#[derive(Debug)]
pub(crate) struct Memory<T>(Mutex<HashMap<Asked, T>>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Memory<T> {
    /// The answer about a file, found now or before. What cannot be found is not remembered, so that it is tried again.
    pub(crate) fn of(&self, file: &Path, more: &str, find: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let (length, changed) = file.metadata().map_or((0, None), |found| (found.len(), found.modified().ok()));
        let asked = (file.to_owned(), length, changed, more.to_owned());
        // An answer is put in whole, so that one who panicked while finding another leaves nothing half done.
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answers.get(&asked) {
            return Ok(answer.clone());
        }
        let answer = find()?;
        answers.insert(asked, answer.clone());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_file_is_looked_at_once_until_it_changes_and_a_failure_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logo.png");
        std::fs::write(&file, "logo").unwrap();
        let (memory, looks) = (Memory::default(), Cell::new(0));
        let look = |more: &str| {
            let find = || {
                looks.set(looks.get() + 1);
                if looks.get() == 1 { Err(Error::Cancelled) } else { Ok(looks.get()) }
            };
            memory.of(&file, more, find)
        };
        assert!(look("").is_err());
        assert_eq!((look("").unwrap(), look("").unwrap()), (2, 2));
        assert_eq!(look("of another size").unwrap(), 3);
        std::fs::write(&file, "another logo").unwrap();
        assert_eq!(look("").unwrap(), 4);
    }
}
