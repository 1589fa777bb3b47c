//! Whoever changes, removes or adds anything of a run is named by `bespoke verify`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bespoke::folder::FolderStore;
use bespoke::secrets::LocalSecrets;
use bespoke::verify::{Verified, verify};
use bespoke_tests::{Sandbox, report};
use contracts::RunId;
use contracts::vault::{Keys, Vault};
use serde_json::Value;

use super::{ends, sandbox};

/// A run of twelve customers, one of them with a video.
struct Made {
    sandbox: Sandbox,
    run: RunId,
    keys: LocalSecrets,
}

impl Made {
    fn new() -> Self {
        let sandbox = sandbox("");
        let output = sandbox.run(&["demo", "--videos", "1", "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let run = RunId::parse(report(&output)["run"].as_str().unwrap()).unwrap();
        let keys = LocalSecrets::new(sandbox.key_file());
        Self { sandbox, run, keys }
    }

    async fn verify(&self) -> Verified {
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

    /// Every file that belongs to the run, the customer with the video first.
    fn files(&self) -> Vec<PathBuf> {
        let of_the_run = |path: &PathBuf| {
            let key = self.key(path);
            let of_dataset = key.starts_with("datasets/") && (key.ends_with("index.csv") || key.ends_with(".jsonl"));
            key.contains(self.run.as_str()) && !key.starts_with("logs/") || key.starts_with("control/keys/") || of_dataset
        };
        self.sandbox.files().into_iter().filter(of_the_run).collect()
    }
}

#[tokio::test]
async fn a_byte_changed_in_any_file_of_a_run_is_named() {
    let made = Made::new();
    let verified = made.verify().await;
    assert_eq!((verified.findings.as_slice(), verified.customers, verified.with_keys), ([].as_slice(), 12, true));

    let files = made.files();
    let mut kinds = std::collections::BTreeSet::new();
    for file in &files {
        let whole = std::fs::read(file).unwrap();
        kinds.insert(file.extension().unwrap().to_str().unwrap().to_owned() + file.file_name().unwrap().to_str().unwrap());
        // The video is long: its end is the mark, its middle a picture.
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(file, &changed).unwrap();
            let findings = made.verify().await.findings;
            let named = findings.iter().any(|finding| {
                finding.object == made.key(file) && finding.error == contracts::ErrorName::EvidenceChanged
            });
            assert!(named, "byte {at} of {}: {findings:?}", made.key(file));
        }
        std::fs::write(file, &whole).unwrap();
    }
    assert!(kinds.len() >= 12 + 4, "keys aside, every kind was there: {kinds:?}");
    assert_eq!(made.finding().await, None, "all is as it was again");
}

#[tokio::test]
async fn what_is_missing_or_additional_is_named() {
    let made = Made::new();
    let kept = ["datasets/", "runs/"];
    for file in made.files() {
        let key = made.key(&file);
        if kept.iter().any(|kept| key.starts_with(kept)) {
            continue;
        }
        let whole = std::fs::read(&file).unwrap();
        let published = file.with_file_name("recommendation.mp4").exists();
        std::fs::remove_file(&file).unwrap();
        let finding = made.finding().await;
        // What a skipped customer's record names may be taken away when consent is; the records themselves may not.
        if published || key.ends_with("evidence.json") || key.ends_with(".key") {
            assert_eq!(finding, Some(("Evidence.Missing".to_owned(), key)));
        }
        std::fs::write(&file, whole).unwrap();
    }
    let skipped = made.files().into_iter().find(|path| {
        path.ends_with("evidence.json") && std::fs::read_to_string(path).unwrap().contains("\"skipped\"")
    });
    let skipped = skipped.unwrap();
    let other = skipped.parent().unwrap().parent().unwrap().with_file_name("f".repeat(32)).join(made.run.as_str());
    std::fs::create_dir_all(&other).unwrap();
    for added in [skipped.with_file_name("recommendation.mp4"), other.join("evidence.json")] {
        std::fs::write(&added, "{}").unwrap();
        assert_eq!(made.finding().await, Some(("Evidence.Unexpected".to_owned(), made.key(&added))));
        std::fs::remove_file(&added).unwrap();
    }
}

#[tokio::test]
async fn who_has_not_the_keys_cannot_chain_changed_records_anew() {
    let made = Made::new();
    let is_skipped = |path: &PathBuf| {
        path.ends_with("evidence.json") && std::fs::read_to_string(path).unwrap().contains("\"skipped\"")
    };
    let file = made.files().into_iter().find(is_skipped).unwrap();
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
    assert!(findings.iter().any(|finding| finding.what == "its chain was not sealed with the run's keys"), "{findings:?}");
}

#[test]
fn verify_ends_in_one_with_the_name_and_accepts_what_was_rightly_taken_away() {
    let made = Made::new();
    let verified = ends(&made.sandbox.run(&["verify", made.run.as_str(), "--json"]), 0);
    assert_eq!(verified["customers"], 12);

    // Whoever objects afterwards is taken away by the next attempt, and that is no finding.
    assert!(made.sandbox.run(&["suppress", "--customer", "0001"]).status.success());
    assert!(made.sandbox.run(&["demo", "--videos", "1"]).status.success());
    assert!(!made.files().iter().any(|path| path.ends_with("recommendation.mp4")));
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
