//! Tests the API with an in-memory backend. The `subject` header is the caller's subject.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use assess::Lexicon;
use async_trait::async_trait;
use axum::body::{Body, BodyDataStream, Bytes};
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::consent::ConsentAsRead;
use contracts::evidence::{Evidence, Outcome};
use contracts::executions::{Execution, ExecutionState, Executions, ExecutionsError, StartOutcome};
use contracts::facts::Skip;
use contracts::key::{Artefact, Workbook};
use contracts::progress::{Step, StepKind};
use contracts::script::{GuardCheck, Script, Segment, SegmentKind, Verdict, WrittenBy};
use contracts::settings::Settings;
use contracts::stage::{Stage, WorkflowInput, WorkflowLimits};
use contracts::voice::Engine;
use contracts::{Batch, CustomerId, CustomerRef, Digest, ErrorName, ObjectKey, RunId};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use start::{Material, Source};
use storage::store::{MemoryStore, ObjectStore as _, SignedUrl, StoreError, UrlSigner};
use storage::vault::{Keys, Owner, Vault};
use tower::ServiceExt as _;

use crate::backend::{Backend, CampaignBounds, CampaignState, EventLog};
use crate::local::{self, LocalFiles};
use crate::view::{RunEvent, VoiceOption};
use crate::{Identity, Problem, Role, document, router};

mod access;
mod campaigns;
mod control;
mod document;
mod links;
mod page_events;
mod results;
mod reviews;
mod schedules;

/// A workflow whose executions end only through [`Workflow::end`].
#[derive(Clone, Default)]
struct Workflow(Arc<Mutex<BTreeMap<String, Execution>>>);

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
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<StartOutcome, ExecutionsError> {
        let execution = Execution {
            run: input.run.clone(),
            state: ExecutionState::Running,
            stopped: None,
            error: None,
            message: None,
        };
        self.0.lock().unwrap().insert(name.to_owned(), execution);
        Ok(StartOutcome::Started)
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
}

fn data(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn sample_catalogue() -> Catalogue {
    Catalogue::from_json(&data("catalogue.json")).unwrap()
}

/// An in-memory backend. It trusts the `subject` and `roles` headers. If there is no `roles` header, `rita` has every
/// role, and all others have the roles that start runs.
struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
    workflow: Workflow,
    origins: Vec<String>,
    /// Whether the backend erases customers itself.
    erases: bool,
    /// The runs that continued after a decision.
    continued: Mutex<Vec<RunId>>,
    /// The answers that the bank's system is notified about.
    answered: Mutex<Vec<(RunId, CustomerRef)>>,
    /// The completed recalls.
    recalled: Mutex<Vec<(RunId, BTreeSet<Digest>)>>,
    /// Whether it behaves like a local server, with the event log and the campaign below.
    is_local: AtomicBool,
    events: Mutex<Vec<RunEvent>>,
    campaign: Mutex<Option<CampaignState>>,
}

#[async_trait]
impl Backend for Bank {
    fn identify(&self, request: &Parts) -> Option<Identity> {
        let subject = request.headers.get("subject")?.to_str().unwrap().to_owned();
        let roles = match request.headers.get("roles") {
            Some(roles) => {
                let roles = roles.to_str().unwrap().split(' ');
                Role::ALL.into_iter().filter(|role| roles.clone().any(|name| name == role.as_str())).collect()
            }
            None if subject == "rita" => Role::ALL.into(),
            None => BTreeSet::from([Role::Banker, Role::CampaignManager]),
        };
        Some(Identity { name: subject.clone(), subject, roles })
    }

    async fn complete_review(&self, run: &RunId, _: &CustomerRef, _: bool) -> Result<(), Problem> {
        self.continued.lock().unwrap().push(run.clone());
        Ok(())
    }

    async fn complete_recall(&self, run: &RunId, files: BTreeSet<Digest>) -> Result<(), Problem> {
        self.recalled.lock().unwrap().push((run.clone(), files));
        Ok(())
    }

    async fn complete_answer(&self, run: &RunId, reference: &CustomerRef) -> Result<(), Problem> {
        self.answered.lock().unwrap().push((run.clone(), reference.clone()));
        Ok(())
    }

    fn erases(&self) -> bool {
        self.erases
    }

    async fn complete_erasure(&self, _: &CustomerRef, _: BTreeSet<Digest>) -> Result<(), Problem> {
        Ok(())
    }

    fn vault(&self) -> &Vault {
        &self.vault
    }

    fn source(&self) -> &dyn Source {
        self
    }

    async fn catalogue(&self) -> Result<Catalogue, Problem> {
        Ok(sample_catalogue())
    }

