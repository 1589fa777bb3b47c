//! Tests of the merge stage, from workbooks to a dataset or to a named error.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[macro_use]
mod workbook;
mod bad_input;

mod bank;
mod delimited;
mod doubts;
mod files;
mod joining;
mod random;
mod stops;
