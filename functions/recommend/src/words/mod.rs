//! The program's own phrases that a customer hears, by language. Texts about products come from the catalog.

pub mod en;

/// The source of the phrases, for the digest of a script's inputs.
pub(crate) const SOURCE: &str = include_str!("en.rs");
