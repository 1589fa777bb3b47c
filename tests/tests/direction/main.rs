//! The direction of dependencies, between crates and between the modules of each crate.
//!
//! `contracts` ← {`phrases`, `storage`} ← `policy` ← {stages, `lifecycle`} ← {functions, `runner`, `server`, `bespoke`, tests}

mod modules;
mod packages;
mod tables;