    async fn brand(&self) -> Result<Brand, Problem> {
        let path = format!("{}/../../assets/brand.toml", env!("CARGO_MANIFEST_DIR"));
        Ok(Brand::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    async fn brand_file(&self, path: &str) -> Result<Bytes, Problem> {
        Ok(std::fs::read(format!("{}/../../assets/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap().into())
    }

    async fn settings(&self) -> Result<Settings, Problem> {
        Ok(Settings::default())
    }

    fn executions(&self) -> &dyn Executions {
        &self.workflow
    }

    fn limits(&self) -> WorkflowLimits {
        WorkflowLimits { concurrency: 2, tolerated_failure_percentage: 5, customers: None, dry_run: false }
    }

    fn campaign_executions(
        &self,
        _: CampaignBounds,
        _: bool,
    ) -> Result<(Box<dyn Executions + '_>, WorkflowLimits), Problem> {
        Ok((Box::new(self.workflow.clone()), self.limits()))
    }

    async fn campaign_state(&self, _: &RunId) -> Result<Option<CampaignState>, Problem> {
        Ok(self.campaign.lock().unwrap().clone())
    }

    fn event_log(&self) -> Option<&dyn EventLog> {
        self.is_local().then_some(self)
    }

    fn links(&self) -> &dyn UrlSigner {
        self
    }

    fn default_batch(&self) -> Option<Batch> {
        None
    }

    async fn voices(&self) -> Vec<VoiceOption> {
        Vec::new()
    }

    fn origins(&self) -> &[String] {
        &self.origins
    }

    fn is_local(&self) -> bool {
        self.is_local.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl EventLog for Bank {
    async fn events(&self, _: &RunId, _: u64) -> Result<Vec<RunEvent>, Problem> {
        Ok(self.events.lock().unwrap().clone())
    }

    async fn wait(&self, _: &RunId, _: u64) -> bool {
        false
    }
}

#[async_trait]
impl Source for Bank {
    async fn material(&self) -> Result<Material, start::Error> {
        Ok(Material {
            institution: contracts::institution::Institution::UsBank,
            approvals: phrases::materials::packaged_approvals(),
            settings: Settings::default(),
            catalogue: sample_catalogue(),
            phrases: Digest::of(b"phrases"),
            languages: contracts::Languages::default(),
            lexicon: Lexicon::from_toml(&String::from_utf8(data("lexicon.toml")).unwrap()).unwrap(),
            assets: Digest::of(b"assets"),
            backgrounds: std::collections::BTreeMap::new(),
            engines: vec![Engine::Espeak],
        })
    }
}

#[async_trait]
impl UrlSigner for Bank {
    async fn link(&self, key: &ObjectKey, seconds: u64) -> Result<SignedUrl, StoreError> {
        Ok(SignedUrl::since(Timestamp::now(), seconds, format!("https://link/{key}?for={seconds}")))
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
        Self::with(true).await
    }

    /// Returns an API whose backend either erases customers itself or leaves erasure to a function.
    async fn with(erases: bool) -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let origins = vec!["https://bucket.example".to_owned()];
        let bank = Arc::new(Bank {
            store,
            vault,
            workflow: Workflow::default(),
            origins,
            erases,
            continued: Mutex::default(),
            answered: Mutex::default(),
            recalled: Mutex::default(),
            is_local: AtomicBool::new(false),
            events: Mutex::default(),
            campaign: Mutex::default(),
        });
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

    /// Starts a recommendation as `ann` for customer 0001.
    async fn started(&self, key: &str) -> (RunId, CustomerRef) {
        self.started_by("ann", key).await
    }

    async fn started_by(&self, caller: &str, key: &str) -> (RunId, CustomerRef) {
        let (status, started) = self.post(caller, key, BODY).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{started}");
        let reference = self.bank.vault.keys().reference(&CustomerId::parse("0001").unwrap());
        (RunId::parse(started["id"].as_str().unwrap()).unwrap(), reference)
    }

    /// Writes a script, as `recommend` does, with these violations.
    async fn write_script(&self, run: &RunId, reference: &CustomerRef, violations: &[&str]) {
        let segment = |kind, text: &str| Segment { kind, text: text.to_owned(), product: None, parts: Vec::new() };
        let script = Script {
            language: contracts::Language::English,
            first_name: "José".to_owned(),
            adviser: None,
            segments: vec![segment(SegmentKind::Greeting, "Hello José."), segment(SegmentKind::Closing, "Goodbye.")],
            offers: Vec::new(),
            disclosures: vec!["Member FDIC.".to_owned()],
            written_by: WrittenBy::Template { instead_of_model: None },
            text_review: None,
            from_posts: false,
            verdict: Verdict {
                checks: vec![GuardCheck {
                    name: "numbers".to_owned(),
                    violations: violations.iter().map(|violation| (*violation).to_owned()).collect(),
                }],
            },
        };
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
        self.bank.vault.write_json(Owner::Customer(reference), &key, &Digest::of(b""), script).await.unwrap();
    }

    /// Writes evidence, as `publish` does.
    async fn write_evidence(&self, run: &RunId, reference: &CustomerRef, outcome: Outcome) {
        let script = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
        let script =
            self.bank.vault.read_json(Owner::Customer(reference), &script).await.ok().map(|(script, _)| script);
        let personal = contracts::evidence::PersonalEvidence {
            consent: ConsentAsRead { readings: Vec::new(), read_at: Timestamp::UNIX_EPOCH, control: None },
            skip: None,
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

    /// Writes the `progress/` object of a step.
    async fn write_step(
        &self,
        run: &RunId,
        reference: Option<&CustomerRef>,
        second: i64,
        stage: Stage,
        kind: StepKind,
    ) {
        let step = Step { stage, kind, at: Timestamp::from_second(second).unwrap(), seconds: 0.0, error: None };
        let key = ObjectKey::Progress(run.clone(), reference.cloned(), step.name());
        self.bank.store.put(&key, "{}".into()).await.unwrap();
    }
}

fn path_of(run: &RunId) -> String {
    format!("/v1/recommendations/{run}")
}

#[tokio::test]
async fn run_is_visible_only_to_its_caller() {
    let api = Api::new().await;
    let (status, started) = api.post("ann", "k1", BODY).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{started}");
    let address = started["self"].as_str().unwrap();
    let (status, read) = api.get("ann", address).await;
    assert_eq!((status, &read["status"]), (StatusCode::OK, &json!("waiting")), "{read}");
    assert_eq!(read["stages"].as_array().unwrap().len(), 7);

    for path in [address.to_owned(), format!("{address}/events"), format!("{address}~{}", "0".repeat(32))] {
        let (status, problem) = api.get("ben", &path).await;
        assert_eq!((status, &problem["status"]), (StatusCode::NOT_FOUND, &json!(404)), "{path}");
    }
    assert_eq!(api.get("ben", "/v1/recommendations").await.1["items"], json!([]));
    assert_eq!(api.get("ann", "/v1/recommendations").await.1["items"][0]["id"], started["id"]);
}

#[tokio::test]
async fn unauthenticated_requests_are_refused() {
    let api = Api::new().await;
    let (run, _) = api.started("k1").await;
    let paths =
        [path_of(&run), format!("{}/events", path_of(&run)), "/v1/options".to_owned(), "/v1/catalogue".to_owned()];
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
async fn idempotency_key_cannot_be_reused_for_another_request() {
    let api = Api::new().await;
    let (_, first) = api.post("ann", "k1", BODY).await;
    let (status, again) = api.post("ann", "k1", BODY).await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &first["id"]));
    let others = [
        r#"{"customer_id": "0002"}"#,
        r#"{"customer_id": "0001", "shape": "1:1"}"#,
        r#"{"customer_id": "0001", "video": false}"#,
        r#"{"customer_id": "0001", "writer": "free"}"#,
        r#"{"customer_id": "0001", "batch": "c"}"#,
    ];
    api.upload("c").await;
    for other in others {
        let (status, problem) = api.post("ann", "k1", other).await;
        assert_eq!((status.as_u16(), &problem["error"]), (422, &json!("Input.KeyReused")), "{other}");
    }
    let (status, other_caller) = api.post("ben", "k1", BODY).await;
    assert_eq!(status, StatusCode::ACCEPTED, "keys of two callers differ");
    assert_ne!(other_caller["id"], first["id"]);
}

#[tokio::test]
async fn validation_errors_contain_field_names_but_no_values() {
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
async fn unknown_paths_and_methods_return_problem_details() {
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
        assert_eq!(api.call(request, "x").await.0, StatusCode::NOT_FOUND, "only a local server has {path}");
    }
}

#[tokio::test]
async fn missing_workbook_is_a_conflict_and_store_failure_is_temporary() {
    let tweets = ObjectKey::Incoming(Batch::parse("b").unwrap(), Workbook::Tweets);
    let api = Api::new().await;
    api.bank.store.delete(&tweets).await.unwrap();
    assert_eq!(api.post("ann", "k", BODY).await.0, StatusCode::CONFLICT);

    let api = Api::new().await;
    api.bank.store.fail_next(&tweets, 1);
    let (status, problem) = api.post("ann", "k", BODY).await;
    assert_eq!(
        (status, &problem["detail"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("the server failed; see its log"))
    );
}

#[tokio::test]
async fn uploads_have_unguessable_ids() {
    let api = Api::new().await;
    let start = || {
        let request = Request::post("/v1/uploads").header("subject", "ann");
        api.call(request.header(header::CONTENT_TYPE, "application/json"), "{}")
    };
    let ((status, first), (_, second)) = (start().await, start().await);
    assert_eq!(status, StatusCode::CREATED, "{first}");
    assert_ne!(first["id"], second["id"]);
    assert!(Batch::parse(first["id"].as_str().unwrap()).unwrap().is_through_api());
    let names: Vec<&str> =
        first["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, Workbook::ALL.map(Workbook::file_name));
    assert!(first["files"][0]["url"].as_str().unwrap().starts_with("https://put/incoming/upload-"));
}

#[tokio::test]
async fn page_has_a_strict_content_policy_and_an_entity_tag() {
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
    assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store", "no cache may keep personal data");
    assert_eq!(parts.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn options_and_catalogue_match_the_sample_bank() {
    let api = Api::new().await;
    let (_, options) = api.get("ann", "/v1/options").await;
    assert_eq!(options["categories"].as_array().unwrap().len(), 5);
    assert_eq!(options["words_per_minute"], json!({"default": 140, "min": 80, "max": 220}));
    assert_eq!((&options["local"], &options["model"]["enabled"]), (&json!(false), &json!(false)));
    let reason = "the setting writer.model.enabled is false";
    let off = |name: &str| json!({"name": name, "available": false, "unavailable_reason": reason});
    assert_eq!(options["writers"], json!([{"name": "phrases", "available": true}, off("select"), off("free")]));
    assert_eq!(options["model"]["hint"], json!(null));
    let (_, catalogue) = api.get("ann", "/v1/catalogue").await;
    assert_eq!(catalogue["bank"], options["bank"]);
    assert_eq!(catalogue["products"].as_array().unwrap().len(), sample_catalogue().products().len());
}

/// The files of a local server that has one result.
struct OneFile;

#[async_trait]
impl LocalFiles for OneFile {
    async fn serve(&self, token: &str, _: Request<Body>) -> Result<Response<Body>, Problem> {
        if token == "known" { Ok(Response::new(Body::from("video"))) } else { Err(Problem::not_found()) }
    }

    async fn receive(&self, _: &Batch, _: Workbook, _: BodyDataStream) -> Result<(), Problem> {
        Ok(())
    }
}

#[tokio::test]
async fn local_router_serves_media_by_token_and_accepts_authenticated_uploads() {
    let mut api = Api::new().await;
    api.router = api.router.clone().merge(local::router(api.bank.clone(), Arc::new(OneFile)));
    let (parts, body) = api.send(Request::get("/v1/media/known"), "").await;
    assert_eq!((parts.status, body.as_slice()), (StatusCode::OK, b"video".as_slice()));
    assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store");
    assert!(parts.headers.contains_key(header::CONTENT_SECURITY_POLICY));
    let status = async |request| api.send(request, "rows").await.0.status;
    assert_eq!(status(Request::get("/v1/media/unknown")).await, StatusCode::NOT_FOUND);
    assert_eq!(status(Request::delete("/v1/media/known")).await, StatusCode::METHOD_NOT_ALLOWED);
    let path = "/v1/uploads/upload-1/customer_profile.xlsx";
    assert_eq!(status(Request::put(path)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(Request::put(path).header("subject", "ann")).await, StatusCode::NO_CONTENT);
    for path in ["/v1/uploads/b/customer_profile.xlsx", "/v1/uploads/upload-1/notes.txt"] {
        assert_eq!(status(Request::put(path).header("subject", "ann")).await, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn customer_link_needs_no_sign_in_and_opts_out_only_by_post() {
    let api = Api::new().await;
    let run = RunId::parse("run-1").unwrap();
    let reference = CustomerRef::parse("7".repeat(32)).unwrap();
    let settings =
        contracts::settings::DeliverySettings { link_base: "https://bank.example/l".to_owned(), ..Default::default() };
    let link = deliver::links::create(&run, &reference, &settings, api.bank.store.as_ref(), Timestamp::now());
    let address = link.await.unwrap().unwrap().address;
    let path = address.strip_prefix("https://bank.example").unwrap();
    let suppression = ObjectKey::Suppression(reference);

    // Nothing is published, so the link is dead. A GET request changes nothing.
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
    let unknown = Request::post(format!("/l/{}/opt-out", "A".repeat(43)));
    assert_eq!(api.send(unknown, "").await.0.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whole_numbers_may_have_a_zero_fraction() {
    let api = Api::new().await;
    let body = |rate: &str| format!(r#"{{"customer_id": "0001", "words_per_minute": {rate}}}"#);
    assert_eq!(api.post("anna", "k1", &body("150.0")).await.0, StatusCode::ACCEPTED);
    for bad in ["150.5", "-150", "1e30", "\"150\""] {
        assert_eq!(api.post("anna", "k2", &body(bad)).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
}
