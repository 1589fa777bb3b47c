//! The errors of the narrate stage.

use std::path::PathBuf;

use contracts::speech::SpeechError;
use contracts::voice::Engine;
use contracts::{ErrorName, NamedError};
use policy::disclosure::Withheld;
use storage::secret::SecretError;
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

/// The source of a voice's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceSource {
    /// The `voice` field of the request.
    Request,
    /// The `voice.name` or `voice.names` setting.
    Settings,
}

impl VoiceSource {
    const fn field(self) -> &'static str {
        match self {
            Self::Request => "request: voice",
            Self::Settings => "bespoke.toml: voice.name",
        }
    }
}

/// An error in the narrate stage.
///
/// Messages identify segments, sentences and words by number, counted from 1. They never quote the text.
#[derive(Debug, Error)]
pub enum Error {
    /// The vault failed to read or write a sealed object.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The program is missing or not executable.
    #[error("cannot start the voice engine {program}")]
    EngineMissing {
        /// The program.
        program: String,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// Communication with the program through its pipes failed.
    #[error("cannot exchange data with the voice engine at {place}")]
    EngineIo {
        /// The sentence or query.
        place: String,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// The program exited with an error.
    #[error("the voice engine failed at {place}: {status}: {stderr}")]
    EngineFailed {
        /// The sentence or query.
        place: String,
        /// The program's exit status.
        status: String,
        /// The start of its error output.
        stderr: String,
    },
    /// The program exceeded its time limit and was killed.
    #[error("the voice engine timed out after {seconds} s at {place}")]
    EngineSlow {
        /// The sentence or query.
        place: String,
        /// The time limit.
        seconds: u64,
    },
    /// The engine's output is not usable as speech.
    #[error("the voice engine returned no usable speech at {place}: {reason}")]
    EngineOutput {
        /// The sentence.
        place: String,
        /// The fault.
        reason: String,
    },
    /// The engine is not installed on this machine, or is not part of this deployment.
    #[error("the voice engine {0} is not available here")]
    EngineUnavailable(Engine),
    /// One of the voice engine's files is unusable.
    #[error("{file}: {reason}", file = .file.display())]
    VoiceFiles {
        /// The file.
        file: PathBuf,
        /// The fault.
        reason: String,
    },
    /// The settings forbid sending text to the outside service.
    #[error("voice.openai.enabled is false, which forbids sending text to the voice service")]
    ServiceDisabled,
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The customer withdrew consent, or their answers cannot be read, so nothing may be sent to a speech service.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// A speech service failed.
    #[error("{place}")]
    Service {
        /// The sentence.
        place: String,
        /// The service's error.
        source: SpeechError,
    },
    /// A speech service throttles for longer than one call can wait.
    #[error("{place}")]
    Throttled {
        /// The sentence.
        place: String,
        /// The service's error.
        source: SpeechError,
    },
    /// The engine cannot pronounce a word.
    #[error("{place}, word {word}: the voice engine cannot pronounce it")]
    Unvoiced {
        /// The sentence.
        place: String,
        /// The number of the word within the sentence.
        word: usize,
    },
    /// The bank's list of pronunciations is invalid.
    #[error("pronunciations: {0}")]
    Pronunciations(String),
    /// The engine has no voice with this name in the language of the script.
    #[error("{}: the voice engine has no voice with that name", from.field())]
    UnknownVoice {
        /// The source of the name.
        from: VoiceSource,
        /// The available voices.
        available: Vec<String>,
    },
    /// The rate is out of range.
    #[error("request: words_per_minute must be 80 to 220")]
    RateOutOfRange,
    /// The script contains a number that matches no rule. Reading it anyway could change an amount.
    #[error("script.json: segment {segment}, sentence {sentence}, word {word}: cannot read the number")]
    UnreadNumber {
        /// The number of the segment.
        segment: usize,
        /// The number of the sentence within the segment.
        sentence: usize,
        /// The number of the word within the sentence.
        word: usize,
    },
    /// The script contains no words.
    #[error("script.json: contains no words")]
    EmptyScript,
    /// Processing the audio failed.
    #[error("cannot {action} the sound: {reason}")]
    Sound {
        /// The failed action.
        action: &'static str,
        /// The fault.
        reason: String,
    },
    /// A worker thread panicked.
    #[error("a worker thread panicked")]
    Worker,
}

/// Drops the panic message, which may quote the text.
impl From<tokio::task::JoinError> for Error {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::Worker
    }
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::EngineMissing { .. } | Self::EngineUnavailable(_) | Self::VoiceFiles { .. } => {
                ErrorName::NarrateEngineMissing
            }
            Self::UnknownVoice { from: VoiceSource::Settings, .. }
            | Self::ServiceDisabled
            | Self::Pronunciations(_) => ErrorName::ConfigInvalid,
            Self::UnknownVoice { from: VoiceSource::Request, .. } | Self::RateOutOfRange => {
                ErrorName::InputInvalidRequest
            }
            Self::Secret(error) => error.name(),
            Self::Throttled { .. } => ErrorName::NarrateThrottled,
            Self::Withheld(error) => error.name(),
            Self::EngineIo { .. }
            | Self::EngineFailed { .. }
            | Self::EngineSlow { .. }
            | Self::EngineOutput { .. }
            | Self::Service { .. }
            | Self::Unvoiced { .. }
            | Self::UnreadNumber { .. }
            | Self::EmptyScript
            | Self::Sound { .. }
            | Self::Worker => ErrorName::NarrateFailed,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::EngineMissing { .. } => {
                Some("install it with \"apt-get install espeak-ng\" or \"brew install espeak-ng\"".to_owned())
            }
            Self::UnknownVoice { available, .. } => Some(format!(
                "use one of {}; voices of espeak-ng may have a variant, such as en-us+f3; \"bespoke voices\" lists all",
                available.join(", ")
            )),
            Self::EngineUnavailable(Engine::Kokoro) | Self::VoiceFiles { .. } => {
                Some("install it with \"bespoke voices install\"".to_owned())
            }
            Self::EngineUnavailable(Engine::Polly) => Some("it is available only on AWS".to_owned()),
            Self::UnreadNumber { .. } => Some(
                "write numbers as in 1,250.50: a comma before each three digits and a point before the decimals"
                    .to_owned(),
            ),
            Self::Throttled { .. } => {
                Some("run again later, run fewer customers at once, or ask the service for a higher quota".to_owned())
            }
            Self::ServiceDisabled => Some("set it to true, or choose another engine".to_owned()),
            Self::Secret(error) => error.help(),
            Self::Withheld(error) => error.help(),
            Self::Vault(error) => error.help(),
            Self::EngineIo { .. }
            | Self::EngineFailed { .. }
            | Self::EngineSlow { .. }
            | Self::EngineOutput { .. }
            | Self::Store(_)
            | Self::EngineUnavailable(Engine::Espeak | Engine::Openai)
            | Self::Service { .. }
            | Self::Unvoiced { .. }
            | Self::Pronunciations(_)
            | Self::RateOutOfRange
            | Self::EmptyScript
            | Self::Sound { .. }
            | Self::Worker => None,
        }
    }
}

