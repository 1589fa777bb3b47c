//! What callers get, and what they do not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use assess::Lexicon;
use async_trait::async_trait;
use axum::body::Body;
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::consent::ConsentAsRead;
use contracts::evidence::{Evidence, Outcome};
use contracts::executions::{Begun, Execution, Executions, ExecutionsError, State as ExecutionState};
use contracts::facts::Skip;
use contracts::key::{Artefact, Workbook};
use contracts::progress::{Step, StepKind};
use contracts::script::{Check, Script, Segment, SegmentKind, Verdict, WrittenBy};
use contracts::settings::Settings;
use contracts::stage::{Limits, Stage, WorkflowInput};
use contracts::voice::Engine;
use contracts::{Batch, CustomerId, CustomerRef, Digest, ErrorName, ObjectKey, RunId};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use start::{Material, Source};
use storage::store::{Link, Links, MemoryStore, ObjectStore as _, StoreError};
use storage::vault::{Keys, Owner, Vault};
use tower::ServiceExt as _;

use super::*;

mod reviews;

/// A workflow that begins and does not end by itself.
#[derive(Default)]
struct Workflow(Mutex<BTreeMap<String, Execution>>);

impl Workflow {
    fn end(&self, run: &str, state: ExecutionState, error: Option<&str>) {
        let mut executions = self.0.lock().unwrap();
        let execution = executions.values_mut().find(|execution| execution.run.as_str() == run).unwrap();
        execution.state = state;
        execution.error = error.map(str::to_owned);
    }
}

#[async_trait]
impl Executions for Workflow {
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<Begun, ExecutionsError> {
        let run = input.run.clone();
        let begun = Execution { run, state: ExecutionState::Running, stopped: None, error: None, message: None };
        self.0.lock().unwrap().insert(name.to_owned(), begun);
        Ok(Begun::Started)
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
}

fn data(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn material() -> Catalogue {
    Catalogue::from_json(&data("catalogue.json")).unwrap()
}

/// What the router stands on: all of it in memory, and a subject taken at its word.
struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
    workflow: Workflow,
    origins: Vec<String>,
    followed: Mutex<Vec<RunId>>,
    recalled: Mutex<Vec<(RunId, BTreeSet<Digest>)>>,
}

#[async_trait]
impl Host for Bank {
    fn caller(&self, request: &Parts) -> Option<String> {
        Some(request.headers.get("subject")?.to_str().unwrap().to_owned())
    }

    fn reviewer(&self, request: &Parts) -> Option<String> {
        self.caller(request).filter(|subject| subject == "rita")
    }

    async fn follow(&self, run: &RunId, _: &CustomerRef, _: Option<String>) -> Result<(), Problem> {
        self.followed.lock().unwrap().push(run.clone());
        Ok(())
    }

    async fn recalled(&self, run: &RunId, files: BTreeSet<Digest>) -> Result<(), Problem> {
        self.recalled.lock().unwrap().push((run.clone(), files));
        Ok(())
    }

    fn vault(&self) -> &Vault {
        &self.vault
    }

    fn source(&self) -> &dyn Source {
        self
    }

    async fn catalogue(&self) -> Result<Catalogue, Problem> {
        Ok(material())
    }

