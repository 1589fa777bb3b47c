//! The copies of one customer's results that `bespoke run` leaves under `output/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contracts::{CustomerRef, Digest, ErrorName};

use crate::failure::Failure;
use crate::folder::create_private;

/// Returns the paths of the text and the video under `output/`. Every run uses the same paths.
#[must_use]
pub fn output_files(artifacts: &Path) -> [PathBuf; 2] {
    ["recommendations.txt", "recommendations_video.mp4"].map(|name| artifacts.join("output").join(name))
}

/// Returns the file that records whose results the copies are.
fn owner_file(artifacts: &Path) -> PathBuf {
    artifacts.join("output/.customer")
}

/// Records whose results the copies are. Called before copying, so an erasure finds the copies even if there is no
/// evidence.
pub fn record_owner(artifacts: &Path, customer: &CustomerRef) -> Result<(), Failure> {
    let path = owner_file(artifacts);
    let write = || {
        create_private(path.parent().unwrap_or(artifacts))?;
        std::fs::write(&path, customer.as_str())
    };
    write().map_err(Failure::file(ErrorName::StoreUnavailable, &path))
}

/// Returns the customer whose results the copies are, or `None` if there is no valid record.
#[must_use]
pub fn owner_of_copies(artifacts: &Path) -> Option<CustomerRef> {
    CustomerRef::parse(std::fs::read_to_string(owner_file(artifacts)).ok()?.trim()).ok()
}

/// Removes the copies under `output/` if they are this customer's, and returns how many it removed.
pub fn remove_copies_for_customer(artifacts: &Path, customer: &CustomerRef) -> Result<usize, Failure> {
    if owner_of_copies(artifacts).as_ref() != Some(customer) {
        return Ok(0);
    }
    let mut removed = 0;
    for copy in output_files(artifacts).into_iter().chain([owner_file(artifacts)]) {
        match std::fs::remove_file(&copy) {
            Ok(()) => removed += usize::from(copy != owner_file(artifacts)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::file(ErrorName::StoreUnavailable, &copy)(error)),
        }
    }
    Ok(removed)
}

/// Removes the copies under `output/` whose digest is in `digests`, and returns how many it removed.
pub fn remove_copies_with_digests(artifacts: &Path, digests: &BTreeSet<Digest>) -> Result<usize, Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erasure_finds_copies_without_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let customer = |digit: &str| CustomerRef::parse(digit.repeat(32)).unwrap();
        record_owner(folder.path(), &customer("a")).unwrap();
        for copy in output_files(folder.path()) {
            std::fs::write(copy, "José").unwrap();
        }
        assert_eq!(remove_copies_for_customer(folder.path(), &customer("b")).unwrap(), 0);
        assert_eq!(remove_copies_for_customer(folder.path(), &customer("a")).unwrap(), 2);
        assert!(output_files(folder.path()).iter().all(|copy| !copy.exists()));
        assert_eq!(owner_of_copies(folder.path()), None);
    }
}
