//! Tests of consent that changes during a run. In these tests, the store changes both lists under `control/` when the first
//! script is written, which is between assess and publish.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bespoke::sample::SAMPLE_PASSWORD;
use bespoke_tests::root;
use bytes::Bytes;
use contracts::consent::Refusal;
use contracts::evidence::{Evidence, Outcome};
use contracts::facts::{Assessment, Skip};
use contracts::key::{Artefact, Prefix};
use contracts::request::Request;
use contracts::settings::Settings;
use contracts::{CustomerId, CustomerRef, ObjectKey};
use runner::folder::FolderStore;
use runner::limits::RunLimits;
use runner::programs::{Programs, engines};
use runner::project::{Folders, Project};
use runner::run::{RunReport, Runner};
use runner::secrets::LocalSecrets;
use runner::services::Services;
use runner::signing::LocalSigner;
use storage::store::{ListedObject, ObjectStore, PutOutcome, StoreError};
use storage::vault::{Keys, Owner, Vault};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// A store that changes the control lists as soon as a script is written.
struct ChangingStore {
    folder: FolderStore,
    lists: [(ObjectKey, String); 2],
    changed: OnceCell<()>,
}

#[async_trait]
impl ObjectStore for ChangingStore {
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        self.folder.get(key).await
    }
    async fn get_range(&self, key: &ObjectKey, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        self.folder.get_range(key, offset, length).await
    }
    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.folder.put(key, bytes).await
    }
    async fn put_new(&self, key: &ObjectKey, bytes: Bytes) -> Result<PutOutcome, StoreError> {
        let written = self.folder.put_new(key, bytes).await?;
        if matches!(key, ObjectKey::Customer(_, _, Artefact::Script)) {
            let change = || async {
                for (key, list) in &self.lists {
                    self.folder.put(key, list.clone().into()).await?;
                }
                Ok::<_, StoreError>(())
            };
            self.changed.get_or_try_init(change).await?;
        }
        Ok(written)
    }
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.folder.delete(key).await
    }
    async fn list(&self, prefix: &Prefix) -> Result<Vec<ListedObject>, StoreError> {
        self.folder.list(prefix).await
    }
}

struct Bank {
    folder: tempfile::TempDir,
    runner: Runner,
    request: Request,
}

/// Returns a runner for the sample customers. During its run, 0002 is suppressed, 0006 withdraws consent, and 0001 and 0007
/// withdraw consent to the use of posts.
async fn bank() -> Bank {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders {
        data: root().join("data"),
        artifacts: folder.path().join("artifacts"),
        assets: root().join("assets"),
        catalogue: None,
        lexicon: None,
    };
    let project = Project::load(folders, contracts::Language::English).unwrap();
    let secrets = LocalSecrets::new(folder.path().join("keys.toml")).with_workbook_password(SAMPLE_PASSWORD);
    let keys = Keys::from_secrets(&secrets).await.unwrap();
    let reference = |id: &str| keys.reference(&CustomerId::parse(id).unwrap());
    let answers = format!(
        "reference,consent,consent_social_media,as_of\n{},yes,no,2026-11-02\n{},no,no,2026-11-02\n{},yes,no,2026-11-02\n",
        reference("0001"),
        reference("0006"),
        reference("0007")
    );
    let objections = format!("reference\n{}\n", reference("0002"));
    let lists = [(ObjectKey::Suppressions, objections), (ObjectKey::Consents, answers)];
    let store = ChangingStore { folder: project.store().unwrap(), lists, changed: OnceCell::new() };
    let vault = Vault::new(Arc::new(store), keys);
    let settings = Settings::default();
    let request = Request {
        batch: Project::batch(),
        videos: Some(0),
        upload: merge::upload_digest(vault.store(), &Project::batch()).await.unwrap(),
        catalogue: project.catalogue.digest(),
        phrases: project.phrases.digest(),
        lexicon: project.lexicon.digest(),
        assets: project.assets,
        settings: settings.digest(),
        keys: vault.keys().id(),
        ..Request::for_tests()
    };
    // The receiver is dropped, so events are discarded.
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    let programs = Programs::find();
    let http = outbound::Client::new().unwrap();
    let services = Services {
        signer: Arc::new(LocalSigner::new(folder.path().join("signing-key.pem"))),
        folders: project.folders.clone(),
        scratch: project.folders.artifacts.join(runner::folder::SCRATCH),
        engines: Arc::new(engines(&programs, &settings, http.clone())),
        settings,
        vault,
        secrets: Arc::new(secrets),
        http,
        limiter: Arc::default(),
        probes: Arc::default(),
        programs,
        reader: None,
    };
    let runner = Runner {
        project,
        services,
        limits: RunLimits::default(),
        background: None,
        cancel: CancellationToken::new(),
        events,
    };
    Bank { folder, runner, request }
}

