//! The times of each spoken word. The render stage reads only this and the audio.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The precision of word times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// The engine reported the times of words.
    Exact,
    /// The times of sentences are exact; those of words are estimates, too coarse to highlight words.
    Estimated,
}

/// A displayed word with its time in the audio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The displayed text with its punctuation. Joined by spaces, the words give the sentence.
    pub text: String,
    /// Seconds from the start of the narration.
    pub start: f64,
    /// Seconds from the start of the narration.
    pub end: f64,
}

/// A sentence with its time in the audio.
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

/// The narration: `cues.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Narration {
    /// The engine and its version, for the evidence.
    pub engine: String,
    /// The voice.
    pub voice: String,
    /// The engines that failed before this one, each with the reason, in the order of the attempts.
    pub instead_of: Vec<String>,
    /// The outside services that received data, each with the names of the fields sent.
    pub outside: BTreeMap<String, Vec<String>>,
    /// The precision of word times.
    pub timing: Timing,
    /// The narration's length in seconds.
    pub seconds: f64,
    /// Words per minute, measured over the sentences' spans.
    pub words_per_minute: f64,
    /// Integrated loudness of the audio, LUFS (ITU-R BS.1770-4).
    pub loudness: f64,
    /// The sentences, in order, without overlap.
    pub sentences: Vec<Sentence>,
    /// The digest of the plain WAV: 48 kHz, mono, 16 bit.
    pub audio: Digest,
    /// Whether the voice left out the first name because it has no pronunciation.
    #[serde(default)]
    pub first_name_unspoken: bool,
}
