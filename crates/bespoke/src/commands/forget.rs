//! `bespoke forget`: destroys a customer's key and artifacts, and leaves a record without personal data.

use std::io::ErrorKind;
use std::path::Path;

use contracts::ErrorName;
use jiff::Timestamp;
use runner::copies::{remove_copies_for_customer, remove_copies_with_digests};
use runner::failure::Failure;
use runner::project::Lock;
use serde_json::json;

use super::context::{Context, open_artifacts, reference};
use crate::cli::control::ForgetArgs;

pub(super) async fn execute(args: ForgetArgs, context: Context) -> Result<u8, Failure> {
    let ForgetArgs { customer, artifacts } = args;
    let (_, vault, _) = open_artifacts(&artifacts).await?;
    // Taking the lock also empties the scratch folder. If a run or a server holds the lock, the erasure record prevents
    // its stages from sealing more data for this customer.
    let _lock = Lock::try_take(&artifacts)?;
    let reference = reference(customer, vault.keys())?;
    let mut erased = lifecycle::erasure::erase(&reference, &vault, Timestamp::now()).await?;
    erased.objects += remove_copies_with_digests(&artifacts, &erased.published)?;
    erased.objects += remove_copies_for_customer(&artifacts, &reference)?;
    remove_empty(&artifacts.join("recalled").join(reference.as_str()))
        .map_err(Failure::file(ErrorName::StoreUnavailable, &artifacts))?;
    let report = json!({
        "reference": reference, "since": erased.at, "objects": erased.objects, "runs": erased.runs,
    });
    context.print(&report, || {
        let deleted = match erased.objects {
            1 => "1 object was deleted".to_owned(),
            objects => format!("{objects} objects were deleted"),
        };
        format!(
            "{reference} has been erased: the key was destroyed, {deleted}, and the customer is suppressed\n\
             Bespoke cannot reach exported tables (bespoke export), the bank's workbooks or their backups: remove this \
             customer from them yourself.\n"
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
