//! Tests the evidence letter for a regulator: it must cover everything that has happened so far, and must escape every
//! value.

use contracts::evidence::FailureRecord;
use contracts::key::Artefact;
use contracts::review::ReviewChoice;
use contracts::script::{Segment, SegmentKind, SentencePart, SentenceSource};
use contracts::stage::Stage;
use contracts::{CustomerRef, Digest, ErrorName, NamedError as _, ObjectKey};
use jiff::Timestamp;
use lifecycle::LetterError;
use lifecycle::erasure::erase;
use lifecycle::letter::{Letter, Subject};
use policy::control::{SuppressedBy, Suppression};
use publish::testing::{Bank, script};
use storage::store::ObjectStore as _;

use crate::recall::recall;
use crate::review::decide;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

async fn letter_to(bank: &Bank, customer: &str, reference: &CustomerRef) -> Result<String, LetterError> {
    let subject =
        Subject { customer, reference, run: &bank.run, bank: &bank.brand.name, catalogue: &bank.catalogue, now: NOW };
    Ok(Letter::read(&bank.vault, subject).await?.html())
}

async fn letter(bank: &Bank) -> String {
    letter_to(bank, "0001", &bank.reference).await.expect("the customer has a record")
}

#[track_caller]
fn says(letter: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(letter.contains(sentence), "{sentence:?} is not in {letter}");
    }
}

#[tokio::test]
async fn letter_describes_consent_review_and_later_events() {
    let bank = Bank::open_with_review().await.rendered().await.indexed().await;
    bank.publish(true).await.unwrap();
    let waiting = letter(&bank).await;
    says(&waiting, &["The bank has sent nothing.", "No decision has been made yet.", "The run has not ended"]);
    says(
        &waiting,
        &[
            "<td>Recommendations based on customer data</td><td>Yes</td><td>customer_transactions.xlsx</td><td>row 2</td>",
        ],
    );

    decide(&bank, ReviewChoice::Approve, "ann").await.unwrap().unwrap();
    bank.publish(true).await.unwrap();
    let published = letter(&bank).await;
    says(
        &published,
        &[
            "The bank published a recommendation with a video on January 1, 1970, 00:00 UTC.",
            "<dt>Decided by</dt><dd>ann</dd>",
            "<dd>José prefers this wording</dd>",
            "Nothing: no recall, no opt-out",
        ],
    );

    recall(&bank).await.unwrap();
    let opt_out = Suppression { by: SuppressedBy::OptOut, since: NOW };
    let opt_out = serde_json::to_vec(&opt_out).unwrap().into();
    bank.store.put(&ObjectKey::Suppression(bank.reference.clone()), opt_out).await.unwrap();
    let holds = format!("reference,hold\n{},Case 2026-7\n", bank.reference);
    bank.store.put(&ObjectKey::Holds, holds.into()).await.unwrap();
    let recalled = letter(&bank).await;
    says(
        &recalled,
        &[
            "It was recalled on January 1, 1970, 00:00 UTC. The customer can no longer see it.",
            "<td>recall of this result</td><td>January 1, 1970, 00:00 UTC</td><td>by ann: a wrong rate</td>",
            "The customer opted out on January 1, 1970",
            "under a legal hold: Case 2026-7.",
        ],
    );
}

#[tokio::test]
async fn letter_about_erased_customer_has_no_personal_data() {
    let bank = Bank::open().await.rendered().await.indexed().await;
    bank.publish(true).await.unwrap();
    says(&letter(&bank).await, &["Zoë"]);
    erase(&bank.reference, &bank.vault, NOW).await.unwrap();
    let erased = letter(&bank).await;
    says(
        &erased,
        &["data was erased on January 1, 1970", "were erased with it", "The bank published a recommendation"],
    );
    assert!(!erased.contains("Zoë"), "{erased}");
}

#[tokio::test]
async fn letter_escapes_every_value() {
    let mut hostile = script();
    let text = "<script>alert(1)</script> & \"so\" on\u{202e}".to_owned();
    let source = SentenceSource::Line {
        id: "<b>".to_owned(),
        digest: Digest::of(b"line"),
        approved_by: "O'Hara <x>".to_owned(),
        approved_at: NOW,
        template: String::new(),
    };
    hostile.segments = vec![Segment {
        kind: SegmentKind::Greeting,
        text: text.clone(),
        product: None,
        parts: vec![SentencePart { text, source }],
    }];
    let bank = Bank::open_with_review().await.written(hostile).await;
    bank.publish(false).await.unwrap();
    let letter = letter_to(&bank, "<img src=x>", &bank.reference).await.unwrap();
    for raw in ["<script", "<img", "<b>", "O'Hara", "\u{202e}"] {
        assert!(!letter.contains(raw), "{raw}");
    }
    says(&letter, &["&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;so&quot; on", "O&#39;Hara &lt;x&gt;"]);
}

#[tokio::test]
async fn letter_about_failed_result_still_shows_consent_and_text() {
    let bank = Bank::open().await.rendered().await;
    let failure =
        FailureRecord { error: ErrorName::RenderFailed, stage: Stage::Render, message: "ffmpeg".to_owned(), at: NOW };
    let key = bank.key(Artefact::Failure);
    bank.store.put(&key, serde_json::to_vec(&failure).unwrap().into()).await.unwrap();
    says(&letter(&bank).await, &["The bank sent nothing.", "Render.Failed", "customer_transactions.xlsx", "Zoë"]);
}

#[tokio::test]
async fn unknown_customer_has_no_letter() {
    let bank = Bank::open().await;
    let unknown_reference = Bank::reference_of("9999");
    let error = letter_to(&bank, "9999", &unknown_reference).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::InputUnknownCustomer);
}
