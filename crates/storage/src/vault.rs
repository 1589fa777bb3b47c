//! The vault: seals personal data at rest with XChaCha20-Poly1305 under a per-customer key, which the data key wraps.
//! Destroying a customer's key makes everything sealed with it unreadable.
//!
//! A sealed object is `BSP1` ‖ digest of its inputs (32 bytes) ‖ nonce (24) ‖ ciphertext and tag. The tag also
//! authenticates the object's location (its object key) and the digest of its inputs. If a sealed object is moved to
//! another location or given another digest, it can no longer be opened.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chacha20poly1305::aead::{Aead, AeadInOut, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use thiserror::Error;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::secret::{ExposeSecret, SecretError, SecretName, SecretString, Secrets};
use crate::store::{ObjectStore, PutOutcome, StoreError};
use contracts::key::Prefix;
use contracts::{CustomerId, CustomerRef, Digest, ErrorName, NamedError, ObjectKey};

const MAGIC: &[u8; 4] = b"BSP1";
/// The start of an authenticated JSON object.
const MAC_FIELD: &[u8] = b"{\"mac\":\"";
const NONCE: usize = 24;
const TAG: usize = 16;
const HEADER: usize = MAGIC.len() + 32 + NONCE;

type Key = Zeroizing<[u8; 32]>;

/// An error from the vault.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object cannot be opened.
    #[error("{place}: cannot be opened: {reason}")]
    Broken {
        /// The object key, or the location within a record.
        place: String,
        /// The reason.
        reason: &'static str,
    },
    /// This process tried to seal or open an object, but was started without a data key.
    #[error("{place}: this process has no data key")]
    NoDataKey {
        /// The object's key.
        place: String,
    },
    /// The object key already holds a result from different inputs.
    #[error("{place}: already holds a result from different inputs")]
    Conflict {
        /// The object's key.
        place: String,
    },
    /// The opened object is not JSON of the expected shape.
    #[error("{place}: not in the format that this version writes: invalid JSON at line {line}, column {column}")]
    Malformed {
        /// The object's key.
        place: String,
        /// The line in the JSON.
        line: usize,
        /// The column in the JSON.
        column: usize,
    },
}

impl VaultError {
    /// Returns a [`VaultError::Malformed`] with only the position, because serde's own message may quote personal
    /// content.
    #[must_use]
    pub fn malformed(place: &str, error: &serde_json::Error) -> Self {
        Self::Malformed { place: place.to_owned(), line: error.line(), column: error.column() }
    }
}

impl NamedError for VaultError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::Broken { .. } | Self::Malformed { .. } => ErrorName::SealBroken,
            Self::Conflict { .. } => ErrorName::StoreConflict,
            Self::NoDataKey { .. } => ErrorName::SecretMissing,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Conflict { .. } => Some("start a new run".to_owned()),
            Self::Broken { .. } => Some(
                "if the customer was erased, do nothing; otherwise, check that the current keys are the ones that \
                 sealed the object"
                    .to_owned(),
            ),
            Self::Store(_) | Self::Malformed { .. } | Self::NoDataKey { .. } => None,
        }
    }
}

/// The data key, the previous data key during a rotation, and the reference key. Zeroed on drop.
pub struct Keys {
    /// `None` in a Lambda that neither seals nor opens objects.
    data: Option<Key>,
    /// During a rotation, the previous data key. Used only to open objects.
    previous: Option<Key>,
    reference: Key,
}

impl Keys {
    /// Creates keys from raw bytes.
    #[must_use]
    pub fn new(data: [u8; 32], reference: [u8; 32]) -> Self {
        Self { data: Some(Zeroizing::new(data)), previous: None, reference: Zeroizing::new(reference) }
    }

