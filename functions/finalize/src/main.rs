//! The Lambda of the finalize stage.
fn main() {}
