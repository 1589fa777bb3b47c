//! The head of a run, which the transparency log records.

use std::collections::BTreeMap;

use contracts::evidence::{Head, LedgerMark, Manifest};
use contracts::key::RunPart;
use contracts::{Digest, ObjectKey, RunId};
use policy::ledger::{self, LedgerError};
use storage::store::{ObjectStore, StoreError};
use storage::vault::Vault;
use transparency::checkpoint::Checkpoint;
use transparency::log::{self, LogEntry};

use crate::{Deps, Error};

/// The files under `runs/<run>/` that a head covers.
pub const FILES: [RunPart; 5] =
    [RunPart::Request, RunPart::Settings, RunPart::Index, RunPart::ManifestCsv, RunPart::ManifestJson];

/// Returns the digests of the run's files by name. Files that do not exist are left out.
pub async fn digest_files(store: &dyn ObjectStore, run: &RunId) -> Result<BTreeMap<String, Digest>, StoreError> {
    let mut files = BTreeMap::new();
    for part in FILES {
        if let Some(bytes) = store.find(&ObjectKey::Run(run.clone(), part)).await? {
            files.insert(part.file_name().to_owned(), Digest::of(&bytes));
        }
    }
    Ok(files)
}

/// Returns the head in an entry's leaf. Returns `None` unless the leaf is exactly the JSON that this version writes.
#[must_use]
pub fn read_head(entry: &LogEntry) -> Option<Head> {
    let head: Head = serde_json::from_str(&entry.leaf).ok()?;
    (leaf(&head) == entry.leaf).then_some(head)
}

fn leaf(head: &Head) -> String {
    serde_json::to_string(head).expect("every type in the contracts crate serializes to JSON")
}

/// Returns the state of the ledger of control data, which must follow the state in the log's newest head. Creates the ledger
/// before the log begins.
async fn control_marks(vault: &Vault) -> Result<BTreeMap<String, LedgerMark>, Error> {
    ledger::begin(vault).await?;
    let marks = ledger::marks(vault).await?;
    if let Some(last) = log::size(vault.store()).await?.checked_sub(1)
        && let Some(newest) = log::entry(vault.store(), last).await?.as_ref().and_then(read_head)
    {
        ledger::check_order(&newest.control, &marks).map_err(LedgerError::from)?;
    }
    Ok(marks)
}

/// Appends the run's head to the log, and copies the entry to `head.json`. Does nothing if `head.json` states the same
/// and is still in the log.
pub async fn publish(deps: &Deps<'_>, manifest: &Manifest) -> Result<(), Error> {
    let store = deps.vault.store();
    let head = Head {
        run: manifest.run.clone(),
        at: deps.now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        customers: manifest.customers,
        chain: manifest.chain,
        files: digest_files(store, &manifest.run).await?,
        control: control_marks(deps.vault).await?,
    };
    let key = ObjectKey::Run(manifest.run.clone(), RunPart::Head);
    if let Some(copy) = store.find(&key).await?
        && let Some(entry) = LogEntry::from_bytes(&copy)
        && read_head(&entry).is_some_and(|earlier| earlier.states_the_same(&head))
        && let Some(index) = Checkpoint::parse(&entry.checkpoint).and_then(|signed| signed.tree.size.checked_sub(1))
        && store.find(&ObjectKey::LogEntry(index)).await?.as_ref() == Some(&copy)
    {
        return Ok(());
    }
    let (index, entry) = log::append(store, deps.signer, leaf(&head)).await?;
    store.put(&key, entry.to_bytes().into()).await?;
    tracing::info!(run = %manifest.run, index, "signed the head");
    Ok(())
}
