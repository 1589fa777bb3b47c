//! Whoever changes, removes or adds anything of a run is named by `bespoke verify`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bespoke_tests::{Sandbox, report};
use contracts::RunId;
use runner::folder::FolderStore;
use runner::secrets::LocalSecrets;
use runner::verify::{Verification, verify};
use serde_json::Value;
use storage::vault::{Keys, Vault};

use super::{ends, sandbox};

/// A run of twelve customers.
struct Made {
    sandbox: Sandbox,
    run: RunId,
    keys: LocalSecrets,
}

impl Made {
    fn new(videos: usize) -> Self {
        let sandbox = sandbox("");
        let output = sandbox.run(&["demo", "--videos", &videos.to_string(), "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let run = RunId::parse(report(&output)["run"].as_str().unwrap()).unwrap();
        let keys = LocalSecrets::new(sandbox.key_file());
        Self { sandbox, run, keys }
    }

    async fn verify(&self) -> Verification {
        let store = Arc::new(FolderStore::open(&self.sandbox.artifacts()).unwrap());
        let vault = Vault::new(store, Keys::from_secrets(&self.keys).await.unwrap());
        verify(&vault, &self.run).await.unwrap()
    }

    /// The first finding as name and key; nothing if all is as it was written.
    async fn finding(&self) -> Option<(String, String)> {
        let finding = self.verify().await.findings.into_iter().next()?;
        Some((finding.error.to_string(), finding.object))
    }

    fn key(&self, path: &Path) -> String {
        path.strip_prefix(self.sandbox.artifacts()).unwrap().to_str().unwrap().to_owned()
    }

    /// The record of a customer who was skipped.
    fn skipped(&self) -> PathBuf {
        let is_skipped = |path: &PathBuf| {
            path.ends_with("evidence.json") && std::fs::read_to_string(path).unwrap().contains("\"skipped\"")
        };
        self.files().into_iter().find(is_skipped).unwrap()
    }

    /// Every file that belongs to the run.
    fn files(&self) -> Vec<PathBuf> {
        let of_the_run = |path: &PathBuf| {
            let key = self.key(path);
            let of_dataset =
                key.starts_with("datasets/") && (key.ends_with("index.csv") || key.ends_with("/customers.jsonl"));
            key.contains(self.run.as_str()) && !key.starts_with("logs/")
                || key.starts_with("control/keys/")
                || of_dataset
        };
        self.sandbox.files().into_iter().filter(of_the_run).collect()
    }
}

#[tokio::test]
async fn whatever_is_changed_missing_or_added_is_named() {
    let made = Made::new(1);
    let verified = made.verify().await;
    assert_eq!((verified.findings.as_slice(), verified.customers, verified.with_keys), ([].as_slice(), 12, true));
    changed_bytes(&made).await;
    missing_and_additional(&made).await;
    assert_eq!(made.finding().await, None, "all is as it was again");
    forged(&made).await;
}

/// A byte changed in a file of each kind is named; in the customer's with the video, and in a skipped one's.
async fn changed_bytes(made: &Made) {
    let mut seen = BTreeMap::new();
    for file in made.files() {
        let kind = if made.key(&file).starts_with("control/keys/") {
            "key"
        } else {
            file.file_name().unwrap().to_str().unwrap()
        };
        let count = seen.entry((kind.to_owned(), made.key(&file).split('/').next().unwrap().to_owned())).or_insert(0);
        *count += 1;
        let has_video = file.with_file_name("recommendation.mp4").exists();
        if *count > 2 && !has_video {
            continue;
        }
        let whole = std::fs::read(&file).unwrap();
        // The video's end is its mark, its middle a picture.
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&file, &changed).unwrap();
            let findings = made.verify().await.findings;
            let named = findings.iter().any(|finding| {
                finding.object == made.key(&file) && finding.error == contracts::ErrorName::EvidenceChanged
            });
            assert!(named, "byte {at} of {}: {findings:?}", made.key(&file));
        }
        std::fs::write(&file, &whole).unwrap();
    }
    // Eleven of a customer, four of the run, two of the dataset, and the keys.
    assert_eq!(seen.len(), 11 + 4 + 2 + 1, "every kind of file was there: {:?}", seen.keys());
}

