//! A small bank: a store with one batch, and the dependencies of merge.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use contracts::catalogue::Catalogue;
use contracts::key::{DatasetPart, RunPart, Workbook};
use contracts::request::Request;
use contracts::settings::{Settings, SpendingSign};
use contracts::stage::{IndexRow, MergeInput, MergeOutput};
use contracts::{Batch, Digest, ObjectKey, RunId};
use jiff::Timestamp;
use merge::{Deps, Error};
use policy::customer::{CustomerRecord, open_record};
use storage::secret::{SecretError, SecretName, SecretString, Secrets};
use storage::store::{MemoryStore, ObjectStore};
use storage::vault::{Keys, Owner, Vault};

use crate::workbook::{Sheet, Value, encrypt, plain};

pub const PASSWORD: &str = "pässwörd";

/// Secrets that contain only the workbooks' password, and count how often they are read.
pub struct OnePassword {
    pub password: &'static str,
    pub reads: AtomicUsize,
}

#[async_trait]
impl Secrets for OnePassword {
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok((name == SecretName::WorkbookPassword).then(|| self.password.into()))
    }
}

/// Returns the time at which the tests read the workbooks: a day after the newest payment.
pub fn reading_time() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

pub struct Bank {
    pub store: Arc<MemoryStore>,
    pub vault: Vault,
    pub secrets: OnePassword,
    pub settings: Settings,
    pub catalogue: Catalogue,
}

/// Returns the header row of a profile sheet.
pub fn profile_header() -> Vec<Value> {
    row!["customer_id", "first_name", "last_name", "income", "account_balance", "products_held", "investment_advisor"]
}

/// Returns the header row of a transactions sheet.
pub fn transactions_header() -> Vec<Value> {
    row!["customer_id", "date", "category", "merchant", "transaction_amount", "consent", "consent_social_media"]
}

/// Returns the sheets of three customers: Anna consents to both questions, Ben refuses posts, Cleopatra refuses everything.
pub fn three_customers() -> [Sheet; 3] {
    [
        Sheet::new(vec![
            profile_header(),
            row!["0001", "Anna", "Surname", 52_000.0, "$1,200.50", "Everyday Checking; travel-card", "Ms Li"],
            row![2.0, "Ben", "Surname", "", "", "Unheard-of Account", ""],
            row!["0003", "Cleopatra", "Surname", 1.0, 1.0, "", ""],
        ]),
        Sheet::new(vec![
            transactions_header(),
            row!["0001", "2026-10-30", "Airlines", "Skyway", 310.25, "Yes", true],
            row!["0001", Value::Date(2026, 10, 31), "Hotels", "Inn", "(45.00)", "yes", true],
            row!["2", 46_000.0, "Fuel", "Pump", 40.0, "Y", "no"],
            row!["0003", "2026-10-01", "Groceries", "Cornershop", 5.0, "no", "yes"],
        ]),
        Sheet::new(vec![
            row!["customer_id", "tweet", "created_at"],
            row!["0001", "Loving the coast!", "2026-10-30"],
            row!["2", "zebrafish marmalade", ""],
            row!["0003", "quixotic walrus", ""],
        ]),
    ]
}

impl Bank {
    /// Returns a bank that accepts plain workbooks, because encryption is slow.
    pub fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let product = |id: &str, name: &str| {
            format!(
                r#"{{"id":"{id}","name":"{name}","category":"Consumer Lending","kind":"service","summary":"A product.",
                "approved_claims":[],"disclosures":[],"needs":["everyday-banking"]}}"#
            )
        };
        let checking = product("checking", "Everyday Checking");
        let travel = product("travel-card", "Travel Card");
        let catalogue = format!(r#"{{"bank":"A","version":"1","products":[{checking},{travel}]}}"#);
        let catalogue = Catalogue::from_json(catalogue.as_bytes()).unwrap();
        let mut settings = Settings::default();
        settings.intake.allow_unprotected = true;
        settings.intake.spending = Some(SpendingSign::Positive);
        let secrets = OnePassword { password: PASSWORD, reads: AtomicUsize::new(0) };
        Self { store, vault, secrets, settings, catalogue }
    }

    /// Puts three files into the batch.
    pub async fn upload(&self, files: [Vec<u8>; 3]) {
        for (workbook, bytes) in Workbook::ALL.into_iter().zip(files) {
            self.store.put(&incoming(workbook), bytes.into()).await.unwrap();
        }
    }

    pub async fn upload_sheets(&self, sheets: &[Sheet; 3]) {
        self.upload(sheets.each_ref().map(|sheet| plain(std::slice::from_ref(sheet)))).await;
    }

    pub async fn upload_encrypted(&self, sheets: &[Sheet; 3]) {
        self.upload(sheets.each_ref().map(|sheet| encrypt(&plain(std::slice::from_ref(sheet)), PASSWORD))).await;
    }

    /// Runs merge for a new request.
    pub async fn merge(&self) -> Result<MergeOutput, Error> {
        let batch = Batch::parse("tests").unwrap();
        let request = Request {
            upload: merge::upload_digest(self.vault.store(), &batch).await?,
            catalogue: self.catalogue.digest(),
            settings: self.settings.digest(),
            ..Request::for_tests()
        };
        let run = request.run_id();
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        self.vault.write_json(Owner::Run, &key, &Digest::of_json(&request), request).await.unwrap();
        self.merge_as(run).await
    }

    /// Runs merge for an existing run.
    pub async fn merge_as(&self, run: RunId) -> Result<MergeOutput, Error> {
        let deps = Deps {
            vault: &self.vault,
            secrets: &self.secrets,
            settings: &self.settings,
            catalogue: &self.catalogue,
            now: reading_time(),
        };
        merge::run(MergeInput { run, batch: Batch::parse("tests").unwrap() }, &deps).await
    }

    /// Opens every record of a dataset through its index, as the next stage does.
    pub async fn records(&self, output: &MergeOutput) -> Vec<CustomerRecord> {
        let part = |part| ObjectKey::Dataset(output.dataset.clone(), part);
        let index = self.store.get(&part(DatasetPart::Index)).await.unwrap();
        let mut records = Vec::new();
        for row in csv::Reader::from_reader(index.as_ref()).deserialize() {
            let row: IndexRow = row.unwrap();
            let line = self.store.get_range(&part(DatasetPart::Customers), row.offset, row.length).await.unwrap();
            records.push(open_record(&self.vault, &row, &line).await.unwrap());
        }
        assert_eq!(records.len(), output.customers);
        records
    }

    /// Returns the report of a dataset.
    pub async fn report(&self, output: &MergeOutput) -> serde_json::Value {
        let key = ObjectKey::Dataset(output.dataset.clone(), DatasetPart::Report);
        serde_json::from_slice(&self.store.get(&key).await.unwrap()).unwrap()
    }
}

pub fn incoming(workbook: Workbook) -> ObjectKey {
    ObjectKey::Incoming(Batch::parse("tests").unwrap(), workbook)
}
