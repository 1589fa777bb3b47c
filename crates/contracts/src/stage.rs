//! The stages, their inputs and outputs, and their retry rules.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Batch, CustomerRef, DatasetId, Digest, ErrorName, ProductId, RunId};

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Decrypts, validates and joins the workbooks, and applies the consent gate.
    Merge,
    /// Derives the facts, and chooses the offers.
    Assess,
    /// Writes the text, and checks it with the guard.
    Recommend,
    /// Turns the text into speech.
    Narrate,
    /// Renders the video.
    Render,
    /// Publishes the text and the evidence.
    Publish,
    /// Verifies that each customer has exactly one outcome, and writes the manifest.
    Finalize,
}

impl Stage {
    /// Returns the stage's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Assess => "assess",
            Self::Recommend => "recommend",
            Self::Narrate => "narrate",
            Self::Render => "render",
            Self::Publish => "publish",
            Self::Finalize => "finalize",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The subject of a stage's input: the run and, if the stage processes a single customer, that customer.
pub trait Subject {
    /// The run.
    fn run(&self) -> &RunId;
    /// The customer.
    fn reference(&self) -> Option<&CustomerRef>;
}

macro_rules! subjects {
    ($($input:ty: $($reference:ident).*;)*) => {
        $(impl Subject for $input {
            fn run(&self) -> &RunId {
                &self.run
            }
            fn reference(&self) -> Option<&CustomerRef> {
                Some(&self.$($reference).*)
            }
        })*
    };
}

subjects! {
    AssessInput: row.reference;
    RecommendInput: reference;
    CustomerTask: reference;
    PublishInput: reference;
}

impl Subject for MergeInput {
    fn run(&self) -> &RunId {
        &self.run
    }
    fn reference(&self) -> Option<&CustomerRef> {
        None
    }
}

impl Subject for FinalizeInput {
    fn run(&self) -> &RunId {
        &self.run
    }
    fn reference(&self) -> Option<&CustomerRef> {
        None
    }
}

/// The retry rules for a stage. The workflow definition repeats them, and a test compares the two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageRow {
    /// The stage.
    pub stage: Stage,
    /// The number of retries after a transient failure.
    pub retries: u32,
    /// The delay before the first retry, in seconds.
    pub interval_seconds: u32,
    /// The factor by which the delay grows with each retry.
    pub backoff: f64,
    /// The stage that handles a failure that is not transient or outlasts the retries. `None` if the failure ends the
    /// run.
    pub catch: Option<Stage>,
}

/// The retry rules for all stages. `merge` and `finalize` run once, the others once per customer.
pub const STAGES: [StageRow; 7] = [
    StageRow { stage: Stage::Merge, retries: 3, interval_seconds: 1, backoff: 2.0, catch: Some(Stage::Finalize) },
    StageRow { stage: Stage::Assess, retries: 3, interval_seconds: 1, backoff: 2.0, catch: Some(Stage::Publish) },
    // A throttled model service takes longer to recover than a disk or network error.
    StageRow { stage: Stage::Recommend, retries: 3, interval_seconds: 5, backoff: 3.0, catch: Some(Stage::Publish) },
    StageRow { stage: Stage::Narrate, retries: 3, interval_seconds: 1, backoff: 2.0, catch: Some(Stage::Publish) },
    StageRow { stage: Stage::Render, retries: 1, interval_seconds: 1, backoff: 2.0, catch: Some(Stage::Publish) },
    StageRow { stage: Stage::Publish, retries: 3, interval_seconds: 1, backoff: 2.0, catch: None },
    StageRow { stage: Stage::Finalize, retries: 3, interval_seconds: 1, backoff: 2.0, catch: None },
];

/// Parses a number from JSON, or from text, because Step Functions passes CSV cells as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// The limits of one workflow execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkflowLimits {
    /// The maximum number of concurrent customers.
    pub concurrency: u32,
    /// The percentage of customers who may fail before the run starts no more customers. Fewer than five failures never
    /// stop it.
    pub tolerated_failure_percentage: u32,
    /// The maximum number of customers who get a recommendation. `None` for all.
    pub customers: Option<usize>,
    /// Whether this is a dry run, which only assesses its customers.
    pub dry_run: bool,
}

