//! `bespoke deliver`: a run's outcomes for the bank's own systems.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use contracts::settings::Settings;
use contracts::{ErrorName, RunId};
use deliver::export;
use deliver::webhook::{self, Backoff, Deps, NotifySummary};
use jiff::Timestamp;
use serde_json::json;
use storage::secret::Secrets;
use storage::vault::Vault;

use super::{Shared, opened, run_id};
use crate::cli::delivery::Deliver;
use crate::config::Config;
use crate::failure::Failure;

pub(super) async fn execute(asked: Deliver, config: &Config, shared: Shared) -> Result<u8, Failure> {
    let run = run_id(asked.run)?;
    let (_, vault, secrets) = opened(&asked.artifacts).await?;
    let settings = &config.settings.delivery;
    let mut files = Vec::new();
    let mut links = 0;
    if let Some(out) = &asked.out {
        let rows = export::export(&run, export::ExportPage::ALL, settings, &vault, Timestamp::now()).await?;
        links = rows.iter().filter(|row| !row.link.is_empty()).count();
        let json = serde_json::to_vec_pretty(&rows).expect("a row is six texts");
        for (kind, bytes) in [("csv", export::to_csv(&rows)), ("json", json)] {
            files.push(write(out, &format!("{run}.{kind}"), &bytes)?);
        }
        if settings.link_base.is_empty() {
            anstream::eprintln!("note: delivery.link_base is not set, so that there are no links");
        }
    }
    let mut told = NotifySummary::default();
    if asked.notify {
        if settings.webhook.url.is_empty() {
            let message = "delivery.webhook.url is not set";
            return Err(Failure::told(ErrorName::ConfigInvalid, message, "set it in bespoke.toml"));
        }
        told = notify(&run, &config.settings, &vault, &secrets).await?;
    }
    let report = json!({ "run": run, "files": files, "links": links, "notices": told });
    shared.print(&report, || {
        let mut text = String::new();
        for file in &files {
            let _infallible = writeln!(text, "{}", file.display());
        }
        if asked.out.is_some() {
            let _infallible = writeln!(
                text,
                "They name customers, and hold {links} links that open: keep them as you keep the workbooks."
            );
        }
        if asked.notify {
            let NotifySummary { sent, already_sent, dead_letters } = told;
            let _infallible =
                writeln!(text, "{sent} notices arrived, {already_sent} had arrived before, {dead_letters} did not");
        }
        text
    });
    match told.dead_letters {
        0 => Ok(0),
        _ => Ok(ErrorName::DeliveryFailed.exit_code()),
    }
}

/// Tells the bank's own system what a run or a decision changed, if the settings name one. What does not arrive is a dead
/// letter, and no failure of what was done.
pub(crate) async fn tell(run: &RunId, settings: &Settings, vault: &Vault, secrets: &dyn Secrets) {
    if settings.delivery.webhook.url.is_empty() {
        return;
    }
    match notify(run, settings, vault, secrets).await {
        Ok(NotifySummary { dead_letters, .. }) if dead_letters > 0 => {
            anstream::eprintln!(
                "warning[{}]: {dead_letters} notices did not arrive; to tell them again: bespoke deliver {run} --notify",
                ErrorName::DeliveryFailed
            );
        }
        Ok(_) => {}
        // A run that has not ended is told when it has.
        Err(Failure::Named(error)) if error.name() == ErrorName::InputInvalidRequest => {}
        Err(failure) => anstream::eprintln!(
            "warning[{}]: nobody was told: {failure}; once that is mended: bespoke deliver {run} --notify",
            failure.name()
        ),
    }
}

async fn notify(
    run: &RunId,
    settings: &Settings,
    vault: &Vault,
    secrets: &dyn Secrets,
) -> Result<NotifySummary, Failure> {
    let deps = Deps { vault, secrets, settings: &settings.delivery.webhook, backoff: Backoff::default() };
    Ok(webhook::notify(run, &deps).await?)
}

/// Writes a file whole or not at all, for this user alone.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    let written = || {
        crate::folder::create_private(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    written().map_err(Failure::file(ErrorName::StoreUnavailable, &path))?;
    Ok(path)
}
