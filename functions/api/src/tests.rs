//! What callers get, and what they do not.

use std::sync::{Arc, Mutex};

use assess::Lexicon;
use async_trait::async_trait;
use contracts::catalogue::Catalogue;
use contracts::evidence::{Evidence, Outcome};
use contracts::executions::{Begun, Execution, Executions, ExecutionsError};
use contracts::key::{Artefact, Workbook};
use contracts::settings::Settings;
use contracts::stage::{Limits, WorkflowInput};
use contracts::store::{MemoryStore, ObjectStore as _, StoreError};
use contracts::vault::Keys;
use contracts::{CustomerRef, ErrorName};
use jiff::Timestamp;
use serde_json::{Value, json};
use start::{Material, Source};

use super::*;

#[derive(Default)]
struct Machine(Mutex<Vec<(String, RunId)>>);

#[async_trait]
impl Executions for Machine {
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<Begun, ExecutionsError> {
        self.0.lock().unwrap().push((name.to_owned(), input.run.clone()));
        Ok(Begun::Started)
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        let executions = self.0.lock().unwrap();
        let found = executions.iter().find(|(started, _)| started == name);
        let execution = |run: &RunId| Execution { run: run.clone(), state: State::Running, stopped: None, error: None, message: None };
        Ok(found.map(|(_, run)| execution(run)))
    }
}

struct Linked;

#[async_trait]
impl Links for Linked {
    async fn link(&self, key: &ObjectKey, seconds: u64) -> Result<String, StoreError> {
        Ok(format!("https://link/{key}?for={seconds}"))
    }
}

struct Data;

#[async_trait]
impl Source for Data {
    async fn material(&self) -> Result<Material, start::Error> {
        let data = |name: &str| std::fs::read(format!("{}/../../data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        Ok(Material {
            settings: Settings::default(),
            catalogue: Catalogue::from_json(&data("catalogue.json")).unwrap(),
            lexicon: Lexicon::from_toml(&String::from_utf8(data("lexicon.toml")).unwrap()).unwrap(),
            assets: Digest::of(b"assets"),
        })
    }
}

struct Api {
    store: Arc<MemoryStore>,
    vault: Vault,
    machine: Machine,
}

impl Api {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        for workbook in Workbook::ALL {
            let key = ObjectKey::Incoming(Batch::parse("b").unwrap(), workbook);
            store.put(&key, "rows".into()).await.unwrap();
        }
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        Self { store, vault, machine: Machine::default() }
    }

    async fn call(&self, caller: &str, request: http::request::Builder, body: &str) -> (StatusCode, Value) {
        let limits = Limits { concurrency: 2, tolerated_failure_percentage: 5 };
        let start = start::Deps { vault: &self.vault, source: &Data, executions: &self.machine, limits };
        let deps = Deps { start, links: &Linked };
        let response = handle(request.body(body.as_bytes().to_vec()).unwrap(), caller, &deps).await;
        (response.status(), serde_json::from_str(response.body()).unwrap())
    }

    async fn post(&self, caller: &str, key: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::post("/v1/runs").header("idempotency-key", key);
        self.call(caller, request, body).await
    }

    async fn get(&self, caller: &str, run: &str) -> (StatusCode, Value) {
        self.call(caller, Request::get(format!("/v1/runs/{run}")), "").await
    }

    /// As the workflow leaves it when the customer is published.
    async fn publish(&self, run: &str, customer: &str) -> CustomerRef {
        let reference = self.vault.keys().reference(&CustomerId::parse(customer).unwrap());
        let evidence = Evidence {
            run: RunId::parse(run).unwrap(),
            reference: reference.clone(),
            outcome: Outcome::Published { video: true },
            written_at: Timestamp::UNIX_EPOCH,
            program: String::new(),
            catalogue: Digest::of(b""),
            catalogue_version: String::new(),
            request: Digest::of(b""),
            key_id: String::new(),
            artefacts: std::collections::BTreeMap::new(),
            from_posts: false,
            made_by: None,
            media: None,
            personal: String::new(),
        };
        let key = |artefact| ObjectKey::Customer(reference.clone(), evidence.run.clone(), artefact);
        self.store.put(&key(Artefact::Text), "Dear José".into()).await.unwrap();
        let json = serde_json::to_vec(&evidence).unwrap();
        self.store.put(&key(Artefact::Evidence), json.into()).await.unwrap();
        reference
    }
}

const BODY: &str = r#"{"customer_id": "0001"}"#;

#[tokio::test]
async fn a_call_starts_a_run_that_its_caller_reads_and_nobody_else() {
    let api = Api::new().await;
    let (status, started) = api.post("ann", "k1", BODY).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{started}");
    let run = started["run"].as_str().unwrap();
    assert_eq!(started["self"], format!("/v1/runs/{run}"));

    let (status, read) = api.get("ann", run).await;
    assert_eq!((status, &read["state"]), (StatusCode::OK, &json!("running")), "{read}");
    let (status, problem) = api.get("ben", run).await;
    assert_eq!((status, &problem["status"]), (StatusCode::NOT_FOUND, &json!(404)));
}

