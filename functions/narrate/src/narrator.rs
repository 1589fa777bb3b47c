//! The port to a voice engine.

use std::ops::RangeInclusive;

use async_trait::async_trait;

use crate::error::Error;
use crate::spoken::Utterance;

/// One spoken sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Speech {
    /// Mono samples, -1 to 1.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate: u32,
    /// The start and end of each written word, in seconds from the first sample. `None` if the engine reports no times.
    pub words: Option<Vec<(f64, f64)>>,
}

impl Speech {
    /// Returns the length in seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a sentence has far fewer than 2^52 samples")]
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate)
    }
}

/// A voice engine with one voice. The same sentence at the same pace always results in the same audio.
#[async_trait]
pub trait Narrator: Send + Sync {
    /// Returns the engine and its version, for the evidence.
    fn engine(&self) -> &str;

    /// Returns the name of the voice.
    fn voice(&self) -> &str;

    /// Returns the paces that the engine supports, as multiples of its normal pace.
    fn paces(&self) -> RangeInclusive<f64>;

    /// Returns how many times the script may be spoken while searching for the right pace. Cheap engines allow more
    /// rounds.
    fn max_rounds(&self) -> usize;

    /// Returns how many sentences the engine can speak in parallel.
    fn concurrency(&self) -> usize {
        1
    }

    /// Returns the outside service that receives the text, if there is one.
    fn external_service(&self) -> Option<String> {
        None
    }

    /// Estimates the seconds that the sentence takes at pace 1. Returns `None` if the duration is known only after
    /// speaking it.
    ///
    /// `location` names the sentence in errors.
    async fn estimate_seconds(&self, _sentence: &Utterance, _location: &str) -> Result<Option<f64>, Error> {
        Ok(None)
    }

    /// Speaks one sentence. `location` names it in errors.
    async fn speak(&self, sentence: &Utterance, pace: f64, location: &str) -> Result<Speech, Error>;
}
