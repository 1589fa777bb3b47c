//! The responses of a speech service that reports word times.

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

/// An error from a speech service. Never contains the spoken text.
#[derive(Debug, Error)]
pub enum SpeechError {
    /// The service refused the request. A retry would also fail.
    #[error("the speech service refused the request: {0}")]
    Refused(String),
    /// The service is throttling. The same request may succeed later.
    #[error("the speech service is throttling requests: {0}")]
    Throttled(String),
    /// The service cannot be reached, or it failed.
    #[error("the speech service cannot be reached: {0}")]
    Unavailable(String),
    /// The answer is malformed.
    #[error("the speech service's answer is malformed: {0}")]
    Malformed(&'static str),
}

/// The samples per second in the audio of a speech service: the highest rate that Polly offers for uncompressed audio.
pub const SAMPLE_RATE: u32 = 16_000;

/// The maximum number of billed characters in a document, which excludes markup (Amazon Polly, Quotas).
pub const MAX_BILLED: usize = 3_000;

/// The maximum number of characters in a document, markup included (Amazon Polly, Quotas).
pub const MAX_CHARACTERS: usize = 6_000;
