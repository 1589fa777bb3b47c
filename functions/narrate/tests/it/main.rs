//! Integration tests of the narrate stage.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod accuracy;
mod engines;
mod scoring;
mod stage;
mod throttling;
mod tone;
