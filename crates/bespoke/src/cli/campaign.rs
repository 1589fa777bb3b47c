//! Arguments of the commands for campaigns.

use std::path::PathBuf;

use clap::Args;
use runner::project::Folders;

use super::folders::FolderArgs;
use super::run::RecommendationArgs;
use super::values::dollars;

/// Arguments of `bespoke campaign`.
#[derive(Debug, Args)]
pub struct CampaignArgs {
    /// The folder with the three workbooks
    #[arg(value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The schedule that sets the run's segment and options, such as schedules/spring.toml; other options override it
    #[arg(long, value_name = "FILE")]
    pub schedule: Option<PathBuf>,
    /// A file with the ids of the customers to include, one per line; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub customers: Option<PathBuf>,
    /// Forecast the run without making results: the skipped customers with reasons, the duration and the cost
    #[arg(long)]
    pub dry_run: bool,
    /// Stop after N customers who get a message; the same command without this option continues with the rest
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Customers narrated and rendered at a time [default: local.concurrency]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_concurrency: Option<u16>,
    /// The budget in US dollars for models and outside voices; a customer starts only if it still covers their maximum
    /// cost
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub budget: Option<f64>,
    /// The options of the recommendations
    #[command(flatten)]
    pub options: RecommendationArgs,
    /// The folder for all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
    /// The folder with brand.toml, backgrounds, music, logo and fonts
    #[arg(long, value_name = "DIR", default_value = "assets", env = "BESPOKE_ASSETS")]
    pub assets: PathBuf,
    /// The product catalog [default: catalogue.json beside the workbooks, or data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
    /// The lexicon: words for categories and topics [default: lexicon.toml beside the workbooks, or data/lexicon.toml]
    #[arg(long, value_name = "FILE", env = "BESPOKE_LEXICON")]
    pub lexicon: Option<PathBuf>,
}

impl CampaignArgs {
    /// Returns the folders of the project.
    #[must_use]
    pub fn folders(&self) -> Folders {
        Folders {
            data: self.data.clone(),
            artifacts: self.artifacts.clone(),
            assets: self.assets.clone(),
            catalogue: self.catalogue.clone(),
            lexicon: self.lexicon.clone(),
        }
    }
}

/// Arguments of `bespoke verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The run, as in its report and in artifacts/runs
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The public key that must have signed the log; verifies the run without any secret [default: this machine's own key]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// A head that `bespoke pin` wrote; the log must extend it, and it must cover the run
    #[arg(long, value_name = "FILE", requires = "key")]
    pub head: Option<PathBuf>,
    /// The folders of the project; the sentences are verified against its phrasebook, catalog and brand
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// Arguments of `bespoke pin`.
#[derive(Debug, Args)]
pub struct PinArgs {
    /// The folder for key.pem and head.json; keep it in a place that the operator of this machine cannot write to
    #[arg(value_name = "DIR")]
    pub out: PathBuf,
    /// The folder with all results
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}
