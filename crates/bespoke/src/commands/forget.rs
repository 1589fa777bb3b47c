//! `bespoke forget`: destroys a customer's key and all that was made for them, and leaves a record without personal data.

use contracts::ErrorName;
use jiff::Timestamp;
use serde_json::json;

use super::recall::remove_copies;
use super::{Shared, opened, reference};
use crate::cli::delivery::Forget;
use crate::failure::Failure;
use crate::project::Lock;

pub(super) async fn execute(asked: Forget, shared: Shared) -> Result<u8, Failure> {
    let Forget { customer, artifacts } = asked;
    let (_, vault, _) = opened(&artifacts).await?;
    // Nothing may be made meanwhile; the scratch folder is swept too.
    let _lock = Lock::take(&artifacts)?;
    let who = reference(customer, vault.keys())?;
    let mut erased = lifecycle::erasure::erase(&who, &vault, Timestamp::now()).await?;
    erased.objects += remove_copies(&artifacts, &erased.published)?;
    remove_empty(&artifacts.join("recalled").join(who.as_str()))
        .map_err(Failure::file(ErrorName::StoreUnavailable, &artifacts))?;
    let told = json!({ "reference": who, "since": erased.at, "objects": erased.objects, "runs": erased.runs });
    shared.print(&told, || {
        let objects = erased.objects;
        format!(
            "{who} is forgotten: the key is destroyed, {objects} objects were deleted, and they are on the suppression list\n\
             What you gave out yourself (bespoke deliver), the bank's own workbooks and backups are yours to delete.\n"
        )
    });
    Ok(0)
}

/// Removes a folder, and those in it, as far as they are empty.
fn remove_empty(folder: &std::path::Path) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            remove_empty(&path)?;
        }
    }
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::DirectoryNotEmpty => Err(error),
        _ => Ok(()),
    }
}
