//! The commands that have to do with speech.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::project::Folders;

/// `bespoke voices`
#[derive(Debug, Args)]
pub struct Voices {
    /// What to do with them [default: list them]
    #[command(subcommand)]
    pub command: Option<VoicesCommand>,
}

/// What can be done with voices.
#[derive(Debug, Subcommand)]
pub enum VoicesCommand {
    /// Fetch Kokoro, its voices and its runtime, about 145 MB, into the user's cache folder
    Install {
        /// If they cannot be had, say so and end well: espeak-ng speaks then
        #[arg(long)]
        optional: bool,
    },
}

/// `bespoke narrate`
#[derive(Debug, Args)]
pub struct Narrate {
    /// The text, a paragraph a segment; - for standard input
    #[arg(long, value_name = "FILE")]
    pub text: PathBuf,
    /// The voice: NAME, ENGINE or ENGINE:NAME
    #[arg(long, value_name = "NAME")]
    pub voice: Option<String>,
    /// Speaking rate in words a minute, 80 to 220
    #[arg(long, value_name = "WPM", value_parser = clap::value_parser!(u16).range(80..=220))]
    pub rate: Option<u16>,
    /// The sound, a WAV
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// When each word is heard, as JSON
    #[arg(long, value_name = "FILE")]
    pub cues: Option<PathBuf>,
    /// The folder of brand.toml, whose pronunciations are used
    #[arg(long, value_name = "DIR", default_value = "assets", env = "BESPOKE_ASSETS")]
    pub assets: PathBuf,
}

/// `bespoke play`
#[derive(Debug, Args)]
pub struct Play {
    /// The run, as a run's report names it
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The customer's id; needed if several of the run's customers were published
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// Speak the text with the desktop's own voice instead of showing the video
    #[arg(long)]
    pub aloud: bool,
    /// Where things are
    #[command(flatten)]
    pub folders: Folders,
}
