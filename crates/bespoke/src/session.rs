//! A session: the folder of artefacts, locked, and all that runs over it need.

use contracts::catalogue::Category;
use contracts::key::{RunPart, Workbook};
use contracts::media::Shape;
use contracts::request::{Request, Trigger};
use contracts::settings::Settings;
use contracts::{CustomerId, Digest, ErrorName, ObjectKey};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::secret::{SecretName, Secrets};
use storage::store::ObjectStore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::campaign::Limits;
use crate::config::Config;
use crate::doctor::{check_programs, engines, first_bad, programs};
use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::logs;
use crate::progress::Labels;
use crate::project::{Folders, Lock, Project, not_found, vault};
use crate::runner::{Event, Runner};
use crate::secrets::LocalSecrets;

/// What is asked of a run, before anything is read.
#[derive(Default)]
pub struct Wish {
    /// One customer only.
    pub customer: Option<CustomerId>,
    /// The lines of business; by the settings if none.
    pub categories: Vec<Category>,
    /// A wish for tone and emphasis, for the model.
    pub prompt: Option<String>,
    /// The speaking rate; by the settings if none.
    pub words_per_minute: Option<u16>,
    /// The voice; by the settings if none.
    pub voice: Option<String>,
    /// The frame; by the settings if none.
    pub shape: Option<Shape>,
    /// A background of the caller's own.
    pub background: Option<PathBuf>,
    /// How many get a video; all if none.
    pub videos: Option<usize>,
    /// Make it anew, beside every attempt that came to an end.
    pub again: bool,
}

/// A run that is ready to begin, and the folder that it holds.
pub struct Session {
    /// What runs it.
    pub runner: Runner,
    /// What it is to do.
    pub request: Request,
    /// The ids of the workbooks' customers.
    pub labels: Labels,
    /// The folder of artefacts.
    pub store: Arc<FolderStore>,
    /// Holds that folder.
    pub lock: Lock,
    /// What happens while it runs.
    pub watched: UnboundedReceiver<Event>,
}

impl Session {
    /// Looks at the programs, reads the bank's material, takes the folder of artefacts and makes ready what `wish` asks for.
    /// `prepare` is called with that folder once it is taken.
    pub async fn open(
        folders: Folders,
        wish: Wish,
        config: Config,
        secrets: LocalSecrets,
        limits: Limits,
        prepare: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let (programs, settings) = (programs(), config.settings);
        first_bad(&check_programs(&programs).await)?;
        let project = Project::load(folders)?;
        let store = Arc::new(project.store()?);
        let lock = project.lock()?;
        prepare(&project.folders.artifacts)?;
        let vault = vault(store.clone(), &secrets).await?;
        let labels = labels(&project, &settings, &secrets, &store, &vault).await?;
        let background = wish.background.clone();
        // All other times are the services' own.
        let http = outbound::client().map_err(|error| {
            Failure::told(ErrorName::ConfigInvalid, contracts::error::chain(&error), "check the proxy variables")
        })?;
        let engines = Arc::new(engines(&programs, &settings, http.clone()));
        let request = request(wish, &settings, &project, &vault, &engines).await?;
        let (events, watched) = tokio::sync::mpsc::unbounded_channel();
        let runner = Runner {
            project,
            settings,
            vault,
            secrets: Arc::new(secrets),
            engines,
            http,
            limiter: Arc::default(),
            known: Arc::default(),
            limits,
            programs,
            scratch: lock.scratch.clone(),
            background,
            cancel: CancellationToken::new(),
            events,
        };
        Ok(Self { runner, request, labels, store, lock, watched })
    }

    /// Begins to log the run.
    pub fn log(&self, verbose: u8) -> Result<(), Failure> {
        logs::start(&self.runner.project.folders.artifacts, self.request.run_id().as_str(), verbose)?;
        if let Some(end) = self.runner.settings.writer.announced_end() {
            tracing::warn!("{end}");
        }
        Ok(())
    }
}

/// Reads the ids, so that lines at the terminal carry them. Also the first to notice a wrong password.
async fn labels(
    project: &Project,
    settings: &Settings,
    secrets: &dyn Secrets,
    store: &FolderStore,
    vault: &storage::vault::Vault,
) -> Result<Labels, Failure> {
    let password = secrets.get(SecretName::WorkbookPassword).await?;
    let path = project.folders.data.join(Workbook::Profile.file_name());
    let key = ObjectKey::Incoming(Project::batch(), Workbook::Profile);
    let Some(profile) = store.find(&key).await? else {
        return Err(not_found(&path, &project.folders.data));
    };
    let settings = settings.clone();
    let ids = tokio::task::spawn_blocking(move || merge::customer_ids(&profile, &password, &settings));
    let ids = ids.await.map_err(merge::Error::from)??;
    Ok(ids.into_iter().map(|id| (vault.keys().reference(&id), id)).collect())
}

/// The request that a wish amounts to, with all that determines the results.
async fn request(
    wish: Wish,
    settings: &Settings,
    project: &Project,
    vault: &storage::vault::Vault,
    engines: &narrate::Engines,
) -> Result<Request, Failure> {
    let (background, backgrounds) = match &wish.background {
        Some(path) => {
            let bytes = tokio::fs::read(path).await.map_err(Failure::file(ErrorName::RenderAssetBroken, path))?;
            (Some(Digest::of(&bytes)), BTreeMap::new())
        }
        None => (None, render::backgrounds(vault.store(), &settings.video).await?),
    };
    let mut request = Request {
        trigger: Trigger::Command,
        batch: Project::batch(),
        only: wish.customer.map(|id| vault.keys().reference(&id)),
        categories: if wish.categories.is_empty() { settings.offers.categories.clone() } else { wish.categories },
        prompt: wish.prompt,
        words_per_minute: wish.words_per_minute.unwrap_or(settings.voice.words_per_minute),
        voice: wish.voice,
        engines: engines.of_this_machine(),
        shape: wish.shape.unwrap_or(settings.video.shape),
        background,
        backgrounds,
        videos: wish.videos,
        upload: merge::upload_digest(vault.store(), &Project::batch()).await?,
        catalogue: project.catalogue.digest(),
        phrases: project.phrases.digest(),
        writer: settings.writer.mode,
        lexicon: project.lexicon.digest(),
        assets: project.assets,
        settings: settings.digest(),
        keys: vault.keys().id(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        attempt: 0,
    };
    if wish.again {
        // Beside every attempt that came to an end.
        let ended = |request: &Request| ObjectKey::Run(request.run_id(), RunPart::ManifestJson);
        while vault.store().find(&ended(&request)).await?.is_some() {
            request.attempt += 1;
        }
    }
    Ok(request)
}
