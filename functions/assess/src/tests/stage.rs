//! The stage over a store: what it reads, what it writes, and how it fails.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::consent::{ConsentAsRead, Refusal};
use contracts::evidence::{Evidence, Outcome};
use contracts::facts::{Assessment, Skip};
use contracts::key::{Artefact, DatasetPart, RunPart};
use contracts::request::Request;
use contracts::settings::Settings;
use contracts::stage::{AssessInput, AssessOutput, IndexRow};
use contracts::{DatasetId, Digest, ErrorName, NamedError, ObjectKey, RunId};
use jiff::Timestamp;
use policy::customer::{CustomerRecord, record_place};
use storage::store::{MemoryStore, ObjectStore};
use storage::vault::{Owner, Vault};

use crate::testing::{Person, catalogue, keys, lexicon};
use crate::{Deps, Error, Lexicon, run};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A store with one run and one customer in it.
struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
    settings: Settings,
    lexicon: Lexicon,
    input: AssessInput,
}

impl Bank {
    async fn with(record: &CustomerRecord) -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), keys());
        let (settings, lexicon) = (Settings::default(), lexicon());
        let reference = record.reference().clone();
        let plain = serde_json::to_vec(record).unwrap();
        let owner = Owner::Customer(&reference);
        let sealed = vault.seal(owner, &record_place(&reference), &Digest::of(b"dataset"), &plain).await.unwrap();
        let line = BASE64.encode(sealed);
        let row = IndexRow { reference, offset: 6, length: line.len() as u64, digest: Digest::of(line.as_bytes()) };
        let dataset = DatasetId::parse("d".repeat(64)).unwrap();
        let lines = format!("other\n{line}\nother\n").into();
        store.put(&ObjectKey::Dataset(dataset.clone(), DatasetPart::Customers), lines).await.unwrap();
        let input = AssessInput { run: RunId::parse("run-1").unwrap(), dataset, row };
        let bank = Self { store, vault, settings, lexicon, input };
        let request = Request {
            catalogue: catalogue().digest(),
            lexicon: bank.lexicon.digest(),
            settings: bank.settings.digest(),
            ..Request::for_tests()
        };
        bank.ask(request).await;
        bank
    }

    async fn ask(&self, request: Request) {
        let key = ObjectKey::Run(self.input.run.clone(), RunPart::Request);
        self.store.delete(&key).await.unwrap();
        self.vault.write_json(Owner::Run, &key, &Digest::of(b""), request).await.unwrap();
    }

    async fn assess(&self) -> Result<AssessOutput, Error> {
        let Self { vault, settings, lexicon, .. } = self;
        run(self.input.clone(), &Deps { vault, settings, catalogue: &catalogue(), lexicon, now: NOW }).await
    }

    fn facts_key(&self) -> ObjectKey {
        ObjectKey::Customer(self.input.row.reference.clone(), self.input.run.clone(), Artefact::Facts)
    }

    async fn written(&self) -> Assessment {
        self.vault.read_json(Owner::Customer(&self.input.row.reference), &self.facts_key()).await.unwrap().0
    }
}

fn given(person: Person) -> CustomerRecord {
    CustomerRecord::Given(Box::new(person.customer()))
}

#[tokio::test]
async fn a_customer_who_consented_goes_on_with_sealed_facts() {
    let bank = Bank::with(&given(Person::new().spends("Travel", 90_000))).await;
    assert!(bank.assess().await.unwrap().proceed);
    assert!(matches!(bank.written().await, Assessment::Proceed(facts) if facts.first_name == "José"));
    let at_rest = &bank.store.objects()[&bank.facts_key().to_string()];
    assert!(!at_rest.windows(5).any(|window| window == "José".as_bytes()));
}

#[tokio::test]
async fn a_refused_customer_ends_here_with_the_reason() {
    let as_read = ConsentAsRead { readings: Vec::new(), read_at: Timestamp::UNIX_EPOCH, control: None };
    let record = CustomerRecord::Refused { reference: Person::reference(), refusal: Refusal::SaidNo, as_read };
    let bank = Bank::with(&record).await;
    assert!(!bank.assess().await.unwrap().proceed);
    let Assessment::Skip { skip, .. } = bank.written().await else { panic!("went on") };
    assert_eq!(skip, Skip::NoConsent(Refusal::SaidNo));
}

#[tokio::test]
async fn a_suppressed_customer_ends_here() {
    let bank = Bank::with(&given(Person::new())).await;
    let list = format!("reference\n{}\n", Person::reference());
    bank.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    assert!(!bank.assess().await.unwrap().proceed);
    assert!(matches!(bank.written().await, Assessment::Skip { skip: Skip::Suppressed, .. }));
}