/// The input of a workflow execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowInput {
    /// The run.
    pub run: RunId,
    /// The name of the batch.
    pub batch: Batch,
    /// [`WorkflowLimits::concurrency`].
    pub concurrency: u32,
    /// [`WorkflowLimits::tolerated_failure_percentage`].
    pub tolerated_failure_percentage: u32,
    /// [`WorkflowLimits::customers`].
    pub limit: Option<usize>,
    /// [`WorkflowLimits::dry_run`].
    pub dry_run: bool,
    /// Whether the customers get videos.
    pub video: bool,
}

/// The minimum number of failures that can stop a run, because fewer may be a coincidence.
const MIN_FAILURES: usize = 5;

/// Returns the number of customers who may fail before the run starts no more customers.
#[must_use]
pub fn tolerated_failures(customers: usize, percentage: u32) -> usize {
    let share = customers.saturating_mul(percentage as usize) / 100;
    share.max(MIN_FAILURES - 1)
}

/// A dry run's result for one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunDecision {
    /// The offers. Empty for a service message. `None` if the customer would be skipped.
    pub offers: Option<Vec<ProductId>>,
    /// The reason for a skip.
    pub because: Option<String>,
}

/// The input of `merge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeInput {
    /// The run.
    pub run: RunId,
    /// The name of the batch.
    pub batch: Batch,
}

/// The output of `merge`. The workflow's map iterates over the dataset's index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeOutput {
    /// The run.
    pub run: RunId,
    /// The dataset.
    pub dataset: DatasetId,
    /// The number of customers.
    pub customers: usize,
}

/// A row of `index.csv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexRow {
    /// The customer.
    pub reference: CustomerRef,
    /// The offset of the customer's line in `customers.jsonl`, in bytes.
    #[serde(deserialize_with = "number")]
    pub offset: u64,
    /// The length of the line without the newline, in bytes.
    #[serde(deserialize_with = "number")]
    pub length: u64,
    /// The digest of the sealed line.
    pub digest: Digest,
}

impl IndexRow {
    /// Parses an index.
    ///
    /// # Errors
    /// The error contains the number of the malformed line.
    pub fn read_all(csv: &[u8]) -> Result<Vec<Self>, csv::Error> {
        csv::Reader::from_reader(csv).into_deserialize().collect()
    }
}

/// The input of `assess`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssessInput {
    /// The run.
    pub run: RunId,
    /// The dataset.
    pub dataset: DatasetId,
    /// The customer's row in the index.
    pub row: IndexRow,
}

/// The output of `assess`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssessOutput {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// Whether to continue with this customer. If not, `facts.json` has the reason, and `publish` is next.
    pub proceed: bool,
}

/// The input of `recommend`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecommendInput {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// Whether to skip the model, because its service was still throttling after the last retry.
    #[serde(default)]
    pub without_model: bool,
}

/// The output of `recommend`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommendOutput {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
}

/// The input and output of `narrate` and `render`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerTask {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
}

/// A stage's failure, as the workflow passes it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageFailure {
    /// The stage that failed.
    pub stage: Stage,
    /// The error's name.
    pub error: ErrorName,
    /// The error message, without personal data.
    pub message: String,
}

/// The input of `publish`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishInput {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// Whether a video was requested.
    pub video: bool,
    /// The failure of an earlier stage, if there was one.
    #[serde(default)]
    pub failure: Option<StageFailure>,
}

/// The input of `finalize`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalizeInput {
    /// The run.
    pub run: RunId,
    /// The dataset; `None` if merge failed.
    pub dataset: Option<DatasetId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_runs_tolerate_four_failures_and_large_runs_a_percentage() {
        assert_eq!([1, 12, 100, 1000].map(|customers| tolerated_failures(customers, 5)), [4, 4, 5, 50]);
        assert_eq!(tolerated_failures(12, 100), 12);
    }
}
