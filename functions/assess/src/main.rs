//! The Lambda of the assess stage.
fn main() {}
