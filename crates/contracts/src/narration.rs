//! When each word is heard. The render stage reads only this and the sound.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// How well the times of the words are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// The engine gave the times of the words.
    Exact,
    /// The times of sentences are exact, those of words are estimated: not to be highlighted.
    Estimated,
}

/// A word as it is shown, and when it is heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// As shown, with its punctuation; joined by spaces the words give the sentence.
    pub text: String,
    /// Seconds from the start of the narration.
    pub start: f64,
    /// Seconds from the start of the narration.
    pub end: f64,
}

/// A sentence, and when it is heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sentence {
    /// The index of its segment in the script.
    pub segment: usize,
    /// Seconds from the start of the narration.
    pub start: f64,
    /// Seconds from the start of the narration.
    pub end: f64,
    /// Its words, in order.
    pub words: Vec<Word>,
}

/// What was narrated: `cues.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Narration {
    /// The engine and its version, for the evidence.
    pub engine: String,
    /// The voice.
    pub voice: String,
    /// The engines that were to speak and failed, each with the reason, in the order in which they were tried.
    pub instead_of: Vec<String>,
    /// Services beside this program that were given anything, and what.
    pub outside: BTreeMap<String, Vec<String>>,
    /// How well word times are known.
    pub timing: Timing,
    /// The narration's length in seconds.
    pub seconds: f64,
    /// Words a minute, measured over the sentences' spans.
    pub words_per_minute: f64,
    /// Integrated loudness of the sound, LUFS (ITU-R BS.1770-4).
    pub loudness: f64,
    /// The sentences, in order; they do not overlap.
    pub sentences: Vec<Sentence>,
    /// Digest of the plain WAV: 48 kHz, mono, 16 bit.
    pub audio: Digest,
    /// Whether the voice left out the first name because it has no pronunciation.
    #[serde(default)]
    pub first_name_unspoken: bool,
}
