//! The server of one machine: the API and the page over the runner and the folder.
//!
//! It listens on the loopback interface alone, and answers to nobody who does not know its token. What it started goes on
//! when it is stopped and started again, and so do the numbers of the events.

mod door;
mod jobs;
mod journal;
mod media;
mod uploads;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::campaigns::{Bounds, Known};
use api::{Event, Host, Machine, Problem, Voice};
use async_trait::async_trait;
use axum::body::{Body, BodyDataStream};
use axum::http::request::Parts;
use axum::http::{Request, Response, header};
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::executions::Executions;
use contracts::key::Workbook;
use contracts::settings::Settings;
use contracts::stage::Limits;
use contracts::voice::Engine;
use contracts::{Batch, CustomerRef, Digest, ErrorName, ObjectKey, RunId};
use start::{Material, Source};
use storage::secret::Secrets;
use storage::store::{Link, Links, StoreError};
use storage::vault::Vault;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::commands::recall::remove_copies;
use crate::doctor::{check_programs, engines, first_bad, programs};
use crate::failure::Failure;
use crate::folder::{FolderStore, create_private};
use crate::project::{self, Folders, Lock, Project, vault};
use jobs::Jobs;
use journal::Journals;
use media::Tokens;

/// Where the server keeps what is its own, below the folder of artefacts.
const FOLDER: &str = ".serve";

/// The subject for whom the token vouches: whoever has it is the one user of this machine's server.
const USER: &str = "the user of this machine";

/// What a server is given.
pub struct Setup {
    /// Where things are.
    pub folders: Folders,
    /// The settings in force, until the server is started again.
    pub settings: Settings,
    /// Where secrets come from.
    pub secrets: Arc<dyn Secrets>,
    /// The port of the loopback interface; any free one if 0.
    pub port: u16,
    /// Fires when the person stops the server.
    pub stop: CancellationToken,
}

/// A server that listens and does not yet answer.
pub struct Server {
    listener: TcpListener,
    /// Where it listens.
    pub address: SocketAddr,
    /// What a caller must know.
    pub token: String,
    /// The bank's name.
    pub bank: String,
    host: Arc<Local>,
}

impl Server {
    /// Looks at all that a run needs, and begins to listen.
    pub async fn start(setup: Setup) -> Result<Self, Failure> {
        let Setup { folders, settings, secrets, port, stop } = setup;
        let programs = programs();
        first_bad(&check_programs(&programs).await)?;
        let project = Project::load(folders.clone())?;
        let store = Arc::new(project.store()?);
        // Held as long as the server lives: another run that begins would sweep what is being written here.
        let lock = project.lock()?;
        let own = folders.artifacts.join(FOLDER);
        create_private(&own).map_err(Failure::file(ErrorName::StoreUnavailable, &own))?;
        let token = token(&own.join("token"))?;
        let vault = vault(store.clone(), secrets.as_ref()).await?;
        let http = client()?;
        let engines = Arc::new(engines(&programs, &settings, http.clone()));
        let journals = Arc::new(Journals::open(&own.join("events"), stop.clone())?);
        let (limiter, known) = (Arc::default(), Arc::default());
        let folders = folders.clone();
        let scratch = lock.scratch.clone();
        let workshop =
            jobs::Workshop { folders, scratch, settings, vault, secrets, engines, http, limiter, known, programs };
        let jobs = Jobs::open(&own.join("executions"), Arc::new(workshop), journals.clone(), stop)?;

        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listening = async { TcpListener::bind(address).await.and_then(|there| Ok((there.local_addr()?, there))) };
        let (address, listener) = listening.await.map_err(|error| {
            let help = "stop what listens there, or give --port another";
            Failure::told(ErrorName::RunBusy, format!("{address}: {error}"), help)
        })?;
        let digest = Digest::of(token.as_bytes());
        let host = Arc::new(Local { store, jobs, journals, token: digest, media: Tokens::default(), lock });
        let bank = project.catalogue.bank().to_owned();
        Ok(Self { listener, address, token, bank, host })
    }

    /// The address that opens the page. What stands behind `#` is never sent to a server.
    #[must_use]
    pub fn page(&self) -> String {
        format!("http://{}/#token={}", self.address, self.token)
    }

    /// Answers until the person stops the server; then waits until what runs has stopped too.
    pub async fn serve(self) -> Result<(), Failure> {
        let Self { listener, address, host, .. } = self;
        let stop = host.jobs.stop().clone();
        let working = tokio::spawn(host.jobs.clone().work());
        let router = door::guarded(api::router(host.clone()), address.port());
        let served = axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
        let served = served.await.map_err(Failure::file(ErrorName::StoreUnavailable, Path::new("the listener")));
        host.jobs.stop().cancel();
        // A worker that panicked has nothing left to stop.
        let _stopped = working.await;
        served
    }
}

