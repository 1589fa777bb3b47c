//! The bank's own backgrounds: the folder `config/backgrounds/`, whose files a run names by their digests when it is
//! started, so that a file which is replaced or removed meanwhile changes no video of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use bytes::Bytes;
use contracts::key::Prefix;
use contracts::settings::VideoSettings;
use contracts::{BackgroundName, Digest, ObjectKey};
use storage::store::{ObjectStore, StoreError};

use crate::{Deps, Error};

/// The largest file that is taken, bytes: a loop of some minutes has a tenth of it.
const MOST_BYTES: u64 = 256 << 20;

/// The backgrounds among which each customer of a new run gets one, by the digests that the request is to hold: the one
/// that the settings name, or all of the folder.
pub async fn backgrounds(
    store: &dyn ObjectStore,
    settings: &VideoSettings,
) -> Result<BTreeMap<BackgroundName, Digest>, Error> {
    let mut found = BTreeMap::new();
    let names = match &settings.background {
        Some(name) => vec![name.clone()],
        None => names(store).await?,
    };
    for name in names {
        let bytes = match read(store, &name).await {
            Err(Error::Store(StoreError::NotFound { key })) => return Err(broken(key, "not there")),
            read => read?,
        };
        found.insert(name, Digest::of(&bytes));
    }
    Ok(found)
}

/// The names in the folder. Those that begin with a full stop, and the folder's own, are passed over.
async fn names(store: &dyn ObjectStore) -> Result<Vec<BackgroundName>, Error> {
    let prefix = Prefix::Backgrounds.to_string();
    let listed = store.list(&Prefix::Backgrounds).await?;
    let names = listed.iter().filter_map(|listed| listed.key.strip_prefix(&prefix));
    let shown = names.filter(|name| !name.is_empty() && !name.starts_with('.'));
    let wrong = |_| broken(prefix.clone(), "the name of a file there must be 1 to 64 letters, digits, '-', '_' or '.'");
    shown.map(|name| BackgroundName::parse(name).map_err(wrong)).collect()
}

/// The file of a background that a run names: fetched once, and kept under its digest beside those that were prepared.
pub(crate) async fn fetched(deps: &Deps<'_>, name: &BackgroundName, digest: &Digest) -> Result<PathBuf, Error> {
    let path = deps.prepared.join(digest.short());
    if path.is_file() {
        return Ok(path);
    }
    let changed = || Error::BackgroundChanged { key: ObjectKey::Background(name.clone()).to_string() };
    let bytes = match read(deps.vault.store(), name).await {
        Err(Error::Store(StoreError::NotFound { .. })) => return Err(changed()),
        read => read?,
    };
    if Digest::of(&bytes) != *digest {
        return Err(changed());
    }
    // Two that fetch it at once put the same bytes in place.
    let write = || {
        std::fs::create_dir_all(deps.prepared)?;
        let mut file = tempfile::NamedTempFile::new_in(deps.scratch)?;
        file.write_all(&bytes)?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(Error::Scratch)?;
    Ok(path)
}

async fn read(store: &dyn ObjectStore, name: &BackgroundName) -> Result<Bytes, Error> {
    let key = ObjectKey::Background(name.clone());
    let bytes = store.get_range(&key, 0, MOST_BYTES + 1).await?;
    if bytes.len() as u64 > MOST_BYTES { Err(broken(key.to_string(), "is larger than 256 MB")) } else { Ok(bytes) }
}

fn broken(file: String, reason: &str) -> Error {
    Error::AssetBroken { file, reason: reason.to_owned() }
}
