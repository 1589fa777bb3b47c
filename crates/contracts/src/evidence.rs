//! The record that proves, for one customer of one run, what was done and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::consent::ConsentAsRead;
use crate::facts::{Facts, Skip};
use crate::key::Artefact;
use crate::media::MediaFacts;
use crate::review::{Decision, Reviewed};
use crate::script::{Script, Usage};
use crate::stage::Stage;
use crate::{CustomerRef, DatasetId, Digest, ErrorName, RunId};

/// How a customer's part of a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The text is published, and the video if one was asked for.
    Published {
        /// Whether there is a video.
        video: bool,
    },
    /// Nothing was said, and why.
    Skipped {
        /// Why.
        skip: Skip,
    },
    /// A person must look first. Not final: what waits is a [`crate::review::Waiting`], and evidence is written once it is
    /// decided.
    Held {
        /// Why.
        why: String,
    },
    /// A stage failed.
    Failed {
        /// The error's name.
        error: ErrorName,
        /// The stage.
        stage: Stage,
    },
}

impl Outcome {
    /// One word for tables: `published`, `skipped`, `held`, `failed`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Published { .. } => "published",
            Self::Skipped { .. } => "skipped",
            Self::Held { .. } => "held",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The personal part of the evidence, sealed with the customer's key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonalEvidence {
    /// Consent as it was read.
    pub consent: ConsentAsRead,
    /// Facts, candidates and scores, if it came so far.
    pub facts: Option<Facts>,
    /// The script, who wrote it and what the guard said, if it came so far.
    pub script: Option<Script>,
    /// What the reviewer decided, the reason with it, if it waited for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// `evidence.json`. Digests are of objects as they lie in the store, sealed ones included, so that the record still
/// verifies after a customer was forgotten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When it was written.
    pub written_at: Timestamp,
    /// The version of this program.
    pub program: String,
    /// Digest of the catalogue.
    pub catalogue: Digest,
    /// The catalogue's version, as its owners number it.
    #[serde(default)]
    pub catalogue_version: String,
    /// Digest of the run's request, which names settings, catalogue and batch.
    pub request: Digest,
    /// Which keys sealed it.
    pub key_id: String,
    /// Digests of what the run made for this customer.
    pub artefacts: BTreeMap<Artefact, Digest>,
    /// Whether the customer's posts had a part in it: then it may be shown only while they may be used.
    pub from_posts: bool,
    /// Whether a model or a template wrote it, and with which voice it was spoken.
    pub made_by: Option<MadeBy>,
    /// What was measured of the video.
    pub media: Option<MediaFacts>,
    /// Who approved or rejected it, if it waited for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Reviewed>,
    /// A sealed [`PersonalEvidence`], in base64.
    pub personal: String,
}

impl Evidence {
    /// Whether something was published.
    #[must_use]
    pub const fn is_published(&self) -> bool {
        matches!(self.outcome, Outcome::Published { .. })
    }
}

/// Which parts made a published result. Holds nothing personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeBy {
    /// `phrases`, the model's name for free text, or `template` in records of older versions.
    pub writer: String,
    /// The phrasebook, if its lines were used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrasebook: Option<PhrasebookUsed>,
    /// Why no model served although the settings ask for one, if so.
    #[serde(default)]
    pub instead_of_model: Option<String>,
    /// What a model used and cost, if one was called.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// Outside services that were given anything, and what: service and field names.
    pub outside: BTreeMap<String, Vec<String>>,
    /// Engine and voice, if it was narrated.
    pub voice: Option<String>,
    /// The engines that were to speak before it and failed, each with the reason.
    pub voice_instead_of: Vec<String>,
}

/// The phrasebook of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhrasebookUsed {
    /// Digest of the book and its approvals.
    pub digest: Digest,
    /// The language, a BCP 47 tag.
    pub language: String,
    /// The version, as the book's owners number it.
    pub version: String,
    /// The model that selected among the approved lines; `None` if the program did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected_by: Option<String>,
}

/// `failure.json`: why the last attempt failed. Removed when a later one succeeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// The error's name.
    pub error: ErrorName,
    /// The stage.
    pub stage: Stage,
    /// What happened, without personal data.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// One line of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// The customer.
    pub reference: CustomerRef,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Digest of `evidence.json` or `failure.json`; of what waits for review, or of the record of an erasure, if that is all
    /// that there is.
    pub record: Digest,
    /// Digest of this record and of the chain before it: a changed or missing record shows.
    pub chain: Digest,
}

/// `manifest.json`: every customer of the run, each with exactly one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run.
    pub run: RunId,
    /// The dataset, from which the chain begins; nothing if merge failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetId>,
    /// How many customers the dataset has (or one, in a run for one).
    pub customers: usize,
    /// How many ended in each word of [`Outcome::word`].
    pub counts: BTreeMap<String, usize>,
    /// The entries, in the dataset's order.
    pub entries: Vec<ManifestEntry>,
    /// The last link of the chain.
    pub chain: Digest,
    /// A keyed digest of the last link: whoever changes records and computes the chain anew, but has not the reference key,
    /// cannot make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Digest>,
}
