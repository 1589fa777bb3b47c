//! What calls the Lambda.

use contracts::{ObjectKey, RunId};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// An event on the account's bus, of whatever it tells a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The workflow's: a run has ended.
    Ended(RunId),
    /// The bucket's: a recall was recorded. The run may not have ended; it is then told when it has.
    Recalled(RunId),
}

#[derive(Deserialize)]
struct OnBus {
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

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match OnBus::deserialize(deserializer)?.detail {
            Detail::Run { run } => Ok(Self::Ended(run)),
            Detail::Object { object: Object { key } } => {
                ObjectKey::recall_of(&key).map(Self::Recalled).ok_or_else(|| D::Error::custom("not a recall's record"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> serde_json::Result<Event> {
        let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn the_end_of_a_run_and_a_recall_are_understood_and_no_other_object_is() {
        let run = || RunId::parse("run-4c1f09a2b7d83e56").unwrap();
        assert_eq!(event("notify").unwrap(), Event::Ended(run()));
        assert_eq!(event("notify-recall").unwrap(), Event::Recalled(run()));
        assert!(event("start-upload").is_err());
    }
}
