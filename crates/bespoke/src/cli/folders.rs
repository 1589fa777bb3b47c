//! Options for the folders of a project.

use std::path::PathBuf;

use clap::Args;
use runner::project::Folders;

/// The folders of a project, as options.
#[derive(Clone, Debug, Args)]
pub struct FolderArgs {
    /// The folder with the three workbooks
    #[arg(long, value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
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

impl From<FolderArgs> for Folders {
    fn from(args: FolderArgs) -> Self {
        let FolderArgs { data, artifacts, assets, catalogue, lexicon } = args;
        Self { data, artifacts, assets, catalogue, lexicon }
    }
}
