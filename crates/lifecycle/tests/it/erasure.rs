//! Tests that an erasure leaves only the evidence, and prevents new results.

use contracts::evidence::Outcome;
use contracts::facts::Skip;
use contracts::key::{Artefact, Prefix, RunPart};
use contracts::review::ReviewChoice;
use contracts::{Digest, ErrorName, NamedError as _, ObjectKey};
use jiff::Timestamp;
use lifecycle::erasure::erase;
use policy::evidence::open_personal;
use policy::review::find_decision;
use publish::testing::Bank;
use storage::store::ObjectStore as _;
use storage::vault::Owner;

use crate::recall::recall;
use crate::review::decide;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

#[tokio::test]
async fn erasure_leaves_only_evidence_and_is_final() {
    let bank = Bank::open_with_review().await.rendered().await.indexed().await;
    bank.publish(true).await.unwrap();
    decide(&bank, ReviewChoice::Approve, "ann").await.unwrap().unwrap();
    bank.publish(true).await.unwrap();
    recall(&bank).await.unwrap();
    let recorded = bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap();
    let of_run = [ObjectKey::Admitted, ObjectKey::DryRun].map(|key| key(bank.run.clone(), bank.reference.clone()));
    for key in &of_run {
        bank.store.put(key, "{}".into()).await.unwrap();
    }
    let report = erase(&bank.reference, &bank.vault, NOW).await.unwrap();
    assert!(report.objects >= 10, "{report:?}");
    assert_eq!(bank.files().into_iter().collect::<Vec<_>>(), ["evidence.json"]);
    assert_eq!(bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap(), recorded);
    assert_eq!(bank.recalled_files(), Vec::<String>::new());
    for key in &of_run {
        assert!(bank.store.find(key).await.unwrap().is_none(), "{key}");
    }
    assert!(bank.store.list(&Prefix::Reviews(None)).await.unwrap().is_empty());
    let decision = find_decision(&bank.vault, &bank.run, &bank.reference).await;
    assert!(decision.unwrap_err().to_string().contains("was erased"), "the decision stays, but no key opens it");
    assert!(open_personal(&bank.vault, &bank.evidence().await).await.unwrap_err().to_string().contains("was erased"));

    // A stage was still running during the erasure, and the run is resumed.
    bank.store.put(&bank.key(Artefact::Video), "late".into()).await.unwrap();
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    assert_eq!(bank.published_files(), Vec::<String>::new());
    let bank = bank.restart(2).await;
    bank.store.put(&bank.key(Artefact::Video), "late".into()).await.unwrap();
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    assert!(bank.files().is_empty(), "no new evidence is sealed: {:?}", bank.files());
    let sealed = bank.vault.seal(Owner::Customer(&bank.reference), "anywhere", &Digest::of(b""), b"").await;
    assert!(sealed.unwrap_err().to_string().contains("was erased"), "the vault makes no new key");

    let later = "2026-11-24T00:00:00Z".parse().unwrap();
    let again = erase(&bank.reference, &bank.vault, later).await.unwrap();
    assert_eq!(again.at, NOW, "the first record counts");
}

#[tokio::test]
async fn erasure_with_unreadable_request_can_be_repeated() {
    let bank = Bank::open().await.rendered().await;
    bank.publish(true).await.unwrap();
    bank.store.fail_next(&ObjectKey::Run(bank.run.clone(), RunPart::Request), 1);
    let error = erase(&bank.reference, &bank.vault, NOW).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::StoreUnavailable);
    assert_eq!(bank.files().into_iter().collect::<Vec<_>>(), ["evidence.json"], "everything else is deleted");
    assert_eq!(erase(&bank.reference, &bank.vault, NOW).await.unwrap().at, NOW);
}

#[tokio::test]
async fn legal_hold_suppresses_and_destroys_nothing() {
    let bank = Bank::open().await.rendered().await;
    bank.publish(true).await.unwrap();
    let holds = format!("reference,hold\n{},Case 2026-7\n", bank.reference);
    bank.store.put(&ObjectKey::Holds, holds.into()).await.unwrap();
    let before = bank.files();
    let error = erase(&bank.reference, &bank.vault, NOW).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ForgetOnHold);
    assert!(error.to_string().contains("Case 2026-7"), "{error}");
    assert_eq!(bank.files(), before);
    open_personal(&bank.vault, &bank.evidence().await).await.unwrap();
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
}
