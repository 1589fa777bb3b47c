//! Tests of signed heads. The public key, a pinned head and the files are enough to verify a run, even if the operator has
//! every other key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bespoke_tests::{Sandbox, report};
use bytes::Bytes;
use contracts::evidence::Manifest;
use contracts::key::Prefix;
use contracts::{ObjectKey, RunId};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use runner::folder::FolderStore;
use runner::secrets::LocalSecrets;
use runner::signing::LocalSigner;
use runner::verify::{Trust, Verification, verify};
use storage::store::{ListedObject, ObjectStore, PutOutcome, StoreError};
use storage::vault::{Keys, Vault};
use transparency::checkpoint::Checkpoint;
use transparency::log::LogEntry;
use transparency::signer::Signer as _;

use super::{ends, sandbox};

type Files = BTreeMap<String, Bytes>;

/// A run whose first result was approved by a reviewer, so its manifest was signed twice.
struct ReviewedRun {
    sandbox: Sandbox,
    id: RunId,
    /// The files before the approval.
    before: Files,
}

impl ReviewedRun {
    fn new(videos: usize) -> Self {
        let sandbox = sandbox("[review]\nfirst = 1\n[local]\napprove_own = true\n");
        let output = sandbox.run(&["demo", "--videos", &videos.to_string(), "--json"]);
        assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
        let id = RunId::parse(report(&output)["run"].as_str().unwrap()).unwrap();
        let before = files(&sandbox);
        let waiting = ends(&sandbox.run(&["review", id.as_str(), "--json"]), 0);
        let seen = waiting[0]["content_digest"].as_str().unwrap();
        ends(&sandbox.run(&["review", id.as_str(), "--approve", "--seen", seen, "--by", "Rita", "--json"]), 0);
        Self { sandbox, id, before }
    }

    async fn trust(&self, pinned: Option<&Bytes>) -> Trust {
        let key = LocalSigner::new(self.sandbox.signing_key_file()).public_key().await.unwrap();
        let pinned = pinned.map(|entry| {
            let entry = LogEntry::from_bytes(entry).unwrap();
            Checkpoint::parse(&entry.checkpoint).unwrap()
        });
        Trust { key: Some(key), pinned }
    }

    async fn keys(&self) -> Keys {
        Keys::from_secrets(&LocalSecrets::new(self.sandbox.key_file())).await.unwrap()
    }

    /// Returns the keys of the run's own files.
    fn own(&self, files: &Files) -> Vec<String> {
        let run = format!("/{}/", self.id);
        files
            .keys()
            .filter(|key| (key.contains(&run) && !key.starts_with("logs/")) || key.starts_with("log/"))
            .cloned()
            .collect()
    }
}

/// Returns every artifact by its object key.
fn files(sandbox: &Sandbox) -> Files {
    let root = sandbox.artifacts();
    let key = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    sandbox.files().iter().map(|path| (key(path), std::fs::read(path).unwrap().into())).collect()
}

/// A read-only store in memory, so that undoing each of the thousand changes costs nothing.
#[derive(Default)]
struct ReadOnly(Mutex<Files>);

#[async_trait]
impl ObjectStore for ReadOnly {
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        let key = key.to_string();
        self.0.lock().unwrap().get(&key).cloned().ok_or(StoreError::NotFound { key })
    }

    async fn get_range(&self, _: &ObjectKey, _: u64, _: u64) -> Result<Bytes, StoreError> {
        unreachable!("verification reads whole objects")
    }

    async fn put(&self, _: &ObjectKey, _: Bytes) -> Result<(), StoreError> {
        unreachable!("verification writes nothing")
    }

    async fn put_new(&self, _: &ObjectKey, _: Bytes) -> Result<PutOutcome, StoreError> {
        unreachable!("verification writes nothing")
    }

    async fn delete(&self, _: &ObjectKey) -> Result<(), StoreError> {
        unreachable!("verification deletes nothing")
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<ListedObject>, StoreError> {
        let prefix = prefix.to_string();
        let files = self.0.lock().unwrap();
        let listed = files.keys().filter(|key| key.starts_with(&prefix)).cloned();
        Ok(listed.map(|key| ListedObject { key, modified: Timestamp::UNIX_EPOCH }).collect())
    }
}

/// Verifies files in memory, with the run's keys or without any.
async fn verify_files(run: &RunId, files: Files, keys: Keys, trust: &Trust) -> Verification {
    let vault = Vault::new(Arc::new(ReadOnly(Mutex::new(files))), keys);
    verify(&vault, run, trust).await.unwrap_or_else(|failure| Verification {
        run: run.clone(),
        customers: 0,
        files: 0,
        with_keys: false,
        head: runner::verify::HeadReport { log_size: 0, index: None, signed_at: None, key: None, pinned_size: None },
        findings: vec![runner::verify::Discrepancy {
            object: format!("runs/{run}/manifest.json: {failure}"),
            error: contracts::ErrorName::EvidenceMissing,
            what: "the run cannot be verified",
        }],
    })
}

