//! The log in a store: one object per entry, `log/<index>.json`, written once.
//!
//! An entry holds a leaf, its inclusion proof in the tree that it completes, and the signed checkpoint of that tree. The
//! entry of index n is written only if no entry n exists, so concurrent writers cannot fork the log: the second one
//! appends after the first.

use contracts::{Digest, ErrorName, NamedError, ObjectKey};
use serde::{Deserialize, Serialize};
use storage::store::{ObjectStore, PutOutcome, StoreError};
use thiserror::Error;

use crate::checkpoint::Checkpoint;
use crate::merkle::{self, Frontier, Tree};
use crate::signer::{Signer, SignerError};

/// An error from the log.
#[derive(Debug, Error)]
pub enum LogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signer failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// An entry is missing or malformed, its checkpoint does not match it, or another key signed it.
    #[error("{key}: {problem}")]
    Broken {
        /// The object's key.
        key: String,
        /// The problem.
        problem: &'static str,
    },
}

impl LogError {
    fn broken(index: u64, problem: &'static str) -> Self {
        Self::Broken { key: ObjectKey::LogEntry(index).to_string(), problem }
    }
}

impl NamedError for LogError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::Signer(error) => error.name(),
            Self::Broken { .. } => ErrorName::SealBroken,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.help(),
            Self::Signer(error) => error.help(),
            Self::Broken { .. } => Some("restore the log and its signing key from a copy".to_owned()),
        }
    }
}

/// An entry: `log/<index>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// The leaf, byte for byte as it was hashed.
    pub leaf: String,
    /// The inclusion proof of the leaf in the tree of the checkpoint.
    pub path: Vec<Digest>,
    /// The signed checkpoint of the tree that this leaf completes.
    pub checkpoint: String,
}

impl LogEntry {
    /// Returns the bytes of the object.
    ///
    /// # Panics
    /// Never: the entry consists of texts.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("an entry serializes to JSON");
        json.push(b'\n');
        json
    }

    /// Parses the bytes of an object. Returns `None` unless they are exactly what [`LogEntry::to_bytes`] writes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|entry: &Self| entry.to_bytes() == bytes)
    }
}

/// Returns the number of entries. Entries are contiguous, so this takes about twice as many reads as the binary
/// logarithm of the size.
///
/// # Errors
/// If the store cannot be read.
pub async fn size(store: &dyn ObjectStore) -> Result<u64, StoreError> {
    let exists = async |index| store.exists(&ObjectKey::LogEntry(index)).await;
    let mut missing = 0;
    while exists(missing).await? {
        missing = missing * 2 + 1;
    }
    let mut size = missing.div_ceil(2);
    while size < missing {
        let middle = size + (missing - size) / 2;
        if exists(middle).await? {
            size = middle + 1;
        } else {
            missing = middle;
        }
    }
    Ok(size)
}

/// Returns an entry, or `None` if it does not exist.
///
/// # Errors
/// If the store cannot be read, or the object is not an entry.
pub async fn entry(store: &dyn ObjectStore, index: u64) -> Result<Option<LogEntry>, LogError> {
    let Some(bytes) = store.find(&ObjectKey::LogEntry(index)).await? else { return Ok(None) };
    LogEntry::from_bytes(&bytes).map(Some).ok_or_else(|| LogError::broken(index, "not an entry of the log"))
}

/// Appends a leaf, and returns its index and entry.
///
/// # Errors
/// If the store or the signer fails, or if the last entry is malformed or was signed with another key.
pub async fn append(store: &dyn ObjectStore, signer: &dyn Signer, leaf: String) -> Result<(u64, LogEntry), LogError> {
    let mut index = size(store).await?;
    loop {
        let frontier = frontier(store, signer, index).await?;
        let path = frontier.path_of_next();
        let mut after = frontier;
        after.push(merkle::leaf_hash(leaf.as_bytes()));
        let checkpoint = Checkpoint::sign(Tree { size: after.size(), root: after.root() }, signer).await?;
        let entry = LogEntry { leaf: leaf.clone(), path, checkpoint };
        match store.put_new(&ObjectKey::LogEntry(index), entry.to_bytes().into()).await? {
            PutOutcome::Created => return Ok((index, entry)),
            // Another writer was first.
            PutOutcome::AlreadyExists => index += 1,
        }
    }
}

