//! Arguments of the commands for consent, sentiment and offers.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use contracts::catalogue::Category;
use jiff::civil::Date;

use super::folders::FolderArgs;
use super::values::category;

/// Arguments of `bespoke explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The customer's id, as in the workbooks
    #[arg(long, value_name = "ID")]
    pub customer: String,
    /// A line of business to recommend from; can be repeated
    #[arg(long = "category", value_name = "NAME", value_parser = category)]
    pub categories: Vec<Category>,
    /// The folders of the project
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// Arguments of `bespoke sentiment`.
#[derive(Debug, Args)]
pub struct SentimentArgs {
    /// A text file with one post per line; - reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The folder with the workbooks and the lexicon beside them
    #[arg(long, value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The lexicon: words for topics [default: lexicon.toml beside the workbooks, or data/lexicon.toml]
    #[arg(long, value_name = "FILE", env = "BESPOKE_LEXICON")]
    pub lexicon: Option<PathBuf>,
}

/// Arguments of `bespoke suppress`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["customer", "list"]))]
pub struct SuppressArgs {
    /// The customer's id, as in the workbooks
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// The reason, in a few words and without a name
    #[arg(long, value_name = "TEXT", requires = "customer")]
    pub reason: Option<String>,
    /// Remove the customer from the list
    #[arg(long, requires = "customer", conflicts_with = "reason")]
    pub remove: bool,
    /// Show the list
    #[arg(long)]
    pub list: bool,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Arguments of `bespoke consent`.
#[derive(Debug, Args)]
pub struct ConsentArgs {
    /// The customer's id, as in the workbooks
    #[arg(long, value_name = "ID")]
    pub customer: String,
    /// May the bank make a recommendation?
    #[arg(long, value_name = "ANSWER")]
    pub general: ConsentAnswer,
    /// May it also read the customer's posts?
    #[arg(long, value_name = "ANSWER")]
    pub posts: ConsentAnswer,
    /// The day of the answer [default: today]
    #[arg(long, value_name = "DATE")]
    pub on: Option<Date>,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// An answer to a consent question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConsentAnswer {
    /// Consent.
    Yes,
    /// Refusal.
    No,
}

/// Arguments of `bespoke disparity`.
#[derive(Debug, Args)]
pub struct DisparityArgs {
    /// The folder with the three workbooks
    #[arg(value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// A line of business to recommend from; can be repeated
    #[arg(long = "category", value_name = "NAME", value_parser = category)]
    pub categories: Vec<Category>,
    /// The product catalog [default: catalogue.json beside the workbooks, or data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
    /// The lexicon: words for categories and topics [default: lexicon.toml beside the workbooks, or data/lexicon.toml]
    #[arg(long, value_name = "FILE", env = "BESPOKE_LEXICON")]
    pub lexicon: Option<PathBuf>,
    /// The workbook's own name for a protected column, such as `date_of_birth=DOB`; can be repeated
    #[arg(long = "column", value_name = "COLUMN=NAME", value_parser = protected_column)]
    pub columns: Vec<(&'static str, String)>,
    /// Also compare whom this run reached, who stayed in contact, and who adopted an offered product
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// The folder with all results; only read with --run
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Parses the workbook's own name for a protected column.
fn protected_column(text: &str) -> Result<(&'static str, String), String> {
    let (column, name) = text.split_once('=').ok_or("expected COLUMN=NAME, such as date_of_birth=DOB")?;
    match merge::PROTECTED_COLUMNS.into_iter().find(|known| *known == column) {
        Some(column) if !name.trim().is_empty() => Ok((column, name.to_owned())),
        Some(_) => Err("the name after = is empty".to_owned()),
        None => Err(format!("choose one of these columns: {}", merge::PROTECTED_COLUMNS.join(", "))),
    }
}
