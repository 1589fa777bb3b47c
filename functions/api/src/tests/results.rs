//! Tests of what a recommendation shows, of its events and of lists.

use super::*;

#[tokio::test]
async fn text_is_shown_only_after_it_has_passed_the_guard() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    assert!(api.get("ann", &path_of(&run)).await.1.get("text").is_none());
    api.write_script(&run, &reference, &["3 %"]).await;
    let refused = api.get("ann", &path_of(&run)).await.1;
    assert!(refused.get("text").is_none() && !refused.to_string().contains("Hello"), "{refused}");

    let (run, _) = api.started("k2").await;
    api.write_script(&run, &reference, &[]).await;
    let (_, passed) = api.get("ann", &path_of(&run)).await;
    assert_eq!(passed["text"][0]["body"], "Hello José.", "{passed}");
    assert_eq!(passed["disclosures"], json!(["Member FDIC."]));
    assert!(passed.get("links").is_none() && passed.get("outcome").is_none());
}

#[tokio::test]
async fn text_in_review_is_hidden_but_the_reason_is_shown() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.write_script(&run, &reference, &["3 %"]).await;
    api.write_evidence(&run, &reference, Outcome::InReview { why: "the text did not pass: numbers".to_owned() }).await;
    let (_, read) = api.get("ann", &path_of(&run)).await;
    let check = json!({"name": "numbers", "passed": false});
    assert_eq!((&read["outcome"], &read["checks"][0]), (&json!("in-review"), &check));
    assert!(!read.to_string().contains("Hello") && !read.to_string().contains("3 %"), "{read}");
    assert_eq!(read["reason"]["message"], "the text did not pass: numbers");
}

#[tokio::test]
async fn published_result_is_shown_unless_control_data_forbids_it() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.write_script(&run, &reference, &[]).await;
    api.write_evidence(&run, &reference, Outcome::Published { video: true }).await;
    let (_, read) = api.get("ann", &path_of(&run)).await;
    assert_eq!(read["outcome"], "published");
    assert_eq!(read["text"][0]["body"], "Hello José.");
    assert!(read["links"]["video"].as_str().unwrap().ends_with("recommendation.mp4?for=900"), "{read}");

    let is_hidden = |read: &Value| !read.to_string().contains("Hello") && read.get("links").is_none();
    let list = format!("reference\n{reference}\n");
    api.bank.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    let (_, read) = api.get("ann", &path_of(&run)).await;
    assert!(is_hidden(&read) && read["reason"]["code"] == "suppressed", "{read}");

    api.bank.store.put(&ObjectKey::Suppressions, "reference\n".into()).await.unwrap();
    let withdrawn = format!("reference,consent,consent_social_media,as_of\n{reference},no,no,2026-11-02\n");
    api.bank.store.put(&ObjectKey::Consents, withdrawn.into()).await.unwrap();
    let (_, read) = api.get("ann", &path_of(&run)).await;
    assert!(is_hidden(&read) && read["reason"]["code"] == "no-consent", "{read}");
    api.bank.store.delete(&ObjectKey::Consents).await.unwrap();

    let text = ObjectKey::Customer(reference, run.clone(), Artefact::Text);
    api.bank.store.delete(&text).await.unwrap();
    let (status, read) = api.get("ann", &path_of(&run)).await;
    assert!(status == StatusCode::OK && is_hidden(&read), "the files were removed: {read}");
}

#[tokio::test]
async fn recalled_result_is_recalled_even_if_the_customer_is_suppressed() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.write_script(&run, &reference, &[]).await;
    api.write_evidence(&run, &reference, Outcome::Published { video: true }).await;
    api.bank.store.put(&ObjectKey::Recall(run.clone(), Some(reference.clone())), "sealed".into()).await.unwrap();
    let list = format!("reference\n{reference}\n");
    api.bank.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    let (_, read) = api.get("ann", &path_of(&run)).await;
    assert_eq!((&read["outcome"], &read["reason"]["code"]), (&json!("recalled"), &json!("recalled")), "{read}");
    assert!(read.get("text").is_none() && read.get("links").is_none(), "{read}");
}

