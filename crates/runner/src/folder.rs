//! A folder as an object store. Each object is a file that a person can open, and each write is atomic.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use contracts::ObjectKey;
use contracts::key::Prefix;
use jiff::Timestamp;
use storage::store::{ListedObject, ObjectStore, PutOutcome, ReplaceOutcome, StoreError};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// The folder for temporary files below the root. Each run empties it first, in case a killed process left files
/// behind.
pub const SCRATCH: &str = ".scratch";

/// The folder below the root for backgrounds that were fetched or prepared for a frame size.
pub const BACKGROUNDS: &str = ".backgrounds";

/// A store in one folder. Mounts map some keys to files elsewhere.
#[derive(Debug)]
pub struct FolderStore {
    root: PathBuf,
    mounts: Vec<(String, PathBuf)>,
}

impl FolderStore {
    /// Opens a store in `root`. Creates the folder, accessible only to this user, if it does not exist.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        // Absolute paths stay valid for a reader in another working directory.
        let root = std::path::absolute(root)?;
        create_private(&root.join(SCRATCH))?;
        Ok(Self { root, mounts: Vec::new() })
    }

    /// Maps the keys that start with `prefix` to `path`. The path is a file if the prefix is a whole key, and a folder
    /// otherwise.
    #[must_use]
    pub fn mount(mut self, prefix: &str, path: &Path) -> Self {
        self.mounts.push((prefix.to_owned(), path.to_owned()));
        self
    }

    /// Returns the path of a key's file, even if the file does not exist.
    #[must_use]
    pub fn path(&self, key: &ObjectKey) -> PathBuf {
        let key = key.to_string();
        for (prefix, path) in &self.mounts {
            if key == *prefix {
                return path.clone();
            }
            if let Some(rest) = key.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix('/')) {
                return path.join(rest);
            }
        }
        self.root.join(key)
    }

    /// Writes a temporary file in the same file system, and passes it to `place`, which moves it to its final path.
    async fn staged(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        place: impl FnOnce(NamedTempFile, &Path) -> std::io::Result<PutOutcome> + Send + 'static,
    ) -> Result<PutOutcome, StoreError> {
        let path = self.path(key);
        let scratch = self.root.join(SCRATCH);
        let written = tokio::task::spawn_blocking(move || {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            let mut file = NamedTempFile::new_in(scratch)?;
            file.write_all(&bytes)?;
            file.as_file().sync_data()?;
            let outcome = place(file, &path)?;
            // Without this, a power failure could undo the move, and with it a withdrawal that was already
            // acknowledged.
            if let Some(parent) = path.parent() {
                sync_folder(parent)?;
            }
            Ok(outcome)
        });
        written.await.map_err(std::io::Error::other).flatten().map_err(|error| fault(key, "write", &error))
    }
}

/// Syncs the entries of a folder to the disk.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Does nothing, because other systems cannot open a folder as a file.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Syncs the file system of a folder to the disk.
#[cfg(target_os = "linux")]
fn sync(folder: &Path) -> std::io::Result<()> {
    Ok(rustix::fs::syncfs(std::fs::File::open(folder)?)?)
}

