//! A session: the locked artifacts folder, and a run that is ready to start in it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contracts::key::{RunKind, RunPart, Workbook};
use contracts::request::{Request, RunInputs, RunOptions, Trigger};
use contracts::{CustomerId, CustomerRef, ErrorName, ObjectKey};
use storage::secret::SecretName;
use storage::store::ObjectStore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::doctor::{check_programs, first_bad};
use crate::event::RunnerEvent;
use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::intake;
use crate::limits::RunLimits;
use crate::logs::{self, CustomerFailures};
use crate::os_user::OsUser;
use crate::programs::{Programs, engines, http_client};
use crate::project::{Folders, Lock, Project, vault, workbook_not_found, workbook_path};
use crate::run::Runner;
use crate::secrets::LocalSecrets;
use crate::services::Services;
use crate::signing::LocalSigner;

/// Customer ids by reference, for the terminal only. The id of a customer who refused is not written to any file.
pub type Labels = HashMap<CustomerRef, CustomerId>;

/// The request of a caller on this machine, before any file has been read.
#[derive(Default)]
pub struct LocalRequest {
    /// The only customer in the run. `None` means all customers.
    pub customer: Option<CustomerId>,
    /// Customers to whom a campaign is limited, in addition to those in the options. Empty for all customers.
    pub customers: Vec<CustomerId>,
    /// The options of the run.
    pub options: RunOptions,
    /// A background that the caller supplied.
    pub background: Option<PathBuf>,
    /// Whether to start a new run that creates every result again. The results of earlier runs are kept.
    pub again: bool,
}

/// The inputs of a session.
pub struct SessionSetup {
    /// The folders of the project.
    pub folders: Folders,
    /// The request.
    pub request: LocalRequest,
    /// The settings.
    pub config: Config,
    /// The secrets.
    pub secrets: LocalSecrets,
    /// The limits of the run.
    pub limits: RunLimits,
}

/// A run that is ready to start, and the lock on its folder.
pub struct Session {
    /// The runner.
    pub runner: Runner,
    /// The run's request.
    pub request: Request,
    /// The ids of the customers in the workbooks.
    pub labels: Labels,
    /// The artifacts folder.
    pub store: Arc<FolderStore>,
    /// The lock on that folder.
    pub lock: Lock,
    /// The run's events.
    pub events: UnboundedReceiver<RunnerEvent>,
}

impl Session {
    /// Checks the programs, reads the bank's materials, locks the artifacts folder and prepares the run. Once the
    /// folder is locked, passes it to `prepare`.
    pub async fn open(
        setup: SessionSetup,
        prepare: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let SessionSetup { folders, request, config, secrets, limits } = setup;
        let programs = Programs::find();
        let settings = config.settings;
        first_bad(&check_programs(&programs).await)?;
        let project = Project::load(folders.clone(), settings.language)?;
        let store = Arc::new(project.store()?);
        let lock = project.lock()?;
        prepare(&project.folders.artifacts)?;
        let vault = vault(store.clone(), &secrets).await?;
        let background = request.background.clone();
        let http = http_client()?;
        let services = Services {
            signer: Arc::new(LocalSigner::of_folder(&folders.artifacts)),
            folders,
            scratch: lock.scratch.clone(),
            engines: Arc::new(engines(&programs, &settings, http.clone())),
            settings,
            vault,
            secrets: Arc::new(secrets),
            http,
            limiter: Arc::default(),
            probes: Arc::default(),
            programs,
            reader: intake::this_program(),
        };
        services.guard_batch(&Project::batch(), &project.catalogue).await?;
        let labels = labels(&project, &services, &store).await?;
        if request.customer.is_none() {
            project.ensure_approved()?;
        }
        let request = assemble(request, &project, &services).await?;
        let (sender, events) = tokio::sync::mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let runner = Runner { project, services, limits, background, cancel, events: sender };
        Ok(Self { runner, request, labels, store, lock, events })
    }

    /// Records who starts the run, and starts its log. A dry run does not call this.
    pub async fn begin(&self, verbose: u8, failures: CustomerFailures) -> Result<(), Failure> {
        // This record prevents the same person from approving the results.
        let vault = &self.runner.services.vault;
        let starter = vault.keys().staff(&OsUser::current()?.subject());
        let key = ObjectKey::Started(starter, RunKind::Command, self.request.run_id());
        vault.store().put_new(&key, "{}".into()).await?;
        logs::start(&self.runner.project.folders.artifacts, self.request.run_id().as_str(), verbose, failures)?;
        if let Some(end) = self.runner.services.settings.writer.retirement_warning() {
            tracing::warn!("{end}");
        }
        Ok(())
    }
}

/// Reads the customer ids for display in the terminal. This is also the first step that detects a wrong password.
async fn labels(project: &Project, services: &Services, store: &FolderStore) -> Result<Labels, Failure> {
    let Services { settings, secrets, vault, .. } = services;
    let password = secrets.get(SecretName::WorkbookPassword).await?;
    let path = workbook_path(&project.folders.data, Workbook::Profile);
    let key = ObjectKey::Incoming(Project::batch(), Workbook::Profile);
    let Some(profile) = store.find(&key).await? else {
        return Err(workbook_not_found(&path, &project.folders.data));
    };
    let settings = settings.clone();
    let ids = tokio::task::spawn_blocking(move || merge::customer_ids(&profile, &password, &settings));
    let ids = ids.await.map_err(merge::Error::from)??;
    Ok(ids.into_iter().map(|id| (vault.keys().reference(&id), id)).collect())
}

/// Assembles the run's request from a local request and everything else that determines the results.
async fn assemble(local: LocalRequest, project: &Project, services: &Services) -> Result<Request, Failure> {
    let Services { vault, settings, .. } = services;
    let (background, backgrounds) = match &local.background {
        Some(path) => {
            let file = path.clone();
            let digest = tokio::task::spawn_blocking(move || render::file_digest(&file)).await;
            let digest = digest.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            (Some(digest.map_err(Failure::file(ErrorName::RenderAssetBroken, path))?), BTreeMap::new())
        }
        None => (None, render::background_digests(vault.store(), &settings.video).await?),
    };
    let only = local.customer.map(|id| vault.keys().reference(&id));
    let mut options = RunOptions { only, ..local.options };
    options.customers.extend(local.customers.iter().map(|id| vault.keys().reference(id)));
    let inputs = RunInputs {
        settings,
        catalogue: project.catalogue.digest(),
        phrases: project.phrases.digest(),
        languages: project.languages(),
        lexicon: project.lexicon.digest(),
        assets: project.assets,
        background,
        backgrounds,
        engines: services.engines.local(),
        upload: merge::upload_digest(vault.store(), &Project::batch()).await?,
        keys: vault.keys().id(),
    };
    let mut request = Request::new(Trigger::Command, Project::batch(), options, inputs);
    if local.again {
        let manifest = |request: &Request| ObjectKey::Run(request.run_id(), RunPart::ManifestJson);
        while vault.store().find(&manifest(&request)).await?.is_some() {
            request.attempt += 1;
        }
    }
    Ok(request)
}
