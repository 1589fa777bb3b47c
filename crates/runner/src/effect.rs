//! Measures the effect of a campaign: imports the bank's table of adoptions, and compares the groups of a run.

mod adoptions;
mod groups;
mod outcomes;
mod report;
#[cfg(test)]
mod tests;

pub use adoptions::{ImportReport, import};
pub use outcomes::{CustomerOutcome, RunOutcomes, outcomes};
pub use report::{EffectReport, EventCount, Window, report};
