//! Stores objects and seals personal data: the port to the store, the vault over it, and the keys.
//!
//! **Invariant:** this crate knows no AWS, no file system and no stage. Adapters implement its ports. Personal data
//! reaches a store only through the [`vault`].

pub mod secret;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod suite;
pub mod vault;
