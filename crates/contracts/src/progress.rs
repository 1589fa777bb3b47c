//! Progress: an object for each step of a run, from which a page tells what is being done now.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ErrorName;
use crate::stage::{STAGES, Stage};

/// What happened to a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// It began.
    Started,
    /// It came to its end.
    Done,
    /// It failed; the workflow may try it again.
    Failed,
}

/// The name of a step's object. Sorted as text, the steps of a run are in the order of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StepName {
    /// When.
    pub at: Timestamp,
    /// Which stage.
    pub stage: Stage,
    /// What happened.
    pub kind: StepKind,
}

impl StepName {
    /// Reads the name off the key of a step's object.
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
    /// Its word.
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

/// A step, as its object holds it. Nothing personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Which stage.
    pub stage: Stage,
    /// What happened.
    pub kind: StepKind,
    /// When.
    pub at: Timestamp,
    /// Seconds since it began; 0 for a step that says that it began.
    pub seconds: f64,
    /// The error's name, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorName>,
}

impl Step {
    /// The name of its object.
    #[must_use]
    pub const fn name(&self) -> StepName {
        StepName { at: self.at, stage: self.stage, kind: self.kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_sort_by_time_as_text() {
        let name = |second, stage, kind| StepName { at: Timestamp::from_second(second).unwrap(), stage, kind };
        let first = name(1, Stage::Render, StepKind::Started);
        assert_eq!(first.to_string(), "0000000001000-render-started");
        assert!(first.to_string() < name(1_800_000_000, Stage::Assess, StepKind::Done).to_string());
        assert_eq!(StepName::of_key(&format!("runs/r/progress/{first}.json")), Some(first));
        assert_eq!(StepName::of_key("runs/r/progress/other.json"), None);
    }
}
