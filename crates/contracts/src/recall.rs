//! The record of a recall.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The recall of a run (`control/recalls/<run>/run.json`), or of one customer's part of it. It takes effect as soon as
/// it exists: links stop working, and the run publishes nothing more. It is written before any file is moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// The time of the recall.
    pub at: Timestamp,
    /// The name of the person who recalled the result.
    pub by: String,
    /// The reason.
    pub reason: Option<String>,
}
