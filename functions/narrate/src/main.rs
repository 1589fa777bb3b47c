//! The Lambda of the narrate stage.
fn main() {}
