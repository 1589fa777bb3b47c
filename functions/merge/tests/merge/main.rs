//! Merge from real workbooks to a dataset that opens, or to an error that names what is wrong.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

#[macro_use]
mod workbook;
mod bad_input;

mod bank;
mod files;
mod joining;
mod random;
