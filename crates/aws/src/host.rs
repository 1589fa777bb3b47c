//! The host that all Lambdas share. It starts the function, decodes payloads, and reports progress, metrics and errors.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use contracts::brand::{Brand, BrandError};
use contracts::catalogue::{Catalogue, CatalogueError};
use contracts::error::chain;
use contracts::key::RunPart;
use contracts::progress::{Step, StepKind};
use contracts::settings::{Settings, SettingsError};
use contracts::stage::{Stage, Subject};
use contracts::{CustomerRef, ErrorName, Language, NamedError, ObjectKey, RunId};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use phrases::materials::packaged_approvals;
use phrases::{Approvals, BookError, BookSource, Phrasebooks};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use storage::secret::SecretError;
use storage::store::StoreError;
use storage::vault::{Keys, Vault};
use thiserror::Error;
use tracing::Instrument as _;
use tracing_subscriber::EnvFilter;

use crate::environment::{self, EnvironmentError};
use crate::executions::{Refreshes, StateMachine};
use crate::kms::KmsSigner;
use crate::polly::Polly;
use crate::s3::S3Store;
use crate::secrets::SecretsManager;
use crate::timers::{EventBridgeTimers, TimerNames};
use crate::{metrics, panic_hook, step_functions_error};

/// An error as the workflow sees it: a name from the closed list, and the chain of causes.
pub struct Failure {
    name: ErrorName,
    message: String,
}

impl<E: NamedError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { name: error.name(), message: chain(&error) }
    }
}

impl Failure {
    /// Returns the error's name.
    #[must_use]
    pub const fn name(&self) -> ErrorName {
        self.name
    }

    /// Returns the chain of causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

// Rust prints the error that `main` returns in its `Debug` form.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.name.as_str().to_owned(), error_message: failure.message }
    }
}