/// The client for outside services. All times but this one are the services' own.
fn client() -> Result<reqwest::Client, Failure> {
    outbound::client().map_err(|error| {
        Failure::told(ErrorName::ConfigInvalid, contracts::error::chain(&error), "check the proxy variables")
    })
}

/// The server's token, made at first use and kept for this user alone, so that a page that is open goes on when the
/// server is started again.
fn token(path: &Path) -> Result<String, Failure> {
    let make = || -> std::io::Result<String> {
        match std::fs::read_to_string(path) {
            Ok(token) if token.len() == 64 => return Ok(token),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let token = random()?;
        // A NamedTempFile is readable by its owner only.
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        std::io::Write::write_all(&mut file, token.as_bytes())?;
        file.persist(path)?;
        Ok(token)
    };
    make().map_err(Failure::file(ErrorName::StoreUnavailable, path))
}

/// 64 random hex digits.
fn random() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex::encode(bytes))
}

/// The host of one machine.
struct Local {
    store: Arc<FolderStore>,
    jobs: Arc<Jobs>,
    journals: Arc<Journals>,
    token: Digest,
    media: Tokens,
    /// Held for its own sake.
    #[expect(dead_code, reason = "it is let go of when the server ends")]
    lock: Lock,
}

impl Local {
    fn workshop(&self) -> &jobs::Workshop {
        self.jobs.workshop()
    }
}

#[async_trait]
impl Host for Local {
    /// Digests are compared, so that the time it takes tells nothing of the token.
    fn caller(&self, request: &Parts) -> Option<String> {
        let given = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        (Digest::of(given.as_bytes()) == self.token).then(|| USER.to_owned())
    }

    /// The person at this machine.
    fn reviewer(&self, request: &Parts) -> Option<String> {
        let set = |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
        self.caller(request).map(|user| set("USER").or_else(|| set("LOGNAME")).unwrap_or(user))
    }

    async fn follow(&self, run: &RunId, reference: &CustomerRef, _: Option<String>) -> Result<(), Problem> {
        // On a thread of its own, as the runs are.
        let (jobs, of, reference, runtime) = (self.jobs.clone(), run.clone(), reference.clone(), Handle::current());
        let follow = move || runtime.block_on(jobs.workshop().follow(&of, &reference));
        let followed = tokio::task::spawn_blocking(follow).await;
        followed.map_err(interrupted)?.map_err(problem)?;
        self.jobs.tell_later(run.clone());
        Ok(())
    }

    async fn recalled(&self, run: &RunId, files: BTreeSet<Digest>) -> Result<(), Problem> {
        let artifacts = self.workshop().folders.artifacts.clone();
        let removed = tokio::task::spawn_blocking(move || remove_copies(&artifacts, &files)).await;
        removed.map_err(interrupted)?.map_err(problem)?;
        self.jobs.tell_later(run.clone());
        Ok(())
    }

    fn vault(&self) -> &Vault {
        &self.workshop().vault
    }

    fn source(&self) -> &dyn Source {
        self.workshop()
    }

    async fn catalogue(&self) -> Result<Catalogue, Problem> {
        let folders = &self.workshop().folders;
        project::catalogue(&folders.data, folders.catalogue.as_ref()).map_err(problem)
    }

    async fn brand(&self) -> Result<Brand, Problem> {
        project::brand(&self.workshop().folders.assets).map_err(problem)
    }

    async fn settings(&self) -> Result<Settings, Problem> {
        Ok(self.workshop().settings.clone())
    }

    fn executions(&self) -> &dyn Executions {
        self.jobs.as_ref()
    }

    /// They are for a workflow that reads them; the runner has settings of its own.
    fn limits(&self) -> Limits {
        Limits { concurrency: 0, tolerated_failure_percentage: 100 }
    }

    fn links(&self) -> &dyn Links {
        self
    }

    fn batch(&self) -> Option<Batch> {
        Some(Project::batch())
    }

    async fn voices(&self) -> Vec<Voice> {
        voices(self.workshop()).await
    }

    fn origins(&self) -> &[String] {
        &[]
    }

    fn machine(&self) -> Option<&dyn Machine> {
        Some(self)
    }
}

