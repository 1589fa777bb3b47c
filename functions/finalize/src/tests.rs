//! Tests of a run's manifest, for every possible outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Deps, Error, chain_holds, digest_files, read_head, refresh, run};
use contracts::evidence::{Evidence, FailureRecord, Head, Manifest, Outcome};
use contracts::facts::Skip;
use contracts::key::{Artefact, RunPart};
use contracts::request::Request;
use contracts::stage::{FinalizeInput, Stage};
use contracts::{CustomerRef, DatasetId, Digest, ErrorName, NamedError, ObjectKey, RunId};
use jiff::Timestamp;
use storage::store::{MemoryStore, ObjectStore};
use storage::vault::{Keys, Vault};
use transparency::log;
use transparency::signer::SigningKey;

struct Campaign {
    store: Arc<MemoryStore>,
    vault: Vault,
    signer: SigningKey,
    run: RunId,
    dataset: DatasetId,
    customers: Vec<CustomerRef>,
}

impl Campaign {
    /// Starts a run for `size` customers.
    async fn with_customers(size: usize) -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let run = Request::for_tests().run_id();

        let dataset = DatasetId::parse("d".repeat(64)).unwrap();
        // In descending order, so the test can tell the dataset's order from sorted order.
        let customers: Vec<CustomerRef> = (0..size).rev().map(reference).collect();
        let header = std::iter::once("reference,offset,length,digest".to_owned());
        let rows = customers.iter().map(|customer| format!("{customer},0,10,{}", Digest::of(b"line")));
        let index = header.chain(rows).collect::<Vec<_>>().join("\n");
        store.put(&ObjectKey::Run(run.clone(), RunPart::Index), index.into()).await.unwrap();
        let signer = SigningKey::from_pem("", &SigningKey::generate("").unwrap()).unwrap();
        Self { store, vault, signer, run, dataset, customers }
    }

    fn deps(&self) -> Deps<'_> {
        Deps { vault: &self.vault, signer: &self.signer, now: Timestamp::UNIX_EPOCH }
    }

    /// Returns the heads in the log.
    async fn heads(&self) -> Vec<Head> {
        let mut heads = Vec::new();
        while let Some(entry) = log::entry(self.store.as_ref(), heads.len() as u64).await.unwrap() {
            heads.push(read_head(&entry).unwrap());
        }
        heads
    }

    async fn finalize_failed_merge(&self) -> Manifest {
        run(FinalizeInput { run: self.run.clone(), dataset: None }, &self.deps()).await.unwrap()
    }

    fn key(&self, customer: usize, artefact: Artefact) -> ObjectKey {
        ObjectKey::Customer(self.customers[customer].clone(), self.run.clone(), artefact)
    }

    async fn write_evidence(&self, customer: usize, outcome: Outcome) {
        let evidence = Evidence {
            run: self.run.clone(),
            reference: self.customers[customer].clone(),
            outcome,
            written_at: Timestamp::UNIX_EPOCH,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            catalogue: Digest::of(b"catalogue"),
            catalogue_version: String::new(),
            request: Digest::of(b"request"),
            key_id: "id".to_owned(),
            artefacts: BTreeMap::new(),
            from_posts: false,
            made_by: None,
            media: None,
            review: None,
            personal: String::new(),
        };
        let bytes = serde_json::to_vec(&evidence).unwrap();
        self.store.put(&self.key(customer, Artefact::Evidence), bytes.into()).await.unwrap();
    }

    async fn write_failure(&self, customer: usize) {
        let error = ErrorName::RenderFailed;
        let stage = Stage::Render;
        let record = FailureRecord { error, stage, message: "ffmpeg".to_owned(), at: Timestamp::UNIX_EPOCH };
        let bytes = serde_json::to_vec(&record).unwrap();
        self.store.put(&self.key(customer, Artefact::Failure), bytes.into()).await.unwrap();
    }

    async fn finalize(&self) -> Result<Manifest, Error> {
        let input = FinalizeInput { run: self.run.clone(), dataset: Some(self.dataset.clone()) };
        run(input, &self.deps()).await
    }
}

