//! Notices to the bank's own system: one call for each outcome, signed, tried again until it arrives or is given up.
//!
//! A call is a POST of a [`Notification`] as JSON with the headers of Standard Webhooks (standardwebhooks.com): `webhook-id`, which
//! is the same however often the notice is told, `webhook-timestamp`, and `webhook-signature: v1,` with the base64 of
//! HMAC-SHA256 over `id.timestamp.body`. `idempotency-key` says the id once more. What arrived is recorded and not told
//! again; should the process die before it is recorded, the notice comes twice with the same id, and a receiver that
//! compares ids takes it once. What does not arrive is a dead letter under `notices/dead/`, and the next call of [`notify`]
//! takes it up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::delivery::{Notification, NotificationRecord};
use contracts::error::chain;
use contracts::evidence::{ManifestEntry, Outcome};
use contracts::key::NotificationState;
use contracts::settings::WebhookSettings;
use contracts::{Digest, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use reqwest::{StatusCode, header};
use serde::Serialize;
use sha2::Sha256;
use storage::secret::{ExposeSecret, SecretError, SecretName, SecretString, Secrets};
use storage::store::{ObjectStore, StoreError};
use storage::vault::Vault;

use crate::{Error, manifest};

/// How many notices are under way at once.
const AT_ONCE: usize = 4;
/// The shortest key of a signature, in characters.
const SHORTEST_KEY: usize = 32;

/// How long is waited before a notice is tried again.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Before the second try. Each wait is twice the one before.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Default for Pace {
    /// With the eight tries of the settings' default, at least a minute and a half.
    fn default() -> Self {
        Self { first: Duration::from_secs(2), longest: Duration::from_mins(1) }
    }
}

impl Pace {
    /// The wait after so many tries: half of it at least, the rest at random, so that many do not come back at once.
    fn after(self, tries: u32, jitter: f64) -> Duration {
        let whole = self.first.saturating_mul(1 << (tries.saturating_sub(1)).min(16)).min(self.longest);
        whole.mul_f64(0.5 + jitter / 2.0)
    }
}

/// What telling works with.
pub struct Deps<'a> {
    /// Where the run and the records of notices lie.
    pub vault: &'a Vault,
    /// Where the key of the signature comes from.
    pub secrets: &'a dyn Secrets,
    /// The bank's own system.
    pub settings: &'a WebhookSettings,
    /// How long is waited between tries.
    pub pace: Pace,
}

/// What came of telling a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Notices that arrived now.
    pub sent: usize,
    /// Notices that had arrived before.
    pub before: usize,
    /// Notices that were given up: dead letters.
    pub dead: usize,
}

/// Tells the bank's own system how each customer's part of a run stands, as far as it was not told before. Nothing is done
/// if the settings name no address.
pub async fn notify(run: &RunId, deps: &Deps<'_>) -> Result<Told, Error> {
    if deps.settings.url.is_empty() {
        return Ok(Told::default());
    }
    let sender = Sender::new(deps).await?;
    let manifest = manifest::read(run, deps.vault).await?;
    // Owned entries keep the future `Send`: a closure over borrowed ones is not general enough for the compiler.
    let sender = &sender;
    let told = stream::iter(manifest.entries).map(|entry| async move { sender.tell_all(run, &entry).await });
    let told = told.buffer_unordered(AT_ONCE);
    let told = told.try_fold(Told::default(), |sum, told| async move {
        Ok(Told { sent: sum.sent + told.sent, before: sum.before + told.before, dead: sum.dead + told.dead })
    });
    let told = told.await?;
    tracing::info!(%run, sent = told.sent, before = told.before, dead = told.dead, "the bank's own system was told");
    Ok(told)
}

struct Sender<'a> {
    deps: &'a Deps<'a>,
    http: reqwest::Client,
    key: SecretString,
    /// Whether a notice was tried to its end and nobody was there: the others are dead letters at once, and told later.
    down: AtomicBool,
}

