//! What reaches customers and the bank's own system, and what does not.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use contracts::brand::Brand;
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

use crate::links::{self, Part};
use crate::manifest::{Page, csv, table};
use crate::webhook::{self, Pace, Told, signature};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const KEY: &str = "a key of the signature of 32 signs";
const TEXT: &str = "For José <b>, from Meridian Bank\n================================\n\nHello José.\n\n\
    Please note\n-----------\n\nMember FDIC.\n\nVoice: AI-generated\nWritten by: template\n";

fn brand() -> Brand {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/brand.toml");
    Brand::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap()
}

struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
    run: RunId,
    customers: Vec<CustomerRef>,
}

impl Bank {
    /// A run that has published a video to each of so many customers.
    async fn of(customers: usize) -> Self {
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
                artefacts: BTreeMap::new(),
                from_posts: false,
                made_by: None,
                media: None,
                review: None,
                personal: String::new(),
            };
            let json = serde_json::to_vec(&evidence).unwrap();
            let (record, chain) = (Digest::of(&json), Digest::of(b""));
            for (artefact, bytes) in [(Artefact::Evidence, json), (Artefact::Text, TEXT.into())] {
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

    fn sorted(&self) -> Vec<CustomerRef> {
        let mut customers = self.customers.clone();
        customers.sort();
        customers
    }

    /// The token of a new link to the first customer's result.
    async fn token(&self) -> String {
        let settings =
            DeliverySettings { link_base: "https://bank.example/l".to_owned(), ..DeliverySettings::default() };
        let made = links::make(&self.run, &self.customers[0], &settings, &*self.store, NOW).await.unwrap().unwrap();
        made.address.strip_prefix("https://bank.example/l/").unwrap().to_owned()
    }

    async fn open(&self, token: &str) -> links::Answer {
        links::open(token, &brand(), &*self.store, NOW).await.unwrap()
    }

    async fn notify(&self, url: &str, attempts: u32) -> Told {
        let settings = WebhookSettings { url: url.to_owned(), deadline_seconds: 1, attempts };
        let (first, longest) = (Duration::from_millis(5), Duration::from_millis(20));
        let pace = Pace { first, longest };
        let deps = webhook::Deps { vault: &self.vault, secrets: &Key(KEY), settings: &settings, pace };
        webhook::notify(&self.run, &deps).await.unwrap()
    }
}

/// A secret for the signature.
struct Key(&'static str);

#[async_trait]
impl Secrets for Key {
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError> {
        Ok((name == SecretName::WebhookKey).then(|| self.0.into()))
    }
}

/// A bank's own system: it takes what is signed, and what has the same id once.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    /// What was taken, by id.
    taken: BTreeMap<String, Notification>,
    calls: usize,
    /// What to do with the calls that come next, one each: fail before, or take it and answer too late or with an error.
    trouble: Vec<Trouble>,
}

#[derive(Clone, Copy)]
enum Trouble {
    Error500,
    TakenButSlow,
    TakenBut500,
    Throttled,
}

impl Respond for Receiver {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
        let (id, at, body) =
            (header("webhook-id"), header("webhook-timestamp"), String::from_utf8(request.body.clone()).unwrap());
        assert_eq!(header("webhook-signature"), signature(&KEY.into(), &id, &at, &body), "signed");
        assert_eq!(header("idempotency-key"), id);
        let notice: Notification = serde_json::from_str(&body).unwrap();
        assert_eq!(notice.id().to_string(), id);
        let mut received = self.0.lock().unwrap();
        received.calls += 1;
        let trouble = received.trouble.pop();
        if !matches!(trouble, Some(Trouble::Error500 | Trouble::Throttled)) {
            received.taken.entry(id).or_insert(notice);
        }
        match trouble {
            Some(Trouble::Error500 | Trouble::TakenBut500) => ResponseTemplate::new(500),
            Some(Trouble::Throttled) => ResponseTemplate::new(429),
            Some(Trouble::TakenButSlow) => ResponseTemplate::new(200).set_delay(Duration::from_millis(1_500)),
            None => ResponseTemplate::new(204),
        }
    }
}

impl Receiver {
    async fn at(&self, listener: TcpListener) -> MockServer {
        let server = MockServer::builder().listener(listener).start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        server
    }

    /// The customers of whom it was told, each as often as it took a notice.
    fn taken(&self) -> Vec<CustomerRef> {
        let received = self.0.lock().unwrap();
        let mut customers: Vec<_> = received.taken.values().map(|notice| notice.reference.clone()).collect();
        customers.sort();
        customers
    }
}

