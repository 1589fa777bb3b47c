//! The writer and the guard in the whole: letters to generated customers, a model service that breaks in every way, and
//! the command.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod campaign;
mod command;
mod letters;
mod llmock;
