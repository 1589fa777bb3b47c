//! The direction of dependencies, between crates and between the modules of each crate.
//!
//! `contracts` ← `storage` ← `policy` ← {stages, `lifecycle`} ← {functions, `runner`, `server`, `bespoke`, tests}

mod modules;
mod packages;
