//! The events that trigger the `notify` Lambda.

use contracts::{CustomerRef, ObjectKey, RunId};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// An event from the account's event bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliverEvent {
    /// The workflow ended a run.
    Ended(RunId),
    /// The bucket received the record of a recall. If the run is still in progress, notifications are sent when it
    /// ends.
    Recalled(RunId),
    /// The bucket received a customer's answer.
    Answered(RunId, CustomerRef),
}

#[derive(Deserialize)]
struct BusEvent {
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Detail {
    Run { run: RunId },
    Object { object: Object },
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

impl<'de> Deserialize<'de> for DeliverEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match BusEvent::deserialize(deserializer)?.detail {
            Detail::Run { run } => Ok(Self::Ended(run)),
            Detail::Object { object: Object { key } } => {
                if let Some(ObjectKey::Answer(run, reference, ..)) = ObjectKey::answer_of(&key) {
                    return Ok(Self::Answered(run, reference));
                }
                let run = ObjectKey::recall_of(&key);
                run.map(Self::Recalled)
                    .ok_or_else(|| D::Error::custom("the object is neither the record of a recall nor an answer"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> serde_json::Result<DeliverEvent> {
        let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn run_and_recall_events_decode_and_others_fail() {
        let run = || RunId::parse("run-4c1f09a2b7d83e56").unwrap();
        assert_eq!(event("notify").unwrap(), DeliverEvent::Ended(run()));
        assert_eq!(event("notify-recall").unwrap(), DeliverEvent::Recalled(run()));
        let customer = CustomerRef::parse("00112233445566778899aabbccddeeff").unwrap();
        assert_eq!(event("notify-answer").unwrap(), DeliverEvent::Answered(run(), customer));
        assert!(event("start-upload").is_err());
    }
}
