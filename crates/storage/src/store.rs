//! The interface to the store, which is a bucket or a folder.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use thiserror::Error;

use contracts::key::Prefix;
use contracts::{ErrorName, NamedError, ObjectKey};

/// An error from a store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The object does not exist.
    #[error("{key}: not found")]
    NotFound {
        /// The key.
        key: String,
    },
    /// The store refused the call, cannot be reached, or is full.
    #[error("{key}: cannot {action}: {reason}")]
    Unavailable {
        /// The key.
        key: String,
        /// The attempted action: `read`, `write`, `delete`, `erase` or `list`.
        action: &'static str,
        /// The store's message.
        reason: String,
    },
}

impl NamedError for StoreError {
    fn name(&self) -> ErrorName {
        match self {
            Self::NotFound { .. } => ErrorName::StoreNotFound,
            Self::Unavailable { .. } => ErrorName::StoreUnavailable,
        }
    }
}

/// The outcome of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// The object was created.
    Created,
    /// The object already existed, because another writer was first. It is unchanged.
    AlreadyExists,
}

/// The outcome of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceOutcome {
    /// The object was replaced.
    Replaced,
    /// The object does not hold the expected bytes, because another writer was first. It is unchanged.
    Changed,
}

/// A listed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The full key.
    pub key: String,
    /// The time of the last write.
    pub modified: Timestamp,
}

/// The number of concurrent writes in a bulk write.
const CONCURRENCY: usize = 32;

