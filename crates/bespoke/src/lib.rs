//! The command `bespoke`: the stages on one machine, over a folder, with no account, key or network.
//!
//! **Invariant:** nothing of AWS is reachable from here; a test resolves this package alone to prove it.

pub mod campaign;
pub mod cli;
pub mod commands;
pub mod config;
pub mod disparity;
pub mod doctor;
pub mod failure;
pub mod folder;
pub mod logs;
mod panic_hook;
pub mod progress;
pub mod project;
pub mod report;
pub mod runner;
pub mod sample;
pub mod secrets;
pub mod serve;
pub mod session;
pub mod verify;
pub mod voices;
