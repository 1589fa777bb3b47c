//! Tests of reviews and recalls.

use contracts::key::RunPart;
use contracts::review::{PendingReview, ReviewChoice, ReviewReason, ReviewRecord, ReviewedDigests};

use super::*;

impl Api {
    /// Requests a review of what [`Api::write_script`] wrote, as `publish` does.
    async fn request_review(&self, run: &RunId, reference: &CustomerRef, since: i64) {
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
        let (script, _) = self.bank.vault.read_json(Owner::Customer(reference), &key).await.unwrap();
        let catalogue = self.bank.catalogue().await.unwrap();
        let brand = self.bank.brand().await.unwrap();
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
        self.bank.store.put(&key, self.bank.vault.authenticate(&key, &waiting)).await.unwrap();
    }

    async fn decide(&self, caller: &str, review: &str, decision: &str, digest: &str) -> (StatusCode, Value) {
        let request = Request::post(format!("/v1/reviews/{review}")).header("subject", caller);
        let body = json!({"decision": decision, "content_digest": digest, "reason": "As agreed."}).to_string();
        self.call(request.header(header::CONTENT_TYPE, "application/json"), &body).await
    }

    async fn recall(&self, caller: &str, id: &str) -> StatusCode {
        self.recall_because(caller, id, "A wrong rate.").await
    }

    async fn recall_because(&self, caller: &str, id: &str, reason: &str) -> StatusCode {
        let request = Request::post(format!("/v1/recommendations/{id}/recall")).header("subject", caller);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request, &json!({ "reason": reason }).to_string()).await.0.status
    }
}

#[tokio::test]
async fn callers_cannot_approve_results_of_their_own_runs() {
    let api = Api::new().await;
    let (run, reference) = api.started_by("rita", "k1").await;
    api.write_script(&run, &reference, &[]).await;
    api.request_review(&run, &reference, 0).await;
    let (_, reviews) = api.get("rita", "/v1/reviews").await;
    let digest = reviews["items"][0]["content_digest"].as_str().unwrap();
    let review = format!("{run}/{reference}");
    assert_eq!(api.decide("rita", &review, "approve", digest).await.0, StatusCode::FORBIDDEN);
    assert_eq!(api.decide("rita", &review, "reject", digest).await.0, StatusCode::OK, "a rejection publishes nothing");
}

#[tokio::test]
async fn results_of_own_runs_come_last_and_cannot_be_approved() {
    let api = Api::new().await;
    let (own, reference) = api.started_by("rita", "k1").await;
    let (other, _) = api.started("k2").await;
    for (run, since) in [(&own, 1), (&other, 2)] {
        api.write_script(run, &reference, &[]).await;
        api.request_review(run, &reference, since).await;
    }
    let (_, reviews) = api.get("rita", "/v1/reviews").await;
    let items = reviews["items"].as_array().unwrap().iter();
    let shown: Vec<_> = items.map(|review| (review["run"].clone(), review["may_approve"].clone())).collect();
    assert_eq!(shown, [(json!(other), json!(true)), (json!(own), json!(false))]);
    assert_eq!(reviews["has_more"], false);
}

#[tokio::test]
async fn repeated_approval_returns_the_decision_after_the_content_is_outdated() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.write_script(&run, &reference, &[]).await;
    api.request_review(&run, &reference, 0).await;
    let (_, reviews) = api.get("rita", "/v1/reviews").await;
    let digest = reviews["items"][0]["content_digest"].as_str().unwrap();
    let review = format!("{run}/{reference}");
    assert_eq!(api.decide("rita", &review, "approve", digest).await.1["decision"], "approve");
    // As after a change to the catalog, the text would no longer be published as reviewed.
    let script = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
    api.bank.store.delete(&script).await.unwrap();
    api.write_script(&run, &reference, &["a forbidden number"]).await;
    let (status, repeated) = api.decide("rita", &review, "approve", digest).await;
    assert_eq!((status, &repeated["decision"]), (StatusCode::OK, &json!("approve")), "{repeated}");
}

