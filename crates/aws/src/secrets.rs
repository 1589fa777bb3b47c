//! Secrets from Secrets Manager.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use contracts::error::chain;
use storage::secret::{ExposeSecret, SecretError, SecretName, SecretString, Secrets};
use tokio::sync::Mutex;

use crate::environment::optional;

/// Returns the environment variable that holds a secret's id: its name or ARN in Secrets Manager.
#[must_use]
pub const fn variable(name: SecretName) -> &'static str {
    match name {
        SecretName::WorkbookPassword => "WORKBOOK_PASSWORD_SECRET",
        SecretName::ModelKey => "MODEL_KEY_SECRET",
        SecretName::DataKey => "DATA_KEY_SECRET",
        SecretName::PreviousDataKey => "PREVIOUS_DATA_KEY_SECRET",
        SecretName::ReferenceKey => "REFERENCE_KEY_SECRET",
        SecretName::WebhookKey => "WEBHOOK_KEY_SECRET",
    }
}

/// Secrets from Secrets Manager. Each secret is plain text. It is fetched once and cached.
pub struct SecretsManager {
    client: Client,
    ids: HashMap<SecretName, String>,
    fetched: Mutex<HashMap<SecretName, SecretString>>,
}

impl SecretsManager {
    /// Returns secrets with these ids. A secret without an id counts as not set.
    #[must_use]
    pub fn new(client: Client, ids: HashMap<SecretName, String>) -> Self {
        Self { client, ids, fetched: Mutex::default() }
    }

    /// Returns secrets with the ids from the environment variables of [`variable`].
    #[must_use]
    pub fn from_environment(client: Client) -> Self {
        let names = [
            SecretName::WorkbookPassword,
            SecretName::ModelKey,
            SecretName::DataKey,
            SecretName::PreviousDataKey,
            SecretName::ReferenceKey,
            SecretName::WebhookKey,
        ];
        let ids = names.into_iter().filter_map(|name| Some((name, optional(variable(name))?)));
        Self::new(client, ids.collect())
    }

    /// Drops a secret's cached value, so the next use fetches it again.
    pub async fn forget(&self, name: SecretName) {
        self.fetched.lock().await.remove(&name);
    }

    /// Fetches a secret again, and returns whether it has changed. If it has, the failed call is worth repeating.
    pub async fn renew(&self, name: SecretName) -> Result<bool, SecretError> {
        let before = self.fetched.lock().await.remove(&name);
        let now = self.find(name).await?;
        let text = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        Ok(text(&before) != text(&now))
    }

    async fn fetch(&self, name: SecretName, id: &str) -> Result<Option<SecretString>, SecretError> {
        match self.client.get_secret_value().secret_id(id).send().await {
            Ok(value) => match value.secret_string {
                Some(text) => Ok(Some(SecretString::from(text))),
                None => Err(SecretError::Malformed { name, expected: "text" }),
            },
            Err(error)
                if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            // The chain of `Display` messages identifies the error and the request. The `Debug` form would quote the
            // body of a malformed response, including the secret.
            Err(error) => Err(SecretError::Unavailable { name, reason: chain(&error) }),
        }
    }
}

#[async_trait]
impl Secrets for SecretsManager {
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError> {
        let Some(id) = self.ids.get(&name) else { return Ok(None) };
        // The lock is held during the fetch, so concurrent callers fetch once.
        let mut fetched = self.fetched.lock().await;
        if let Some(secret) = fetched.get(&name) {
            return Ok(Some(secret.clone()));
        }
        let secret = self.fetch(name, id).await?;
        if let Some(secret) = &secret {
            fetched.insert(name, secret.clone());
        }
        Ok(secret)
    }
}
