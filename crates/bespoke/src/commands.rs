//! The commands, each of which ends in an exit code.

use std::path::Path;

use serde::Serialize;

use crate::cli::{CatalogueCommand, Cli, Command};
use crate::config::Config;
use crate::failure::Failure;

mod campaign;
mod catalogue;
mod check;
mod config;
mod control;
mod disparity;
mod doctor;
mod evidence;
mod explain;
pub mod guard;
mod inspect;
mod narrate;
mod play;
mod run;
mod sample;
mod sentiment;
mod serve;
mod verify;
mod voices;

/// Carries out a command.
pub async fn execute(cli: Cli) -> Result<u8, Failure> {
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

/// The folder from which paths are told.
fn here() -> std::path::PathBuf {
    std::env::current_dir().unwrap_or_else(|_| Path::new(".").to_owned())
}
