//! The programs and voice engines on this machine.

use std::path::PathBuf;

use contracts::ErrorName;
use contracts::error::chain;
use contracts::settings::Settings;

use crate::failure::Failure;

/// The programs that stages start.
#[derive(Clone, Debug)]
pub struct Programs {
    /// ffmpeg and ffprobe.
    pub media: render::Tools,
    /// espeak-ng.
    pub espeak: PathBuf,
}

impl Programs {
    /// Finds the programs in `PATH`, or at the paths in `BESPOKE_FFMPEG`, `BESPOKE_FFPROBE` and `BESPOKE_ESPEAK`.
    #[must_use]
    pub fn find() -> Self {
        let program = |variable: &str, name: &str| {
            std::env::var_os(variable).map_or_else(|| which::which(name).unwrap_or_else(|_| name.into()), PathBuf::from)
        };
        Self {
            media: render::Tools {
                ffmpeg: program("BESPOKE_FFMPEG", "ffmpeg"),
                ffprobe: program("BESPOKE_FFPROBE", "ffprobe"),
            },
            espeak: program("BESPOKE_ESPEAK", "espeak-ng"),
        }
    }
}

/// Returns the voice engines on this machine. `http` is used for the outside service, if the settings enable it.
#[must_use]
pub fn engines(programs: &Programs, settings: &Settings, http: outbound::Client) -> narrate::Engines {
    let kokoro = narrate::kokoro::Files::find(&voices_folder());
    let engines = narrate::Engines::new(programs.espeak.clone(), http).with_kokoro(kokoro);
    match settings.local.concurrency {
        0 => engines,
        sentences => engines.with_concurrency(sentences),
    }
}

/// Returns the folder that holds Kokoro's files: `BESPOKE_VOICES`, or `bespoke/voices` in the user's cache folder.
#[must_use]
pub fn voices_folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    set("BESPOKE_VOICES").unwrap_or_else(|| cache().unwrap_or_else(std::env::temp_dir).join("bespoke/voices"))
}

/// Returns the client for outside services that receive customer data.
pub fn http_client() -> Result<outbound::Client, Failure> {
    outbound::Client::new()
        .map_err(|error| Failure::new(ErrorName::ConfigInvalid, chain(&error), "check the proxy variables"))
}