fn port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[tokio::test]
async fn every_notice_arrives_once_at_a_receiver_that_fails_is_slow_or_loses_its_answer() {
    let bank = Bank::of(10).await;
    let receiver = Receiver::default();
    receiver.0.lock().unwrap().trouble =
        vec![Trouble::Error500, Trouble::TakenButSlow, Trouble::TakenBut500, Trouble::Throttled, Trouble::Error500];
    let server = receiver.at(port()).await;
    let told = bank.notify(&server.uri(), 8).await;
    assert_eq!(told, Told { sent: 10, before: 0, dead: 0 });
    assert_eq!(receiver.taken(), bank.sorted(), "each once");
    assert_eq!(receiver.0.lock().unwrap().calls, 15, "five were told twice");
    assert_eq!(bank.notify(&server.uri(), 8).await, Told { sent: 0, before: 10, dead: 0 }, "nothing is told again");
    assert_eq!(receiver.0.lock().unwrap().calls, 15);
}

#[tokio::test]
async fn what_a_receiver_that_is_down_does_not_take_is_a_dead_letter_until_it_is_up_again() {
    let bank = Bank::of(3).await;
    let listener = port();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}");
    assert_eq!(bank.notify(&url, 2).await, Told { sent: 0, before: 0, dead: 3 });
    let dead = bank.store.list(&Prefix::Notifications(NotificationState::Dead, Some(bank.run.clone()))).await.unwrap();
    assert_eq!(dead.len(), 3);
    let record: NotificationRecord = serde_json::from_slice(&bank.store.objects()[&dead[0].key]).unwrap();
    assert_eq!((record.attempts, record.notice.outcome.as_str()), (2, "published"));
    assert!(record.error.is_some_and(|error| !error.contains(&address.to_string())), "no address is kept");

    let receiver = Receiver::default();
    let _server = receiver.at(TcpListener::bind(address).unwrap()).await;
    assert_eq!(bank.notify(&url, 2).await, Told { sent: 3, before: 0, dead: 0 });
    assert_eq!(receiver.taken(), bank.sorted(), "each once");
    let dead = bank.store.list(&Prefix::Notifications(NotificationState::Dead, None)).await.unwrap();
    assert!(dead.is_empty(), "{dead:?}");
}

#[tokio::test]
async fn a_notice_that_is_refused_is_given_up_at_once_and_a_recall_is_a_notice_of_its_own() {
    let bank = Bank::of(1).await;
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    assert_eq!(bank.notify(&server.uri(), 8).await.dead, 1);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    let receiver = Receiver::default();
    let server = receiver.at(port()).await;
    assert_eq!(bank.notify(&server.uri(), 8).await.sent, 1);
    bank.store.put(&ObjectKey::Recall(bank.run.clone(), None), "{}".into()).await.unwrap();
    assert_eq!(bank.notify(&server.uri(), 8).await, Told { sent: 1, before: 1, dead: 0 });
    let requests = server.received_requests().await.unwrap();
    let last: Notification = requests.last().unwrap().body_json().unwrap();
    assert_eq!(last.outcome, "recalled");
}

#[tokio::test]
async fn without_a_key_or_with_one_that_is_too_short_nothing_is_sent() {
    let bank = Bank::of(1).await;
    let settings = WebhookSettings { url: "http://127.0.0.1:9".to_owned(), ..WebhookSettings::default() };
    for key in ["", "short"] {
        let deps = webhook::Deps { vault: &bank.vault, secrets: &Key(key), settings: &settings, pace: Pace::default() };
        let error = webhook::notify(&bank.run, &deps).await.unwrap_err();
        assert_eq!(error.name(), ErrorName::SecretMissing);
    }
}

#[tokio::test]
async fn a_link_shows_video_transcript_and_opt_out_and_looking_changes_nothing() {
    let bank = Bank::of(1).await;
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
    let video = links::part(&token, Part::Video, &*bank.store, NOW).await.unwrap();
    assert_eq!(video, Some(ObjectKey::Customer(bank.customers[0].clone(), bank.run.clone(), Artefact::Video)));
    assert!(before == bank.store.objects(), "a mail scanner may open it");
}

#[tokio::test]
async fn the_opt_out_suppresses_the_customer_once_and_for_all_and_the_link_is_dead() {
    let bank = Bank::of(2).await;
    let token = bank.token().await;
    for _ in 0..2 {
        let answer = links::opt_out(&token, &brand(), &*bank.store, NOW).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.html.contains("will not hear"));
    }
    let key = ObjectKey::Suppression(bank.customers[0].clone());
    let listed: Suppression = serde_json::from_slice(&bank.store.get(&key).await.unwrap()).unwrap();
    assert_eq!(listed, Suppression { by: SuppressedBy::OptOut, since: NOW });
    let control = |who: usize| policy::control::read(&*bank.store, &bank.customers[who], NOW);
    assert!(control(0).await.unwrap().forbids(false).is_some());
    assert!(control(1).await.unwrap().forbids(false).is_none());
    assert_eq!(bank.open(&token).await.status, 404);
    assert_eq!(links::part(&token, Part::Video, &*bank.store, NOW).await.unwrap(), None);
}

