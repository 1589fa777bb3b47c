//! The port to a speech engine.

use std::ops::RangeInclusive;

use async_trait::async_trait;

use crate::Error;
use crate::spoken::Utterance;

/// What an engine made of one sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Speech {
    /// Mono samples, -1 to 1.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub rate: u32,
    /// When each of the sentence's words starts and ends, in seconds from the first sample, if the engine knows.
    pub words: Option<Vec<(f64, f64)>>,
}

impl Speech {
    /// Its length in seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a sentence has far fewer than 2^52 samples")]
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate)
    }
}

/// A speech engine with one voice: a sentence in, sound out. The same sentence at the same pace gives the same sound.
#[async_trait]
pub trait Narrator: Send + Sync {
    /// The engine and its version, for the evidence.
    fn engine(&self) -> &str;

    /// The voice.
    fn voice(&self) -> &str;

    /// The paces that the engine can speak at, as multiples of its usual one.
    fn paces(&self) -> RangeInclusive<f64>;

    /// How often the script may be spoken to find the pace: often where it costs nothing.
    fn rounds(&self) -> usize;

    /// How many sentences may be spoken at once.
    fn at_once(&self) -> usize {
        1
    }

    /// The service outside of this program that is given the text, if there is one.
    fn outside(&self) -> Option<String> {
        None
    }

    /// About how long the sentence lasts at pace 1, in seconds, if that can be told without speaking it.
    async fn guess(&self, _sentence: &Utterance, _at: &str) -> Result<Option<f64>, Error> {
        Ok(None)
    }

    /// Speaks one sentence. `at` names it in errors.
    async fn say(&self, sentence: &Utterance, pace: f64, at: &str) -> Result<Speech, Error>;
}
