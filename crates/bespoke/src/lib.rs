//! The command `bespoke`: command line, reports and progress display over the runner and the local server.
//!
//! **Invariant:** no AWS crate is reachable from here; a test resolves this package alone to prove it.

pub mod cli;
pub mod commands;
mod disparity;
mod panic_hook;
mod paths;
mod progress;
pub mod reference;
pub mod sample;
mod summary;
mod voices;