#[async_trait]
impl Links for Local {
    async fn link(&self, key: &ObjectKey, seconds: u64) -> Result<Link, StoreError> {
        let given = self.media.give(key, seconds).map_err(|error| unavailable(key, "link to", &error))?;
        Ok(Link { address: format!("/v1/media/{}", given.address), ..given })
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
impl Machine for Local {
    async fn events(&self, run: &RunId, after: u64) -> Result<Vec<Event>, Problem> {
        Ok(self.journals.of(run).map_err(problem)?.after(after))
    }

    async fn more(&self, run: &RunId, after: u64) -> bool {
        match self.journals.of(run) {
            Ok(journal) => journal.more(after).await,
            Err(_) => false,
        }
    }

    fn bounded(&self, bounds: Bounds, dry_run: bool) -> Box<dyn Executions + '_> {
        Box::new(jobs::Bounded { jobs: self.jobs.as_ref(), bounds, dry_run })
    }

    async fn campaign(&self, run: &RunId) -> Result<Option<Known>, Problem> {
        Ok(self.jobs.campaign(run))
    }

    async fn media(&self, token: &str, request: Request<Body>) -> Result<Response<Body>, Problem> {
        media::answer(&self.media, token, request, &self.store).await
    }

    async fn receive(&self, upload: &Batch, workbook: Workbook, body: BodyDataStream) -> Result<(), Problem> {
        let path: PathBuf = self.store.path(&ObjectKey::Incoming(upload.clone(), workbook));
        uploads::receive(&path, body).await
    }
}

#[async_trait]
impl Source for jobs::Workshop {
    async fn material(&self) -> Result<Material, start::Error> {
        let folders = self.folders.clone();
        let loaded = tokio::task::spawn_blocking(move || Project::load(folders)).await;
        let told = |error, message| start::Error::Material { error, message };
        let project = loaded.map_err(|panic| told(ErrorName::ConfigInvalid, panic.to_string()))?;
        let project = project.map_err(|failure| told(failure.name(), failure.to_string()))?;
        let backgrounds = render::backgrounds(self.vault.store(), &self.settings.video).await.map_err(Failure::from);
        Ok(Material {
            backgrounds: backgrounds.map_err(|failure| told(failure.name(), failure.to_string()))?,
            settings: self.settings.clone(),
            catalogue: project.catalogue,
            phrases: project.phrases.digest(),
            lexicon: project.lexicon,
            assets: project.assets,
            engines: self.engines.of_this_machine(),
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn interrupted(panic: tokio::task::JoinError) -> Problem {
    Problem::new(ErrorName::StoreUnavailable, panic.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn problem(failure: Failure) -> Problem {
    Problem::new(failure.name(), failure.to_string())
}

/// Kokoro's voices and espeak-ng's, the first of what is installed being the default.
async fn voices(workshop: &jobs::Workshop) -> Vec<Voice> {
    let there = workshop.engines.of_this_machine();
    let espeak = narrate::english_voices(&workshop.programs.espeak).await.unwrap_or_default();
    let kokoro = narrate::kokoro::VOICES.map(|name| (Engine::Kokoro, name.to_owned()));
    let espeak = espeak.into_iter().map(|name| (Engine::Espeak, name));
    let openai = &workshop.settings.voice.openai;
    let openai =
        narrate::openai::VOICES.iter().filter(|_| openai.enabled).map(|name| (Engine::Openai, (*name).to_owned()));
    let mut voices: Vec<Voice> = Vec::new();
    let chosen = workshop.settings.voice.engine.only().or_else(|| there.first().copied());
    for (engine, name) in kokoro.into_iter().chain(espeak).chain(openai) {
        let first = !voices.iter().any(|voice| voice.engine == engine);
        let set = &workshop.settings.voice.name;
        let default = Some(engine) == chosen && if set.is_empty() { first } else { *set == name };
        let installed = engine == Engine::Openai || there.contains(&engine);
        voices.push(Voice {
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

/// Kokoro's names tell where a voice is from and whether it is a woman's or a man's: `af_heart`, `bm_george`.
fn label(engine: Engine, name: &str) -> String {
    let of_kokoro = || {
        let (kind, own) = name.split_once('_')?;
        let from = if kind.starts_with('b') { "British" } else { "American" };
        let who = if kind.ends_with('f') { "woman" } else { "man" };
        let mut own = own.chars();
        Some(format!("{}{}, {from} {who}", own.next()?.to_uppercase(), own.as_str()))
    };
    match engine {
        Engine::Kokoro => of_kokoro().unwrap_or_else(|| name.to_owned()),
        Engine::Espeak => format!("{name}, espeak-ng"),
        Engine::Polly | Engine::Openai => format!("{name}, {engine}"),
    }
}
