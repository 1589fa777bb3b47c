//! The responses of a speech service that reports word times.

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

/// The samples per second in the audio of a speech service: the highest rate that Polly offers without
/// compression.
pub const SAMPLE_RATE: u32 = 16_000;
