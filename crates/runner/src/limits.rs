//! The bounds of a run, and the reasons for which it stops early.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The bounds of a run. The default sets none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunLimits {
    /// Stops after this many customers with something to say, in the dataset's order. Earlier attempts count. It is not
    /// part of the request, so the same run without it continues with the other customers.
    pub customers: Option<usize>,
    /// Customers narrated and rendered at once. The settings decide if `None`.
    pub concurrency: Option<usize>,
    /// US dollars for models and outside voices, including earlier attempts of the run.
    pub budget_usd: Option<f64>,
    /// Percentage of customers that may fail before the run stops. `None` tolerates any number.
    pub tolerated_failure_percentage: Option<u8>,
}

/// The reason why a run started no further customer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum StopReason {
    /// The remaining budget does not cover another customer.
    Budget {
        /// US dollars spent.
        spent_usd: f64,
        /// US dollars allowed.
        budget_usd: f64,
    },
    /// More customers failed than the limits tolerate.
    Failures {
        /// Customers that failed.
        failed: usize,
        /// Customers that ended, except those skipped.
        tried: usize,
    },
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget { spent_usd, budget_usd } => write!(
                f,
                "the remaining budget does not cover another customer: ${spent_usd:.2} of ${budget_usd:.2} is spent"
            ),
            Self::Failures { failed, tried } => write!(f, "too many customers failed: {failed} of {tried}"),
        }
    }
}