fn no_keys() -> Keys {
    Keys::new([0; 32], [0; 32])
}

/// Changes one file of the run at random. Returns what was done, or `None` if nothing changed.
fn mutate(files: &mut Files, own: &[String], before: &Files, random: &mut StdRng) -> Option<String> {
    let key = own[random.random_range(0..own.len())].clone();
    let whole = files[&key].clone();
    let (done, changed) = match random.random_range(0..5) {
        0 if !whole.is_empty() => {
            let at = random.random_range(0..whole.len());
            let bit = random.random_range(0..8);
            let mut changed = whole.to_vec();
            changed[at] ^= 1 << bit;
            (format!("flipped bit {bit} of byte {at}"), Some(changed.into()))
        }
        1 if !whole.is_empty() => {
            let length = random.random_range(0..whole.len());
            (format!("cut to {length} bytes"), Some(whole.slice(..length)))
        }
        2 => ("deleted".to_owned(), None),
        3 => {
            let other = &own[random.random_range(0..own.len())];
            (format!("replaced by {other}"), Some(files[other].clone()))
        }
        _ => ("replaced by an earlier version".to_owned(), Some(before.get(&key)?.clone())),
    };
    if changed.as_ref() == Some(&whole) {
        return None;
    }
    match changed {
        Some(changed) => files.insert(key.clone(), changed),
        None => files.remove(&key),
    };
    Some(format!("{key}: {done}"))
}

/// Makes 1,000 random changes to the files of a run. Each must be found with only the public key and the pinned head, and
/// also with the keys.
#[tokio::test]
async fn every_random_change_is_found() {
    let run = ReviewedRun::new(1);
    let whole = files(&run.sandbox);
    let own = run.own(&whole);
    let pinned = whole.iter().rfind(|(key, _)| key.starts_with("log/")).unwrap().1.clone();
    let trust = run.trust(Some(&pinned)).await;
    for keys in [no_keys(), run.keys().await] {
        let verified = verify_files(&run.id, whole.clone(), keys, &trust).await;
        assert_eq!(verified.findings, []);
        assert_eq!((verified.customers, verified.head.index, verified.head.pinned_size), (12, Some(1), Some(2)));
    }
    let mut other_signature = whole.clone();
    let forged = String::from_utf8(whole["log/000000000000.json"].to_vec()).unwrap();
    let (before, after) = forged.rsplit_once("bespoke/log ").unwrap();
    let forged =
        format!("{before}bespoke/log {}{}", &after[..20], after[20..].replacen('A', "B", 1).replacen('a', "b", 1));
    other_signature.insert("log/000000000000.json".to_owned(), forged.into());
    let verified = verify_files(&run.id, other_signature, no_keys(), &trust).await;
    assert_ne!(verified.findings, [], "the signature of an earlier head");
    let seed = rand::random();
    println!("seed {seed}, {} files", own.len());
    let mut random = StdRng::seed_from_u64(seed);
    let mut mutations = 0;
    while mutations < 1_000 {
        let mut files = whole.clone();
        let Some(done) = mutate(&mut files, &own, &run.before, &mut random) else { continue };
        mutations += 1;
        let keys = if mutations % 10 == 0 { run.keys().await } else { no_keys() };
        let verified = verify_files(&run.id, files, keys, &trust).await;
        assert_ne!(verified.findings, [], "{done}");
    }
}

/// An attacker replaces all files of the run with their state before the approval.
#[tokio::test]
async fn replayed_earlier_state_is_found() {
    let run = ReviewedRun::new(0);
    let whole = files(&run.sandbox);
    let pinned = whole["log/000000000001.json"].clone();
    let mut replayed = whole.clone();
    let own: BTreeSet<String> = run.own(&whole).into_iter().chain(run.own(&run.before)).collect();
    for key in own.iter().filter(|key| !key.starts_with("log/")) {
        match run.before.get(key) {
            Some(earlier) => replayed.insert(key.clone(), earlier.clone()),
            None => replayed.remove(key),
        };
    }
    let trust = run.trust(None).await;
    let verified = verify_files(&run.id, replayed.clone(), no_keys(), &trust).await;
    assert_ne!(verified.findings, [], "the log has a newer head of the run");

    // The log is shortened as well. Only a pinned head reveals this.
    replayed.remove("log/000000000001.json");
    assert_eq!(verify_files(&run.id, replayed.clone(), no_keys(), &trust).await.findings, []);
    let verified = verify_files(&run.id, replayed, no_keys(), &run.trust(Some(&pinned)).await).await;
    assert!(verified.findings.iter().any(|found| found.what == "the log is shorter than the pinned head"));
}

