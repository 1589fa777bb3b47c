//! Tests of exports, links and notifications, with an in-memory store and a receiver on the loopback interface.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use contracts::choice::Choice;
use contracts::delivery::{Notification, NotificationRecord};
use contracts::evidence::{Evidence, Manifest, ManifestEntry, Outcome};
use contracts::key::{Artefact, NotificationState, Prefix, RunPart};
use contracts::settings::{DeliverySettings, WebhookSettings};
use contracts::{CustomerId, CustomerRef, Digest, ErrorName, NamedError as _, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control::{SuppressedBy, Suppression};
use storage::secret::{SecretError, SecretName, SecretString, Secrets};
use storage::store::{MemoryStore, ObjectStore as _};
use storage::vault::{Keys, Vault};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::answers::{AnswerForm, answers, choices_of_fields, to_csv as answers_to_csv};
use crate::export::{ExportPage, export, to_csv};
use crate::links::{self, LinkOutcome, LinkReply, MediaFile};
use crate::testing::{content, look};
use crate::webhook::{self, Backoff, NotifySummary};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
/// A secret in the format of Standard Webhooks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TEXT: &str = "For José <b>, from Meridian Bank\n================================\n\nHello José.\n\n\
    Please note\n-----------\n\nMember FDIC.\n\nVoice: AI-generated\nWritten by: template\n";

struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
    run: RunId,
    customers: Vec<CustomerRef>,
}

/// The files that were published to each customer, as a version without pages did.
const FILES: [(Artefact, &[u8]); 4] = [
    (Artefact::Text, TEXT.as_bytes()),
    (Artefact::Video, b"video"),
    (Artefact::Captions, b"captions"),
    (Artefact::Poster, b"poster"),
];

