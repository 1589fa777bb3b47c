//! Tests withdrawals at random moments of a campaign whose model service is slow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::key::Prefix;
use contracts::{CustomerId, ErrorName};
use futures::{StreamExt as _, stream};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use storage::store::{ListedObject, MemoryStore, ObjectStore, PutOutcome, StoreError};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use wiremock::{Request as HttpRequest, Respond};

use super::*;

const CUSTOMERS: usize = 1_000;

/// The number of customers in progress at a time.
const CONCURRENCY: usize = 64;

/// The number of permits and requests for one customer, before and after the customer withdrew.
#[derive(Clone, Debug, Default)]
struct History {
    /// The permits that the gate issued.
    permits: usize,
    /// The permits that the gate issued after the withdrawal was acknowledged.
    permits_after: usize,
    /// The requests that reached the service.
    requests: usize,
    /// The requests that reached the service after the withdrawal was acknowledged.
    requests_after: usize,
    /// The number of the request at which the customer withdraws; 0 is before the first one.
    withdraws_at: usize,
    /// Whether the withdrawal was acknowledged.
    withdrawn: bool,
}

type Histories = Arc<Mutex<BTreeMap<String, History>>>;

/// A store that counts how often a customer's suppression is read. The gate reads it once per permit.
struct ObservedStore {
    inner: MemoryStore,
    histories: Histories,
}

#[async_trait]
impl ObjectStore for ObservedStore {
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        let found = self.inner.get(key).await;
        if let (ObjectKey::Suppression(reference), Err(StoreError::NotFound { .. })) = (key, &found) {
            let mut histories = self.histories.lock().unwrap();
            let history = histories.entry(reference.to_string()).or_default();
            history.permits += 1;
            history.permits_after += usize::from(history.withdrawn);
        }
        found
    }
    async fn get_range(&self, key: &ObjectKey, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        self.inner.get_range(key, offset, length).await
    }
    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.inner.put(key, bytes).await?;
        if let ObjectKey::Suppression(reference) = key {
            self.histories.lock().unwrap().entry(reference.to_string()).or_default().withdrawn = true;
        }
        Ok(())
    }
    async fn put_new(&self, key: &ObjectKey, bytes: Bytes) -> Result<PutOutcome, StoreError> {
        self.inner.put_new(key, bytes).await
    }
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
    async fn list(&self, prefix: &Prefix) -> Result<Vec<ListedObject>, StoreError> {
        self.inner.list(prefix).await
    }
}

/// A slow service. The path of a request identifies the customer, because a prompt does not. The service throttles calls,
/// fails, or returns text that the guard rejects, so most customers need several calls.
struct SlowModel {
    histories: Histories,
    calls: AtomicUsize,
    /// The customers who withdraw now.
    withdrawals: UnboundedSender<CustomerRef>,
}

impl Respond for SlowModel {
    fn respond(&self, request: &HttpRequest) -> ResponseTemplate {
        let customer = request.url.path().split('/').nth(1).unwrap().to_owned();
        let mut histories = self.histories.lock().unwrap();
        let history = histories.entry(customer.clone()).or_default();
        history.requests += 1;
        history.requests_after += usize::from(history.withdrawn);
        if history.requests == history.withdraws_at {
            self.withdrawals.send(CustomerRef::parse(customer).unwrap()).unwrap();
        }
        drop(histories);
        let response = match self.calls.fetch_add(1, Ordering::Relaxed) % 20 {
            // The stage waits before each retry, so only a few calls fail, to keep the test fast.
            0 => ResponseTemplate::new(500),
            1..10 => completion("no JSON, so the stage asks for a repair"),
            _ => completion(&good_answer()),
        };
        response.set_delay(Duration::from_millis(2))
    }
}

/// The bank's materials, which all customers share.
struct Bank {
    vault: Vault,
    http: outbound::Client,
    catalogue: Catalogue,
    brand: Brand,
    limiter: Limiter,
    address: String,
}

