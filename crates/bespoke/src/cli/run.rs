//! Arguments of `bespoke demo` and `bespoke run`, and the options that they share with `bespoke campaign`.

use std::path::PathBuf;

use clap::Args;
use contracts::catalogue::Category;
use contracts::media::Shape;
use contracts::model::WriterMode;

use super::folders::FolderArgs;
use super::values::{category, shape, writer};

/// Arguments of `bespoke demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The number of customers who get a video
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "all")]
    pub videos: usize,
    /// Make a video for every customer who consented
    #[arg(long)]
    pub all: bool,
    /// Make all results again, and keep the earlier ones
    #[arg(long)]
    pub again: bool,
    /// The folders of the project
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// Arguments of `bespoke run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The customer's id, as in the workbooks [default: ask at the terminal]
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// The options of the recommendation
    #[command(flatten)]
    pub options: RecommendationArgs,
    /// The folders of the project
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// Options of a recommendation, for one customer or for a campaign.
#[derive(Debug, Args)]
pub struct RecommendationArgs {
    /// A line of business to recommend from; can be repeated
    #[arg(long = "category", value_name = "NAME", value_parser = category)]
    pub categories: Vec<Category>,
    /// A prompt that asks for a tone or an emphasis, as text or as @FILE
    #[arg(long, value_name = "TEXT|@FILE")]
    pub prompt: Option<String>,
    /// The writer: phrases (the program selects approved lines), select (a model selects them) or free (a model writes)
    #[arg(long, value_name = "MODE", value_parser = writer)]
    pub writer: Option<WriterMode>,
    /// Speaking rate in words per minute, 80 to 220
    #[arg(long, value_name = "WPM", value_parser = clap::value_parser!(u16).range(80..=220))]
    pub rate: Option<u16>,
    /// The voice: NAME, ENGINE or ENGINE:NAME; "bespoke voices" lists them
    #[arg(long, value_name = "NAME")]
    pub voice: Option<String>,
    /// The shape of the video: 16:9, 9:16 or 1:1
    #[arg(long, value_name = "SHAPE", value_parser = shape)]
    pub shape: Option<Shape>,
    /// A video, GIF or image to use as the background
    #[arg(long, value_name = "FILE")]
    pub background: Option<PathBuf>,
    /// Make only the text, without a video
    #[arg(long)]
    pub no_video: bool,
    /// Make all results again, and keep the earlier ones
    #[arg(long)]
    pub again: bool,
}
