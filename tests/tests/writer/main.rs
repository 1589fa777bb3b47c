//! Tests of the writer and the guard as a whole: letters to generated customers, a faulty model service, and the
//! command.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod assessed_run;
mod command;
mod letters;
mod llmock;
mod propose;
