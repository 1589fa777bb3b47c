//! Verifies the run's head: checks that the transparency log follows from its leaves, that it extends the pinned head,
//! and that it matches the run's current files.

use std::collections::BTreeMap;

use contracts::evidence::{Head, LedgerMark};
use contracts::key::{Prefix, RunPart};
use contracts::{Digest, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use policy::ledger;
use serde::Serialize;
use storage::store::{ObjectStore, StoreError};
use transparency::checkpoint::Checkpoint;
use transparency::log::LogEntry;
use transparency::merkle::{Frontier, Tree, empty_root, leaf_hash};
use transparency::signer::PublicKey;

use super::{Discrepancy, Found};
use crate::failure::Failure;

/// The items that the verifier trusts: none, a public key, or a public key and a head.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The public key that must have signed the log.
    pub key: Option<PublicKey>,
    /// A checkpoint that the log must extend, and that must cover the run.
    pub pinned: Option<Checkpoint>,
}

/// The result of verifying a run's head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeadReport {
    /// The number of entries in the log.
    pub log_size: u64,
    /// The index of the run's newest entry.
    pub index: Option<u64>,
    /// The time of signing, by the signer's clock.
    pub signed_at: Option<Timestamp>,
    /// The id of the public key that verified the signatures.
    pub key: Option<String>,
    /// The size of the pinned head.
    pub pinned_size: Option<u64>,
}

/// Returns the state of the ledger of control data in the log's newest head. It is empty if there is none, or if the entry
/// cannot be read, which `check` reports.
pub async fn newest_marks(store: &dyn ObjectStore) -> Result<BTreeMap<String, LedgerMark>, StoreError> {
    let Some(last) = transparency::log::size(store).await?.checked_sub(1) else { return Ok(BTreeMap::new()) };
    let entry = store.find(&ObjectKey::LogEntry(last)).await?.and_then(|bytes| LogEntry::from_bytes(&bytes));
    Ok(entry.as_ref().and_then(finalize::read_head).map(|head| head.control).unwrap_or_default())
}

/// Checks the head, and adds each discrepancy to `found`. If `request_opens`, the run id already proves the request, whose
/// sealed bytes change when the data key is rotated.
pub(super) async fn check(
    store: &dyn ObjectStore,
    run: &RunId,
    trust: &Trust,
    request_opens: bool,
    found: &mut Found,
) -> Result<HeadReport, Failure> {
    let log = Log::read(store, run, trust, found).await?;
    let mut report = HeadReport {
        log_size: log.size,
        index: None,
        signed_at: None,
        key: trust.key.map(|key| key.id()),
        pinned_size: trust.pinned.as_ref().map(|pinned| pinned.tree.size),
    };
    let copy_key = ObjectKey::Run(run.clone(), RunPart::Head);
    let Some(newest) = log.heads.last() else {
        found.push(Discrepancy::missing(&copy_key, "the log has no head of the run"));
        return Ok(report);
    };
    report.index = Some(newest.index);
    report.signed_at = Some(newest.head.at);
    if trust.pinned.as_ref().is_some_and(|pinned| newest.index >= pinned.tree.size) {
        found.push(Discrepancy {
            object: ObjectKey::LogEntry(newest.index).to_string(),
            error: ErrorName::EvidenceUnexpected,
            what: "the run's head was signed after the pinned head",
        });
    }
    found.files += 1;
    match store.find(&copy_key).await? {
        None => found.push(Discrepancy::missing(&copy_key, "the copy of the run's head is missing")),
        // Two writers may have appended the same statement, and the first may have written the copy last.
        Some(copy) if !log.heads.iter().any(|head| head.is(&copy) && head.head.states_the_same(&newest.head)) => {
            found.push(Discrepancy::changed(&copy_key, "is not the run's newest head in the log"));
        }
        Some(_) => {}
    }
    check_files(store, run, &newest.head, request_opens, found).await?;
    Ok(report)
}

