//! The `bespoke` command: command line, reports and progress display on top of the runner and the local server.
//!
//! **Invariant:** no AWS crate is reachable from here. A test resolves the dependencies of this package alone to verify
//! it.

pub mod cli;
pub mod commands;
mod disparity;
mod effect_page;
pub mod env_file;
mod panic_hook;
mod paths;
mod progress;
pub mod reference;
pub mod sample;
mod summary;
mod voices;