/// Returns the frontier of the tree of `size` leaves, from its last entry. Verifies that entry's checkpoint.
async fn frontier(store: &dyn ObjectStore, signer: &dyn Signer, size: u64) -> Result<Frontier, LogError> {
    let Some(last) = size.checked_sub(1) else { return Ok(Frontier::default()) };
    let broken = |problem| LogError::broken(last, problem);
    let entry = entry(store, last).await?.ok_or_else(|| broken("missing"))?;
    let leaf = merkle::leaf_hash(entry.leaf.as_bytes());
    let frontier = Frontier::after(last, leaf, &entry.path).ok_or_else(|| broken("not an entry of the log"))?;
    let checkpoint = Checkpoint::parse(&entry.checkpoint).ok_or_else(|| broken("not an entry of the log"))?;
    if checkpoint.tree != (Tree { size, root: frontier.root() }) {
        return Err(broken("its checkpoint does not follow from its leaf"));
    }
    if !checkpoint.is_signed_by(&signer.public_key().await?) {
        return Err(broken("signed with another key"));
    }
    Ok(frontier)
}

/// Returns the consistency proof between two sizes of the log. The number of reads grows with the square of the
/// logarithm of the size.
///
/// # Errors
/// If the store cannot be read, or an entry is missing.
pub async fn prove_consistency(store: &dyn ObjectStore, old: u64, size: u64) -> Result<Vec<Digest>, LogError> {
    let mut proof = Vec::new();
    for range in merkle::consistency_ranges(old, size) {
        proof.push(range_hash(store, range).await?);
    }
    Ok(proof)
}

/// Returns the inclusion proof of a leaf in the tree of `size` leaves.
///
/// # Errors
/// If the store cannot be read, or an entry is missing.
pub async fn prove_inclusion(store: &dyn ObjectStore, index: u64, size: u64) -> Result<Vec<Digest>, LogError> {
    let mut path = Vec::new();
    for range in merkle::inclusion_ranges(index, size) {
        path.push(range_hash(store, range).await?);
    }
    Ok(path)
}

/// Returns the hash of a range. The entry of a perfect range's last leaf holds all hashes needed to compute the range's
/// hash.
async fn range_hash(store: &dyn ObjectStore, range: std::ops::Range<u64>) -> Result<Digest, LogError> {
    let mut hashes = Vec::new();
    for range in merkle::perfect_ranges(range) {
        let last = range.end - 1;
        let entry = entry(store, last).await?.ok_or_else(|| LogError::broken(last, "missing"))?;
        let levels = (range.end - range.start).ilog2() as usize;
        let siblings = entry.path.get(..levels).ok_or_else(|| LogError::broken(last, "not an entry of the log"))?;
        let leaf = merkle::leaf_hash(entry.leaf.as_bytes());
        hashes.push(siblings.iter().fold(leaf, |right, left| merkle::node_hash(left, &right)));
    }
    Ok(merkle::fold(&hashes))
}

#[cfg(test)]
mod tests {
    use futures::future::try_join_all;
    use storage::store::MemoryStore;

    use super::*;
    use crate::merkle::{is_consistent, is_included};
    use crate::signer::SigningKey;

    fn key() -> SigningKey {
        SigningKey::from_pem("", &SigningKey::generate("").unwrap()).unwrap()
    }

    async fn log_of(leaves: u64, key: &SigningKey) -> MemoryStore {
        let store = MemoryStore::default();
        for leaf in 0..leaves {
            let (index, _) = append(&store, key, format!("leaf {leaf}")).await.unwrap();
            assert_eq!(index, leaf);
        }
        store
    }

