//! The port to the bucket or the folder.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use thiserror::Error;

use contracts::key::Prefix;
use contracts::{ErrorName, NamedError, ObjectKey};

/// What a store can fail with.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No object lies under the key.
    #[error("{key}: not found")]
    NotFound {
        /// The key.
        key: String,
    },
    /// The store refused, could not be reached, or is full.
    #[error("{key}: cannot {action}: {reason}")]
    Unavailable {
        /// The key.
        key: String,
        /// What was tried: `read`, `write`, `delete` or `list`.
        action: &'static str,
        /// What the store said.
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

/// How a conditional write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The object is new.
    Created,
    /// Another writer was first; its object stands untouched.
    AlreadyThere,
}

/// An object that a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its whole key, as text.
    pub key: String,
    /// When it was last written.
    pub modified: Timestamp,
}

/// How many of many objects are written at once.
const AT_ONCE: usize = 32;

/// A place that keeps objects by key. A write is atomic: a reader sees the whole object or none.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// The object's bytes.
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError>;

    /// `length` bytes of the object from `offset`.
    async fn get_range(&self, key: &ObjectKey, offset: u64, length: u64) -> Result<Bytes, StoreError>;

    /// Writes an object that may change: under `control/`, `failure.json`, a manifest.
    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError>;

    /// Writes an object that is final, unless one lies there already.
    async fn put_new(&self, key: &ObjectKey, bytes: Bytes) -> Result<Written, StoreError>;

    /// [`ObjectStore::put_new`] of many objects: how each ended, in their order. When one fails, others may lie there.
    async fn put_all_new(&self, objects: Vec<(ObjectKey, Bytes)>) -> Result<Vec<Written>, StoreError> {
        let put = |(key, bytes): (ObjectKey, Bytes)| async move { self.put_new(&key, bytes).await };
        stream::iter(objects).map(put).buffered(AT_ONCE).try_collect().await
    }

    /// Removes an object; not an error if none lies there.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Removes an object that [`ObjectStore::list_kept`] named, with every version of it that the store keeps, for good. A store
    /// that cannot says so.
    async fn erase(&self, listed: &str) -> Result<(), StoreError> {
        let reason = "this store erases nothing".to_owned();
        Err(StoreError::Unavailable { key: listed.to_owned(), action: "erase", reason })
    }

    /// Every object whose key begins with `prefix`, sorted by key.
    async fn list(&self, prefix: &Prefix) -> Result<Vec<Listed>, StoreError>;

    /// Every key that begins with `prefix` and of which the store keeps anything, sorted: also of an object that was removed,
    /// where old versions of it are still there.
    async fn list_kept(&self, prefix: &Prefix) -> Result<Vec<String>, StoreError> {
        Ok(self.list(prefix).await?.into_iter().map(|listed| listed.key).collect())
    }

    /// The object's bytes, or nothing if there is no object.
    async fn find(&self, key: &ObjectKey) -> Result<Option<Bytes>, StoreError> {
        match self.get(key).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An address under which an object can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The address.
    pub address: String,
    /// When it ends.
    pub ends: Timestamp,
}

impl Link {
    /// An address that was made at `made` and is good for `seconds`, of which a part of the first is not counted.
    #[must_use]
    pub fn since(made: Timestamp, seconds: u64, address: String) -> Self {
        let end = Timestamp::from_second(made.as_second().saturating_add_unsigned(seconds));
        Self { address, ends: end.unwrap_or(Timestamp::MAX) }
    }
}

/// Makes addresses under which an object can be read or put for a while by whoever has the address.
#[async_trait]
pub trait Links: Send + Sync {
    /// An address of the object, good for `seconds` at most.
    async fn link(&self, key: &ObjectKey, seconds: u64) -> Result<Link, StoreError>;

    /// The address to which the object can be put once, good for `seconds`.
    async fn upload_link(&self, key: &ObjectKey, seconds: u64) -> Result<String, StoreError>;
}

#[cfg(any(test, feature = "testing"))]
mod memory {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::{Bytes, Listed, ObjectKey, ObjectStore, Prefix, StoreError, Timestamp, Written, async_trait};

    /// A store in memory for tests. [`MemoryStore::fail_next`] makes the next calls on a key fail;
    /// [`MemoryStore::put_before`] lets another writer be first.
    #[derive(Default)]
    pub struct MemoryStore {
        objects: Mutex<BTreeMap<String, Bytes>>,
        faults: Mutex<BTreeMap<String, u32>>,
        others: Mutex<BTreeMap<String, (String, Bytes)>>,
    }

    impl MemoryStore {
        /// Makes the next `times` calls on `key` fail as unavailable.
        ///
        /// # Panics
        /// If another thread panicked while it held the store.
        pub fn fail_next(&self, key: &ObjectKey, times: u32) {
            self.faults.lock().expect("not poisoned").insert(key.to_string(), times);
        }

        /// Puts `object` under `other` right before `key` is next written as final, as another process might.
        ///
        /// # Panics
        /// If another thread panicked while it held the store.
        pub fn put_before(&self, key: &ObjectKey, other: &ObjectKey, object: Bytes) {
            self.others.lock().expect("not poisoned").insert(key.to_string(), (other.to_string(), object));
        }

        /// Every object by key.
        ///
        /// # Panics
        /// If another thread panicked while it held the store.
        #[must_use]
        pub fn objects(&self) -> BTreeMap<String, Bytes> {
            self.objects.lock().expect("not poisoned").clone()
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

        async fn put_new(&self, key: &ObjectKey, bytes: Bytes) -> Result<Written, StoreError> {
            self.fault(key, "write")?;
            let mut objects = self.objects.lock().expect("not poisoned");
            objects.extend(self.others.lock().expect("not poisoned").remove(&key.to_string()));
            if objects.contains_key(&key.to_string()) {
                return Ok(Written::AlreadyThere);
            }
            objects.insert(key.to_string(), bytes);
            Ok(Written::Created)
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

        // Nothing in memory has a time of its own: all are as old as can be.
        async fn list(&self, prefix: &Prefix) -> Result<Vec<Listed>, StoreError> {
            let (objects, prefix) = (self.objects.lock().expect("not poisoned"), prefix.to_string());
            let keys = objects.keys().filter(|key| key.starts_with(&prefix));
            Ok(keys.map(|key| Listed { key: key.clone(), modified: Timestamp::UNIX_EPOCH }).collect())
        }
    }
}

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryStore;