#[tokio::test]
async fn only_reviewers_see_and_decide_reviews() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.write_script(&run, &reference, &[]).await;
    api.request_review(&run, &reference, 0).await;

    let (_, read) = api.get("ann", &path_of(&run)).await;
    assert_eq!((&read["outcome"], &read["reason"]["code"]), (&json!("in-review"), &json!("in-review")), "{read}");
    assert!(read.get("text").is_none());
    assert_eq!(api.get("ann", "/v1/reviews").await.0, StatusCode::FORBIDDEN);
    let (_, reviews) = api.get("rita", "/v1/reviews").await;
    assert_eq!(reviews["items"][0]["text"][0]["body"], "Hello José.", "{reviews}");
    let list = format!("reference\n{reference}\n");
    api.bank.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    assert_eq!(api.get("rita", "/v1/reviews").await.1["items"], json!([]), "suppressed customers are left out");
    api.bank.store.put(&ObjectKey::Suppressions, "reference\n".into()).await.unwrap();
    let recall = ObjectKey::Recall(run.clone(), Some(reference.clone()));
    api.bank.store.put(&recall, "sealed".into()).await.unwrap();
    assert_eq!(api.get("rita", "/v1/reviews").await.1["items"], json!([]), "recalled results are left out");
    api.bank.store.delete(&recall).await.unwrap();

    let digest = reviews["items"][0]["content_digest"].as_str().unwrap();
    let review = format!("{run}/{reference}");
    let other = Digest::of(b"another").to_string();
    let (status, problem) = api.decide("rita", &review, "approve", &other).await;
    assert_eq!((status, &problem["error"]), (StatusCode::CONFLICT, &json!("Review.Changed")));
    assert_eq!(api.decide("ann", &review, "approve", digest).await.0, StatusCode::FORBIDDEN);
    assert_eq!(api.decide("rita", &format!("run-none/{reference}"), "approve", digest).await.0, StatusCode::NOT_FOUND);
    assert_eq!(*api.bank.continued.lock().unwrap(), []);
    let (status, result) = api.decide("rita", &review, "approve", digest).await;
    assert_eq!((status, &result["decision"]), (StatusCode::OK, &json!("approve")));
    assert_eq!(*api.bank.continued.lock().unwrap(), std::slice::from_ref(&run));
    let decision = ObjectKey::Decision(run, reference.clone());
    assert!(api.bank.store.find(&decision).await.unwrap().is_some());
    assert_eq!(
        api.decide("rita", &review, "reject", digest).await.1["decision"],
        "approve",
        "the first decision remains in effect"
    );
}

#[tokio::test]
async fn late_decision_returns_the_earlier_one() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    let seen = ReviewedDigests { text: Digest::of(b"text"), artefacts: BTreeMap::new() };
    let digest = Digest::of_json(&seen).to_string();
    api.write_script(&run, &reference, &[]).await;
    api.write_evidence(&run, &reference, Outcome::Skipped { skip: Skip::Rejected }).await;
    let review = format!("{run}/{reference}");
    let (status, problem) = api.decide("rita", &review, "approve", &digest).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "no review was needed");
    assert_eq!(problem["error"], "Review.NotWaiting");

    let reviewed = ReviewRecord {
        why: ReviewReason::Sampled { every: 1 },
        choice: ReviewChoice::Reject,
        by: "ben".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        seen,
        decision: None,
    };
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
    let evidence: Evidence = serde_json::from_slice(&api.bank.store.get(&key).await.unwrap()).unwrap();
    let evidence = Evidence { review: Some(reviewed), ..evidence };
    api.bank.store.put(&key, serde_json::to_vec(&evidence).unwrap().into()).await.unwrap();
    let (status, result) = api.decide("rita", &review, "approve", &digest).await;
    assert_eq!((status, result), (StatusCode::OK, json!({"decision": "reject", "outcome": "skipped"})));
    assert_eq!(*api.bank.continued.lock().unwrap(), []);
}

