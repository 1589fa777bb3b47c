//! Runs all stages on one machine, over a folder.
//!
//! [`session`] opens the folder and prepares a run, [`run`] carries it out, and [`tally`] counts its events.
//!
//! **Invariant:** the crate knows no AWS, no HTTP server and no command line.

mod budget;
pub mod config;
pub mod copies;
pub mod cost;
pub mod doctor;
pub mod event;
pub mod failure;
pub mod folder;
pub mod follow_up;
pub mod forecast;
pub mod limits;
pub mod logs;
pub mod programs;
pub mod project;
pub mod run;
pub mod secrets;
pub mod sentences;
pub mod services;
pub mod session;
pub mod tally;
pub mod verify;
