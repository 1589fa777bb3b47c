//! Identifiers that are valid by construction. Parsing and deserialization check them.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An invalid identifier. Never holds the rejected text, which may be personal.
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
            /// Parses the identifier.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { what: $what, expected: $expected }) }
            }

            /// Returns the identifier as text.
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
    /// A customer's id as the bank writes it: text, including leading zeros. It is personal. To keep it out of logs and
    /// keys, it has no `Display`, and its `Debug` hides the value.
    CustomerId,
    "customer id",
    "1 to 64 characters, without control characters, spaces at either end, or = + - @ at the start",
    |text| {
        let characters = text.chars().count();
        (1..=64).contains(&characters)
            && text.trim() == text
            && !text.chars().any(char::is_control)
            && !is_formula(text)
    },
    debug: false
);
identifier!(
    /// A customer reference: a keyed hash of the customer id (see `storage::vault::Keys::reference`), as 32 lowercase
    /// hex digits. It identifies the customer in keys, logs and messages.
    CustomerRef,
    "customer reference",
    "32 lowercase hex digits",
    |text| is_lower_hex(text, 32),
    debug: true
);
identifier!(
    /// A run's id.
    RunId,
    "run id",
    "1 to 80 letters, digits, '-', '_' or '.'",
    |text| is_name(text, 80),
    debug: true
);
identifier!(
    /// A batch's name: the folder under `incoming/` with the three workbooks.
    Batch,
    "batch name",
    "1 to 64 letters, digits, '-', '_' or '.'",
    |text| is_name(text, 64),
    debug: true
);
identifier!(
    /// A dataset's id: a keyed digest of the joined rows. The same rows have the same id, even if the files are
    /// encrypted differently.
    DatasetId,
    "dataset id",
    "64 lowercase hex digits",
    |text| is_lower_hex(text, 64),
    debug: true
);
identifier!(
    /// A product's id in the catalog, in kebab-case.
    ProductId,
    "product id",
    "1 to 64 lowercase letters, digits and '-'",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
    debug: true
);

identifier!(
    /// A file name under `config/backgrounds/`.
    BackgroundName,
    "background's name",
    "1 to 64 letters, digits, '-', '_' or '.'",
    |text| is_name(text, 64),
    debug: true
);

identifier!(
    /// A schedule's name: the name of its file under `schedules/`, without the extension.
    ScheduleName,
    "schedule name",
    "1 to 40 letters, digits, '-' or '_'",
    |text| (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
    debug: true
);

display!(CustomerRef);
display!(ScheduleName);
display!(RunId);
display!(Batch);
display!(BackgroundName);
display!(DatasetId);
display!(ProductId);

/// Returns whether a spreadsheet program may interpret `text` as a formula, for example when it opens a CSV file.
#[must_use]
pub fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
}

impl CustomerId {
    /// Returns the id in the clear, for sealed records and for the person who entered it. Never use it in a log or a
    /// key.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The prefix of batches uploaded through the API.
const THROUGH_API: &str = "upload-";

impl Batch {
    /// Returns the name for a batch that is uploaded through the API. Such a batch does not start a run automatically
    /// and never counts as the newest batch, because its uploader checks it first. `name` must be unique.
    pub fn through_api(name: &str) -> Result<Self, InvalidId> {
        Self::parse(format!("{THROUGH_API}{name}"))
    }

    /// Returns whether the batch was uploaded through the API.
    #[must_use]
    pub fn is_through_api(&self) -> bool {
        self.0.starts_with(THROUGH_API)
    }
}

impl CustomerRef {
    /// Returns the first eight digits, which are enough to tell customers apart in a table.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customer_id_keeps_zeros_and_hides_in_debug() {
        let id = CustomerId::parse("0042").unwrap();
        assert_eq!(id.reveal(), "0042");
        assert_eq!(format!("{id:?}"), "CustomerId(…)");
    }

    #[test]
    fn customer_id_with_outer_space_or_control_character_is_invalid() {
        for bad in ["", " 1", "1 ", "1\u{0}", "a\nb"] {
            assert!(CustomerId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn customer_id_that_is_a_formula_in_a_spreadsheet_is_invalid() {
        for bad in ["=HYPERLINK(\"http://a\")", "+1", "-1", "@SUM(A1)", "＝1+1"] {
            assert!(CustomerId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(CustomerId::parse("A-1+2=@").is_ok());
    }

    #[test]
    fn names_cannot_leave_their_folder() {
        for bad in ["..", ".", "../x", "a/b", "", "a\\b", "a b"] {
            assert!(Batch::parse(bad).is_err(), "{bad:?}");
            assert!(RunId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn deserialization_checks_identifiers() {
        assert!(serde_json::from_str::<CustomerRef>("\"nothex\"").is_err());
        assert!(serde_json::from_str::<ProductId>("\"Upper\"").is_err());
    }
}
