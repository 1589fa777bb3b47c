//! Consent answers as read from the workbooks, and the reasons for a refusal. The `policy` crate decides what they
//! permit.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::choice::Choice;
use crate::key::Workbook;

/// A consent question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// May the bank make a recommendation from the customer's own data? Column `consent`.
    General,
    /// May the bank also read the customer's posts? Column `consent_social_media`.
    SocialMedia,
}

/// A distinct answer in a workbook, with the location where it first occurs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConsentReading {
    /// The question.
    pub question: Question,
    /// The cell's content, trimmed and cut to 32 characters. Empty for a blank cell.
    pub value: String,
    /// The workbook.
    pub file: Workbook,
    /// The first row with this answer, counted from 1 as in a spreadsheet.
    pub row: u32,
    /// The number of rows with this answer.
    pub rows: u32,
    /// The meaning that intake assigned to the answer. `None` if the built-in words decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Meaning>,
}

/// The meaning of an answer in the bank's own words, or in a column of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// The customer consents.
    Yes,
    /// The customer refuses.
    No,
    /// The answer is neither, which counts as a refusal.
    Unclear,
}

/// The reason why there is no consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The answer is no.
    SaidNo,
    /// No row has an answer, or a cell is blank.
    Blank,
    /// A cell says neither yes nor no.
    Unclear,
    /// The rows do not all give the same answer.
    Contradictory,
}

impl Refusal {
    /// Returns the refusal as a phrase that follows "because".
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

/// The consent answers, as stored in the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentAsRead {
    /// The distinct answers, sorted.
    pub readings: Vec<ConsentReading>,
    /// The time at which the workbook was read.
    pub read_at: Timestamp,
    /// The last state of `control/` that was read. `None` if it has not been read yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlAsRead>,
}

/// A newer answer to a consent question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestAnswer {
    /// The question.
    pub question: Question,
    /// The cell's content, trimmed and cut to 32 characters; empty for a blank cell.
    pub value: String,
    /// The row in `control/consents.csv`, counted from 1 and including the header.
    pub row: u32,
    /// The date of the answer.
    pub as_of: Date,
}

/// The state of `control/`, for the evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlAsRead {
    /// The digest of `control/suppressions.csv`. `None` if the file did not exist.
    pub suppressions: Option<Digest>,
    /// The digest of the customer's own object under `control/suppressions/`. `None` if it did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Digest>,
    /// The digest of `control/consents.csv`. `None` if the file did not exist.
    pub consents: Option<Digest>,
    /// The customer's answers in `control/consents.csv` from the latest day, and refusals dated in the future.
    pub answers: Vec<NewestAnswer>,
    /// The choices that the customer made through their links.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub choices: BTreeSet<Choice>,
}
