//! A cache of facts about files, which all renders in a process share: ffprobe's descriptions, the loudness of the music, and
//! the paths of prepared backgrounds.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use contracts::Digest;

use crate::background_luma::BackgroundLuma;
use crate::error::Error;
use crate::measure::{Probe, SoundMeasures};

/// Results that are kept across renders. Concurrent renders wait for each other instead of measuring the same file
/// twice. If a file has changed, it is measured again.
#[derive(Debug, Default)]
pub struct ProbeCache {
    pub(crate) probes: FileCache<Probe>,
    pub(crate) sounds: FileCache<SoundMeasures>,
    pub(crate) backgrounds: FileCache<PreparedBackground>,
    /// The versions of ffmpeg, by program file.
    pub(crate) versions: FileCache<String>,
    /// The digests of scene templates, drawings, fonts and images, by file.
    pub(crate) digests: FileCache<Digest>,
    /// The locks of scenes that are being made, so concurrent renders make each only once.
    pub(crate) scenes: SceneLocks,
}

/// One lock for each shared scene.
#[derive(Debug, Default)]
pub(crate) struct SceneLocks(Mutex<HashMap<Digest, Arc<Mutex<()>>>>);

impl SceneLocks {
    /// Returns the lock of a scene. The first render that holds it makes the scene.
    pub(crate) fn lock(&self, scene: Digest) -> Arc<Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Remove the locks that no render uses.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        locks.entry(scene).or_default().clone()
    }
}

/// A background that fits the frame.
#[derive(Clone, Debug)]
pub(crate) struct PreparedBackground {
    pub path: PathBuf,
    pub luma: BackgroundLuma,
}

/// The state of a file: its path, its length in bytes, its modification time, and the requested variant.
type FileState = (PathBuf, u64, Option<SystemTime>, String);

/// One kind of result, keyed by the state of the file.
#[derive(Debug)]
pub(crate) struct FileCache<T>(Mutex<HashMap<FileState, T>>);

impl<T> Default for FileCache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> FileCache<T> {
    /// Returns the cached result for a file, or computes and caches it. Errors are not cached, so the next call tries
    /// again.
    pub(crate) fn get_or_try_insert(
        &self,
        file: &Path,
        variant: &str,
        compute: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (length, modified) =
            file.metadata().map_or((0, None), |metadata| (metadata.len(), metadata.modified().ok()));
        let state = (file.to_owned(), length, modified, variant.to_owned());
        // Each result is inserted in full, so a panic in another thread leaves the map consistent.
        let mut results = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = results.get(&state) {
            return Ok(result.clone());
        }
        let result = compute()?;
        results.insert(state, result.clone());
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn result_is_cached_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("logo.png");
        std::fs::write(&file, "logo").unwrap();
        let cache = FileCache::default();
        let calls = Cell::new(0);
        let get = |variant: &str| {
            let compute = || {
                calls.set(calls.get() + 1);
                if calls.get() == 1 { Err(Error::Cancelled) } else { Ok(calls.get()) }
            };
            cache.get_or_try_insert(&file, variant, compute)
        };
        assert!(get("").is_err(), "an error is not cached");
        assert_eq!((get("").unwrap(), get("").unwrap()), (2, 2));
        assert_eq!(get("another size").unwrap(), 3);
        std::fs::write(&file, "another logo").unwrap();
        assert_eq!(get("").unwrap(), 4);
    }
}
