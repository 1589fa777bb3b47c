//! The Lambda of the recommend stage.
fn main() {}
