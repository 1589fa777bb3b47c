//! Consent as it was read: the answers, and why consent is refused. The crate `policy` decides what they permit.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::key::Workbook;

/// What the customer was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// May the bank make a recommendation from the customer's own data? Column `consent`.
    General,
    /// May the bank also read the customer's posts? Column `consent_social_media`.
    SocialMedia,
}

/// One distinct answer as it stood in a workbook, and where it stood first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reading {
    /// What it answers.
    pub question: Question,
    /// The cell's content, trimmed and cut to 32 characters; empty for a blank cell.
    pub value: String,
    /// The workbook.
    pub file: Workbook,
    /// The first row that says so, counted from 1 as a spreadsheet counts.
    pub row: u32,
    /// How many rows say so.
    pub rows: u32,
}

/// Why consent does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The answer is no.
    SaidNo,
    /// No row answers, or a cell is blank.
    Blank,
    /// A cell says neither yes nor no.
    Unclear,
    /// Some rows say yes and others do not.
    Contradictory,
}

impl Refusal {
    /// The refusal as a phrase after "because".
    #[must_use]
    pub const fn because(self) -> &'static str {
        match self {
            Self::SaidNo => "the customer said no",
            Self::Blank => "the answer is blank",
            Self::Unclear => "the answer is neither yes nor no",
            Self::Contradictory => "the rows contradict each other",
        }
    }
}

/// Consent as the evidence keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentAsRead {
    /// The distinct answers, sorted.
    pub readings: Vec<Reading>,
    /// When the workbook was read.
    pub read_at: Timestamp,
    /// What of `control/` was read last; nothing before anybody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlAsRead>,
}

/// A newer answer to a consent question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestAnswer {
    /// What it answers.
    pub question: Question,
    /// The cell's content, trimmed and cut to 32 characters; empty for a blank cell.
    pub value: String,
    /// The row of `control/consents.csv`, counted from 1, the header included.
    pub row: u32,
    /// The day on which it was given.
    pub as_of: Date,
}

/// What of `control/` was read, for the evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlAsRead {
    /// Digest of `control/suppressions.csv`; nothing if there was none.
    pub suppressions: Option<Digest>,
    /// Digest of the customer's own object under `control/suppressions/`; nothing if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Digest>,
    /// Digest of `control/consents.csv`; nothing if there was none.
    pub consents: Option<Digest>,
    /// The customer's answers of the newest day in `control/consents.csv`.
    pub answers: Vec<NewestAnswer>,
}