/// The reason why a function cannot start or continue.
#[derive(Debug, Error)]
pub enum HostError {
    /// The payload is malformed. The error identifies the field but never repeats its value.
    #[error("invalid payload at `{field}`: {problem}")]
    Payload {
        /// The path of the field, such as `row.offset`; `.` is the whole payload.
        field: String,
        /// The problem with the field.
        problem: String,
    },
    /// An environment variable is missing or wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// A secret is missing or unavailable.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The store is unavailable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings are invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The catalog is invalid.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The phrasebook is invalid.
    #[error(transparent)]
    Phrases(#[from] BookError),
    /// The brand is invalid.
    #[error(transparent)]
    Brand(#[from] BrandError),
    /// A run's stored settings cannot be parsed, because another version wrote them.
    #[error("{key}: written by another version, and not readable by this one; start a new run")]
    StoredSettings {
        /// The key of the object.
        key: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The content of a text object is not UTF-8.
    #[error("{key}: not in UTF-8")]
    Encoding {
        /// The key of the object.
        key: String,
    },
    /// A file in the layer cannot be read, or the scratch folder cannot be used.
    #[error("{path}: cannot be read", path = .path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl NamedError for HostError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Payload { .. } => ErrorName::InputInvalidRequest,
            Self::Environment(error) => error.name(),
            Self::Secret(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::Settings(error) => error.name(),
            Self::Catalogue(error) => error.name(),
            Self::Phrases(error) => error.name(),
            Self::Brand(error) => error.name(),
            Self::StoredSettings { .. } => ErrorName::ConfigChanged,
            Self::Encoding { .. } => ErrorName::ConfigInvalid,
            Self::File { .. } => ErrorName::RenderAssetBroken,
        }
    }
}

/// A call to a stage, with its run and customer.
struct StageCall {
    stage: Stage,
    run: RunId,
    reference: Option<CustomerRef>,
}

/// A function's clients, which are built once. Its methods read the configuration again in every call.
pub struct Host {
    /// The encrypted store.
    pub vault: Vault,
    /// The secrets, for stages that need one.
    pub secrets: SecretsManager,
    /// The bucket, which can issue links.
    pub bucket: S3Store,
    config: SdkConfig,
}

/// Returns the HTTP client for every AWS service. It uses ring as its TLS stack; the SDK's default would add another one.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

impl Host {
    /// Starts a function: turns on JSON logs, creates clients from the environment (`BUCKET` and the ids of the secrets), and
    /// fetches the keys.
    pub async fn start() -> Result<Self, Failure> {
        panic_hook::install();
        log_as_json();
        let bucket = environment::required("BUCKET")?;
        // The template leaves it empty for a function that neither seals nor opens objects.
        environment::defined("DATA_KEY_SECRET")?;
        environment::required("REFERENCE_KEY_SECRET")?;
        let defaults = aws_config::defaults(BehaviorVersion::v2026_01_12());
        let config = defaults.http_client(https_client()).load().await;
        Self::with(&config, bucket).await
    }

    /// Returns a host with clients from `config`.
    pub async fn with(config: &SdkConfig, bucket: String) -> Result<Self, Failure> {
        let secrets = SecretsManager::from_environment(aws_sdk_secretsmanager::Client::new(config));
        let keys = Keys::from_secrets(&secrets).await?;
        let bucket = S3Store::new(aws_sdk_s3::Client::new(config), bucket).locking(environment::object_lock()?);
        Ok(Self { vault: Vault::new(Arc::new(bucket.clone()), keys), secrets, bucket, config: config.clone() })
    }

    /// Serves calls until the service stops the process.
    pub async fn serve<I, O>(&self, work: impl AsyncFn(I) -> Result<O, Failure>) -> Result<(), lambda_runtime::Error>
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        run(async |input| work(input).await.inspect_err(log)).await
    }

    /// Serves calls to a stage. Each call records its steps under `progress/`, and reports its duration in the log and
    /// as a metric.
    pub async fn serve_stage<I, O>(
        &self,
        stage: Stage,
        work: impl AsyncFn(I) -> Result<O, Failure>,
    ) -> Result<(), lambda_runtime::Error>
    where
        I: DeserializeOwned + Subject,
        O: Serialize,
    {
        run(async |input: I| {
            let task = StageCall { stage, run: input.run().clone(), reference: input.reference().cloned() };
            let reference = task.reference.as_ref().map(tracing::field::display);
            let span = tracing::info_span!("stage", %stage, run = %task.run, reference);
            async {
                let started = Instant::now();
                self.write_step(&task, StepKind::Started, 0.0, None).await;
                let worked = work(input).await;
                let seconds = started.elapsed().as_secs_f64();
                match &worked {
                    Ok(_) => {
                        self.write_step(&task, StepKind::Done, seconds, None).await;
                        tracing::info!(seconds, "stage done");
                    }
                    Err(failure) => {
                        self.write_step(&task, StepKind::Failed, seconds, Some(failure.name)).await;
                        tracing::error!(
                            seconds,
                            error = failure.name.as_str(),
                            cause = failure.message,
                            "stage failed"
                        );
                    }
                }
                metrics::stage_took(stage, seconds);
                worked
            }
            .instrument(span)
            .await
        })
        .await
    }

    /// Writes a step as an object. A failure to write progress does not stop the work.
    async fn write_step(&self, call: &StageCall, kind: StepKind, seconds: f64, error: Option<ErrorName>) {
        let step = Step { stage: call.stage, kind, at: Timestamp::now(), seconds, error };
        let key = ObjectKey::Progress(call.run.clone(), call.reference.clone(), step.name());
        let json = serde_json::to_vec(&step).expect("every type in the contracts crate serializes to JSON");
        if let Err(error) = self.vault.store().put(&key, json.into()).await {
            tracing::warn!(error = chain(&error), "failed to write progress");
        }
    }

    /// Returns the workflow in `STATE_MACHINE`.
    pub fn workflow(&self) -> Result<StateMachine, Failure> {
        let arn = environment::required("STATE_MACHINE")?;
        Ok(StateMachine::new(aws_sdk_sfn::Client::new(&self.config), arn))
    }

    /// Returns the workflow that rewrites manifests after decisions, which `REFRESH_MACHINE` names.
    pub fn refreshes(&self) -> Result<Refreshes, Failure> {
        let arn = environment::required("REFRESH_MACHINE")?;
        Ok(Refreshes::new(aws_sdk_sfn::Client::new(&self.config), arn))
    }

    /// Returns the timers of the bank's schedules, which invoke this function.
    pub fn timers(&self) -> Result<EventBridgeTimers, Failure> {
        let names = TimerNames::from_environment()?;
        Ok(EventBridgeTimers::new(aws_sdk_scheduler::Client::new(&self.config), names))
    }

    /// Returns the key in `SIGNING_KEY`, which signs the transparency log.
    pub fn signer(&self) -> Result<KmsSigner, Failure> {
        Ok(KmsSigner::new(&self.config, environment::required("SIGNING_KEY")?))
    }

    /// Returns Polly in the function's region.
    #[must_use]
    pub fn polly(&self) -> Polly {
        Polly::new(&self.config)
    }

    /// Reads the settings that a run started with, so a deployment or new settings in the middle of a run do not affect
    /// its remaining customers. Returns the current settings if the run was started by a version that did not store
    /// them.
    pub async fn settings_of(&self, run: &RunId) -> Result<Settings, HostError> {
        let key = ObjectKey::Run(run.clone(), RunPart::Settings);
        let Some(json) = self.vault.store().find(&key).await? else { return self.settings().await };
        serde_json::from_slice(&json).map_err(|source| HostError::StoredSettings { key: key.to_string(), source })
    }

    /// Reads `config/bespoke.toml`, or returns the defaults if it does not exist. Each call reads it again, so a warm
    /// function never uses outdated settings.
    pub async fn settings(&self) -> Result<Settings, HostError> {
        match self.vault.store().find(&ObjectKey::Settings).await? {
            Some(bytes) => Ok(Settings::from_toml(&text(&ObjectKey::Settings, bytes.to_vec())?)?),
            None => Ok(Settings::default()),
        }
    }

    /// Reads `config/catalogue.json`.
    pub async fn catalogue(&self) -> Result<Catalogue, HostError> {
        Ok(Catalogue::from_json(&self.vault.store().get(&ObjectKey::Catalogue).await?)?)
    }

    /// Reads the phrasebooks in `config/phrases/` with their approvals. If there is none, uses the packaged phrasebooks for
    /// the sample catalog, and fails for any other catalog.
    pub async fn phrases(&self, catalogue: &Catalogue, settings: &Settings) -> Result<Phrasebooks, HostError> {
        let store = self.vault.store();
        let mut sources = BTreeMap::new();
        for language in Language::ALL {
            let key = ObjectKey::Phrasebook(language);
            let Some(book) = store.find(&key).await? else { continue };
            let book = text(&key, book.to_vec())?;
            let key = ObjectKey::PhraseApprovals(language);
            let approvals = store.find(&key).await?.map_or_else(Vec::new, |bytes| bytes.to_vec());
            sources.insert(language, BookSource { book, approvals: text(&key, approvals)? });
        }
        if sources.is_empty() {
            return Ok(Phrasebooks::packaged_for(catalogue, settings.language)?);
        }
        Ok(Phrasebooks::parse(settings.language, &sources)?)
    }

    /// Reads `config/catalogue.approvals.csv`. If it does not exist, returns the packaged approvals, which are valid only for
    /// the sample catalog.
    pub async fn catalogue_approvals(&self) -> Result<Approvals, HostError> {
        let key = ObjectKey::CatalogueApprovals;
        let Some(bytes) = self.vault.store().find(&key).await? else { return Ok(packaged_approvals()) };
        Ok(Approvals::parse(&text(&key, bytes.to_vec())?).map_err(BookError::from)?)
    }

    /// Reads the text of `config/lexicon.toml`.
    pub async fn lexicon(&self) -> Result<String, HostError> {
        let bytes = self.vault.store().get(&ObjectKey::Lexicon).await?;
        text(&ObjectKey::Lexicon, bytes.to_vec())
    }
}

/// Decodes a payload. The error names the path of a malformed field.
fn decode<T: DeserializeOwned>(payload: Value) -> Result<T, HostError> {
    serde_path_to_error::deserialize(payload).map_err(|error| {
        // Serde's other messages may quote the value, which may be personal.
        let safe = Some(error.inner().to_string()).filter(|message: &String| message.starts_with("missing field"));
        let problem = safe.unwrap_or_else(|| "invalid value".to_owned());
        HostError::Payload { field: error.path().to_string(), problem }
    })
}

/// Returns the folder with the bank's assets: `ASSETS_DIR`, or the folder in the Lambda layer.
#[must_use]
pub fn assets() -> PathBuf {
    environment::path("ASSETS_DIR", "/opt/bespoke/assets")
}

/// A scratch folder for this process's calls. The process locks it until the process ends.
///
/// A call that runs out of time leaves its files behind, and over time they would fill the disk of a warm function. Other
/// processes may use the same parent folder, so only the folders of processes that have ended are removed.
pub struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Creates this process's folder in `parent`, and removes the folders of processes that have ended.
    ///
    /// # Errors
    /// If a folder cannot be created, locked or removed.
    pub fn open(parent: &Path) -> Result<Self, Failure> {
        let folder = parent.join(std::process::id().to_string());
        let lock = create_scratch(parent, &folder);
        let lock = lock.map_err(|source| HostError::File { path: parent.to_owned(), source })?;
        Ok(Self { folder, _lock: lock })
    }

