//! The port to the key that signs the log's checkpoints, and the public key that verifies them: Ed25519 (RFC 8032).

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::{Digest, ErrorName, NamedError};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use thiserror::Error;
use zeroize::Zeroizing;

/// The first bytes of an Ed25519 public key in the form `SubjectPublicKeyInfo` (RFC 8410). The 32 bytes of the key follow.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const PUBLIC: &str = "PUBLIC KEY";
const PRIVATE: &str = "PRIVATE KEY";

/// An error from a signer.
#[derive(Debug, Error)]
pub enum SignerError {
    /// The key is not in the expected form. The message never quotes it.
    #[error("{place}: not {expected}")]
    Malformed {
        /// The file or the service.
        place: String,
        /// The expected form.
        expected: &'static str,
    },
    /// The key is missing although earlier signatures exist.
    #[error("{place}: not found, but earlier log entries were signed with it")]
    Missing {
        /// The file.
        place: String,
    },
    /// The key cannot be reached, or an operation with it failed.
    #[error("{place}: cannot {action}: {reason}")]
    Unavailable {
        /// The file or the service.
        place: String,
        /// The attempted action: `read`, `create` or `sign`.
        action: &'static str,
        /// The message of the system or the service.
        reason: String,
    },
}

impl NamedError for SignerError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Malformed { .. } | Self::Missing { .. } => ErrorName::SecretMissing,
            Self::Unavailable { .. } => ErrorName::SecretUnavailable,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } | Self::Missing { .. } => {
                Some("restore the key from its copy; a new key would start a different log".to_owned())
            }
            Self::Unavailable { .. } => None,
        }
    }
}

/// The port to a signing key. Implementations never reveal the private key.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Returns the public key.
    async fn public_key(&self) -> Result<PublicKey, SignerError>;

    /// Returns the signature of a message: 64 bytes.
    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError>;
}

/// An Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Returns a key with these 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses a key in the form `SubjectPublicKeyInfo`, DER.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        Some(Self(der.strip_prefix(&SPKI)?.try_into().ok()?))
    }

    /// Parses the PEM file that [`PublicKey::to_pem`] and `openssl pkey -pubout` write.
    #[must_use]
    pub fn from_pem(pem: &str) -> Option<Self> {
        Self::from_der(&from_pem(PUBLIC, pem)?)
    }

    /// Returns the key as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        to_pem(PUBLIC, &[SPKI.as_slice(), &self.0].concat()).to_string()
    }

    /// Returns whether the key signed a message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }

    /// Returns an id that people can compare: the first 64 bits of the key's digest, in hex.
    #[must_use]
    pub fn id(&self) -> String {
        Digest::of(&self.0).short()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

/// A signing key in memory.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Creates a key, and returns it as PEM (PKCS#8). The text is zeroed on drop.
    ///
    /// # Errors
    /// If the system provides no random bytes.
    pub fn generate(place: &str) -> Result<Zeroizing<String>, SignerError> {
        let random = SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8(&random).map_err(|error| SignerError::Unavailable {
            place: place.to_owned(),
            action: "create",
            reason: error.to_string(),
        })?;
        Ok(to_pem(PRIVATE, document.as_ref()))
    }

    /// Parses the PEM file of a key. `place` names the file in the error.
    ///
    /// # Errors
    /// If it is not an Ed25519 key in PKCS#8.
    pub fn from_pem(place: &str, pem: &str) -> Result<Self, SignerError> {
        let malformed =
            || SignerError::Malformed { place: place.to_owned(), expected: "an Ed25519 private key in PKCS#8 PEM" };
        let der = Zeroizing::new(from_pem(PRIVATE, pem).ok_or_else(malformed)?);
        // OpenSSL writes keys without the public half, which the checked parser requires.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Self).map_err(|_| malformed())
    }
}

#[async_trait]
impl Signer for SigningKey {
    async fn public_key(&self) -> Result<PublicKey, SignerError> {
        let bytes = self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        Ok(PublicKey(bytes))
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError> {
        Ok(self.0.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes"))
    }
}

fn to_pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(BASE64.encode(der));
    let mut pem = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

/// Returns the bytes of the first block with a label.
fn from_pem(label: &str, pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (base64, _) = rest.split_once(&format!("-----END {label}-----"))?;
    BASE64.decode(base64.split_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn key_of_openssl_signs_as_openssl_does() {
        // RFC 8032, section 7.1, test 1: the public test vector, in the envelope that `openssl pkey` writes.
        let envelope = "302e020100300506032b657004220420";
        let vector = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let pem = to_pem("PRIVATE KEY", &hex::decode([envelope, vector].concat()).unwrap());
        let key = SigningKey::from_pem("key.pem", &pem).unwrap();
        let public = key.public_key().await.unwrap();
        let expected = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(hex::encode(public.as_bytes()), expected);
        let signature = key.sign(b"").await.unwrap();
        let expected = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        assert_eq!(hex::encode(signature), expected);
        assert!(public.verifies(b"", &signature) && !public.verifies(b"other", &signature));
    }

    #[tokio::test]
    async fn generated_key_survives_its_file_and_public_half_does_too() {
        let pem = SigningKey::generate("key.pem").unwrap();
        let key = SigningKey::from_pem("key.pem", &pem).unwrap();
        let public = key.public_key().await.unwrap();
        assert_eq!(PublicKey::from_pem(&public.to_pem()), Some(public));
        assert!(public.verifies(b"message", &key.sign(b"message").await.unwrap()));
        assert_eq!(PublicKey::from_pem(&pem), None, "a private key is no public key");
    }

    #[test]
    fn malformed_key_is_named_but_not_quoted() {
        let error = SigningKey::from_pem("key.pem", &to_pem("PRIVATE KEY", b"c0ffee")).err().unwrap().to_string();
        assert!(error.contains("key.pem") && !error.contains("YzBmZmVl"), "{error}");
    }
}