fn reference(number: usize) -> CustomerRef {
    CustomerRef::parse(format!("{number:032x}")).unwrap()
}

const PUBLISHED: Outcome = Outcome::Published { video: true };
const INCOMPLETE: Outcome = Outcome::Failed { error: ErrorName::RunIncomplete, stage: Stage::Finalize };

#[tokio::test]
async fn customer_with_script_but_no_record_counts_as_failed() {
    let campaign = Campaign::with_customers(2).await;
    let key = ObjectKey::Customer(campaign.customers[1].clone(), campaign.run.clone(), Artefact::Script);
    campaign.store.put(&key, "sealed".into()).await.unwrap();
    let manifest = campaign.finalize().await.unwrap();
    let outcomes: Vec<&Outcome> = manifest.entries.iter().map(|entry| &entry.outcome).collect();
    assert_eq!(outcomes, [&Outcome::NotStarted, &INCOMPLETE], "the first never started, the second was interrupted");
}

#[tokio::test]
async fn refresh_rewrites_manifest_only_after_run_has_ended() {
    let campaign = Campaign::with_customers(1).await;
    let deps = campaign.deps();
    assert!(refresh(campaign.run.clone(), &deps).await.unwrap().is_none(), "the manifest is written when the run ends");
    let before = campaign.finalize().await.unwrap();
    campaign.write_evidence(0, PUBLISHED).await;
    let after = refresh(campaign.run.clone(), &deps).await.unwrap().unwrap();
    assert_eq!((after.counts["published"], &after.dataset), (1, &before.dataset));
}

async fn one_of_each() -> Campaign {
    let campaign = Campaign::with_customers(5).await;
    campaign.write_evidence(0, PUBLISHED).await;
    campaign.write_evidence(1, Outcome::Skipped { skip: Skip::Suppressed }).await;
    campaign.write_evidence(2, Outcome::InReview { why: "the text did not pass: length".to_owned() }).await;
    campaign.write_failure(3).await;
    campaign
}

#[tokio::test]
async fn each_customer_has_one_outcome_in_dataset_order() {
    let campaign = one_of_each().await;
    let manifest = campaign.finalize().await.unwrap();
    let references: Vec<CustomerRef> = manifest.entries.iter().map(|entry| entry.reference.clone()).collect();
    assert_eq!(references, campaign.customers);
    let words: Vec<&str> = manifest.entries.iter().map(|entry| entry.outcome.word()).collect();
    assert_eq!(words, ["published", "skipped", "in-review", "failed", "not-started"]);
    assert_eq!(manifest.entries[3].outcome, Outcome::Failed { error: ErrorName::RenderFailed, stage: Stage::Render });
    assert_eq!(manifest.entries[4].outcome, Outcome::NotStarted);
    let counts: Vec<(&str, usize)> = manifest.counts.iter().map(|(word, count)| (word.as_str(), *count)).collect();
    assert_eq!(counts, [("failed", 1), ("in-review", 1), ("not-started", 1), ("published", 1), ("skipped", 1)]);
    assert_eq!(manifest.customers, 5);
}

#[tokio::test]
async fn manifest_is_written_as_json_and_table() {
    let campaign = one_of_each().await;
    let manifest = campaign.finalize().await.unwrap();
    let json = campaign.store.get(&ObjectKey::Run(campaign.run.clone(), RunPart::ManifestJson)).await.unwrap();
    assert_eq!(serde_json::from_slice::<Manifest>(&json).unwrap(), manifest);
    let table = campaign.store.get(&ObjectKey::Run(campaign.run.clone(), RunPart::ManifestCsv)).await.unwrap();
    let table = String::from_utf8(table.to_vec()).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "reference,outcome,detail,record,chain");
    assert!(lines[1].contains(",published,text and video,"), "{table}");
    assert!(lines[2].contains(",skipped,the customer must not be contacted,"), "{table}");
    assert!(lines[4].contains(",failed,Render.Failed in render,"), "{table}");
    assert!(lines[5].contains(",not-started,,"), "{table}");
    assert_eq!(lines.len(), 6);
}

