//! Tests of every possible outcome of a customer's part of a run.

use std::collections::BTreeSet;

use contracts::catalogue::Catalogue;
use contracts::consent::{ControlAsRead, Refusal};
use contracts::evidence::{FailureRecord, Outcome};
use contracts::facts::{Assessment, Skip, Stop};
use contracts::key::Artefact;
use contracts::stage::{Stage, StageFailure};
use contracts::{Digest, ErrorName, NamedError as _, ObjectKey, RunId};
use jiff::Timestamp;
use policy::evidence::open_personal;
use storage::store::ObjectStore as _;
use storage::vault::{Keys, Vault};

use crate::testing::{Bank, CATALOGUE, consent, failure, media, script};

#[tokio::test]
async fn evidence_lists_every_published_file() {
    let bank = Bank::open().await.rendered().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Published { video: true });
    let evidence = bank.evidence().await;
    let recorded: BTreeSet<String> = evidence.artefacts.keys().map(|a| a.file_name().to_owned()).collect();
    let mut stored = bank.files();
    assert!(stored.remove("evidence.json"));
    assert_eq!(recorded, stored);
    for (artefact, digest) in &evidence.artefacts {
        assert_eq!(Digest::of(&bank.store.get(&bank.key(*artefact)).await.unwrap()), *digest, "{artefact:?}");
    }
    assert_eq!(evidence.media, Some(media()));
    let made_by = evidence.made_by.as_ref().unwrap();
    assert_eq!((made_by.writer.as_str(), made_by.voice.as_deref()), ("template", Some("espeak-ng 1.51 en-us")));
}

#[tokio::test]
async fn personal_evidence_opens_until_customer_is_erased() {
    let bank = Bank::open().await.written(script()).await;
    bank.publish(false).await.unwrap();
    let evidence = bank.evidence().await;
    assert!(!serde_json::to_string(&evidence).unwrap().contains("Zoë"));
    let personal = open_personal(&bank.vault, &evidence).await.unwrap();
    assert_eq!((personal.consent.readings, personal.script), (consent().readings, Some(script())));
    assert_eq!(personal.consent.control, Some(ControlAsRead::default()), "the state of control/ is on record");

    bank.store.delete(&ObjectKey::CustomerKey(bank.reference.clone())).await.unwrap();
    let fresh = Vault::new(bank.store.clone(), Keys::new([1; 32], [2; 32]));
    assert!(open_personal(&fresh, &evidence).await.unwrap_err().to_string().contains("was erased"));
}

#[tokio::test]
async fn text_has_terms_and_disclosures_and_fits_78_columns() {
    let bank = Bank::open().await.rendered().await;
    bank.publish(true).await.unwrap();
    let text = bank.text().await;
    assert!(text.lines().all(|line| line.chars().count() <= 78), "{text}");
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let terms = &bank.catalogue.products()[0].rates_and_terms[0];
    for phrase in ["For Zoë, from Meridian Bank", "Hello Zoë.", terms, "Voice: AI-generated", "Written by: template"]
    {
        assert!(joined.contains(phrase), "{phrase} in {text}");
    }
    for phrase in ["Member FDIC.", "not financial advice.", "choose Preferences."] {
        assert_eq!(joined.matches(phrase).count(), 1, "{phrase} in {text}");
    }
    assert!(joined.contains(&format!("Reference: {}", bank.run)));
}

#[tokio::test]
async fn text_without_video_mentions_no_voice() {
    let bank = Bank::open().await.written(script()).await;
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Published { video: false });
    assert!(!bank.text().await.contains("Voice"));
    assert_eq!(bank.evidence().await.media, None);
}

#[tokio::test]
async fn repeated_publish_changes_nothing() {
    let bank = Bank::open().await.rendered().await;
    let first = bank.publish(true).await.unwrap();
    let before = bank.store.objects();
    let later = "2030-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(bank.publish_at(true, None, later).await.unwrap(), first);
    assert_eq!(bank.publish_at(true, Some(failure()), later).await.unwrap(), first);
    assert!(before == bank.store.objects());
}

#[tokio::test]
async fn later_opt_out_removes_files_and_keeps_evidence() {
    let bank = Bank::open().await.rendered().await;
    bank.publish(true).await.unwrap();
    let recorded = bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap();
    bank.suppress().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    assert_eq!(bank.published_files(), Vec::<String>::new());
    assert_eq!(bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap(), recorded);
}

