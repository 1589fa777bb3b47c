//! What waits for a person, what is taken back, and who is forgotten.

use contracts::evidence::Outcome;
use contracts::facts::Skip;
use contracts::key::{Artefact, Prefix, RunPart};
use contracts::review::{Choice, Decision, Seen, Why};
use contracts::script::{HeldText, RefusedText, Script, Segment, SegmentKind, Verdict};
use contracts::settings::Review;
use contracts::{Digest, ErrorName, NamedError as _, ObjectKey};
use jiff::Timestamp;
use storage::store::ObjectStore as _;
use storage::vault::Owner;

use super::{Bank, failure, script};
use crate::{Error, open_personal, recall, review};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
/// The files that a customer may be shown.
const SHOWN: [&str; 5] =
    ["poster.jpg", "preview.gif", "recommendation.mp4", "recommendation.txt", "recommendation.vtt"];

impl Bank {
    /// A bank that looks at everything.
    async fn careful() -> Self {
        let mut bank = Self::open().await;
        bank.settings.review = Review { first: 0, every: 1 };
        bank.again(1).await
    }

    async fn decide(&self, choice: Choice, by: &str) -> Result<review::Decided, Error> {
        let reason = Some("as José likes it");
        let waiting = review::find(self.vault.store(), &self.run, &self.reference).await?;
        let shown = waiting.as_ref().map_or(Digest::of(b"nothing"), review::digest);
        let verdict = review::Verdict { shown: &shown, choice, by, reason };
        review::decide(&self.run, &self.reference, verdict, &self.vault, NOW).await
    }

    async fn take_back(&self) -> Result<Vec<recall::Recalled>, Error> {
        let only = Some(&self.reference);
        recall::recall(&self.run, only, "ann", Some("a wrong rate"), &self.vault, NOW).await
    }

    /// As merge leaves it.
    async fn indexed(self) -> Self {
        let row = format!("reference,offset,length,digest\n{},0,9,{}\n", self.reference, Digest::of(b"line"));
        let key = ObjectKey::Run(self.run.clone(), contracts::key::RunPart::Index);
        self.store.put(&key, row.into()).await.unwrap();
        self
    }

    fn shown(&self) -> Vec<String> {
        self.files().into_iter().filter(|file| SHOWN.contains(&file.as_str())).collect()
    }

    fn aside(&self) -> Vec<String> {
        let folder = format!("recalled/{}/{}/", self.reference, self.run);
        self.store.objects().keys().filter_map(|key| key.strip_prefix(&folder)).map(ToOwned::to_owned).collect()
    }
}

#[tokio::test]
async fn what_waits_is_published_by_nobody_before_it_is_approved_and_then_as_it_was_shown() {
    let bank = Bank::careful().await.rendered().await;
    let held = Outcome::Held { why: "a sample, one in 1".to_owned() };
    for _ in 0..2 {
        assert_eq!(bank.publish(true).await.unwrap(), held);
    }
    assert!(!bank.files().contains("evidence.json") && !bank.files().contains("recommendation.txt"));
    let [waiting] = <[_; 1]>::try_from(review::waiting(&*bank.store, Some(&bank.run)).await.unwrap()).unwrap();
    assert_eq!((&waiting.why, waiting.video), (&Why::Sampled { every: 1 }, true));
    let shown = review::show(waiting.clone(), &bank.vault, &bank.catalogue, &bank.brand).await.unwrap();

    let decided = bank.decide(Choice::Approve, "ann").await.unwrap();
    assert_eq!(decided.standing.unwrap().by, "ann");
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Published { video: true });
    assert_eq!(bank.text().await, shown.text, "what was shown");
    let evidence = bank.evidence().await;
    let reviewed = evidence.review.clone().unwrap();
    assert_eq!((reviewed.choice, reviewed.by.as_str(), reviewed.at), (Choice::Approve, "ann", NOW));
    assert_eq!(reviewed.seen.artefacts[&Artefact::Video], evidence.artefacts[&Artefact::Video]);
    assert_eq!(reviewed.seen.text, evidence.artefacts[&Artefact::Text]);
    assert!(!serde_json::to_string(&evidence).unwrap().contains("José"), "the reason is sealed");
    let decision = open_personal(&bank.vault, &evidence).await.unwrap().decision.unwrap();
    assert_eq!(decision.reason.as_deref(), Some("as José likes it"));
    assert!(review::waiting(&*bank.store, None).await.unwrap().is_empty(), "it waits no more");
}