impl Bank {
    /// Creates a run that published a video to each of the given number of customers.
    async fn with_customers(customers: usize) -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let run = RunId::parse("run-1").unwrap();
        let reference = |number| vault.keys().reference(&CustomerId::parse(format!("{number:04}")).unwrap());
        let customers: Vec<CustomerRef> = (0..customers).map(reference).collect();
        let bank = Self { store, vault, run, customers };
        let mut entries = Vec::new();
        for reference in &bank.customers {
            let evidence = Evidence {
                run: bank.run.clone(),
                reference: reference.clone(),
                outcome: Outcome::Published { video: true },
                written_at: NOW,
                program: String::new(),
                catalogue: Digest::of(b""),
                catalogue_version: String::new(),
                request: Digest::of(b""),
                key_id: String::new(),
                artefacts: FILES.iter().map(|(artefact, bytes)| (*artefact, Digest::of(bytes))).collect(),
                from_posts: false,
                made_by: None,
                media: None,
                review: None,
                personal: String::new(),
            };
            let json = serde_json::to_vec(&evidence).unwrap();
            let record = Digest::of(&json);
            let chain = Digest::of(b"");
            let files = FILES.into_iter().map(|(artefact, bytes)| (artefact, bytes.to_vec()));
            for (artefact, bytes) in files.chain([(Artefact::Evidence, json)]) {
                let key = ObjectKey::Customer(reference.clone(), bank.run.clone(), artefact);
                bank.store.put(&key, bytes.into()).await.unwrap();
            }
            entries.push(ManifestEntry { reference: reference.clone(), outcome: evidence.outcome, record, chain });
        }
        let counts = BTreeMap::from([("published".to_owned(), entries.len())]);
        let run = bank.run.clone();
        let manifest = Manifest {
            run,
            dataset: None,
            customers: entries.len(),
            counts,
            entries,
            chain: Digest::of(b""),
            seal: None,
        };
        let json = serde_json::to_vec(&manifest).unwrap();
        bank.store.put(&ObjectKey::Run(bank.run.clone(), RunPart::ManifestJson), json.into()).await.unwrap();
        bank.store
            .put(&ObjectKey::Run(bank.run.clone(), RunPart::Index), "reference,offset,length,digest\n".into())
            .await
            .unwrap();
        bank
    }

    /// Publishes the page of the sample content to the first customer, as the current version does.
    async fn with_page() -> Self {
        let bank = Self::with_customers(1).await;
        let key = |artefact| ObjectKey::Customer(bank.customers[0].clone(), bank.run.clone(), artefact);
        let page = serde_json::to_vec(&content()).unwrap();
        let mut evidence: Evidence =
            serde_json::from_slice(&bank.store.get(&key(Artefact::Evidence)).await.unwrap()).unwrap();
        evidence.artefacts.insert(Artefact::Page, Digest::of(&page));
        evidence.from_posts = true;
        bank.store.put(&key(Artefact::Page), page.into()).await.unwrap();
        bank.store.put(&key(Artefact::Evidence), serde_json::to_vec(&evidence).unwrap().into()).await.unwrap();
        bank
    }

    async fn answer(&self, token: &str, fields: &[(&str, &str)]) -> LinkOutcome {
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let form = AnswerForm::of_fields(&fields).unwrap();
        links::answer(token, &form, &look(), &self.vault, NOW).await.unwrap()
    }

    async fn choices(&self) -> Vec<String> {
        let control = policy::control::read(&self.vault, &self.customers[0], NOW).await.unwrap();
        control.as_read.choices.iter().map(Choice::word).collect()
    }

    fn sorted(&self) -> Vec<CustomerRef> {
        let mut customers = self.customers.clone();
        customers.sort();
        customers
    }

    /// Creates a link to the first customer's result and returns its token.
    async fn token(&self) -> String {
        let settings =
            DeliverySettings { link_base: "https://bank.example/l".to_owned(), ..DeliverySettings::default() };
        let link = links::create(&self.run, &self.customers[0], &settings, &*self.store, NOW).await.unwrap();
        link.unwrap().address.strip_prefix("https://bank.example/l/").unwrap().to_owned()
    }

    async fn open(&self, token: &str) -> links::LinkPage {
        links::open(token, &look(), &self.vault, NOW).await.unwrap()
    }

    async fn opt_out(&self, token: &str, now: Timestamp) -> links::LinkPage {
        match links::opt_out(token, &look(), &self.vault, now).await.unwrap().reply {
            LinkReply::Page(page) => page,
            LinkReply::SeeOther(address) => panic!("leads to {address}"),
        }
    }

    async fn notify(&self, url: &str, attempts: u32) -> NotifySummary {
        self.notify_signed(url, attempts, SECRET).await
    }

    async fn notify_signed(&self, url: &str, attempts: u32, secret: &'static str) -> NotifySummary {
        let settings = WebhookSettings { url: url.to_owned(), deadline_seconds: 1, attempts };
        let backoff = Backoff { initial: Duration::from_millis(5), max: Duration::from_millis(20) };
        let deps = webhook::Deps { vault: &self.vault, secrets: &Secret(secret), settings: &settings, backoff };
        webhook::notify(&self.run, &deps).await.unwrap()
    }
}

/// Secrets that hold only the webhook key.
struct Secret(&'static str);

#[async_trait]
impl Secrets for Secret {
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError> {
        Ok((name == SecretName::WebhookKey).then(|| self.0.into()))
    }
}

/// A bank's system. It verifies signatures with the reference implementation of Standard Webhooks, and accepts each id
/// once.
#[derive(Clone)]
struct Receiver {
    verifier: Arc<standardwebhooks::Webhook>,
    received: Arc<Mutex<Received>>,
}

#[derive(Default)]
struct Received {
    /// The accepted notifications by id.
    accepted: BTreeMap<String, Notification>,
    calls: usize,
    /// The faults for the next calls, last one first.
    faults: Vec<Fault>,
}

#[derive(Clone, Copy)]
enum Fault {
    Error500,
    AcceptedButSlow,
    AcceptedBut500,
    Throttled,
}

impl Respond for Receiver {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
        self.verifier.verify(&request.body, &request.headers).unwrap();
        let id = header("webhook-id");
        assert_eq!(header("idempotency-key"), id);
        let notification: Notification = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(notification.id().to_string(), id);
        let mut received = self.received.lock().unwrap();
        received.calls += 1;
        let fault = received.faults.pop();
        if !matches!(fault, Some(Fault::Error500 | Fault::Throttled)) {
            received.accepted.entry(id).or_insert(notification);
        }
        match fault {
            Some(Fault::Error500 | Fault::AcceptedBut500) => ResponseTemplate::new(500),
            Some(Fault::Throttled) => ResponseTemplate::new(429),
            Some(Fault::AcceptedButSlow) => ResponseTemplate::new(200).set_delay(Duration::from_millis(1_500)),
            None => ResponseTemplate::new(204),
        }
    }
}