    /// Removes the files that an earlier call left in the folder, and returns the folder.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn emptied(&self) -> Result<&Path, Failure> {
        let failed = |source| HostError::File { path: self.folder.clone(), source };
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            remove(&entry.map_err(failed)?.path()).map_err(failed)?;
        }
        Ok(&self.folder)
    }
}

fn create_scratch(parent: &Path, folder: &Path) -> std::io::Result<File> {
    std::fs::create_dir_all(parent)?;
    // This lock is held until the function returns, so no other process sees the new folder before it is locked.
    let turn = File::open(parent)?;
    turn.lock()?;
    for entry in std::fs::read_dir(parent)? {
        let path = entry?.path();
        if File::open(&path)?.try_lock().is_ok() {
            remove(&path)?;
        }
    }
    std::fs::create_dir(folder)?;
    let lock = File::open(folder)?;
    lock.lock()?;
    Ok(lock)
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
}

/// Reads `brand.toml` from the assets folder.
pub fn brand() -> Result<Brand, Failure> {
    let path = assets().join("brand.toml");
    let text = std::fs::read_to_string(&path).map_err(|source| HostError::File { path, source })?;
    Ok(Brand::from_toml(&text)?)
}

/// Reads a file of the brand. `path` is relative to the assets folder.
pub fn brand_file(path: &str) -> Result<Vec<u8>, HostError> {
    let path = assets().join(path);
    std::fs::read(&path).map_err(|source| HostError::File { path, source })
}

