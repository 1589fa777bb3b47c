//! The Lambda of the render stage.
fn main() {}
