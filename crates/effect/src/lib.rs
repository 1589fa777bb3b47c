//! The statistics by which Bespoke measures the effect of a campaign: pure functions on counts.
//!
//! | Module | Purpose |
//! |---|---|
//! | [`proportion`] | Proportions, and the interval for the difference of two. |
//! | [`measurement`] | The uplift of a campaign, overall and by product, phrase set, shape and voice. |
//! | [`reading`] | The plain-language reading of a comparison. |
//!
//! **Invariant:** this crate knows no customer. It depends on no other crate of the workspace, no clock and no store, so
//! the same counts always give the same report. A measurement has one primary comparison, which is the only one that a
//! reading calls an effect.

pub mod measurement;
pub mod proportion;
pub mod reading;

pub use measurement::{ArmComparison, CustomerResult, Dimension, LevelComparison, Measurement, measure};
pub use proportion::{Difference, Proportion, detectable_uplift};
pub use reading::{Caution, Verdict};