async fn missing_and_additional(made: &Made) {
    let of_the_video = |path: &PathBuf| path.with_file_name("recommendation.mp4").exists();
    let is_record = |path: &PathBuf| path.ends_with("evidence.json");
    let is_key = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "key");
    let files = made.files();
    let (keys, records) = (files.iter().filter(|path| is_key(path)), files.iter().filter(|path| is_record(path)));
    let of_the_video = files.iter().filter(|path| of_the_video(path));
    for file in of_the_video.chain(keys.take(1)).chain(records.take(2)) {
        let whole = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        assert_eq!(made.finding().await, Some(("Evidence.Missing".to_owned(), made.key(file))));
        std::fs::write(file, whole).unwrap();
    }
    let skipped = made.skipped();
    let other = skipped.parent().unwrap().parent().unwrap().with_file_name("f".repeat(32)).join(made.run.as_str());
    std::fs::create_dir_all(&other).unwrap();
    for added in [skipped.with_file_name("recommendation.mp4"), other.join("evidence.json")] {
        std::fs::write(&added, "{}").unwrap();
        assert_eq!(made.finding().await, Some(("Evidence.Unexpected".to_owned(), made.key(&added))));
        std::fs::remove_file(&added).unwrap();
    }
}

/// Whoever has not the keys cannot chain changed records anew.
async fn forged(made: &Made) {
    let file = made.skipped();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("\"written_at\": \"2", "\"written_at\": \"1", 1)).unwrap();
    // Whoever knows the program sums the run up again, with keys of their own.
    let store = Arc::new(FolderStore::open(&made.sandbox.artifacts()).unwrap());
    let forger = Vault::new(store, Keys::new([1; 32], [2; 32]));
    let before = made.sandbox.artifacts().join(format!("runs/{}/manifest.json", made.run));
    let before: Value = serde_json::from_slice(&std::fs::read(before).unwrap()).unwrap();
    let dataset = Some(serde_json::from_value(before["dataset"].clone()).unwrap());
    let input = contracts::stage::FinalizeInput { run: made.run.clone(), dataset };
    finalize::run(input, &finalize::Deps { vault: &forger }).await.unwrap();

    let findings = made.verify().await.findings;
    assert!(
        findings.iter().any(|finding| finding.what == "its chain was not sealed with the run's keys"),
        "{findings:?}"
    );
}

#[test]
fn verify_ends_in_one_with_the_name_and_accepts_what_was_rightly_taken_away() {
    let made = Made::new(0);
    let verified = ends(&made.sandbox.run(&["verify", made.run.as_str(), "--json"]), 0);
    assert_eq!(verified["customers"], 12);

    // Whoever objects afterwards is taken away by the next attempt, and that is no finding.
    assert!(made.sandbox.run(&["suppress", "--customer", "0001"]).status.success());
    assert!(made.sandbox.run(&["demo", "--videos", "0"]).status.success());
    let texts = made.files().iter().filter(|path| path.ends_with("recommendation.txt")).count();
    assert_eq!(texts, 8, "of nine");
    ends(&made.sandbox.run(&["verify", made.run.as_str(), "--json"]), 0);

    let record = made.files().into_iter().find(|path| path.ends_with("evidence.json")).unwrap();
    std::fs::write(&record, std::fs::read_to_string(&record).unwrap().replace("evidence", "evidenze") + " ").unwrap();
    let output = made.sandbox.run(&["verify", made.run.as_str()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Evidence.Changed") && said.contains(&made.key(&record)), "{said}");

    let unknown = made.sandbox.run(&["verify", "run-0000000000000000"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("Evidence.Missing"));
}
