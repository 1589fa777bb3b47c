//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use contracts::catalogue::Category;
use contracts::media::Shape;

use crate::commands::guard::Guard;
use crate::project::Folders;

mod campaign;
pub mod delivery;
mod offers;
pub mod voice;
pub use campaign::{Campaign, Verify};
pub use offers::{Answer, CatalogueCommand, Consent, Disparity, Explain, Sentiment, Suppress};

/// Turns a bank's encrypted customer workbooks into a narrated, captioned video for each customer who agreed to it.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Print the report as JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// The settings' file [default: bespoke.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "BESPOKE_CONFIG")]
    pub config: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  bespoke doctor                                   what is missing, and how to install it
  bespoke demo                                     the sample customers, two of them with a video
  bespoke check data                               what is wrong with three workbooks, all at once
  bespoke run --customer 0001                      one customer
  bespoke run --customer 0001 --category \"Consumer Lending\" --rate 150
  bespoke campaign --dry-run data                  who would be told something, and what it would take
  bespoke campaign --limit 50 --budget 10 data     the first fifty; without --limit it goes on with the others
  bespoke serve --open                             the same in a page
  bespoke guard letter.txt --products auto-loan    what may not be said in a text
  bespoke evidence --customer 0001                 why anything was said to them
  bespoke explain --customer 0001                  what they would be offered, and why
  bespoke suppress --customer 0001                 never contact them
  bespoke review                                   what waits for a person
  bespoke forget --customer 0001                   destroy all that was kept of them

Exit codes: 0 done, 1 refused by the guard or not verified, 2 usage or settings, 3 bad input, 4 nothing to do (no consent), 5 a service or program failed,
6 partly done, or held for review. The passwords and keys come from the environment or from .env.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make recommendations for every sample customer, and videos for two of them
    Demo(Demo),
    /// Make one customer's recommendation
    Run(Run),
    /// Make a recommendation for every customer who consented, or say what that would take
    Campaign(Campaign),
    /// Prove that a run's evidence and media are as they were written
    Verify(Verify),
    /// Serve the page and the API on this machine
    Serve(Serve),
    /// Look at three workbooks as a run would, and say all that is wrong with them
    Check(Check),
    /// Say what the guard finds in any text, check by check
    Guard(Guard),
    /// Write sample workbooks of any size
    Sample(Sample),
    /// Show the settings in force, and where each comes from
    Config,
    /// Say what is missing, and the command that installs it
    Doctor(Doctor),
    /// List the engines and voices, or install them
    Voices(voice::Voices),
    /// Speak a text to a file
    Narrate(voice::Narrate),
    /// Show what a run made, or say it aloud
    Play(voice::Play),
    /// Open the sealed evidence of one customer: consent, facts, scores, checks
    Evidence(Evidence),
    /// Measure a video and the captions beside it, and say what is out of range
    Inspect(Inspect),
    /// Show what one customer would be offered and why, without making anything
    Explain(Explain),
    /// Read texts, one a line, and print each one's scores, label and topics as a line of JSON
    Sentiment(Sentiment),
    /// Never contact a customer, or show who is never contacted
    Suppress(Suppress),
    /// Record a customer's newer answers to the consent questions; they only ever narrow the workbook's
    Consent(Consent),
    /// Show what waits for a person, approve it or reject it
    Review(delivery::Review),
    /// Take back what a run published
    Recall(delivery::Recall),
    /// Destroy all that was kept of a customer, and never contact them again
    Forget(delivery::Forget),
    /// Keep a customer's data for a case or an audit, whoever asks to have it destroyed
    Hold(delivery::Hold),
    /// Give a run's outcomes to the bank's mail or CRM system
    Deliver(delivery::Deliver),
    /// Delete what has been kept long enough
    Expire(delivery::Expire),
    /// Compare offer rates between the protected groups that a profile workbook happens to name
    Disparity(Disparity),
    /// The product catalogue
    #[command(subcommand)]
    Catalogue(CatalogueCommand),
}