/// Does nothing, because on other systems each file is synced as it is written.
#[cfg(not(target_os = "linux"))]
fn sync(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

fn unavailable(key: &str, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable { key: key.to_owned(), action: "write", reason: error.to_string() }
}

/// Creates a folder that only this user can enter.
pub fn create_private(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn fault(key: &ObjectKey, action: &'static str, error: &std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound => StoreError::NotFound { key: key.to_string() },
        _ => StoreError::Unavailable { key: key.to_string(), action, reason: error.to_string() },
    }
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        let bytes = tokio::fs::read(self.path(key)).await.map_err(|error| fault(key, "read", &error))?;
        Ok(bytes.into())
    }

    async fn get_range(&self, key: &ObjectKey, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        let read = async {
            let mut file = tokio::fs::File::open(self.path(key)).await?;
            file.seek(std::io::SeekFrom::Start(offset)).await?;
            let mut bytes = Vec::new();
            file.take(length).read_to_end(&mut bytes).await?;
            Ok::<_, std::io::Error>(bytes)
        };
        Ok(read.await.map_err(|error| fault(key, "read", &error))?.into())
    }

    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        let replace = |file: NamedTempFile, path: &Path| {
            file.persist(path)?;
            Ok(PutOutcome::Created)
        };
        self.staged(key, bytes, replace).await.map(|_| ())
    }

    async fn put_new(&self, key: &ObjectKey, bytes: Bytes) -> Result<PutOutcome, StoreError> {
        let unless_there = |file: NamedTempFile, path: &Path| match file.persist_noclobber(path) {
            Ok(_) => Ok(PutOutcome::Created),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(PutOutcome::AlreadyExists),
            Err(error) => Err(error.error),
        };
        self.staged(key, bytes, unless_there).await
    }

    /// Compares and replaces under a lock on the folder's own lock file, which all processes respect.
    async fn replace(&self, key: &ObjectKey, old: &Bytes, new: Bytes) -> Result<ReplaceOutcome, StoreError> {
        let lock = self.root.join(SCRATCH).with_extension("lock");
        let expected = old.clone();
        let if_unchanged = move |file: NamedTempFile, path: &Path| {
            let lock = std::fs::File::options().create(true).append(true).open(lock)?;
            lock.lock()?;
            match std::fs::read(path) {
                Ok(stored) if stored == expected => {
                    file.persist(path).map(|_| PutOutcome::Created).map_err(|error| error.error)
                }
                Ok(_) => Ok(PutOutcome::AlreadyExists),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(PutOutcome::AlreadyExists),
                Err(error) => Err(error),
            }
        };
        Ok(match self.staged(key, new, if_unchanged).await? {
            PutOutcome::Created => ReplaceOutcome::Replaced,
            PutOutcome::AlreadyExists => ReplaceOutcome::Changed,
        })
    }

    /// Writes all files, syncs the file system once, and then moves the files into place. Syncing each file separately
    /// would take a thousand times as long as writing it. Only Linux can sync a file system; elsewhere, each file is
    /// synced.
    async fn put_all_new(&self, objects: Vec<(ObjectKey, Bytes)>) -> Result<Vec<PutOutcome>, StoreError> {
        let scratch = self.root.join(SCRATCH);
        let objects: Vec<(PathBuf, ObjectKey, Bytes)> =
            objects.into_iter().map(|(key, bytes)| (self.path(&key), key, bytes)).collect();
        let written = tokio::task::spawn_blocking(move || {
            let mut staged = Vec::with_capacity(objects.len());
            let mut created = None;
            for (path, key, bytes) in &objects {
                let mut stage = || {
                    if let Some(parent) = path.parent()
                        && created != Some(parent)
                    {
                        std::fs::create_dir_all(parent)?;
                        created = Some(parent);
                    }
                    let mut file = NamedTempFile::new_in(&scratch)?;
                    file.write_all(bytes)?;
                    if !cfg!(target_os = "linux") {
                        file.as_file().sync_data()?;
                    }
                    Ok(file.into_temp_path())
                };
                staged.push((stage().map_err(|error| fault(key, "write", &error))?, path, key));
            }
            sync(&scratch).map_err(|error| unavailable(SCRATCH, &error))?;
            let place = |(file, path, key): (TempPath, &PathBuf, &ObjectKey)| match file.persist_noclobber(path) {
                Ok(()) => Ok(PutOutcome::Created),
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(PutOutcome::AlreadyExists),
                Err(error) => Err(fault(key, "write", &error.error)),
            };
            staged.into_iter().map(place).collect()
        });
        written.await.map_err(|panic| unavailable(SCRATCH, &std::io::Error::other(panic))).flatten()
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        match tokio::fs::remove_file(self.path(key)).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(fault(key, "delete", &error)),
        }
    }

    async fn erase(&self, listed: &str) -> Result<(), StoreError> {
        let failed = |reason: String| StoreError::Unavailable { key: listed.to_owned(), action: "erase", reason };
        // A listed key never points outside the folder, so refuse any other path.
        let path = Path::new(listed);
        if !path.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
            return Err(failed("not a key".to_owned()));
        }
        match tokio::fs::remove_file(self.root.join(path)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error.to_string())),
            _ => Ok(()),
        }
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<ListedObject>, StoreError> {
        let prefix = prefix.to_string();
        let mounted = self.mounts.iter().find(|(mount, _)| prefix.strip_suffix('/') == Some(mount));
        let (root, folder, start) = match mounted {
            Some((_, path)) => (path.clone(), path.clone(), prefix.clone()),
            None => (self.root.clone(), self.root.join(&prefix), String::new()),
        };
        let listed = tokio::task::spawn_blocking(move || files_below(&root, &folder, &start));
        listed.await.map_err(std::io::Error::other).flatten().map_err(|error| StoreError::Unavailable {
            key: prefix,
            action: "list",
            reason: error.to_string(),
        })
    }
}

