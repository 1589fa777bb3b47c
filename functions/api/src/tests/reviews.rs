//! What waits for a person, and what is taken back.

use contracts::key::RunPart;
use contracts::review::{PendingReview, ReviewChoice, ReviewReason, ReviewRecord, ReviewedDigests};

use super::*;

impl Api {
    /// Puts what [`Api::write`] left before a person, as `publish` does.
    async fn waits(&self, run: &RunId, reference: &CustomerRef, since: i64) {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
        let (script, _) = self.bank.vault.read_json(Owner::Customer(reference), &key).await.unwrap();
        let (catalogue, brand) = (self.bank.catalogue().await.unwrap(), self.bank.brand().await.unwrap());
        let text = contracts::text::recommendation_text(&script, &catalogue, &brand, run, false);
        let waiting = PendingReview {
            run: run.clone(),
            reference: reference.clone(),
            why: ReviewReason::First { first: 1 },
            since: Timestamp::from_second(since).unwrap(),
            video: false,
            from_posts: false,
            seen: ReviewedDigests { text: Digest::of(text.as_bytes()), artefacts: BTreeMap::new() },
        };
        let key = ObjectKey::Review(run.clone(), reference.clone());
        self.bank.store.put(&key, serde_json::to_vec(&waiting).unwrap().into()).await.unwrap();
    }

    async fn decide(&self, who: &str, place: &str, how: &str, seen: &str) -> (StatusCode, Value) {
        let request = Request::post(format!("/v1/reviews/{place}")).header("subject", who);
        let body = json!({"decision": how, "seen": seen, "reason": "As agreed."}).to_string();
        self.call(request.header(header::CONTENT_TYPE, "application/json"), &body).await
    }

    async fn recall(&self, who: &str, id: &str) -> StatusCode {
        self.recall_because(who, id, "A wrong rate.").await
    }

    async fn recall_because(&self, who: &str, id: &str, reason: &str) -> StatusCode {
        let request = Request::post(format!("/v1/recommendations/{id}/recall")).header("subject", who);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request, &json!({ "reason": reason }).to_string()).await.0.status
    }
}

#[tokio::test]
async fn what_waits_is_seen_and_decided_by_reviewers_alone_and_once() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.write(&run, &reference, &[]).await;
    api.waits(&run, &reference, 0).await;

    let (_, read) = api.get("ann", &place(&run)).await;
    assert_eq!((&read["outcome"], &read["reason"]["code"]), (&json!("held"), &json!("held")), "{read}");
    assert!(read.get("text").is_none());
    assert_eq!(api.get("ann", "/v1/reviews").await.0, StatusCode::FORBIDDEN);
    let (_, waits) = api.get("rita", "/v1/reviews").await;
    assert_eq!(waits["items"][0]["text"][0]["body"], "Hello José.", "{waits}");
    let list = format!("reference\n{reference}\n");
    api.bank.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    assert_eq!(api.get("rita", "/v1/reviews").await.1["items"], json!([]), "nobody who objects is looked at");
    api.bank.store.put(&ObjectKey::Suppressions, "reference\n".into()).await.unwrap();
    let recall = ObjectKey::Recall(run.clone(), Some(reference.clone()));
    api.bank.store.put(&recall, "sealed".into()).await.unwrap();
    assert_eq!(api.get("rita", "/v1/reviews").await.1["items"], json!([]), "what was taken back is not looked at");
    api.bank.store.delete(&recall).await.unwrap();

    let seen = waits["items"][0]["seen"].as_str().unwrap();
    let of = format!("{run}/{reference}");
    let other = Digest::of(b"another").to_string();
    assert_eq!(api.decide("rita", &of, "approve", &other).await.0, StatusCode::CONFLICT, "it changed since");
    assert_eq!(api.decide("ann", &of, "approve", seen).await.0, StatusCode::FORBIDDEN);
    assert_eq!(api.decide("rita", &format!("run-none/{reference}"), "approve", seen).await.0, StatusCode::NOT_FOUND);
    assert_eq!(*api.bank.followed.lock().unwrap(), []);
    let (status, taken) = api.decide("rita", &of, "approve", seen).await;
    assert_eq!((status, &taken["decision"]), (StatusCode::OK, &json!("approve")));
    assert_eq!(*api.bank.followed.lock().unwrap(), std::slice::from_ref(&run));
    let decision = ObjectKey::Decision(run, reference.clone());
    assert!(api.bank.store.find(&decision).await.unwrap().is_some());
    assert_eq!(api.decide("rita", &of, "reject", seen).await.1["decision"], "approve", "the first decides");
}