#[tokio::test]
async fn result_with_changed_content_can_only_be_rejected() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    let (unchanged, _) = api.started("k2").await;
    for (run, since) in [(&run, 1), (&unchanged, 2)] {
        api.write_script(run, &reference, &[]).await;
        api.request_review(run, &reference, since).await;
    }
    // A change to the catalog or the brand would change the published text, so its digest would differ from the
    // recorded one.
    let key = ObjectKey::Review(run.clone(), reference.clone());
    let mut waiting: PendingReview = serde_json::from_slice(&api.bank.store.get(&key).await.unwrap()).unwrap();
    waiting.seen.text = Digest::of(b"with an older catalog");
    api.bank.store.put(&key, api.bank.vault.authenticate(&key, &waiting)).await.unwrap();

    let (_, reviews) = api.get("rita", "/v1/reviews").await;
    let [changed, other] = reviews["items"].as_array().unwrap().as_slice() else { panic!("{reviews}") };
    let reason = changed["unavailable_reason"].as_str().unwrap();
    assert!(reason.contains("the catalog or the brand has changed"), "{changed}");
    assert!(changed.get("text").is_none() && changed.get("links").is_none(), "{changed}");
    assert_eq!(other["text"][0]["body"], "Hello José.", "other reviews stay visible");

    let review = format!("{run}/{reference}");
    let digest = changed["content_digest"].as_str().unwrap();
    let (status, problem) = api.decide("rita", &review, "approve", digest).await;
    assert_eq!((status, &problem["error"]), (StatusCode::CONFLICT, &json!("Review.Outdated")));
    let decision = ObjectKey::Decision(run, reference.clone());
    assert_eq!(api.bank.store.find(&decision).await.unwrap(), None);
    assert_eq!(api.decide("rita", &review, "reject", digest).await.1["decision"], "reject");
}

#[tokio::test]
async fn listing_reviews_reads_no_more_than_it_returns() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    for number in 0..130 {
        let run = RunId::parse(format!("run-{number:03}")).unwrap();
        api.write_script(&run, &reference, &[]).await;
        api.request_review(&run, &reference, number).await;
    }
    // Reading all of them would hit this failure.
    api.bank.store.fail_next(&ObjectKey::Review(RunId::parse("run-129").unwrap(), reference.clone()), 1);
    let (status, reviews) = api.get("rita", "/v1/reviews").await;
    assert_eq!((status, reviews["items"].as_array().unwrap().len()), (StatusCode::OK, 100), "{}", reviews["detail"]);
    assert_eq!((&reviews["items"][0]["run"], &reviews["items"][99]["run"]), (&json!("run-000"), &json!("run-099")));
    assert_eq!(reviews["has_more"], true);
    drop(run);
}

#[tokio::test]
async fn result_of_an_erased_customer_has_nothing_to_recall() {
    let api = Api::new().await;
    let (_, reference) = api.started("k1").await;
    let campaign = Request::post("/v1/campaigns").header("subject", "ann").header("idempotency-key", "k2");
    let (_, campaign) = api.call(campaign.header(header::CONTENT_TYPE, "application/json"), "{}").await;
    let run = RunId::parse(campaign["id"].as_str().unwrap()).unwrap();
    let index = format!("reference,offset,length,digest\n{reference},0,9,{}\n", Digest::of(b"line"));
    api.bank.store.put(&ObjectKey::Run(run.clone(), RunPart::Index), index.into()).await.unwrap();
    api.write_script(&run, &reference, &[]).await;
    api.write_evidence(&run, &reference, Outcome::Published { video: false }).await;
    lifecycle::erasure::erase(&reference, &api.bank.vault, Timestamp::now()).await.unwrap();
    assert_eq!(api.recall("rita", &format!("{run}~{reference}")).await, StatusCode::CONFLICT);
}

