//! The events that trigger the `start` Lambda.

use contracts::Batch;
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
    /// A schedule is due.
    Schedule {
        /// The name of the schedule.
        name: String,
        /// The scheduled time. It is the same for every delivery of the event.
        at: Timestamp,
        /// The batch. `None` selects the newest complete one.
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
    schedule: Option<String>,
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
            RawEvent { detail_type: Some(name), time: Some(at), detail: Some(detail), .. }
                if name == "Object Created" =>
            {
                Ok(Self::Uploaded { key: detail.object.key, at })
            }
            RawEvent { schedule: Some(name), at: Some(at), batch, .. } if is_schedule_name(&name) => {
                Ok(Self::Schedule { name, at, batch })
            }
            RawEvent { look_for: Some(target), .. } if target == "incomplete-batches" => Ok(Self::CheckIncomplete),
            _ => Err("not an upload, not a schedule with a name and a time, and not a check for incomplete batches"),
        }
    }
}

/// Returns whether a name is short and simple enough to be part of an execution's name.
fn is_schedule_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=40).contains(&name.len()) && name.bytes().all(is_plain)
}
