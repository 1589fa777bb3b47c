//! Arguments of the speech commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use contracts::Language;

use super::folders::FolderArgs;

/// Arguments of `bespoke voices`.
#[derive(Debug, Args)]
pub struct VoicesArgs {
    /// The command [default: list the voices]
    #[command(subcommand)]
    pub command: Option<VoicesCommand>,
}

/// The subcommands of `bespoke voices`.
#[derive(Debug, Subcommand)]
pub enum VoicesCommand {
    /// Download Kokoro, its voices and its runtime, about 145 MB, into the user's cache folder
    Install {
        /// If the download fails, print a note and exit successfully; espeak-ng is used instead
        #[arg(long)]
        optional: bool,
    },
}

/// Arguments of `bespoke narrate`.
#[derive(Debug, Args)]
pub struct NarrateArgs {
    /// The text, one segment per paragraph; - reads standard input
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    pub text: Option<PathBuf>,
    /// Only list every sentence in a text, phrasebook (.toml) or catalog (.json) file with its spoken form
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "voice", "rate", "out", "cues"])]
    pub show: Option<PathBuf>,
    /// The language of the text, en or es [default: the phrasebook's or the catalog's, otherwise the setting `language`]
    #[arg(long, value_name = "LANGUAGE", value_parser = super::values::language)]
    pub language: Option<Language>,
    /// The voice: NAME, ENGINE or ENGINE:NAME
    #[arg(long, value_name = "NAME")]
    pub voice: Option<String>,
    /// Speaking rate in words per minute, 80 to 220
    #[arg(long, value_name = "WPM", value_parser = clap::value_parser!(u16).range(80..=220))]
    pub rate: Option<u16>,
    /// The WAV file to write
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    pub out: Option<PathBuf>,
    /// The JSON file to write the word timings to
    #[arg(long, value_name = "FILE")]
    pub cues: Option<PathBuf>,
    /// The folder with brand.toml, for its pronunciations
    #[arg(long, value_name = "DIR", default_value = "assets", env = "BESPOKE_ASSETS")]
    pub assets: PathBuf,
}

/// Arguments of `bespoke play`.
#[derive(Debug, Args)]
pub struct PlayArgs {
    /// The run, as in its report
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The customer's id; required if the run published results of several customers
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// Read the text aloud with the desktop's voice instead of showing the video
    #[arg(long)]
    pub aloud: bool,
    /// The folders of the project
    #[command(flatten)]
    pub folders: FolderArgs,
}