#[tokio::test]
async fn whoever_comes_after_the_outcome_is_told_what_had_been_decided() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    let seen = ReviewedDigests { text: Digest::of(b"text"), artefacts: BTreeMap::new() };
    let digest = Digest::of_json(&seen).to_string();
    api.write(&run, &reference, &[]).await;
    api.ends(&run, &reference, Outcome::Skipped { skip: Skip::Rejected }).await;
    let of = format!("{run}/{reference}");
    assert_eq!(api.decide("rita", &of, "approve", &digest).await.0, StatusCode::NOT_FOUND, "nobody had to look at it");

    let (by, at, why) = ("ben".to_owned(), Timestamp::UNIX_EPOCH, ReviewReason::Sampled { every: 1 });
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
    let evidence: Evidence = serde_json::from_slice(&api.bank.store.get(&key).await.unwrap()).unwrap();
    let evidence =
        Evidence { review: Some(ReviewRecord { why, choice: ReviewChoice::Reject, by, at, seen }), ..evidence };
    api.bank.store.put(&key, serde_json::to_vec(&evidence).unwrap().into()).await.unwrap();
    let (status, stands) = api.decide("rita", &of, "approve", &digest).await;
    assert_eq!((status, stands), (StatusCode::OK, json!({"decision": "reject", "outcome": "skipped"})));
    assert_eq!(*api.bank.followed.lock().unwrap(), []);
}

#[tokio::test]
async fn what_would_not_be_published_as_it_was_recorded_is_not_shown_cannot_be_approved_and_can_be_rejected() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    let (whole, _) = api.started("k2").await;
    for (run, since) in [(&run, 1), (&whole, 2)] {
        api.write(run, &reference, &[]).await;
        api.waits(run, &reference, since).await;
    }
    // As if the catalogue or the brand had become another: the text that is recorded is not the one that there would be.
    let key = ObjectKey::Review(run.clone(), reference.clone());
    let mut waiting: PendingReview = serde_json::from_slice(&api.bank.store.get(&key).await.unwrap()).unwrap();
    waiting.seen.text = Digest::of(b"by an older catalogue");
    api.bank.store.put(&key, serde_json::to_vec(&waiting).unwrap().into()).await.unwrap();

    let (_, waits) = api.get("rita", "/v1/reviews").await;
    let [changed, other] = waits["items"].as_array().unwrap().as_slice() else { panic!("{waits}") };
    assert!(changed["problem"].as_str().unwrap().contains("the catalogue or the brand changed"), "{changed}");
    assert!(changed.get("text").is_none() && changed.get("links").is_none(), "{changed}");
    assert_eq!(other["text"][0]["body"], "Hello José.", "one that cannot be shown does not hide the others");

    let (of, seen) = (format!("{run}/{reference}"), changed["seen"].as_str().unwrap());
    assert_eq!(api.decide("rita", &of, "approve", seen).await.0, StatusCode::CONFLICT);
    let decision = ObjectKey::Decision(run, reference.clone());
    assert_eq!(api.bank.store.find(&decision).await.unwrap(), None);
    assert_eq!(api.decide("rita", &of, "reject", seen).await.1["decision"], "reject");
}