/// A store of objects by key. Writes are atomic: a reader never sees part of an object.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Returns the object's bytes.
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError>;

    /// Returns up to `length` bytes of the object, starting at `offset`: fewer at the end of the object, none beyond
    /// it.
    async fn get_range(&self, key: &ObjectKey, offset: u64, length: u64) -> Result<Bytes, StoreError>;

    /// Writes an object. Replaces any object with the same key.
    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError>;

    /// Writes an object, unless one with this key exists.
    async fn put_new(&self, key: &ObjectKey, bytes: Bytes) -> Result<PutOutcome, StoreError>;

    /// Replaces an object, unless it no longer holds the bytes `old`. Fails on stores that cannot write conditionally.
    async fn replace(&self, key: &ObjectKey, _old: &Bytes, _new: Bytes) -> Result<ReplaceOutcome, StoreError> {
        let reason = "this store cannot replace an object conditionally".to_owned();
        Err(StoreError::Unavailable { key: key.to_string(), action: "write", reason })
    }

    /// Calls [`ObjectStore::put_new`] for many objects, and returns the outcomes in the same order. If one write fails,
    /// others may have succeeded.
    async fn put_all_new(&self, objects: Vec<(ObjectKey, Bytes)>) -> Result<Vec<PutOutcome>, StoreError> {
        let put = |(key, bytes): (ObjectKey, Bytes)| async move { self.put_new(&key, bytes).await };
        stream::iter(objects).map(put).buffered(CONCURRENCY).try_collect().await
    }

    /// Copies an object to a new key, unless an object with that key exists. A bucket copies objects itself, so the
    /// bytes do not pass through this process. Returns `None` if `from` does not exist.
    async fn copy_new(&self, from: &ObjectKey, to: &ObjectKey) -> Result<Option<PutOutcome>, StoreError> {
        let Some(bytes) = self.find(from).await? else { return Ok(None) };
        self.put_new(to, bytes).await.map(Some)
    }

    /// Returns whether the object exists.
    async fn exists(&self, key: &ObjectKey) -> Result<bool, StoreError> {
        Ok(self.find(key).await?.is_some())
    }

    /// Deletes an object. Also succeeds if the object does not exist.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Deletes the object with a key that [`ObjectStore::list_kept`] returned, including every version that the store
    /// keeps. Fails on stores that cannot delete permanently.
    async fn erase(&self, listed: &str) -> Result<(), StoreError> {
        let reason = "this store cannot delete permanently".to_owned();
        Err(StoreError::Unavailable { key: listed.to_owned(), action: "erase", reason })
    }

    /// Returns all objects with this prefix, sorted by key.
    async fn list(&self, prefix: &Prefix) -> Result<Vec<ListedObject>, StoreError>;

    /// Returns all keys with this prefix, sorted. Includes deleted objects while the store still keeps old versions of
    /// them.
    async fn list_kept(&self, prefix: &Prefix) -> Result<Vec<String>, StoreError> {
        Ok(self.list(prefix).await?.into_iter().map(|listed| listed.key).collect())
    }

    /// Returns the object's bytes, or `None` if it does not exist.
    async fn find(&self, key: &ObjectKey) -> Result<Option<Bytes>, StoreError> {
        match self.get(key).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A URL that grants access to one object for a limited time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedUrl {
    /// The URL.
    pub address: String,
    /// The time of expiry.
    pub ends: Timestamp,
}

impl SignedUrl {
    /// Returns a URL that was created at `made` and is valid for `seconds`. Rounds the time of expiry down to a full
    /// second.
    #[must_use]
    pub fn since(made: Timestamp, seconds: u64, address: String) -> Self {
        let end = Timestamp::from_second(made.as_second().saturating_add_unsigned(seconds));
        Self { address, ends: end.unwrap_or(Timestamp::MAX) }
    }
}

/// Creates URLs that let anyone read or write one object for a limited time.
#[async_trait]
pub trait UrlSigner: Send + Sync {
    /// Returns a URL to read the object, valid for at most `seconds`.
    async fn link(&self, key: &ObjectKey, seconds: u64) -> Result<SignedUrl, StoreError>;

    /// Returns a URL to upload the object, valid for `seconds`.
    async fn upload_link(&self, key: &ObjectKey, seconds: u64) -> Result<String, StoreError>;
}

#[cfg(any(test, feature = "testing"))]
mod memory {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::{
        Bytes, ListedObject, ObjectKey, ObjectStore, Prefix, PutOutcome, ReplaceOutcome, StoreError, Timestamp,
        async_trait,
    };

    /// An in-memory store for tests. [`MemoryStore::fail_next`] makes the next reads, writes or deletions of a key
    /// fail. [`MemoryStore::put_before`] simulates a competing writer.
    #[derive(Default)]
    pub struct MemoryStore {
        objects: Mutex<BTreeMap<String, Bytes>>,
        faults: Mutex<BTreeMap<String, u32>>,
        others: Mutex<BTreeMap<String, (String, Bytes)>>,
    }

    impl MemoryStore {
        /// Makes the next `times` reads, writes or deletions of `key` fail with [`StoreError::Unavailable`].
        ///
        /// # Panics
        /// If another thread panicked while it used the store.
        pub fn fail_next(&self, key: &ObjectKey, times: u32) {
            self.faults.lock().expect("not poisoned").insert(key.to_string(), times);
        }

        /// Writes `object` to `other` right before the next [`ObjectStore::put_new`] to `key`, like a competing
        /// process.
        ///
        /// # Panics
        /// If another thread panicked while it used the store.
        pub fn put_before(&self, key: &ObjectKey, other: &ObjectKey, object: Bytes) {
            self.others.lock().expect("not poisoned").insert(key.to_string(), (other.to_string(), object));
        }

        /// Returns all objects by key.
        ///
        /// # Panics
        /// If another thread panicked while it used the store.
        #[must_use]
        pub fn objects(&self) -> BTreeMap<String, Bytes> {
            self.objects.lock().expect("not poisoned").clone()
        }

        /// Writes an object, without the injected faults.
        ///
        /// # Panics
        /// If another thread panicked while it used the store.
        pub fn replace(&self, key: &str, object: Bytes) {
            self.objects.lock().expect("not poisoned").insert(key.to_owned(), object);
        }

        fn fault(&self, key: &ObjectKey, action: &'static str) -> Result<(), StoreError> {
            let mut faults = self.faults.lock().expect("not poisoned");
            match faults.get_mut(&key.to_string()) {
                Some(times) if *times > 0 => {
                    *times -= 1;
                    Err(StoreError::Unavailable { key: key.to_string(), action, reason: "injected".to_owned() })
                }
                _ => Ok(()),
            }
        }
    }

    #[async_trait]
    impl ObjectStore for MemoryStore {
        async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
            self.fault(key, "read")?;
            let objects = self.objects.lock().expect("not poisoned");
            objects.get(&key.to_string()).cloned().ok_or_else(|| StoreError::NotFound { key: key.to_string() })
        }

        async fn get_range(&self, key: &ObjectKey, offset: u64, length: u64) -> Result<Bytes, StoreError> {
            let bytes = self.get(key).await?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(bytes.len());
            Ok(bytes.slice(start..end))
        }

        async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
            self.fault(key, "write")?;
            self.objects.lock().expect("not poisoned").insert(key.to_string(), bytes);
            Ok(())
        }

        async fn put_new(&self, key: &ObjectKey, bytes: Bytes) -> Result<PutOutcome, StoreError> {
            self.fault(key, "write")?;
            let mut objects = self.objects.lock().expect("not poisoned");
            objects.extend(self.others.lock().expect("not poisoned").remove(&key.to_string()));
            if objects.contains_key(&key.to_string()) {
                return Ok(PutOutcome::AlreadyExists);
            }
            objects.insert(key.to_string(), bytes);
            Ok(PutOutcome::Created)
        }

        async fn replace(&self, key: &ObjectKey, old: &Bytes, new: Bytes) -> Result<ReplaceOutcome, StoreError> {
            self.fault(key, "write")?;
            let mut objects = self.objects.lock().expect("not poisoned");
            match objects.get_mut(&key.to_string()) {
                Some(stored) if stored == old => {
                    *stored = new;
                    Ok(ReplaceOutcome::Replaced)
                }
                _ => Ok(ReplaceOutcome::Changed),
            }
        }

        async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
            self.fault(key, "delete")?;
            self.objects.lock().expect("not poisoned").remove(&key.to_string());
            Ok(())
        }

        async fn erase(&self, listed: &str) -> Result<(), StoreError> {
            self.objects.lock().expect("not poisoned").remove(listed);
            Ok(())
        }

        // Objects in memory have no modification time, so all get the same one.
        async fn list(&self, prefix: &Prefix) -> Result<Vec<ListedObject>, StoreError> {
            let objects = self.objects.lock().expect("not poisoned");
            let prefix = prefix.to_string();
            let keys = objects.keys().filter(|key| key.starts_with(&prefix));
            Ok(keys.map(|key| ListedObject { key: key.clone(), modified: Timestamp::UNIX_EPOCH }).collect())
        }
    }
}

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryStore;
