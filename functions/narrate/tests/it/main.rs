//! Integration tests of the narrate stage.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod engines;
mod stage;
mod throttling;
mod tone;
