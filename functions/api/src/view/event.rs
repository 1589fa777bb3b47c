//! Events of a run, and the progress of its stages.

use contracts::stage::Stage;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::names::StageName;

/// The kind of an event.
///
/// - `stage`: a stage started, ended or failed; see `stage` and `status`.
/// - `progress`: a stage advanced; see `stage` and `fraction`.
/// - `retry`: a stage failed temporarily and will be retried; see `stage` and `message`. The stage stays `running`: no
///   `stage` event precedes or follows the retry.
/// - `text`: the text passed the guard. `GET /v1/recommendations/{id}` now includes it, unless its wording needs a review.
/// - `result`: the outcome is known; see `message`.
/// - `log`: a line for the log; see `message`.
/// - `end`: the attempt ended. Only another attempt adds events after it, and on AWS a review decision, which adds `stage`
///   events of `publish`.
///
/// AWS reports only `stage`, `text` and `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunEventKind {
    /// A stage started, ended or failed.
    Stage,
    /// A stage advanced.
    Progress,
    /// A stage failed temporarily and will be retried.
    Retry,
    /// The text passed the guard.
    Text,
    /// The outcome is known.
    Result,
    /// A line for the log.
    Log,
    /// The run ended.
    End,
}

/// The status of a stage.
///
/// - `waiting`: the stage has not started.
/// - `running`: the stage is in progress.
/// - `done`: the stage succeeded.
/// - `failed`: the stage failed. On AWS, a retry may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StageStatus {
    /// The stage has not started.
    Waiting,
    /// The stage is in progress.
    Running,
    /// The stage succeeded.
    Done,
    /// The stage failed.
    Failed,
}

/// An event of a run. It holds no personal data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunEvent {
    /// The position of the event in the run: 1, 2, 3 and so on without gaps. A number never changes.
    // The aliases read event logs that version 0.1 wrote.
    #[serde(alias = "n")]
    #[schema(minimum = 1)]
    pub number: u64,
    /// The time of the event.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The kind of the event.
    pub kind: RunEventKind,
    /// The stage that the event is about. Present for `stage`, `progress` and `retry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StageName>, nullable = false)]
    pub stage: Option<Stage>,
    /// The stage's new status. Present for `stage`.
    #[serde(default, alias = "state", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status: Option<StageStatus>,
    /// The completed fraction of the stage, from 0 to 1. Present for `progress`.
    #[serde(default, alias = "share", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fraction: Option<f64>,
    /// For `result`, a value of `OutcomeName`. For `log`, the human-readable line. For `retry`, for a failed stage and
    /// for the `end` of a failed run, the name of the error, as in the `code` of a reason. Absent otherwise, and for a failed
    /// stage on AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub message: Option<String>,
}

impl RunEvent {
    /// Returns an event without optional fields.
    #[must_use]
    pub const fn new(number: u64, at: Timestamp, kind: RunEventKind) -> Self {
        Self { number, at, kind, stage: None, status: None, fraction: None, message: None }
    }

    /// Returns the event for a stage's new status.
    #[must_use]
    pub fn of_stage(number: u64, at: Timestamp, stage: Stage, status: StageStatus) -> Self {
        Self { stage: Some(stage), status: Some(status), ..Self::new(number, at, RunEventKind::Stage) }
    }
}

/// Events of a run, in order of their numbers.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunEventList {
    /// The events with numbers above `after`. Empty if there are none yet.
    pub(crate) events: Vec<RunEvent>,
    /// The value of `after` for the next request: the number of the last event, or `after` itself if that is higher.
    pub(crate) next: u64,
    /// Whether the latest attempt has ended. It stays true when a review decision on AWS adds events.
    pub(crate) ended: bool,
}

/// The query for a list of events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// The number of the last event that the client has. The default returns all events. The `Last-Event-ID` header
    /// takes precedence.
    #[serde(default)]
    #[param(value_type = Option<u64>, default = 0)]
    pub(crate) after: u64,
}

/// The progress of one stage.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StageProgress {
    /// The stage of the pipeline.
    #[schema(value_type = StageName)]
    pub(crate) stage: Stage,
    /// The status of the stage.
    pub(crate) status: StageStatus,
    /// The start of the latest attempt. Absent while the stage is `waiting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub(crate) started_at: Option<Timestamp>,
    /// The duration of the latest attempt, in seconds. Absent until the attempt ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) duration_seconds: Option<f64>,
}
