//! The errors of the render stage.

use contracts::{ErrorName, NamedError};
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

use crate::join::JoinError;

/// A faulty scene template, timeline or drawing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}: {reason}")]
pub struct SceneError {
    /// The file, relative to the assets folder.
    pub file: String,
    /// The reason.
    pub reason: String,
}

/// An error in the render stage. No message contains displayed or spoken text.
#[derive(Debug, Error)]
pub enum Error {
    /// A sealed object cannot be read or written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// An object cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// ffmpeg or ffprobe is missing, or lacks a filter or an encoder.
    #[error("{program}: {reason}")]
    EngineMissing {
        /// `ffmpeg` or `ffprobe`.
        program: &'static str,
        /// The reason.
        reason: String,
    },
    /// ffmpeg or ffprobe failed.
    #[error("{program} failed while {doing}: {reason}")]
    Failed {
        /// `ffmpeg` or `ffprobe`.
        program: &'static str,
        /// The step, such as "mixing the audio".
        doing: &'static str,
        /// The program's last errors, without displayed or spoken text.
        reason: String,
    },
    /// ffmpeg did not finish in time.
    #[error("{program} timed out while {doing}: {reason}")]
    TimedOut {
        /// `ffmpeg`.
        program: &'static str,
        /// The step, such as "mixing the audio".
        doing: &'static str,
        /// The limit that was exceeded.
        reason: String,
    },
    /// The scratch folder cannot be used.
    #[error("cannot use the scratch folder")]
    Scratch(#[source] std::io::Error),
    /// A background, font, logo or music file is missing or cannot be read.
    #[error("{file}: {reason}")]
    AssetBroken {
        /// The file's path relative to the assets folder, or a background's key or file name.
        file: String,
        /// The reason.
        reason: String,
    },
    /// A background in the bank's folder has changed since the run started.
    #[error("{key}: changed after the run started")]
    BackgroundChanged {
        /// The object's key.
        key: String,
    },
    /// A value in `brand.toml` is invalid.
    #[error("brand.toml: {field} must be {expected}")]
    Brand {
        /// The field.
        field: &'static str,
        /// The expected value.
        expected: &'static str,
    },
    /// None of the brand's fonts has a glyph for a character.
    #[error("none of the brand's fonts has a glyph for U+{code:04X} in {place}")]
    MissingGlyph {
        /// The character's code point.
        code: u32,
        /// The text that contains the character.
        place: &'static str,
    },
    /// A scene template, a timeline or a drawing is faulty.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// The scenes cannot be joined.
    #[error("cannot join the scenes: {0}")]
    Join(#[from] JoinError),
    /// A measure of the finished video is out of range.
    #[error("{measure} is {found}, must be {wanted}")]
    OutOfRange {
        /// The measure's name.
        measure: &'static str,
        /// The measured value.
        found: String,
        /// The required value.
        wanted: String,
    },
    /// The run was canceled.
    #[error("stopped before the video was finished")]
    Cancelled,
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::EngineMissing { .. } => ErrorName::RenderEngineMissing,
            Self::Failed { .. } | Self::TimedOut { .. } | Self::Scratch(_) | Self::Join(_) => ErrorName::RenderFailed,
            Self::AssetBroken { .. } | Self::Scene(_) => ErrorName::RenderAssetBroken,
            Self::BackgroundChanged { .. } => ErrorName::ConfigChanged,
            Self::Brand { .. } => ErrorName::ConfigInvalid,
            Self::MissingGlyph { .. } => ErrorName::RenderMissingGlyph,
            Self::OutOfRange { .. } => ErrorName::RenderOutOfRange,
            Self::Cancelled => ErrorName::RunCancelled,
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::Vault(error) => return error.help(),
            Self::Store(error) => return error.help(),
            Self::EngineMissing { .. } => "install ffmpeg 5.1 or later with libass and libx264",
            Self::AssetBroken { .. } => "replace the file, or specify another one in brand.toml or as video.background",
            Self::Scene(_) => "correct the file; \"bespoke scene check\" reports every problem in a brand's scenes",
            Self::BackgroundChanged { .. } => "restore the file, or start a new run",
            Self::MissingGlyph { .. } => {
                "add a font with this glyph to the folder that fonts.folder names in brand.toml"
            }
            Self::TimedOut { .. } => "raise video.deadline_seconds in bespoke.toml, or use a shorter background",
            Self::Join(_) => "run again; damaged scenes are made again",
            Self::Failed { .. } | Self::Scratch(_) | Self::Brand { .. } | Self::OutOfRange { .. } | Self::Cancelled => {
                return None;
            }
        };
        Some(text.to_owned())
    }
}