impl Bank {
    fn reference(&self, id: &str) -> CustomerRef {
        self.runner.services.vault.keys().reference(&CustomerId::parse(id).unwrap())
    }

    fn outcomes(report: &RunReport) -> BTreeMap<CustomerRef, Outcome> {
        report.customers.iter().map(|customer| (customer.reference.clone(), customer.outcome.clone())).collect()
    }

    fn files(&self, id: &str, report: &RunReport) -> Vec<String> {
        let folder = self.folder.path().join("artifacts/customers").join(self.reference(id).as_str());
        let entries = std::fs::read_dir(folder.join(report.run.as_str())).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawal_during_a_run_takes_effect() {
    let bank = bank().await;
    let report = bank.runner.run(&bank.request).await.unwrap();
    let outcomes = Bank::outcomes(&report);
    let skipped = |skip| Outcome::Skipped { skip };
    for (id, expected) in [
        ("0001", skipped(Skip::PostsWithdrawn(Refusal::SaidNo))),
        ("0002", skipped(Skip::Suppressed)),
        ("0006", skipped(Skip::NoConsent(Refusal::SaidNo))),
        ("0007", Outcome::Published { video: false }),
        ("0011", Outcome::Published { video: false }),
    ] {
        assert_eq!(outcomes[&bank.reference(id)], expected, "{id}");
    }
    assert_eq!(bank.files("0001", &report), ["evidence.json"], "no file that posts influenced remains");
    for id in ["0002", "0006"] {
        assert!(!bank.files(id, &report).contains(&"recommendation.txt".to_owned()), "{id}");
    }

    // The evidence records the answer that was read, with its day and row.
    let key = ObjectKey::Customer(bank.reference("0001"), report.run.clone(), Artefact::Evidence);
    let evidence: Evidence =
        serde_json::from_slice(&bank.runner.services.vault.store().get(&key).await.unwrap()).unwrap();
    let personal = policy::evidence::open_personal(&bank.runner.services.vault, &evidence).await.unwrap();
    let control = personal.consent.control.unwrap();
    assert!(control.consents.is_some() && control.suppressions.is_some());
    assert_eq!((control.answers[1].value.as_str(), control.answers[1].row), ("no", 2));
    assert_eq!((personal.facts, personal.script), (None, None));

    // A new run reads the lists first, and makes the result for 0001 without posts.
    let again = Request { attempt: 1, ..bank.request.clone() };
    let report = bank.runner.run(&again).await.unwrap();
    let outcomes = Bank::outcomes(&report);
    assert_eq!(outcomes[&bank.reference("0001")], Outcome::Published { video: false });
    assert_eq!(outcomes[&bank.reference("0002")], skipped(Skip::Suppressed));
    let reference = bank.reference("0001");
    let key = ObjectKey::Customer(reference.clone(), report.run, Artefact::Facts);
    let (facts, _): (Assessment, _) =
        bank.runner.services.vault.read_json(Owner::Customer(&reference), &key).await.unwrap();
    let Assessment::Proceed(facts) = facts else { panic!("skipped") };
    assert_eq!(facts.mood, None);
}
