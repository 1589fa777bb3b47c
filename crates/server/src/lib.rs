//! The local server: serves the page and the API on one machine, with the runner behind them and a folder as the store.
//!
//! A restarted server continues the unfinished runs, and event numbers survive the restart.
//!
//! **Invariant:** the server listens on the loopback interface only. Every request for a bank's data must carry the
//! server's token, or the token in a link to a file or page. The crate does not depend on AWS or a command line.

mod connections;
mod event_log;
mod jobs;
mod media;
mod origin_guard;
mod token;
mod uploads;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use api::backend::{CampaignBounds, CampaignState};
use api::local::LocalFiles;
use api::view::{RunEvent, VoiceOption};
use api::{Backend, EventLog, Identity, Problem, Role};
use async_trait::async_trait;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::request::Parts;
use axum::http::{Request, Response, header};
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::executions::Executions;
use contracts::key::Workbook;
use contracts::settings::Settings;
use contracts::stage::WorkflowLimits;
use contracts::voice::Engine;
use contracts::{Batch, CustomerRef, Digest, ErrorName, ObjectKey, RunId};
use start::{Material, Source};
use storage::secret::{ExposeSecret as _, SecretName, Secrets};
use storage::store::{SignedUrl, StoreError, UrlSigner};
use storage::vault::Vault;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use runner::copies::{remove_copies_for_customer, remove_copies_with_digests};
use runner::doctor::{check_programs, first_bad};
use runner::failure::Failure;
use runner::folder::{FolderStore, create_private};
use runner::os_user::OsUser;
use runner::programs::{Programs, engines, http_client};
use runner::project::{self, Folders, Lock, Project, vault};
use runner::services::Services;
use runner::signing::LocalSigner;

use connections::Limits;
use event_log::DiskEventLog;
use jobs::Jobs;
use media::MediaTokens;

/// The server's own folder below the artifacts folder.
const FOLDER: &str = ".serve";

/// The inputs of a server.
pub struct Setup {
    /// The folders of the project.
    pub folders: Folders,
    /// The settings in effect until the server restarts.
    pub settings: Settings,
    /// The source of secrets.
    pub secrets: Arc<dyn Secrets>,
    /// The port on the loopback interface. 0 means any free port.
    pub port: u16,
    /// Stops the server.
    pub stop: CancellationToken,
    /// The program that reads workbooks in a separate process: `runner::intake::IntakeGuard::program`.
    pub reader: Option<PathBuf>,
}

/// A server that is listening but not yet answering.
pub struct Server {
    listener: TcpListener,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The token that calls to the API must carry.
    pub token: String,
    /// The bank's name.
    pub bank: String,
    /// The person who started the server. Every caller with the token acts as this person, with all roles.
    pub user: OsUser,
    host: Arc<Local>,
}

impl Server {
    /// Checks everything that a run needs, and starts listening.
    pub async fn start(setup: Setup) -> Result<Self, Failure> {
        let Setup { folders, settings, secrets, port, stop, reader } = setup;
        let programs = Programs::find();
        first_bad(&check_programs(&programs).await)?;
        let project = Project::load(folders.clone(), settings.language)?;
        let store = Arc::new(project.store()?);
        // Hold the lock for the server's lifetime. Otherwise, another run would empty the scratch folder while the
        // server is using it.
        let lock = project.lock()?;
        let own = folders.artifacts.join(FOLDER);
        create_private(&own).map_err(Failure::file(ErrorName::StoreUnavailable, &own))?;
        let token = token::read_or_create(&own.join("token"))
            .map_err(Failure::file(ErrorName::StoreUnavailable, &own.join("token")))?;
        let vault = vault(store.clone(), secrets.as_ref()).await?;
        let http = http_client()?;
        let engines = Arc::new(engines(&programs, &settings, http.clone()));
        let events = Arc::new(DiskEventLog::open(&own.join("events"), stop.clone())?);
        let services = Services {
            signer: Arc::new(LocalSigner::of_folder(&folders.artifacts)),
            folders,
            scratch: lock.scratch.clone(),
            settings,
            vault,
            secrets,
            engines,
            http,
            limiter: Arc::default(),
            probes: Arc::default(),
            programs,
            reader,
        };
        let jobs = Jobs::open(&own.join("executions"), services, events.clone(), stop)?;

        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listening = async {
            let listener = TcpListener::bind(address).await?;
            Ok((listener.local_addr()?, listener))
        };
        let (address, listener) = listening.await.map_err(|error: std::io::Error| {
            let help = "stop the program that is listening there, or specify another port with --port";
            Failure::new(ErrorName::RunBusy, format!("{address}: {error}"), help)
        })?;
        let digest = Digest::of(token.as_bytes());
        let user = OsUser::current()?;
        tracing::info!(user = user.name, "serving as this user, with all roles");
        let media = MediaTokens::default();
        let host = Arc::new(Local { store, jobs, events, token: digest, user: user.clone(), media, lock });
        let bank = project.catalogue.bank().to_owned();
        Ok(Self { listener, address, token, bank, user, host })
    }