    /// Reads the keys from `secrets`. If `secrets` has no data key, the result can compute references but cannot seal
    /// or open.
    pub async fn from_secrets(secrets: &dyn Secrets) -> Result<Self, SecretError> {
        let key = |name: SecretName, text: &SecretString| {
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(text.expose_secret().trim(), bytes.as_mut_slice())
                .map_err(|_| SecretError::Malformed { name, expected: "64 hex digits" })?;
            Ok(bytes)
        };
        let data = secrets.find(SecretName::DataKey).await?;
        let previous = secrets.find(SecretName::PreviousDataKey).await?;
        Ok(Self {
            data: data.map(|text| key(SecretName::DataKey, &text)).transpose()?,
            previous: previous.map(|text| key(SecretName::PreviousDataKey, &text)).transpose()?,
            reference: key(SecretName::ReferenceKey, &secrets.get(SecretName::ReferenceKey).await?)?,
        })
    }

    /// Returns a customer's reference: the first 128 bits of HMAC-SHA256 (RFC 2104) of the id.
    ///
    /// # Panics
    /// Never: any 32 lowercase hex digits form a valid reference.
    #[must_use]
    pub fn reference(&self, id: &CustomerId) -> CustomerRef {
        let digest = self.keyed_digest("customer", id.reveal().as_bytes());
        CustomerRef::parse(hex::encode(&digest.as_bytes()[..16])).expect("32 hex digits")
    }

    /// Returns the keyed digest that represents a member of the bank's staff in object keys and requests.
    #[must_use]
    pub fn staff(&self, subject: &str) -> Digest {
        self.keyed_digest("caller", subject.as_bytes())
    }

    /// Returns a digest that only holders of the reference key can compute. It therefore neither reveals nor confirms
    /// the content. `domain` separates digests for different purposes.
    ///
    /// # Panics
    /// Never: HMAC accepts a key of any length.
    #[must_use]
    pub fn keyed_digest(&self, domain: &str, bytes: &[u8]) -> Digest {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.reference.as_slice()).expect("any length");
        mac.update(domain.as_bytes());
        mac.update(&[0]);
        mac.update(bytes);
        Digest::from_bytes(mac.finalize().into_bytes().into())
    }

    /// Returns an id that identifies the reference key in the evidence without revealing it. It does not depend on the
    /// data key, so a rotation does not change it.
    #[must_use]
    pub fn id(&self) -> String {
        Digest::of_parts([b"bespoke key id".as_slice(), self.reference.as_slice()]).short()
    }

    /// Returns the data key for an object.
    fn data(&self, place: &str) -> Result<&Key, VaultError> {
        self.data.as_ref().ok_or_else(|| VaultError::NoDataKey { place: place.to_owned() })
    }

    /// Opens an object sealed with the data key or, during a key rotation, with the previous data key.
    fn open(&self, place: &str, sealed: &[u8]) -> Result<(Zeroizing<Vec<u8>>, Digest), VaultError> {
        match (open_with(self.data(place)?, place, sealed), &self.previous) {
            (Err(_), Some(previous)) => open_with(previous, place, sealed),
            (opened, _) => opened,
        }
    }

    /// Reseals an object that the previous data key sealed. Returns `None` for any other object.
    #[must_use]
    pub fn reseal(&self, place: &str, object: &[u8]) -> Option<Vec<u8>> {
        let (plain, inputs) = open_with(self.previous.as_ref()?, place, object).ok()?;
        Some(seal_with(self.data.as_ref()?, place, &inputs, &plain))
    }
}

/// The owner of the key that seals an object.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// A customer. Their key is created on first use.
    Customer(&'a CustomerRef),
    /// A run, or data that customers share. Sealed with the data key, so destroying a customer's key does not erase it.
    Run,
}

/// Seals and opens objects, and writes them once. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    store: Arc<dyn ObjectStore>,
    keys: Arc<Keys>,
    customer_keys: Arc<Mutex<HashMap<CustomerRef, CachedKey>>>,
    /// The highest sequence number that this process has read or written, by object.
    sequences: Arc<std::sync::Mutex<HashMap<String, u64>>>,
}

