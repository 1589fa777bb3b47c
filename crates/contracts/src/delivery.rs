//! Delivery: customer links, and notifications to the bank's system.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::choice::{AnswerRecord, DeclineReason, word};
use crate::{CustomerRef, Digest, ProductId, RunId};

/// A customer's link, stored at `links/<digest of the token>.json`. The token itself is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// The time of creation.
    pub made: Timestamp,
    /// The time of expiry.
    pub expires: Timestamp,
}

/// A notification to the bank's system about one customer's part of a run. It holds no personal data: the bank looks up
/// the customer by the reference in the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// `published`, `skipped`, `held-out`, `in-review`, `failed` or `recalled`; for a customer's answer, a word of [`crate::choice::Answer`].
    pub outcome: String,
    /// The digest of the record that contains the outcome.
    pub record: Digest,
    /// The product that the customer answered about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// The customer's reason for declining the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<DeclineReason>,
}

impl Notification {
    /// Returns the notification of an answer.
    #[must_use]
    pub fn of_answer(record: &AnswerRecord) -> Self {
        Self {
            run: record.run.clone(),
            reference: record.reference.clone(),
            outcome: word(&record.answer),
            record: record.digest(),
            product: record.product.clone(),
            because: record.because,
        }
    }

    /// Returns the notification's id. Repeated notifications about one event have the same id.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of_json(self)
    }
}

/// The result of a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRecord {
    /// The notification.
    pub notice: Notification,
    /// The time when the notification was delivered or became a dead letter.
    pub at: Timestamp,
    /// The number of attempts.
    pub attempts: u32,
    /// The reason why the notification was not delivered. `None` if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
