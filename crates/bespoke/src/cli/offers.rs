//! What the commands about consent, sentiment and offers are asked.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use contracts::catalogue::Category;
use jiff::civil::Date;

use super::category;
use crate::project::Folders;

/// `bespoke explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// The customer's id, as the workbooks write it
    #[arg(long, value_name = "ID")]
    pub customer: String,
    /// A line of business to recommend from; may be given several times
    #[arg(long = "category", value_name = "NAME", value_parser = category)]
    pub categories: Vec<Category>,
    /// Where things are
    #[command(flatten)]
    pub folders: Folders,
}

/// `bespoke sentiment`
#[derive(Debug, Args)]
pub struct Sentiment {
    /// A file with one text a line; - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The folder beside whose workbooks the lexicon lies
    #[arg(long, value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The words of topics [default: lexicon.toml beside the workbooks, or else data/lexicon.toml]
    #[arg(long, value_name = "FILE", env = "BESPOKE_LEXICON")]
    pub lexicon: Option<PathBuf>,
}

/// `bespoke suppress`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["customer", "list"]))]
pub struct Suppress {
    /// The customer's id, as the workbooks write it
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// Why, in a few words and without a name
    #[arg(long, value_name = "TEXT", requires = "customer")]
    pub reason: Option<String>,
    /// Take the customer off the list
    #[arg(long, requires = "customer", conflicts_with = "reason")]
    pub remove: bool,
    /// Show the list
    #[arg(long)]
    pub list: bool,
    /// The folder for all that is made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// `bespoke consent`
#[derive(Debug, Args)]
pub struct Consent {
    /// The customer's id, as the workbooks write it
    #[arg(long, value_name = "ID")]
    pub customer: String,
    /// May the bank make a recommendation?
    #[arg(long, value_name = "ANSWER")]
    pub general: Answer,
    /// May it also read the customer's posts?
    #[arg(long, value_name = "ANSWER")]
    pub posts: Answer,
    /// The day on which it was said [default: today]
    #[arg(long, value_name = "DATE")]
    pub on: Option<Date>,
    /// The folder for all that is made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// An answer to a consent question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// Consent.
    Yes,
    /// Refusal.
    No,
}

/// `bespoke disparity`
#[derive(Debug, Args)]
pub struct Disparity {
    /// The folder of the three workbooks
    #[arg(value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// A line of business to recommend from; may be given several times
    #[arg(long = "category", value_name = "NAME", value_parser = category)]
    pub categories: Vec<Category>,
    /// The product catalogue [default: catalogue.json beside the workbooks, or else data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
    /// The words of categories and topics [default: lexicon.toml beside the workbooks, or else data/lexicon.toml]
    #[arg(long, value_name = "FILE", env = "BESPOKE_LEXICON")]
    pub lexicon: Option<PathBuf>,
}

/// `bespoke catalogue`
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Say all that is wrong with a catalogue, by product and field
    Check {
        /// The catalogue
        #[arg(value_name = "FILE", default_value = "data/catalogue.json", env = "BESPOKE_CATALOGUE")]
        file: PathBuf,
    },
}
