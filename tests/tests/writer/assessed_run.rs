//! An in-memory run that turns encrypted sample workbooks into scripts.

use std::sync::Arc;

use assess::Lexicon;
use bespoke::sample::{SAMPLE_PASSWORD, write_sample};
use bespoke_tests::root;
use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Category};
use contracts::facts::{Assessment, Facts};
use contracts::key::{Artefact, RunPart, Workbook};
use contracts::request::Request;
use contracts::script::{Script, Usage};
use contracts::settings::Settings;
use contracts::stage::{AssessInput, IndexRow, MergeInput, RecommendInput};
use contracts::{Batch, CustomerRef, ObjectKey, RunId};
use jiff::Timestamp;
use phrases::Phrasebooks;
use runner::secrets::LocalSecrets;
use storage::store::MemoryStore;
use storage::vault::{Keys, Owner, Vault};
use tempfile::TempDir;

/// A run that has completed the assess stage.
pub struct AssessedRun {
    run: RunId,
    vault: Vault,
    settings: Settings,
    catalogue: Catalogue,
    phrases: Phrasebooks,
    brand: Brand,
    secrets: LocalSecrets,
    http: outbound::Client,
    _folder: TempDir,
    /// The customers who were not skipped, in the dataset's order.
    pub customers: Vec<CustomerRef>,
}

impl AssessedRun {
    /// Merges and assesses `count` sample customers for products in all categories.
    pub async fn new(count: usize, settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_sample(folder.path(), count, 0, 1).unwrap();
        let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
        let catalogue = Catalogue::from_json(read("data/catalogue.json").as_bytes()).unwrap();
        let phrases = Phrasebooks::packaged();
        let lexicon = Lexicon::from_toml(&read("data/lexicon.toml")).unwrap();
        let brand = Brand::from_toml(&read("assets/brand.toml")).unwrap();
        let secrets = LocalSecrets::new(folder.path().join("keys.toml")).with_workbook_password(SAMPLE_PASSWORD);

        let vault = Vault::new(Arc::new(MemoryStore::default()), Keys::new([1; 32], [2; 32]));
        let batch = Batch::parse("tests").unwrap();
        for workbook in Workbook::ALL {
            let bytes = std::fs::read(folder.path().join(workbook.file_name())).unwrap();
            vault.store().put(&ObjectKey::Incoming(batch.clone(), workbook), bytes.into()).await.unwrap();
        }
        let request = Request {
            batch: batch.clone(),
            upload: merge::upload_digest(vault.store(), &batch).await.unwrap(),
            categories: Category::ALL.to_vec(),
            catalogue: catalogue.digest(),
            phrases: phrases.digest(),
            writer: settings.writer.mode,
            lexicon: lexicon.digest(),
            settings: settings.digest(),
            ..Request::for_tests()
        };
        let run = request.run_id();
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        vault.write_json(Owner::Run, &key, &settings.digest(), request).await.unwrap();

        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let deps = merge::Deps { vault: &vault, secrets: &secrets, settings: &settings, catalogue: &catalogue, now };
        let dataset = merge::run(MergeInput { run: run.clone(), batch }, &deps).await.unwrap().dataset;
        let index = vault.store().get(&ObjectKey::Run(run.clone(), RunPart::Index)).await.unwrap();
        let deps = assess::Deps { vault: &vault, settings: &settings, catalogue: &catalogue, lexicon: &lexicon, now };
        let mut customers = Vec::new();
        for row in IndexRow::read_all(&index).unwrap() {
            let input = AssessInput { run: run.clone(), dataset: dataset.clone(), row };
            let assessed = assess::run(input, &deps).await.unwrap();
            customers.extend(assessed.proceed.then_some(assessed.reference));
        }
        let http = outbound::Client::new().unwrap();
        Self { run, vault, settings, catalogue, phrases, brand, secrets, http, _folder: folder, customers }
    }

    /// Returns the facts about a customer.
    pub async fn facts(&self, reference: &CustomerRef) -> Facts {
        let key = ObjectKey::Customer(reference.clone(), self.run.clone(), Artefact::Facts);
        let (assessment, _) = self.vault.read_json(Owner::Customer(reference), &key).await.unwrap();
        let Assessment::Proceed(facts) = assessment else { panic!("customer {reference} was skipped") };
        facts
    }

    /// Writes the script for a customer.
    pub async fn write(&self, reference: &CustomerRef) -> Result<Script, recommend::Error> {
        let deps = recommend::Deps {
            vault: &self.vault,
            settings: &self.settings,
            catalogue: &self.catalogue,
            phrases: &self.phrases,
            brand: &self.brand,
            secrets: &self.secrets,
            http: &self.http,
            limiter: &recommend::Limiter::default(),
        };
        let input = RecommendInput { run: self.run.clone(), reference: reference.clone(), without_model: false };
        recommend::run(input, &mut Usage::default(), &deps).await?;
        let key = ObjectKey::Customer(reference.clone(), self.run.clone(), Artefact::Script);
        Ok(self.vault.read_json(Owner::Customer(reference), &key).await.unwrap().0)
    }
}
