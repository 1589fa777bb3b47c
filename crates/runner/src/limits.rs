//! The limits of a run, and the reasons why it may stop early.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The limits of a run. By default, there are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunLimits {
    /// The maximum number of customers who get a message, counted in the dataset's order. Customers from earlier
    /// attempts count. The limit is not part of the request, so repeating the run without it continues with the rest.
    pub customers: Option<usize>,
    /// The number of customers narrated and rendered concurrently. `None` uses the settings.
    pub concurrency: Option<usize>,
    /// The budget in US dollars for models and outside voices, including earlier attempts of the run.
    pub budget_usd: Option<f64>,
    /// The percentage of customers who may fail before the run stops. Fewer than five failures never stop it. `None`
    /// tolerates any number.
    pub tolerated_failure_percentage: Option<u8>,
}

/// The reason why a run stopped starting customers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum StopReason {
    /// The remaining budget does not cover another customer.
    Budget {
        /// The US dollars spent.
        spent_usd: f64,
        /// The budget in US dollars.
        budget_usd: f64,
    },
    /// More customers failed than the limits tolerate.
    Failures {
        /// Customers who failed.
        failed: usize,
        /// Finished customers, not counting those who were skipped or held out.
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
