//! Records of compliance.

use policy::control::{ErasureRequest, SuppressedBy, Suppression};

use super::*;

impl Api {
    async fn record(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::post(path).header("subject", "cora").header("roles", "compliance");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let (parts, body) = self.send(request, BODY).await;
        (parts.status, body)
    }

    async fn with_customer(erases: bool) -> (Self, CustomerRef) {
        let api = Self::with(erases).await;
        let (run, reference) = api.started("k1").await;
        api.write_script(&run, &reference, &[]).await;
        (api, reference)
    }
}

#[tokio::test]
async fn compliance_erases_a_customer() {
    let (api, reference) = Api::with_customer(true).await;
    let (status, body) = api.record("/v1/erasures").await;
    let erased: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &erased["state"]), (StatusCode::ACCEPTED, &json!("done")));
    let find = async |key: ObjectKey| api.bank.store.find(&key).await.unwrap();
    assert!(find(ObjectKey::CustomerKey(reference.clone())).await.is_none());
    assert!(find(ObjectKey::Forgotten(reference.clone())).await.is_some());
    assert_eq!(api.record("/v1/erasures").await.0, StatusCode::ACCEPTED, "it can be repeated");
}

#[tokio::test]
async fn erasure_on_aws_is_an_authenticated_request() {
    let (api, reference) = Api::with_customer(false).await;
    let (status, body) = api.record("/v1/erasures").await;
    let erased: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &erased["state"]), (StatusCode::ACCEPTED, &json!("requested")));
    assert!(api.bank.store.find(&ObjectKey::CustomerKey(reference.clone())).await.unwrap().is_some());
    let key = ObjectKey::ErasureRequest(reference.clone());
    let stored = api.bank.store.get(&key).await.unwrap();
    let request: ErasureRequest = api.bank.vault.open_authenticated(&key, &stored).unwrap();
    assert_eq!(request.by, "cora");

    let repeated = async || {
        let (_, body) = api.record("/v1/erasures").await;
        serde_json::from_slice::<Value>(&body).unwrap()["state"].clone()
    };
    assert_eq!(repeated().await, "requested", "nothing has been erased yet");
    lifecycle::erasure::erase(&reference, &api.bank.vault, Timestamp::now()).await.unwrap();
    assert_eq!(repeated().await, "done", "a caller can see that the erasure is complete");
}

#[tokio::test]
async fn erasure_of_an_unknown_or_held_customer_is_refused() {
    let api = Api::new().await;
    assert_eq!(api.record("/v1/erasures").await.0, StatusCode::NOT_FOUND);
    let (api, reference) = Api::with_customer(true).await;
    let holds = format!("reference,hold,since\n{reference},Case 7,2026-11-01T00:00:00Z\n");
    api.bank.store.put(&ObjectKey::Holds, holds.into()).await.unwrap();
    let (status, body) = api.record("/v1/erasures").await;
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &problem["error"]), (StatusCode::CONFLICT, &json!("Forget.OnHold")));
    assert!(api.bank.store.find(&ObjectKey::Suppression(reference.clone())).await.unwrap().is_some());
    assert!(api.bank.store.find(&ObjectKey::CustomerKey(reference)).await.unwrap().is_some());
}

#[tokio::test]
async fn compliance_records_an_objection() {
    let (with_customer, reference) = Api::with_customer(true).await;
    for (api, is_known) in [(with_customer, true), (Api::new().await, false)] {
        let (status, body) = api.record("/v1/suppressions").await;
        let objection: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, objection), (StatusCode::OK, json!({"customer_ref": reference, "known": is_known})));
        let key = ObjectKey::Suppression(reference.clone());
        let recorded: Suppression = serde_json::from_slice(&api.bank.store.get(&key).await.unwrap()).unwrap();
        assert_eq!(recorded.by, SuppressedBy::Staff);
    }
}

#[tokio::test]
async fn compliance_gets_a_letter_about_a_customer() {
    let api = Api::new().await;
    assert_eq!(api.record("/v1/letters").await.0, StatusCode::NOT_FOUND, "no run knows the customer");
    let (run, reference) = api.started("k1").await;
    api.write_script(&run, &reference, &[]).await;
    assert_eq!(api.record("/v1/letters").await.0, StatusCode::NOT_FOUND, "the run has no record yet");
    api.write_evidence(&run, &reference, Outcome::Published { video: false }).await;
    let (status, body) = api.record("/v1/letters").await;
    let letter: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &letter["run"], &letter["customer_ref"]), (StatusCode::OK, &json!(run), &json!(reference)));
    let html = letter["html"].as_str().unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("0001"), "{html}");
}