/// A customer's key in memory.
struct CachedKey {
    key: Key,
    since: Instant,
}

/// The time for which a customer's key stays in memory. After that, it is unwrapped again.
const CACHE_TIME: Duration = Duration::from_mins(5);

impl CachedKey {
    fn new(key: Key) -> Self {
        Self { key, since: Instant::now() }
    }
}

impl Vault {
    /// Creates a vault that seals with `keys` and stores objects in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, keys: Keys) -> Self {
        Self { store, keys: Arc::new(keys), customer_keys: Arc::default(), sequences: Arc::default() }
    }

    /// Returns the store, for objects that are not sealed.
    #[must_use]
    pub fn store(&self) -> &dyn ObjectStore {
        self.store.as_ref()
    }

    /// Returns the keys, for references and keyed digests.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Seals `plain` for `owner`. The result can be opened only at the same `place`, and carries the digest of its
    /// inputs.
    pub async fn seal(
        &self,
        owner: Owner<'_>,
        place: &str,
        inputs: &Digest,
        plain: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let key = match owner {
            Owner::Customer(reference) => self.customer_key(reference).await?,
            Owner::Run => self.keys.data(place)?.clone(),
        };
        Ok(seal_with(&key, place, inputs, plain))
    }

    /// Opens a sealed object. Returns the plaintext and the digest of the inputs.
    pub async fn open(
        &self,
        owner: Owner<'_>,
        place: &str,
        sealed: &[u8],
    ) -> Result<(Zeroizing<Vec<u8>>, Digest), VaultError> {
        match owner {
            Owner::Customer(reference) => {
                open_with(&self.existing_customer_key(reference, place).await?, place, sealed)
            }
            Owner::Run => self.keys.open(place, sealed),
        }
    }

    /// Writes sealed bytes to a write-once object key. Keeps an existing object if it has the same inputs, and fails
    /// with [`VaultError::Conflict`] if it has different ones.
    pub async fn write(
        &self,
        owner: Owner<'_>,
        key: &ObjectKey,
        inputs: &Digest,
        plain: &[u8],
    ) -> Result<PutOutcome, VaultError> {
        let place = key.to_string();
        let sealed = self.seal(owner, &place, inputs, plain).await?;
        let written = self.store.put_new(key, sealed.into()).await?;
        if written == PutOutcome::AlreadyExists {
            let stored = self.store.get(key).await?;
            if inputs_of(&place, &stored)? != *inputs {
                return Err(VaultError::Conflict { place });
            }
        }
        Ok(written)
    }

    /// Writes a value as sealed JSON to a write-once object key. Returns the stored value: this one, or an earlier one
    /// with the same inputs.
    ///
    /// # Panics
    /// If the value does not serialize to JSON. Every type in the contracts crate does.
    pub async fn write_json<T: Serialize + DeserializeOwned>(
        &self,
        owner: Owner<'_>,
        key: &ObjectKey,
        inputs: &Digest,
        value: T,
    ) -> Result<T, VaultError> {
        let plain =
            Zeroizing::new(serde_json::to_vec(&value).expect("every type in the contracts crate serializes to JSON"));
        match self.write(owner, key, inputs, &plain).await? {
            PutOutcome::Created => Ok(value),
            PutOutcome::AlreadyExists => Ok(self.read_json(owner, key).await?.0),
        }
    }

    /// Returns the value at `key`, or `None` if it does not exist. Fails with [`VaultError::Conflict`] if it has
    /// different inputs.
    pub async fn find_json<T: DeserializeOwned>(
        &self,
        owner: Owner<'_>,
        key: &ObjectKey,
        inputs: &Digest,
    ) -> Result<Option<T>, VaultError> {
        let Some(sealed) = self.store.find(key).await? else { return Ok(None) };
        let place = key.to_string();
        let (plain, stored_inputs) = self.open(owner, &place, &sealed).await?;
        if stored_inputs != *inputs {
            return Err(VaultError::Conflict { place });
        }
        parse_json(&place, &plain).map(Some)
    }

    /// Returns the value at `key` and the digest of the sealed object. Later stages identify their input by this
    /// digest.
    pub async fn read_json<T: DeserializeOwned>(
        &self,
        owner: Owner<'_>,
        key: &ObjectKey,
    ) -> Result<(T, Digest), VaultError> {
        let (plain, digest) = self.read(owner, key).await?;
        Ok((parse_json(&key.to_string(), &plain)?, digest))
    }

    /// Returns the plaintext of the object at `key` and the digest of the sealed object.
    pub async fn read(&self, owner: Owner<'_>, key: &ObjectKey) -> Result<(Zeroizing<Vec<u8>>, Digest), VaultError> {
        let sealed = self.store.get(key).await?;
        let (plain, _) = self.open(owner, &key.to_string(), &sealed).await?;
        Ok((plain, Digest::of(&sealed)))
    }

    /// Returns a value as JSON with a message authentication code. Anyone can read the value, but only holders of the
    /// reference key can write it, and the code is valid only for this object key.
    ///
    /// # Panics
    /// If the value does not serialize to a JSON object with fields.
    #[must_use]
    pub fn authenticate<T: Serialize>(&self, key: &ObjectKey, value: &T) -> Bytes {
        let json = serde_json::to_vec(value).expect("every type in the contracts crate serializes to JSON");
        let fields = json.strip_prefix(b"{").filter(|fields| fields.len() > 1).expect("a JSON object with fields");
        let code = self.authentication_code(key, fields).to_string();
        [MAC_FIELD, code.as_bytes(), b"\",", fields].concat().into()
    }

    /// Returns the value of an object that [`Vault::authenticate`] wrote for this key. Fails if its bytes changed, if it was
    /// moved from another key, or if it was written without the reference key.
    pub fn open_authenticated<T: DeserializeOwned>(&self, key: &ObjectKey, bytes: &[u8]) -> Result<T, VaultError> {
        let place = key.to_string();
        let broken = || VaultError::Broken {
            place: place.clone(),
            reason: "not written with the current keys, or changed since",
        };
        let (code, fields) =
            bytes.strip_prefix(MAC_FIELD).and_then(|rest| rest.split_at_checked(64)).ok_or_else(broken)?;
        let fields = fields.strip_prefix(b"\",").ok_or_else(broken)?;
        let expected = self.authentication_code(key, fields).to_string();
        // Comparing digests keeps the timing from revealing how much of a guessed code is correct.
        if Digest::of(code) != Digest::of(expected.as_bytes()) {
            return Err(broken());
        }
        parse_json(&place, bytes)
    }

    /// Returns the highest sequence number of an object that this process knows, or `None` if it knows of no such object.
    ///
    /// # Panics
    /// Never: no holder of the lock panics.
    #[must_use]
    pub fn known_sequence(&self, place: &str) -> Option<u64> {
        self.sequences.lock().expect("not poisoned").get(place).copied()
    }

    /// Remembers the sequence number of an object, so that this process never accepts an older state.
    ///
    /// # Panics
    /// Never: no holder of the lock panics.
    pub fn remember_sequence(&self, place: &str, sequence: u64) {
        let mut sequences = self.sequences.lock().expect("not poisoned");
        let known = sequences.entry(place.to_owned()).or_default();
        *known = sequence.max(*known);
    }

    fn authentication_code(&self, key: &ObjectKey, fields: &[u8]) -> Digest {
        self.keys.keyed_digest("record", &[key.to_string().as_bytes(), &[0], fields].concat())
    }

    /// Creates keys for all customers who have none. Returns the erased customers among `references`, who are left
    /// without a key.
    pub async fn make_customer_keys(&self, references: &[CustomerRef]) -> Result<BTreeSet<CustomerRef>, VaultError> {
        let created = references.iter().map(|reference| {
            let (key, wrapped) = self.new_customer_key(reference)?;
            Ok((key, (ObjectKey::CustomerKey(reference.clone()), wrapped)))
        });
        let created: Vec<_> = created.collect::<Result<_, VaultError>>()?;
        let (keys, objects): (Vec<_>, Vec<_>) = created.into_iter().unzip();
        let written = self.store.put_all_new(objects).await?;
        let mut cached = self.customer_keys.lock().await;
        for ((reference, key), written) in references.iter().zip(keys).zip(written) {
            if written == PutOutcome::Created {
                cached.insert(reference.clone(), CachedKey::new(key));
            }
        }
        drop(cached);
        // An erasure writes its record before it destroys the key. So any erasure that missed these keys has already
        // written its record, which the listing below finds. Any later erasure will find the keys itself.
        let listed = self.store.list(&Prefix::Forgotten).await?;
        let mut forgotten: BTreeSet<_> =
            listed.iter().filter_map(|listed| ObjectKey::customer_of(&listed.key)).collect();
        if !forgotten.is_empty() {
            forgotten = references.iter().filter(|reference| forgotten.contains(reference)).cloned().collect();
        }
        for reference in &forgotten {
            self.destroy_customer_key(reference).await?;
        }
        Ok(forgotten)
    }

    /// Permanently destroys a customer's key, and with it everything that the key sealed.
    pub async fn destroy_customer_key(&self, reference: &CustomerRef) -> Result<(), StoreError> {
        self.customer_keys.lock().await.remove(reference);
        self.store.erase(&ObjectKey::CustomerKey(reference.clone()).to_string()).await
    }

    /// Creates a customer's key. Returns the key itself and its wrapped form.
    fn new_customer_key(&self, reference: &CustomerRef) -> Result<(Key, Bytes), VaultError> {
        let place = ObjectKey::CustomerKey(reference.clone());
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).expect("the operating system provides random bytes");
        let place = place.to_string();
        let wrapped = seal_with(self.keys.data(&place)?, &place, &Digest::of(b""), key.as_slice());
        Ok((key, wrapped.into()))
    }

    /// Returns a customer's cached key, or `None` if it is not cached or is older than [`CACHE_TIME`]. Fails if the
    /// customer was erased, because an erasure by another process destroys the stored key but not this copy.
    async fn cached_key(&self, reference: &CustomerRef, place: &str) -> Result<Option<Key>, VaultError> {
        if self.store.find(&ObjectKey::Forgotten(reference.clone())).await?.is_some() {
            self.customer_keys.lock().await.remove(reference);
            return Err(erased_error(place));
        }
        let mut keys = self.customer_keys.lock().await;
        keys.retain(|_, cached| cached.since.elapsed() < CACHE_TIME);
        Ok(keys.get(reference).map(|cached| cached.key.clone()))
    }

    async fn customer_key(&self, reference: &CustomerRef) -> Result<Key, VaultError> {
        let place = ObjectKey::CustomerKey(reference.clone());
        // Fails for an erased customer, so the code below never creates a new key for them.
        if let Some(key) = self.cached_key(reference, &place.to_string()).await? {
            return Ok(key);
        }
        if let Some(wrapped) = self.store.find(&place).await? {
            return self.unwrap_key(reference, &wrapped).await;
        }
        let record = ObjectKey::Forgotten(reference.clone());
        let (key, wrapped) = self.new_customer_key(reference)?;
        match self.store.put_new(&place, wrapped).await? {
            // Check again, because an erasure may be running concurrently. See `make_customer_keys`.
            PutOutcome::Created if self.store.find(&record).await?.is_some() => {
                self.destroy_customer_key(reference).await?;
                Err(erased_error(&place.to_string()))
            }
            PutOutcome::Created => {
                self.customer_keys.lock().await.insert(reference.clone(), CachedKey::new(key.clone()));
                Ok(key)
            }
            PutOutcome::AlreadyExists => self.existing_customer_key(reference, &place.to_string()).await,
        }
    }

    async fn existing_customer_key(&self, reference: &CustomerRef, place: &str) -> Result<Key, VaultError> {
        if let Some(key) = self.cached_key(reference, place).await? {
            return Ok(key);
        }
        let key_place = ObjectKey::CustomerKey(reference.clone());
        let Some(wrapped) = self.store.find(&key_place).await? else { return Err(erased_error(place)) };
        self.unwrap_key(reference, &wrapped).await
    }

    /// Unwraps a customer's stored key, and caches it.
    async fn unwrap_key(&self, reference: &CustomerRef, wrapped: &[u8]) -> Result<Key, VaultError> {
        let key_place = ObjectKey::CustomerKey(reference.clone());
        let (plain, _) = self.keys.open(&key_place.to_string(), wrapped)?;
        let mut key = Zeroizing::new([0; 32]);
        if plain.len() != key.len() {
            return Err(VaultError::Broken { place: key_place.to_string(), reason: "not a 32-byte key" });
        }
        key.copy_from_slice(&plain);
        self.customer_keys.lock().await.insert(reference.clone(), CachedKey::new(key.clone()));
        Ok(key)
    }
}