#[tokio::test]
async fn changed_or_missing_record_changes_later_links() {
    let campaign = one_of_each().await;
    let before = campaign.finalize().await.unwrap();
    assert!(chain_holds(&before, Some(&campaign.dataset)));
    for customer in 0..4 {
        let campaign = one_of_each().await;
        let artefact = if customer == 3 { Artefact::Failure } else { Artefact::Evidence };
        let key = campaign.key(customer, artefact);
        let mut bytes = campaign.store.get(&key).await.unwrap().to_vec();
        bytes.push(b' ');
        campaign.store.put(&key, bytes.into()).await.unwrap();
        let changed = campaign.finalize().await.unwrap();
        campaign.store.delete(&key).await.unwrap();
        let missing = campaign.finalize().await.unwrap();
        for after in [changed, missing] {
            for entry in 0..5 {
                let same = after.entries[entry].chain == before.entries[entry].chain;
                assert_eq!(same, entry < customer, "entry {entry} after a change of {customer}");
            }
            assert_ne!(after.chain, before.chain);
        }
    }
}

#[tokio::test]
async fn edited_manifest_fails_verification() {
    let campaign = one_of_each().await;
    let manifest = campaign.finalize().await.unwrap();
    let dataset = Some(&campaign.dataset);
    let mut without = manifest.clone();
    without.entries.remove(3);
    let mut swapped = manifest.clone();
    swapped.entries.swap(0, 1);
    let mut improved = manifest.clone();
    improved.entries[3].outcome = PUBLISHED;
    for edited in [without, swapped, improved] {
        assert!(!chain_holds(&edited, dataset));
    }
    assert!(!chain_holds(&manifest, None));
}

#[tokio::test]
async fn manifest_with_old_word_for_in_review_still_verifies() {
    let campaign = one_of_each().await;
    let manifest = campaign.finalize().await.unwrap();
    let json = serde_json::to_string(&manifest).unwrap().replace("\"in-review\"", "\"held\"");
    let read: Manifest = serde_json::from_str(&json).unwrap();
    assert_eq!(read, manifest);
    assert!(chain_holds(&read, Some(&campaign.dataset)));
}

#[tokio::test]
async fn failed_merge_leads_to_empty_manifest() {
    let campaign = Campaign::with_customers(3).await;
    campaign.store.delete(&ObjectKey::Run(campaign.run.clone(), RunPart::Index)).await.unwrap();
    let manifest = campaign.finalize_failed_merge().await;
    assert_eq!((manifest.customers, manifest.counts.len()), (0, 0));
    assert!(chain_holds(&manifest, None));
}

#[tokio::test]
async fn failed_merge_on_resume_keeps_outcomes() {
    let campaign = one_of_each().await;
    let manifest = campaign.finalize_failed_merge().await;
    assert_eq!(
        (manifest.customers, manifest.counts["published"]),
        (5, 1),
        "the first attempt died before it wrote a manifest"
    );
    let campaign = one_of_each().await;
    let manifest = campaign.finalize().await.unwrap();
    assert_eq!(campaign.finalize_failed_merge().await, manifest);
}

#[tokio::test]
async fn resumed_run_replaces_manifest() {
    let campaign = one_of_each().await;
    campaign.finalize().await.unwrap();
    campaign.write_evidence(4, PUBLISHED).await;
    let manifest = campaign.finalize().await.unwrap();
    assert_eq!(manifest.counts["published"], 2);
    let json = campaign.store.get(&ObjectKey::Run(campaign.run.clone(), RunPart::ManifestJson)).await.unwrap();
    assert_eq!(serde_json::from_slice::<Manifest>(&json).unwrap(), manifest);
}

#[tokio::test]
async fn evidence_overrides_earlier_failure() {
    let campaign = Campaign::with_customers(1).await;
    campaign.write_failure(0).await;
    campaign.write_evidence(0, PUBLISHED).await;
    assert_eq!(campaign.finalize().await.unwrap().entries[0].outcome, PUBLISHED);
}

