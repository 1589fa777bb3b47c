//! Tests that results in review are published only after approval, exactly as the reviewer saw them.

use std::collections::BTreeMap;

use contracts::evidence::Outcome;
use contracts::facts::Skip;
use contracts::key::{Artefact, RunKind};
use contracts::review::{Decision, ReviewChoice, ReviewReason, ReviewedDigests};
use contracts::script::{RefusedText, Script, Segment, SegmentKind, TextReview, Verdict};
use contracts::{Digest, ErrorName, NamedError as _, ObjectKey};
use jiff::Timestamp;
use lifecycle::ReviewError;
use lifecycle::review::{self, NewDecision, Reviewer};
use policy::evidence::open_personal;
use publish::testing::{Bank, script};
use storage::store::ObjectStore as _;
use storage::vault::Owner;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub async fn decide(bank: &Bank, choice: ReviewChoice, by: &str) -> Result<Result<Decision, Skip>, ReviewError> {
    let pending = review::find(&bank.vault, &bank.run, &bank.reference).await?;
    let reviewed = pending.as_ref().map_or(Digest::of(b"nothing"), review::digest);
    let by = Reviewer { name: by, subject: bank.vault.keys().staff(by), may_approve_own: false };
    let decision = NewDecision { reviewed: &reviewed, choice, by, reason: Some("José prefers this wording") };
    review::decide(&bank.run, &bank.reference, decision, &bank.vault, NOW).await
}

#[tokio::test]
async fn approved_result_is_published_as_reviewed() {
    let bank = Bank::open_with_review().await.rendered().await;
    let in_review = Outcome::InReview { why: "a sample, one in 1".to_owned() };
    for _ in 0..2 {
        assert_eq!(bank.publish(true).await.unwrap(), in_review);
    }
    assert!(!bank.files().contains("evidence.json") && !bank.files().contains("recommendation.txt"));
    let pending = review::list_pending(&bank.vault, Some(&bank.run)).await.unwrap();
    let [pending] = <[_; 1]>::try_from(pending).unwrap();
    assert_eq!((&pending.why, pending.video), (&ReviewReason::Sampled { every: 1 }, true));
    let item = review::load(pending, &bank.vault, &bank.catalogue, &bank.brand).await.unwrap();

    let recorded = decide(&bank, ReviewChoice::Approve, "ann").await.unwrap();
    assert_eq!(recorded.unwrap().by, "ann");
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Published { video: true });
    assert_eq!(bank.text().await, item.text);
    let evidence = bank.evidence().await;
    let record = evidence.review.clone().unwrap();
    assert_eq!((record.choice, record.by.as_str(), record.at), (ReviewChoice::Approve, "ann", NOW));
    assert_eq!(record.seen.artefacts[&Artefact::Video], evidence.artefacts[&Artefact::Video]);
    assert_eq!(record.seen.text, evidence.artefacts[&Artefact::Text]);
    assert!(!serde_json::to_string(&evidence).unwrap().contains("José"), "the reason is sealed");
    let decision = open_personal(&bank.vault, &evidence).await.unwrap().decision.unwrap();
    assert_eq!(decision.reason.as_deref(), Some("José prefers this wording"));
    assert!(review::list_pending(&bank.vault, None).await.unwrap().is_empty(), "the review has ended");
}

#[tokio::test]
async fn reviewer_cannot_approve_own_run() {
    for kind in RunKind::ALL {
        let bank = Bank::open_with_review().await.rendered().await;
        bank.publish(true).await.unwrap();
        let started = ObjectKey::Started(bank.vault.keys().staff("ann"), kind, bank.run.clone());
        bank.vault.store().put(&started, "{}".into()).await.unwrap();
        let error = decide(&bank, ReviewChoice::Approve, "ann").await.unwrap_err();
        assert_eq!(error.name(), ErrorName::AccessForbidden, "{kind:?}");
        assert!(error.to_string().contains("ann started run"), "{error}");
        let own = Reviewer { name: "ann", subject: bank.vault.keys().staff("ann"), may_approve_own: true };
        let pending = review::find(&bank.vault, &bank.run, &bank.reference).await.unwrap().unwrap();
        let reviewed = review::digest(&pending);
        let decision = NewDecision { reviewed: &reviewed, choice: ReviewChoice::Approve, by: own, reason: None };
        review::decide(&bank.run, &bank.reference, decision, &bank.vault, NOW).await.unwrap().unwrap();
    }
    let bank = Bank::open_with_review().await.rendered().await;
    bank.publish(true).await.unwrap();
    let started = ObjectKey::Started(bank.vault.keys().staff("ann"), RunKind::Command, bank.run.clone());
    bank.vault.store().put(&started, "{}".into()).await.unwrap();
    decide(&bank, ReviewChoice::Reject, "ann").await.unwrap().unwrap();
}

