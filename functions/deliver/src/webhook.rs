//! Notifications to the bank's own system. Each outcome, recall and answer is sent as a signed HTTP request. After a
//! transient error, the request is retried until it succeeds or the attempts are used up.
//!
//! The request is a POST of a [`Notification`] as JSON, with the headers of Standard Webhooks
//! (<https://www.standardwebhooks.com>):
//!
//! - `webhook-id`: the notification's id, the same for every attempt. `idempotency-key` repeats it.
//! - `webhook-timestamp`: the time of the attempt in Unix seconds.
//! - `webhook-signature`: `v1,` plus the base64 of HMAC-SHA256 over `id.timestamp.body`.
//!
//! A notification that could lead to a message to the customer is sent only with the customer's consent: before each
//! attempt, Bespoke reads `control/` again. Notifications that prevent such a message are always sent.
//!
//! A sent notification is recorded and not sent again. If the process dies before the record is written, the next call
//! sends the notification again with the same id, so receivers must discard ids that they have already seen. A
//! notification that Bespoke gives up on becomes a dead letter under `notices/dead/`, and the next call to [`notify`]
//! sends it again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use contracts::delivery::{Notification, NotificationRecord};
use contracts::error::chain;
use contracts::evidence::{ManifestEntry, Outcome};
use contracts::key::NotificationState;
use contracts::settings::WebhookSettings;
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use outbound::{Client, StatusCode, Url};
use policy::disclosure::{Gate, Permit, Withheld};
use policy::evidence;
use serde::Serialize;
use storage::secret::{SecretName, Secrets};
use storage::store::{ObjectStore, StoreError};
use storage::vault::Vault;

use crate::signature::SigningKey;
use crate::{Error, answers, customer_ids};

/// The number of concurrent notifications.
const CONCURRENCY: usize = 4;

/// The delays between attempts to send a notification. Each delay is twice the previous one. A random part of up to
/// half is subtracted, so retries do not all arrive at once.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The maximum first delay.
    pub initial: Duration,
    /// The maximum delay.
    pub max: Duration,
}

impl Default for Backoff {
    /// Returns delays that add up to at least 90 seconds over the settings' default of eight attempts.
    fn default() -> Self {
        Self { initial: Duration::from_secs(2), max: Duration::from_mins(1) }
    }
}

impl Backoff {
    fn builder(self, attempts: u32) -> ExponentialBuilder {
        // The bounds are halved because the jitter can double a delay.
        ExponentialBuilder::new()
            .with_min_delay(self.initial / 2)
            .with_max_delay(self.max / 2)
            .with_factor(2.0)
            .with_jitter()
            .with_max_times(usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX))
    }
}

/// The dependencies of [`notify`].
pub struct Deps<'a> {
    /// The vault that holds the run and the notification records.
    pub vault: &'a Vault,
    /// The source of the signing key.
    pub secrets: &'a dyn Secrets,
    /// The webhook settings.
    pub settings: &'a WebhookSettings,
    /// The delays between attempts.
    pub backoff: Backoff,
}

/// The number of a run's notifications, by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotifySummary {
    /// Notifications that were sent by this call.
    pub sent: usize,
    /// Notifications that had already been sent.
    #[serde(rename = "before")]
    pub already_sent: usize,
    /// Notifications that became dead letters.
    #[serde(rename = "dead")]
    pub dead_letters: usize,
    /// Notifications that were not sent because the customer has withdrawn consent.
    pub withheld: usize,
}

impl NotifySummary {
    const NONE: Self = Self { sent: 0, already_sent: 0, dead_letters: 0, withheld: 0 };
    const SENT: Self = Self { sent: 1, ..Self::NONE };
    const ALREADY_SENT: Self = Self { already_sent: 1, ..Self::NONE };
    const DEAD_LETTER: Self = Self { dead_letters: 1, ..Self::NONE };
    const WITHHELD: Self = Self { withheld: 1, ..Self::NONE };

    const fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            already_sent: self.already_sent + other.already_sent,
            dead_letters: self.dead_letters + other.dead_letters,
            withheld: self.withheld + other.withheld,
        }
    }
}

