//! What was asked for: `request.json` of a run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::Category;
use crate::media::Shape;
use crate::model::WriterMode;
use crate::voice::Engine;
use crate::{BackgroundName, Batch, CustomerRef, Digest, RunId};

/// What a run was started by. Part of the request, so that a weekly schedule makes a new run each week, while an upload
/// that is announced twice is one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Trigger {
    /// The command, on one machine.
    Command,
    /// The upload of a batch.
    Upload,
    /// A schedule.
    Schedule {
        /// The schedule's name.
        name: String,
        /// The time for which it was set, not the time at which it came.
        at: Timestamp,
    },
    /// A person's call to the API.
    Call {
        /// A keyed digest of the caller's idempotency key: the same key is the same call.
        key: Digest,
        /// A keyed digest of who called: nobody else is shown the run.
        caller: Digest,
    },
}

/// What a run is to do, for whom, and with which settings. Sealed with the run's key: a prompt is the caller's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What started it.
    pub trigger: Trigger,
    /// The folder of workbooks.
    pub batch: Batch,
    /// One customer only.
    pub only: Option<CustomerRef>,
    /// The lines of business to recommend from; not empty.
    pub categories: Vec<Category>,
    /// The caller's own wish for tone and emphasis; it cannot switch off the guard.
    pub prompt: Option<String>,
    /// Speaking rate in words a minute.
    pub words_per_minute: u16,
    /// The voice, as [`crate::voice::VoiceName`] reads it; by the settings if none.
    pub voice: Option<String>,
    /// The speech engines that there were when the run was started, the one to be used first. Part of the request, so
    /// that a run is not spoken otherwise because an engine was installed meanwhile: with it, it is another run.
    pub engines: Vec<Engine>,
    /// The frame.
    pub shape: Shape,
    /// Digest of a background of the caller's own, which the render stage is given beside the assets.
    pub background: Option<Digest>,
    /// The bank's own backgrounds among which each customer gets one, with the digests that they must have: the one that
    /// the settings name, or all that there were when the run was started.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub backgrounds: BTreeMap<BackgroundName, Digest>,
    /// How many customers get a video, in the dataset's order; all if none.
    pub videos: Option<usize>,
    /// Digest of the uploaded workbooks.
    pub upload: Digest,
    /// Digest of the catalogue that the run must use.
    pub catalogue: Digest,
    /// Digest of the phrasebook and its approvals that the run must use.
    pub phrases: Digest,
    /// The writer of the run.
    #[serde(default)]
    pub writer: WriterMode,
    /// Digest of the lexicon that the run must use.
    pub lexicon: Digest,
    /// Digest of the brand and of every file that it names.
    pub assets: Digest,
    /// Digest of the settings that the run must use.
    pub settings: Digest,
    /// Which keys seal the run ([`crate::vault::Keys::id`]): with other keys it is another run.
    pub keys: String,
    /// The version of the program that the run was started with.
    pub program: String,
    /// Counts up when the same request is run again on purpose.
    pub attempt: u32,
}

impl Request {
    /// A request as tests start from: every default, and digests of nothing.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the batch's name is a constant that is valid")]
    pub fn for_tests() -> Self {
        Self {
            trigger: Trigger::Command,
            batch: Batch::parse("tests").expect("a name"),
            only: None,
            categories: vec![Category::ConsumerAndSmallBusiness],
            prompt: None,
            words_per_minute: 140,
            voice: None,
            engines: vec![Engine::Espeak],
            shape: Shape::Wide,
            background: None,
            backgrounds: BTreeMap::new(),
            videos: None,
            upload: Digest::of(b""),
            catalogue: Digest::of(b""),
            phrases: Digest::of(b""),
            writer: WriterMode::Phrases,
            lexicon: Digest::of(b""),
            assets: Digest::of(b""),
            settings: Digest::of(b""),
            keys: String::new(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            attempt: 0,
        }
    }

    /// The bank's own background that a customer gets, with the digest that it must have: always the same of the same
    /// ones; nothing if there are none.
    #[must_use]
    pub fn background_of(&self, customer: &CustomerRef) -> Option<(&BackgroundName, &Digest)> {
        // A reference is a keyed hash: its digits are spread as evenly as any others would be.
        let number = usize::from_str_radix(customer.short(), 16).unwrap_or_default();
        self.backgrounds.iter().nth(number.checked_rem(self.backgrounds.len())?)
    }

    /// The run's id: the same request over the same files is the same run, so that a retry finds its results.
    ///
    /// # Panics
    /// Never: the id is made of letters and digits.
    #[must_use]
    pub fn run_id(&self) -> RunId {
        RunId::parse(format!("run-{}", Digest::of_json(self).short())).expect("letters, digits and a dash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &[&str]) -> Request {
        let name = |name: &&str| (BackgroundName::parse(*name).unwrap(), Digest::of(name.as_bytes()));
        Request { backgrounds: names.iter().map(name).collect(), ..Request::for_tests() }
    }

    #[test]
    fn each_customer_always_gets_the_same_background_and_all_are_used() {
        let request = with(&["calm.mp4", "dawn.mov", "sea.mkv"]);
        let customers = (0..30_u32)
            .map(|n| CustomerRef::parse(hex::encode(&Digest::of(&n.to_be_bytes()).as_bytes()[..16])).unwrap());
        let mut counts = BTreeMap::<&BackgroundName, usize>::new();
        for customer in customers {
            let (name, digest) = request.background_of(&customer).unwrap();
            assert_eq!(*digest, Digest::of(name.as_str().as_bytes()));
            assert_eq!(with(&["sea.mkv", "dawn.mov", "calm.mp4"]).background_of(&customer), Some((name, digest)));
            *counts.entry(name).or_default() += 1;
        }
        assert!(counts.len() == 3 && counts.values().all(|count| *count >= 5), "{counts:?}");
    }

    #[test]
    fn a_replaced_background_is_another_run_and_none_is_the_run_that_it_was_before_there_were_any() {
        let (one, mut other) = (with(&["calm.mp4"]), with(&["calm.mp4"]));
        other.backgrounds.insert(BackgroundName::parse("calm.mp4").unwrap(), Digest::of(b"replaced"));
        assert_ne!(one.run_id(), other.run_id());
        let none = with(&[]);
        assert_eq!(none.background_of(&CustomerRef::parse("0".repeat(32)).unwrap()), None);
        assert!(!serde_json::to_string(&none).unwrap().contains("backgrounds"));
    }
}
