//! `bespoke expire`: deletes objects whose retention period has ended, by prefix. On AWS, the bucket's lifecycle rules
//! do this.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use contracts::key::{Area, Prefix};
use contracts::settings::Settings;
use contracts::{CustomerRef, ErrorName, ObjectKey};
use jiff::{SignedDuration, Timestamp};
use policy::control;
use runner::config::Config;
use runner::copies::{output_files, owner_of_copies};
use runner::failure::Failure;
use runner::folder::FolderStore;
use runner::secrets::LocalSecrets;
use serde_json::json;
use storage::secret::SecretError;
use storage::store::ObjectStore;
use storage::vault::{Keys, Vault};

use super::context::Context;
use crate::cli::control::ExpireArgs;

pub(super) async fn execute(args: &ExpireArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let artifacts = &args.artifacts;
    let store = Arc::new(FolderStore::open(artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?);
    let keys = match Keys::from_secrets(&LocalSecrets::of_folder(artifacts)).await {
        // A folder without keys has no results yet. If it has a ledger after all, random keys cannot open it, and the
        // command fails.
        Err(SecretError::Missing(_)) => Keys::new(rand::random(), rand::random()),
        keys => keys?,
    };
    let vault = Vault::new(store.clone(), keys);
    let now = Timestamp::now();
    let mut deleted = BTreeMap::new();
    let mut held = BTreeSet::new();
    for area in Area::ALL {
        let Some(before) = before(days(area, &config.settings), now) else { continue };
        let expired = expired(area, before, &store, &control::holds(&vault).await?, &mut held).await?;
        for key in expired.iter().filter(|_| !args.dry_run) {
            store.erase(key).await?;
        }
        deleted.insert(area.as_str(), expired.len());
    }
    if let Some(before) = before(config.settings.retention.results_days, now) {
        let copies = expire_copies(artifacts, before, args.dry_run, &control::holds(&vault).await?, &mut held);
        deleted.insert("output/", copies.map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?);
    }
    if let Some(before) = before(config.settings.retention.logs_days, now) {
        let logs = expire_logs(&artifacts.join("logs"), before, args.dry_run);
        deleted.insert("logs/", logs.map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?);
    }
    let report = json!({ "deleted": deleted, "held": held, "dry_run": args.dry_run });
    context.print(&report, || {
        let action = if args.dry_run { "would be deleted" } else { "deleted" };
        let mut text = String::new();
        for (area, count) in &deleted {
            let _infallible = writeln!(text, "{area:<12}{count:>8} {action}");
        }
        for hold in &held {
            let _infallible = writeln!(text, "kept under the legal hold \"{hold}\"");
        }
        text
    });
    Ok(0)
}

/// Returns the number of days for which objects in an area are kept. 0 means forever.
fn days(area: Area, settings: &Settings) -> u16 {
    let retention = settings.retention;
    match area {
        Area::Incoming => retention.incoming_days,
        Area::Datasets => retention.datasets_days,
        Area::Customers | Area::Runs | Area::Notifications | Area::ContactReservations | Area::Effect => {
            retention.results_days
        }
        Area::Recalled => retention.recalled_days,
        Area::Speech => retention.speech_days,
        Area::Scenes => retention.scene_days,
        Area::Links => settings.delivery.link_days,
    }
}

/// Returns the time before which objects count as expired, or `None` if they never expire.
fn before(days: u16, now: Timestamp) -> Option<Timestamp> {
    let kept = (days > 0).then(|| SignedDuration::from_hours(24 * i64::from(days)))?;
    now.checked_sub(kept).ok()
}

/// Returns the expired objects that are not under a legal hold, and adds the holds on the others to `held`. Any hold
/// keeps all datasets and runs, because they contain data about all of their customers.
async fn expired(
    area: Area,
    before: Timestamp,
    store: &FolderStore,
    holds: &BTreeMap<CustomerRef, Vec<String>>,
    held: &mut BTreeSet<String>,
) -> Result<Vec<String>, Failure> {
    let listed = store.list(&Prefix::Area(area)).await?;
    let old: Vec<String> =
        listed.into_iter().filter(|listed| listed.modified < before).map(|listed| listed.key).collect();
    let mut expired = Vec::new();
    for key in old {
        let names: Vec<&String> = match ObjectKey::customer_of(&key) {
            Some(reference) => holds.get(&reference).into_iter().flatten().collect(),
            None if matches!(area, Area::Datasets | Area::Runs) => holds.values().flatten().collect(),
            None => Vec::new(),
        };
        if names.is_empty() {
            expired.push(key);
        } else {
            held.extend(names.into_iter().cloned());
        }
    }
    Ok(expired)
}

/// Deletes expired copies under `output/`, unless this is a dry run or their customer is under a legal hold. Returns
/// how many it deleted, or would delete.
fn expire_copies(
    artifacts: &Path,
    before: Timestamp,
    dry_run: bool,
    holds: &BTreeMap<CustomerRef, Vec<String>>,
    held: &mut BTreeSet<String>,
) -> std::io::Result<usize> {
    let names: Vec<String> = match owner_of_copies(artifacts) {
        Some(owner) => holds.get(&owner).cloned().unwrap_or_default(),
        // If there is no record, the copies could be any customer's.
        None => holds.values().flatten().cloned().collect(),
    };
    let mut expired = 0;
    for copy in output_files(artifacts) {
        let modified = match copy.metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            metadata => Timestamp::try_from(metadata?.modified()?).map_err(std::io::Error::other)?,
        };
        if modified >= before {
            continue;
        }
        if names.is_empty() {
            expired += 1;
            if !dry_run {
                std::fs::remove_file(&copy)?;
            }
        }
        held.extend(names.iter().cloned());
    }
    Ok(expired)
}

/// Deletes expired logs, unless this is a dry run, and returns how many have expired.
fn expire_logs(folder: &Path, before: Timestamp, dry_run: bool) -> std::io::Result<usize> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut expired = 0;
    for entry in entries {
        let path = entry?.path();
        let modified = Timestamp::try_from(path.metadata()?.modified()?).map_err(std::io::Error::other)?;
        if path.is_file() && modified < before {
            if !dry_run {
                std::fs::remove_file(&path)?;
            }
            expired += 1;
        }
    }
    Ok(expired)
}
