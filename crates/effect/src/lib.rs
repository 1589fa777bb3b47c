//! The statistics that Bespoke uses to measure the effect of a campaign. All functions are pure.
//!
//! | Module | Purpose |
//! |---|---|
//! | [`proportion`] | Proportions, and the interval for the difference of two. |
//! | [`measurement`] | The uplift of a campaign, overall and by product, phrase set, shape and voice. |
//! | [`reading`] | The description of a comparison in plain language. |
//!
//! **Invariant:** nothing in this crate identifies a customer. Its only dependency is `serde`, and it reads no clock
//! and no store, so the same results always give the same measurement. Each measurement has one primary comparison.
//! Only its plain-language text speaks of an effect.

pub mod measurement;
pub mod proportion;
pub mod reading;

pub use measurement::{ArmComparison, CustomerResult, Dimension, LevelComparison, Measurement, measure};
pub use proportion::{Difference, Proportion, detectable_uplift};
pub use reading::{Caution, Verdict};
