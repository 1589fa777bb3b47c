//! The evidence: the record of what one run did for one customer, and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::consent::ConsentAsRead;
use crate::facts::{Facts, Skip};
use crate::key::Artefact;
use crate::media::MediaFacts;
use crate::review::{Decision, ReviewRecord};
use crate::script::{Script, Usage};
use crate::stage::Stage;
use crate::{CustomerRef, DatasetId, Digest, ErrorName, RunId};

/// The reason for [`Outcome::HeldOut`], as a short phrase.
pub const HELD_OUT: &str = "the customer is in the control group";

/// The outcome of a customer's part of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The text is published, with the video if one was requested.
    Published {
        /// Whether there is a video.
        video: bool,
    },
    /// The customer gets no recommendation.
    Skipped {
        /// The reason.
        skip: Skip,
    },
    /// The customer is in the control group of the run's effect plan: ranked like the others, and sent nothing.
    HeldOut,
    /// A reviewer must decide first. This outcome is not final: the result is a [`crate::review::PendingReview`], and
    /// evidence is written after the decision.
    // Version 0.1.0 used the word `held`.
    #[serde(alias = "held")]
    InReview {
        /// The reason.
        why: String,
    },
    /// The run ended before it reached the customer, because of a limit, a budget or too many failures.
    NotStarted,
    /// A stage failed.
    Failed {
        /// The error's name.
        error: ErrorName,
        /// The stage.
        stage: Stage,
    },
}

impl Outcome {
    /// Returns the outcome as one word: `published`, `skipped`, `held-out`, `in-review`, `not-started`,
    /// `failed`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Published { .. } => "published",
            Self::Skipped { .. } => "skipped",
            Self::HeldOut => "held-out",
            Self::InReview { .. } => "in-review",
            Self::NotStarted => "not-started",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The personal part of the evidence, sealed with the customer's key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonalEvidence {
    /// The consent answers.
    pub consent: ConsentAsRead,
    /// The actual reason for a skip, if the plain record reveals less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<Skip>,
    /// The facts, candidates and scores, if the run got that far.
    pub facts: Option<Facts>,
    /// The script with its writer and the guard's verdict, if the run got that far.
    pub script: Option<Script>,
    /// The reviewer's decision with its reason, if the result was in review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// The evidence: `evidence.json`. Its digests cover objects as stored, including sealed ones, so the evidence can still
/// be verified after the customer has been erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The time of writing.
    pub written_at: Timestamp,
    /// The version of Bespoke.
    pub program: String,
    /// The digest of the catalog.
    pub catalogue: Digest,
    /// The catalog's version, as the bank numbers it.
    #[serde(default)]
    pub catalogue_version: String,
    /// The digest of the run's request, which identifies the settings, catalog and batch.
    pub request: Digest,
    /// The id of the keys that sealed the evidence.
    pub key_id: String,
    /// The digests of this customer's artifacts from the run.
    pub artefacts: BTreeMap<Artefact, Digest>,
    /// Whether the customer's posts contributed to the result. If so, the result may be shown only while the customer
    /// allows the use of posts.
    pub from_posts: bool,
    /// The writer and the voice.
    pub made_by: Option<MadeBy>,
    /// The measurements of the video.
    pub media: Option<MediaFacts>,
    /// The plain part of the reviewer's decision, if the result was in review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewRecord>,
    /// A sealed [`PersonalEvidence`], in base64.
    pub personal: String,
}

impl Evidence {
    /// Returns whether the contact cap counts the run for this customer. A customer in a control group counts as
    /// contacted, because another campaign within the cap would spoil the comparison.
    #[must_use]
    pub const fn counts_as_contact(&self) -> bool {
        matches!(self.outcome, Outcome::Published { .. } | Outcome::HeldOut)
    }

    /// Returns whether text was published.
    #[must_use]
    pub const fn is_published(&self) -> bool {
        matches!(self.outcome, Outcome::Published { .. })
    }
}