#[tokio::test]
async fn only_published_results_can_be_recalled() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    let index = format!("reference,offset,length,digest\n{reference},0,9,{}\n", Digest::of(b"line"));
    api.bank.store.put(&ObjectKey::Run(run.clone(), RunPart::Index), index.into()).await.unwrap();
    let id = run.as_str();
    assert_eq!(api.recall("rita", id).await, StatusCode::CONFLICT, "the run is in progress");
    for wrong in ["", " \u{2003}", "a line\nand another", &"ü".repeat(501)] {
        assert_eq!(
            api.recall_because("rita", id, wrong).await,
            StatusCode::BAD_REQUEST,
            "{wrong:?}: validated before the state"
        );
    }
    api.write_script(&run, &reference, &[]).await;
    api.request_review(&run, &reference, 0).await;
    assert_eq!(api.recall("rita", id).await, StatusCode::CONFLICT, "the review is pending");
    api.bank.store.delete(&ObjectKey::Review(run.clone(), reference.clone())).await.unwrap();
    api.write_evidence(&run, &reference, Outcome::Published { video: false }).await;
    assert_eq!(api.recall("ann", id).await, StatusCode::FORBIDDEN, "the caller who started it is not a reviewer");
    assert_eq!(api.recall("rita", "run-none").await, StatusCode::NOT_FOUND);
    let other_customer = "0".repeat(32);
    assert_eq!(api.recall("rita", &format!("{id}~{other_customer}")).await, StatusCode::NOT_FOUND);
    assert_eq!(api.get("ann", &path_of(&run)).await.1["outcome"], "published", "nothing was recalled");

    let settings =
        contracts::settings::DeliverySettings { link_base: "https://bank.example/l".to_owned(), ..Default::default() };
    let link = deliver::links::create(&run, &reference, &settings, api.bank.store.as_ref(), Timestamp::now());
    let link = link.await.unwrap().unwrap().address.replace("https://bank.example", "");
    assert_eq!(api.send(Request::get(&link), "").await.0.status, StatusCode::OK);
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let evidence = api.bank.store.get(&key(Artefact::Evidence)).await.unwrap();

    assert_eq!(api.recall("rita", id).await, StatusCode::NO_CONTENT, "of another caller");
    let (_, read) = api.get("ann", &path_of(&run)).await;
    assert_eq!((&read["outcome"], &read["reason"]["code"]), (&json!("recalled"), &json!("recalled")), "{read}");
    assert!(read.get("links").is_none() && read.get("text").is_none(), "{read}");
    assert_eq!(api.get("ann", "/v1/recommendations").await.1["items"][0]["outcome"], "recalled", "lists agree");
    assert_eq!(api.send(Request::get(&link), "").await.0.status, StatusCode::NOT_FOUND, "the customer's link is dead");
    assert_eq!(api.bank.store.find(&key(Artefact::Text)).await.unwrap(), None);
    assert_eq!(api.bank.store.get(&key(Artefact::Evidence)).await.unwrap(), evidence, "the evidence stays");
    let record = ObjectKey::Recall(run.clone(), Some(reference.clone()));
    let (record, _): (contracts::recall::Recall, _) =
        api.bank.vault.read_json(Owner::Customer(&reference), &record).await.unwrap();
    assert_eq!((record.by.as_str(), record.reason.as_deref()), ("rita", Some("A wrong rate.")));

    let with_customer = format!("{id}~{reference}");
    assert_eq!(api.recall("rita", &with_customer).await, StatusCode::NO_CONTENT, "a repeated recall, by the other id");
    let completed = api.bank.recalled.lock().unwrap();
    let files = BTreeSet::from([Digest::of("Hello José.".as_bytes())]);
    assert_eq!(
        *completed,
        vec![(run.clone(), files.clone()), (run, files)],
        "the backend may have crashed before it completed the first"
    );
}