/// Compares the files of the run with the digests in its head.
async fn check_files(
    store: &dyn ObjectStore,
    run: &RunId,
    head: &Head,
    request_opens: bool,
    found: &mut Found,
) -> Result<(), Failure> {
    let actual = finalize::digest_files(store, run).await?;
    for part in finalize::FILES {
        let key = ObjectKey::Run(run.clone(), part);
        match (head.files.get(part.file_name()), actual.get(part.file_name())) {
            (Some(signed), Some(actual)) if signed != actual && !(request_opens && part == RunPart::Request) => {
                found.push(Discrepancy::changed(&key, "is not the file that the run's head refers to"));
            }
            // `check_request` reports a missing request, unless an erasure explains it.
            (Some(_), None) if part != RunPart::Request => {
                found.push(Discrepancy::missing(&key, "the run's head refers to it, but it is missing"));
            }
            (None, Some(_)) => found.push(Discrepancy {
                object: key.to_string(),
                error: ErrorName::EvidenceUnexpected,
                what: "the run's head does not refer to it",
            }),
            _ => {}
        }
    }
    Ok(())
}

/// One of the run's heads in the log.
struct LoggedHead {
    index: u64,
    head: Head,
    /// The digest of the entry's bytes.
    bytes: Digest,
}

impl LoggedHead {
    fn is(&self, bytes: &[u8]) -> bool {
        Digest::of(bytes) == self.bytes
    }
}

/// The log as it was read.
struct Log {
    size: u64,
    /// The heads of the run, from the oldest to the newest.
    heads: Vec<LoggedHead>,
}

impl Log {
    /// Reads all entries, computes the tree from the leaves alone, and compares it with every checkpoint.
    async fn read(store: &dyn ObjectStore, run: &RunId, trust: &Trust, found: &mut Found) -> Result<Self, Failure> {
        let mut tree = Frontier::default();
        let mut heads = Vec::new();
        let mut control = BTreeMap::new();
        let pinned = trust.pinned.as_ref().map(|pinned| pinned.tree);
        let mut extends_pinned = pinned.is_none_or(|pinned| pinned.size == 0 && pinned.root == empty_root());
        for listed in store.list(&Prefix::Log).await? {
            let index = tree.size();
            let key = ObjectKey::LogEntry(index);
            if ObjectKey::log_entry_of(&listed.key) != Some(index) {
                let what = "does not follow the entry before it";
                found.push(Discrepancy { object: listed.key, error: ErrorName::EvidenceUnexpected, what });
                break;
            }
            let Some(bytes) = store.find(&key).await? else { break };
            let Some(entry) = LogEntry::from_bytes(&bytes) else {
                found.push(Discrepancy::changed(&key, "is not an entry of the log"));
                break;
            };
            let path = tree.path_of_next();
            tree.push(leaf_hash(entry.leaf.as_bytes()));
            let stated = Checkpoint::parse(&entry.checkpoint);
            let is_stated = stated.as_ref().is_some_and(|stated| stated.tree == root_of(&tree));
            let (true, true, Some(checkpoint)) = (is_stated, entry.path == path, stated) else {
                found.push(Discrepancy::changed(&key, "does not follow from the leaves of the log"));
                continue;
            };
            if trust.key.is_some_and(|signer| !checkpoint.is_signed_by(&signer)) {
                found.push(Discrepancy::changed(&key, "was not signed with the public key"));
            }
            extends_pinned |= pinned == Some(root_of(&tree));
            let Some(head) = finalize::read_head(&entry) else { continue };
            if ledger::check_order(&control, &head.control).is_err() {
                let what = "names a state of control data that does not follow the one before it";
                found.push(Discrepancy::changed(&key, what));
            }
            control.clone_from(&head.control);
            if head.run == *run {
                let bytes = Digest::of(&bytes);
                heads.push(LoggedHead { index, head, bytes });
            }
        }
        if !extends_pinned {
            let key = ObjectKey::LogEntry(pinned.map_or(0, |pinned| pinned.size.saturating_sub(1)));
            found.push(match pinned {
                Some(pinned) if pinned.size > tree.size() => {
                    Discrepancy::missing(&key, "the log is shorter than the pinned head")
                }
                _ => Discrepancy::changed(&key, "the log does not extend the pinned head"),
            });
        }
        Ok(Self { size: tree.size(), heads })
    }
}

fn root_of(tree: &Frontier) -> Tree {
    Tree { size: tree.size(), root: tree.root() }
}
