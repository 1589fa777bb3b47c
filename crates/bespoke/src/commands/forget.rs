//! `bespoke forget`: destroys a customer's key and artifacts, and leaves a record without personal data.

use std::io::ErrorKind;
use std::path::Path;

use contracts::ErrorName;
use jiff::Timestamp;
use runner::copies::{remove_copies, remove_copies_of};
use runner::failure::Failure;
use runner::project::Lock;
use serde_json::json;

use super::context::{Context, open_artifacts, reference};
use crate::cli::control::ForgetArgs;

pub(super) async fn execute(args: ForgetArgs, context: Context) -> Result<u8, Failure> {
    let ForgetArgs { customer, artifacts } = args;
    let (_, vault, _) = open_artifacts(&artifacts).await?;
    // This empties the scratch folder if no run or server is active. Otherwise, the record of the erasure stops the
    // stages.
    let _lock = Lock::try_take(&artifacts)?;
    let reference = reference(customer, vault.keys())?;
    let mut erased = lifecycle::erasure::erase(&reference, &vault, Timestamp::now()).await?;
    erased.objects += remove_copies(&artifacts, &erased.published)?;
    erased.objects += remove_copies_of(&artifacts, &reference)?;
    remove_empty(&artifacts.join("recalled").join(reference.as_str()))
        .map_err(Failure::file(ErrorName::StoreUnavailable, &artifacts))?;
    let report = json!({
        "reference": reference, "since": erased.at, "objects": erased.objects, "runs": erased.runs,
    });
    context.print(&report, || {
        let objects = erased.objects;
        format!(
            "{reference} is forgotten: the key is destroyed, {objects} objects are deleted, and the customer is suppressed\n\
             Delete exported tables (bespoke export), the bank's workbooks and backups yourself.\n"
        )
    });
    Ok(0)
}

/// Removes a folder and the folders below it, unless they contain files.
fn remove_empty(folder: &Path) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            remove_empty(&path)?;
        }
    }
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() != ErrorKind::DirectoryNotEmpty => Err(error),
        _ => Ok(()),
    }
}
