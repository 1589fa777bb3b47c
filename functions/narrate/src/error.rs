//! What narrating can fail with.

use contracts::vault::VaultError;
use contracts::{ErrorName, NamedError};
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
    /// A sound of another length lies under the final key: it was made by another version of the engine.
    #[error("{place}: holds a sound of another length than this engine makes of the same script")]
    OtherSound {
        /// The object's key.
        place: String,
    },
    /// A worker thread ended badly.
    #[error("a worker thread ended")]
    Worker(#[from] tokio::task::JoinError),
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::EngineMissing { .. } => ErrorName::NarrateEngineMissing,
            Self::UnknownVoice { from: VoiceFrom::Settings, .. } => ErrorName::ConfigInvalid,
            Self::UnknownVoice { from: VoiceFrom::Request, .. } | Self::Rate => ErrorName::InputInvalidRequest,
            Self::OtherSound { .. } => ErrorName::StoreConflict,
            Self::EngineIo { .. }
            | Self::EngineFailed { .. }
            | Self::EngineSlow { .. }
            | Self::EngineOutput { .. }
            | Self::Unspeakable { .. }
            | Self::Nothing
            | Self::Sound { .. }
            | Self::Worker(_) => ErrorName::NarrateFailed,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::EngineMissing { .. } => {
                Some("install it with \"apt-get install espeak-ng\" or \"brew install espeak-ng\"".to_owned())
            }
            Self::UnknownVoice { available, .. } => Some(format!(
                "use one of {}, or one of them with a variant, such as {}",
                available.join(", "),
                available.first().map_or_else(|| "en-us+f3".to_owned(), |voice| format!("{voice}+f3")),
            )),
            Self::OtherSound { .. } => Some("run the request again as a new attempt".to_owned()),
            Self::Vault(error) => error.help(),
            Self::EngineIo { .. }
            | Self::EngineFailed { .. }
            | Self::EngineSlow { .. }
            | Self::EngineOutput { .. }
            | Self::Rate
            | Self::Unspeakable { .. }
            | Self::Nothing
            | Self::Sound { .. }
            | Self::Worker(_) => None,
        }
    }
}