impl Bank {
    /// Runs the stage for one customer, and returns the error's name if it fails.
    async fn recommend(&self, reference: CustomerRef) -> Option<ErrorName> {
        let Self { vault, http, catalogue, brand, limiter, address } = self;
        let settings = with_model(&format!("{address}/{reference}"));
        let request = Request {
            catalogue: catalogue.digest(),
            phrases: fixtures::book().digest(),
            writer: settings.writer.mode,
            settings: settings.digest(),
            ..Request::for_tests()
        };
        let run = request.run_id();
        let inputs = Digest::of(b"inputs");
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        vault.write_json(Owner::Run, &key, &inputs, request).await.unwrap();
        let facts = Facts { reference: reference.clone(), ..fixtures::facts("José") };
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Facts);
        vault.write_json(Owner::Customer(&reference), &key, &inputs, Assessment::Proceed(facts)).await.unwrap();
        let deps = Deps {
            vault,
            settings: &settings,
            catalogue,
            phrases: fixtures::books(),
            brand,
            secrets: &fixtures::ModelKey(None),
            http,
            limiter,
        };
        let input = RecommendInput { run, reference, without_model: false };
        super::run(input, &mut Usage::default(), &deps).await.err().map(|error| error.name())
    }
}

#[tokio::test]
async fn nothing_is_sent_after_an_acknowledged_withdrawal() {
    let histories = Histories::default();
    let store = Arc::new(ObservedStore { inner: MemoryStore::default(), histories: histories.clone() });
    let vault = Vault::new(store.clone(), fixtures::keys());
    let (withdrawals, mut withdrawing) = unbounded_channel();
    let mut random = TestRunner::deterministic();
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        let reference = vault.keys().reference(&CustomerId::parse(format!("{number:04}")).unwrap());
        let withdraws_at = (0..4_usize).new_tree(&mut random).unwrap().current();
        let history = History { withdraws_at, ..History::default() };
        histories.lock().unwrap().insert(reference.to_string(), history);
        if withdraws_at == 0 {
            withdrawals.send(reference.clone()).unwrap();
        }
        customers.push(reference);
    }
    let server = MockServer::start().await;
    let model = SlowModel { histories: histories.clone(), calls: AtomicUsize::new(0), withdrawals };
    Mock::given(any()).respond_with(model).mount(&server).await;
    let bank = Bank {
        vault,
        http: outbound::Client::new().unwrap(),
        catalogue: fixtures::catalogue(),
        brand: fixtures::brand(),
        limiter: Limiter::default(),
        address: server.uri(),
    };
    // A withdrawal arrives while the customer's call is in progress, so it races with the answer.
    let withdrawals = async {
        while let Some(reference) = withdrawing.recv().await {
            store.put(&ObjectKey::Suppression(reference), Bytes::from_static(b"{}")).await.unwrap();
        }
    };
    let campaign = stream::iter(customers).map(|reference| bank.recommend(reference)).buffered(CONCURRENCY).collect();
    let errors: Vec<Option<ErrorName>> = tokio::select! {
        errors = campaign => errors,
        () = withdrawals => unreachable!("the model keeps the sender"),
    };

    let histories = histories.lock().unwrap();
    for (customer, history) in &*histories {
        assert_eq!(history.permits_after, 0, "{customer}: {history:?}");
        assert_eq!(history.requests, history.permits, "each request has its own permit: {history:?}");
        assert!(history.requests_after <= 1, "only a call that was already in flight may arrive: {history:?}");
    }
    let count = |name| errors.iter().filter(|error| **error == name).count();
    let stopped = count(Some(ErrorName::ConsentWithdrawn));
    assert_eq!(stopped + count(None), CUSTOMERS, "{errors:?}");
    assert!(stopped > CUSTOMERS / 4, "{stopped} customers withdrew before their last call");
}
