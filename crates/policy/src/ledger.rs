//! The ledger of control data: the authenticated list of all suppressions, erasure records and choices, and the digests
//! of the lists. Control data can only restrict, so a record that is missing is worth more to an attacker than a forged
//! one. The ledger makes a missing record an error.
//!
//! The ledger has one part for each first digit of the references, and one for the lists. Each change of a part increases
//! its sequence number, refers to the state before, and replaces the object only if no other writer did. A record is
//! written before the ledger lists it, and leaves the ledger before it is deleted, so a crash never leaves a listed record
//! that does not exist. Once the transparency log has begun, every part must exist. `finalize` signs the state of all parts
//! with the head of each run.
//!
//! **Invariant:** an unlisted record still restricts. Nothing in this module can extend what a customer permitted.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use contracts::evidence::LedgerMark;
use contracts::key::{LedgerPart, Prefix};
use contracts::{CustomerRef, Digest, ErrorName, NamedError, ObjectKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::store::{ObjectStore, PutOutcome, ReplaceOutcome, StoreError};
use storage::vault::Vault;
use thiserror::Error;

/// The maximum number of attempts at a change. Another writer may prevent each one.
const ATTEMPTS: usize = 100;

/// The lists that the ledger can seal.
pub const LISTS: [ObjectKey; 3] = [ObjectKey::Suppressions, ObjectKey::Consents, ObjectKey::Holds];

/// A contradiction between the ledger and the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Error)]
#[error("{object}: {problem}")]
pub struct Gap {
    /// The object's key.
    pub object: String,
    /// The problem.
    pub problem: &'static str,
}

impl Gap {
    fn new(object: &impl ToString, problem: &'static str) -> Self {
        Self { object: object.to_string(), problem }
    }
}

/// An error of the ledger.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger and the store contradict each other.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// Other writers changed the part during each attempt.
    #[error("{key}: other writers changed it each time")]
    Contended {
        /// The object's key.
        key: String,
    },
}

impl NamedError for LedgerError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::Gap(_) => ErrorName::ControlIncomplete,
            Self::Contended { .. } => ErrorName::StoreUnavailable,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Gap(_) => Some(
                "find out who changed control/, and restore the object; if the change was intended, run bespoke control \
                 --accept"
                    .to_owned(),
            ),
            Self::Store(_) | Self::Contended { .. } => None,
        }
    }
}

/// A part of the ledger: `control/ledger/<part>.json`, with an authentication code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The number of changes so far.
    pub sequence: u64,
    /// The digest of the object before the last change. `None` if there was none.
    pub previous: Option<Digest>,
    /// The keys of the records that must exist.
    pub records: BTreeSet<String>,
    /// The lists that must be unchanged, with the digests that each may have. There are two while a change is in progress.
    pub lists: BTreeMap<String, BTreeSet<Digest>>,
}

/// The records that a reader found, to be compared with the ledger.
#[derive(Debug, Default)]
pub struct Present {
    /// The keys of the customer's records.
    pub records: BTreeSet<String>,
    /// The digests of the lists, by key. An absent list has the digest of no bytes.
    pub lists: BTreeMap<String, Digest>,
}

impl Present {
    /// Adds a list as it was read.
    pub fn add_list(&mut self, key: &ObjectKey, bytes: Option<&Bytes>) {
        self.lists.insert(key.to_string(), digest(bytes));
    }
}

/// Returns the digest of a list. An absent list counts as empty.
fn digest(bytes: Option<&Bytes>) -> Digest {
    Digest::of(bytes.map_or(&[], |bytes| bytes))
}

