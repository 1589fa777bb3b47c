//! What the commands about review, recall, erasure, delivery and retention are asked.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::project::Folders;

/// `bespoke review`
#[derive(Debug, Args)]
pub struct Review {
    /// The run; all runs if not given
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// The customer's id, or the reference that the list shows
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// Publish it as it is shown
    #[arg(long, requires = "run", conflicts_with = "reject")]
    pub approve: bool,
    /// Never publish it
    #[arg(long, requires = "run")]
    pub reject: bool,
    /// Who decides [default: the name of this session's user]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Where things are
    #[command(flatten)]
    pub folders: Folders,
}

/// `bespoke recall`
#[derive(Debug, Args)]
pub struct Recall {
    /// The run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Only what was published to this customer
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// Who takes it back [default: the name of this session's user]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The folder for all that is made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// `bespoke forget`
#[derive(Debug, Args)]
pub struct Forget {
    /// The customer's id, as the workbooks write it
    #[arg(long, value_name = "ID")]
    pub customer: String,
    /// The folder for all that is made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// `bespoke hold`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["customer", "list"]))]
pub struct Hold {
    /// The customer's id, as the workbooks write it
    #[arg(long, value_name = "ID", requires = "name")]
    pub customer: Option<String>,
    /// What the customer's data must be kept for: a case, an audit
    #[arg(long, value_name = "TEXT", requires = "customer")]
    pub name: Option<String>,
    /// Take this hold off the customer
    #[arg(long, requires = "customer")]
    pub remove: bool,
    /// Show all holds
    #[arg(long)]
    pub list: bool,
    /// The folder for all that is made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// `bespoke deliver`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["out", "notify"]))]
pub struct Deliver {
    /// The run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Write the table with customer ids and links into this folder, as CSV and as JSON
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Tell the bank's own system what it was not told yet, dead letters with it
    #[arg(long)]
    pub notify: bool,
    /// The folder for all that is made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// `bespoke expire`
#[derive(Debug, Args)]
pub struct Expire {
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The folder for all that is made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}