#[tokio::test]
async fn erased_customer_leaves_the_list() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.write_script(&run, &reference, &[]).await;
    let (_, listed) = api.get("ann", "/v1/recommendations").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    lifecycle::erasure::erase(&reference, &api.bank.vault, Timestamp::now()).await.unwrap();
    let (status, listed) = api.get("ann", "/v1/recommendations").await;
    assert_eq!((status, &listed["items"]), (StatusCode::OK, &json!([])), "{listed}");
}

#[tokio::test]
async fn skips_and_failures_have_reasons() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.bank.workflow.end(run.as_str(), ExecutionState::Succeeded, None);
    let skip = Skip::NoConsent(contracts::consent::Refusal::SaidNo);
    api.write_evidence(&run, &reference, Outcome::Skipped { skip }).await;
    let (_, read) = api.get("ann", &path_of(&run)).await;
    assert_eq!((&read["status"], &read["outcome"]), (&json!("done"), &json!("skipped")));
    assert_eq!(read["reason"]["code"], "no-consent");
    assert!(read["reason"]["message"].is_string() && read["reason"]["help"].is_string(), "{read}");

    let (run, _) = api.started("k2").await;
    api.bank.workflow.end(run.as_str(), ExecutionState::Failed, Some("Input.UnknownCustomer"));
    let (_, read) = api.get("ann", &path_of(&run)).await;
    assert_eq!(
        (&read["status"], &read["reason"]["code"]),
        (&json!("failed"), &json!("Input.UnknownCustomer")),
        "{read}"
    );
    let (_, events) = api.get("ann", &format!("{}/events", path_of(&run))).await;
    assert_eq!((&events["ended"], &events["events"][0]["message"]), (&json!(true), &json!("Input.UnknownCustomer")));
}

#[tokio::test]
async fn events_are_listed_after_a_number() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    let events = format!("{}/events", path_of(&run));
    assert_eq!(api.get("ann", &events).await.1, json!({"events": [], "next": 0, "ended": false}));
    api.write_step(&run, None, 1, Stage::Merge, StepKind::Started).await;
    api.write_step(&run, None, 2, Stage::Merge, StepKind::Done).await;
    api.write_step(&run, Some(&reference), 3, Stage::Assess, StepKind::Started).await;
    let (_, all) = api.get("ann", &events).await;
    assert_eq!((&all["next"], all["events"].as_array().unwrap().len()), (&json!(3), 3));
    assert_eq!(all["events"][2]["stage"], "assess");
    let (_, rest) = api.get("ann", &format!("{events}?after=2")).await;
    assert_eq!(rest["events"], json!([all["events"][2]]));
    let (_, none) = api.get("ann", &format!("{events}?after=9")).await;
    assert_eq!(none, json!({"events": [], "next": 9, "ended": false}));
    let (_, read) = api.get("ann", &path_of(&run)).await;
    assert_eq!((&read["status"], &read["stages"][0]["duration_seconds"]), (&json!("running"), &json!(1.0)));
}

#[tokio::test]
async fn run_with_a_result_is_done_even_if_its_execution_is_forgotten() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.bank.workflow.0.lock().unwrap().clear();
    assert_eq!(api.get("ann", &path_of(&run)).await.1["status"], "waiting");
    api.write_evidence(&run, &reference, Outcome::Published { video: true }).await;
    assert_eq!(api.get("ann", &path_of(&run)).await.1["status"], "done");
}

#[tokio::test]
async fn recommendations_are_listed_in_pages() {
    let api = Api::new().await;
    for key in ["1", "2", "3"] {
        api.started(key).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/recommendations?limit=2".to_owned();
    loop {
        let (status, part) = api.get("ann", &path).await;
        assert_eq!(status, StatusCode::OK, "{part}");
        seen.extend(part["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
        let Some(next) = part["next"].as_str() else { break };
        path = format!("/v1/recommendations?limit=2&after={next}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3);
    let queries = [("limit=0", 400), ("limit=101", 400), ("limit=x", 400), ("after=run-none", 422), ("from=1", 400)];
    for (query, refused) in queries {
        let (status, problem) = api.get("ann", &format!("/v1/recommendations?{query}")).await;
        assert_eq!(status, refused, "{query}: {problem}");
    }
}
