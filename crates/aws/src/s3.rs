//! The store in an S3 bucket.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::ObjectLockMode;
use bytes::Bytes;
use contracts::ObjectKey;
use contracts::error::chain;
use contracts::key::{Artefact, Prefix, RunPart};
use jiff::Timestamp;
use storage::store::{ListedObject, ObjectStore, PutOutcome, ReplaceOutcome, SignedUrl, StoreError, UrlSigner};

/// The maximum number of attempts at a conditional write that conflicts with another one in flight.
const CONFLICT_TRIES: u32 = 6;
/// The delay before the second attempt. It doubles with each attempt.
const CONFLICT_WAIT: Duration = Duration::from_millis(50);

/// A store in one bucket. It uses each [`ObjectKey`] without a prefix, and the bucket's default encryption.
///
/// The role needs `s3:ListBucket` on the bucket in addition to its object permissions. Without it, S3 responds with 403
/// for a missing object, and the store reports itself as unavailable.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    bucket: String,
    lock: Option<Lock>,
}

/// The S3 Object Lock on evidence, decisions, manifests, heads and the log. Other objects have no lock, because an
/// erasure must be able to delete them. A locked manifest may be replaced: the bucket then keeps both versions.
#[derive(Clone, Debug)]
pub struct Lock {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub mode: ObjectLockMode,
    /// The duration of the lock, in days.
    pub days: u32,
}

impl Lock {
    const fn covers(key: &ObjectKey) -> bool {
        matches!(
            key,
            ObjectKey::Customer(_, _, Artefact::Evidence)
                | ObjectKey::Decision(..)
                | ObjectKey::LogEntry(_)
                | ObjectKey::Run(_, RunPart::ManifestCsv | RunPart::ManifestJson | RunPart::Head)
        )
    }

    fn until(&self) -> DateTime {
        let now = Timestamp::now().as_second();
        DateTime::from_secs(now + 86_400 * i64::from(self.days))
    }
}

impl S3Store {
    /// Returns a store over `bucket`.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), lock: None }
    }

    /// Sets the lock on the objects that [`Lock`] covers.
    #[must_use]
    pub fn locking(mut self, lock: Option<Lock>) -> Self {
        self.lock = lock;
        self
    }

    fn read(&self, key: &ObjectKey) -> GetObjectFluentBuilder {
        self.client.get_object().bucket(&self.bucket).key(key.to_string())
    }

    fn write(&self, key: &ObjectKey, bytes: Bytes) -> PutObjectFluentBuilder {
        let request = self.client.put_object().bucket(&self.bucket).key(key.to_string()).body(ByteStream::from(bytes));
        match self.lock.as_ref().filter(|_| Lock::covers(key)) {
            Some(lock) => request.object_lock_mode(lock.mode.clone()).object_lock_retain_until_date(lock.until()),
            None => request,
        }
    }
}

#[async_trait]
impl UrlSigner for S3Store {
    /// Returns a presigned GET URL. It expires with the role's session if that ends first.
    async fn link(&self, key: &ObjectKey, seconds: u64) -> Result<SignedUrl, StoreError> {
        let refused = |error: &dyn std::error::Error| unavailable(key, "link to", error);
        let now = Timestamp::now();
        let config = PresigningConfig::expires_in(Duration::from_secs(seconds)).map_err(|error| refused(&error))?;
        let request = self.read(key).presigned(config).await.map_err(|error| refused(&error))?;
        Ok(SignedUrl::since(now, seconds, request.uri().to_owned()))
    }

    /// Returns a presigned PUT URL. The bucket's default encryption applies to the upload.
    async fn upload_link(&self, key: &ObjectKey, seconds: u64) -> Result<String, StoreError> {
        let refused = |error: &dyn std::error::Error| unavailable(key, "link to", error);
        let config = PresigningConfig::expires_in(Duration::from_secs(seconds)).map_err(|error| refused(&error))?;
        let request = self.client.put_object().bucket(&self.bucket).key(key.to_string());
        Ok(request.presigned(config).await.map_err(|error| refused(&error))?.uri().to_owned())
    }
}