#[tokio::test]
async fn a_result_that_lies_there_does_not_go_on_once_the_posts_in_it_may_not_be_used() {
    let bank = Bank::with(&given(Person::new().wrote(3, "What a wonderful vacation"))).await;
    assert!(bank.assess().await.unwrap().proceed);
    let answers = format!("reference,consent,consent_social_media,as_of\n{},yes,no,2026-11-02\n", Person::reference());
    bank.store.put(&ObjectKey::Consents, answers.into()).await.unwrap();
    assert!(!bank.assess().await.unwrap().proceed);
}

#[tokio::test]
async fn a_customer_who_heard_lately_ends_here_and_a_refusal_does_not_count_as_hearing() {
    let mut bank = Bank::with(&given(Person::new())).await;
    bank.settings.offers.at_most_every_days = 7;
    let request = Request {
        catalogue: catalogue().digest(),
        lexicon: bank.lexicon.digest(),
        settings: bank.settings.digest(),
        ..Request::for_tests()
    };
    bank.ask(request).await;
    for (run, outcome, proceeds) in [
        ("run-2", Outcome::Skipped { skip: Skip::NoSuitableOffer }, true),
        ("run-3", Outcome::Published { video: false }, false),
    ] {
        let run = RunId::parse(run).unwrap();
        let evidence = Evidence {
            run: run.clone(),
            reference: Person::reference(),
            outcome,
            written_at: NOW,
            program: String::new(),
            catalogue: Digest::of(b""),
            catalogue_version: String::new(),
            request: Digest::of(b""),
            key_id: String::new(),
            artefacts: std::collections::BTreeMap::new(),
            from_posts: false,
            made_by: None,
            media: None,
            review: None,
            personal: String::new(),
        };
        let key = ObjectKey::Customer(Person::reference(), run, Artefact::Evidence);
        bank.store.put(&key, serde_json::to_vec(&evidence).unwrap().into()).await.unwrap();
        bank.store.delete(&bank.facts_key()).await.unwrap();
        assert_eq!(bank.assess().await.unwrap().proceed, proceeds);
    }
    assert!(matches!(bank.written().await, Assessment::Skip { skip: Skip::HeardLately, .. }));
}

#[tokio::test]
async fn a_suppression_list_that_cannot_be_read_lets_nobody_pass() {
    let bank = Bank::with(&given(Person::new())).await;
    bank.store.put(&ObjectKey::Suppressions, "José\n".into()).await.unwrap();
    let error = bank.assess().await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigInvalid);
    assert!(!error.to_string().contains("José"), "{error}");
}

#[tokio::test]
async fn the_same_work_again_finds_its_result() {
    let bank = Bank::with(&given(Person::new())).await;
    let first = bank.assess().await.unwrap();
    let lying_there = bank.store.objects();
    // The dataset need not even be there: the result is.
    bank.store.delete(&ObjectKey::Dataset(bank.input.dataset.clone(), DatasetPart::Customers)).await.unwrap();
    assert_eq!(bank.assess().await.unwrap(), first);
    let key = bank.facts_key().to_string();
    assert_eq!(bank.store.objects()[&key], lying_there[&key]);
}

#[tokio::test]
async fn a_run_does_not_go_on_with_another_catalogue_lexicon_or_settings() {
    let bank = Bank::with(&given(Person::new())).await;
    let request = Request {
        catalogue: catalogue().digest(),
        lexicon: bank.lexicon.digest(),
        settings: bank.settings.digest(),
        ..Request::for_tests()
    };
    let other = Digest::of(b"other");
    for (request, what) in [
        (Request { catalogue: other, ..request.clone() }, "catalogue"),
        (Request { lexicon: other, ..request.clone() }, "lexicon"),
        (Request { settings: other, ..request.clone() }, "settings"),
    ] {
        bank.ask(request).await;
        let error = bank.assess().await.unwrap_err();
        assert_eq!(error.name(), ErrorName::ConfigChanged);
        assert_eq!(error.to_string(), format!("the {what} changed since the run run-1 was started"));
    }
}

#[tokio::test]
async fn a_request_without_a_category_is_refused() {
    let bank = Bank::with(&given(Person::new())).await;
    let request = Request {
        catalogue: catalogue().digest(),
        lexicon: bank.lexicon.digest(),
        settings: bank.settings.digest(),
        categories: Vec::new(),
        ..Request::for_tests()
    };
    bank.ask(request).await;
    assert_eq!(bank.assess().await.unwrap_err().name(), ErrorName::InputInvalidRequest);
}

#[tokio::test]
async fn a_store_that_fails_is_reported_by_name_and_the_next_try_succeeds() {
    let bank = Bank::with(&given(Person::new())).await;
    bank.store.fail_next(&bank.facts_key(), 1);
    assert_eq!(bank.assess().await.unwrap_err().name(), ErrorName::StoreUnavailable);
    assert!(bank.assess().await.unwrap().proceed);
}

#[tokio::test]
async fn a_line_that_is_not_the_one_of_the_index_is_not_read() {
    let mut bank = Bank::with(&given(Person::new())).await;
    bank.input.row.offset = 0;
    assert_eq!(bank.assess().await.unwrap_err().name(), ErrorName::SealBroken);
}
