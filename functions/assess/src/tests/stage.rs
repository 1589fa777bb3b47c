//! Tests of the stage with a store: its reads, its writes and its errors.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::consent::{ConsentAsRead, Refusal};
use contracts::effect::EffectPlan;
use contracts::evidence::{Evidence, Outcome};
use contracts::facts::{Assessment, Skip, Stance};
use contracts::key::{Artefact, DatasetPart, RunPart};
use contracts::request::Request;
use contracts::segment::CustomerSegment;
use contracts::settings::Settings;
use contracts::stage::{AssessInput, AssessOutput, IndexRow};
use contracts::{DatasetId, Digest, ErrorName, NamedError, ObjectKey, RunId};
use jiff::Timestamp;
use policy::customer::{CustomerRecord, record_place};
use storage::store::{MemoryStore, ObjectStore};
use storage::vault::{Owner, Vault};

use crate::testing::{CustomerBuilder, catalogue, keys, lexicon};
use crate::{Deps, Error, Lexicon, run};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A store with one run for one customer.
struct AssessFixture {
    store: Arc<MemoryStore>,
    vault: Vault,
    settings: Settings,
    lexicon: Lexicon,
    input: AssessInput,
}

impl AssessFixture {
    async fn with(record: &CustomerRecord) -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), keys());
        let settings = Settings::default();
        let lexicon = lexicon();
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
        let fixture = Self { store, vault, settings, lexicon, input };
        let request = Request {
            catalogue: catalogue().digest(),
            lexicon: fixture.lexicon.digest(),
            settings: fixture.settings.digest(),
            ..Request::for_tests()
        };
        fixture.put_request(request).await;
        fixture
    }

    async fn put_request(&self, request: Request) {
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

fn record(customer: CustomerBuilder) -> CustomerRecord {
    CustomerRecord::Given(Box::new(customer.customer()))
}

#[tokio::test]
async fn consented_customer_proceeds_with_sealed_facts() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new().spends("Travel", 90_000))).await;
    assert!(fixture.assess().await.unwrap().proceed);
    assert!(matches!(fixture.written().await, Assessment::Proceed(facts) if facts.first_name == "José"));
    let at_rest = &fixture.store.objects()[&fixture.facts_key().to_string()];
    assert!(!at_rest.windows(5).any(|window| window == "José".as_bytes()));
}

#[tokio::test]
async fn refusal_is_skipped_with_reason() {
    let as_read = ConsentAsRead { readings: Vec::new(), read_at: Timestamp::UNIX_EPOCH, control: None };
    let as_read = Box::new(as_read);
    let record = CustomerRecord::Refused { reference: CustomerBuilder::reference(), refusal: Refusal::SaidNo, as_read };
    let fixture = AssessFixture::with(&record).await;
    assert!(!fixture.assess().await.unwrap().proceed);
    let Assessment::Skip { skip, .. } = fixture.written().await else { panic!("not skipped") };
    assert_eq!(skip, Skip::NoConsent(Refusal::SaidNo));
}

#[tokio::test]
async fn suppressed_customer_is_skipped() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new())).await;
    let list = format!("reference\n{}\n", CustomerBuilder::reference());
    fixture.store.put(&ObjectKey::Suppressions, list.into()).await.unwrap();
    assert!(!fixture.assess().await.unwrap().proceed);
    assert!(matches!(fixture.written().await, Assessment::Skip { skip: Skip::Suppressed, .. }));
}

#[tokio::test]
async fn reused_result_does_not_proceed_if_posts_are_withdrawn() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new().posted(3, "What a wonderful vacation"))).await;
    assert!(fixture.assess().await.unwrap().proceed);
    let answers =
        format!("reference,consent,consent_social_media,as_of\n{},yes,no,2026-11-02\n", CustomerBuilder::reference());
    fixture.store.put(&ObjectKey::Consents, answers.into()).await.unwrap();
    assert!(!fixture.assess().await.unwrap().proceed);
}

#[tokio::test]
async fn contact_cap_counts_published_runs_only() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new())).await;
    let request = Request {
        catalogue: catalogue().digest(),
        lexicon: fixture.lexicon.digest(),
        settings: fixture.settings.digest(),
        at_most_every_days: 7,
        ..Request::for_tests()
    };
    fixture.put_request(request).await;
    for (run, outcome, proceeds) in [
        ("run-2", Outcome::Skipped { skip: Skip::NoSuitableOffer }, true),
        ("run-3", Outcome::Published { video: false }, false),
    ] {
        let run = RunId::parse(run).unwrap();
        let evidence = Evidence {
            run: run.clone(),
            reference: CustomerBuilder::reference(),
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
        let key = ObjectKey::Customer(CustomerBuilder::reference(), run, Artefact::Evidence);
        fixture.store.put(&key, serde_json::to_vec(&evidence).unwrap().into()).await.unwrap();
        fixture.store.delete(&fixture.facts_key()).await.unwrap();
        assert_eq!(fixture.assess().await.unwrap().proceed, proceeds);
    }
    assert!(matches!(fixture.written().await, Assessment::Skip { skip: Skip::HeardLately, .. }));
}

