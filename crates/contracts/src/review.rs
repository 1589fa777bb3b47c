//! Review: results that are waiting for a reviewer, and the reviewer's decision.
//!
//! A result in review stays under `control/reviews/` until a reviewer decides. The decision is written once and sealed
//! with the customer's key, so only holders of the keys can write one. It contains the digests of the content that the
//! reviewer saw. The publish stage publishes exactly that content and nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::Artefact;
use crate::{CustomerRef, Digest, RunId};

/// The reason why a result is in review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum ReviewReason {
    /// The guard rejected the model's text, or the model did not answer, and the settings require a review in that
    /// case. The text in review comes from the phrasebook.
    #[serde(rename = "text-held")]
    TemplateText {
        /// The problem with the model service or the model's text.
        what: String,
    },
    /// A model wrote free text.
    FreeText,
    /// The customer is among the first in the run.
    First {
        /// `review.first` in the settings.
        first: u32,
    },
    /// The customer was picked as a sample.
    Sampled {
        /// `review.every` in the settings.
        every: u32,
    },
}

impl ReviewReason {
    /// Returns the reason as a short phrase.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::TemplateText { what } => format!("the phrasebook wrote instead of the model: {what}"),
            Self::FreeText => "a model wrote free text".to_owned(),
            Self::First { first: 1 } => "the first of the run".to_owned(),
            Self::First { first } => format!("among the first {first} of the run"),
            Self::Sampled { every } => format!("a sample, one in {every}"),
        }
    }
}

/// The digests of what a reviewer sees, exactly as it will be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedDigests {
    /// The digest of the text in `recommendation.txt`.
    pub text: Digest,
    /// The digests of the media files. Includes the video, if there is one.
    pub artefacts: BTreeMap<Artefact, Digest>,
}

/// A result in review: `control/reviews/<run>/<reference>.json`. Holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingReview {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// The reason for the review.
    pub why: ReviewReason,
    /// The time at which the result was put in review.
    pub since: Timestamp,
    /// Whether the result has a video.
    pub video: bool,
    /// Whether the customer's posts contributed to the result.
    pub from_posts: bool,
    /// The digests of what the reviewer sees.
    pub seen: ReviewedDigests,
}

/// A reviewer's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewChoice {
    /// Publish the result as reviewed.
    Approve,
    /// Never publish the result.
    Reject,
}

/// A reviewer's decision: `control/decisions/<run>/<reference>.json`, sealed with the customer's key and written once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The choice.
    pub choice: ReviewChoice,
    /// The reviewer's name.
    pub by: String,
    /// The time of the decision.
    pub at: Timestamp,
    /// The reason, in the reviewer's own words.
    pub reason: Option<String>,
    /// The digests of what the reviewer saw.
    pub seen: ReviewedDigests,
}

/// The unsealed part of a decision, as stored in the evidence. The reviewer's reason is in the sealed part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRecord {
    /// The reason for the review.
    pub why: ReviewReason,
    /// The choice.
    pub choice: ReviewChoice,
    /// The reviewer's name.
    pub by: String,
    /// The time of the decision.
    pub at: Timestamp,
    /// The digests of what the reviewer saw.
    pub seen: ReviewedDigests,
    /// The digest of the sealed decision. `None` in records from versions before 0.4.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Digest>,
}

impl ReviewRecord {
    /// Returns the unsealed part of a decision. `sealed` is the digest of the decision's object.
    #[must_use]
    pub fn of(why: ReviewReason, decision: &Decision, sealed: Digest) -> Self {
        let Decision { choice, by, at, seen, .. } = decision.clone();
        Self { why, choice, by, at, seen, decision: Some(sealed) }
    }
}
