//! The cost of a run in time and money, on one machine, on AWS, and at outside services.
//!
//! **Invariant:** this crate only computes. It reads no file, no store and no clock.

pub mod aws;
pub mod local;
pub mod prices;
pub mod reuse;