#[tokio::test]
async fn what_is_rejected_is_never_published_and_the_record_says_who_and_when() {
    let bank = Bank::careful().await.rendered().await;
    bank.publish(true).await.unwrap();
    bank.decide(Choice::Reject, "ben").await.unwrap();
    let rejected = Outcome::Skipped { skip: Skip::Rejected };
    assert_eq!(bank.publish(true).await.unwrap(), rejected);
    assert_eq!(bank.publish(true).await.unwrap(), rejected, "and again");
    assert_eq!(bank.shown(), Vec::<String>::new());
    let evidence = bank.evidence().await;
    assert_eq!(evidence.review.as_ref().map(|review| review.by.as_str()), Some("ben"));
    assert!(open_personal(&bank.vault, &evidence).await.unwrap().script.is_some(), "what was rejected is on record");
}

#[tokio::test]
async fn of_two_reviewers_the_first_decides() {
    let bank = Bank::careful().await.rendered().await;
    bank.publish(true).await.unwrap();
    bank.decide(Choice::Reject, "ben").await.unwrap();
    let second = bank.decide(Choice::Approve, "ann").await.unwrap().standing.unwrap();
    assert_eq!((second.choice, second.by.as_str()), (Choice::Reject, "ben"));
}

#[tokio::test]
async fn a_decision_about_another_text_or_without_the_customers_key_publishes_nothing() {
    let bank = Bank::careful().await.rendered().await;
    bank.publish(true).await.unwrap();
    let key = ObjectKey::Decision(bank.run.clone(), bank.reference.clone());
    let seen = Seen { text: Digest::of(b"another"), artefacts: std::collections::BTreeMap::new() };
    let decision = Decision { choice: Choice::Approve, by: "ann".to_owned(), at: NOW, reason: None, seen };
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
async fn who_objects_while_it_waits_needs_no_decision() {
    let bank = Bank::careful().await.rendered().await;
    bank.publish(true).await.unwrap();
    bank.suppress().await;
    let decided = bank.decide(Choice::Approve, "ann").await.unwrap();
    assert_eq!(decided.standing, Err(Skip::Suppressed));
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    assert_eq!(bank.evidence().await.review, None);
}

#[tokio::test]
async fn nothing_is_decided_where_nothing_waits_nor_by_nobody() {
    let bank = Bank::careful().await.rendered().await;
    assert_eq!(bank.decide(Choice::Approve, "ann").await.unwrap_err().name(), ErrorName::ReviewNotWaiting);
    bank.publish(true).await.unwrap();
    for nobody in ["", " ", "a\nb"] {
        assert_eq!(bank.decide(Choice::Approve, nobody).await.unwrap_err().name(), ErrorName::InputInvalidRequest);
    }
}

#[tokio::test]
async fn a_task_of_the_workflow_is_told_whichever_comes_first() {
    let bank = Bank::careful().await.rendered().await;
    bank.publish(true).await.unwrap();
    let waits = |token| review::await_decision(&bank.run, &bank.reference, token, &bank.vault);
    assert!(!waits("token-1").await.unwrap(), "nobody has decided");
    assert!(!waits("token-2").await.unwrap(), "the task was tried again");
    let decided = bank.decide(Choice::Approve, "ann").await.unwrap();
    assert_eq!(decided.task.as_deref(), Some("token-2"));
    assert!(waits("token-3").await.unwrap(), "it was decided before");
}

/// A script that stands in for a text that the guard refused.
fn held_script() -> Script {
    let text = "You are pre-approved.".to_owned();
    let segments = vec![Segment { kind: SegmentKind::Greeting, text, product: None }];
    let refused = RefusedText { segments, verdict: Verdict { checks: Vec::new() } };
    Script { held: Some(HeldText { why: "the guard found: approval".to_owned(), refused: Some(refused) }), ..script() }
}

#[tokio::test]
async fn a_held_text_waits_whatever_the_policy_is_and_what_was_refused_is_shown_and_never_published() {
    let bank = Bank::open().await.written(held_script()).await;
    let expected =
        Outcome::Held { why: "the template wrote instead of the model: the guard found: approval".to_owned() };
    assert_eq!(bank.publish(false).await.unwrap(), expected);
    let waiting = review::find(&*bank.store, &bank.run, &bank.reference).await.unwrap().unwrap();
    let shown = review::show(waiting, &bank.vault, &bank.catalogue, &bank.brand).await.unwrap();
    assert!(shown.refused().unwrap().segments[0].text.contains("pre-approved"));
    assert!(!shown.text.contains("pre-approved"));
    bank.decide(Choice::Approve, "ann").await.unwrap();
    assert_eq!(bank.publish(false).await.unwrap(), Outcome::Published { video: false });
    assert!(!bank.text().await.contains("pre-approved"));
}

#[tokio::test]
async fn a_text_that_did_not_pass_is_not_published_even_if_somebody_approved_it() {
    let mut refused = held_script();
    refused.verdict.checks[0].violations.push("300 words".to_owned());
    let bank = Bank::open().await.written(refused).await;
    assert_eq!(bank.publish(false).await.unwrap_err().name(), ErrorName::ConfigChanged);
    assert!(bank.shown().is_empty());
}

#[tokio::test]
async fn what_is_taken_back_lies_aside_with_its_evidence_unchanged_and_does_not_come_back() {
    let bank = Bank::open().await.rendered().await.indexed().await;
    bank.publish(true).await.unwrap();
    let (before, recorded) = (bank.shown(), bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap());
    let video = bank.store.get(&bank.key(Artefact::Video)).await.unwrap();
    let recalled = bank.take_back().await.unwrap();
    assert_eq!((recalled.len(), recalled[0].files), (1, 6), "what is shown, and the record of the render");
    assert_eq!(bank.shown(), Vec::<String>::new());
    assert!(before.iter().all(|file| bank.aside().contains(file)), "{:?}", bank.aside());
    let aside = ObjectKey::Recalled(bank.reference.clone(), bank.run.clone(), Artefact::Video);
    assert_eq!(bank.store.get(&aside).await.unwrap(), video);
    assert_eq!(bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap(), recorded);

    let objects = bank.store.objects();
    assert_eq!(bank.take_back().await.unwrap(), recalled, "and again");
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Recalled });
    assert!(objects == bank.store.objects(), "nothing changed");
}