/// Returns every file below a folder by its path relative to `root`, prefixed with `start`. Returns an empty list if
/// the folder does not exist.
fn files_below(root: &Path, folder: &Path, start: &str) -> std::io::Result<Vec<ListedObject>> {
    let mut listed = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if path.is_dir() {
                // A folder behind a symbolic link does not belong to the store, and a listed file may be deleted.
                if !entry.file_type()?.is_symlink() {
                    folders.push(path);
                }
            } else if let Some(key) = path.strip_prefix(root).ok().and_then(Path::to_str) {
                let modified = Timestamp::try_from(path.metadata()?.modified()?).map_err(std::io::Error::other)?;
                listed.push(ListedObject { key: format!("{start}{key}"), modified });
            }
        }
    }
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use contracts::Batch;
    use contracts::key::Workbook;

    use super::*;

    fn key() -> ObjectKey {
        ObjectKey::Incoming(Batch::parse("local").unwrap(), Workbook::Profile)
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn linked_folder_is_not_listed() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("diary.txt"), "mine").unwrap();
        let store = FolderStore::open(root.path()).unwrap();
        store.put(&key(), "own".into()).await.unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("incoming/linked")).unwrap();
        let listed = store.list(&Prefix::Area(contracts::key::Area::Incoming)).await.unwrap();
        assert_eq!(listed.into_iter().map(|listed| listed.key).collect::<Vec<_>>(), [key().to_string()]);
    }

    #[tokio::test]
    async fn folder_passes_the_store_suite() {
        let root = tempfile::tempdir().unwrap();
        storage::suite::run(&FolderStore::open(root.path()).unwrap()).await;
        assert_eq!(std::fs::read_dir(root.path().join(SCRATCH)).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn mounted_folder_is_read_in_place() {
        let root = tempfile::tempdir().unwrap();
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("customer_profile.xlsx"), b"rows").unwrap();
        let store = FolderStore::open(root.path()).unwrap().mount("incoming/local", data.path());
        assert_eq!(store.get(&key()).await.unwrap(), "rows");

        let store = store.mount("config/backgrounds", data.path());
        let listed = store.list(&Prefix::Backgrounds).await.unwrap();
        let keys: Vec<_> = listed.iter().map(|listed| listed.key.as_str()).collect();
        assert_eq!(keys, ["config/backgrounds/customer_profile.xlsx"]);
    }

    #[tokio::test]
    async fn losing_write_leaves_no_temporary_file() {
        let root = tempfile::tempdir().unwrap();
        let store = FolderStore::open(root.path()).unwrap();
        assert_eq!(store.put_new(&key(), "first".into()).await.unwrap(), PutOutcome::Created);
        assert_eq!(store.put_new(&key(), "second".into()).await.unwrap(), PutOutcome::AlreadyExists);
        assert_eq!(store.get(&key()).await.unwrap(), "first");
        assert_eq!(std::fs::read_dir(root.path().join(SCRATCH)).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn folder_is_private_to_its_user() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let inside = root.path().join("artifacts");
        FolderStore::open(&inside).unwrap();
        assert_eq!(inside.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}
