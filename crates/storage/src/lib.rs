//! Stores objects and seals personal data: the interface to the store, the vault on top of it, and the keys.
//!
//! **Invariant:** this crate does not depend on AWS, the file system or a stage. Adapters elsewhere implement its
//! traits. Personal data reaches a store only through the [`vault`].

pub mod child;
pub mod secret;
pub mod shared;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod suite;
pub mod vault;
