//! Rotation of the data key: reseals every object that the previous data key sealed.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use contracts::ErrorName;
use storage::vault::Keys;

use crate::failure::Failure;
use crate::folder::SCRATCH;

/// Reseals every object in the artifacts folder that the previous data key sealed. Returns the number of such objects.
/// Replaces each object atomically, so an interrupted rotation can continue. An object keeps its modification time, so
/// its retention period does not start again.
pub fn reseal(artifacts: &Path, keys: &Keys) -> Result<usize, Failure> {
    let mut resealed = 0;
    let mut folders = vec![artifacts.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error| Failure::file(ErrorName::StoreUnavailable, &folder)(error);
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let path = entry.path();
            if kind.is_dir() && path != artifacts.join(SCRATCH) {
                folders.push(path);
            } else if kind.is_file() {
                resealed += usize::from(reseal_file(artifacts, &path, keys)?);
            }
        }
    }
    Ok(resealed)
}

fn reseal_file(artifacts: &Path, path: &PathBuf, keys: &Keys) -> Result<bool, Failure> {
    let replace = || -> std::io::Result<bool> {
        let object = std::fs::read(path)?;
        let Some(place) = path.strip_prefix(artifacts).ok().and_then(Path::to_str) else { return Ok(false) };
        let Some(sealed) = keys.reseal(&place.replace('\\', "/"), &object) else { return Ok(false) };
        let modified = std::fs::metadata(path)?.modified()?;
        let mut file = tempfile::NamedTempFile::new_in(artifacts.join(SCRATCH))?;
        file.write_all(&sealed)?;
        file.as_file().set_modified(modified)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(true)
    };
    replace().map_err(Failure::file(ErrorName::StoreUnavailable, path))
}
