//! The port to a voice engine.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use contracts::Language;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::error::Error;
use crate::spoken::{Utterance, Word};

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

/// A sentence to speak.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The sentence.
    pub sentence: &'a Utterance,
    /// The pace, as a multiple of the engine's normal pace.
    pub pace: f64,
    /// The sentence's place, for errors.
    pub location: &'a str,
}

/// A voice engine with one voice. A local engine always produces the same audio for the same sentence and pace. An
/// outside service may not.
#[async_trait]
pub trait Narrator: Send + Sync {
    /// Returns the engine and its version, if it has one, for the evidence.
    fn engine(&self) -> &str;

    /// Returns the name of the voice.
    fn voice(&self) -> &str;

    /// Returns the language that the voice speaks.
    fn language(&self) -> Language {
        Language::English
    }

    /// Returns the paces that the engine supports, as multiples of its normal pace.
    fn paces(&self) -> RangeInclusive<f64>;

    /// Returns how many times the reference text may be spoken to find the voice's tempo. Cheap engines allow more
    /// rounds.
    fn max_rounds(&self) -> usize;

    /// Returns the gain in decibels that brings the voice to the loudness of a narration. Returns `None` if it must be
    /// measured. If it is known, [`Narrator::estimate_seconds`] must be accurate enough to find the tempo without
    /// speech.
    fn gain(&self) -> Option<f64> {
        None
    }

    /// Returns how many sentences the engine can speak in parallel.
    fn concurrency(&self) -> usize {
        1
    }

    /// Returns the outside service that receives the text, if there is one.
    fn external_service(&self) -> Option<String> {
        None
    }

    /// Estimates how many seconds the sentence takes at pace 1. By default, a letter takes `SECONDS_PER_LETTER`.
    ///
    /// `location` identifies the sentence in errors.
    async fn estimate_seconds(&self, sentence: &Utterance, _location: &str) -> Result<f64, Error> {
        let letters: f64 = sentence.words().iter().map(Word::letters).sum();
        Ok(letters * SECONDS_PER_LETTER)
    }

    /// Speaks one sentence.
    async fn speak(&self, order: Order<'_>) -> Result<Speech, Error>;

    /// Speaks several sentences, and returns them in order.
    async fn speak_all(&self, orders: &[Order<'_>]) -> Result<Vec<Speech>, Error> {
        let calls: Vec<_> = orders.iter().map(|order| self.speak(*order)).collect();
        stream::iter(calls).buffered(self.concurrency()).try_collect().await
    }
}

/// The seconds for a spoken letter, if the engine has no better estimate.
const SECONDS_PER_LETTER: f64 = 0.06;