#[tokio::test]
async fn refusal_leaves_only_facts_and_evidence() {
    let skip = Skip::NoConsent(Refusal::SaidNo);
    let bank = Bank::open().await.assessed(Assessment::Skip { skip, consent: consent() }).await;
    let before = bank.files();
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip });
    let added: Vec<String> = bank.files().difference(&before).cloned().collect();
    assert_eq!(added, ["evidence.json"]);
    let personal = open_personal(&bank.vault, &bank.evidence().await).await.unwrap();
    assert_eq!((personal.consent, personal.facts, personal.script), (consent(), None, None));
}

#[tokio::test]
async fn held_out_customer_gets_evidence_and_nothing_else() {
    let bank = Bank::open().await;
    let facts = bank.facts();
    let bank = bank.assessed(Assessment::HeldOut(facts.clone())).await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::HeldOut);
    assert_eq!(bank.files().into_iter().collect::<Vec<_>>(), ["evidence.json", "facts.json"]);
    let personal = open_personal(&bank.vault, &bank.evidence().await).await.unwrap();
    assert_eq!(personal.facts.unwrap().candidates, facts.candidates, "the ranking is on record");
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::HeldOut, "a second call agrees");
    bank.suppress().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
}

#[tokio::test]
async fn opt_out_before_the_end_leaves_the_control_group() {
    let bank = Bank::open().await;
    let facts = bank.facts();
    let bank = bank.assessed(Assessment::HeldOut(facts)).await;
    bank.suppress().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
}

#[tokio::test]
async fn opt_out_during_run_prevents_publishing() {
    let bank = Bank::open().await.rendered().await;
    bank.suppress().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    let left: Vec<String> = bank.files().into_iter().collect();
    assert_eq!(left, ["cues.json", "evidence.json", "facts.json", "narration.wav", "script.json"]);
    let evidence = bank.evidence().await;
    let recorded: Vec<&str> = evidence.artefacts.keys().map(|artefact| artefact.file_name()).collect();
    assert_eq!(recorded, ["facts.json", "script.json", "narration.wav", "cues.json"]);
}

#[tokio::test]
async fn withdrawal_during_run_prevents_publishing() {
    let bank = Bank::open().await.rendered().await;
    bank.answer("no", "yes").await;
    let expected = Outcome::Skipped { skip: Skip::NoConsent(Refusal::SaidNo) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
    assert!(!bank.files().contains("recommendation.mp4"));
    let personal = open_personal(&bank.vault, &bank.evidence().await).await.unwrap();
    assert_eq!(personal.consent.control.unwrap().answers[0].value, "no");
}

#[tokio::test]
async fn withdrawal_of_posts_removes_everything_they_contributed_to() {
    let bank = Bank::open().await.with_posts().rendered().await;
    bank.answer("yes", "no").await;
    let expected = Outcome::Skipped { skip: Skip::PostsWithdrawn(Refusal::SaidNo) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
    assert_eq!(bank.files().into_iter().collect::<Vec<_>>(), ["evidence.json"]);
    let evidence = bank.evidence().await;
    assert!(evidence.artefacts.is_empty());
    assert_eq!(evidence.made_by.as_ref().unwrap().writer, "template", "the writer remains on record");
    let personal = open_personal(&bank.vault, &evidence).await.unwrap();
    assert_eq!((personal.facts, personal.script), (None, None));
}

#[tokio::test]
async fn full_withdrawal_removes_everything_posts_contributed_to() {
    let bank = Bank::open().await.with_posts().rendered().await;
    bank.answer("no", "no").await;
    let expected = Outcome::Skipped { skip: Skip::NoConsent(Refusal::SaidNo) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
    assert_eq!(bank.files().into_iter().collect::<Vec<_>>(), ["evidence.json"]);
    let personal = open_personal(&bank.vault, &bank.evidence().await).await.unwrap();
    assert_eq!((personal.facts, personal.script), (None, None));
    assert_eq!(bank.publish(true).await.unwrap(), expected, "a second call agrees");
}

#[tokio::test]
async fn withdrawal_before_script_is_recorded() {
    let bank = Bank::open().await.with_posts();
    let facts = bank.facts();
    let bank = bank.assessed(Assessment::Proceed(facts)).await;
    bank.answer("yes", "").await;
    let expected = Outcome::Skipped { skip: Skip::PostsWithdrawn(Refusal::Blank) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
}

#[tokio::test]
async fn withdrawal_of_unused_posts_changes_nothing() {
    let bank = Bank::open().await.rendered().await;
    bank.answer("yes", "no").await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Published { video: true });
    assert!(!bank.evidence().await.from_posts);
}

#[tokio::test]
async fn later_withdrawal_of_posts_removes_published_files() {
    let bank = Bank::open().await.with_posts().rendered().await;
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Published { video: true });
    assert!(bank.evidence().await.from_posts);
    bank.answer("yes", "no").await;
    let expected = Outcome::Skipped { skip: Skip::PostsWithdrawn(Refusal::SaidNo) };
    assert_eq!(bank.publish(true).await.unwrap(), expected);
    assert!(!bank.files().contains("recommendation.txt"));
}

#[tokio::test]
async fn contact_cap_skips_other_runs_only() {
    let day = |text: &str| -> Timestamp { format!("{text}T12:00:00Z").parse().unwrap() };
    let mut bank = Bank::open().await.capped(30).await.written(script()).await;
    assert_eq!(bank.publish_at(false, None, day("2026-11-01")).await.unwrap(), Outcome::Published { video: false });
    assert_eq!(bank.publish_at(false, None, day("2026-11-02")).await.unwrap(), Outcome::Published { video: false });

    for (attempt, on, expected) in [
        (1, "2026-11-30", Outcome::Skipped { skip: Skip::HeardLately }),
        (2, "2026-12-02", Outcome::Published { video: false }),
    ] {
        bank = bank.restart(attempt).await.written(script()).await;
        assert_eq!(bank.publish_at(false, None, day(on)).await.unwrap(), expected, "{on}");
    }
}

#[tokio::test]
async fn running_run_blocks_others_with_its_reservation_and_skipped_run_does_not() {
    let bank = Bank::open().await.capped(30).await.written(script()).await;
    bank.suppress().await;
    bank.publish(false).await.unwrap();
    bank.store.delete(&ObjectKey::Suppressions).await.unwrap();
    let skipped = bank.run.clone();

    let reservation = |run: &RunId| serde_json::json!({"run": run, "at": Timestamp::UNIX_EPOCH}).to_string();
    let bank = bank.restart(1).await.written(script()).await;
    let running = RunId::parse("run-other").unwrap();
    let key = ObjectKey::ContactReservation(bank.reference.clone(), 1);
    bank.store.put_new(&key, reservation(&running).into()).await.unwrap();
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Skipped { skip: Skip::HeardLately });

    let bank = bank.restart(2).await.written(script()).await;
    let key = ObjectKey::ContactReservation(bank.reference.clone(), 2);
    bank.store.put_new(&key, reservation(&skipped).into()).await.unwrap();
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Published { video: false });
}