impl<'a> Sender<'a> {
    async fn new(deps: &'a Deps<'a>) -> Result<Self, Error> {
        let name = SecretName::WebhookKey;
        let key = deps.secrets.get(name).await?;
        if key.expose_secret().trim().len() < SHORTEST_KEY {
            return Err(SecretError::Malformed { name, expected: "of 32 characters or more" }.into());
        }
        // A signed notice is for this address and no other.
        let http = outbound::builder()
            .timeout(Duration::from_secs(deps.settings.deadline_seconds))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::Client { reason: chain(&error) })?;
        Ok(Self { deps, http, key, down: AtomicBool::new(false) })
    }

    fn store(&self) -> &dyn ObjectStore {
        self.deps.vault.store()
    }

    /// What there is to tell of one customer: the outcome, and that it was taken back.
    async fn tell_all(&self, run: &RunId, entry: &ManifestEntry) -> Result<Told, Error> {
        let notice = |outcome: &str, record| Notification {
            run: run.clone(),
            reference: entry.reference.clone(),
            outcome: outcome.to_owned(),
            record,
        };
        let mut told = self.tell(notice(entry.outcome.word(), entry.record)).await?;
        if matches!(entry.outcome, Outcome::Published { .. })
            && let Some(recall) = recall(self.store(), run, entry).await?
        {
            let recalled = self.tell(notice("recalled", recall)).await?;
            told.sent += recalled.sent;
            told.before += recalled.before;
            told.dead += recalled.dead;
        }
        Ok(told)
    }

    async fn tell(&self, notice: Notification) -> Result<Told, Error> {
        let id = notice.id();
        let place = |state| ObjectKey::Notification(state, notice.run.clone(), id);
        let (sent, dead) = (place(NotificationState::Sent), place(NotificationState::Dead));
        if self.store().find(&sent).await?.is_some() {
            return Ok(Told { before: 1, ..Told::default() });
        }
        let (attempts, refused) = self.call(&notice, &id).await;
        let record = NotificationRecord { notice, at: Timestamp::now(), attempts, error: refused };
        let json = serde_json::to_vec(&record).expect("a record is plain fields");
        if let Some(error) = &record.error {
            tracing::warn!(run = %record.notice.run, reference = %record.notice.reference, attempts, error, "a dead letter");
            self.store().put(&dead, json.into()).await?;
            return Ok(Told { dead: 1, ..Told::default() });
        }
        self.store().put(&sent, json.into()).await?;
        self.store().delete(&dead).await?;
        Ok(Told { sent: 1, ..Told::default() })
    }

    /// Calls until the notice arrives; gives the number of tries, and the last error if it was given up.
    async fn call(&self, notice: &Notification, id: &Digest) -> (u32, Option<String>) {
        let body = serde_json::to_string(notice).expect("a notice is plain fields");
        let mut tries = 0;
        if self.down.load(Ordering::Relaxed) {
            return (tries, Some("the receiver did not answer to the notices before this one".to_owned()));
        }
        loop {
            tries += 1;
            let (error, again) = match self.post(&body, id).await {
                Ok(()) => return (tries, None),
                Err(refused) => refused,
            };
            if !again || tries >= self.deps.settings.attempts {
                self.down.fetch_or(again, Ordering::Relaxed);
                return (tries, Some(error));
            }
            tracing::debug!(tries, error, "a notice is tried again");
            tokio::time::sleep(self.deps.pace.after(tries, rand::random_range(0.0..1.0))).await;
        }
    }

    /// One call; an error tells what happened, and whether trying again may help.
    async fn post(&self, body: &str, id: &Digest) -> Result<(), (String, bool)> {
        let (id, at) = (id.to_string(), Timestamp::now().as_second().to_string());
        let request = self
            .http
            .post(&self.deps.settings.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &at)
            .header("webhook-signature", signature(&self.key, &id, &at, body))
            .header("idempotency-key", &id)
            .body(body.to_owned());
        // The address stands in the settings, and need not be in a log.
        let answer = request.send().await.map_err(|error| (chain(&error.without_url()), true))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let passing =
            [StatusCode::REQUEST_TIMEOUT, StatusCode::CONFLICT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
        Err((format!("answered {status}"), status.is_server_error() || passing.contains(&status)))
    }
}

/// The digest of the record that takes it back, if there is one.
async fn recall(store: &dyn ObjectStore, run: &RunId, entry: &ManifestEntry) -> Result<Option<Digest>, StoreError> {
    for whom in [None, Some(entry.reference.clone())] {
        if let Some(record) = store.find(&ObjectKey::Recall(run.clone(), whom)).await? {
            return Ok(Some(Digest::of(&record)));
        }
    }
    Ok(None)
}

/// The signature of a call, as the header has it.
///
/// # Panics
/// Never: HMAC takes a key of any length.
#[must_use]
pub fn signature(key: &SecretString, id: &str, timestamp: &str, body: &str) -> String {
    let key = key.expose_secret().trim();
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.as_bytes()).expect("any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}
