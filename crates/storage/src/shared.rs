//! Keeps results that all customers share, so each is usually made only once.
//!
//! An object is named by the digest of everything that determines it, and sealed with the data key. The seal detects
//! every change, so a damaged object is made again. The first writer wins, and later writers use its result. Writes are
//! atomic, so an interrupted writer does not leave a partial object behind.
//!
//! **Invariant:** a type implements [`Shareable`] only if its values contain no customer data. A failure of this store
//! does not fail a stage: the result is made again.

use contracts::{Digest, ObjectKey};
use jiff::{SignedDuration, Timestamp};

use crate::store::PutOutcome;
use crate::vault::{Owner, Vault, VaultError};

/// The length in bytes of the header before the content. It holds the time of the last write, in seconds since 1970.
const HEADER: usize = 8;
/// The days after which the bucket's lifecycle rules for `speech/` and `scenes/` in `infra/template.yaml` delete objects.
const LIFECYCLE_DAYS: u16 = 90;

/// The shared results of one store.
#[derive(Clone, Copy)]
pub struct SharedStore<'a> {
    vault: &'a Vault,
    /// The age at which reading an object rewrites it, so that an object in use does not expire. `None` if objects
    /// never expire.
    refresh_after: Option<SignedDuration>,
}

/// An object of the store.
#[derive(Debug)]
pub enum Found<T> {
    /// The object.
    Kept(T),
    /// There is no such object, or the store could not be read.
    Missing,
    /// The object cannot be opened, or does not match its name.
    Damaged,
}

/// A result that contains no customer's data.
pub trait Shareable: Sized {
    /// Returns the key of the result with this digest.
    fn key(digest: Digest) -> ObjectKey;
    /// Returns the result as bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// Reads the result. Returns `None` if the bytes have another format.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl<'a> SharedStore<'a> {
    /// Creates the shared store on top of a vault. `days` is the retention: objects expire that long after their last
    /// write, or never if 0.
    #[must_use]
    pub fn new(vault: &'a Vault, days: u16) -> Self {
        // An object in use is rewritten after a third of its lifetime. On AWS, the bucket's lifecycle rule limits the
        // lifetime, whatever the settings say.
        let refresh_after = (days > 0).then(|| SignedDuration::from_hours(8 * i64::from(days.min(LIFECYCLE_DAYS))));
        Self { vault, refresh_after }
    }

    /// Makes every read rewrite the object, whatever its age.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn refreshing_at_once(self) -> Self {
        Self { refresh_after: Some(SignedDuration::ZERO), ..self }
    }

    /// Returns the object with this digest. Rewrites it if it is due. Treats a failed read as [`Found::Missing`].
    pub async fn find<T: Shareable>(&self, digest: Digest) -> Found<T> {
        let key = T::key(digest);
        let sealed = match self.vault.store().find(&key).await {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return Found::Missing,
            Err(error) => {
                tracing::warn!(
                    reason = contracts::error::chain(&error),
                    "cannot read a shared result; making it again"
                );
                return Found::Missing;
            }
        };
        let opened = self.vault.open(Owner::Run, &key.to_string(), &sealed).await;
        let content = opened.ok().filter(|(_, inputs)| *inputs == digest).and_then(|(plain, _)| {
            let (header, body) = plain.split_first_chunk::<HEADER>()?;
            let written = Timestamp::from_second(i64::from_le_bytes(*header)).ok()?;
            Some((T::from_bytes(body)?, written))
        });
        let Some((content, written)) = content else {
            tracing::warn!(%key, "shared result is damaged; making it again");
            return Found::Damaged;
        };
        let is_due = |after: SignedDuration| Timestamp::now().duration_since(written) >= after;
        if self.refresh_after.is_some_and(is_due) {
            self.replace(digest, &content).await;
        }
        Found::Kept(content)
    }

    /// Keeps a result. Returns this result, or an earlier writer's if the store already has one.
    pub async fn keep<T: Shareable>(&self, digest: Digest, content: T) -> T {
        let key = T::key(digest);
        match self.vault.write(Owner::Run, &key, &digest, &with_header(&content)).await {
            Ok(PutOutcome::Created) => content,
            Ok(PutOutcome::AlreadyExists) => match self.find(digest).await {
                Found::Kept(first) => first,
                Found::Missing | Found::Damaged => content,
            },
            Err(error) => {
                tracing::warn!(%key, reason = contracts::error::chain(&error), "cannot keep a shared result");
                content
            }
        }
    }

    /// Writes a result, whether or not one exists.
    pub async fn replace<T: Shareable>(&self, digest: Digest, content: &T) {
        let key = T::key(digest);
        let replaced = async {
            let place = key.to_string();
            let sealed = self.vault.seal(Owner::Run, &place, &digest, &with_header(content)).await?;
            Ok::<_, VaultError>(self.vault.store().put(&key, sealed.into()).await?)
        };
        if let Err(error) = replaced.await {
            tracing::warn!(%key, reason = contracts::error::chain(&error), "cannot keep a shared result");
        }
    }
}

fn with_header<T: Shareable>(content: &T) -> Vec<u8> {
    let mut bytes = Timestamp::now().as_second().to_le_bytes().to_vec();
    bytes.extend(content.to_bytes());
    bytes
}