impl Receiver {
    fn new(secret: &str) -> Self {
        let verifier = Arc::new(standardwebhooks::Webhook::new(secret).unwrap());
        Self { verifier, received: Arc::default() }
    }

    async fn at(&self, listener: TcpListener) -> MockServer {
        let server = MockServer::builder().listener(listener).start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        server
    }

    /// Returns the customers of the accepted notifications.
    fn customers(&self) -> Vec<CustomerRef> {
        let received = self.received.lock().unwrap();
        let mut customers: Vec<_> = received.accepted.values().map(|each| each.reference.clone()).collect();
        customers.sort();
        customers
    }
}

fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[tokio::test]
async fn faulty_receiver_accepts_each_notification_once() {
    let bank = Bank::with_customers(10).await;
    let receiver = Receiver::new(SECRET);
    receiver.received.lock().unwrap().faults =
        vec![Fault::Error500, Fault::AcceptedButSlow, Fault::AcceptedBut500, Fault::Throttled, Fault::Error500];
    let server = receiver.at(free_port()).await;
    let summary = bank.notify(&server.uri(), 8).await;
    assert_eq!(summary, NotifySummary { sent: 10, already_sent: 0, dead_letters: 0, withheld: 0 });
    assert_eq!(receiver.customers(), bank.sorted());
    assert_eq!(receiver.received.lock().unwrap().calls, 15, "five were sent twice");
    let summary = bank.notify(&server.uri(), 8).await;
    assert_eq!(summary, NotifySummary { sent: 0, already_sent: 10, dead_letters: 0, withheld: 0 });
    assert_eq!(receiver.received.lock().unwrap().calls, 15, "none was sent again");
}

/// A standard receiver accepts our signatures if it holds a legacy secret as `whsec_` plus the base64 of its bytes.
#[tokio::test]
async fn stock_receiver_accepts_legacy_secret() {
    let legacy = "a legacy secret of 32 characters";
    let bank = Bank::with_customers(1).await;
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, legacy);
    let receiver = Receiver::new(&format!("whsec_{encoded}"));
    let server = receiver.at(free_port()).await;
    assert_eq!(bank.notify_signed(&server.uri(), 1, legacy).await.sent, 1);
    assert_eq!(receiver.customers(), bank.sorted());
}

#[tokio::test]
async fn withdrawal_withholds_the_outcome_but_not_the_recall() {
    let receiver = Receiver::new(SECRET);
    let server = receiver.at(TcpListener::bind("127.0.0.1:0").unwrap()).await;
    let bank = Bank::with_customers(3).await;
    let withdrawn = ObjectKey::Suppression(bank.customers[1].clone());
    bank.store.put(&withdrawn, "{}".into()).await.unwrap();
    let summary = bank.notify(&server.uri(), 8).await;
    assert_eq!(summary, NotifySummary { sent: 2, already_sent: 0, dead_letters: 0, withheld: 1 });
    let recall = ObjectKey::Recall(bank.run.clone(), Some(bank.customers[1].clone()));
    bank.store.put(&recall, "{}".into()).await.unwrap();
    assert_eq!(bank.notify(&server.uri(), 8).await.sent, 1);
    let notifications = receiver.received.lock().unwrap();
    let of_withdrawn =
        notifications.accepted.values().filter(|notification| notification.reference == bank.customers[1]);
    assert_eq!(of_withdrawn.map(|notification| notification.outcome.as_str()).collect::<Vec<_>>(), ["recalled"]);
}

