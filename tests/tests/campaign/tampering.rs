//! Tests that `bespoke verify` lists every changed, removed or added file in a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bespoke_tests::{Sandbox, report};
use contracts::RunId;
use runner::folder::FolderStore;
use runner::secrets::LocalSecrets;
use runner::signing::LocalSigner;
use runner::verify::{Trust, Verification, verify};
use serde_json::Value;
use storage::vault::{Keys, Vault};
use transparency::signer::{Signer as _, SigningKey};

use super::{ends, sandbox};

/// A finished run for twelve customers.
struct FinishedRun {
    sandbox: Sandbox,
    id: RunId,
    keys: LocalSecrets,
}

impl FinishedRun {
    fn new(videos: usize) -> Self {
        let sandbox = sandbox("");
        let output = sandbox.run(&["demo", "--videos", &videos.to_string(), "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let id = RunId::parse(report(&output)["run"].as_str().unwrap()).unwrap();
        let keys = LocalSecrets::new(sandbox.key_file());
        Self { sandbox, id, keys }
    }

    async fn verify(&self) -> Verification {
        let store = Arc::new(FolderStore::open(&self.sandbox.artifacts()).unwrap());
        let vault = Vault::new(store, Keys::from_secrets(&self.keys).await.unwrap());
        let key = LocalSigner::new(self.sandbox.signing_key_file()).public_key().await.unwrap();
        verify(&vault, &self.id, &Trust { key: Some(key), pinned: None }).await.unwrap()
    }

    /// Returns the name and key of the first discrepancy, or `None`.
    async fn finding(&self) -> Option<(String, String)> {
        let finding = self.verify().await.findings.into_iter().next()?;
        Some((finding.error.to_string(), finding.object))
    }

    fn key(&self, path: &Path) -> String {
        path.strip_prefix(self.sandbox.artifacts()).unwrap().to_str().unwrap().to_owned()
    }

    /// Returns the record of a skipped customer.
    fn skipped(&self) -> PathBuf {
        let is_skipped = |path: &PathBuf| {
            path.ends_with("evidence.json") && std::fs::read_to_string(path).unwrap().contains("\"skipped\"")
        };
        self.files().into_iter().find(is_skipped).unwrap()
    }

    /// Returns every file in the run.
    fn files(&self) -> Vec<PathBuf> {
        let of_the_run = |path: &PathBuf| {
            let key = self.key(path);
            let of_dataset =
                key.starts_with("datasets/") && (key.ends_with("index.csv") || key.ends_with("/customers.jsonl"));
            // The name alone of a file in `runs/started/` counts: it prevents the starter from approving results.
            key.contains(self.id.as_str()) && !key.starts_with("logs/") && !key.starts_with("runs/started/")
                || key.starts_with("control/keys/")
                || of_dataset
        };
        self.sandbox.files().into_iter().filter(of_the_run).collect()
    }
}

#[tokio::test]
async fn every_change_is_reported() {
    let run = FinishedRun::new(1);
    let verified = run.verify().await;
    assert_eq!((verified.findings.as_slice(), verified.customers, verified.with_keys), ([].as_slice(), 12, true));
    changed_bytes(&run).await;
    missing_and_additional(&run).await;
    forged_control(&run).await;
    assert_eq!(run.finding().await, None, "the run has been restored");
    forged(&run).await;
}

/// Changes bytes in each kind of file, for a customer with a video and for a skipped customer.
async fn changed_bytes(run: &FinishedRun) {
    let mut seen = BTreeMap::new();
    for file in run.files() {
        let kind = if run.key(&file).starts_with("control/keys/") {
            "key"
        } else {
            file.file_name().unwrap().to_str().unwrap()
        };
        let count = seen.entry((kind.to_owned(), run.key(&file).split('/').next().unwrap().to_owned())).or_insert(0);
        *count += 1;
        let has_video = file.with_file_name("recommendation.mp4").exists();
        if *count > 2 && !has_video {
            continue;
        }
        let whole = std::fs::read(&file).unwrap();
        // The end of the video contains metadata, and the middle contains image data.
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&file, &changed).unwrap();
            let findings = run.verify().await.findings;
            let named = findings.iter().any(|finding| {
                finding.object == run.key(&file) && finding.error == contracts::ErrorName::EvidenceChanged
            });
            assert!(named, "byte {at} of {}: {findings:?}", run.key(&file));
        }
        std::fs::write(&file, &whole).unwrap();
    }
    // There are twelve kinds of files for a customer, five for the run, two for the dataset, and the keys.
    assert_eq!(seen.len(), 12 + 5 + 2 + 1, "a kind of file is missing: {:?}", seen.keys());
}

/// Acts as an attacker without the keys, who deletes a record and forges a record of an erasure to explain it, or who
/// forges a recall.
async fn forged_control(run: &FinishedRun) {
    let record = run.skipped();
    let reference = record.parent().unwrap().parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let whole = std::fs::read(&record).unwrap();
    let forgotten = run.sandbox.artifacts().join(format!("control/forgotten/{reference}.json"));
    std::fs::create_dir_all(forgotten.parent().unwrap()).unwrap();
    std::fs::write(&forgotten, "{}").unwrap();
    std::fs::remove_file(&record).unwrap();
    let findings = run.verify().await.findings;
    for object in [run.key(&forgotten), run.key(&record)] {
        assert!(findings.iter().any(|finding| finding.object == object), "{object}: {findings:?}");
    }
    std::fs::remove_file(&forgotten).unwrap();
    std::fs::write(&record, whole).unwrap();

    let recall = run.sandbox.artifacts().join(format!("control/recalls/{}/{reference}.json", run.id));
    std::fs::create_dir_all(recall.parent().unwrap()).unwrap();
    std::fs::write(&recall, "{}").unwrap();
    assert_eq!(run.finding().await, Some(("Evidence.Changed".to_owned(), run.key(&recall))));
    std::fs::remove_file(&recall).unwrap();
}