#[tokio::test]
async fn expired_product_is_not_published() {
    let expiring = CATALOGUE.replace(r#""kind""#, r#""valid_until": "2026-11-30", "kind""#);
    let mut bank = Bank::open().await;
    bank.catalogue = Catalogue::from_json(expiring.as_bytes()).unwrap();
    let bank = bank.restart(1).await.written(script()).await;
    let error = bank.publish_at(false, None, "2026-12-01T00:00:00Z".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigChanged);
    assert!(error.to_string().contains("everyday-savings"), "{error}");
    let last_day = bank.publish_at(false, None, "2026-11-30T23:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(last_day, Outcome::Published { video: false });
}

#[tokio::test]
async fn retry_removes_files_that_a_killed_process_left() {
    let bank = Bank::open().await.rendered().await;
    bank.suppress().await;
    bank.publish(true).await.unwrap();
    // The process died after it wrote the evidence and before it deleted the video.
    bank.store.put(&bank.key(Artefact::Video), "video".into()).await.unwrap();
    bank.publish(true).await.unwrap();
    assert!(!bank.files().contains("recommendation.mp4"));
}

#[tokio::test]
async fn unreadable_suppressions_prevent_publishing() {
    let bank = Bank::open().await.written(script()).await;
    bank.store.put(&ObjectKey::Suppressions, "who\nsomebody\n".into()).await.unwrap();
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::ConfigInvalid);
    bank.store.put(&ObjectKey::Suppressions, "reference\n".into()).await.unwrap();
    bank.store.fail_next(&ObjectKey::Suppressions, 1);
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::StoreUnavailable);
    assert!(!bank.files().contains("recommendation.txt"));
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Published { video: false });
}

#[tokio::test]
async fn failure_record_disappears_after_success() {
    let bank = Bank::open().await.written(script()).await;
    let expected = Outcome::Failed { error: ErrorName::NarrateFailed, stage: Stage::Narrate };
    assert_eq!(bank.publish_at(false, Some(failure()), Timestamp::UNIX_EPOCH).await.unwrap(), expected);
    assert!(!bank.files().contains("evidence.json"));
    let record = bank.store.get(&bank.key(Artefact::Failure)).await.unwrap();
    let record: FailureRecord = serde_json::from_slice(&record).unwrap();
    assert_eq!((record.error, record.message.as_str()), (ErrorName::NarrateFailed, "espeak-ng: exit status 1"));

    bank.publish(false).await.unwrap();
    assert!(!bank.files().contains("failure.json"));
}

