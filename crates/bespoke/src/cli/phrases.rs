//! Arguments of `bespoke phrases`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

/// The sample bank's phrasebook.
const BOOK: &str = "data/phrases/en.toml";

/// The subcommands of `bespoke phrases`.
#[derive(Debug, Subcommand)]
pub enum PhrasesCommand {
    /// List every problem in a phrasebook
    Check(CheckArgs),
    /// List the lines in a phrasebook
    List(ListArgs),
    /// Approve lines that another person wrote
    Approve(ApproveArgs),
    /// Ask a model for new reasons, check them, and file them without an approval
    Propose(ProposeArgs),
}

/// Arguments of `bespoke phrases check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The phrasebook; its approvals are beside it, as in en.approvals.csv
    #[arg(value_name = "FILE", default_value = BOOK)]
    pub file: PathBuf,
    /// The folder with the workbooks and the catalog beside them
    #[arg(long, value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The product catalog [default: catalogue.json beside the workbooks, or data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
}

/// Arguments of `bespoke phrases list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The phrasebook; its approvals are beside it, as in en.approvals.csv
    #[arg(value_name = "FILE", default_value = BOOK)]
    pub file: PathBuf,
    /// Only lines of this kind, such as reason or opening
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only reasons for this product
    #[arg(long, value_name = "ID")]
    pub product: Option<String>,
    /// Only lines without a valid approval
    #[arg(long)]
    pub unapproved: bool,
}

/// Arguments of `bespoke phrases approve`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["lines", "all"]))]
pub struct ApproveArgs {
    /// The ids of the lines
    #[arg(value_name = "LINE")]
    pub lines: Vec<String>,
    /// Approve every line without a valid approval
    #[arg(long)]
    pub all: bool,
    /// The person on whose behalf you act. The record also names your user account
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// The phrasebook; the approvals are written beside it, as in en.approvals.csv
    #[arg(long = "book", value_name = "FILE", default_value = BOOK)]
    pub file: PathBuf,
}

/// Arguments of `bespoke phrases propose`.
#[derive(Debug, Args)]
pub struct ProposeArgs {
    /// The product [default: every product and ground that has fewer reasons than it should]
    #[arg(long, value_name = "ID")]
    pub product: Option<String>,
    /// The ground, such as need:saving or spending:travel [default: all grounds of the product]
    #[arg(long, value_name = "GROUND", requires = "product")]
    pub ground: Option<String>,
    /// The number of lines to ask for, for each product and ground
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub lines: u32,
    /// The phrasebook to which the lines are added
    #[arg(long = "book", value_name = "FILE", default_value = BOOK)]
    pub file: PathBuf,
    /// The folder with the workbooks and the catalog beside them
    #[arg(long, value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The product catalog [default: catalogue.json beside the workbooks, or data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
}
