//! The commands, each of which ends in an exit code.

use std::path::Path;
use std::sync::Arc;

use contracts::{CustomerId, CustomerRef, ErrorName, RunId};
use serde::Serialize;
use storage::vault::{Keys, Vault};

use crate::cli::{CatalogueCommand, Cli, Command};
use crate::config::Config;
use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::panic_hook;
use crate::project::vault;
use crate::secrets::LocalSecrets;

mod campaign;
mod catalogue;
mod check;
mod config;
mod control;
pub(crate) mod deliver;
mod disparity;
mod doctor;
mod evidence;
mod expire;
mod explain;
mod forget;
pub mod guard;
mod inspect;
mod narrate;
mod play;
pub(crate) mod recall;
pub(crate) mod review;
mod run;
mod sample;
mod sentiment;
mod serve;
mod verify;
mod voices;

/// Carries out a command.
pub async fn execute(cli: Cli) -> Result<u8, Failure> {
    panic_hook::install();
    let shared = Shared { json: cli.json, verbose: cli.verbose };
    let config = || Config::load(cli.config.as_deref(), |name| std::env::var(name).ok());
    match cli.command {
        Command::Demo(demo) => run::demo(demo, config()?, shared).await,
        Command::Run(run) => run::one(run, config()?, shared).await,
        Command::Campaign(campaign) => campaign::execute(campaign, config()?, shared).await,
        Command::Verify(verify) => verify::execute(verify, shared).await,
        Command::Check(check) => check::execute(check, config()?, shared).await,
        Command::Guard(guard) => guard::execute(&guard, shared),
        Command::Sample(sample) => sample::execute(&sample, shared),
        Command::Config => Ok(config::execute(&config()?, shared)),
        Command::Doctor(doctor) => doctor::execute(&doctor, &config()?, shared).await,
        Command::Voices(voices) => voices::execute(voices, &config()?, shared).await,
        Command::Narrate(narrate) => narrate::execute(narrate, &config()?, shared).await,
        Command::Play(play) => play::execute(play, shared).await,
        Command::Evidence(evidence) => evidence::execute(evidence, shared).await,
        Command::Inspect(inspect) => inspect::execute(inspect, shared).await,
        Command::Explain(explain) => explain::execute(explain, config()?, shared).await,
        Command::Sentiment(sentiment) => sentiment::execute(&sentiment),
        Command::Serve(serve) => serve::execute(serve, config()?, shared).await,
        Command::Suppress(suppress) => control::suppress(suppress, shared).await,
        Command::Consent(consent) => control::consent(consent, shared).await,
        Command::Review(review) => review::execute(review, config()?, shared).await,
        Command::Recall(recall) => recall::execute(recall, &config()?, shared).await,
        Command::Forget(forget) => forget::execute(forget, shared).await,
        Command::Hold(hold) => control::hold(hold, shared).await,
        Command::Deliver(deliver) => deliver::execute(deliver, &config()?, shared).await,
        Command::Expire(expire) => expire::execute(&expire, &config()?, shared).await,
        Command::Disparity(disparity) => disparity::execute(disparity, config()?, shared).await,
        Command::Catalogue(CatalogueCommand::Check { file }) => catalogue::check(&file, shared),
    }
}

/// What every command is told.
#[derive(Clone, Copy, Debug)]
struct Shared {
    json: bool,
    verbose: u8,
}

impl Shared {
    /// Prints a report: as JSON if that was asked for, or else as `people` read it.
    fn print<T: Serialize>(self, report: &T, people: impl FnOnce() -> String) {
        if self.json {
            let json = serde_json::to_string_pretty(report).expect("reports serialize to JSON");
            anstream::println!("{json}");
        } else {
            anstream::print!("{}", people());
        }
    }
}

/// Whoever is named, or else the user of this session.
fn person(named: Option<String>) -> Result<String, Failure> {
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
    named.or_else(|| set("USER")).or_else(|| set("LOGNAME")).ok_or_else(|| {
        let message = "nobody is named who does this, and the session has no user";
        Failure::told(ErrorName::InputInvalidRequest, message, "give --by NAME")
    })
}

/// A run as somebody typed it.
fn run_id(run: String) -> Result<RunId, Failure> {
    RunId::parse(run)
        .map_err(|error| Failure::told(ErrorName::InputInvalidRequest, error.to_string(), "see artifacts/runs"))
}

/// The reference of a customer as somebody typed the id.
fn reference(customer: String, keys: &Keys) -> Result<CustomerRef, Failure> {
    let id = CustomerId::parse(customer).map_err(|error| {
        Failure::told(ErrorName::InputInvalidRequest, error.to_string(), "ids are text: 0001 is not 1")
    })?;
    Ok(keys.reference(&id))
}

/// The folder of artefacts as a store, and a vault over it with the keys that it was sealed with.
async fn opened(artifacts: &Path) -> Result<(Arc<FolderStore>, Vault, LocalSecrets), Failure> {
    let store = FolderStore::open(artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?;
    let store = Arc::new(store);
    let secrets = LocalSecrets::of_folder(artifacts);
    let vault = vault(store.clone(), &secrets).await?;
    Ok((store, vault, secrets))
}

/// The folder from which paths are told.
fn here() -> std::path::PathBuf {
    std::env::current_dir().unwrap_or_else(|_| Path::new(".").to_owned())
}