#[tokio::test]
async fn dead_letters_are_sent_once_receiver_is_back() {
    let bank = Bank::with_customers(3).await;
    let listener = free_port();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}");
    let summary = bank.notify(&url, 2).await;
    assert_eq!(summary, NotifySummary { sent: 0, already_sent: 0, dead_letters: 3, withheld: 0 });
    let dead = bank.store.list(&Prefix::Notifications(NotificationState::Dead, Some(bank.run.clone()))).await.unwrap();
    assert_eq!(dead.len(), 3);
    let record: NotificationRecord = serde_json::from_slice(&bank.store.objects()[&dead[0].key]).unwrap();
    assert_eq!((record.attempts, record.notice.outcome.as_str()), (2, "published"));
    assert!(record.error.is_some_and(|error| !error.contains(&address.to_string())), "the record omits the address");

    let receiver = Receiver::new(SECRET);
    let _server = receiver.at(TcpListener::bind(address).unwrap()).await;
    let summary = bank.notify(&url, 2).await;
    assert_eq!(summary, NotifySummary { sent: 3, already_sent: 0, dead_letters: 0, withheld: 0 });
    assert_eq!(receiver.customers(), bank.sorted());
    let dead = bank.store.list(&Prefix::Notifications(NotificationState::Dead, None)).await.unwrap();
    assert!(dead.is_empty(), "{dead:?}");
}

#[tokio::test]
async fn rejected_notification_is_not_retried_and_recall_is_sent_separately() {
    let bank = Bank::with_customers(1).await;
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    assert_eq!(bank.notify(&server.uri(), 8).await.dead_letters, 1);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    let receiver = Receiver::new(SECRET);
    let server = receiver.at(free_port()).await;
    assert_eq!(bank.notify(&server.uri(), 8).await.sent, 1);
    bank.store.put(&ObjectKey::Recall(bank.run.clone(), None), "{}".into()).await.unwrap();
    let summary = bank.notify(&server.uri(), 8).await;
    assert_eq!(summary, NotifySummary { sent: 1, already_sent: 1, dead_letters: 0, withheld: 0 });
    let requests = server.received_requests().await.unwrap();
    let last: Notification = requests.last().unwrap().body_json().unwrap();
    assert_eq!(last.outcome, "recalled");
}

#[tokio::test]
async fn short_or_missing_secret_fails() {
    let bank = Bank::with_customers(1).await;
    let settings = WebhookSettings { url: "http://127.0.0.1:9".to_owned(), ..WebhookSettings::default() };
    for secret in ["", "short", "whsec_c2hvcnQ="] {
        let deps = webhook::Deps {
            vault: &bank.vault,
            secrets: &Secret(secret),
            settings: &settings,
            backoff: Backoff::default(),
        };
        let error = webhook::notify(&bank.run, &deps).await.unwrap_err();
        assert_eq!(error.name(), ErrorName::SecretMissing);
    }
}

#[tokio::test]
async fn opening_a_link_shows_the_result_and_changes_nothing() {
    let bank = Bank::with_customers(1).await;
    let token = bank.token().await;
    let before = bank.store.objects();
    assert!(
        !before
            .iter()
            .any(|(key, bytes)| key.contains(&token) || bytes.windows(token.len()).any(|w| w == token.as_bytes()))
    );
    let page = bank.open(&token).await;
    assert_eq!(page.status, 200);
    for part in [
        format!("<track kind=\"captions\" src=\"{token}/captions\""),
        format!("<form method=\"post\" action=\"{token}/opt-out\">"),
        "<h1>For José &lt;b&gt;, from Meridian Bank</h1>".to_owned(),
        "<p>Hello José.</p>".to_owned(),
        "<h2>Please note</h2>".to_owned(),
        "<p>Member FDIC.</p>".to_owned(),
        "Voice: AI-generated<br>".to_owned(),
        "<html lang=\"en\">".to_owned(),
    ] {
        assert!(page.html.contains(&part), "{part} is not in {}", page.html);
    }
    assert!(!page.html.contains("<script") && !page.html.contains("<b>"));
    let video = links::media(&token, MediaFile::Video, &bank.vault, NOW).await.unwrap();
    let key = ObjectKey::Customer(bank.customers[0].clone(), bank.run.clone(), Artefact::Video);
    assert_eq!(video, Some((key, "video".into())));
    assert!(before == bank.store.objects(), "a mail scanner must be able to open it");
}

