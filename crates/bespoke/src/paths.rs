//! Paths in a readable form.

use std::path::{Path, PathBuf};

/// Returns a path relative to the current folder if it is below that folder.
pub fn relative(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}