    /// Returns the address that opens the page. Browsers never send the part after `#` to a server.
    #[must_use]
    pub fn page(&self) -> String {
        format!("http://{}/#token={}", self.address, self.token)
    }

    /// Answers requests until the server is stopped, and then waits until its runs have stopped.
    pub async fn serve(self) -> Result<(), Failure> {
        let Self { listener, address, host, .. } = self;
        let stop = host.jobs.stop().clone();
        let working = tokio::spawn(host.jobs.clone().work());
        let router = api::router(host.clone()).merge(api::local::router(host.clone(), host.clone()));
        let router = origin_guard::guarded(router, address.port());
        connections::serve(listener, router, Limits::default(), stop).await;
        host.jobs.stop().cancel();
        // If the worker panicked, there are no runs left to stop.
        let _stopped = working.await;
        Ok(())
    }
}

/// The API's backend on one machine.
struct Local {
    store: Arc<FolderStore>,
    jobs: Arc<Jobs>,
    events: Arc<DiskEventLog>,
    token: Digest,
    user: OsUser,
    media: MediaTokens,
    /// The lock on the artifacts folder.
    #[expect(dead_code, reason = "dropping it releases the folder when the server ends")]
    lock: Lock,
}

impl Local {
    fn services(&self) -> &Services {
        self.jobs.services()
    }
}

#[async_trait]
impl Backend for Local {
    /// Returns the person who started the server, with all roles, if the request has the token. Compares digests, so that
    /// the time the comparison takes reveals nothing about the token.
    fn identify(&self, request: &Parts) -> Option<Identity> {
        let token = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        (Digest::of(token.as_bytes()) == self.token).then(|| Identity {
            subject: self.user.subject(),
            name: self.user.name.clone(),
            roles: Role::ALL.into(),
        })
    }

    async fn complete_review(&self, run: &RunId, reference: &CustomerRef, _: bool) -> Result<(), Problem> {
        Box::pin(self.jobs.follow(run, reference)).await.map_err(problem)?;
        self.jobs.notify_later(run.clone());
        Ok(())
    }

    async fn complete_recall(&self, run: &RunId, files: BTreeSet<Digest>) -> Result<(), Problem> {
        let artifacts = self.services().folders.artifacts.clone();
        let removed = tokio::task::spawn_blocking(move || remove_copies_with_digests(&artifacts, &files)).await;
        removed.map_err(interrupted)?.map_err(problem)?;
        self.jobs.notify_later(run.clone());
        Ok(())
    }

    async fn complete_answer(&self, run: &RunId, reference: &CustomerRef) -> Result<(), Problem> {
        self.jobs.notify_answers_later(run.clone(), reference.clone());
        Ok(())
    }

    fn erases(&self) -> bool {
        true
    }

    async fn complete_erasure(&self, customer: &CustomerRef, files: BTreeSet<Digest>) -> Result<(), Problem> {
        let artifacts = self.services().folders.artifacts.clone();
        let customer = customer.clone();
        let remove = move || {
            remove_copies_with_digests(&artifacts, &files)?;
            remove_copies_for_customer(&artifacts, &customer)
        };
        tokio::task::spawn_blocking(remove).await.map_err(interrupted)?.map_err(problem)?;
        Ok(())
    }