#[tokio::test]
async fn changed_file_is_never_shown() {
    for (changed, files) in [
        (Artefact::Text, [MediaFile::Video, MediaFile::Captions, MediaFile::Poster].as_slice()),
        (Artefact::Video, &[MediaFile::Video]),
        (Artefact::Captions, &[MediaFile::Captions]),
        (Artefact::Poster, &[MediaFile::Poster]),
    ] {
        let bank = Bank::with_customers(1).await;
        let token = bank.token().await;
        let shown = async |file| links::media(&token, file, &bank.vault, NOW).await.unwrap();
        for file in files {
            assert!(shown(*file).await.is_some(), "{file:?}");
        }
        let key = ObjectKey::Customer(bank.customers[0].clone(), bank.run.clone(), changed);
        bank.store.put(&key, "of another customer".into()).await.unwrap();
        for file in files {
            assert_eq!(shown(*file).await, None, "{file:?} after a change of {changed:?}");
        }
        let status = if changed == Artefact::Text { 404 } else { 200 };
        assert_eq!(bank.open(&token).await.status, status, "{changed:?}");
    }
}

#[tokio::test]
async fn opt_out_suppresses_customer_and_kills_link() {
    let bank = Bank::with_customers(2).await;
    let token = bank.token().await;
    for _ in 0..2 {
        let answer = bank.opt_out(&token, NOW).await;
        assert_eq!(answer.status, 200);
        assert!(answer.html.contains("will not hear"));
    }
    let key = ObjectKey::Suppression(bank.customers[0].clone());
    let listed: Suppression = serde_json::from_slice(&bank.store.get(&key).await.unwrap()).unwrap();
    assert_eq!(listed, Suppression { by: SuppressedBy::OptOut, since: NOW });
    let control = |customer: usize| policy::control::read(&bank.vault, &bank.customers[customer], NOW);
    assert!(control(0).await.unwrap().forbids(false).is_some());
    assert!(control(1).await.unwrap().forbids(false).is_none());
    assert_eq!(bank.open(&token).await.status, 404);
    assert_eq!(links::media(&token, MediaFile::Video, &bank.vault, NOW).await.unwrap(), None);
}

#[tokio::test]
async fn all_dead_links_look_the_same() {
    let unknown = Bank::with_customers(1).await.open("no-such-token").await;
    assert_eq!(unknown.status, 404);
    let reference = |bank: &Bank| bank.customers[0].clone();
    for cause in ["recall", "suppression", "withdrawal", "removal", "forget"] {
        let bank = Bank::with_customers(1).await;
        let token = bank.token().await;
        let customer = reference(&bank);
        match cause {
            "recall" => {
                bank.store.put(&ObjectKey::Recall(bank.run.clone(), Some(customer)), "{}".into()).await.unwrap();
            }
            "suppression" => {
                bank.store.put(&ObjectKey::Suppressions, format!("reference\n{customer}\n").into()).await.unwrap();
            }
            "withdrawal" => {
                let list = format!("reference,consent,consent_social_media,as_of\n{customer},no,no,1970-01-01\n");
                bank.store.put(&ObjectKey::Consents, list.into()).await.unwrap();
            }
            "removal" => {
                bank.store.delete(&ObjectKey::Customer(customer, bank.run.clone(), Artefact::Text)).await.unwrap();
            }
            _ => bank.store.put(&ObjectKey::Suppression(customer), "{}".into()).await.unwrap(),
        }
        assert_eq!(bank.open(&token).await, unknown, "{cause}");
    }
    let bank = Bank::with_customers(1).await;
    let token = bank.token().await;
    let last: Timestamp = "1970-01-30T23:59:59Z".parse().unwrap();
    let later: Timestamp = "1970-01-31T00:00:00Z".parse().unwrap();
    let at = async |now| links::open(&token, &look(), &bank.vault, now).await.unwrap();
    assert_eq!(at(last).await.status, 200, "30 days");
    assert_eq!(at(later).await, unknown);
    // The opt-out works even after the link has expired.
    let answer = bank.opt_out(&token, later).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn unreadable_control_data_keeps_links_closed() {
    let bank = Bank::with_customers(1).await;
    let token = bank.token().await;
    bank.store.put(&ObjectKey::Suppressions, "who\nsomebody\n".into()).await.unwrap();
    let error = links::open(&token, &look(), &bank.vault, NOW).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigInvalid);
}

