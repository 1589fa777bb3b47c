//! Runs all stages on one machine, with a folder as the store.
//!
//! [`session`] opens the folder and prepares a run, [`run`] carries it out, and [`tally`] counts its events.
//!
//! **Invariant:** the crate does not depend on AWS, an HTTP server or a command line.

mod budget;
pub mod config;
pub mod copies;
pub mod doctor;
pub mod effect;
pub mod event;
pub mod failure;
pub mod folder;
pub mod follow_up;
pub mod forecast;
pub mod intake;
pub mod limits;
pub mod logs;
pub mod os_user;
pub mod process;
pub mod programs;
pub mod project;
pub mod rotation;
pub mod run;
pub mod secrets;
pub mod sentences;
pub mod services;
pub mod session;
pub mod signing;
pub mod tally;
pub mod verify;
pub mod writers;