    async fn brand(&self) -> Result<Brand, Problem> {
        let path = format!("{}/../../assets/brand.toml", env!("CARGO_MANIFEST_DIR"));
        Ok(Brand::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    async fn settings(&self) -> Result<Settings, Problem> {
        Ok(Settings::default())
    }

    fn executions(&self) -> &dyn Executions {
        &self.workflow
    }

    fn limits(&self) -> Limits {
        Limits { concurrency: 2, tolerated_failure_percentage: 5 }
    }

    fn links(&self) -> &dyn Links {
        self
    }

    fn batch(&self) -> Option<Batch> {
        None
    }

    async fn voices(&self) -> Vec<Voice> {
        Vec::new()
    }

    fn origins(&self) -> &[String] {
        &self.origins
    }

    fn machine(&self) -> Option<&dyn Machine> {
        None
    }
}

#[async_trait]
impl Source for Bank {
    async fn material(&self) -> Result<Material, start::Error> {
        Ok(Material {
            settings: Settings::default(),
            catalogue: material(),
            phrases: Digest::of(b"phrases"),
            lexicon: Lexicon::from_toml(&String::from_utf8(data("lexicon.toml")).unwrap()).unwrap(),
            assets: Digest::of(b"assets"),
            backgrounds: std::collections::BTreeMap::new(),
            engines: vec![Engine::Espeak],
        })
    }
}

#[async_trait]
impl Links for Bank {
    async fn link(&self, key: &ObjectKey, seconds: u64) -> Result<Link, StoreError> {
        Ok(Link::since(Timestamp::now(), seconds, format!("https://link/{key}?for={seconds}")))
    }

    async fn upload_link(&self, key: &ObjectKey, seconds: u64) -> Result<String, StoreError> {
        Ok(format!("https://put/{key}?for={seconds}"))
    }
}

struct Api {
    bank: Arc<Bank>,
    router: axum::Router,
}

const BODY: &str = r#"{"customer_id": "0001"}"#;

impl Api {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let origins = vec!["https://bucket.example".to_owned()];
        let (workflow, followed, recalled) = (Workflow::default(), Mutex::default(), Mutex::default());
        let bank = Arc::new(Bank { store, vault, workflow, origins, followed, recalled });
        let api = Self { router: router(bank.clone()), bank };
        api.upload("b").await;
        api
    }

    async fn upload(&self, batch: &str) {
        for workbook in Workbook::ALL {
            let key = ObjectKey::Incoming(Batch::parse(batch).unwrap(), workbook);
            self.bank.store.put(&key, "rows".into()).await.unwrap();
        }
    }

    async fn send(&self, request: http::request::Builder, body: &str) -> (http::response::Parts, Vec<u8>) {
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts, body.collect().await.unwrap().to_bytes().to_vec())
    }

    async fn call(&self, request: http::request::Builder, body: &str) -> (StatusCode, Value) {
        let (parts, body) = self.send(request, body).await;
        (parts.status, serde_json::from_slice(&body).unwrap())
    }

    async fn post(&self, caller: &str, key: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::post("/v1/recommendations").header("subject", caller);
        self.call(request.header("idempotency-key", key).header(header::CONTENT_TYPE, "application/json"), body).await
    }

    async fn get(&self, caller: &str, path: &str) -> (StatusCode, Value) {
        self.call(Request::get(path).header("subject", caller), "").await
    }

    async fn started(&self, key: &str) -> (RunId, CustomerRef) {
        let (status, started) = self.post("ann", key, BODY).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{started}");
        let reference = self.bank.vault.keys().reference(&CustomerId::parse("0001").unwrap());
        (RunId::parse(started["id"].as_str().unwrap()).unwrap(), reference)
    }

    /// As `recommend` leaves it; `found` is what the guard found.
    async fn write(&self, run: &RunId, reference: &CustomerRef, found: &[&str]) {
        let segment = |kind, text: &str| Segment { kind, text: text.to_owned(), product: None, parts: Vec::new() };
        let script = Script {
            first_name: "José".to_owned(),
            segments: vec![segment(SegmentKind::Greeting, "Hello José."), segment(SegmentKind::Closing, "Goodbye.")],
            offers: Vec::new(),
            disclosures: vec!["Member FDIC.".to_owned()],
            written_by: WrittenBy::Template { instead_of_model: None },
            held: None,
            verdict: Verdict {
                checks: vec![Check {
                    name: "numbers".to_owned(),
                    violations: found.iter().map(|found| (*found).to_owned()).collect(),
                }],
            },
        };
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
        self.bank.vault.write_json(Owner::Customer(reference), &key, &Digest::of(b""), script).await.unwrap();
    }

    /// As `publish` leaves it.
    async fn ends(&self, run: &RunId, reference: &CustomerRef, outcome: Outcome) {
        let script = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
        let script =
            self.bank.vault.read_json(Owner::Customer(reference), &script).await.ok().map(|(script, _)| script);
        let personal = contracts::evidence::PersonalEvidence {
            consent: ConsentAsRead { readings: Vec::new(), read_at: Timestamp::UNIX_EPOCH, control: None },
            facts: None,
            script,
            decision: None,
        };
        let place = policy::evidence::personal_place(run, reference);
        let personal = serde_json::to_vec(&personal).unwrap();
        let owner = Owner::Customer(reference);
        let personal = self.bank.vault.seal(owner, &place, &Digest::of(b""), &personal).await.unwrap();
        let evidence = Evidence {
            run: run.clone(),
            reference: reference.clone(),
            outcome,
            written_at: Timestamp::UNIX_EPOCH,
            program: String::new(),
            catalogue: Digest::of(b""),
            catalogue_version: String::new(),
            request: Digest::of(b""),
            key_id: String::new(),
            artefacts: BTreeMap::from([(Artefact::Text, Digest::of("Hello José.".as_bytes()))]),
            from_posts: false,
            made_by: None,
            media: None,
            review: None,
            personal: base64::Engine::encode(&base64::engine::general_purpose::STANDARD, personal),
        };
        let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
        self.bank.store.put(&key(Artefact::Text), "Hello José.".into()).await.unwrap();
        let json = serde_json::to_vec(&evidence).unwrap();
        self.bank.store.put(&key(Artefact::Evidence), json.into()).await.unwrap();
    }

