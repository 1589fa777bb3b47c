//! The events that start something.

use contracts::Batch;
use jiff::Timestamp;
use serde::Deserialize;

/// An event, told by the fields that it has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub enum Event {
    /// An object was created: EventBridge's `Object Created` of S3.
    Uploaded {
        /// The object's key.
        key: String,
        /// When.
        at: Timestamp,
    },
    /// A schedule's time has come.
    Schedule {
        /// The schedule's name.
        name: String,
        /// The time for which it was set: the same for every delivery.
        at: Timestamp,
        /// The batch, or the newest complete one.
        batch: Option<Batch>,
    },
    /// It is time to look for batches that lack something.
    LookForIncomplete,
}

/// What EventBridge and its scheduler send. Of an event of S3 only what is needed is read:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.
#[derive(Deserialize)]
struct Raw {
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

impl TryFrom<Raw> for Event {
    type Error = &'static str;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        match raw {
            Raw { detail_type: Some(kind), time: Some(at), detail: Some(detail), .. } if kind == "Object Created" => {
                Ok(Self::Uploaded { key: detail.object.key, at })
            }
            Raw { schedule: Some(name), at: Some(at), batch, .. } if is_name(&name) => {
                Ok(Self::Schedule { name, at, batch })
            }
            Raw { look_for: Some(what), .. } if what == "incomplete-batches" => Ok(Self::LookForIncomplete),
            _ => Err("neither an upload, nor a schedule with a name and a time, nor a look for incomplete batches"),
        }
    }
}

/// Short and plain enough to stand in the name of an execution.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=40).contains(&name.len()) && name.bytes().all(plain)
}