    fn vault(&self) -> &Vault {
        &self.services().vault
    }

    fn source(&self) -> &dyn Source {
        self
    }

    async fn catalogue(&self) -> Result<Catalogue, Problem> {
        let folders = &self.services().folders;
        project::catalogue(&folders.data, folders.catalogue.as_ref()).map_err(problem)
    }

    async fn brand(&self) -> Result<Brand, Problem> {
        project::brand(&self.services().folders.assets).map_err(problem)
    }

    async fn brand_file(&self, path: &str) -> Result<Bytes, Problem> {
        let path = self.services().folders.assets.join(path);
        let read = tokio::fs::read(&path).await.map_err(Failure::file(ErrorName::ConfigInvalid, &path));
        Ok(read.map_err(problem)?.into())
    }

    async fn model_hint(&self) -> Option<String> {
        let Services { settings, secrets, .. } = self.services();
        let key = secrets.find(SecretName::ModelKey).await.ok().flatten();
        let has_key = key.is_some_and(|key| !key.expose_secret().trim().is_empty());
        recommend::model_hint(&settings.writer, settings.writer.mode, has_key)
    }

    async fn settings(&self) -> Result<Settings, Problem> {
        Ok(self.services().settings.clone())
    }

    fn executions(&self) -> &dyn Executions {
        self.jobs.as_ref()
    }

    /// Returns limits that have no effect here: only a workflow reads them, and the runner uses its own settings.
    fn limits(&self) -> WorkflowLimits {
        WorkflowLimits { concurrency: 0, tolerated_failure_percentage: 100, customers: None, dry_run: false }
    }

    fn campaign_executions(
        &self,
        bounds: CampaignBounds,
        dry_run: bool,
    ) -> Result<(Box<dyn Executions + '_>, WorkflowLimits), Problem> {
        Ok((Box::new(jobs::BoundedJobs { jobs: self.jobs.as_ref(), bounds, dry_run }), self.limits()))
    }

    async fn campaign_state(&self, run: &RunId) -> Result<Option<CampaignState>, Problem> {
        Ok(self.jobs.campaign(run))
    }

    fn event_log(&self) -> Option<&dyn EventLog> {
        Some(self)
    }

    fn links(&self) -> &dyn UrlSigner {
        self
    }

    fn default_batch(&self) -> Option<Batch> {
        Some(Project::batch())
    }

    async fn voices(&self) -> Vec<VoiceOption> {
        voices(self.services()).await
    }

    fn origins(&self) -> &[String] {
        &[]
    }

    fn is_local(&self) -> bool {
        true
    }
}

#[async_trait]
impl UrlSigner for Local {
    async fn link(&self, key: &ObjectKey, seconds: u64) -> Result<SignedUrl, StoreError> {
        let link = self.media.issue(key, seconds).map_err(|error| unavailable(key, "link to", &error))?;
        Ok(SignedUrl { address: format!("/v1/media/{}", link.address), ..link })
    }

    async fn upload_link(&self, key: &ObjectKey, _: u64) -> Result<String, StoreError> {
        let path = self.store.path(key);
        let folder = path.parent().unwrap_or(&path);
        create_private(folder).map_err(|error| unavailable(key, "link to", &error))?;
        Ok(format!("/v1/uploads/{}", key.to_string().trim_start_matches("incoming/")))
    }
}

fn unavailable(key: &ObjectKey, action: &'static str, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable { key: key.to_string(), action, reason: error.to_string() }
}

#[async_trait]
impl EventLog for Local {
    async fn events(&self, run: &RunId, after: u64) -> Result<Vec<RunEvent>, Problem> {
        Ok(self.events.of(run).map_err(problem)?.after(after))
    }

    async fn wait(&self, run: &RunId, after: u64) -> bool {
        match self.events.of(run) {
            Ok(events) => events.more(after).await,
            Err(_) => false,
        }
    }
}

#[async_trait]
impl LocalFiles for Local {
    async fn serve(&self, token: &str, request: Request<Body>) -> Result<Response<Body>, Problem> {
        media::answer(&self.media, token, request, &self.store, self.vault()).await
    }

