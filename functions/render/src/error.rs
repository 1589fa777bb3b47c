//! What rendering can fail with.

use contracts::{ErrorName, NamedError};
use storage::store::StoreError;
use storage::vault::VaultError;
use thiserror::Error;

/// What rendering can fail with. No message holds a word that is shown or spoken.
#[derive(Debug, Error)]
pub enum Error {
    /// A sealed object cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// An object cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// ffmpeg or ffprobe is not there, or lacks what the graph needs.
    #[error("{program}: {reason}")]
    EngineMissing {
        /// `ffmpeg` or `ffprobe`.
        program: &'static str,
        /// What is missing.
        reason: String,
    },
    /// ffmpeg or ffprobe ended badly.
    #[error("{program} failed while {doing}: {reason}")]
    Failed {
        /// `ffmpeg` or `ffprobe`.
        program: &'static str,
        /// What it was to do.
        doing: &'static str,
        /// Its last errors, without anything that is shown or spoken.
        reason: String,
    },
    /// The scratch folder cannot be used.
    #[error("the scratch folder cannot be used")]
    Scratch(#[source] std::io::Error),
    /// A background, font, logo or piece of music is missing or cannot be read.
    #[error("{file}: {reason}")]
    AssetBroken {
        /// The file, relative to the assets folder.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A background of the bank's own is no longer the one that the run was started with.
    #[error("{key}: no longer the file with which the run was started")]
    BackgroundChanged {
        /// Where it lies.
        key: String,
    },
    /// A value of the brand cannot be used.
    #[error("brand.toml: {field} must be {expected}")]
    Brand {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// No shipped font has a sign.
    #[error("no font of the brand has U+{code:04X}, which {place} needs")]
    MissingGlyph {
        /// The sign's code point.
        code: u32,
        /// Where it would stand.
        place: &'static str,
    },
    /// The finished video is not what it must be.
    #[error("{measure} is {found}, must be {wanted}")]
    OutOfRange {
        /// What was measured.
        measure: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: String,
    },
    /// The run was stopped.
    #[error("stopped before the video was finished")]
    Cancelled,
}

impl NamedError for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Vault(error) => error.name(),
            Self::Store(error) => error.name(),
            Self::EngineMissing { .. } => ErrorName::RenderEngineMissing,
            Self::Failed { .. } | Self::Scratch(_) => ErrorName::RenderFailed,
            Self::AssetBroken { .. } => ErrorName::RenderAssetBroken,
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
            Self::AssetBroken { .. } => "replace the file, or name another one: in brand.toml, or as video.background",
            Self::BackgroundChanged { .. } => "put it back, or start the run again: it is another one then",
            Self::MissingGlyph { .. } => "put a font that has it into the folder fonts.folder of brand.toml",
            Self::Failed { .. } | Self::Scratch(_) | Self::Brand { .. } | Self::OutOfRange { .. } | Self::Cancelled => {
                return None;
            }
        };
        Some(text.to_owned())
    }
}