async fn missing_and_additional(run: &FinishedRun) {
    let of_the_video = |path: &PathBuf| path.with_file_name("recommendation.mp4").exists();
    let is_record = |path: &PathBuf| path.ends_with("evidence.json");
    let is_key = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "key");
    let files = run.files();
    let (keys, records) = (files.iter().filter(|path| is_key(path)), files.iter().filter(|path| is_record(path)));
    let of_the_video = files.iter().filter(|path| of_the_video(path));
    for file in of_the_video.chain(keys.take(1)).chain(records.take(2)) {
        let whole = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        assert_eq!(run.finding().await, Some(("Evidence.Missing".to_owned(), run.key(file))));
        std::fs::write(file, whole).unwrap();
    }
    let skipped = run.skipped();
    let other = skipped.parent().unwrap().parent().unwrap().with_file_name("f".repeat(32)).join(run.id.as_str());
    std::fs::create_dir_all(&other).unwrap();
    for added in [skipped.with_file_name("recommendation.mp4"), other.join("evidence.json")] {
        std::fs::write(&added, "{}").unwrap();
        assert_eq!(run.finding().await, Some(("Evidence.Unexpected".to_owned(), run.key(&added))));
        std::fs::remove_file(&added).unwrap();
    }
}

/// Rebuilds the chain over a changed record with other keys.
async fn forged(run: &FinishedRun) {
    let file = run.skipped();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("\"written_at\": \"2", "\"written_at\": \"1", 1)).unwrap();
    // The attacker runs finalize with other keys.
    let store = Arc::new(FolderStore::open(&run.sandbox.artifacts()).unwrap());
    let forger = Vault::new(store, Keys::new([1; 32], [2; 32]));
    let before = run.sandbox.artifacts().join(format!("runs/{}/manifest.json", run.id));
    let before: Value = serde_json::from_slice(&std::fs::read(before).unwrap()).unwrap();
    let dataset = Some(serde_json::from_value(before["dataset"].clone()).unwrap());
    let input = contracts::stage::FinalizeInput { run: run.id.clone(), dataset };
    let signer = SigningKey::from_pem("", &SigningKey::generate("").unwrap()).unwrap();
    let deps = finalize::Deps { vault: &forger, signer: &signer, now: jiff::Timestamp::now() };
    finalize::run(input, &deps).await.expect_err("another key does not continue the log");

    let findings = run.verify().await.findings;
    assert!(
        findings.iter().any(|finding| finding.what == "its chain was not sealed with the run's keys"),
        "{findings:?}"
    );
}

#[test]
fn verify_accepts_removal_after_a_suppression_but_not_tampering() {
    let run = FinishedRun::new(0);
    let verified = ends(&run.sandbox.run(&["verify", run.id.as_str(), "--json"]), 0);
    assert_eq!(verified["customers"], 12);

    // Without the run's own catalog and phrasebook, the sentences cannot be verified.
    let other = run.sandbox.path().join("other");
    std::fs::create_dir_all(&other).unwrap();
    let catalogue = std::fs::read_to_string(bespoke_tests::root().join("data/catalogue.json")).unwrap();
    std::fs::write(other.join("catalogue.json"), catalogue.replace("Everyday Checking", "Daily Checking")).unwrap();
    std::fs::copy(bespoke_tests::root().join("data/lexicon.toml"), other.join("lexicon.toml")).unwrap();
    let unproved = run.sandbox.run(&["verify", run.id.as_str(), "--data", other.to_str().unwrap()]);
    assert_eq!(unproved.status.code(), Some(1), "{}", String::from_utf8_lossy(&unproved.stdout));
    let stdout = String::from_utf8_lossy(&unproved.stdout).into_owned();
    assert!(stdout.contains("not proven") && stdout.contains("phrases/en.toml: not found"), "{stdout}");

    // The next attempt removes a suppressed customer's result, which is not a discrepancy.
    assert!(run.sandbox.run(&["suppress", "--customer", "0001"]).status.success());
    assert!(run.sandbox.run(&["demo", "--videos", "0"]).status.success());
    let texts = run.files().iter().filter(|path| path.ends_with("recommendation.txt")).count();
    assert_eq!(texts, 8, "of nine");
    ends(&run.sandbox.run(&["verify", run.id.as_str(), "--json"]), 0);

    let record = run.files().into_iter().find(|path| path.ends_with("evidence.json")).unwrap();
    std::fs::write(&record, std::fs::read_to_string(&record).unwrap().replace("evidence", "evidenze") + " ").unwrap();
    let output = run.sandbox.run(&["verify", run.id.as_str()]);
    assert_eq!(output.status.code(), Some(1));
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("Evidence.Changed") && stdout.contains(&run.key(&record)), "{stdout}");

    let unknown = run.sandbox.run(&["verify", "run-0000000000000000"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("Evidence.Missing"));
}
