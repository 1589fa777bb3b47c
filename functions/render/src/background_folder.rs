//! The bank's own backgrounds, in the store's folder `config/backgrounds/`. A run records their digests when it starts, so
//! a file that is later replaced or removed changes none of its videos.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use contracts::key::Prefix;
use contracts::settings::Video;
use contracts::store::{ObjectStore, StoreError};
use contracts::{BackgroundName, Digest, ObjectKey};

use crate::error::Error;

/// The largest accepted file, bytes. A loop of a few minutes has a tenth of it.
const MAX_BYTES: u64 = 256 << 20;

/// Returns the backgrounds from which each customer of a new run gets one, with the digests that the request records: the
/// background that the settings name, or all files of the folder.
pub async fn background_digests(
    store: &dyn ObjectStore,
    settings: &Video,
) -> Result<BTreeMap<BackgroundName, Digest>, Error> {
    let names = match &settings.background {
        Some(name) => vec![name.clone()],
        None => list_names(store).await?,
    };
    let mut digests = BTreeMap::new();
    for name in names {
        let bytes = match read(store, &name).await {
            Err(Error::Store(StoreError::NotFound { key })) => return Err(broken(key, "not found")),
            result => result?,
        };
        digests.insert(name, Digest::of(&bytes));
    }
    Ok(digests)
}

/// Lists the names in the folder. Skips names that begin with a full stop, and the folder's own entry.
async fn list_names(store: &dyn ObjectStore) -> Result<Vec<BackgroundName>, Error> {
    let prefix = Prefix::Backgrounds.to_string();
    let listed = store.list(&Prefix::Backgrounds).await?;
    let names = listed.iter().filter_map(|entry| entry.key.strip_prefix(&prefix));
    let visible = names.filter(|name| !name.is_empty() && !name.starts_with('.'));
    let invalid = |_| broken(prefix.clone(), "a file name must be 1 to 64 letters, digits, '-', '_' or '.'");
    visible.map(|name| BackgroundName::parse(name).map_err(invalid)).collect()
}

/// The folders for copies of backgrounds on this machine.
pub(crate) struct LocalCopies<'a> {
    /// The folder in which fetched and prepared backgrounds are kept.
    pub folder: &'a Path,
    /// A private folder for files that are not complete yet.
    pub scratch: &'a Path,
}

/// Returns the local copy of a background that a run recorded. Fetches it on first use and keeps it under its digest.
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
    let bytes = match read(store, name).await {
        Err(Error::Store(StoreError::NotFound { .. })) => return Err(changed()),
        result => result?,
    };
    if Digest::of(&bytes) != *digest {
        return Err(changed());
    }
    // Two renders that fetch it at once write the same bytes.
    let write = || {
        std::fs::create_dir_all(copies.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(copies.scratch)?;
        file.write_all(&bytes)?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(Error::Scratch)?;
    Ok(path)
}

async fn read(store: &dyn ObjectStore, name: &BackgroundName) -> Result<Bytes, Error> {
    let key = ObjectKey::Background(name.clone());
    let bytes = store.get_range(&key, 0, MAX_BYTES + 1).await?;
    if bytes.len() as u64 > MAX_BYTES { Err(broken(key.to_string(), "larger than 256 MB")) } else { Ok(bytes) }
}

fn broken(file: String, reason: &str) -> Error {
    Error::AssetBroken { file, reason: reason.to_owned() }
}
