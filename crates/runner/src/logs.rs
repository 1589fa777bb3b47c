//! Sets up logging. Warnings go to the terminal. Messages at level info and above go to `artifacts/logs/<name>.jsonl`
//! as JSON. Neither contains personal data.

use std::fs::File;
use std::path::Path;

use contracts::ErrorName;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::failure::Failure;

/// The log target for failures of a whole run, which the command prints as its own error.
pub const RUN_FAILED: &str = "runner::run_failed";
/// The log target for failures of one customer, which some commands print in their summary.
pub const CUSTOMER_FAILED: &str = "runner::customer_failed";

/// Whether the command itself prints customers' failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerFailures {
    /// The command prints them, so the terminal log leaves them out.
    Printed,
    /// Only the log shows them.
    LoggedOnly,
}

/// Starts logging to `logs/<name>.jsonl`, where `name` is a run or a command. The terminal shows warnings. If `verbose`
/// is 1, it also shows informational messages; if it is 2 or more, also debug messages.
pub fn start(artifacts: &Path, name: &str, verbose: u8, failures: CustomerFailures) -> Result<(), Failure> {
    let folder = artifacts.join("logs");
    let path = folder.join(format!("{name}.jsonl"));
    let open = || {
        crate::folder::create_private(&folder)?;
        File::options().create(true).append(true).open(&path)
    };
    let file = open().map_err(Failure::file(ErrorName::StoreUnavailable, &path))?;
    let terminal = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let mut terminal = Targets::new().with_default(terminal);
    if verbose == 0 {
        terminal = terminal.with_target(RUN_FAILED, LevelFilter::OFF);
        if failures == CustomerFailures::Printed {
            terminal = terminal.with_target(CUSTOMER_FAILED, LevelFilter::OFF);
        }
    }
    // Libraries may quote the data that they process, so only their warnings are logged.
    let ours = Targets::new().with_default(LevelFilter::WARN).with_targets(
        [
            "bespoke",
            "runner",
            "server",
            "merge",
            "assess",
            "recommend",
            "narrate",
            "render",
            "publish",
            "finalize",
            "start",
            "api",
            "contracts",
            "deliver",
        ]
        .map(|name| (name, LevelFilter::DEBUG)),
    );
    let started = tracing_subscriber::registry()
        .with(ours)
        .with(fmt::layer().json().flatten_event(true).with_writer(file).with_filter(LevelFilter::INFO))
        .with(fmt::layer().without_time().with_target(false).with_writer(std::io::stderr).with_filter(terminal))
        .try_init();
    // This fails only if logging was already started in this process. Then the first logger stays in effect.
    let _already = started;
    Ok(())
}
