//! Checks whether this machine has everything that a run needs, and suggests commands to install anything missing.

use std::path::Path;

use contracts::error::chain;
use contracts::key::Workbook;
use contracts::model::WriterMode;
use contracts::settings::{EngineChoice, Settings};
use contracts::text::counted;
use contracts::voice::Engine;
use contracts::{ErrorName, Language, NamedError};
use policy::ledger::{self, Audit, LedgerError};
use serde::Serialize;
use storage::secret::{SecretName, Secrets};

use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::programs::{Programs, voices_folder};
use crate::project::{Folders, Project, vault};
use crate::secrets::{LocalSecrets, is_set};
use crate::verify::newest_marks;

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The item that was checked.
    pub what: &'static str,
    /// Whether a run can use it.
    pub state: State,
    /// The finding, as human-readable text.
    pub found: String,
    /// The remedy.
    pub help: Option<String>,
    /// The error that a run would fail with.
    #[serde(skip)]
    pub name: ErrorName,
}

/// The state of a checked item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A run can use it.
    Good,
    /// A run works without it, but the user should know that it is missing.
    Note,
    /// A run would fail.
    Bad,
}

/// Checks the programs that every run with a video needs.
pub async fn check_programs(programs: &Programs) -> Vec<Finding> {
    let tools = programs.media.clone();
    let media = tokio::task::spawn_blocking(move || render::probe_tools(&tools)).await;
    let ffmpeg = match media {
        Ok(Ok(found)) => good("ffmpeg", format!("ffmpeg {}, ffprobe {}", found.ffmpeg, found.ffprobe)),
        Ok(Err(error)) => bad("ffmpeg", &error, install("ffmpeg")),
        Err(panic) => Finding {
            what: "ffmpeg",
            state: State::Bad,
            found: panic.to_string(),
            help: install("ffmpeg"),
            name: ErrorName::RenderEngineMissing,
        },
    };
    let espeak = match narrate::engine_version(&programs.espeak).await {
        Ok(version) => good("espeak-ng", version),
        Err(error) => bad("espeak-ng", &error, install("espeak-ng")),
    };
    vec![ffmpeg, espeak]
}

/// Checks everything.
pub async fn examine(folders: &Folders, settings: &Settings, secrets: &dyn Secrets) -> Vec<Finding> {
    let mut findings = check_programs(&Programs::find()).await;
    findings.push(match Project::load(folders.clone(), settings.language) {
        Ok(project) => {
            let bank = project.catalogue.bank();
            let products = project.catalogue.products().len();
            let languages: Vec<&str> = project.languages().iter().map(Language::name).collect();
            let languages = languages.join(" and ");
            good("bank's materials", format!("{bank}, {products} products, brand {}, {languages}", project.brand.name))
        }
        Err(failure) => from_failure("bank's materials", &failure),
    });
    findings.extend(languages(folders, settings.language));
    findings.push(workbooks(folders));
    findings.push(if is_set(secrets, SecretName::WorkbookPassword).await {
        good("workbook password", "EXCEL_PASSWORD is set".to_owned())
    } else {
        note(
            "workbook password",
            "EXCEL_PASSWORD is not set".to_owned(),
            "set it in the environment or in .env; bespoke demo and bespoke serve know the password of the sample workbooks",
        )
    });
    findings.push(match secrets.get(SecretName::DataKey).await {
        Ok(_) => good("keys", "the keys that seal customer data exist".to_owned()),
        Err(error) => bad("keys", &error, error.help()),
    });
    findings.extend(control(&folders.artifacts).await);
    findings.push(model(settings, secrets).await);
    if let Some(end) = settings.writer.retirement_warning() {
        findings.push(note("model", end, "describe an unknown model under writer.models in bespoke.toml"));
    }
    findings.push(voice(settings));
    findings.extend(scenes(folders, settings.language));
    findings
}