#[tokio::test]
async fn customer_outside_the_segment_is_skipped() {
    for (segment, proceeds) in [("spending:travel", true), ("not spending:travel", false)] {
        let fixture = AssessFixture::with(&record(CustomerBuilder::new().spends("Travel", 90_000))).await;
        let request = Request {
            catalogue: catalogue().digest(),
            lexicon: fixture.lexicon.digest(),
            settings: fixture.settings.digest(),
            segment: Some(CustomerSegment::parse(segment).unwrap()),
            ..Request::for_tests()
        };
        fixture.put_request(request).await;
        assert_eq!(fixture.assess().await.unwrap().proceed, proceeds, "{segment}");
        let is_outside = matches!(fixture.written().await, Assessment::Skip { skip: Skip::OutsideSegment, .. });
        assert_eq!(is_outside, !proceeds, "{segment}");
    }
}

#[tokio::test]
async fn held_out_customer_is_ranked_but_does_not_proceed() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new().spends("Travel", 90_000))).await;
    let plan = |holdout| EffectPlan {
        campaign: "spring".to_owned(),
        holdout,
        window_days: 30,
        shapes: Vec::new(),
        tones: Vec::new(),
    };
    let request = |holdout| Request {
        catalogue: catalogue().digest(),
        lexicon: fixture.lexicon.digest(),
        settings: fixture.settings.digest(),
        effect: Some(plan(holdout)),
        ..Request::for_tests()
    };
    fixture.put_request(request(0.0)).await;
    assert!(fixture.assess().await.unwrap().proceed);
    let Assessment::Proceed(treated) = fixture.written().await else { panic!("held out") };
    fixture.store.delete(&fixture.facts_key()).await.unwrap();
    fixture.put_request(request(1.0)).await;
    assert!(!fixture.assess().await.unwrap().proceed);
    assert!(!fixture.assess().await.unwrap().proceed, "the second call returns the same");
    assert_eq!(fixture.written().await, Assessment::HeldOut(treated), "the ranking is the same");
}

#[tokio::test]
async fn service_message_is_never_held_out() {
    let troubled = CustomerBuilder::new().posted(9, "Terrible customer service at my bank, I am furious");
    let fixture = AssessFixture::with(&record(troubled)).await;
    let plan = EffectPlan {
        campaign: "spring".to_owned(),
        holdout: 1.0,
        window_days: 30,
        shapes: Vec::new(),
        tones: Vec::new(),
    };
    let request = Request {
        catalogue: catalogue().digest(),
        lexicon: fixture.lexicon.digest(),
        settings: fixture.settings.digest(),
        effect: Some(plan),
        ..Request::for_tests()
    };
    fixture.put_request(request).await;
    assert!(fixture.assess().await.unwrap().proceed);
    let Assessment::Proceed(facts) = fixture.written().await else { panic!("held out") };
    assert!(matches!(facts.stance, Stance::Service { .. }));
}

#[tokio::test]
async fn unreadable_suppression_list_is_an_error() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new())).await;
    fixture.store.put(&ObjectKey::Suppressions, "José\n".into()).await.unwrap();
    let error = fixture.assess().await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigInvalid);
    assert!(!error.to_string().contains("José"), "{error}");
}

#[tokio::test]
async fn second_run_reuses_result() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new())).await;
    let first = fixture.assess().await.unwrap();
    let objects = fixture.store.objects();
    // The second run does not need the dataset, because the result exists.
    fixture.store.delete(&ObjectKey::Dataset(fixture.input.dataset.clone(), DatasetPart::Customers)).await.unwrap();
    assert_eq!(fixture.assess().await.unwrap(), first);
    let key = fixture.facts_key().to_string();
    assert_eq!(fixture.store.objects()[&key], objects[&key]);
}

#[tokio::test]
async fn changed_catalogue_lexicon_or_settings_are_refused() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new())).await;
    let request = Request {
        catalogue: catalogue().digest(),
        lexicon: fixture.lexicon.digest(),
        settings: fixture.settings.digest(),
        ..Request::for_tests()
    };
    let other = Digest::of(b"other");
    for (request, what) in [
        (Request { catalogue: other, ..request.clone() }, "catalog"),
        (Request { lexicon: other, ..request.clone() }, "lexicon"),
        (Request { settings: other, ..request.clone() }, "settings"),
    ] {
        fixture.put_request(request).await;
        let error = fixture.assess().await.unwrap_err();
        assert_eq!(error.name(), ErrorName::ConfigChanged);
        assert_eq!(error.to_string(), format!("the {what} changed since run run-1 started"));
    }
}

#[tokio::test]
async fn request_without_category_is_refused() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new())).await;
    let request = Request {
        catalogue: catalogue().digest(),
        lexicon: fixture.lexicon.digest(),
        settings: fixture.settings.digest(),
        categories: Vec::new(),
        ..Request::for_tests()
    };
    fixture.put_request(request).await;
    assert_eq!(fixture.assess().await.unwrap_err().name(), ErrorName::InputInvalidRequest);
}

#[tokio::test]
async fn store_failure_is_named_and_retry_succeeds() {
    let fixture = AssessFixture::with(&record(CustomerBuilder::new())).await;
    fixture.store.fail_next(&fixture.facts_key(), 1);
    assert_eq!(fixture.assess().await.unwrap_err().name(), ErrorName::StoreUnavailable);
    assert!(fixture.assess().await.unwrap().proceed);
}

#[tokio::test]
async fn row_that_differs_from_index_is_refused() {
    let mut fixture = AssessFixture::with(&record(CustomerBuilder::new())).await;
    fixture.input.row.offset = 0;
    assert_eq!(fixture.assess().await.unwrap_err().name(), ErrorName::SealBroken);
}
