//! The stages, what passes between them, and the table that drives them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Batch, CustomerRef, DatasetId, Digest, ErrorName, RunId};

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Decrypts, validates, joins, and gates by consent.
    Merge,
    /// Decides what may be known and what to offer.
    Assess,
    /// Writes, and guards what is written.
    Recommend,
    /// Speaks.
    Narrate,
    /// Makes the video.
    Render,
    /// Publishes text and evidence.
    Publish,
    /// Proves one outcome for each customer.
    Finalize,
}

impl Stage {
    /// Its name.
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

/// What a stage is called for: a run, and if the stage works on one customer, that customer.
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

/// How a stage is tried again, and where its failure goes. The workflow's definition says the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageRow {
    /// The stage.
    pub stage: Stage,
    /// How often a transient failure is tried again.
    pub retries: u32,
    /// Seconds before the first retry.
    pub interval_seconds: u32,
    /// What each wait is multiplied by.
    pub backoff: f64,
    /// The stage that is told of a failure that remains; none where the failure ends the run.
    pub catch: Option<Stage>,
}

/// The table: merge once, the middle ones for each customer, finalize once.
pub const STAGES: [StageRow; 7] = [
    StageRow { stage: Stage::Merge, retries: 3, interval_seconds: 1, backoff: 2.0, catch: Some(Stage::Finalize) },
    StageRow { stage: Stage::Assess, retries: 3, interval_seconds: 1, backoff: 2.0, catch: Some(Stage::Publish) },
    // A model service that throttles needs longer than a disk or a network that hiccups.
    StageRow { stage: Stage::Recommend, retries: 3, interval_seconds: 5, backoff: 3.0, catch: Some(Stage::Publish) },
    StageRow { stage: Stage::Narrate, retries: 3, interval_seconds: 1, backoff: 2.0, catch: Some(Stage::Publish) },
    StageRow { stage: Stage::Render, retries: 1, interval_seconds: 1, backoff: 2.0, catch: Some(Stage::Publish) },
    StageRow { stage: Stage::Publish, retries: 3, interval_seconds: 1, backoff: 2.0, catch: None },
    StageRow { stage: Stage::Finalize, retries: 3, interval_seconds: 1, backoff: 2.0, catch: None },
];

/// Takes a number as JSON has it, or as the text that a CSV item source gives.
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

/// How much of the workflow runs at once, and how much of it may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many customers are worked on at once.
    pub concurrency: u32,
    /// The share of customers, percent, whose part may end without an outcome before the execution counts as failed.
    pub tolerated_failure_percentage: u32,
}

/// What an execution of the workflow takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowInput {
    /// The run.
    pub run: RunId,
    /// The folder of workbooks.
    pub batch: Batch,
    /// [`Limits::concurrency`].
    pub concurrency: u32,
    /// [`Limits::tolerated_failure_percentage`].
    pub tolerated_failure_percentage: u32,
}

/// What `merge` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeInput {
    /// The run.
    pub run: RunId,
    /// The folder of workbooks.
    pub batch: Batch,
}

/// What `merge` gives: where the dataset lies. Its index is the item source of the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeOutput {
    /// The run.
    pub run: RunId,
    /// The dataset.
    pub dataset: DatasetId,
    /// How many customers it holds.
    pub customers: usize,
}

/// One line of `index.csv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexRow {
    /// Whose record.
    pub reference: CustomerRef,
    /// Where its line starts in `customers.jsonl`, bytes.
    #[serde(deserialize_with = "number")]
    pub offset: u64,
    /// The line's length without the newline, bytes.
    #[serde(deserialize_with = "number")]
    pub length: u64,
    /// Digest of the sealed line.
    pub digest: Digest,
}

impl IndexRow {
    /// Reads an index.
    ///
    /// # Errors
    /// Tells the line that is not what it must be.
    pub fn read_all(csv: &[u8]) -> Result<Vec<Self>, csv::Error> {
        csv::Reader::from_reader(csv).into_deserialize().collect()
    }
}

/// What `assess` takes: a line of the index, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssessInput {
    /// The run.
    pub run: RunId,
    /// The dataset.
    pub dataset: DatasetId,
    /// The customer's line.
    pub row: IndexRow,
}

/// What `assess` gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssessOutput {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// Whether there is anything to say; if not, `facts.json` says why, and `publish` is next.
    pub proceed: bool,
}

/// What `recommend` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecommendInput {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// Leaves the model out: what is done when its service throttles for longer than the retries last.
    #[serde(default)]
    pub without_model: bool,
}

/// What `recommend` gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommendOutput {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
}

/// What `narrate` and `render` take and give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerTask {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
}

/// A failure that was caught.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stage that failed.
    pub stage: Stage,
    /// The error's name.
    pub error: ErrorName,
    /// What happened, without personal data.
    pub message: String,
}

/// What `publish` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishInput {
    /// The run.
    pub run: RunId,
    /// The customer.
    pub reference: CustomerRef,
    /// Whether a video was asked for.
    pub video: bool,
    /// The failure that was caught, if one was.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// What `finalize` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalizeInput {
    /// The run.
    pub run: RunId,
    /// The dataset, unless merge failed.
    pub dataset: Option<DatasetId>,
}