/// Compares what a reader found with the ledger: every listed record of the customer must exist, and every sealed list must
/// have its digest. Read the records first.
pub async fn prove(vault: &Vault, reference: Option<&CustomerRef>, present: &Present) -> Result<(), LedgerError> {
    if let Some(reference) = reference
        && let Some(part) = open(vault, LedgerPart::of(reference)).await?
    {
        let own = |record: &&String| record.split(['/', '.']).any(|word| word == reference.as_str());
        if let Some(missing) = part.ledger.records.iter().filter(own).find(|record| !present.records.contains(*record))
        {
            return Err(Gap::new(&missing, MISSING).into());
        }
    }
    let Some(part) = open(vault, LedgerPart::Lists).await? else { return Ok(()) };
    for (list, actual) in &present.lists {
        if part.ledger.lists.get(list).is_some_and(|expected| !expected.contains(actual)) {
            return Err(Gap::new(&list, CHANGED).into());
        }
    }
    Ok(())
}

const MISSING: &str = "missing, although the ledger lists it";
const CHANGED: &str = "changed, but not by Bespoke";

/// A part as it was read.
struct Part {
    bytes: Bytes,
    ledger: Ledger,
}

/// Opens a part. Returns `None` if it does not exist and does not have to.
async fn open(vault: &Vault, part: LedgerPart) -> Result<Option<Part>, LedgerError> {
    let key = ObjectKey::Ledger(part);
    let place = key.to_string();
    // Taken before the read, because another task may read a newer state in the meantime.
    let known = vault.known_sequence(&place);
    let Some(bytes) = vault.store().find(&key).await? else {
        if known.is_some() || vault.store().exists(&ObjectKey::LogEntry(0)).await? {
            return Err(Gap::new(&key, "missing, although the transparency log has begun").into());
        }
        return Ok(None);
    };
    let ledger: Ledger = vault
        .open_authenticated(&key, &bytes)
        .map_err(|_| Gap::new(&key, "not written with the current keys, or changed since"))?;
    if known.is_some_and(|known| ledger.sequence < known) {
        return Err(Gap::new(&key, "older than a state that this process has seen").into());
    }
    vault.remember_sequence(&place, ledger.sequence);
    Ok(Some(Part { bytes, ledger }))
}

/// Changes a part, unless `edit` leaves it as it is.
async fn change(vault: &Vault, part: LedgerPart, edit: impl Fn(&mut Ledger)) -> Result<(), LedgerError> {
    for _ in 0..ATTEMPTS {
        let current = open(vault, part).await?;
        let mut next = current.as_ref().map(|part| part.ledger.clone()).unwrap_or_default();
        edit(&mut next);
        if current.as_ref().is_some_and(|current| current.ledger == next) {
            return Ok(());
        }
        next.sequence += 1;
        if put(vault, part, current.as_ref().map(|part| &part.bytes), next).await? {
            return Ok(());
        }
    }
    Err(LedgerError::Contended { key: ObjectKey::Ledger(part).to_string() })
}

/// Writes the next state of a part. Returns false if another writer was first.
async fn put(vault: &Vault, part: LedgerPart, old: Option<&Bytes>, mut next: Ledger) -> Result<bool, StoreError> {
    let key = ObjectKey::Ledger(part);
    next.previous = old.map(|old| Digest::of(old));
    let bytes = vault.authenticate(&key, &next);
    let is_written = match old {
        Some(old) => vault.store().replace(&key, old, bytes).await? == ReplaceOutcome::Replaced,
        None => vault.store().put_new(&key, bytes).await? == PutOutcome::Created,
    };
    if is_written {
        vault.remember_sequence(&key.to_string(), next.sequence);
    }
    Ok(is_written)
}

/// Adds records of a customer to the ledger. Write them first.
pub async fn add(vault: &Vault, reference: &CustomerRef, records: &[ObjectKey]) -> Result<(), LedgerError> {
    let add = |ledger: &mut Ledger| ledger.records.extend(records.iter().map(ToString::to_string));
    change(vault, LedgerPart::of(reference), add).await
}

