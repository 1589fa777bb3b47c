//! The port for a speech service that reports word times. Its only adapter is Amazon Polly on AWS.

use async_trait::async_trait;
use thiserror::Error;

/// The time of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordMark {
    /// The offset of the word's first byte in the spoken document.
    pub start: usize,
    /// The milliseconds from the start of the audio.
    pub milliseconds: u32,
}

/// An error from a speech service. Never holds the text.
#[derive(Debug, Error)]
pub enum SpeechError {
    /// The service refused the request. A retry would also fail.
    #[error("the speech service refused the request: {0}")]
    Refused(String),
    /// The service cannot be reached, or is throttling requests.
    #[error("the speech service cannot be reached: {0}")]
    Unavailable(String),
    /// The answer is malformed.
    #[error("the speech service's answer is malformed: {0}")]
    Malformed(&'static str),
}

/// A service that speaks documents in SSML (W3C Speech Synthesis Markup Language 1.1).
#[async_trait]
pub trait SpeechService: Send + Sync {
    /// Returns the service's name and address, for the evidence.
    fn service(&self) -> String;

    /// Returns the audio of a document: mono, 16 bit, little-endian, [`SAMPLE_RATE`].
    async fn sound(&self, ssml: &str, voice: &str) -> Result<Vec<u8>, SpeechError>;

    /// Returns the time of each word of a document, in order.
    async fn marks(&self, ssml: &str, voice: &str) -> Result<Vec<WordMark>, SpeechError>;
}

/// The samples per second in the audio of [`SpeechService::sound`]: the highest rate that Polly offers without
/// compression.
pub const SAMPLE_RATE: u32 = 16_000;
