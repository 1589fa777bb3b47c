//! The commands. Each one returns an exit code.

use std::path::Path;

use contracts::ErrorName;
use runner::config::Config;
use runner::failure::Failure;
use runner::intake;

use crate::cli::tools::CatalogueCommand;
use crate::cli::{Cli, Command};
use crate::panic_hook;
use context::Context;

mod answers;
mod campaign;
mod catalogue;
mod check;
mod config;
pub mod context;
mod control_lists;
mod disparity;
mod doctor;
mod effect;
mod evidence;
mod expire;
mod explain;
mod export;
mod forget;
mod guard;
mod inspect;
mod keys;
mod narrate;
mod open;
mod phrases;
mod pin;
mod play;
mod recall;
mod reference;
mod review;
mod run;
mod sample;
mod scene;
mod schedules;
mod sections;
mod sentiment;
mod serve;
mod signals;
mod verify;
mod voices;

/// Carries out a command.
pub async fn execute(cli: Cli) -> Result<u8, Failure> {
    panic_hook::install();
    let context = Context { json: cli.json, verbose: cli.verbose };
    let config = || Config::load(cli.config.as_deref(), |name| std::env::var(name).ok());
    match cli.command {
        Command::Demo(args) => Box::pin(run::demo(args, config()?, context)).await,
        Command::Run(args) => Box::pin(run::one(args, config()?, context)).await,
        Command::Campaign(args) => Box::pin(campaign::execute(args, config()?, context)).await,
        Command::Verify(args) => verify::execute(args, &config()?, context).await,
        Command::Pin(args) => pin::execute(&args, context).await,
        Command::Check(args) => check::execute(args, config()?, context).await,
        Command::Guard(args) => guard::execute(&args, context),
        Command::Sample(args) => sample::execute(&args, context),
        Command::Config => Ok(config::execute(&config()?, context)),
        Command::Doctor(args) => doctor::execute(args, &config()?, context).await,
        Command::Voices(args) => voices::execute(args, &config()?, context).await,
        Command::Narrate(args) => narrate::execute(args, &config()?, context).await,
        Command::Play(args) => play::execute(args, &config()?, context).await,
        Command::Evidence(args) => evidence::execute(args, &config()?, context).await,
        Command::Inspect(args) => inspect::execute(args, context).await,
        Command::Explain(args) => explain::execute(args, config()?, context).await,
        Command::Sentiment(args) => sentiment::execute(&args),
        Command::Serve(args) => serve::execute(args, config()?, context).await,
        Command::Suppress(args) => control_lists::suppress(args, context).await,
        Command::Consent(args) => control_lists::consent(args, context).await,
        Command::Review(args) => Box::pin(review::execute(args, config()?, context)).await,
        Command::Recall(args) => recall::execute(args, &config()?, context).await,
        Command::Effect(args) => effect::execute(args, context).await,
        Command::Forget(args) => forget::execute(args, context).await,
        Command::Control(args) => control_lists::control(&args, context).await,
        Command::LegalHold(args) => control_lists::legal_hold(args, context).await,
        Command::Export(args) => export::export(args, &config()?, context).await,
        Command::Answers(args) => answers::execute(args, context).await,
        Command::Notify(args) => export::notify(args, &config()?, context).await,
        Command::Deliver(args) => export::deliver(args, &config()?, context).await,
        Command::Expire(args) => expire::execute(&args, &config()?, context).await,
        Command::Disparity(args) => disparity::execute(args, config()?, context).await,
        Command::Catalogue(CatalogueCommand::Check { file, institution }) => {
            catalogue::check(&file, institution, context)
        }
        Command::Catalogue(CatalogueCommand::Approve(args)) => catalogue::approve(&args, context),
        Command::Scene(command) => scene::execute(command, &config()?, context),
        Command::Phrases(command) => phrases::execute(command, config, context).await,
        Command::Reference(args) => reference::execute(&args, context),
        Command::Keys(command) => keys::execute(command, context).await,
        Command::EndWithParent { program } => Err(become_program(&program)),
        Command::ReadWorkbooks => {
            intake::survive().map_err(Failure::file(ErrorName::InputNotAWorkbook, Path::new("standard input")))?;
            Ok(0)
        }
    }
}

/// Replaces this process with a program that ends when the caller ends. Returns only if that fails.
fn become_program(program: &[std::ffi::OsString]) -> Failure {
    let path = program.first().map_or(Path::new(""), Path::new);
    #[cfg(unix)]
    let error = {
        use std::os::unix::process::CommandExt as _;

        let mut command = std::process::Command::new(path);
        runner::process::end_with_parent().map_or_else(|error| error, |()| command.args(&program[1..]).exec())
    };
    #[cfg(not(unix))]
    let error = std::io::Error::from(std::io::ErrorKind::Unsupported);
    Failure::file(ErrorName::RenderEngineMissing, path)(error)
}