/// Notifies the bank's system about each customer's outcome and answers in a run. Sends only notifications that have
/// not been sent yet. Does nothing if the settings have no address.
pub async fn notify(run: &RunId, deps: &Deps<'_>) -> Result<NotifySummary, Error> {
    if deps.settings.url.is_empty() {
        return Ok(NotifySummary::default());
    }
    let sender = Sender::new(deps).await?;
    let manifest = customer_ids::read_manifest(run, deps.vault).await?;
    // Owned entries keep the future `Send`. The compiler rejects the closure if the entries are borrowed.
    let sender = &sender;
    let summaries = stream::iter(manifest.entries);
    let summaries = summaries.map(|entry| async move { sender.notify_customer(run, &entry).await });
    let summaries = summaries.buffer_unordered(CONCURRENCY);
    let summary: NotifySummary =
        summaries.try_fold(NotifySummary::default(), |sum, summary| async move { Ok(sum.plus(summary)) }).await?;
    let summary = summary.plus(sender.notify_answers(run, None).await?);
    let NotifySummary { sent, already_sent, dead_letters, withheld } = summary;
    tracing::info!(%run, sent, already_sent, dead_letters, withheld, "notified the bank's system");
    Ok(summary)
}

/// Notifies the bank's system about one customer's answers in a run, as soon as they arrive.
pub async fn notify_answers(run: &RunId, reference: &CustomerRef, deps: &Deps<'_>) -> Result<NotifySummary, Error> {
    if deps.settings.url.is_empty() {
        return Ok(NotifySummary::default());
    }
    Sender::new(deps).await?.notify_answers(run, Some(reference)).await
}

struct Sender<'a> {
    deps: &'a Deps<'a>,
    http: Client,
    url: Url,
    key: SigningKey,
    /// Whether a notification has used up its attempts because of transient errors. If so, the remaining ones become
    /// dead letters without an attempt.
    is_down: AtomicBool,
}

/// A failed attempt.
struct FailedAttempt {
    message: String,
    /// Whether another attempt may succeed.
    is_transient: bool,
}

impl<'a> Sender<'a> {
    async fn new(deps: &'a Deps<'a>) -> Result<Self, Error> {
        let key = SigningKey::parse(&deps.secrets.get(SecretName::WebhookKey).await?)?;
        let http = Client::new().map_err(|error| Error::Client { reason: chain(&error) })?;
        let url = Url::parse(&deps.settings.url).map_err(|error| Error::Client { reason: error.to_string() })?;
        Ok(Self { deps, http, url, key, is_down: AtomicBool::new(false) })
    }

    fn store(&self) -> &dyn ObjectStore {
        self.deps.vault.store()
    }

    /// Sends a customer's outcome, and the recall if there is one.
    async fn notify_customer(&self, run: &RunId, entry: &ManifestEntry) -> Result<NotifySummary, Error> {
        let notification = |outcome: &str, record| Notification {
            run: run.clone(),
            reference: entry.reference.clone(),
            outcome: outcome.to_owned(),
            record,
            product: None,
            because: None,
        };
        // There is nothing to report yet, because a later attempt may still process the customer.
        if entry.outcome == Outcome::NotStarted {
            return Ok(NotifySummary::default());
        }
        let gate = self.gate(run, entry).await?;
        let mut summary = self.send_once(notification(entry.outcome.word(), entry.record), &gate).await?;
        if matches!(entry.outcome, Outcome::Published { .. })
            && let Some(recall) = find_recall(self.store(), run, entry).await?
        {
            summary = summary.plus(self.send_once(notification("recalled", recall), &Gate::without_customer()).await?);
        }
        Ok(summary)
    }

    /// Sends the answers to a run's recommendations, from one customer or from all.
    async fn notify_answers(&self, run: &RunId, reference: Option<&CustomerRef>) -> Result<NotifySummary, Error> {
        let mut summary = NotifySummary::default();
        for record in answers::records(run, reference, self.store()).await? {
            let gate = if record.answer.invites_contact() {
                Gate::new(self.deps.vault, &record.reference, false)
            } else {
                Gate::without_customer()
            };
            summary = summary.plus(self.send_once(Notification::of_answer(&record), &gate).await?);
        }
        Ok(summary)
    }

    /// Returns the gate for the notification about an outcome. Only outcomes that may lead to a message depend on the
    /// customer's consent. The others tell the bank's system not to send one.
    async fn gate(&self, run: &RunId, entry: &ManifestEntry) -> Result<Gate, Error> {
        match entry.outcome {
            Outcome::Published { .. } | Outcome::InReview { .. } => {
                let evidence = evidence::find(self.store(), &entry.reference, run).await?;
                let from_posts = evidence.is_some_and(|evidence| evidence.from_posts);
                Ok(Gate::new(self.deps.vault, &entry.reference, from_posts))
            }
            Outcome::Skipped { .. } | Outcome::HeldOut | Outcome::NotStarted | Outcome::Failed { .. } => {
                Ok(Gate::without_customer())
            }
        }
    }

