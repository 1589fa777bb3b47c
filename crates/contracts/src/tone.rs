//! The tone of an approved line.

use serde::{Deserialize, Serialize};

/// The tone of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Friendly and personal.
    Warm,
    /// Polite and reserved.
    Formal,
    /// Short.
    Brief,
    /// Cheerful.
    Lively,
}

impl Tone {
    /// Returns whether a letter in this tone may use casual lines.
    #[must_use]
    pub const fn is_casual(self) -> bool {
        matches!(self, Self::Warm | Self::Lively)
    }

    /// All tones.
    pub const ALL: [Self; 4] = [Self::Warm, Self::Formal, Self::Brief, Self::Lively];

    /// Returns the tone's name in a phrasebook.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Formal => "formal",
            Self::Brief => "brief",
            Self::Lively => "lively",
        }
    }
}
