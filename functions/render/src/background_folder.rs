//! The bank's own backgrounds, in the store under `config/backgrounds/`. A run records their digests when it starts, so
//! replacing or removing a file later does not change the run's videos.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use contracts::key::Prefix;
use contracts::settings::VideoSettings;
use contracts::{BackgroundName, Digest, ObjectKey};
use storage::store::{ObjectStore, StoreError};

use crate::error::Error;
use crate::file_digest::PartialDigest;

/// The maximum size of a file in bytes. A loop of a few minutes takes about a tenth of that.
const MAX_BYTES: u64 = 256 << 20;

/// The size in bytes of one read from the store.
const CHUNK_BYTES: usize = 4 << 20;

/// Returns the backgrounds for a new run, with the digests that the request records. They are the background in the
/// settings or, if the settings specify none, all files in the folder. Each customer in the run gets one of them.
pub async fn background_digests(
    store: &dyn ObjectStore,
    settings: &VideoSettings,
) -> Result<BTreeMap<BackgroundName, Digest>, Error> {
    let names = match &settings.background {
        Some(name) => vec![name.clone()],
        None => list_names(store).await?,
    };
    let mut digests = BTreeMap::new();
    for name in names {
        let digest = match read(store, &name, &mut |_| Ok(())).await {
            Err(Error::Store(StoreError::NotFound { key })) => return Err(broken(key, "not found")),
            result => result?,
        };
        digests.insert(name, digest);
    }
    Ok(digests)
}

/// Lists the file names in the folder. Skips names that begin with a period, and the entry for the folder itself.
async fn list_names(store: &dyn ObjectStore) -> Result<Vec<BackgroundName>, Error> {
    let prefix = Prefix::Backgrounds.to_string();
    let listed = store.list(&Prefix::Backgrounds).await?;
    let names = listed.iter().filter_map(|entry| entry.key.strip_prefix(&prefix));
    let visible = names.filter(|name| !name.is_empty() && !name.starts_with('.'));
    let invalid = |_| broken(prefix.clone(), "a file name must be 1 to 64 letters, digits, '-', '_' or '.'");
    visible.map(|name| BackgroundName::parse(name).map_err(invalid)).collect()
}

/// The folders for local copies of backgrounds.
pub(crate) struct LocalCopies<'a> {
    /// The folder for fetched and prepared backgrounds.
    pub folder: &'a Path,
    /// A private folder for incomplete files.
    pub scratch: &'a Path,
}

/// Returns the local copy of a background that a run recorded. Fetches it on first use and stores it by its digest.
pub(crate) async fn fetch(
    store: &dyn ObjectStore,
    copies: &LocalCopies<'_>,
    name: &BackgroundName,
    digest: &Digest,
) -> Result<PathBuf, Error> {
    let path = copies.folder.join(digest.short());
    if path.is_file() {
        return Ok(path);
    }
    let changed = || Error::BackgroundChanged { key: ObjectKey::Background(name.clone()).to_string() };
    let mut file = tempfile::NamedTempFile::new_in(copies.scratch).map_err(Error::Scratch)?;
    let fetched = match read(store, name, &mut |chunk| file.write_all(chunk)).await {
        Err(Error::Store(StoreError::NotFound { .. })) => return Err(changed()),
        result => result?,
    };
    if fetched != *digest {
        return Err(changed());
    }
    // If two renders fetch the file concurrently, they write the same bytes.
    std::fs::create_dir_all(copies.folder).map_err(Error::Scratch)?;
    file.persist(&path).map_err(|error| Error::Scratch(error.error))?;
    Ok(path)
}

/// Reads a background in chunks and returns its digest.
async fn read(
    store: &dyn ObjectStore,
    name: &BackgroundName,
    write: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
) -> Result<Digest, Error> {
    let key = ObjectKey::Background(name.clone());
    let mut digest = PartialDigest::default();
    let mut offset = 0;
    loop {
        // One extra byte shows whether another chunk follows.
        let bytes = store.get_range(&key, offset, CHUNK_BYTES as u64 + 1).await?;
        let chunk = &bytes[..bytes.len().min(CHUNK_BYTES)];
        digest.update(chunk);
        write(chunk).map_err(Error::Scratch)?;
        offset += chunk.len() as u64;
        if offset > MAX_BYTES {
            return Err(broken(key.to_string(), "larger than 256 MB"));
        }
        if chunk.len() == bytes.len() {
            return Ok(digest.finish());
        }
    }
}

fn broken(file: String, reason: &str) -> Error {
    Error::AssetBroken { file, reason: reason.to_owned() }
}
