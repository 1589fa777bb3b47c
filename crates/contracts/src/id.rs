//! Identifiers that cannot exist in a bad state: each is checked when it is made, also when it is read from JSON.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not the identifier it was taken for. Never holds the text, which may be personal.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a valid {what}: expected {expected}")]
pub struct InvalidId {
    what: &'static str,
    expected: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $valid:expr, debug: $debug:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and makes the identifier.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { what: $what, expected: $expected }) }
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if $debug { write!(f, "{}({})", stringify!($name), self.0) } else { write!(f, "{}(…)", stringify!($name)) }
            }
        }
    };
}

macro_rules! display {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_name(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !text.starts_with('.')
}

fn is_lower_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

identifier!(
    /// A customer's id as the bank writes it: text, leading zeros kept. Personal: it has no `Display`, and its `Debug`
    /// hides it, so that it cannot slip into a log or a key.
    CustomerId,
    "customer id",
    "1 to 64 characters, none of them a control character, with no space at either end",
    |text| {
        let characters = text.chars().count();
        (1..=64).contains(&characters) && text.trim() == text && !text.chars().any(char::is_control)
    },
    debug: false
);
identifier!(
    /// A keyed hash of the customer id (see [`crate::vault::Keys::reference`]): 32 lowercase hex digits. Stands for the
    /// customer in keys, logs and messages.
    CustomerRef,
    "customer reference",
    "32 lowercase hex digits",
    |text| is_lower_hex(text, 32),
    debug: true
);
identifier!(
    /// One execution of the pipeline over one batch with one request.
    RunId,
    "run id",
    "1 to 80 letters, digits, '-', '_' or '.'",
    |text| is_name(text, 80),
    debug: true
);
identifier!(
    /// The folder under `incoming/` that holds the three workbooks of one upload.
    Batch,
    "batch name",
    "1 to 64 letters, digits, '-', '_' or '.'",
    |text| is_name(text, 64),
    debug: true
);
identifier!(
    /// A keyed digest of the joined rows: the same rows give the same dataset, whatever file salted them.
    DatasetId,
    "dataset id",
    "64 lowercase hex digits",
    |text| is_lower_hex(text, 64),
    debug: true
);
identifier!(
    /// A product's id in the catalogue, in kebab-case.
    ProductId,
    "product id",
    "1 to 64 lowercase letters, digits and '-'",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
    debug: true
);

identifier!(
    /// A file of the folder `config/backgrounds/`.
    BackgroundName,
    "background's name",
    "1 to 64 letters, digits, '-', '_' or '.'",
    |text| is_name(text, 64),
    debug: true
);

display!(CustomerRef);
display!(RunId);
display!(Batch);
display!(BackgroundName);
display!(DatasetId);
display!(ProductId);

impl CustomerId {
    /// The id with nothing hidden, for the sealed record and for the person who typed it. Never for a log or a key.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What the names of batches begin with that somebody uploads through the API.
const THROUGH_API: &str = "upload-";

impl Batch {
    /// The batch of an upload through the API, which starts nothing by itself and is never taken for the newest: whoever
    /// uploads it looks at it first. `name` is its own.
    pub fn through_api(name: &str) -> Result<Self, InvalidId> {
        Self::parse(format!("{THROUGH_API}{name}"))
    }

    /// Whether it was uploaded through the API.
    #[must_use]
    pub fn is_through_api(&self) -> bool {
        self.0.starts_with(THROUGH_API)
    }
}

impl CustomerRef {
    /// The first eight digits, enough to tell customers apart in a table.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_id_keeps_leading_zeros_and_hides_from_debug() {
        let id = CustomerId::parse("0042").unwrap();
        assert_eq!(id.reveal(), "0042");
        assert_eq!(format!("{id:?}"), "CustomerId(…)");
    }

    #[test]
    fn a_customer_id_with_a_control_character_or_outer_space_is_refused() {
        for bad in ["", " 1", "1 ", "1\u{0}", "a\nb"] {
            assert!(CustomerId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_reach_a_path_cannot_climb_out_of_it() {
        for bad in ["..", ".", "../x", "a/b", "", "a\\b", "a b"] {
            assert!(Batch::parse(bad).is_err(), "{bad:?}");
            assert!(RunId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn identifiers_are_checked_when_read_from_json() {
        assert!(serde_json::from_str::<CustomerRef>("\"nothex\"").is_err());
        assert!(serde_json::from_str::<ProductId>("\"Upper\"").is_err());
    }
}
