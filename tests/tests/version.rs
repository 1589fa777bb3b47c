//! Tests that behavior does not change without a new version.
//!
//! A run's id contains the program's version, so a run reuses only results that the same version made. If the code changed
//! without a new version, a run would reuse outdated results. `tests/behavior.lock` therefore records the version together
//! with the digests of everything that determines results.
//!
//! After a change, run `UPDATE_BEHAVIOR_LOCK=VALUE cargo test --profile ci -p bespoke-tests --test version` with:
//!
//! - `new-version` if results change: first raise `version` in `Cargo.toml`.
//! - `same-results` if results stay the same, or the version was never released.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bespoke_tests::{root, source};
use contracts::Digest;

/// The files and folders that determine results. Settings, catalog, lexicon and brand are not included, because their
/// digests are already part of each run's id.
const SOURCES: [&str; 14] = [
    // Consent, and rules about whom the bank may contact.
    "crates/policy/src/consent.rs",
    "crates/policy/src/contact_cap.rs",
    "crates/policy/src/control.rs",
    // The format of the text.
    "crates/contracts/src/text.rs",
    "data/catalogue.schema.json",
    // Joining, facts and scores.
    "functions/merge/src",
    "functions/assess/src",
    // Prompts, guard rules, words and templates.
    "functions/recommend/prompts",
    "functions/recommend/rules",
    "rules",
    "functions/recommend/src",
    "crates/phrases/src",
    // Speech rules.
    "functions/narrate/src",
    // Layout, captions and the ffmpeg graph.
    "functions/render/src",
];

/// Files in those folders that do not influence results: the Lambdas' main functions, errors and test code.
const EXCLUDED: [&str; 5] = ["main.rs", "error.rs", "tests.rs", "testing.rs", "fixtures.rs"];

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A version, and the digests of its sources by path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lock {
    version: String,
    digests: BTreeMap<String, String>,
}

impl Lock {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let version = lines.next().and_then(|line| line.strip_prefix("version ")).expect("a version").to_owned();
        let digests = lines.map(|line| line.split_once(' ').expect("a digest and a path"));
        Self { version, digests: digests.map(|(digest, path)| (path.to_owned(), digest.to_owned())).collect() }
    }

    fn current() -> Self {
        let mut files = Vec::new();
        for source in SOURCES {
            let path = root().join(source);
            assert!(path.exists(), "{source} does not exist: change SOURCES in {}", file!());
            collect_files(&path, &mut files);
        }
        let digests = files.iter().map(|path| {
            let name = path.strip_prefix(root()).expect("a file of the checkout").to_string_lossy().replace('\\', "/");
            (name, digest(path))
        });
        Self { version: VERSION.to_owned(), digests: digests.collect() }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# The version, and the digests of everything that determines its results.\n\
             # {} describes how to update this file.\nversion {}\n",
            file!(),
            self.version
        );
        for (path, digest) in &self.digests {
            writeln!(text, "{digest} {path}").expect("writing to a string does not fail");
        }
        text
    }

    /// Returns the paths that were added, removed or changed since `other`.
    fn changes<'l>(&'l self, other: &'l Self) -> Vec<&'l String> {
        let added_or_changed = self.digests.iter().filter(|(path, digest)| other.digests.get(*path) != Some(*digest));
        let removed = other.digests.keys().filter(|path| !self.digests.contains_key(*path));
        added_or_changed.map(|(path, _)| path).chain(removed).collect()
    }
}

fn collect_files(path: &Path, files: &mut Vec<PathBuf>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if path.is_dir() {
        if name != "tests" && name != "bin" {
            for entry in std::fs::read_dir(path).expect("a readable folder") {
                collect_files(&entry.expect("a readable entry").path(), files);
            }
        }
    } else if !EXCLUDED.contains(&name.as_str()) {
        files.push(path.to_owned());
    }
}

/// Returns a file's digest. For Rust source, it excludes comments, layout and tests.
fn digest(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a text file");
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    let text = if is_rust { source::code_and_literals(&text) } else { text };
    Digest::of(text.as_bytes()).short()
}

/// Compares the sources with the lock. If they disagree, the error is the remedy.
fn check(lock: &Lock, current: &Lock) -> Result<(), String> {
    let changes = current.changes(lock);
    if lock == current {
        return Ok(());
    }
    let problem = if lock.version == current.version {
        format!("these files changed, but the version is still {VERSION}: {changes:?}")
    } else {
        format!("the lock is for version {}, but the program has version {VERSION}", lock.version)
    };
    Err(format!("{problem}\nupdate tests/behavior.lock as {} describes", file!()))
}

#[test]
fn behavior_changes_only_with_the_version() {
    let path = root().join("tests/behavior.lock");
    let current = Lock::current();
    let update = std::env::var("UPDATE_BEHAVIOR_LOCK").ok();
    let lock = std::fs::read_to_string(&path).map(|text| Lock::parse(&text)).ok();
    match (update.as_deref(), lock) {
        (Some("same-results"), _) | (Some("new-version"), None) => {
            std::fs::write(&path, current.text()).expect("a writable file");
        }
        (Some("new-version"), Some(lock)) => {
            assert_ne!(lock.version, VERSION, "raise the version in Cargo.toml first");
            std::fs::write(&path, current.text()).expect("a writable file");
        }
        (Some(other), _) => panic!("UPDATE_BEHAVIOR_LOCK must be new-version or same-results, not {other}"),
        (None, None) => panic!("tests/behavior.lock is missing"),
        (None, Some(lock)) => {
            if let Err(problem) = check(&lock, &current) {
                panic!("{problem}");
            }
        }
    }
}

#[test]
fn changed_file_without_new_version_is_an_error() {
    let current = Lock::current();
    let reread = Lock::parse(&current.text());
    assert_eq!(reread, current);
    check(&reread, &current).expect("nothing changed");

    let mut changed = current.clone();
    let path = "functions/recommend/prompts/system.txt";
    changed.digests.insert(path.to_owned(), "0000000000000000".to_owned());
    assert!(check(&changed, &current).expect_err("a prompt changed").contains(path));
    changed.version = "0.0.1".to_owned();
    assert!(check(&changed, &current).expect_err("the lock is old").contains("0.0.1"));
}
