//! Every word of ours that a customer hears, by language. What the bank's products say is the catalogue's.

pub mod en;

/// The source of these words, for the digest of all that determines a script.
pub(crate) const SOURCE: &str = include_str!("en.rs");
