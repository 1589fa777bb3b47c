//! Starts the `bespoke` command.

use std::process::ExitCode;

use bespoke::cli::Cli;
use bespoke::commands;
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    // The command line overrides the environment, and the environment overrides the file.
    let loaded = dotenvy::dotenv();
    let cli = Cli::parse();
    if let Err(error) = loaded
        && !error.not_found()
    {
        anstream::eprintln!("warning: failed to read .env; continuing without it");
    }
    match Box::pin(commands::execute(cli)).await {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            commands::context::print_failure(&failure);
            ExitCode::from(failure.name().exit_code())
        }
    }
}