#[tokio::test]
async fn unreadable_or_foreign_record_counts_as_failure() {
    let campaign = Campaign::with_customers(3).await;
    campaign.write_evidence(0, PUBLISHED).await;
    campaign.store.put(&campaign.key(1, Artefact::Evidence), "{".into()).await.unwrap();
    let first = campaign.store.get(&campaign.key(0, Artefact::Evidence)).await.unwrap();
    campaign.store.put(&campaign.key(2, Artefact::Evidence), first).await.unwrap();
    let manifest = campaign.finalize().await.unwrap();
    let broken = Outcome::Failed { error: ErrorName::SealBroken, stage: Stage::Finalize };
    let outcomes: Vec<&Outcome> = manifest.entries.iter().map(|entry| &entry.outcome).collect();
    assert_eq!(outcomes, [&PUBLISHED, &broken, &broken]);
}

#[tokio::test]
async fn store_error_is_not_mistaken_for_missing_record() {
    let campaign = Campaign::with_customers(2).await;
    campaign.write_evidence(0, PUBLISHED).await;
    campaign.store.fail_next(&campaign.key(0, Artefact::Evidence), 1);
    assert_eq!(campaign.finalize().await.unwrap_err().name(), ErrorName::StoreUnavailable);
    assert!(campaign.store.find(&ObjectKey::Run(campaign.run.clone(), RunPart::ManifestJson)).await.unwrap().is_none());
}

#[tokio::test]
async fn head_covers_the_files_and_is_appended_once_per_change() {
    let campaign = one_of_each().await;
    let manifest = campaign.finalize().await.unwrap();
    let [head] = campaign.heads().await.try_into().unwrap();
    assert_eq!((head.chain, head.customers, &head.run), (manifest.chain, 5, &campaign.run));
    assert_eq!(head.files, digest_files(campaign.store.as_ref(), &campaign.run).await.unwrap());
    assert_eq!(head.files.keys().collect::<Vec<_>>(), ["index.csv", "manifest.csv", "manifest.json"]);

    campaign.finalize().await.unwrap();
    campaign.finalize_failed_merge().await;
    assert_eq!(campaign.heads().await.len(), 1, "nothing changed");
    let copy = ObjectKey::Run(campaign.run.clone(), RunPart::Head);
    assert_eq!(campaign.store.objects()[&copy.to_string()], campaign.store.objects()["log/000000000000.json"]);
    campaign.write_evidence(4, PUBLISHED).await;
    let manifest = campaign.finalize().await.unwrap();
    assert_eq!(campaign.heads().await.last().unwrap().chain, manifest.chain);
    assert_eq!(campaign.heads().await.len(), 2);
}

#[tokio::test]
async fn head_that_a_killed_attempt_did_not_append_is_appended_by_the_next() {
    let campaign = one_of_each().await;
    campaign.store.fail_next(&ObjectKey::LogEntry(0), 100);
    assert_eq!(campaign.finalize().await.unwrap_err().name(), ErrorName::StoreUnavailable);
    campaign.store.fail_next(&ObjectKey::LogEntry(0), 0);
    campaign.finalize_failed_merge().await;
    assert_eq!(campaign.heads().await.len(), 1, "the manifest existed already");
}

#[tokio::test]
async fn last_head_matches_stored_manifest_when_writers_compete() {
    let campaign = one_of_each().await;
    let before = campaign.finalize().await.unwrap();
    // Another writer, who read the records before the change, replaces the manifest at the last moment.
    let key = ObjectKey::Run(campaign.run.clone(), RunPart::ManifestJson);
    campaign.write_evidence(4, PUBLISHED).await;
    campaign.store.put_before(&ObjectKey::LogEntry(1), &key, crate::document(&before).into());
    let after = campaign.finalize().await.unwrap();
    assert_ne!(after.chain, before.chain);
    let heads = campaign.heads().await;
    assert_eq!(heads.last().unwrap().chain, after.chain);
    assert_eq!(heads.last().unwrap().files["manifest.json"], Digest::of(&campaign.store.get(&key).await.unwrap()));
}
