//! Delivery: customers' links, and notices to the bank's own system.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CustomerRef, Digest, RunId};

/// `links/<digest of the token>.json`. The token itself is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// When it was made.
    pub made: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

/// What is told to the bank's own system of one customer's part of a run. Nothing personal: the bank finds the customer by
/// the reference, in the manifest that `bespoke deliver` writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// `published`, `skipped`, `held`, `failed` or `recalled`.
    pub outcome: String,
    /// Digest of the record that says so.
    pub record: Digest,
}

impl Notice {
    /// The notice's id: the same event has the same id, however often it is told.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of_json(self)
    }
}

/// What became of a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRecord {
    /// The notice.
    pub notice: Notice,
    /// When it arrived or was given up.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it did not arrive, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