/// An attacker who has no key replaces the waiting video with another one and adapts the digests in both records.
#[tokio::test]
async fn replaced_video_with_adapted_digests_is_never_published() {
    let bank = Bank::open_with_review().await.rendered().await;
    bank.publish(true).await.unwrap();
    let store = &*bank.store;
    let (own, other) = (Digest::of(b"recommendation.mp4").to_string(), Digest::of(b"another video").to_string());
    let review = ObjectKey::Review(bank.run.clone(), bank.reference.clone());
    let adapt = async |key: &ObjectKey| {
        let text = String::from_utf8(store.get(key).await.unwrap().to_vec()).unwrap();
        assert!(text.contains(&own), "{text}");
        store.put(key, text.replace(&own, &other).into()).await.unwrap();
    };
    let untouched = store.get(&review).await.unwrap();
    store.put(&bank.key(Artefact::Video), "another video".into()).await.unwrap();
    let error = decide(&bank, ReviewChoice::Approve, "ann").await.unwrap_err();
    assert!(matches!(error, ReviewError::NotAsReviewed { .. }), "{error}");

    adapt(&review).await;
    let error = decide(&bank, ReviewChoice::Approve, "ann").await.unwrap_err();
    assert_eq!(error.name(), ErrorName::SealBroken, "{error}");

    store.put(&review, untouched).await.unwrap();
    adapt(&bank.key(Artefact::RenderRecord)).await;
    assert_eq!(bank.publish(true).await.unwrap_err().name(), ErrorName::SealBroken);
    assert!(!bank.files().contains("evidence.json"));
}

#[tokio::test]
async fn rejected_result_is_never_published() {
    let bank = Bank::open_with_review().await.rendered().await;
    bank.publish(true).await.unwrap();
    decide(&bank, ReviewChoice::Reject, "ben").await.unwrap().unwrap();
    let rejected = Outcome::Skipped { skip: Skip::Rejected };
    assert_eq!(bank.publish(true).await.unwrap(), rejected);
    assert_eq!(bank.publish(true).await.unwrap(), rejected, "a second call agrees");
    assert_eq!(bank.published_files(), Vec::<String>::new());
    let evidence = bank.evidence().await;
    assert_eq!(evidence.review.as_ref().map(|review| review.by.as_str()), Some("ben"));
    assert!(open_personal(&bank.vault, &evidence).await.unwrap().script.is_some(), "the rejected text is on record");
}

#[tokio::test]
async fn first_of_two_decisions_counts() {
    let bank = Bank::open_with_review().await.rendered().await;
    bank.publish(true).await.unwrap();
    decide(&bank, ReviewChoice::Reject, "ben").await.unwrap().unwrap();
    let second = decide(&bank, ReviewChoice::Approve, "ann").await.unwrap().unwrap();
    assert_eq!((second.choice, second.by.as_str()), (ReviewChoice::Reject, "ben"));
}

#[tokio::test]
async fn unsealed_decision_or_one_about_different_text_publishes_nothing() {
    let bank = Bank::open_with_review().await.rendered().await;
    bank.publish(true).await.unwrap();
    let key = ObjectKey::Decision(bank.run.clone(), bank.reference.clone());
    let seen = ReviewedDigests { text: Digest::of(b"another"), artefacts: BTreeMap::new() };
    let decision = Decision { choice: ReviewChoice::Approve, by: "ann".to_owned(), at: NOW, reason: None, seen };
    let plain = serde_json::to_vec(&decision).unwrap();
    let owner = Owner::Customer(&bank.reference);
    bank.vault.write_json(owner, &key, &Digest::of(b"any"), decision).await.unwrap();
    let error = bank.publish(true).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::SealBroken, "{error}");

    bank.store.put(&key, plain.into()).await.unwrap();
    assert_eq!(bank.publish(true).await.unwrap_err().name(), ErrorName::SealBroken);
    assert!(!bank.files().contains("evidence.json"));
}

