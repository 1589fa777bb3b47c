//! Signatures of notifications, according to Standard Webhooks (<https://www.standardwebhooks.com>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use storage::secret::{ExposeSecret, SecretError, SecretName, SecretString};

/// The prefix of a secret in the format of Standard Webhooks.
const PREFIX: &str = "whsec_";

/// The minimum length of a decoded key in bytes, as required by Standard Webhooks.
const MIN_KEY_BYTES: usize = 24;

/// The minimum length of a legacy secret in bytes.
const MIN_LEGACY_BYTES: usize = 32;

/// A key that signs notifications.
pub(crate) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Parses the `BESPOKE_WEBHOOK_KEY` secret.
    ///
    /// A secret with the prefix `whsec_` contains the key in base64, as in Standard Webhooks. Any other secret is a
    /// legacy one: its bytes are the key. Standard receivers accept a legacy secret as `whsec_` plus the base64 of
    /// those bytes.
    pub(crate) fn parse(secret: &SecretString) -> Result<Self, SecretError> {
        let malformed = |expected| SecretError::Malformed { name: SecretName::WebhookKey, expected };
        let secret = secret.expose_secret().trim();
        let key = match secret.strip_prefix(PREFIX) {
            Some(encoded) => {
                let key = BASE64.decode(encoded).map_err(|_| malformed("`whsec_` followed by base64"))?;
                if key.len() < MIN_KEY_BYTES {
                    return Err(malformed("`whsec_` followed by the base64 of 24 bytes or more"));
                }
                key
            }
            None if secret.len() < MIN_LEGACY_BYTES => {
                return Err(malformed("`whsec_` followed by base64, or 32 characters or more"));
            }
            None => secret.as_bytes().to_vec(),
        };
        Ok(Self(Hmac::new_from_slice(&key).expect("HMAC takes a key of any length")))
    }

    /// Returns the `webhook-signature` header: `v1,` plus the base64 of HMAC-SHA256 over `id.timestamp.body`.
    pub(crate) fn sign(&self, id: &str, timestamp: &str, body: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(secret: &str) -> Result<String, SecretError> {
        Ok(SigningKey::parse(&secret.into())?.sign("id", "0", "{}"))
    }

    /// The example from the tests of the Standard Webhooks libraries.
    #[test]
    fn published_example_has_published_signature() {
        let key = SigningKey::parse(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn legacy_secret_equals_its_base64_with_prefix() {
        let legacy = "a legacy secret of 32 characters";
        assert_eq!(sign(legacy).unwrap(), sign(&format!("whsec_{}", BASE64.encode(legacy))).unwrap());
    }

    #[test]
    fn short_or_malformed_secrets_are_refused() {
        for secret in ["", "short", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 but long enough to be a key"] {
            assert!(matches!(sign(secret), Err(SecretError::Malformed { .. })), "{secret}");
        }
    }
}
