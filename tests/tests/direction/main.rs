//! Tests the direction of dependencies, both between crates and between the modules within each crate.
//!
//! `contracts` ← {`phrases`, `storage`} ← `policy` ← {stages, `lifecycle`} ← {functions, `runner`, `server`, `bespoke`, tests}

mod modules;
mod packages;
mod tables;
