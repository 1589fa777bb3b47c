//! The port to secrets. Adapters: the environment and a key file on one machine, Secrets Manager on AWS.

use async_trait::async_trait;
pub use secrecy::{ExposeSecret, SecretSlice, SecretString};
use thiserror::Error;

use contracts::{ErrorName, NamedError};

/// A secret that the program knows how to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretName {
    /// The password of the three workbooks (`EXCEL_PASSWORD`).
    WorkbookPassword,
    /// The key of the model service (`OPENAI_API_KEY`).
    ModelKey,
    /// 32 bytes as 64 hex digits: wraps the customers' keys and seals what belongs to a run (`BESPOKE_DATA_KEY`).
    DataKey,
    /// 32 bytes as 64 hex digits: makes customer ids into references (`BESPOKE_REFERENCE_KEY`).
    ReferenceKey,
    /// Signs notices to the bank's own system (`BESPOKE_WEBHOOK_KEY`).
    WebhookKey,
}

impl SecretName {
    /// The environment variable that holds it on one machine.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::WorkbookPassword => "EXCEL_PASSWORD",
            Self::ModelKey => "OPENAI_API_KEY",
            Self::DataKey => "BESPOKE_DATA_KEY",
            Self::ReferenceKey => "BESPOKE_REFERENCE_KEY",
            Self::WebhookKey => "BESPOKE_WEBHOOK_KEY",
        }
    }
}

/// Why a secret could not be had. Never holds a part of it.
#[derive(Debug, Error)]
pub enum SecretError {
    /// It is not set.
    #[error("the secret {variable} is not set", variable = .0.variable())]
    Missing(SecretName),
    /// It is set, but is not what it must be.
    #[error("the secret {variable} is not {expected}", variable = .name.variable())]
    Malformed {
        /// Which.
        name: SecretName,
        /// What it must be.
        expected: &'static str,
    },
    /// The service or the file that keeps it did not answer.
    #[error("cannot reach the secret {variable}: {reason}", variable = .name.variable())]
    Unavailable {
        /// Which.
        name: SecretName,
        /// What the service said, without the secret.
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

/// Where secrets come from.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret, or nothing if it is not set.
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError>;

    /// The secret, or [`SecretError::Missing`].
    async fn get(&self, name: SecretName) -> Result<SecretString, SecretError> {
        self.find(name).await?.ok_or(SecretError::Missing(name))
    }
}
