//! How child programs start: without this process's secrets, and so that they end with it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The variables that a child program may see. None of them holds a secret.
const CHILD_VARIABLES: [&str; 17] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SystemRoot",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "XDG_CACHE_HOME",
    "XDG_DATA_DIRS",
    "XDG_RUNTIME_DIR",
    "ESPEAK_DATA_PATH",
];

/// Returns the part of this process's environment that child programs may see. Start each child with a cleared
/// environment and these variables, because the environment of this process may hold secrets.
pub fn child_environment() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    CHILD_VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// The program that starts others such that they end with this process, and the argument that tells it to.
static LAUNCHER: OnceLock<(PathBuf, &'static str)> = OnceLock::new();

/// Has every later child end when this process ends, even if it is killed. `launcher` is called with `argument`, the program
/// and its arguments; it must become that program. The first call counts.
pub fn start_with(launcher: PathBuf, argument: &'static str) {
    let _first = LAUNCHER.set((launcher, argument));
}

/// Returns the program to start in place of `program`, and the arguments to put before its own.
#[must_use]
pub fn launched(program: &Path) -> (PathBuf, Vec<OsString>) {
    match LAUNCHER.get() {
        // A program that does not exist must fail by its own name.
        Some((launcher, argument)) if program.is_file() => (launcher.clone(), vec![argument.into(), program.into()]),
        _ => (program.to_owned(), Vec::new()),
    }
}