#[tokio::test]
async fn export_links_only_customers_with_visible_results() {
    let bank = Bank::with_customers(2).await;
    let settings = DeliverySettings { link_base: "https://bank.example/l/".to_owned(), ..DeliverySettings::default() };
    bank.store.put(&ObjectKey::Recall(bank.run.clone(), Some(bank.customers[1].clone())), "{}".into()).await.unwrap();
    let rows = export(&bank.run, ExportPage::ALL, &settings, &bank.vault, NOW).await.unwrap();
    assert_eq!((rows[0].outcome.as_str(), rows[0].expires.as_str()), ("published", "1970-01-31T00:00:00Z"));
    let token = rows[0].link.strip_prefix("https://bank.example/l/").unwrap();
    assert_eq!(bank.open(token).await.status, 200);
    assert_eq!((rows[1].outcome.as_str(), rows[1].link.as_str()), ("recalled", ""));
    let csv = String::from_utf8(to_csv(&rows)).unwrap();
    assert!(csv.starts_with("customer_id,reference,outcome,detail,link,expires\n"), "{csv}");
    assert_eq!(csv.lines().count(), 3);
}

#[tokio::test]
async fn export_pages_cover_all_customers() {
    let bank = Bank::with_customers(5).await;
    let mut after = None;
    let mut seen = Vec::new();
    for expected in [2, 2, 1, 0] {
        let page = ExportPage { after: after.as_ref(), limit: 2 };
        let rows = export(&bank.run, page, &DeliverySettings::default(), &bank.vault, NOW).await.unwrap();
        assert_eq!(rows.len(), expected);
        seen.extend(rows.iter().map(|row| row.reference.clone()));
        after = seen.last().map(|reference| CustomerRef::parse(reference.clone()).unwrap());
    }
    assert_eq!(seen, bank.customers.iter().map(ToString::to_string).collect::<Vec<_>>());

    let stranger = bank.vault.keys().reference(&CustomerId::parse("9999").unwrap());
    let page = ExportPage { after: Some(&stranger), ..ExportPage::ALL };
    let error = export(&bank.run, page, &DeliverySettings::default(), &bank.vault, NOW).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::InputInvalidRequest);
}

#[tokio::test]
async fn each_answer_reaches_the_bank_once() {
    let bank = Bank::with_page().await;
    let token = bank.token().await;
    let receiver = Receiver::new(SECRET);
    let server = receiver.at(free_port()).await;
    bank.notify(&server.uri(), 8).await;
    let call = [("product", "savings"), ("answer", "call-me-back")];
    let first = bank.answer(&token, &call).await;
    assert_eq!(first.recorded, Some((bank.run.clone(), bank.customers[0].clone())));
    assert_eq!(first.reply, LinkReply::SeeOther(format!("../{token}#offer-2")));
    assert_eq!(bank.answer(&token, &call).await.recorded, None, "a repeated answer is not recorded again");
    let more = bank.answer(&token, &[("product", "travel-card"), ("answer", "tell-me-more")]).await;
    assert_eq!(more.reply, LinkReply::SeeOther("https://www.meridian.example/cards?a=1".to_owned()));
    let no = [("product", "travel-card"), ("answer", "not-for-me"), ("because", "have-one")];
    bank.answer(&token, &no).await;

    for _ in 0..2 {
        bank.notify(&server.uri(), 8).await;
    }
    let log = receiver.received.lock().unwrap();
    let mut answers: Vec<_> = log
        .accepted
        .values()
        .filter(|each| each.product.is_some())
        .map(|each| (each.outcome.as_str(), each.product.as_ref().unwrap().as_str(), each.because))
        .collect();
    answers.sort_unstable_by_key(|(outcome, ..)| *outcome);
    assert_eq!(
        answers,
        [
            ("call-me-back", "savings", None),
            ("not-for-me", "travel-card", Some(contracts::choice::DeclineReason::HaveOne)),
            ("tell-me-more", "travel-card", None),
        ]
    );
    assert_eq!(log.calls, 4, "the outcome and three answers, each once");
}