/// Compares control data with its ledger. Returns `None` if the folder does not exist or there is no reference key.
async fn control(artifacts: &Path) -> Option<Finding> {
    let secrets = LocalSecrets::of_folder(artifacts);
    if !artifacts.is_dir() || !is_set(&secrets, SecretName::ReferenceKey).await {
        return None;
    }
    Some(match audit(artifacts, &secrets).await {
        Ok(audit) => match (audit.gaps.first(), audit.uncovered.first()) {
            (Some(gap), _) => {
                let gap = LedgerError::from(gap.clone());
                bad("control data", &gap, gap.help())
            }
            (None, Some(key)) => note(
                "control data",
                format!("{key} is not in the ledger, so no one would notice a deletion"),
                "run bespoke control --accept",
            ),
            (None, None) => good(
                "control data",
                format!("the ledger covers {}", counted(audit.covered, "record or list", "records and lists")),
            ),
        },
        Err(failure) => from_failure("control data", &failure),
    })
}

async fn audit(artifacts: &Path, secrets: &LocalSecrets) -> Result<Audit, Failure> {
    let store = FolderStore::open(artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?;
    let vault = vault(store.into(), secrets).await?;
    Ok(ledger::audit(&vault, &newest_marks(vault.store()).await?, true).await?)
}

/// Returns the first finding that would make a run fail, as an error.
pub fn first_bad(findings: &[Finding]) -> Result<(), Failure> {
    match findings.iter().find(|finding| finding.state == State::Bad) {
        Some(bad) => Err(Failure::Refused { name: bad.name, message: bad.found.clone(), help: bad.help.clone() }),
        None => Ok(()),
    }
}

fn workbooks(folders: &Folders) -> Finding {
    let missing: Vec<_> =
        Workbook::ALL.map(Workbook::file_name).into_iter().filter(|name| !folders.data.join(name).is_file()).collect();
    if missing.is_empty() {
        return good("workbooks", format!("all three in {}", folders.data.display()));
    }
    Finding {
        what: "workbooks",
        state: State::Bad,
        found: format!("{} not in {}", missing.join(", "), folders.data.display()),
        help: Some(format!(
            "put the workbooks there, or create samples: bespoke sample --out {}",
            folders.data.display()
        )),
        name: ErrorName::InputMissingWorkbook,
    }
}

async fn model(settings: &Settings, secrets: &dyn Secrets) -> Finding {
    let writer = &settings.writer;
    let model = &writer.model;
    let key_is_set = is_set(secrets, SecretName::ModelKey).await;
    let has_key = key_is_set || !recommend::needs_key(&model.base_url);
    let receives = || format!("{} at {} receives: {}", model.name, model.base_url, model.fields.join(", "));
    match (writer.mode, model.enabled, has_key) {
        (WriterMode::Free, true, true) if writer.free_without_review => note(
            "writer",
            format!("free; {}; free text is published without a person's approval", receives()),
            "set writer.free_without_review = false to have a reviewer approve each result",
        ),
        (WriterMode::Select | WriterMode::Free, true, true) => {
            good("writer", format!("{}; {}", writer.mode, receives()))
        }
        (WriterMode::Select | WriterMode::Free, true, false) => note(
            "writer",
            format!("{}, but OPENAI_API_KEY is not set, so the phrasebook is used", writer.mode),
            "set it in the environment or in .env",
        ),
        (WriterMode::Select | WriterMode::Free, false, _) => note(
            "writer",
            format!("{}, but writer.model.enabled is false, so the phrasebook is used", writer.mode),
            "set writer.model.enabled = true in bespoke.toml to send the fields that writer.model.fields lists",
        ),
        (WriterMode::Phrases, ..) if key_is_set => note(
            "writer",
            "the phrasebook; OPENAI_API_KEY is set, but no data leaves this machine".to_owned(),
            "to enable a model, set writer.mode = \"select\" or \"free\" and writer.model.enabled = true",
        ),
        (WriterMode::Phrases, ..) => good("writer", "the phrasebook; no data leaves this machine".to_owned()),
    }
}

fn voice(settings: &Settings) -> Finding {
    let installed = narrate::kokoro::Files::find(&voices_folder()).is_some();
    let openai = &settings.voice.openai;
    match settings.voice.engine {
        EngineChoice::Auto if installed => good("voice", "kokoro, or espeak-ng if it fails".to_owned()),
        EngineChoice::Auto => {
            let found = "espeak-ng; kokoro, which sounds natural, is not installed".to_owned();
            note("voice", found, "bespoke voices install")
        }
        EngineChoice::Kokoro if !installed => bad("voice", &narrate::Error::EngineUnavailable(Engine::Kokoro), None),
        EngineChoice::Polly => bad("voice", &narrate::Error::EngineUnavailable(Engine::Polly), None),
        EngineChoice::Openai if !openai.enabled => bad("voice", &narrate::Error::ServiceDisabled, None),
        EngineChoice::Openai => {
            good("voice", format!("{} at {}, receives: the spoken text", openai.model, openai.base_url))
        }
        EngineChoice::Kokoro => good("voice", "kokoro".to_owned()),
        EngineChoice::Espeak => good("voice", "espeak-ng".to_owned()),
    }
}

fn good(what: &'static str, found: String) -> Finding {
    Finding { what, state: State::Good, found, help: None, name: ErrorName::ConfigInvalid }
}

fn note(what: &'static str, found: String, help: &str) -> Finding {
    Finding { what, state: State::Note, found, help: Some(help.to_owned()), name: ErrorName::SecretMissing }
}

fn bad(what: &'static str, error: &dyn NamedError, help: Option<String>) -> Finding {
    Finding { what, state: State::Bad, found: chain(error), help: help.or_else(|| error.help()), name: error.name() }
}

fn from_failure(what: &'static str, failure: &Failure) -> Finding {
    Finding { what, state: State::Bad, found: failure.to_string(), help: failure.help(), name: failure.name() }
}

/// Returns the command that installs a package with the package manager of this machine.
fn install(package: &str) -> Option<String> {
    const MANAGERS: [(&str, &str); 5] = [
        ("apt-get", "sudo apt-get install"),
        ("dnf", "sudo dnf install"),
        ("pacman", "sudo pacman -S"),
        ("apk", "sudo apk add"),
        ("brew", "brew install"),
    ];
    let (_, command) = MANAGERS.iter().find(|(manager, _)| which::which(manager).is_ok())?;
    Some(format!("{command} {package}"))
}

/// Checks that the brand has texts in each language that has a phrasebook. Returns `None` if it does. Also returns
/// `None` if the bank's materials cannot be read, which is reported separately.
fn languages(folders: &Folders, bank: Language) -> Option<Finding> {
    let project = Project::load(folders.clone(), bank).ok()?;
    let mut books = project.phrases.iter().map(|(language, _)| language);
    let language = books.find(|language| !project.brand.has_texts_in(*language))?;
    Some(Finding {
        what: "languages",
        state: State::Note,
        found: format!(
            "customers cannot be addressed in {}: brand.toml has no translations.{language}",
            language.name()
        ),
        help: Some(format!("add [translations.{language}] to brand.toml, or remove phrases/{language}.toml")),
        name: ErrorName::ConfigInvalid,
    })
}

/// Checks that the brand's scenes can show every product. Returns `None` if the bank's materials cannot be read, which
/// is reported separately.
fn scenes(folders: &Folders, language: Language) -> Option<Finding> {
    let project = Project::load(folders.clone(), language).ok()?;
    let in_language = |language| {
        let brand = project.brand.in_language(language);
        let catalogue = project.catalogue.in_language(language);
        render::preview::check_scenes(&folders.assets, &brand, &catalogue)
    };
    let problems: Vec<_> = project.languages().iter().flat_map(in_language).collect();
    Some(match problems.first() {
        None => good("scenes", "every product fits in all three aspect ratios".to_owned()),
        Some(first) => Finding {
            what: "scenes",
            state: State::Bad,
            found: format!("{} problems, first: {}", problems.len(), first.reason),
            help: Some("list all of them with bespoke scene check".to_owned()),
            name: ErrorName::ConfigInvalid,
        },
    })
}
