//! Review: what waits for a person, and what the person decided.
//!
//! Whatever a policy by risk picks out waits under `control/reviews/` until it is decided. The decision is written once,
//! sealed with the customer's key, so that nobody without the keys can pass one off, and it is bound to the digests of what
//! the reviewer was shown: what is published is what was approved. `publish` holds the gate, whoever runs it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::Artefact;
use crate::{CustomerRef, Digest, RunId};

/// Why a result waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum Why {
    /// The model's text was refused or could not be had, and the settings hold such texts. What waits is the template's.
    TextHeld {
        /// What was wrong.
        what: String,
    },
    /// The customer is among the first of the run.
    First {
        /// `review.first` of the settings.
        first: u32,
    },
    /// A sample.
    Sampled {
        /// `review.every` of the settings.
        every: u32,
    },
}

impl Why {
    /// The reason as a short phrase.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::TextHeld { what } => format!("the template wrote instead of the model: {what}"),
            Self::First { first: 1 } => "the first of the run".to_owned(),
            Self::First { first } => format!("among the first {first} of the run"),
            Self::Sampled { every } => format!("a sample, one in {every}"),
        }
    }
}

/// Digests of what a reviewer is shown, as it will be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Of the text of `recommendation.txt`.
    pub text: Digest,
    /// Of the files that were made besides; the video among them, if there is one.
    pub artefacts: BTreeMap<Artefact, Digest>,
}

/// `control/reviews/<run>/<reference>.json`. Holds nothing personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// Why it waits.
    pub why: Why,
    /// Since when.
    pub since: Timestamp,
    /// Whether it has a video.
    pub video: bool,
    /// Whether the customer's posts had a part in it.
    pub from_posts: bool,
    /// What there is to look at.
    pub seen: Seen,
}

/// What a reviewer may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Publish it as it was shown.
    Approve,
    /// Never publish it.
    Reject,
}

/// `control/decisions/<run>/<reference>.json`, sealed with the customer's key and written once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub choice: Choice,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in the reviewer's own words.
    pub reason: Option<String>,
    /// What they were shown.
    pub seen: Seen,
}

/// Who decided what and when, as the plain part of the evidence has it. The reason is in the sealed part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Why it waited.
    pub why: Why,
    /// What was decided.
    pub choice: Choice,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they were shown.
    pub seen: Seen,
}

impl Reviewed {
    /// Of a decision.
    #[must_use]
    pub fn of(why: Why, decision: &Decision) -> Self {
        let Decision { choice, by, at, seen, .. } = decision.clone();
        Self { why, choice, by, at, seen }
    }
}