#[tokio::test]
async fn stage_ended_by_a_withdrawal_is_a_skip() {
    let withdrawn = || StageFailure { error: ErrorName::ConsentWithdrawn, ..failure() };
    let bank = Bank::open().await.written(script()).await;
    bank.store.put(&ObjectKey::Suppression(bank.reference.clone()), "{}".into()).await.unwrap();
    let outcome = bank.publish_at(true, Some(withdrawn()), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(outcome, Outcome::Skipped { skip: Skip::Suppressed });
    assert_eq!(bank.evidence().await.outcome, outcome);

    let bank = Bank::open().await.written(script()).await;
    let outcome = bank.publish_at(true, Some(withdrawn()), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(outcome.word(), "failed", "the customer has changed their mind, so the run must be repeated");
}

#[tokio::test]
async fn permanent_failure_removes_files_and_transient_failure_keeps_them() {
    let bank = Bank::open().await.rendered().await;
    let permanent = StageFailure { error: ErrorName::ConfigChanged, ..failure() };
    bank.publish_at(true, Some(permanent), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(bank.published_files(), Vec::<String>::new());

    let bank = Bank::open().await.rendered().await;
    bank.publish_at(true, Some(failure()), Timestamp::UNIX_EPOCH).await.unwrap();
    assert!(bank.published_files().contains(&"recommendation.mp4".to_owned()), "a retry can publish it");
}

#[tokio::test]
async fn changed_file_is_named_and_not_published() {
    for artefact in [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview] {
        let bank = Bank::open().await.rendered().await;
        bank.store.put(&bank.key(artefact), "other".into()).await.unwrap();
        let error = bank.publish(true).await.unwrap_err();
        assert_eq!(error.name(), ErrorName::SealBroken);
        assert!(error.to_string().contains(artefact.file_name()), "{error}");
        assert!(!bank.files().contains("evidence.json"));
    }
}

#[tokio::test]
async fn different_stored_text_is_a_conflict() {
    let bank = Bank::open().await.written(script()).await;
    bank.store.put(&bank.key(Artefact::Text), "Buy now!".into()).await.unwrap();
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::StoreConflict);
}

#[tokio::test]
async fn missing_video_is_an_error() {
    let bank = Bank::open().await.written(script()).await;
    assert_eq!(bank.publish(true).await.unwrap_err().name(), ErrorName::StoreNotFound);
    let bank = Bank::open().await.rendered().await;
    bank.store.delete(&bank.key(Artefact::Video)).await.unwrap();
    assert_eq!(bank.publish(true).await.unwrap_err().name(), ErrorName::StoreNotFound);
}

#[tokio::test]
async fn rates_that_differ_from_catalog_are_not_published() {
    let mut other = script();
    other.offers[0].rates_and_terms[0].push_str(" Guaranteed.");
    let bank = Bank::open().await.written(other).await;
    let error = bank.publish(false).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigChanged);
    assert!(error.to_string().contains("everyday-savings"), "{error}");
}

#[tokio::test]
async fn changed_catalog_is_an_error() {
    let mut bank = Bank::open().await.written(script()).await;
    let newer = CATALOGUE.replace("4.10", "4.20");
    bank.catalogue = Catalogue::from_json(newer.as_bytes()).unwrap();
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::ConfigChanged);
}

#[tokio::test]
async fn withdrawing_an_approval_after_writing_prevents_publishing() {
    let mut bank = Bank::open().await.written(script()).await;
    bank.phrases = Digest::of(b"the phrasebook without an approval");
    let error = bank.publish(false).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigChanged);
    assert!(error.to_string().contains("phrasebook"), "{error}");
    assert_eq!(bank.published_files(), Vec::<String>::new());
}

#[tokio::test]
async fn plain_record_does_not_reveal_a_stop() {
    for stop in Stop::ALL {
        let assessment = Assessment::Skip { skip: Skip::Stopped(*stop), consent: consent() };
        let bank = Bank::open().await.assessed(assessment).await;
        assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Withheld });
        let evidence = bank.evidence().await;
        assert_eq!(evidence.outcome, Outcome::Skipped { skip: Skip::Withheld });
        assert_eq!(open_personal(&bank.vault, &evidence).await.unwrap().skip, Some(Skip::Stopped(*stop)));
    }
}

#[tokio::test]
async fn concurrent_calls_agree_on_one_outcome() {
    let bank = Bank::open().await.rendered().await;
    let (a, b) = tokio::join!(bank.publish(true), bank.publish(true));
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(bank.evidence().await.outcome, Outcome::Published { video: true });
}
