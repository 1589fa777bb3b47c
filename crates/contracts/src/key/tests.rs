//! Tests of object keys.

use super::*;

#[test]
fn started_run_is_read_from_key() {
    let run = RunId::parse("run-4c1f09a2b7d83e56").unwrap();
    let key = ObjectKey::Started(Digest::of(b"ann"), RunKind::Campaign, run.clone());
    assert_eq!(ObjectKey::started(&key.to_string()), Some(run));
}

#[test]
fn customer_and_run_are_read_from_key() {
    let run = RunId::parse("run-1").unwrap();
    let customer = CustomerRef::parse("0".repeat(32)).unwrap();
    let review = ObjectKey::Review(run.clone(), customer.clone());
    assert_eq!(ObjectKey::review_of(&review.to_string()), Some((run.clone(), customer.clone())));
    assert_eq!(ObjectKey::decided_of(&review.to_string()), None);
    let ended = ObjectKey::ReviewEnded(run.clone(), customer.clone());
    assert_eq!(ObjectKey::review_of(&ended.to_string()), None);
    let decision = ObjectKey::Decision(run.clone(), customer.clone());
    for key in [ended, decision] {
        assert_eq!(ObjectKey::decided_of(&key.to_string()), Some((run.clone(), customer.clone())), "{key}");
    }
    for key in [ObjectKey::Forgotten(customer.clone()), ObjectKey::Suppression(customer.clone())] {
        assert_eq!(ObjectKey::customer_of(&key.to_string()), Some(customer.clone()), "{key}");
    }
    for key in [
        ObjectKey::Customer(customer.clone(), run.clone(), Artefact::Video),
        ObjectKey::Recalled(customer.clone(), run.clone(), Artefact::Video),
    ] {
        assert_eq!(ObjectKey::customer_of(&key.to_string()), Some(customer.clone()), "{key}");
        assert_eq!(ObjectKey::run_of(&key.to_string(), &customer), Some(run.clone()), "{key}");
    }
    let reaction = ObjectKey::Reaction(customer.clone(), Digest::of(b"opened"));
    assert_eq!(ObjectKey::reaction(&reaction.to_string()), Some(reaction.clone()));
    assert_eq!(ObjectKey::customer_of(&reaction.to_string()), Some(customer.clone()));
    assert_eq!(ObjectKey::run_of(&format!("customers/{}/run-1/x", "1".repeat(32)), &customer), None);
    assert_eq!(
        ObjectKey::contact_reservation_of(&ObjectKey::ContactReservation(customer.clone(), 12).to_string(), &customer),
        Some(12)
    );
}

#[test]
fn choice_and_answer_are_read_from_key() {
    let run = RunId::parse("run-1").unwrap();
    let customer = CustomerRef::parse("0".repeat(32)).unwrap();
    let choice = Choice::parse("topic-travel").unwrap();
    let key = ObjectKey::Choice(customer.clone(), choice.clone()).to_string();
    assert_eq!(ObjectKey::choice_of(&key, &customer), Some(choice));
    assert_eq!(ObjectKey::choice_of(&key, &CustomerRef::parse("1".repeat(32)).unwrap()), None);
    let card = ProductId::parse("cash-back-card").unwrap();
    for key in [
        ObjectKey::Answer(run.clone(), customer.clone(), Some(card), Answer::NotForMe),
        ObjectKey::Answer(run, customer, None, Answer::OptedOut),
    ] {
        assert_eq!(ObjectKey::answer_of(&key.to_string()), Some(key));
    }
    assert_eq!(ObjectKey::answer_of("control/answers/run-1/x.json"), None);
}

#[test]
fn only_upload_keys_parse_as_incoming() {
    let batch = Batch::parse("2026-11-20").unwrap();
    for workbook in Workbook::ALL {
        let key = ObjectKey::Incoming(batch.clone(), workbook).to_string();
        assert_eq!(ObjectKey::incoming(&key), Some((batch.clone(), workbook)));
    }
    for key in ["incoming/a/b/customer_profile.xlsx", "incoming/a/other.xlsx", "datasets/a/customer_profile.xlsx"] {
        assert_eq!(ObjectKey::incoming(key), None, "{key}");
    }
}