async fn run<I, O>(work: impl AsyncFn(I) -> Result<O, Failure>) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
{
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| answer(event.payload, &work))).await
}

async fn answer<I, O>(mut payload: Value, stage: &impl AsyncFn(I) -> Result<O, Failure>) -> Result<O, Failure>
where
    I: DeserializeOwned,
{
    step_functions_error::translate(&mut payload);
    stage(decode(payload).map_err(Failure::from).inspect_err(log)?).await
}

fn log(failure: &Failure) {
    tracing::error!(error = failure.name.as_str(), cause = failure.message, "call failed");
}

fn text(key: &ObjectKey, bytes: Vec<u8>) -> Result<String, HostError> {
    String::from_utf8(bytes).map_err(|_| HostError::Encoding { key: key.to_string() })
}

fn log_as_json() {
    let level = environment::optional("AWS_LAMBDA_LOG_LEVEL").or_else(|| environment::optional("RUST_LOG"));
    let filter = EnvFilter::try_new(level.as_deref().unwrap_or("info")).unwrap_or_else(|_| EnvFilter::new("info"));
    // Setting the subscriber fails only if the process has already set one, which then stays in effect.
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_target(false).with_env_filter(filter).try_init();
}

#[cfg(test)]
mod tests {
    use contracts::stage::{AssessInput, MergeInput};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn malformed_payload_names_the_field_but_not_its_value() {
        let row = json!({"reference": "0".repeat(32), "offset": "Maria", "length": "9", "digest": "0".repeat(64)});
        let payload = json!({"run": "run-1", "dataset": "0".repeat(64), "row": row});
        let stage = async |_: AssessInput| -> Result<(), Failure> { panic!("must not be called") };
        let diagnostic: Diagnostic = answer(payload, &stage).await.unwrap_err().into();
        assert_eq!(diagnostic.error_type, "Input.InvalidRequest");
        assert_eq!(diagnostic.error_message, "invalid payload at `row.offset`: invalid value");
    }

    #[test]
    fn scratch_removes_files_of_killed_calls_and_keeps_those_of_running_ones() {
        let parent = std::env::temp_dir().join(format!("bespoke-scratch-{}", std::process::id()));
        let [ended, running] = ["1-ended", "1-running"].map(|name| parent.join(name));
        for folder in [&ended, &running] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("part.mp4"), "left behind").unwrap();
        }
        let other = File::open(&running).unwrap();
        other.lock().unwrap();

        let scratch = Scratch::open(&parent).unwrap();
        assert!(!ended.exists());
        assert!(running.join("part.mp4").exists(), "another process is rendering");
        std::fs::write(scratch.emptied().unwrap().join("part.mp4"), "left behind").unwrap();
        assert_eq!(std::fs::read_dir(scratch.emptied().unwrap()).unwrap().count(), 0);
        std::fs::remove_dir_all(&parent).unwrap();
    }

    #[test]
    fn error_names_the_missing_field() {
        let error = decode::<MergeInput>(json!({"run": "run-1"})).unwrap_err();
        assert_eq!(error.to_string(), "invalid payload at `.`: missing field `batch`");
    }

    #[tokio::test]
    async fn error_keeps_its_name_and_causes() {
        let stage = async |input: MergeInput| -> Result<(), Failure> {
            let path = PathBuf::from(input.batch.as_str());
            Err(HostError::File { path, source: std::io::Error::other("no such disk") }.into())
        };
        let payload = json!({"run": "run-1", "batch": "monday"});
        let diagnostic: Diagnostic = answer(payload, &stage).await.unwrap_err().into();
        assert_eq!(diagnostic.error_type, "Render.AssetBroken");
        assert_eq!(diagnostic.error_message, "monday: cannot be read: no such disk");
    }

    #[tokio::test]
    async fn valid_payload_gets_a_response() {
        let stage = async |input: MergeInput| -> Result<String, Failure> { Ok(input.batch.to_string()) };
        let payload = json!({"run": "run-1", "batch": "monday"});
        assert_eq!(answer(payload, &stage).await.unwrap(), "monday");
    }
}