    async fn receive(&self, upload: &Batch, workbook: Workbook, body: BodyDataStream) -> Result<(), Problem> {
        let path: PathBuf = self.store.path(&ObjectKey::Incoming(upload.clone(), workbook));
        uploads::receive(&path, body).await
    }
}

#[async_trait]
impl Source for Local {
    async fn material(&self) -> Result<Material, start::Error> {
        let Services { folders, vault, settings, engines, .. } = self.services();
        let folders = folders.clone();
        let language = settings.language;
        let loaded = tokio::task::spawn_blocking(move || Project::load(folders, language)).await;
        let material = |error, message| start::Error::Material { error, message };
        let project = loaded.map_err(|panic| material(ErrorName::ConfigInvalid, panic.to_string()))?;
        let project = project.map_err(|failure| material(failure.name(), failure.to_string()))?;
        let approvals = project::material_approvals(&project.folders);
        let backgrounds = render::background_digests(vault.store(), &settings.video).await.map_err(Failure::from);
        let languages = project.languages();
        Ok(Material {
            languages,
            backgrounds: backgrounds.map_err(|failure| material(failure.name(), failure.to_string()))?,
            settings: settings.clone(),
            approvals: approvals.map_err(|failure| material(failure.name(), failure.to_string()))?,
            institution: project.brand.institution,
            catalogue: project.catalogue,
            phrases: project.phrases.digest(),
            lexicon: project.lexicon,
            assets: project.assets,
            engines: engines.local(),
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes the error by value")]
fn interrupted(panic: tokio::task::JoinError) -> Problem {
    Problem::new(ErrorName::StoreUnavailable, panic.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes the error by value")]
fn problem(failure: Failure) -> Problem {
    Problem::new(failure.name(), failure.to_string())
}

/// Returns the voices for the bank's language: Kokoro's, espeak-ng's and, if enabled, OpenAI's. Installed engines come
/// first.
async fn voices(services: &Services) -> Vec<VoiceOption> {
    let available = services.engines.local();
    let bank = services.settings.language;
    let espeak = narrate::espeak_voices(&services.programs.espeak, bank).await.unwrap_or_default();
    let kokoro = narrate::kokoro::VOICES.into_iter().filter(|name| narrate::kokoro::language_of(name) == Some(bank));
    let kokoro = kokoro.map(|name| (Engine::Kokoro, name.to_owned()));
    let espeak = espeak.into_iter().map(|name| (Engine::Espeak, name));
    let openai = &services.settings.voice.openai;
    let openai =
        narrate::openai::VOICES.iter().filter(|_| openai.enabled).map(|name| (Engine::Openai, (*name).to_owned()));
    let mut voices: Vec<VoiceOption> = Vec::new();
    let chosen = services.settings.voice.engine.only().or_else(|| available.first().copied());
    for (engine, name) in kokoro.chain(espeak).chain(openai) {
        let first = !voices.iter().any(|voice| voice.engine == engine);
        let set = &services.settings.voice.name;
        let default = Some(engine) == chosen && if set.is_empty() { first } else { *set == name };
        let installed = engine == Engine::Openai || available.contains(&engine);
        voices.push(VoiceOption {
            engine,
            label: label(engine, &name),
            name: format!("{engine}:{name}"),
            default,
            installed,
        });
    }
    voices.sort_by_key(|voice| !voice.installed);
    voices
}

/// Returns the label of a voice. Kokoro's voice names encode accent and gender: `af_heart`, `bm_george`.
fn label(engine: Engine, name: &str) -> String {
    let of_kokoro = || {
        let (kind, own) = name.split_once('_')?;
        let accent = if kind.starts_with('b') { "British" } else { "American" };
        let gender = if kind.ends_with('f') { "woman" } else { "man" };
        let mut own = own.chars();
        Some(format!("{}{}, {accent} {gender}", own.next()?.to_uppercase(), own.as_str()))
    };
    match engine {
        Engine::Kokoro => of_kokoro().unwrap_or_else(|| name.to_owned()),
        Engine::Espeak => format!("{name}, espeak-ng"),
        Engine::Polly | Engine::Openai => format!("{name}, {engine}"),
    }
}
