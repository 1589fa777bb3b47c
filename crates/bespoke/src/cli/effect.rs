//! Arguments of `bespoke effect`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `bespoke effect`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct EffectArgs {
    /// The run
    #[arg(value_name = "RUN", required = true)]
    pub run: Option<String>,
    /// Also write the report as a web page, with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
    /// Another action on the effect
    #[command(subcommand)]
    pub command: Option<EffectCommand>,
}

/// The commands of `bespoke effect`.
#[derive(Debug, Subcommand)]
pub enum EffectCommand {
    /// Import a table of adoptions; if any row is bad, nothing is imported
    Import(ImportArgs),
}

/// Arguments of `bespoke effect import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The table: a CSV file with the columns customer, product and date
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The folder with the product catalog
    #[arg(long, value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The product catalog [default: catalogue.json in the folder of --data, or data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}