/// An attack by an operator with the data key and the reference key: they backdate a record, invent an approval, and
/// rebuild the chain, the seal and the log.
struct Attack<'a> {
    run: &'a ReviewedRun,
    /// Whether they also have the signing key. Otherwise, they sign with a key of their own.
    has_signing_key: bool,
    /// The year to which the record is backdated.
    year: &'static str,
}

impl Attack<'_> {
    async fn carry_out(&self) {
        let root = self.run.sandbox.artifacts();
        let record = self.run.sandbox.files().into_iter().find(|path| {
            path.ends_with("evidence.json") && std::fs::read_to_string(path).unwrap().contains("\"published\"")
        });
        let record = record.unwrap();
        let text = std::fs::read_to_string(&record).unwrap();
        let (before, after) = text.split_once("\"written_at\": \"").unwrap();
        let backdated = format!("{before}\"written_at\": \"{}{}", self.year, &after[4..]);
        let approval =
            r#"  "review": {"why": {"because": "free-text"}, "choice": "approve", "by": "Head of Compliance",
            "at": "1999-01-01T00:00:00Z", "seen": {"text": "DIGEST", "artefacts": {}}}, "written_at":"#
                .replace("DIGEST", &"0".repeat(64));
        let invented =
            if text.contains("\"review\"") { backdated } else { backdated.replacen("  \"written_at\":", &approval, 1) };
        std::fs::write(&record, invented).unwrap();

        let store = Arc::new(FolderStore::open(&root).unwrap());
        let vault = Vault::new(store, self.run.keys().await);
        let manifest = std::fs::read(root.join(format!("runs/{}/manifest.json", self.run.id))).unwrap();
        let dataset = serde_json::from_slice::<Manifest>(&manifest).unwrap().dataset;
        let signer = if self.has_signing_key {
            LocalSigner::new(self.run.sandbox.signing_key_file())
        } else {
            // Another key cannot continue the log, so they start a new one.
            std::fs::remove_dir_all(root.join("log")).unwrap();
            LocalSigner::new(self.run.sandbox.path().join("forged-key.pem"))
        };
        let input = contracts::stage::FinalizeInput { run: self.run.id.clone(), dataset };
        let deps = finalize::Deps { vault: &vault, signer: &signer, now: Timestamp::now() };
        finalize::run(input, &deps).await.unwrap();
    }
}

#[tokio::test]
async fn operator_without_the_signing_key_cannot_rewrite_history() {
    let run = ReviewedRun::new(0);
    let trust = run.trust(None).await;
    Attack { run: &run, has_signing_key: false, year: "1999" }.carry_out().await;
    let verified = verify_files(&run.id, files(&run.sandbox), no_keys(), &trust).await;
    assert!(verified.findings.iter().any(|found| found.what == "was not signed with the public key"));
}

#[tokio::test]
async fn operator_with_the_signing_key_cannot_rewrite_what_a_pinned_head_covers() {
    let run = ReviewedRun::new(0);
    let pinned = files(&run.sandbox)["log/000000000001.json"].clone();
    let trust = run.trust(Some(&pinned)).await;
    Attack { run: &run, has_signing_key: true, year: "1999" }.carry_out().await;
    let appended = files(&run.sandbox);
    let verified = verify_files(&run.id, appended.clone(), no_keys(), &run.trust(None).await).await;
    assert!(
        verified.findings.iter().all(|found| found.what.contains("decision")),
        "an operator with every key can sign a new history: {:?}",
        verified.findings
    );
    let verified = verify_files(&run.id, appended, no_keys(), &trust).await;
    assert!(verified.findings.iter().any(|found| found.what == "the run's head was signed after the pinned head"));

    // They rebuild the log instead of appending to it.
    let root = run.sandbox.artifacts();
    std::fs::remove_dir_all(root.join("log")).unwrap();
    std::fs::remove_file(root.join(format!("runs/{}/head.json", run.id))).unwrap();
    Attack { run: &run, has_signing_key: true, year: "1999" }.carry_out().await;
    Attack { run: &run, has_signing_key: true, year: "1998" }.carry_out().await;
    let verified = verify_files(&run.id, files(&run.sandbox), no_keys(), &trust).await;
    assert!(
        verified.findings.iter().any(|found| found.what.contains("the pinned head")),
        "forked or shortened: {:?}",
        verified.findings
    );
}