#[tokio::test]
async fn of_many_that_wait_no_more_are_read_than_are_shown() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    for number in 0..130 {
        let run = RunId::parse(format!("run-{number:03}")).unwrap();
        api.write(&run, &reference, &[]).await;
        api.waits(&run, &reference, number).await;
    }
    // Whoever read them all would meet this.
    api.bank.store.fail_next(&ObjectKey::Review(RunId::parse("run-129").unwrap(), reference.clone()), 1);
    let (status, waits) = api.get("rita", "/v1/reviews").await;
    assert_eq!((status, waits["items"].as_array().unwrap().len()), (StatusCode::OK, 100), "{}", waits["detail"]);
    assert_eq!((&waits["items"][0]["run"], &waits["items"][99]["run"]), (&json!("run-000"), &json!("run-099")));
    drop(run);
}

#[tokio::test]
async fn what_was_published_is_taken_back_by_reviewers_and_nothing_else_is() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    let index = format!("reference,offset,length,digest\n{reference},0,9,{}\n", Digest::of(b"line"));
    api.bank.store.put(&ObjectKey::Run(run.clone(), RunPart::Index), index.into()).await.unwrap();
    let id = run.as_str();
    assert_eq!(api.recall("rita", id).await, StatusCode::CONFLICT, "it is under way");
    for wrong in ["", " \u{2003}", "a line\nand another", &"ü".repeat(501)] {
        assert_eq!(
            api.recall_because("rita", id, wrong).await,
            StatusCode::BAD_REQUEST,
            "{wrong:?}: told before all else"
        );
    }
    api.write(&run, &reference, &[]).await;
    api.waits(&run, &reference, 0).await;
    assert_eq!(api.recall("rita", id).await, StatusCode::CONFLICT, "it waits");
    api.bank.store.delete(&ObjectKey::Review(run.clone(), reference.clone())).await.unwrap();
    api.ends(&run, &reference, Outcome::Published { video: false }).await;
    assert_eq!(api.recall("ann", id).await, StatusCode::FORBIDDEN, "whoever asked for it is no reviewer");
    assert_eq!(api.recall("rita", "run-none").await, StatusCode::NOT_FOUND);
    assert_eq!(api.recall("rita", &format!("{id}~{reference}")).await, StatusCode::NOT_FOUND, "no campaign");
    assert_eq!(api.get("ann", &place(&run)).await.1["outcome"], "published", "none of these took anything back");

    let settings =
        contracts::settings::DeliverySettings { link_base: "https://bank.example/l".to_owned(), ..Default::default() };
    let made = deliver::links::make(&run, &reference, &settings, api.bank.store.as_ref(), Timestamp::now());
    let link = made.await.unwrap().unwrap().address.replace("https://bank.example", "");
    assert_eq!(api.send(Request::get(&link), "").await.0.status, StatusCode::OK);
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let evidence = api.bank.store.get(&key(Artefact::Evidence)).await.unwrap();

    assert_eq!(api.recall("rita", id).await, StatusCode::NO_CONTENT, "also what somebody else had made");
    let (_, read) = api.get("ann", &place(&run)).await;
    assert_eq!((&read["outcome"], &read["reason"]["code"]), (&json!("recalled"), &json!("recalled")), "{read}");
    assert!(read.get("links").is_none() && read.get("text").is_none(), "{read}");
    assert_eq!(api.send(Request::get(&link), "").await.0.status, StatusCode::NOT_FOUND, "the customer's link is dead");
    assert_eq!(api.bank.store.find(&key(Artefact::Text)).await.unwrap(), None);
    assert_eq!(api.bank.store.get(&key(Artefact::Evidence)).await.unwrap(), evidence, "the evidence stays");
    let record = ObjectKey::Recall(run.clone(), Some(reference.clone()));
    let (record, _): (contracts::recall::Recall, _) =
        api.bank.vault.read_json(Owner::Customer(&reference), &record).await.unwrap();
    assert_eq!((record.by.as_str(), record.reason.as_deref()), ("rita", Some("A wrong rate.")));

    assert_eq!(api.recall("rita", id).await, StatusCode::NO_CONTENT, "again");
    let followed = api.bank.recalled.lock().unwrap();
    let files = BTreeSet::from([Digest::of("Hello José.".as_bytes())]);
    assert_eq!(*followed, vec![(run.clone(), files.clone()), (run, files)], "so that a host that died between is told");
}