#[tokio::test]
async fn the_same_key_is_the_same_call_and_another_request_under_it_is_refused() {
    let api = Api::new().await;
    let (_, first) = api.post("ann", "k1", BODY).await;
    let (status, again) = api.post("ann", "k1", BODY).await;
    assert_eq!((status, &again["run"]), (StatusCode::OK, &first["run"]));
    let others = [
        r#"{"customer_id": "0002"}"#,
        r#"{"customer_id": "0001", "shape": "1:1"}"#,
        r#"{"customer_id": "0001", "batch": "c"}"#,
    ];
    for workbook in Workbook::ALL {
        api.store.put(&ObjectKey::Incoming(Batch::parse("c").unwrap(), workbook), "rows".into()).await.unwrap();
    }
    for other in others {
        assert_eq!(api.post("ann", "k1", other).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{other}");
    }
    let (status, of_another) = api.post("ben", "k1", BODY).await;
    assert_eq!(status, StatusCode::ACCEPTED, "another caller's key is another key");
    assert_ne!(of_another["run"], first["run"]);
}

#[tokio::test]
async fn a_published_result_comes_with_its_text_and_links_unless_the_customer_is_suppressed() {
    let api = Api::new().await;
    let (_, started) = api.post("ann", "k1", BODY).await;
    let run = started["run"].as_str().unwrap();
    let reference = api.publish(run, "0001").await;
    let (_, read) = api.get("ann", run).await;
    assert_eq!(read["text"], "Dear José");
    assert_eq!(read["result"]["outcome"], "published");
    assert!(read["links"]["video"].as_str().unwrap().ends_with("recommendation.mp4?for=900"), "{read}");

    let list = format!("reference\n{reference}\n");
    api.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    let (_, read) = api.get("ann", run).await;
    assert!(read.get("text").is_none() && read.get("links").is_none(), "{read}");
    assert!(read["withheld"].is_string());

    api.store.put(&ObjectKey::Suppressions, "reference\n".into()).await.unwrap();
    let withdrawn = format!("reference,consent,consent_social_media,as_of\n{reference},no,no,2026-11-02\n");
    api.store.put(&ObjectKey::Consents, withdrawn.into()).await.unwrap();
    let (_, read) = api.get("ann", run).await;
    assert!(read.get("text").is_none() && read["withheld"].is_string(), "{read}");
    api.store.delete(&ObjectKey::Consents).await.unwrap();

    let text = ObjectKey::Customer(reference, RunId::parse(run).unwrap(), Artefact::Text);
    api.store.delete(&text).await.unwrap();
    let (status, read) = api.get("ann", run).await;
    assert_eq!(status, StatusCode::OK, "taken away, and not suppressed any more");
    assert!(read["withheld"].is_string());
}

#[tokio::test]
async fn a_run_whose_execution_is_forgotten_is_done_if_it_has_a_result() {
    let api = Api::new().await;
    let (_, started) = api.post("ann", "k1", BODY).await;
    let run = started["run"].as_str().unwrap();
    api.machine.0.lock().unwrap().clear();
    assert_eq!(api.get("ann", run).await.1["state"], "waiting");
    api.publish(run, "0001").await;
    assert_eq!(api.get("ann", run).await.1["state"], "done");
}

#[tokio::test]
async fn what_cannot_be_understood_is_told_by_field_and_never_by_value() {
    let api = Api::new().await;
    let bodies = [
        ("", "customer_id"),
        ("{}", "customer_id"),
        (r#"{"customer_id": "1"} Maria"#, "the body must end"),
        (r#"{"customer_id": " Maria "}"#, "customer_id"),
        (r#"{"customer_id": "1", "surname": "Maria"}"#, "surname"),
        (r#"{"customer_id": "1", "words_per_minute": 500}"#, "words_per_minute"),
        (r#"{"customer_id": "1", "categories": ["Maria"]}"#, "categories"),
    ];
    for (body, field) in bodies {
        let (status, problem) = api.post("ann", "k", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(field) && !detail.contains("Maria"), "{body}: {detail}");
        assert_eq!(problem["error"], ErrorName::InputInvalidRequest.as_str());
    }
    let (status, _) = api.call("ann", Request::post("/v1/runs"), BODY).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "without a key");
    assert_eq!(api.call("ann", Request::delete("/v1/runs"), "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn no_batch_is_a_conflict_and_a_store_that_fails_is_worth_another_try() {
    let api = Api::new().await;
    api.store.delete(&ObjectKey::Incoming(Batch::parse("b").unwrap(), Workbook::Tweets)).await.unwrap();
    assert_eq!(api.post("ann", "k", BODY).await.0, StatusCode::CONFLICT);

    let api = Api::new().await;
    api.store.fail_next(&ObjectKey::Incoming(Batch::parse("b").unwrap(), Workbook::Tweets), 1);
    let (status, problem) = api.post("ann", "k", BODY).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("the log tells what failed")));
}