/// The writer and the voice of a published result. Holds no personal data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeBy {
    /// `phrases`, the model's name for free text, or `template` in records from older versions.
    pub writer: String,
    /// The phrasebook, if its lines were used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrasebook: Option<PhrasebookUsed>,
    /// The reason why no model was used even though the settings request one.
    #[serde(default)]
    pub instead_of_model: Option<String>,
    /// The model's tokens and cost, if it was called.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// The outside services that received data, each with the names of the fields sent.
    pub outside: BTreeMap<String, Vec<String>>,
    /// The engine and voice, if the text was narrated.
    pub voice: Option<String>,
    /// The engines that failed before this one, each with the reason.
    pub voice_instead_of: Vec<String>,
}

/// The phrasebook whose lines a result uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhrasebookUsed {
    /// The digest of the phrasebook and its approvals.
    pub digest: Digest,
    /// The language, a BCP 47 tag.
    pub language: String,
    /// The version, as the phrasebook's owners number it.
    pub version: String,
    /// The model that selected among the approved lines; `None` if Bespoke did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected_by: Option<String>,
}

/// The last failure: `failure.json`. A later success removes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// The error's name.
    pub error: ErrorName,
    /// The stage.
    pub stage: Stage,
    /// The error message, without personal data.
    pub message: String,
    /// The time of the failure.
    pub at: Timestamp,
}

/// One entry in `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// The customer.
    pub reference: CustomerRef,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The digest of `evidence.json` or `failure.json`. If neither exists, the digest of the pending review or the
    /// erasure record.
    pub record: Digest,
    /// The digest of this record and the preceding chain. A changed or missing record breaks the chain.
    pub chain: Digest,
}

/// Reads counts, and replaces `held`, which version 0.1.0 wrote for `in-review`.
fn counts_by_current_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, usize>, D::Error> {
    let mut counts = BTreeMap::<String, usize>::deserialize(deserializer)?;
    if let Some(count) = counts.remove("held") {
        *counts.entry("in-review".to_owned()).or_default() += count;
    }
    Ok(counts)
}

/// The manifest: every customer in the run, each with exactly one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run.
    pub run: RunId,
    /// The dataset, from which the chain starts. `None` if merge failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetId>,
    /// The number of customers in the run.
    pub customers: usize,
    /// The number of customers by [`Outcome::word`].
    #[serde(deserialize_with = "counts_by_current_word")]
    pub counts: BTreeMap<String, usize>,
    /// The entries, in the dataset's order.
    pub entries: Vec<ManifestEntry>,
    /// The last link of the chain.
    pub chain: Digest,
    /// A keyed digest of the last link. Only holders of the reference key can compute it, so no one else can rebuild
    /// the chain after a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Digest>,
}

/// The head of a run, which the transparency log records each time the run's manifest changes. Holds no personal data.
///
/// Its digests cover the run directly or indirectly: the chain covers the records, and each record covers a customer's
/// files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The run.
    pub run: RunId,
    /// The time at which the head was made, by the signer's clock.
    pub at: Timestamp,
    /// The version of Bespoke.
    pub program: String,
    /// The number of customers.
    pub customers: usize,
    /// The last link of the manifest's chain.
    pub chain: Digest,
    /// The digests of the files under `runs/<run>/`, by name: the request, the index, the manifest and, on AWS, the
    /// settings.
    pub files: BTreeMap<String, Digest>,
    /// The state of each part of the ledger of control data, by the part's name. Heads of older versions have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub control: BTreeMap<String, LedgerMark>,
}

/// The state of a part of the ledger of control data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerMark {
    /// The number of changes so far.
    pub sequence: u64,
    /// The digest of the object.
    pub digest: Digest,
}

impl LedgerMark {
    /// Returns whether a part may have this state after it had the state `earlier`.
    #[must_use]
    pub fn follows(&self, earlier: &Self) -> bool {
        self.sequence > earlier.sequence || self == earlier
    }
}

impl Head {
    /// Returns whether two heads make the same statement about the run, whatever their time, version and ledger.
    #[must_use]
    pub fn states_the_same(&self, other: &Self) -> bool {
        (&self.run, self.customers, self.chain, &self.files) == (&other.run, other.customers, other.chain, &other.files)
    }
}