#[tokio::test]
async fn opt_out_during_review_makes_a_decision_unnecessary() {
    let bank = Bank::open_with_review().await.rendered().await;
    bank.publish(true).await.unwrap();
    bank.suppress().await;
    let outcome = decide(&bank, ReviewChoice::Approve, "ann").await.unwrap();
    assert_eq!(outcome, Err(Skip::Suppressed));
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    assert_eq!(bank.evidence().await.review, None);
}

#[tokio::test]
async fn newer_data_during_review_stops_publication() {
    let own_line = Digest::of(b"line");
    let other_customer = Bank::reference_of("0002");
    for (customer, line, expected) in [
        (None, Digest::of(b"a line with a stop"), Outcome::Skipped { skip: Skip::Outdated }),
        (None, own_line, Outcome::Published { video: true }),
        (Some(other_customer), Digest::of(b"another line"), Outcome::Published { video: true }),
    ] {
        let bank = Bank::open_with_review().await.indexed().await.rendered().await;
        bank.publish(true).await.unwrap();
        bank.upload(customer.as_ref().unwrap_or(&bank.reference), line).await;
        let decided = decide(&bank, ReviewChoice::Approve, "ann").await.unwrap();
        assert!(decided.is_ok(), "{decided:?}");
        assert_eq!(bank.publish(true).await.unwrap(), expected);
        assert_eq!(bank.published_files().is_empty(), expected == Outcome::Skipped { skip: Skip::Outdated });
    }
}

#[tokio::test]
async fn decision_requires_a_pending_review_and_a_name() {
    let bank = Bank::open_with_review().await.rendered().await;
    assert_eq!(decide(&bank, ReviewChoice::Approve, "ann").await.unwrap_err().name(), ErrorName::ReviewNotWaiting);
    bank.publish(true).await.unwrap();
    for name in ["", " ", "a\nb"] {
        assert_eq!(
            decide(&bank, ReviewChoice::Approve, name).await.unwrap_err().name(),
            ErrorName::InputInvalidRequest
        );
    }
}

/// Returns a template script that replaces the model's rejected text.
fn replacement_script() -> Script {
    let text = "You are pre-approved.".to_owned();
    let segments = vec![Segment { kind: SegmentKind::Greeting, text, product: None, parts: Vec::new() }];
    let refused = RefusedText { segments, verdict: Verdict { checks: Vec::new() } };
    Script {
        language: contracts::Language::English,
        text_review: Some(TextReview { why: "the guard found: approval".to_owned(), refused: Some(refused) }),
        ..script()
    }
}

#[tokio::test]
async fn reviewer_sees_refused_text_and_approves_the_template() {
    let bank = Bank::open().await.written(replacement_script()).await;
    let expected =
        Outcome::InReview { why: "the phrasebook wrote instead of the model: the guard found: approval".to_owned() };
    assert_eq!(bank.publish(false).await.unwrap(), expected);
    let pending = review::find(&bank.vault, &bank.run, &bank.reference).await.unwrap().unwrap();
    let item = review::load(pending, &bank.vault, &bank.catalogue, &bank.brand).await.unwrap();
    assert!(item.refused().unwrap().segments[0].text.contains("pre-approved"));
    assert!(!item.text.contains("pre-approved"));
    decide(&bank, ReviewChoice::Approve, "ann").await.unwrap().unwrap();
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Published { video: false });
    assert!(!bank.text().await.contains("pre-approved"));
}

#[tokio::test]
async fn text_that_failed_the_guard_never_reaches_review() {
    let mut failed = replacement_script();
    failed.verdict.checks[0].violations.push("300 words".to_owned());
    let bank = Bank::open().await.written(failed).await;
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::ConfigChanged);
    assert!(bank.published_files().is_empty());
}
