//! Tests that a recall moves published files aside, and keeps the evidence.

use bytes::Bytes;
use contracts::evidence::Outcome;
use contracts::facts::Skip;
use contracts::key::{Artefact, Prefix};
use contracts::{CustomerRef, ErrorName, NamedError as _, ObjectKey, RunId};
use jiff::Timestamp;
use lifecycle::RecallError;
use lifecycle::recall::RecalledCustomer;
use policy::recall::is_recalled;
use publish::testing::Bank;
use storage::store::{ListedObject, MemoryStore, ObjectStore, PutOutcome, StoreError};

pub async fn recall(bank: &Bank) -> Result<Vec<RecalledCustomer>, RecallError> {
    let reason = Some("a wrong rate");
    lifecycle::recall::recall(&bank.run, Some(&bank.reference), "ann", reason, &bank.vault, Timestamp::UNIX_EPOCH).await
}

fn recalled_video(bank: &Bank) -> ObjectKey {
    ObjectKey::Recalled(bank.reference.clone(), bank.run.clone(), Artefact::Video)
}

#[tokio::test]
async fn recall_moves_files_and_keeps_evidence() {
    let bank = Bank::open().await.rendered().await.indexed().await;
    bank.publish(true).await.unwrap();
    let published = bank.published_files();
    let recorded = bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap();
    let video = bank.store.get(&bank.key(Artefact::Video)).await.unwrap();
    let recalled = recall(&bank).await.unwrap();
    assert_eq!((recalled.len(), recalled[0].files), (1, 7), "the published files and the record of the render");
    assert_eq!(bank.published_files(), Vec::<String>::new());
    assert!(published.iter().all(|file| bank.recalled_files().contains(file)), "{:?}", bank.recalled_files());
    assert_eq!(bank.store.get(&recalled_video(&bank)).await.unwrap(), video);
    assert_eq!(bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap(), recorded);

    let objects = bank.store.objects();
    assert_eq!(recall(&bank).await.unwrap(), recalled, "a second recall changes nothing");
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Recalled });
    assert!(objects == bank.store.objects());
}

#[tokio::test]
async fn interrupted_recall_can_be_repeated() {
    let bank = Bank::open().await.rendered().await.indexed().await;
    bank.publish(true).await.unwrap();
    bank.store.fail_next(&bank.key(Artefact::Video), 1);
    assert_eq!(recall(&bank).await.unwrap_err().name(), ErrorName::StoreUnavailable);
    // The record comes first: links stop working even while files are still in place.
    assert!(is_recalled(&*bank.store, &bank.run, &bank.reference).await.unwrap());
    // The process died between copying and deleting.
    let video = bank.store.get(&bank.key(Artefact::Video)).await.unwrap();
    bank.store.put_new(&recalled_video(&bank), video).await.unwrap();
    assert_eq!(recall(&bank).await.unwrap()[0].files, 7);
    assert_eq!(bank.published_files(), Vec::<String>::new());
}

#[tokio::test]
async fn recall_before_publish_prevents_publishing() {
    let bank = Bank::open().await.rendered().await.indexed().await;
    assert_eq!(recall(&bank).await.unwrap(), Vec::new());
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Recalled });
    assert_eq!((bank.published_files(), bank.recalled_files()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn unknown_run_cannot_be_recalled() {
    let bank = Bank::open().await.rendered().await;
    assert_eq!(recall(&bank).await.unwrap_err().name(), ErrorName::InputInvalidRequest);
}

/// A store that copies objects itself, as a bucket does, and fails when the bytes of a video pass through this process.
struct Copying(MemoryStore);

impl Copying {
    fn refuse_media(key: &ObjectKey) {
        assert!(!key.to_string().contains(".mp4"), "{key} passes through the process");
    }
}

#[async_trait::async_trait]
impl ObjectStore for Copying {
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        Self::refuse_media(key);
        self.0.get(key).await
    }

    async fn get_range(&self, key: &ObjectKey, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        self.0.get_range(key, offset, length).await
    }

    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.0.put(key, bytes).await
    }

    async fn put_new(&self, key: &ObjectKey, bytes: Bytes) -> Result<PutOutcome, StoreError> {
        Self::refuse_media(key);
        self.0.put_new(key, bytes).await
    }

    async fn copy_new(&self, from: &ObjectKey, to: &ObjectKey) -> Result<Option<PutOutcome>, StoreError> {
        self.0.copy_new(from, to).await
    }

    async fn exists(&self, key: &ObjectKey) -> Result<bool, StoreError> {
        self.0.exists(key).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<ListedObject>, StoreError> {
        self.0.list(prefix).await
    }
}

#[tokio::test]
async fn large_recall_moves_in_batches_without_reading_a_video() {
    let store = Copying(MemoryStore::default());
    let run = RunId::parse("run-1").unwrap();
    let customers: Vec<CustomerRef> =
        (0..2_000_u32).map(|number| CustomerRef::parse(format!("{number:032x}")).unwrap()).collect();
    for reference in &customers {
        for artefact in [Artefact::Evidence, Artefact::Video, Artefact::Text] {
            store.0.put(&ObjectKey::Customer(reference.clone(), run.clone(), artefact), "bytes".into()).await.unwrap();
        }
    }
    let move_batch = async |batch: &[CustomerRef]| lifecycle::recall::move_files(&run, batch.to_vec(), &store).await;
    let early = move_batch(&customers[..1]).await.unwrap_err();
    assert!(early.to_string().contains("not on record"), "links stop working before files move: {early}");

    store.0.put(&ObjectKey::Recall(run.clone(), None), "sealed".into()).await.unwrap();
    for batch in customers.chunks(100) {
        let moved = move_batch(batch).await.unwrap();
        assert!(moved.len() == 100 && moved.iter().all(|customer| customer.files == 2));
    }
    assert_eq!(move_batch(&customers[..100]).await.unwrap().len(), 100, "a repeated batch changes nothing");
    let left = store.list(&Prefix::Customers).await.unwrap();
    assert!(left.len() == 2_000 && left.iter().all(|object| object.key.ends_with("evidence.json")));
}
