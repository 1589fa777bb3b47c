//! The transparency log: an append-only Merkle tree (RFC 6962) over the signed heads of runs.
//!
//! | Module | Content |
//! |---|---|
//! | [`merkle`] | hashes, inclusion proofs and consistency proofs; pure functions |
//! | [`checkpoint`] | the signed statement about the size and root of the tree |
//! | [`signer`] | the port to the signing key, and the public key that verifies signatures |
//! | [`log`] | the log in a store: appending without forks, reading, proving |
//!
//! **Invariant:** this crate does not depend on AWS, the file system or a stage. Verifying a proof requires only the
//! public key and the files, no secret.

pub mod checkpoint;
pub mod log;
pub mod merkle;
pub mod signer;