    async fn step(&self, run: &RunId, reference: Option<&CustomerRef>, second: i64, stage: Stage, kind: StepKind) {
        let step = Step { stage, kind, at: Timestamp::from_second(second).unwrap(), seconds: 0.0, error: None };
        let key = ObjectKey::Progress(run.clone(), reference.cloned(), step.name());
        self.bank.store.put(&key, "{}".into()).await.unwrap();
    }
}

fn place(run: &RunId) -> String {
    format!("/v1/recommendations/{run}")
}

#[tokio::test]
async fn a_call_starts_a_run_that_its_caller_reads_and_nobody_else() {
    let api = Api::new().await;
    let (status, started) = api.post("ann", "k1", BODY).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{started}");
    let address = started["self"].as_str().unwrap();
    let (status, read) = api.get("ann", address).await;
    assert_eq!((status, &read["state"]), (StatusCode::OK, &json!("waiting")), "{read}");
    assert_eq!(read["stages"].as_array().unwrap().len(), 7);

    for path in [address.to_owned(), format!("{address}/events"), format!("{address}~{}", "0".repeat(32))] {
        let (status, problem) = api.get("ben", &path).await;
        assert_eq!((status, &problem["status"]), (StatusCode::NOT_FOUND, &json!(404)), "{path}");
    }
    assert_eq!(api.get("ben", "/v1/recommendations").await.1["items"], json!([]));
    assert_eq!(api.get("ann", "/v1/recommendations").await.1["items"][0]["id"], started["id"]);
}

#[tokio::test]
async fn nobody_vouches_nothing_is_told() {
    let api = Api::new().await;
    let (run, _) = api.started("k1").await;
    let paths = [place(&run), format!("{}/events", place(&run)), "/v1/options".to_owned(), "/v1/catalogue".to_owned()];
    for path in paths {
        let (parts, body) = api.send(Request::get(&path), "").await;
        assert_eq!(parts.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(parts.headers[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(parts.headers[header::CONTENT_TYPE], "application/problem+json");
        assert!(!String::from_utf8(body).unwrap().contains(run.as_str()));
    }
    let post = Request::post("/v1/recommendations").header("idempotency-key", "k");
    assert_eq!(api.call(post.header(header::CONTENT_TYPE, "application/json"), BODY).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_same_key_is_the_same_call_and_another_request_under_it_is_refused() {
    let api = Api::new().await;
    let (_, first) = api.post("ann", "k1", BODY).await;
    let (status, again) = api.post("ann", "k1", BODY).await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &first["id"]));
    let others = [
        r#"{"customer_id": "0002"}"#,
        r#"{"customer_id": "0001", "shape": "1:1"}"#,
        r#"{"customer_id": "0001", "video": false}"#,
        r#"{"customer_id": "0001", "batch": "c"}"#,
    ];
    api.upload("c").await;
    for other in others {
        assert_eq!(api.post("ann", "k1", other).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{other}");
    }
    let (status, of_another) = api.post("ben", "k1", BODY).await;
    assert_eq!(status, StatusCode::ACCEPTED, "another caller's key is another key");
    assert_ne!(of_another["id"], first["id"]);
}

#[tokio::test]
async fn a_text_is_shown_once_the_guard_has_passed_it_and_not_before() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    assert!(api.get("ann", &place(&run)).await.1.get("text").is_none());
    api.write(&run, &reference, &["3 %"]).await;
    let refused = api.get("ann", &place(&run)).await.1;
    assert!(refused.get("text").is_none() && !refused.to_string().contains("Hello"), "{refused}");

    let (run, _) = api.started("k2").await;
    api.write(&run, &reference, &[]).await;
    let (_, passed) = api.get("ann", &place(&run)).await;
    assert_eq!(passed["text"][0]["body"], "Hello José.", "{passed}");
    assert_eq!(passed["disclosures"], json!(["Member FDIC."]));
    assert!(passed.get("links").is_none() && passed.get("outcome").is_none());
}

#[tokio::test]
async fn a_text_that_is_held_is_not_shown_and_why_is() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.write(&run, &reference, &["3 %"]).await;
    api.ends(&run, &reference, Outcome::Held { why: "the text did not pass: numbers".to_owned() }).await;
    let (_, held) = api.get("ann", &place(&run)).await;
    assert_eq!((&held["outcome"], &held["checks"][0]), (&json!("held"), &json!({"check": "numbers", "passed": false})));
    assert!(!held.to_string().contains("Hello") && !held.to_string().contains("3 %"), "{held}");
    assert_eq!(held["reason"]["message"], "the text did not pass: numbers");
}

#[tokio::test]
async fn a_published_result_comes_with_its_text_and_links_unless_the_customer_objects() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.write(&run, &reference, &[]).await;
    api.ends(&run, &reference, Outcome::Published { video: true }).await;
    let (_, read) = api.get("ann", &place(&run)).await;
    assert_eq!(read["outcome"], "published");
    assert_eq!(read["text"][0]["body"], "Hello José.");
    assert!(read["links"]["video"].as_str().unwrap().ends_with("recommendation.mp4?for=900"), "{read}");

    let nothing = |read: &Value| !read.to_string().contains("Hello") && read.get("links").is_none();
    let list = format!("reference\n{reference}\n");
    api.bank.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    let (_, read) = api.get("ann", &place(&run)).await;
    assert!(nothing(&read) && read["reason"]["code"] == "suppressed", "{read}");

    api.bank.store.put(&ObjectKey::Suppressions, "reference\n".into()).await.unwrap();
    let withdrawn = format!("reference,consent,consent_social_media,as_of\n{reference},no,no,2026-11-02\n");
    api.bank.store.put(&ObjectKey::Consents, withdrawn.into()).await.unwrap();
    let (_, read) = api.get("ann", &place(&run)).await;
    assert!(nothing(&read) && read["reason"]["code"] == "no-consent", "{read}");
    api.bank.store.delete(&ObjectKey::Consents).await.unwrap();

    let text = ObjectKey::Customer(reference, run.clone(), Artefact::Text);
    api.bank.store.delete(&text).await.unwrap();
    let (status, read) = api.get("ann", &place(&run)).await;
    assert!(status == StatusCode::OK && nothing(&read), "taken away, and not suppressed any more: {read}");
}

#[tokio::test]
async fn a_refusal_is_explained_and_so_is_a_run_that_failed_as_a_whole() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.bank.workflow.end(run.as_str(), ExecutionState::Succeeded, None);
    let skip = Skip::NoConsent(contracts::consent::Refusal::SaidNo);
    api.ends(&run, &reference, Outcome::Skipped { skip }).await;
    let (_, read) = api.get("ann", &place(&run)).await;
    assert_eq!((&read["state"], &read["outcome"]), (&json!("done"), &json!("skipped")));
    assert_eq!(read["reason"]["code"], "no-consent");
    assert!(read["reason"]["message"].is_string() && read["reason"]["help"].is_string(), "{read}");

    let (run, _) = api.started("k2").await;
    api.bank.workflow.end(run.as_str(), ExecutionState::Failed, Some("Input.UnknownCustomer"));
    let (_, read) = api.get("ann", &place(&run)).await;
    assert_eq!(
        (&read["state"], &read["reason"]["code"]),
        (&json!("failed"), &json!("Input.UnknownCustomer")),
        "{read}"
    );
    let (_, events) = api.get("ann", &format!("{}/events", place(&run))).await;
    assert_eq!((&events["ended"], &events["events"][0]["message"]), (&json!(true), &json!("Input.UnknownCustomer")));
}

#[tokio::test]
async fn events_are_asked_for_from_a_number_on() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    let events = format!("{}/events", place(&run));
    assert_eq!(api.get("ann", &events).await.1, json!({"events": [], "next": 0, "ended": false}));
    api.step(&run, None, 1, Stage::Merge, StepKind::Started).await;
    api.step(&run, None, 2, Stage::Merge, StepKind::Done).await;
    api.step(&run, Some(&reference), 3, Stage::Assess, StepKind::Started).await;
    let (_, all) = api.get("ann", &events).await;
    assert_eq!((&all["next"], all["events"].as_array().unwrap().len()), (&json!(3), 3));
    assert_eq!(all["events"][2]["stage"], "assess");
    let (_, rest) = api.get("ann", &format!("{events}?after=2")).await;
    assert_eq!(rest["events"], json!([all["events"][2]]));
    let (_, none) = api.get("ann", &format!("{events}?after=9")).await;
    assert_eq!(none, json!({"events": [], "next": 9, "ended": false}));
    let (_, read) = api.get("ann", &place(&run)).await;
    assert_eq!((&read["state"], &read["stages"][0]["seconds"]), (&json!("running"), &json!(1.0)));
}

