//! Starts the `bespoke` command.

use std::process::ExitCode;

use bespoke::cli::Cli;
use bespoke::{commands, env_file};
use clap::Parser;
use runner::failure::Failure;

#[tokio::main]
async fn main() -> ExitCode {
    // The command line overrides the environment, and the environment overrides the file.
    runner::process::keep_files_private();
    #[cfg(target_os = "linux")]
    if let Some(program) = runner::intake::this_program() {
        storage::child::start_with(program, "end-with-parent");
    }
    let loaded = env_file::load();
    let cli = Cli::parse();
    if let Err(error) = loaded {
        let failure = Failure::from(error);
        commands::context::print_failure(&failure);
        return ExitCode::from(failure.name().exit_code());
    }
    match Box::pin(commands::execute(cli)).await {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            commands::context::print_failure(&failure);
            ExitCode::from(failure.name().exit_code())
        }
    }
}