/// Returns an error with the SDK's description: kind, code, message and request id. Its `Debug` form would quote
/// bodies.
fn unavailable(key: &ObjectKey, action: &'static str, error: &dyn std::error::Error) -> StoreError {
    StoreError::Unavailable { key: key.to_string(), action, reason: chain(error) }
}

/// Returns the HTTP status of a response, or `None` if there was none.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

async fn fetch(request: GetObjectFluentBuilder, key: &ObjectKey) -> Result<Bytes, StoreError> {
    let object = match request.send().await {
        Ok(object) => object,
        Err(error) if error.code() == Some("NoSuchKey") => return Err(StoreError::NotFound { key: key.to_string() }),
        // The range starts at or after the end.
        Err(error) if status(&error) == Some(416) => return Ok(Bytes::new()),
        Err(error) => return Err(unavailable(key, "read", &error)),
    };
    let body = object.body.collect().await.map_err(|error| unavailable(key, "read", &error))?;
    Ok(body.into_bytes())
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn get(&self, key: &ObjectKey) -> Result<Bytes, StoreError> {
        fetch(self.read(key), key).await
    }

    async fn get_range(&self, key: &ObjectKey, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        // HTTP has no empty ranges (RFC 9110, section 14.1.2).
        let Some(last) = length.checked_sub(1).map(|length| offset.saturating_add(length)) else {
            return Ok(Bytes::new());
        };
        fetch(self.read(key).range(format!("bytes={offset}-{last}")), key).await
    }

    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), StoreError> {
        self.write(key, bytes).send().await.map_err(|error| unavailable(key, "write", &error))?;
        Ok(())
    }

    /// Creates the object with `If-None-Match: *`. If the response to a write is lost, the retry returns
    /// [`PutOutcome::AlreadyExists`], although the object is the writer's own.
    async fn put_new(&self, key: &ObjectKey, bytes: Bytes) -> Result<PutOutcome, StoreError> {
        let mut wait = CONFLICT_WAIT;
        let mut tries = 1;
        loop {
            match self.write(key, bytes.clone()).if_none_match("*").send().await {
                Ok(_) => return Ok(PutOutcome::Created),
                Err(error) if status(&error) == Some(412) => return Ok(PutOutcome::AlreadyExists),
                // Another conditional write is in flight. The SDK does not retry this.
                Err(error) if status(&error) == Some(409) && tries < CONFLICT_TRIES => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                    tries += 1;
                }
                Err(error) => return Err(unavailable(key, "write", &error)),
            }
        }
    }

    /// Replaces the object with `If-Match` and the entity tag that it was read with:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>.
    async fn replace(&self, key: &ObjectKey, old: &Bytes, new: Bytes) -> Result<ReplaceOutcome, StoreError> {
        let object = match self.read(key).send().await {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(ReplaceOutcome::Changed),
            Err(error) => return Err(unavailable(key, "read", &error)),
        };
        let tag = object.e_tag.clone();
        let stored = object.body.collect().await.map_err(|error| unavailable(key, "read", &error))?.into_bytes();
        let Some(tag) = tag.filter(|_| stored == *old) else { return Ok(ReplaceOutcome::Changed) };
        match self.write(key, new).if_match(tag).send().await {
            Ok(_) => Ok(ReplaceOutcome::Replaced),
            // Another writer replaced or deleted the object, or is about to.
            Err(error) if matches!(status(&error), Some(404 | 409 | 412)) => Ok(ReplaceOutcome::Changed),
            Err(error) => Err(unavailable(key, "write", &error)),
        }
    }

    /// Copies with `If-None-Match: *`:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>.
    async fn copy_new(&self, from: &ObjectKey, to: &ObjectKey) -> Result<Option<PutOutcome>, StoreError> {
        // Keys consist of letters, digits and `/._-`, so the source needs no encoding.
        let source = format!("{}/{from}", self.bucket);
        let request = self.client.copy_object().bucket(&self.bucket).key(to.to_string()).copy_source(source);
        match request.if_none_match("*").send().await {
            Ok(_) => Ok(Some(PutOutcome::Created)),
            Err(error) if status(&error) == Some(412) => Ok(Some(PutOutcome::AlreadyExists)),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(unavailable(from, "copy", &error)),
        }
    }

    async fn exists(&self, key: &ObjectKey) -> Result<bool, StoreError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key.to_string());
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(unavailable(key, "read", &error)),
        }
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(key.to_string());
        match request.send().await {
            Ok(_) => Ok(()),
            // S3 itself responds with 204, whether or not the object exists.
            Err(error) if error.code() == Some("NoSuchKey") => Ok(()),
            Err(error) => Err(unavailable(key, "delete", &error)),
        }
    }

    /// Deletes every version of the object, including delete markers.
    async fn erase(&self, listed: &str) -> Result<(), StoreError> {
        let failed = |error: &dyn std::error::Error| StoreError::Unavailable {
            key: listed.to_owned(),
            action: "erase",
            reason: chain(error),
        };
        // A deleted version is no longer listed, so the loop reads the first page until it is empty.
        loop {
            let request = self.client.list_object_versions().bucket(&self.bucket).prefix(listed);
            let page = match request.send().await {
                Ok(page) => page,
                // The store has no versions.
                Err(error) if error.code() == Some("NotImplemented") => {
                    let request = self.client.delete_object().bucket(&self.bucket).key(listed);
                    return request.send().await.map(|_| ()).map_err(|error| failed(&error));
                }
                Err(error) => return Err(failed(&error)),
            };
            let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
            let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
            let of_object: Vec<_> = versions.chain(markers).filter(|(key, _)| *key == Some(listed)).collect();
            if of_object.is_empty() {
                return Ok(());
            }
            for (_, version) in of_object {
                let request = self.client.delete_object().bucket(&self.bucket).key(listed);
                request.set_version_id(version.map(ToOwned::to_owned)).send().await.map_err(|error| failed(&error))?;
            }
        }
    }

    async fn list_kept(&self, prefix: &Prefix) -> Result<Vec<String>, StoreError> {
        let failed = |error: &dyn std::error::Error| StoreError::Unavailable {
            key: prefix.to_string(),
            action: "list",
            reason: chain(error),
        };
        let mut kept = BTreeSet::new();
        let mut key_marker = None;
        let mut version_marker = None;
        loop {
            let request = self.client.list_object_versions().bucket(&self.bucket).prefix(prefix.to_string());
            let request = request.set_key_marker(key_marker).set_version_id_marker(version_marker);
            let page = match request.send().await {
                Ok(page) => page,
                // The store has no versions.
                Err(error) if error.code() == Some("NotImplemented") => {
                    return Ok(self.list(prefix).await?.into_iter().map(|listed| listed.key).collect());
                }
                Err(error) => return Err(failed(&error)),
            };
            kept.extend(page.versions().iter().filter_map(|version| version.key.clone()));
            kept.extend(page.delete_markers().iter().filter_map(|marker| marker.key.clone()));
            if page.is_truncated != Some(true) {
                return Ok(kept.into_iter().collect());
            }
            key_marker = page.next_key_marker;
            version_marker = page.next_version_id_marker;
        }
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<ListedObject>, StoreError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix.to_string());
        let mut pages = request.into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| StoreError::Unavailable {
                key: prefix.to_string(),
                action: "list",
                reason: chain(&error),
            })?;
            for object in page.contents.unwrap_or_default() {
                let modified = object.last_modified.and_then(|at| Timestamp::from_second(at.secs()).ok());
                let modified = modified.unwrap_or(Timestamp::UNIX_EPOCH);
                listed.extend(object.key.map(|key| ListedObject { key, modified }));
            }
        }
        Ok(listed)
    }
}
