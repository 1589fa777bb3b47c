//! The Lambda of the publish stage.
fn main() {}
