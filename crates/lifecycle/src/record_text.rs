//! Checks the names and reasons that people put on record.

use contracts::{ErrorName, NamedError};
use thiserror::Error;

/// The maximum length of a person's name, in characters.
const MAX_NAME: usize = 400;
/// The maximum length of a reason, in characters.
const MAX_REASON: usize = 500;

/// A name or reason that is not valid for the record.
#[derive(Debug, Error)]
#[error("{field} must have 1 to {max} characters, none of them a control character")]
pub struct RecordTextError {
    /// `the name` or `the reason`.
    field: &'static str,
    /// The maximum length, in characters.
    max: usize,
}

impl NamedError for RecordTextError {
    fn name(&self) -> ErrorName {
        ErrorName::InputInvalidRequest
    }
}

/// Checks a person's name: 1 to 400 characters, not only spaces, no control characters.
pub(crate) fn check_name(name: &str) -> Result<(), RecordTextError> {
    check("the name", name, MAX_NAME)
}

/// Checks a reason: 1 to 500 characters, not only spaces, no control characters.
pub fn check_reason(reason: &str) -> Result<(), RecordTextError> {
    check("the reason", reason, MAX_REASON)
}

fn check(field: &'static str, text: &str, max: usize) -> Result<(), RecordTextError> {
    let valid = !text.trim().is_empty() && text.chars().count() <= max && !text.contains(char::is_control);
    if valid { Ok(()) } else { Err(RecordTextError { field, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_long_and_multiline_text_is_rejected() {
        for text in ["", " ", "a\nb", &"x".repeat(401)] {
            assert!(check_name(text).is_err(), "{text:?}");
        }
        assert!(check_name("Zoë").is_ok());
        assert!(check_reason(&"ü".repeat(500)).is_ok(), "the limit counts characters, not bytes");
        assert!(check_reason(&"ü".repeat(501)).is_err());
    }
}
