//! Arguments of the commands for review, recall, erasure, export, notification and retention.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::folders::FolderArgs;

/// Arguments of `bespoke review`.
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// The run [default: all runs]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// The customer's id, or the reference in the list
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// Publish the result as the list shows it
    #[arg(long, requires = "run", conflicts_with = "reject")]
    pub approve: bool,
    /// The digest that the list shows for the result; without it, the command shows the result and asks you to confirm
    #[arg(long, value_name = "DIGEST", requires = "approve")]
    pub seen: Option<String>,
    /// Never publish the result
    #[arg(long, requires = "run")]
    pub reject: bool,
    /// The person on whose behalf you decide. The record also names your user account
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// The reason, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The folders of the project
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// Arguments of `bespoke recall`.
#[derive(Debug, Args)]
pub struct RecallArgs {
    /// The run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Only this customer's results
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// The person on whose behalf you act. The record also names your user account
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// The reason, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Arguments of `bespoke forget`.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// The customer's id, as in the workbooks
    #[arg(long, value_name = "ID")]
    pub customer: String,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Arguments of `bespoke control`.
#[derive(Debug, Args)]
pub struct ControlArgs {
    /// Make the ledger cover exactly what exists now: after an edit outside Bespoke, a restored backup or an upgrade
    #[arg(long)]
    pub accept: bool,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Arguments of `bespoke legal-hold`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["customer", "list"]))]
pub struct LegalHoldArgs {
    /// The customer's id, as in the workbooks
    #[arg(long, value_name = "ID", requires = "name")]
    pub customer: Option<String>,
    /// The case or audit that needs the customer's data
    #[arg(long, value_name = "TEXT", requires = "customer")]
    pub name: Option<String>,
    /// Remove this legal hold
    #[arg(long, requires = "customer")]
    pub remove: bool,
    /// List all legal holds
    #[arg(long)]
    pub list: bool,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Arguments of `bespoke export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The folder for the table with customer ids and links, as CSV and as JSON
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Also write an e-mail for each customer with a link, for the bank's mail system
    #[arg(long)]
    pub mail: bool,
    /// The folder with the brand
    #[arg(long, value_name = "DIR", default_value = "assets", env = "BESPOKE_ASSETS")]
    pub assets: PathBuf,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Arguments of `bespoke answers`.
#[derive(Debug, Args)]
pub struct AnswersArgs {
    /// The run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The file for the table with customer ids, as CSV
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Arguments of `bespoke notify`.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// The run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Arguments of `bespoke deliver`, which does what `bespoke export --mail` and `bespoke notify` do.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["out", "notify"]))]
pub struct DeliverArgs {
    /// The run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Write the table and the e-mails of bespoke export --mail to this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The folder with the brand
    #[arg(long, value_name = "DIR", default_value = "assets", env = "BESPOKE_ASSETS")]
    pub assets: PathBuf,
    /// Send notifications, as bespoke notify does
    #[arg(long)]
    pub notify: bool,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

/// Arguments of `bespoke expire`.
#[derive(Debug, Args)]
pub struct ExpireArgs {
    /// List what would be deleted, without deleting it
    #[arg(long)]
    pub dry_run: bool,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}
