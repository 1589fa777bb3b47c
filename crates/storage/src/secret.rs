//! The interface to secrets. On one machine, its adapters read the environment and a key file; on AWS, Secrets Manager.

use async_trait::async_trait;
pub use secrecy::{ExposeSecret, SecretSlice, SecretString};
use thiserror::Error;

use contracts::{ErrorName, NamedError};

/// The name of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretName {
    /// The password of the three workbooks (`EXCEL_PASSWORD`).
    WorkbookPassword,
    /// The API key for the model service (`OPENAI_API_KEY`).
    ModelKey,
    /// The data key, which wraps customer keys and seals a run's objects: 32 bytes as 64 hex digits
    /// (`BESPOKE_DATA_KEY`).
    DataKey,
    /// During a rotation, the previous data key (`BESPOKE_PREVIOUS_DATA_KEY`).
    PreviousDataKey,
    /// The reference key, which creates customer references and authentication codes: 32 bytes as 64 hex digits
    /// (`BESPOKE_REFERENCE_KEY`).
    ReferenceKey,
    /// The key that signs notifications (`BESPOKE_WEBHOOK_KEY`).
    WebhookKey,
}

impl SecretName {
    /// Returns the environment variable that holds the secret on one machine.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::WorkbookPassword => "EXCEL_PASSWORD",
            Self::ModelKey => "OPENAI_API_KEY",
            Self::DataKey => "BESPOKE_DATA_KEY",
            Self::PreviousDataKey => "BESPOKE_PREVIOUS_DATA_KEY",
            Self::ReferenceKey => "BESPOKE_REFERENCE_KEY",
            Self::WebhookKey => "BESPOKE_WEBHOOK_KEY",
        }
    }
}

/// An error from the secret store. Never contains any part of a secret.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The secret is not set.
    #[error("the secret {variable} is not set", variable = .0.variable())]
    Missing(SecretName),
    /// The secret has the wrong format.
    #[error("the secret {variable} is not {expected}", variable = .name.variable())]
    Malformed {
        /// The secret.
        name: SecretName,
        /// The expected format.
        expected: &'static str,
    },
    /// The service cannot be reached, or the file cannot be read.
    #[error("cannot read the secret {variable}: {reason}", variable = .name.variable())]
    Unavailable {
        /// The secret.
        name: SecretName,
        /// The service's message, without the secret.
        reason: String,
    },
}

impl NamedError for SecretError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Missing(_) | Self::Malformed { .. } => ErrorName::SecretMissing,
            Self::Unavailable { .. } => ErrorName::SecretUnavailable,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Missing(name) | Self::Malformed { name, .. } => {
                Some(format!("set {} in the environment or in .env", name.variable()))
            }
            Self::Unavailable { .. } => None,
        }
    }
}

/// A source of secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Returns the secret, or `None` if it is not set.
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError>;

    /// Returns the secret. Fails with [`SecretError::Missing`] if it is not set.
    async fn get(&self, name: SecretName) -> Result<SecretString, SecretError> {
        self.find(name).await?.ok_or(SecretError::Missing(name))
    }
}
