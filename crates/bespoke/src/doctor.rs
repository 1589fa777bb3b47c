//! What is missing on this machine, and the command that installs it.

use std::path::PathBuf;

use contracts::error::chain;
use contracts::key::Workbook;
use contracts::secret::{SecretName, Secrets};
use contracts::settings::{EngineChoice, Settings};
use contracts::voice::Engine;
use contracts::{ErrorName, NamedError};
use serde::Serialize;

use crate::failure::Failure;
use crate::project::{Folders, Project};
use crate::runner::Programs;
use crate::secrets::is_set;

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// Whether it is as it must be.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The error that a run would end with.
    #[serde(skip)]
    pub name: ErrorName,
}

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it must be.
    Good,
    /// Not needed, but worth knowing.
    Note,
    /// A run would fail.
    Bad,
}

/// The programs, found on the path or named by `BESPOKE_FFMPEG`, `BESPOKE_FFPROBE` and `BESPOKE_ESPEAK`.
#[must_use]
pub fn programs() -> Programs {
    let program = |variable: &str, name: &str| {
        std::env::var_os(variable).map_or_else(|| which::which(name).unwrap_or_else(|_| name.into()), PathBuf::from)
    };
    Programs {
        media: render::Tools {
            ffmpeg: program("BESPOKE_FFMPEG", "ffmpeg"),
            ffprobe: program("BESPOKE_FFPROBE", "ffprobe"),
        },
        espeak: program("BESPOKE_ESPEAK", "espeak-ng"),
    }
}

/// The speech engines of this machine. `http` is for the outside service, if the settings switch it on.
#[must_use]
pub fn engines(programs: &Programs, settings: &Settings, http: reqwest::Client) -> narrate::Engines {
    let kokoro = narrate::kokoro::Files::find(&crate::voices::folder());
    let engines = narrate::Engines::new(programs.espeak.clone(), http).with_kokoro(kokoro);
    match settings.local.concurrency {
        0 => engines,
        sentences => engines.with_concurrency(sentences),
    }
}

/// Looks at the programs that every run with a video needs.
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

/// Looks at everything.
pub async fn examine(folders: &Folders, settings: &Settings, secrets: &dyn Secrets) -> Vec<Finding> {
    let mut findings = check_programs(&programs()).await;
    findings.push(match Project::load(folders.clone()) {
        Ok(project) => {
            let (bank, products) = (project.catalogue.bank(), project.catalogue.products().len());
            good("bank's material", format!("{bank}, {products} products, brand of {}", project.brand.name))
        }
        Err(failure) => from_failure("bank's material", &failure),
    });
    findings.push(workbooks(folders));
    findings.push(if is_set(secrets, SecretName::WorkbookPassword).await {
        good("workbook password", "EXCEL_PASSWORD is set".to_owned())
    } else {
        note(
            "workbook password",
            "EXCEL_PASSWORD is not set".to_owned(),
            "set it in the environment or in .env; bespoke demo knows that of the sample workbooks",
        )
    });
    findings.push(match secrets.get(SecretName::DataKey).await {
        Ok(_) => good("keys", "the keys that seal customer data are there".to_owned()),
        Err(error) => bad("keys", &error, error.help()),
    });
    findings.push(model(settings, secrets).await);
    if let Some(end) = settings.writer.announced_end() {
        findings.push(note(
            "model",
            end,
            "writer.models in bespoke.toml tells what a model takes that the program does not know",
        ));
    }
    findings.push(voice(settings));
    findings
}

/// The first thing that a run would fail of.
pub fn first_bad(findings: &[Finding]) -> Result<(), Failure> {
    match findings.iter().find(|finding| finding.state == State::Bad) {
        Some(bad) => Err(Failure::Told { name: bad.name, message: bad.found.clone(), help: bad.help.clone() }),
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
        help: Some(format!("put them there, or make samples: bespoke sample --out {}", folders.data.display())),
        name: ErrorName::InputMissingWorkbook,
    }
}

async fn model(settings: &Settings, secrets: &dyn Secrets) -> Finding {
    let model = &settings.writer.model;
    let has_key = is_set(secrets, SecretName::ModelKey).await || !recommend::needs_key(&model.base_url);
    match (model.enabled, has_key) {
        (true, true) => good("writer", format!("{} at {}, given: {}", model.name, model.base_url, model.fields.join(", "))),
        (true, false) => note(
            "writer",
            "the model is switched on, but OPENAI_API_KEY is not set: the template writer writes".to_owned(),
            "set it in the environment or in .env",
        ),
        (false, true) => note(
            "writer",
            "the template writer; OPENAI_API_KEY is set, but no facts leave this machine until the model is switched on"
                .to_owned(),
            "writer.model.enabled = true in bespoke.toml lets the fields of writer.model.fields be sent",
        ),
        (false, false) => good("writer", "the template writer; nothing leaves this machine".to_owned()),
    }
}

fn voice(settings: &Settings) -> Finding {
    let installed = narrate::kokoro::Files::find(&crate::voices::folder()).is_some();
    let openai = &settings.voice.openai;
    match settings.voice.engine {
        EngineChoice::Auto if installed => good("voice", "kokoro, and espeak-ng if it fails".to_owned()),
        EngineChoice::Auto => {
            let found = "espeak-ng; kokoro, which sounds like a person, is not installed".to_owned();
            note("voice", found, "bespoke voices install")
        }
        EngineChoice::Kokoro if !installed => bad("voice", &narrate::Error::EngineUnavailable(Engine::Kokoro), None),
        EngineChoice::Polly => bad("voice", &narrate::Error::EngineUnavailable(Engine::Polly), None),
        EngineChoice::Openai if !openai.enabled => bad("voice", &narrate::Error::ServiceDisabled, None),
        EngineChoice::Openai => {
            good("voice", format!("{} at {}, given: the spoken text", openai.model, openai.base_url))
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

/// The command that installs a program with the package manager that is here.
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
