//! Recall: what was published and is taken back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `control/recalls/<run>/run.json`, or of one customer. That it lies there is what counts: it is written before anything
/// is moved, and from then on no link opens and nothing of the run is published any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// When.
    pub at: Timestamp,
    /// Who took it back.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}
