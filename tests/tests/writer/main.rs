//! End-to-end tests of the writer and the guard: letters to generated customers, a faulty model service, and the command.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod assessed_run;
mod command;
mod letters;
mod llmock;
mod propose;
