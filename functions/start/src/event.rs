//! The events that trigger the `start` Lambda.

use contracts::{Batch, ObjectKey, ScheduleName};
use jiff::Timestamp;
use serde::Deserialize;

/// An event. Its fields determine its variant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawEvent")]
pub enum StartEvent {
    /// An object was created: S3's `Object Created` event from EventBridge.
    Uploaded {
        /// The key of the object.
        key: String,
        /// The time of the upload.
        at: Timestamp,
    },
    /// The file of a schedule was written or deleted.
    ScheduleChanged {
        /// The name of the schedule.
        name: ScheduleName,
    },
    /// A schedule is due.
    Schedule {
        /// The name of the schedule.
        name: ScheduleName,
        /// The scheduled time. It is the same for every delivery of the event.
        at: Timestamp,
        /// The batch, if an operator starts a run by hand. `None` selects the schedule's own, or the newest complete one.
        batch: Option<Batch>,
    },
    /// It is time to check for incomplete batches.
    CheckIncomplete,
}

/// The fields from EventBridge and its scheduler that `start` reads:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.
#[derive(Deserialize)]
struct RawEvent {
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    time: Option<Timestamp>,
    detail: Option<Detail>,
    schedule: Option<ScheduleName>,
    at: Option<Timestamp>,
    batch: Option<Batch>,
    look_for: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

impl TryFrom<RawEvent> for StartEvent {
    type Error = &'static str;

    fn try_from(raw: RawEvent) -> Result<Self, Self::Error> {
        match raw {
            RawEvent { detail_type: Some(kind), time: Some(at), detail: Some(detail), .. } => {
                let key = detail.object.key;
                match (kind.as_str(), ObjectKey::schedule_of(&key)) {
                    ("Object Created" | "Object Deleted", Some(name)) => Ok(Self::ScheduleChanged { name }),
                    ("Object Created", None) => Ok(Self::Uploaded { key, at }),
                    _ => Err("not an event that an object was created or a schedule was deleted"),
                }
            }
            RawEvent { schedule: Some(name), at: Some(at), batch, .. } => Ok(Self::Schedule { name, at, batch }),
            RawEvent { look_for: Some(target), .. } if target == "incomplete-batches" => Ok(Self::CheckIncomplete),
            _ => Err("not an upload, not a schedule with a name and a time, and not a check for incomplete batches"),
        }
    }
}