impl Error {
    /// Returns the error of a speech service at a sentence.
    pub(crate) fn of_service(place: &str, source: SpeechError) -> Self {
        let place = place.to_owned();
        match source {
            SpeechError::Throttled(_) => Self::Throttled { place, source },
            SpeechError::Refused(_) | SpeechError::Unavailable(_) | SpeechError::Malformed(_) => {
                Self::Service { place, source }
            }
        }
    }

    /// Returns whether the failure is the engine's, so another engine can be tried. Throttling does not count, because
    /// the same voice can speak later.
    pub(crate) const fn is_of_engine(&self) -> bool {
        match self {
            Self::EngineMissing { .. }
            | Self::EngineIo { .. }
            | Self::EngineFailed { .. }
            | Self::EngineSlow { .. }
            | Self::EngineOutput { .. }
            | Self::EngineUnavailable(_)
            | Self::VoiceFiles { .. }
            | Self::ServiceDisabled
            | Self::Secret(_)
            | Self::Service { .. }
            | Self::Unvoiced { .. }
            | Self::Sound { .. }
            | Self::Worker => true,
            Self::Vault(_)
            | Self::Store(_)
            | Self::Withheld(_)
            | Self::UnknownVoice { .. }
            | Self::Pronunciations(_)
            | Self::RateOutOfRange
            | Self::Throttled { .. }
            | Self::UnreadNumber { .. }
            | Self::EmptyScript => false,
        }
    }
}
