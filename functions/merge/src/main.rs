//! The Lambda of the merge stage.
fn main() {}