/// `bespoke demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// How many customers get a video
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "all")]
    pub videos: usize,
    /// A video for every customer who consented
    #[arg(long)]
    pub all: bool,
    /// Make everything anew, beside what was made before
    #[arg(long)]
    pub again: bool,
    /// Where things are
    #[command(flatten)]
    pub folders: Folders,
}

/// `bespoke run`
#[derive(Debug, Args)]
pub struct Run {
    /// The customer's id, as the workbooks write it; asked for at a terminal if not given
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// What is to be made
    #[command(flatten)]
    pub making: Making,
    /// Where things are
    #[command(flatten)]
    pub folders: Folders,
}

/// What one customer's run and a campaign are asked alike.
#[derive(Debug, Args)]
pub struct Making {
    /// A line of business to recommend from; may be given several times
    #[arg(long = "category", value_name = "NAME", value_parser = category)]
    pub categories: Vec<Category>,
    /// Your wish for tone and emphasis, as text or as @FILE
    #[arg(long, value_name = "TEXT|@FILE")]
    pub prompt: Option<String>,
    /// Speaking rate in words a minute, 80 to 220
    #[arg(long, value_name = "WPM", value_parser = clap::value_parser!(u16).range(80..=220))]
    pub rate: Option<u16>,
    /// The voice: NAME, ENGINE or ENGINE:NAME, as "bespoke voices" lists them
    #[arg(long, value_name = "NAME")]
    pub voice: Option<String>,
    /// The frame: 16:9, 9:16 or 1:1
    #[arg(long, value_name = "SHAPE", value_parser = shape)]
    pub shape: Option<Shape>,
    /// A video, GIF or picture to use as the background
    #[arg(long, value_name = "FILE")]
    pub background: Option<PathBuf>,
    /// The text only, no video
    #[arg(long)]
    pub no_video: bool,
    /// Make it anew, beside what was made before
    #[arg(long)]
    pub again: bool,
}

/// `bespoke serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// The port of 127.0.0.1; any free one if 0
    #[arg(long, value_name = "PORT", default_value_t = 5000)]
    pub port: u16,
    /// Open the page
    #[arg(long)]
    pub open: bool,
    /// Where things are
    #[command(flatten)]
    pub folders: Folders,
}

/// `bespoke check`
#[derive(Debug, Args)]
pub struct Check {
    /// The folder of the three workbooks
    #[arg(value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The product catalogue [default: catalogue.json beside the workbooks, or else data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
}

/// `bespoke sample`
#[derive(Debug, Args)]
pub struct Sample {
    /// How many customers; the first twelve are always the same invented people
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub customers: usize,
    /// How many transactions in all [default: about 50 a customer]
    #[arg(long, value_name = "M")]
    pub transactions: Option<usize>,
    /// The same seed gives the same rows
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The folder for the three workbooks
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `bespoke doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Where things are
    #[command(flatten)]
    pub folders: Folders,
}

/// `bespoke evidence`
#[derive(Debug, Args)]
pub struct Evidence {
    /// The customer's id
    #[arg(long, value_name = "ID")]
    pub customer: String,
    /// The run [default: the customer's newest]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Where things are
    #[command(flatten)]
    pub folders: Folders,
}

/// `bespoke inspect`
#[derive(Debug, Args)]
pub struct Inspect {
    /// The video; captions are read from the file of the same name that ends in .vtt
    #[arg(value_name = "VIDEO")]
    pub video: PathBuf,
}

fn category(name: &str) -> Result<Category, String> {
    Category::from_name(name).ok_or_else(|| {
        let names = Category::ALL.map(|category| format!("\n  {}", category.name())).concat();
        format!("there are:{names}")
    })
}

fn shape(text: &str) -> Result<Shape, String> {
    match text {
        "16:9" => Ok(Shape::Wide),
        "9:16" => Ok(Shape::Tall),
        "1:1" => Ok(Shape::Square),
        _ => Err("there are 16:9, 9:16 and 1:1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_category_is_found_whatever_the_case_and_a_wrong_one_lists_those_there_are() {
        assert_eq!(category("consumer lending"), Ok(Category::ConsumerLending));
        assert!(category("Lending").unwrap_err().contains("Consumer Lending"));
    }
}