#[tokio::test]
async fn a_recall_that_was_killed_goes_on_where_it_was() {
    let bank = Bank::open().await.rendered().await.indexed().await;
    bank.publish(true).await.unwrap();
    bank.store.fail_next(&bank.key(Artefact::Video), 1);
    assert_eq!(bank.take_back().await.unwrap_err().name(), ErrorName::StoreUnavailable);
    // The record was first: from now on nothing may be shown, whatever lies where.
    assert!(policy::recall::is_recalled(&*bank.store, &bank.run, &bank.reference).await.unwrap());
    // As if it had been killed between the copy and the removal.
    let video = bank.store.get(&bank.key(Artefact::Video)).await.unwrap();
    let aside = ObjectKey::Recalled(bank.reference.clone(), bank.run.clone(), Artefact::Video);
    bank.store.put_new(&aside, video).await.unwrap();
    assert_eq!(bank.take_back().await.unwrap()[0].files, 6);
    assert_eq!(bank.shown(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_taken_back_before_it_was_published_is_not_published() {
    let bank = Bank::open().await.rendered().await.indexed().await;
    assert_eq!(bank.take_back().await.unwrap(), Vec::new());
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Recalled });
    assert_eq!((bank.shown(), bank.aside()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_run_or_a_customer_that_is_not_there_cannot_be_taken_back() {
    let bank = Bank::open().await.rendered().await;
    assert_eq!(bank.take_back().await.unwrap_err().name(), ErrorName::InputInvalidRequest);
}

#[tokio::test]
async fn of_who_is_forgotten_the_evidence_stays_and_nothing_else_and_nothing_is_made_again() {
    let bank = Bank::careful().await.rendered().await.indexed().await;
    bank.publish(true).await.unwrap();
    bank.decide(Choice::Approve, "ann").await.unwrap();
    bank.publish(true).await.unwrap();
    bank.take_back().await.unwrap();
    let recorded = bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap();
    let erased = crate::forget::forget(&bank.reference, &bank.vault, NOW).await.unwrap();
    assert!(erased.objects >= 10, "{erased:?}");
    assert_eq!(bank.files().into_iter().collect::<Vec<_>>(), ["evidence.json"]);
    assert_eq!(bank.store.get(&bank.key(Artefact::Evidence)).await.unwrap(), recorded);
    assert_eq!(bank.aside(), Vec::<String>::new());
    assert!(bank.store.list(&Prefix::Reviews(None)).await.unwrap().is_empty());
    let decision = review::decision(&bank.vault, &bank.run, &bank.reference).await;
    assert!(decision.unwrap_err().to_string().contains("forgotten"), "it stays, and no key opens it");
    assert!(open_personal(&bank.vault, &bank.evidence().await).await.unwrap_err().to_string().contains("forgotten"));

    // A stage that was under way, and a run that is taken up again.
    bank.store.put(&bank.key(Artefact::Video), "late".into()).await.unwrap();
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    assert_eq!(bank.shown(), Vec::<String>::new());
    let bank = bank.again(2).await;
    bank.store.put(&bank.key(Artefact::Video), "late".into()).await.unwrap();
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
    assert!(bank.files().is_empty(), "no evidence is sealed for them again: {:?}", bank.files());
    let sealed = bank.vault.seal(Owner::Customer(&bank.reference), "anywhere", &Digest::of(b""), b"").await;
    assert!(sealed.unwrap_err().to_string().contains("forgotten"), "no key is made again");

    let again = crate::forget::forget(&bank.reference, &bank.vault, "2026-11-24T00:00:00Z".parse().unwrap());
    assert_eq!(again.await.unwrap().at, NOW, "the first record stands");
}

#[tokio::test]
async fn an_erasure_that_cannot_read_a_request_now_says_so_and_goes_on_the_next_time() {
    let bank = Bank::open().await.rendered().await;
    bank.publish(true).await.unwrap();
    bank.store.fail_next(&ObjectKey::Run(bank.run.clone(), RunPart::Request), 1);
    let error = crate::forget::forget(&bank.reference, &bank.vault, NOW).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::StoreUnavailable);
    assert_eq!(bank.files().into_iter().collect::<Vec<_>>(), ["evidence.json"], "the rest is gone all the same");
    assert_eq!(crate::forget::forget(&bank.reference, &bank.vault, NOW).await.unwrap().at, NOW);
}

#[tokio::test]
async fn who_is_on_hold_is_suppressed_and_nothing_is_destroyed() {
    let bank = Bank::open().await.rendered().await;
    bank.publish(true).await.unwrap();
    let holds = format!("reference,hold\n{},Case 2026-7\n", bank.reference);
    bank.store.put(&ObjectKey::Holds, holds.into()).await.unwrap();
    let before = bank.files();
    let error = crate::forget::forget(&bank.reference, &bank.vault, NOW).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ForgetOnHold);
    assert!(error.to_string().contains("Case 2026-7"), "{error}");
    assert_eq!(bank.files(), before);
    open_personal(&bank.vault, &bank.evidence().await).await.unwrap();
    assert_eq!(bank.publish(true).await.unwrap(), Outcome::Skipped { skip: Skip::Suppressed });
}

#[tokio::test]
async fn a_publish_that_failed_for_good_leaves_no_video_that_looks_published() {
    let bank = Bank::open().await.rendered().await;
    let for_good = contracts::stage::Failure { error: ErrorName::ConfigChanged, ..failure() };
    bank.publish_at(true, Some(for_good), NOW).await.unwrap();
    assert_eq!(bank.shown(), Vec::<String>::new());

    let bank = Bank::open().await.rendered().await;
    bank.publish_at(true, Some(failure()), NOW).await.unwrap();
    assert!(bank.shown().contains(&"recommendation.mp4".to_owned()), "another try takes it");
}
