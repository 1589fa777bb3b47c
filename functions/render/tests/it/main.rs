//! The integration tests of the render stage, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "test builders are plain functions, to which the exceptions for tests do not apply"
)]

mod common;
mod film;
mod hostile;
mod joining;
mod layout;
mod render;
