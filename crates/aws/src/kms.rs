//! The signing key in AWS KMS: an Ed25519 key whose private half never leaves the service.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use contracts::error::chain;
use tokio::sync::OnceCell;
use transparency::signer::{PublicKey, Signer, SignerError};

/// A KMS key with the spec `ECC_NIST_EDWARDS25519` and the usage `SIGN_VERIFY`.
pub struct KmsSigner {
    client: Client,
    key: String,
    public: OnceCell<PublicKey>,
}

impl KmsSigner {
    /// Returns a signer that uses the key with this ID or ARN.
    #[must_use]
    pub fn new(config: &SdkConfig, key: String) -> Self {
        Self { client: Client::new(config), key, public: OnceCell::new() }
    }

    fn unavailable(&self, action: &'static str, reason: String) -> SignerError {
        SignerError::Unavailable { place: self.key.clone(), action, reason }
    }

    fn malformed(&self, expected: &'static str) -> SignerError {
        SignerError::Malformed { place: self.key.clone(), expected }
    }
}

#[async_trait]
impl Signer for KmsSigner {
    async fn public_key(&self) -> Result<PublicKey, SignerError> {
        let fetched = self.public.get_or_try_init(async || {
            let answer = self.client.get_public_key().key_id(&self.key).send().await;
            let answer = answer.map_err(|error| self.unavailable("read", chain(&error)))?;
            let der = answer.public_key().map(Blob::as_ref).unwrap_or_default();
            PublicKey::from_der(der).ok_or_else(|| self.malformed("an Ed25519 key"))
        });
        fetched.await.copied()
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError> {
        let request = self.client.sign().key_id(&self.key).message(Blob::new(message));
        // KMS signs the message itself, not a digest of it.
        let request = request.message_type(MessageType::Raw).signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512);
        let answer = request.send().await.map_err(|error| self.unavailable("sign", chain(&error)))?;
        let signature = answer.signature().map(Blob::as_ref).unwrap_or_default();
        signature.try_into().map_err(|_| self.malformed("a key whose signatures have 64 bytes"))
    }
}
