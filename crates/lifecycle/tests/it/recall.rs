//! Recalls move published files aside, and keep the evidence.

use contracts::evidence::Outcome;
use contracts::facts::Skip;
use contracts::key::Artefact;
use contracts::{ErrorName, NamedError as _, ObjectKey};
use jiff::Timestamp;
use lifecycle::RecallError;
use lifecycle::recall::RecalledCustomer;
use policy::recall::is_recalled;
use publish::testing::Bank;
use storage::store::ObjectStore as _;

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
    assert_eq!((recalled.len(), recalled[0].files), (1, 6), "the published files and the record of the render");
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
    assert_eq!(recall(&bank).await.unwrap()[0].files, 6);
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
