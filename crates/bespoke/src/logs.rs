//! Logs: warnings to the terminal, everything as JSON to `artifacts/logs/<run>.jsonl`. No personal data in either.

use std::fs::File;
use std::path::Path;

use contracts::ErrorName;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::failure::Failure;

/// Starts logging to `logs/<name>.jsonl`, named after a run or after what runs many. `verbose` raises what the terminal shows: 1 for what is done, 2 for everything.
pub fn start(artifacts: &Path, name: &str, verbose: u8) -> Result<(), Failure> {
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
    // Libraries below the stages may quote what they work on: only their warnings are kept.
    let ours = Targets::new().with_default(LevelFilter::WARN).with_targets(
        [
            "bespoke",
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
    // Only a second start in one process fails, and then the first goes on.
    let _already = started;
    Ok(())
}