fn erased_error(place: &str) -> VaultError {
    let reason = "the customer has no key: it was destroyed by an erasure, or lost";
    VaultError::Broken { place: place.to_owned(), reason }
}

fn parse_json<T: DeserializeOwned>(place: &str, plain: &[u8]) -> Result<T, VaultError> {
    serde_json::from_slice(plain).map_err(|error| VaultError::malformed(place, &error))
}

fn associated_data(place: &str, inputs: &Digest) -> Vec<u8> {
    [MAGIC.as_slice(), inputs.as_bytes(), place.as_bytes()].concat()
}

fn seal_with(key: &Key, place: &str, inputs: &Digest, plain: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).expect("the operating system provides random bytes");
    let cipher = XChaCha20Poly1305::new(&(**key).into());
    // Allocated at full size, because a growing buffer would leave plain bytes behind in memory.
    let mut sealed = Vec::with_capacity(HEADER + plain.len() + TAG);
    for part in [MAGIC, inputs.as_bytes().as_slice(), &nonce, plain] {
        sealed.extend_from_slice(part);
    }
    let tag = cipher
        .encrypt_inout_detached(&XNonce::from(nonce), &associated_data(place, inputs), (&mut sealed[HEADER..]).into())
        .expect("less than 256 GiB");
    sealed.extend_from_slice(&tag);
    sealed
}

fn open_with(key: &Key, place: &str, sealed: &[u8]) -> Result<(Zeroizing<Vec<u8>>, Digest), VaultError> {
    let inputs = inputs_of(place, sealed)?;
    let nonce: [u8; NONCE] = sealed[HEADER - NONCE..HEADER].try_into().expect("the slice has that length");
    let cipher = XChaCha20Poly1305::new(&(**key).into());
    let payload = Payload { msg: &sealed[HEADER..], aad: &associated_data(place, &inputs) };
    let plain = cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Broken {
        place: place.to_owned(),
        reason: "sealed with another key, or changed since",
    })?;
    Ok((Zeroizing::new(plain), inputs))
}

fn inputs_of(place: &str, sealed: &[u8]) -> Result<Digest, VaultError> {
    let header = sealed.get(..HEADER).filter(|header| header.starts_with(MAGIC));
    let header = header.ok_or_else(|| VaultError::Broken { place: place.to_owned(), reason: "not a sealed object" })?;
    let inputs: [u8; 32] = header[MAGIC.len()..MAGIC.len() + 32].try_into().expect("the slice has that length");
    Ok(Digest::from_bytes(inputs))
}

#[cfg(test)]
mod tests;
