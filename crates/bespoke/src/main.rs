//! The command `bespoke`.

use std::process::ExitCode;

use bespoke::cli::Cli;
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    // The environment goes before the file, and the command line before both.
    let read = dotenvy::dotenv();
    let cli = Cli::parse();
    if let Err(error) = read
        && !error.not_found()
    {
        anstream::eprintln!("warning: .env cannot be read and is left out");
    }
    match bespoke::commands::execute(cli).await {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.name().exit_code())
        }
    }
}