#[tokio::test]
async fn a_link_dies_by_recall_suppression_withdrawal_removal_or_time_and_all_look_the_same() {
    let strangers = Bank::of(1).await.open("no-such-token").await;
    assert_eq!(strangers.status, 404);
    let reference = |bank: &Bank| bank.customers[0].clone();
    for how in ["recall", "suppression", "withdrawal", "removal", "forget"] {
        let bank = Bank::of(1).await;
        let token = bank.token().await;
        let who = reference(&bank);
        match how {
            "recall" => bank.store.put(&ObjectKey::Recall(bank.run.clone(), Some(who)), "{}".into()).await.unwrap(),
            "suppression" => {
                bank.store.put(&ObjectKey::Suppressions, format!("reference\n{who}\n").into()).await.unwrap();
            }
            "withdrawal" => {
                let list = format!("reference,consent,consent_social_media,as_of\n{who},no,no,1970-01-01\n");
                bank.store.put(&ObjectKey::Consents, list.into()).await.unwrap();
            }
            "removal" => {
                bank.store.delete(&ObjectKey::Customer(who, bank.run.clone(), Artefact::Text)).await.unwrap();
            }
            _ => bank.store.put(&ObjectKey::Suppression(who), "{}".into()).await.unwrap(),
        }
        assert_eq!(bank.open(&token).await, strangers, "{how}");
    }
    let bank = Bank::of(1).await;
    let token = bank.token().await;
    let last: Timestamp = "1970-01-30T23:59:59Z".parse().unwrap();
    let later: Timestamp = "1970-01-31T00:00:00Z".parse().unwrap();
    let at = async |now| links::open(&token, &brand(), &*bank.store, now).await.unwrap();
    assert_eq!(at(last).await.status, 200, "30 days");
    assert_eq!(at(later).await, strangers);
    // Who opens a link too late can still opt out.
    let answer = links::opt_out(&token, &brand(), &*bank.store, later).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn while_control_cannot_be_read_no_link_opens() {
    let bank = Bank::of(1).await;
    let token = bank.token().await;
    bank.store.put(&ObjectKey::Suppressions, "who\nsomebody\n".into()).await.unwrap();
    let error = links::open(&token, &brand(), &*bank.store, NOW).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigInvalid);
}

#[tokio::test]
async fn the_table_has_a_link_for_each_who_may_be_shown_something() {
    let bank = Bank::of(2).await;
    let settings = DeliverySettings { link_base: "https://bank.example/l/".to_owned(), ..DeliverySettings::default() };
    bank.store.put(&ObjectKey::Recall(bank.run.clone(), Some(bank.customers[1].clone())), "{}".into()).await.unwrap();
    let rows = table(&bank.run, Page::WHOLE, &settings, &bank.vault, NOW).await.unwrap();
    assert_eq!((rows[0].outcome.as_str(), rows[0].expires.as_str()), ("published", "1970-01-31T00:00:00Z"));
    let token = rows[0].link.strip_prefix("https://bank.example/l/").unwrap();
    assert_eq!(bank.open(token).await.status, 200);
    assert_eq!((rows[1].outcome.as_str(), rows[1].link.as_str()), ("recalled", ""));
    let csv = String::from_utf8(csv(&rows)).unwrap();
    assert!(csv.starts_with("customer_id,reference,outcome,detail,link,expires\n"), "{csv}");
    assert_eq!(csv.lines().count(), 3);
}

#[tokio::test]
async fn a_table_is_made_in_parts_that_make_up_the_whole() {
    let bank = Bank::of(5).await;
    let (mut after, mut seen) = (None, Vec::new());
    for expected in [2, 2, 1, 0] {
        let page = Page { after: after.as_ref(), most: 2 };
        let rows = table(&bank.run, page, &DeliverySettings::default(), &bank.vault, NOW).await.unwrap();
        assert_eq!(rows.len(), expected);
        seen.extend(rows.iter().map(|row| row.reference.clone()));
        after = seen.last().map(|reference| CustomerRef::parse(reference.clone()).unwrap());
    }
    assert_eq!(seen, bank.customers.iter().map(ToString::to_string).collect::<Vec<_>>());

    let stranger = bank.vault.keys().reference(&CustomerId::parse("9999").unwrap());
    let page = Page { after: Some(&stranger), ..Page::WHOLE };
    let error = table(&bank.run, page, &DeliverySettings::default(), &bank.vault, NOW).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::InputInvalidRequest);
}
