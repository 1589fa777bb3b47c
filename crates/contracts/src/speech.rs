//! The port to a speech service that marks the words it speaks. Adapter: Amazon Polly on AWS.

use async_trait::async_trait;
use thiserror::Error;

/// When a word is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordMark {
    /// The word's first byte in the document that was spoken.
    pub start: usize,
    /// Milliseconds from the start of the sound.
    pub milliseconds: u32,
}

/// Why a service did not speak. Never holds what was to be said.
#[derive(Debug, Error)]
pub enum SpeechError {
    /// It refuses, and will refuse again.
    #[error("the speech service refuses: {0}")]
    Refused(String),
    /// It cannot be reached, or asks for patience.
    #[error("the speech service cannot be reached: {0}")]
    Unavailable(String),
    /// What it answered cannot be understood.
    #[error("the speech service's answer is not what it must be: {0}")]
    Malformed(&'static str),
}

/// A service that speaks documents in SSML (W3C Speech Synthesis Markup Language 1.1).
#[async_trait]
pub trait SpeechService: Send + Sync {
    /// The service, for the evidence: its name and where it is.
    fn service(&self) -> String;

    /// The sound of a document: mono, 16 bit, little-endian, [`SAMPLE_RATE`] a second.
    async fn sound(&self, ssml: &str, voice: &str) -> Result<Vec<u8>, SpeechError>;

    /// When each word of the same document is heard, in order.
    async fn marks(&self, ssml: &str, voice: &str) -> Result<Vec<WordMark>, SpeechError>;
}

/// Samples a second of [`SpeechService::sound`]: the most that Polly gives without compression.
pub const SAMPLE_RATE: u32 = 16_000;
