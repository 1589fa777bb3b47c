//! Checks of single fields. They run while the body is parsed, so an error can name the field.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

/// Reads an optional whole number. JSON Schema calls `140.0` an integer too, so it is accepted.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
pub(super) fn whole_number<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..1e15).contains(number);
    let whole = number.as_u64().or_else(|| number.as_f64().filter(is_whole).map(|number| number as u64));
    let number = whole.and_then(|number| T::try_from(number).ok());
    number.map(Some).ok_or_else(|| D::Error::custom("not a whole number in range"))
}

/// Reads an optional reason for the record: one line of 1 to 500 characters.
pub(super) fn recorded_reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let reason = Option::<String>::deserialize(deserializer)?;
    reason.as_deref().map_or(Ok(()), lifecycle::review::check_reason).map_err(D::Error::custom)?;
    Ok(reason)
}
