//! The narration, with the time of each spoken word. The render stage reads only this file and the audio.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The time in seconds at which the narration starts in the video.
pub const VOICE_START: f64 = 1.0;

/// The precision of word times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// The engine reported the time of each word.
    Exact,
    /// Sentence times are exact, but word times are estimates that are too coarse for highlighting words.
    Estimated,
}

/// A displayed word with its time in the audio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The displayed text with its punctuation. Joining the words with spaces yields the sentence.
    pub text: String,
    /// The start, in seconds from the start of the narration.
    pub start: f64,
    /// The end, in seconds from the start of the narration.
    pub end: f64,
}

/// Whether a sentence's audio may be kept for other customers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// The sentence is the bank's own text, without any customer's data.
    Shared,
    /// The sentence may contain a customer's data.
    #[default]
    Personal,
}

/// A sentence with its time in the audio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sentence {
    /// The index of the sentence's segment in the script. The bank's legal lines have the index after the last one.
    pub segment: usize,
    /// The start, in seconds from the start of the narration.
    pub start: f64,
    /// The end, in seconds from the start of the narration.
    pub end: f64,
    /// The sentence's words, in order.
    pub words: Vec<Word>,
    /// Whether the sentence's audio may be kept for other customers. Personal in narrations from older versions.
    #[serde(default)]
    pub sharing: Sharing,
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
    /// The spoken words per minute, from the start of the first sentence to the end of the last, including the pauses
    /// between them.
    pub words_per_minute: f64,
    /// The integrated loudness of the audio in LUFS (ITU-R BS.1770-4).
    pub loudness: f64,
    /// The sentences, in order, without overlap.
    pub sentences: Vec<Sentence>,
    /// The digest of the unencrypted WAV file: 24 kHz, mono, 16 bit.
    pub audio: Digest,
    /// Whether the voice omitted the first name because no pronunciation of it is known.
    #[serde(default)]
    pub first_name_unspoken: bool,
}