    /// Sends a notification unless it has been sent before, and records the result.
    async fn send_once(&self, notification: Notification, gate: &Gate) -> Result<NotifySummary, Error> {
        let id = notification.id();
        let key = |state| ObjectKey::Notification(state, notification.run.clone(), id);
        let sent_key = key(NotificationState::Sent);
        let dead_key = key(NotificationState::Dead);
        if self.store().find(&sent_key).await?.is_some() {
            return Ok(NotifySummary::ALREADY_SENT);
        }
        let (attempts, error) = match self.send(&notification, &id, gate).await {
            Ok((attempts, error)) => (attempts, error.map(|failed| failed.message)),
            Err(Withheld::Withdrawn { .. }) => {
                self.store().delete(&dead_key).await?;
                return Ok(NotifySummary::WITHHELD);
            }
            Err(Withheld::Control(error)) => return Err(error.into()),
        };
        let record = NotificationRecord { notice: notification, at: Timestamp::now(), attempts, error };
        let json = serde_json::to_vec(&record).expect("a record has only plain fields");
        if let Some(error) = &record.error {
            let Notification { run, reference, .. } = &record.notice;
            tracing::warn!(%run, %reference, attempts, error, "gave up on a notification; it is now a dead letter");
            self.store().put(&dead_key, json.into()).await?;
            return Ok(NotifySummary::DEAD_LETTER);
        }
        self.store().put(&sent_key, json.into()).await?;
        self.store().delete(&dead_key).await?;
        Ok(NotifySummary::SENT)
    }

    /// Sends a notification until it arrives. Returns the number of attempts, and the last error if Bespoke gave up.
    async fn send(
        &self,
        notification: &Notification,
        id: &Digest,
        gate: &Gate,
    ) -> Result<(u32, Option<FailedAttempt>), Withheld> {
        if self.is_down.load(Ordering::Relaxed) {
            let message = "earlier notifications to the receiver failed, so this one was not attempted".to_owned();
            return Ok((0, Some(FailedAttempt { message, is_transient: true })));
        }
        let body = serde_json::to_string(notification).expect("a notification has only plain fields");
        let mut waits = self.deps.backoff.builder(self.deps.settings.attempts).build();
        for attempts in 1.. {
            let permit = gate.permit().await?;
            let Err(failed) = self.attempt(permit, &body, id).await else { return Ok((attempts, None)) };
            let wait = waits.next().filter(|_| failed.is_transient);
            let Some(wait) = wait else {
                self.is_down.fetch_or(failed.is_transient, Ordering::Relaxed);
                return Ok((attempts, Some(failed)));
            };
            tracing::debug!(error = failed.message, delay = ?wait, "retrying a notification");
            tokio::time::sleep(wait).await;
        }
        unreachable!("the number of delays is finite")
    }

    async fn attempt(&self, permit: Permit, body: &str, id: &Digest) -> Result<(), FailedAttempt> {
        let id = id.to_string();
        let timestamp = Timestamp::now().as_second().to_string();
        let insecure = || FailedAttempt {
            message: "delivery.webhook.url is neither an https address nor an address on this machine".to_owned(),
            is_transient: false,
        };
        let request = self.http.post(self.url.clone()).ok_or_else(insecure)?;
        let request = request
            .timeout(Duration::from_secs(self.deps.settings.deadline_seconds))
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &timestamp)
            .header("webhook-signature", &self.key.sign(&id, &timestamp, body))
            .header("idempotency-key", &id)
            .body(body.to_owned());
        let response = request.send(permit).await.map_err(|error| FailedAttempt {
            // The address is in the settings, so the log omits it.
            message: chain(&error.without_url()),
            is_transient: true,
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let transient =
            [StatusCode::REQUEST_TIMEOUT, StatusCode::CONFLICT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
        let is_transient = status.is_server_error() || transient.contains(&status);
        Err(FailedAttempt { message: format!("the receiver answered {status}"), is_transient })
    }
}

/// Returns the digest of the record that recalls a customer's result, or `None` if there is none.
async fn find_recall(
    store: &dyn ObjectStore,
    run: &RunId,
    entry: &ManifestEntry,
) -> Result<Option<Digest>, StoreError> {
    for scope in [None, Some(entry.reference.clone())] {
        if let Some(record) = store.find(&ObjectKey::Recall(run.clone(), scope)).await? {
            return Ok(Some(Digest::of(&record)));
        }
    }
    Ok(None)
}