    async fn tree(store: &MemoryStore, size: u64) -> Tree {
        let entry = entry(store, size - 1).await.unwrap().unwrap();
        Checkpoint::parse(&entry.checkpoint).unwrap().tree
    }

    #[tokio::test]
    async fn size_is_found_for_every_length() {
        let key = key();
        let store = MemoryStore::default();
        for leaf in 0..40 {
            assert_eq!(size(&store).await.unwrap(), leaf);
            append(&store, &key, leaf.to_string()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn every_checkpoint_extends_every_earlier_one() {
        let store = log_of(33, &key()).await;
        for new in 1..=33 {
            let newer = tree(&store, new).await;
            for old in 1..=new {
                let proof = prove_consistency(&store, old, new).await.unwrap();
                assert!(is_consistent(tree(&store, old).await, newer, &proof), "{old} in {new}");
                let path = prove_inclusion(&store, old - 1, new).await.unwrap();
                let leaf = merkle::leaf_hash(format!("leaf {}", old - 1).as_bytes());
                assert!(is_included(leaf, old - 1, new, &path, &newer.root), "leaf {} in {new}", old - 1);
            }
        }
    }

    #[tokio::test]
    async fn concurrent_writers_do_not_fork_the_log() {
        let key = key();
        let store = MemoryStore::default();
        let appended = try_join_all((0..24).map(|leaf| append(&store, &key, format!("leaf {leaf}")))).await.unwrap();
        let mut indexes: Vec<u64> = appended.iter().map(|(index, _)| *index).collect();
        indexes.sort_unstable();
        assert_eq!(indexes, (0..24).collect::<Vec<_>>());
        let proof = prove_consistency(&store, 7, 24).await.unwrap();
        assert!(is_consistent(tree(&store, 7).await, tree(&store, 24).await, &proof));
    }

    #[tokio::test]
    async fn competing_writer_is_followed_not_overwritten() {
        let key = key();
        let store = log_of(3, &key).await;
        let mut frontier = frontier(&store, &key, 3).await.unwrap();
        let path = frontier.path_of_next();
        frontier.push(merkle::leaf_hash(b"the other's"));
        let checkpoint = Checkpoint::sign(Tree { size: 4, root: frontier.root() }, &key).await.unwrap();
        let other = LogEntry { leaf: "the other's".to_owned(), path, checkpoint };
        let third = ObjectKey::LogEntry(3);
        store.put_before(&third, &third, other.to_bytes().into());
        let (index, _) = append(&store, &key, "mine".to_owned()).await.unwrap();
        assert_eq!(index, 4);
        assert_eq!(entry(&store, 3).await.unwrap(), Some(other));
    }

    #[tokio::test]
    async fn log_with_changed_or_foreign_last_entry_is_not_continued() {
        let (own, foreign) = (key(), key());
        let store = log_of(3, &own).await;
        let error = append(&store, &foreign, "forged".to_owned()).await.unwrap_err();
        assert_eq!(error.name(), ErrorName::SealBroken);
        let last = ObjectKey::LogEntry(2);
        let changed = String::from_utf8(store.get(&last).await.unwrap().to_vec()).unwrap().replace("leaf 2", "leaf 9");
        store.put(&last, changed.into()).await.unwrap();
        assert_eq!(append(&store, &own, "next".to_owned()).await.unwrap_err().name(), ErrorName::SealBroken);
    }

    #[tokio::test]
    async fn forked_log_is_not_consistent_with_a_pinned_head() {
        let key = key();
        let pinned = tree(&log_of(5, &key).await, 5).await;
        let forked = log_of(4, &key).await;
        for leaf in ["rewritten", "later", "latest"] {
            append(&forked, &key, leaf.to_owned()).await.unwrap();
        }
        let proof = prove_consistency(&forked, 5, 7).await.unwrap();
        assert!(!is_consistent(pinned, tree(&forked, 7).await, &proof));
    }
}