/// Removes records of a customer from the ledger. Delete them afterwards.
pub async fn remove(vault: &Vault, reference: &CustomerRef, records: &[String]) -> Result<(), LedgerError> {
    let remove = |ledger: &mut Ledger| ledger.records.retain(|record| !records.contains(record));
    change(vault, LedgerPart::of(reference), remove).await
}

/// Replaces a list, and seals it. Between the two, the ledger accepts both contents, so no reader mistakes the change for
/// an attack.
pub async fn write_list(vault: &Vault, list: &ObjectKey, bytes: Bytes) -> Result<(), LedgerError> {
    let before = digest(vault.store().find(list).await?.as_ref());
    let after = Digest::of(&bytes);
    seal_list(vault, list, &BTreeSet::from([before, after])).await?;
    vault.store().put(list, bytes).await?;
    seal_list(vault, list, &BTreeSet::from([after])).await
}

async fn seal_list(vault: &Vault, list: &ObjectKey, digests: &BTreeSet<Digest>) -> Result<(), LedgerError> {
    change(vault, LedgerPart::Lists, |ledger| {
        ledger.lists.insert(list.to_string(), digests.clone());
    })
    .await
}

/// Creates the parts that do not exist. Does nothing once the transparency log has begun: from then on, a missing part is
/// an error.
pub async fn begin(vault: &Vault) -> Result<(), LedgerError> {
    if vault.store().exists(&ObjectKey::LogEntry(0)).await? {
        return Ok(());
    }
    let empty = |part| (ObjectKey::Ledger(part), vault.authenticate(&ObjectKey::Ledger(part), &Ledger::default()));
    vault.store().put_all_new(LedgerPart::all().map(empty).collect()).await?;
    Ok(())
}

/// Returns the state of every part, by name.
pub async fn marks(vault: &Vault) -> Result<BTreeMap<String, LedgerMark>, LedgerError> {
    let mut marks = BTreeMap::new();
    for part in LedgerPart::all() {
        if let Some(Part { bytes, ledger }) = open(vault, part).await? {
            marks.insert(part.to_string(), LedgerMark { sequence: ledger.sequence, digest: Digest::of(&bytes) });
        }
    }
    Ok(marks)
}

/// Fails unless every part may have its state in `now` after it had its state in `earlier`.
pub fn check_order(earlier: &BTreeMap<String, LedgerMark>, now: &BTreeMap<String, LedgerMark>) -> Result<(), Gap> {
    let part = |name: &str| LedgerPart::all().find(|part| part.to_string() == name);
    for (name, earlier) in earlier {
        if !now.get(name).is_some_and(|now| now.follows(earlier)) {
            let object = part(name).map_or_else(|| name.clone(), |part| ObjectKey::Ledger(part).to_string());
            return Err(Gap::new(&object, "not the state that the log records, or one after it"));
        }
    }
    Ok(())
}

/// The result of comparing the whole ledger with the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The records and lists that the ledger covers.
    pub covered: usize,
    /// The contradictions.
    pub gaps: Vec<Gap>,
    /// The records and lists that the ledger does not cover. They restrict, but a deletion would go unnoticed.
    pub uncovered: Vec<String>,
}

