//! Tests that run campaigns as processes: forecasts, limits, random kills and verification.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "the test prints its random choices, and its counts are small"
)]

mod command;
mod crash;
mod credit_union;
mod effect;
mod heads;
mod model;
mod stops;
mod tampering;

use std::process::Output;

use bespoke_tests::{Sandbox, report};
use serde_json::Value;

/// Returns a sandbox with small videos, the fastest voice and additional settings.
fn sandbox(more: &str) -> Sandbox {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"));
    let settings = "[voice]\nengine = \"espeak\"\n[video]\nresolution = 180\npreset = \"ultrafast\"\n";
    std::fs::write(sandbox.path().join("bespoke.toml"), format!("{settings}{more}")).unwrap();
    sandbox
}

#[track_caller]
fn ends(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    report(output)
}
