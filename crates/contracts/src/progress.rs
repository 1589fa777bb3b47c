//! Progress on AWS: one object per step in a run. The API reads these objects to report the state of the run.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ErrorName;
use crate::stage::{STAGES, Stage};

/// The kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// The stage began.
    Started,
    /// The stage ended.
    Done,
    /// The stage failed; the workflow may retry it.
    Failed,
}

/// The name of a step's object. Names sort by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StepName {
    /// The time of the step.
    pub at: Timestamp,
    /// The stage.
    pub stage: Stage,
    /// The kind.
    pub kind: StepKind,
}

impl StepName {
    /// Parses the name from the key of a step's object.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        let name = key.rsplit('/').next()?.strip_suffix(".json")?;
        let mut parts = name.splitn(3, '-');
        let at = Timestamp::from_millisecond(parts.next()?.parse().ok()?).ok()?;
        let stage = parts.next()?;
        let stage = STAGES.iter().map(|row| row.stage).find(|known| known.as_str() == stage)?;
        let kind = parts.next()?;
        let kinds = [StepKind::Started, StepKind::Done, StepKind::Failed];
        let kind = kinds.into_iter().find(|known| known.as_str() == kind)?;
        Some(Self { at, stage, kind })
    }
}

impl StepKind {
    /// Returns the kind as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013}-{}-{}", self.at.as_millisecond(), self.stage, self.kind.as_str())
    }
}

/// A step in a run. Holds no personal data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The stage.
    pub stage: Stage,
    /// The kind.
    pub kind: StepKind,
    /// The time of the step.
    pub at: Timestamp,
    /// The seconds since the stage began. 0 for [`StepKind::Started`].
    pub seconds: f64,
    /// The error's name, if the stage failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorName>,
}

impl Step {
    /// Returns the name of the step's object.
    #[must_use]
    pub const fn name(&self) -> StepName {
        StepName { at: self.at, stage: self.stage, kind: self.kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_names_sort_by_time() {
        let name = |second, stage, kind| StepName { at: Timestamp::from_second(second).unwrap(), stage, kind };
        let first = name(1, Stage::Render, StepKind::Started);
        assert_eq!(first.to_string(), "0000000001000-render-started");
        assert!(first.to_string() < name(1_800_000_000, Stage::Assess, StepKind::Done).to_string());
        assert_eq!(StepName::of_key(&format!("runs/r/progress/{first}.json")), Some(first));
        assert_eq!(StepName::of_key("runs/r/progress/other.json"), None);
    }
}