#[tokio::test]
async fn a_run_whose_execution_is_forgotten_is_done_if_it_has_a_result() {
    let api = Api::new().await;
    let (run, reference) = api.started("k1").await;
    api.bank.workflow.0.lock().unwrap().clear();
    assert_eq!(api.get("ann", &place(&run)).await.1["state"], "waiting");
    api.ends(&run, &reference, Outcome::Published { video: true }).await;
    assert_eq!(api.get("ann", &place(&run)).await.1["state"], "done");
}

#[tokio::test]
async fn the_history_is_read_in_parts() {
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

#[tokio::test]
async fn what_cannot_be_understood_is_told_by_field_and_never_by_value() {
    let api = Api::new().await;
    let bodies = [
        ("", "JSON"),
        ("[1]", "JSON"),
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
    let json = || {
        Request::post("/v1/recommendations").header("subject", "ann").header(header::CONTENT_TYPE, "application/json")
    };
    assert_eq!(api.call(json(), BODY).await.0, StatusCode::BAD_REQUEST, "without a key");
    let keyed = || Request::post("/v1/recommendations").header("subject", "ann").header("idempotency-key", "k");
    assert_eq!(api.call(keyed(), BODY).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = format!(r#"{{"customer_id": "1", "prompt": "{}"}}"#, "x".repeat(100_000));
    assert_eq!(
        api.call(keyed().header(header::CONTENT_TYPE, "application/json"), &large).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn other_addresses_and_methods_are_problems_too() {
    let api = Api::new().await;
    let (parts, body) = api.send(Request::delete("/v1/recommendations").header("subject", "ann"), "").await;
    assert_eq!(parts.status, StatusCode::METHOD_NOT_ALLOWED);
    let allowed = parts.headers[header::ALLOW].to_str().unwrap();
    assert!(allowed.contains("POST") && allowed.contains("GET"), "{allowed}");
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["status"], 405);
    for path in ["/v1/runs", "/v1/recommendations/..%2f..%2fetc%2fpasswd", "/etc/passwd", "/..%2fCargo.toml"] {
        let (status, problem) = api.get("ann", path).await;
        assert_eq!((status, &problem["status"]), (StatusCode::NOT_FOUND, &json!(404)), "{path}");
    }
    for path in ["/v1/media/0123", "/v1/uploads/upload-1/customer_profile.xlsx"] {
        let method = if path.contains("media") { Method::GET } else { Method::PUT };
        let request = Request::builder().method(method).uri(path).header("subject", "ann");
        assert_eq!(api.call(request, "x").await.0, StatusCode::NOT_FOUND, "only a server on one machine has {path}");
    }
}

#[tokio::test]
async fn no_batch_is_a_conflict_and_a_store_that_fails_is_worth_another_try() {
    let tweets = ObjectKey::Incoming(Batch::parse("b").unwrap(), Workbook::Tweets);
    let api = Api::new().await;
    api.bank.store.delete(&tweets).await.unwrap();
    assert_eq!(api.post("ann", "k", BODY).await.0, StatusCode::CONFLICT);

    let api = Api::new().await;
    api.bank.store.fail_next(&tweets, 1);
    let (status, problem) = api.post("ann", "k", BODY).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("the log tells what failed")));
}

#[tokio::test]
async fn an_upload_is_a_batch_of_its_own_that_nobody_guesses() {
    let api = Api::new().await;
    let start = || {
        let request = Request::post("/v1/uploads").header("subject", "ann");
        api.call(request.header(header::CONTENT_TYPE, "application/json"), "{}")
    };
    let ((status, first), (_, second)) = (start().await, start().await);
    assert_eq!(status, StatusCode::CREATED, "{first}");
    assert_ne!(first["upload"], second["upload"]);
    assert!(Batch::parse(first["upload"].as_str().unwrap()).unwrap().is_through_api());
    let names: Vec<&str> =
        first["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, Workbook::ALL.map(Workbook::file_name));
    assert!(first["files"][0]["put"].as_str().unwrap().starts_with("https://put/incoming/upload-"));
}

#[tokio::test]
async fn the_page_is_served_with_a_strict_policy_and_is_not_sent_twice() {
    let api = Api::new().await;
    let (parts, body) = api.send(Request::get("/"), "").await;
    assert_eq!(parts.status, StatusCode::OK);
    assert_eq!(parts.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(String::from_utf8(body).unwrap().starts_with("<!doctype html>"));
    let policy = parts.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("media-src 'self' https://bucket.example;"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let tag = parts.headers[header::ETAG].to_str().unwrap();
    let (parts, body) = api.send(Request::get("/").header(header::IF_NONE_MATCH, tag), "").await;
    assert_eq!((parts.status, body.len()), (StatusCode::NOT_MODIFIED, 0));
    let (parts, _) = api.send(Request::get("/v1/options").header("subject", "ann"), "").await;
    assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store", "what is personal is kept by nobody");
    assert_eq!(parts.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_form_finds_what_it_needs() {
    let api = Api::new().await;
    let (_, options) = api.get("ann", "/v1/options").await;
    assert_eq!(options["categories"].as_array().unwrap().len(), 5);
    assert_eq!(options["words_per_minute"], json!({"default": 140, "least": 80, "most": 220}));
    assert_eq!((&options["local"], &options["model"]["enabled"]), (&json!(false), &json!(false)));
    let (_, catalogue) = api.get("ann", "/v1/catalogue").await;
    assert_eq!(catalogue["bank"], options["bank"]);
    assert_eq!(catalogue["products"].as_array().unwrap().len(), material().products().len());
}

/// `docs/openapi.json` is what the handlers and their types say. `BESPOKE_WRITE=1` in the environment writes it anew.
#[test]
fn the_committed_document_is_that_of_the_handlers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let document = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    if std::env::var_os("BESPOKE_WRITE").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == document, "docs/openapi.json is old: BESPOKE_WRITE=1 cargo test -p api writes it anew");
}

#[tokio::test]
async fn a_customers_link_needs_no_sign_in_and_only_a_button_opts_out() {
    let api = Api::new().await;
    let (run, reference) = (RunId::parse("run-1").unwrap(), CustomerRef::parse("7".repeat(32)).unwrap());
    let settings =
        contracts::settings::Delivery { link_base: "https://bank.example/l".to_owned(), ..Default::default() };
    let made = deliver::links::make(&run, &reference, &settings, api.bank.store.as_ref(), Timestamp::now());
    let address = made.await.unwrap().unwrap().address;
    let path = address.strip_prefix("https://bank.example").unwrap();
    let suppression = ObjectKey::Suppression(reference);

    // Nothing was published, so that there is nothing to see; a scanner that opens it changes nothing.
    let (parts, body) = api.send(Request::get(path), "").await;
    assert_eq!(parts.status, StatusCode::NOT_FOUND);
    assert_eq!(parts.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(String::from_utf8(body).unwrap().contains("There is nothing to see here"));
    let policy = parts.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("form-action 'self'") && !policy.contains("script-src"), "{policy}");
    assert_eq!(api.send(Request::get(format!("{path}/video")), "").await.0.status, StatusCode::NOT_FOUND);
    assert_eq!(api.send(Request::get(format!("{path}/opt-out")), "").await.0.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(api.bank.store.find(&suppression).await.unwrap(), None);

    let (parts, body) = api.send(Request::post(format!("{path}/opt-out")), "").await;
    assert_eq!(parts.status, StatusCode::OK);
    assert!(String::from_utf8(body).unwrap().contains("You will not hear from us again"));
    assert!(api.bank.store.find(&suppression).await.unwrap().is_some());
    let strange = Request::post(format!("/l/{}/opt-out", "A".repeat(43)));
    assert_eq!(api.send(strange, "").await.0.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_whole_number_may_be_written_as_a_fraction_of_nothing() {
    let api = Api::new().await;
    let asked = |rate: &str| format!(r#"{{"customer_id": "0001", "words_per_minute": {rate}}}"#);
    assert_eq!(api.post("anna", "k1", &asked("150.0")).await.0, StatusCode::ACCEPTED);
    for bad in ["150.5", "-150", "1e30", "\"150\""] {
        assert_eq!(api.post("anna", "k2", &asked(bad)).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
}