/// Compares the whole ledger with the store, and its parts with `signed`, their state in the log's newest head. Without the
/// keys, `with_keys` is false, and the parts are read without their authentication codes.
pub async fn audit(vault: &Vault, signed: &BTreeMap<String, LedgerMark>, with_keys: bool) -> Result<Audit, StoreError> {
    let mut audit = Audit::default();
    let mut covered = BTreeSet::new();
    let mut now = BTreeMap::new();
    for part in LedgerPart::all() {
        let found = if with_keys { open(vault, part).await } else { read(vault.store(), part).await };
        let Part { bytes, ledger } = match found {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(LedgerError::Gap(gap)) => {
                audit.gaps.push(gap);
                continue;
            }
            Err(LedgerError::Store(error)) => return Err(error),
            Err(LedgerError::Contended { .. }) => unreachable!("only a change is contended"),
        };
        now.insert(part.to_string(), LedgerMark { sequence: ledger.sequence, digest: Digest::of(&bytes) });
        covered.extend(ledger.records);
        for (list, expected) in ledger.lists {
            let Some(key) = LISTS.into_iter().find(|key| key.to_string() == list) else { continue };
            if !expected.contains(&digest(vault.store().find(&key).await?.as_ref())) {
                audit.gaps.push(Gap::new(&list, CHANGED));
            }
            covered.insert(list);
        }
    }
    audit.gaps.extend(check_order(signed, &now).err());
    let existing = existing(vault.store()).await?;
    let is_list = |key: &str| LISTS.iter().any(|list| list.to_string() == key);
    let missing = covered.iter().filter(|key| !is_list(key) && !existing.contains(*key));
    audit.gaps.extend(missing.map(|key| Gap::new(&key, MISSING)));
    audit.covered = covered.len();
    audit.uncovered = existing.difference(&covered).cloned().collect();
    Ok(audit)
}

/// Reads a part without its authentication code.
async fn read(store: &dyn ObjectStore, part: LedgerPart) -> Result<Option<Part>, LedgerError> {
    let key = ObjectKey::Ledger(part);
    let Some(bytes) = store.find(&key).await? else { return Ok(None) };
    let ledger = serde_json::from_slice(&bytes).map_err(|_| Gap::new(&key, "not a part of the ledger"))?;
    Ok(Some(Part { bytes, ledger }))
}

/// Returns the keys of all records and lists that exist.
async fn existing(store: &dyn ObjectStore) -> Result<BTreeSet<String>, StoreError> {
    let mut existing = BTreeSet::new();
    for prefix in [Prefix::Suppressions, Prefix::Forgotten, Prefix::AllChoices] {
        existing.extend(store.list(&prefix).await?.into_iter().map(|listed| listed.key));
    }
    for list in LISTS {
        if store.exists(&list).await? {
            existing.insert(list.to_string());
        }
    }
    Ok(existing)
}

/// Makes the ledger cover exactly the records and lists that exist. An operator decides this, after a change that was
/// intended, a restored backup, or an upgrade from a version without a ledger.
///
/// The sequence numbers continue from the time, so they exceed those of any state that is no longer known.
pub async fn accept(vault: &Vault, now: Timestamp) -> Result<(), LedgerError> {
    let store = vault.store();
    let existing = existing(store).await?;
    let clock = u64::try_from(now.as_second()).unwrap_or_default();
    for part in LedgerPart::all() {
        let mut next = Ledger::default();
        match part {
            LedgerPart::Customers(_) => {
                let own = |key: &&String| customer_of(key).is_some_and(|reference| LedgerPart::of(&reference) == part);
                next.records = existing.iter().filter(own).cloned().collect();
            }
            LedgerPart::Lists => {
                for list in LISTS {
                    if let Some(bytes) = store.find(&list).await? {
                        next.lists.insert(list.to_string(), BTreeSet::from([Digest::of(&bytes)]));
                    }
                }
            }
        }
        let key = ObjectKey::Ledger(part);
        let old = store.find(&key).await?;
        let known = match read(store, part).await {
            Ok(found) => found.map(|part| part.ledger.sequence),
            Err(LedgerError::Gap(_)) => None,
            Err(error) => return Err(error),
        };
        next.sequence = clock.max(known.unwrap_or_default().saturating_add(1));
        if !put(vault, part, old.as_ref(), next).await? {
            return Err(LedgerError::Contended { key: key.to_string() });
        }
    }
    Ok(())
}

/// Returns the customer in the key of a record.
fn customer_of(record: &str) -> Option<CustomerRef> {
    match record.strip_prefix(&Prefix::AllChoices.to_string()) {
        Some(choice) => CustomerRef::parse(choice.split('/').next()?).ok(),
        None => ObjectKey::customer_of(record),
    }
}

#[cfg(test)]
mod tests;
