//! The copies of one customer's results that `bespoke run` leaves under `output/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contracts::{Digest, ErrorName};

use crate::failure::Failure;

/// Returns the paths of the text and the video under `output/`. Every run uses the same paths.
#[must_use]
pub fn output_files(artifacts: &Path) -> [PathBuf; 2] {
    ["recommendations.txt", "recommendations_video.mp4"].map(|name| artifacts.join("output").join(name))
}

/// Removes the copies under `output/` whose digest is in `digests`, and returns how many it removed.
pub fn remove_copies(artifacts: &Path, digests: &BTreeSet<Digest>) -> Result<usize, Failure> {
    let mut removed = 0;
    for copy in output_files(artifacts) {
        let failed = |error| Failure::file(ErrorName::StoreUnavailable, &copy)(error);
        match std::fs::read(&copy) {
            Ok(bytes) if digests.contains(&Digest::of(&bytes)) => {
                std::fs::remove_file(&copy).map_err(failed)?;
                removed += 1;
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(removed)
}
