//! How child programs start: without access to this process's secrets, and tied to its lifetime.

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

/// The launcher: a program that starts other programs and ends them with this process. With it, its first argument.
static LAUNCHER: OnceLock<(PathBuf, &'static str)> = OnceLock::new();

/// Makes every later child that [`launched`] describes end when this process ends, even if this process is killed.
/// `launcher` is called with `argument`, the program and its arguments, and must become that program. Only the first
/// call has an effect.
pub fn start_with(launcher: PathBuf, argument: &'static str) {
    let _first = LAUNCHER.set((launcher, argument));
}

/// Returns the program to start in place of `program`, and the arguments to put before its own.
#[must_use]
pub fn launched(program: &Path) -> (PathBuf, Vec<OsString>) {
    match LAUNCHER.get() {
        // If the program is not a file, start it directly, so the error names it and not the launcher.
        Some((launcher, argument)) if program.is_file() => (launcher.clone(), vec![argument.into(), program.into()]),
        _ => (program.to_owned(), Vec::new()),
    }
}