#[tokio::test]
async fn answers_are_listed_and_a_decline_becomes_a_choice() {
    let bank = Bank::with_page().await;
    let token = bank.token().await;
    bank.answer(&token, &[("product", "travel-card"), ("answer", "not-for-me"), ("because", "terms")]).await;
    bank.opt_out(&token, NOW).await;
    assert_eq!(bank.choices().await, ["product-travel-card"]);
    let csv = String::from_utf8(answers_to_csv(&answers(&bank.run, &bank.vault).await.unwrap())).unwrap();
    let reference = &bank.customers[0];
    assert_eq!(
        csv,
        format!(
            "customer_id,reference,answer,product,because,at\n,{reference},opted-out,,,1970-01-01T00:00:00Z\n\
             ,{reference},not-for-me,travel-card,terms,1970-01-01T00:00:00Z\n"
        )
    );
}

#[tokio::test]
async fn call_back_is_withheld_after_an_opt_out_but_the_opt_out_is_sent() {
    let bank = Bank::with_page().await;
    let token = bank.token().await;
    bank.answer(&token, &[("product", "savings"), ("answer", "call-me-back")]).await;
    bank.opt_out(&token, NOW).await;
    let receiver = Receiver::new(SECRET);
    let server = receiver.at(free_port()).await;
    let summary = bank.notify(&server.uri(), 8).await;
    assert_eq!(summary, NotifySummary { sent: 1, already_sent: 0, dead_letters: 0, withheld: 2 });
    let log = receiver.received.lock().unwrap();
    assert_eq!(log.accepted.values().map(|each| each.outcome.as_str()).collect::<Vec<_>>(), ["opted-out"]);
}

#[tokio::test]
async fn only_offered_products_and_listed_reasons_are_accepted() {
    let bank = Bank::with_page().await;
    let token = bank.token().await;
    let foreign = bank.answer(&token, &[("product", "checking"), ("answer", "call-me-back")]).await;
    assert!(matches!(foreign.reply, LinkReply::Page(page) if page.status == 404));
    let dead = bank.answer("no-such-token", &[("product", "savings"), ("answer", "call-me-back")]).await;
    assert!(matches!(dead.reply, LinkReply::Page(page) if page.status == 404));
    let fields = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    for wrong in [
        [("product", "savings"), ("answer", "buy"), ("because", "terms")],
        [("product", "savings"), ("answer", "not-for-me"), ("because", "they are thieves")],
        [("product", "../x"), ("answer", "call-me-back"), ("because", "")],
        [("product", "savings"), ("answer", "opted-out"), ("because", "terms")],
    ] {
        assert_eq!(AnswerForm::of_fields(&fields(&wrong)), None, "{wrong:?}");
    }
    for wrong in ["source-income", "product-savings", "posts", ""] {
        assert_eq!(choices_of_fields(&fields(&[("choice", "source-posts"), ("choice", wrong)])), None, "{wrong}");
    }
}

#[tokio::test]
async fn choices_accumulate_and_posts_switched_off_hide_the_result() {
    let bank = Bank::with_page().await;
    let token = bank.token().await;
    let choose = async |choices: &[&str]| {
        let choices = choices.iter().map(|choice| Choice::parse(choice).unwrap()).collect();
        links::choose(&token, &choices, &look(), &bank.vault, NOW).await.unwrap().reply
    };
    assert_eq!(choose(&["topic-travel"]).await, LinkReply::SeeOther(format!("../{token}#choices")));
    assert_eq!(choose(&[]).await, LinkReply::SeeOther(format!("../{token}#choices")), "nothing is switched on again");
    assert_eq!(bank.choices().await, ["topic-travel"]);
    let page = bank.open(&token).await.html;
    assert!(page.contains("id=\"topic-travel\" name=\"choice\" value=\"topic-travel\" aria-describedby=\"topic-travel-effect\" checked disabled"));
    let LinkReply::Page(gone) = choose(&["source-posts", "kind-deposit"]).await else { panic!("still shown") };
    assert!(gone.html.contains("we no longer show it"), "{}", gone.html);
    assert_eq!(bank.choices().await, ["source-posts", "kind-deposit", "topic-travel"]);
    assert_eq!(bank.open(&token).await.status, 404);
}
