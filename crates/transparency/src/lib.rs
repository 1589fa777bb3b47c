//! The transparency log: an append-only Merkle tree (RFC 6962) over the signed heads of runs.
//!
//! | Module | Content |
//! |---|---|
//! | [`merkle`] | hashes, inclusion proofs and consistency proofs; pure functions |
//! | [`checkpoint`] | the signed statement about the size and root of the tree |
//! | [`signer`] | the interface to the signing key, and the public key that verifies |
//! | [`log`] | the log in a store: appends without forks, reads and proves |
//!
//! **Invariant:** this crate does not depend on AWS, the file system or a stage. A proof needs no secret: the public
//! key and the files are enough.

pub mod checkpoint;
pub mod log;
pub mod merkle;
pub mod signer;
