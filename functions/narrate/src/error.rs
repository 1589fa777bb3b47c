//! What narrating can fail with.

use std::path::PathBuf;

use contracts::speech::SpeechError;
use contracts::voice::Engine;
use contracts::{ErrorName, NamedError};
use storage::secret::SecretError;
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

/// Where the name of a voice came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceFrom {
    /// The request's `voice`.
    Request,
    /// The settings' `voice.name`.
    Settings,
}

impl VoiceFrom {
    const fn field(self) -> &'static str {
        match self {
            Self::Request => "request: voice",
            Self::Settings => "bespoke.toml: voice.name",
        }
    }
}

/// What narrating can fail with. Messages name segments, sentences and words by number, counted from 1, never by text.
#[derive(Debug, Error)]
pub enum Error {
    /// A sealed object cannot be read or written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The program is not there, or may not be run.
    #[error("cannot start the speech engine {program}")]
    EngineMissing {
        /// The program.
        program: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The program could not be talked to.
    #[error("cannot talk to the speech engine at {place}")]
    EngineIo {
        /// Which sentence, or which question.
        place: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The program ended badly.
    #[error("the speech engine failed at {place}: {status}: {stderr}")]
    EngineFailed {
        /// Which sentence, or which question.
        place: String,
        /// How it ended.
        status: String,
        /// The start of what it wrote to its error output.
        stderr: String,
    },
    /// The program took too long and was killed.
    #[error("the speech engine took more than {seconds} s at {place}")]
    EngineSlow {
        /// Which sentence, or which question.
        place: String,
        /// The limit.
        seconds: u64,
    },
    /// What the program wrote is no sound.
    #[error("the speech engine gave no speech at {place}: {reason}")]
    EngineOutput {
        /// Which sentence.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine is not on this machine, or not in this deployment.
    #[error("the speech engine {0} is not here")]
    NotHere(Engine),
    /// A file of the engine cannot be used.
    #[error("{file}: {reason}", file = .file.display())]
    VoiceFiles {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The outside service may not be given anything.
    #[error("voice.openai.enabled is false: no text may be sent to the speech service")]
    SwitchedOff,
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A speech service did not speak.
    #[error("{place}")]
    Service {
        /// Which sentence.
        place: String,
        /// Why.
        source: SpeechError,
    },
    /// The engine has no sound for a word.
    #[error("{place}, word {word}: the speech engine has no sound for it")]
    Unvoiced {
        /// Which sentence.
        place: String,
        /// The word within the sentence.
        word: usize,
    },
    /// The bank's list of pronunciations cannot be used.
    #[error("pronunciations: {0}")]
    Pronunciations(String),
    /// The engine has no such voice.
    #[error("{}: the speech engine has no English voice of that name", from.field())]
    UnknownVoice {
        /// Where the name came from.
        from: VoiceFrom,
        /// The voices there are.
        available: Vec<String>,
    },
    /// The rate is out of its range.
    #[error("request: words_per_minute must be 80 to 220")]
    Rate,
    /// The script holds a word that no voice can say.
    #[error("script.json: segment {segment}, sentence {sentence}, word {word}: cannot be spoken")]
    Unspeakable {
        /// The segment.
        segment: usize,
        /// The sentence within the segment.
        sentence: usize,
        /// The word within the sentence.
        word: usize,
    },
    /// There is nothing to say.
    #[error("script.json: holds no word to say")]
    Nothing,
    /// The sound cannot be worked on.
    #[error("cannot {action} the sound: {reason}")]
    Sound {
        /// What was tried.
        action: &'static str,
        /// Why it cannot be done.
        reason: String,
    },
    /// A worker thread ended badly.
    #[error("a worker thread ended")]
    Worker,
}

/// What a panic says may quote what was to be spoken: it is left out.
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
            Self::EngineMissing { .. } | Self::NotHere(_) | Self::VoiceFiles { .. } => ErrorName::NarrateEngineMissing,
            Self::UnknownVoice { from: VoiceFrom::Settings, .. } | Self::SwitchedOff | Self::Pronunciations(_) => {
                ErrorName::ConfigInvalid
            }
            Self::UnknownVoice { from: VoiceFrom::Request, .. } | Self::Rate => ErrorName::InputInvalidRequest,
            Self::Secret(error) => error.name(),
            Self::EngineIo { .. }
            | Self::EngineFailed { .. }
            | Self::EngineSlow { .. }
            | Self::EngineOutput { .. }
            | Self::Service { .. }
            | Self::Unvoiced { .. }
            | Self::Unspeakable { .. }
            | Self::Nothing
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
            Self::NotHere(Engine::Kokoro) | Self::VoiceFiles { .. } => {
                Some("install it with \"bespoke voices install\"".to_owned())
            }
            Self::NotHere(Engine::Polly) => Some("it speaks on AWS alone".to_owned()),
            Self::SwitchedOff => Some("set it to true, or choose another engine".to_owned()),
            Self::Secret(error) => error.help(),
            Self::Vault(error) => error.help(),
            Self::EngineIo { .. }
            | Self::EngineFailed { .. }
            | Self::EngineSlow { .. }
            | Self::EngineOutput { .. }
            | Self::Store(_)
            | Self::NotHere(Engine::Espeak | Engine::Openai)
            | Self::Service { .. }
            | Self::Unvoiced { .. }
            | Self::Pronunciations(_)
            | Self::Rate
            | Self::Unspeakable { .. }
            | Self::Nothing
            | Self::Sound { .. }
            | Self::Worker => None,
        }
    }
}

impl Error {
    /// Whether it is the engine that failed, so that another one may speak.
    pub(crate) const fn is_of_engine(&self) -> bool {
        match self {
            Self::EngineMissing { .. }
            | Self::EngineIo { .. }
            | Self::EngineFailed { .. }
            | Self::EngineSlow { .. }
            | Self::EngineOutput { .. }
            | Self::NotHere(_)
            | Self::VoiceFiles { .. }
            | Self::SwitchedOff
            | Self::Secret(_)
            | Self::Service { .. }
            | Self::Unvoiced { .. }
            | Self::Sound { .. }
            | Self::Worker => true,
            Self::Vault(_)
            | Self::Store(_)
            | Self::UnknownVoice { .. }
            | Self::Pronunciations(_)
            | Self::Rate
            | Self::Unspeakable { .. }
            | Self::Nothing => false,
        }
    }
}
