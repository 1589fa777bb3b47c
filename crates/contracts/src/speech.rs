//! The port for a speech service that reports word times. Its only adapter is Amazon Polly on AWS.

use async_trait::async_trait;
use thiserror::Error;

/// The kind of a speech mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// A spoken word.
    Word,
    /// A `mark` element of the document.
    Element,
}

/// The time of a word, or of a `mark` element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechMark {
    /// The kind.
    pub kind: MarkKind,
    /// The offset of the first byte of the word or the element in the spoken document.
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
    /// The service is throttling. The same request succeeds later.
    #[error("the speech service throttles: {0}")]
    Throttled(String),
    /// The service cannot be reached, or failed.
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

    /// Returns the time of each word and each `mark` element of a document, in order.
    async fn marks(&self, ssml: &str, voice: &str) -> Result<Vec<SpeechMark>, SpeechError>;
}

/// The samples per second in the audio of [`SpeechService::sound`]: the highest rate that Polly offers without
/// compression.
pub const SAMPLE_RATE: u32 = 16_000;

/// The maximum number of characters in a document that are billed, which excludes markup (Amazon Polly, Quotas).
pub const MAX_BILLED: usize = 3_000;

/// The maximum number of characters in a document, markup included (Amazon Polly, Quotas).
pub const MAX_CHARACTERS: usize = 6_000;