/// Someone deletes a withdrawal. The command refuses to continue, and `verify` finds it with and without the keys, even
/// if the ledger is deleted or rolled back too.
#[tokio::test]
async fn deleted_control_record_is_found() {
    let run = ReviewedRun::new(0);
    let sandbox = &run.sandbox;
    for command in [
        ["suppress", "--customer", "0002"].as_slice(),
        &["consent", "--customer", "0003", "--general", "no", "--posts", "no"],
        &["legal-hold", "--customer", "0004", "--name", "Case 7"],
        &["forget", "--customer", "0005"],
    ] {
        ends(&sandbox.run(&[command, &["--json"]].concat()), 0);
    }
    ends(&sandbox.run(&["run", "--customer", "0006", "--no-video", "--again", "--json"]), 6);
    let audit = ends(&sandbox.run(&["control", "--json"]), 0);
    assert_eq!((audit["covered"].as_u64(), audit["uncovered"].as_array().map(Vec::len)), (Some(5), Some(0)));

    let whole = files(sandbox);
    let trust = run.trust(whole.iter().rfind(|(key, _)| key.starts_with("log/")).map(|(_, entry)| entry)).await;
    for keys in [no_keys(), run.keys().await] {
        assert_eq!(verify_files(&run.id, whole.clone(), keys, &trust).await.findings, []);
    }
    let kinds = ["suppressions.csv", "suppressions/", "consents.csv", "holds.csv", "forgotten/", "ledger/"];
    let control: Vec<&String> =
        whole.keys().filter(|key| kinds.iter().any(|kind| key.starts_with(&format!("control/{kind}")))).collect();
    assert_eq!(control.len(), 5 + 17, "{control:?}");
    let is_found = async |files: Files| {
        for keys in [no_keys(), run.keys().await] {
            let found = verify_files(&run.id, files.clone(), keys, &trust).await.findings;
            assert!(found.iter().any(|found| found.error == contracts::ErrorName::ControlIncomplete), "{found:?}");
        }
    };
    for key in &control {
        let mut files = whole.clone();
        files.remove(*key);
        is_found(files).await;
    }
    let mut files = whole.clone();
    files.retain(|key, _| !control.contains(&key));
    is_found(files.clone()).await;
    let ledger_before = run.before.iter().filter(|(key, _)| key.starts_with("control/ledger/"));
    files.extend(ledger_before.map(|(key, part)| (key.clone(), part.clone())));
    is_found(files).await;

    let suppressions = sandbox.artifacts().join("control/suppressions.csv");
    std::fs::write(&suppressions, "reference,reason,since\n").unwrap();
    let again = ["run", "--customer", "0001", "--no-video", "--again", "--json"];
    let refused = sandbox.run(&again);
    assert!(format!("{refused:?}").contains("Control.Incomplete"), "{refused:?}");
    assert_eq!(sandbox.run(&["control"]).status.code(), Some(1));
    ends(&sandbox.run(&["control", "--accept", "--json"]), 0);
    ends(&sandbox.run(&again), 6);
}

/// The verifier's machine has neither keys nor the phrasebook, only the artifacts and the output of `bespoke pin`.
#[test]
fn pinned_head_verifies_run_without_any_secret() {
    let run = ReviewedRun::new(0);
    let sandbox = &run.sandbox;
    let pinned = ends(&sandbox.run(&["pin", "pinned", "--json"]), 0);
    assert_eq!((pinned["size"].as_u64(), pinned["extends"].as_u64()), (Some(2), None));
    std::fs::rename(sandbox.path().join("home"), sandbox.path().join("elsewhere")).unwrap();
    let with_pin = ["verify", run.id.as_str(), "--key", "pinned/key.pem", "--head", "pinned/head.json"];
    let verified = ends(&sandbox.run(&[&with_pin[..], &["--json"]].concat()), 0);
    assert_eq!((verified["with_keys"].as_bool(), verified["head"]["pinned_size"].as_u64()), (Some(false), Some(2)));
    let shown = sandbox.run(&with_pin);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("verified") && shown.contains("the pinned head covers 2 entries"), "{shown}");
    assert_eq!(sandbox.run(&["verify", run.id.as_str()]).status.code(), Some(1), "nothing is proved without a key");

    // The log extends the head after a later run, but not after it was shortened.
    std::fs::rename(sandbox.path().join("elsewhere"), sandbox.path().join("home")).unwrap();
    ends(&sandbox.run(&["run", "--customer", "0002", "--no-video", "--json"]), 6);
    let pinned = ends(&sandbox.run(&["pin", "pinned", "--json"]), 0);
    assert_eq!((pinned["size"].as_u64(), pinned["extends"].as_u64()), (Some(3), Some(2)));
    ends(&sandbox.run(&[&with_pin[..], &["--json"]].concat()), 0);
    std::fs::remove_file(sandbox.artifacts().join("log/000000000002.json")).unwrap();
    let refused = sandbox.run(&["pin", "pinned"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("does not extend the head that you kept"));
    let output = sandbox.run(&with_pin);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("the log is shorter than the pinned head"));
}
