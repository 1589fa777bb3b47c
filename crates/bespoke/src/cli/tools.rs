//! Arguments of the commands that check inputs and results.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use contracts::Language;
use contracts::institution::Institution;

use super::folders::FolderArgs;

/// Arguments of `bespoke serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The port on 127.0.0.1; 0 means any free port
    #[arg(long, value_name = "PORT", default_value_t = 5000)]
    pub port: u16,
    /// Open the page in a browser
    #[arg(long)]
    pub open: bool,
    /// The folders of the project
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// Arguments of `bespoke check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The folder with the three workbooks
    #[arg(value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The product catalog [default: catalogue.json beside the workbooks, or data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
}

/// Arguments of `bespoke sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// The number of customers; the first twelve are always the same invented people
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub customers: usize,
    /// The total number of transactions [default: about 50 per customer]
    #[arg(long, value_name = "M")]
    pub transactions: Option<usize>,
    /// The random seed; the same seed generates the same rows
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The folder for the three workbooks
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `bespoke doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The folders of the project
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// Arguments of `bespoke evidence`.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// The customer's id
    #[arg(long, value_name = "ID")]
    pub customer: String,
    /// The run [default: the customer's newest]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Write a letter for a regulator to this HTML file; print it from a browser to make a PDF
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The folders of the project
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// Arguments of `bespoke inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The video; its captions are read from the file with the same name and the extension .vtt
    #[arg(value_name = "VIDEO")]
    pub video: PathBuf,
}

/// Arguments of `bespoke guard`.
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// The text; - reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The ids of the products that the text may offer, separated by commas [default: the whole catalog]
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub products: Vec<String>,
    /// The language of the text, en or es
    #[arg(long, value_name = "LANGUAGE", default_value = "en", value_parser = super::values::language)]
    pub language: Language,
    /// A name that the program would fill in, such as the customer's or the adviser's; can be repeated
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,
    /// The folder with the workbooks and the catalog beside them
    #[arg(long, value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The product catalog [default: catalogue.json beside the workbooks, or data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
}

/// The subcommands of `bespoke catalogue`.
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// List every problem in a catalog, by product and field
    Check {
        /// The catalog
        #[arg(value_name = "FILE", default_value = "data/catalogue.json", env = "BESPOKE_CATALOGUE")]
        file: PathBuf,
        /// The kind of institution, as in brand.toml: us-bank, us-credit-union, eu or uk
        #[arg(long, value_name = "NAME", default_value_t)]
        institution: Institution,
    },
    /// Approve the current catalog and the market's rules, which every campaign requires
    Approve(CatalogueApproveArgs),
}

/// Arguments of `bespoke catalogue approve`.
#[derive(Debug, Args)]
pub struct CatalogueApproveArgs {
    /// The catalog; the approvals are written beside it, to catalogue.approvals.csv
    #[arg(value_name = "FILE", default_value = "data/catalogue.json", env = "BESPOKE_CATALOGUE")]
    pub file: PathBuf,
    /// The kind of institution, as in brand.toml: us-bank, us-credit-union, eu or uk
    #[arg(long, value_name = "NAME", default_value_t)]
    pub institution: Institution,
    /// The person on whose behalf you act. The record also names your user account
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// The subcommands of `bespoke keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Create a new data key, and reseal everything that the old key sealed; repeat it for every artifacts folder
    Rotate {
        /// The folder with the local store
        #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
        artifacts: PathBuf,
    },
    /// Delete the old data key, after every artifacts folder has been rotated
    Retire,
}

/// The subcommands of `bespoke scene`.
#[derive(Debug, Subcommand)]
pub enum SceneCommand {
    /// List every problem in the brand's scenes: files, missing elements, text that does not fit, contrast, overlaps
    Check(SceneFolders),
    /// Preview the scenes without a customer: an image of each, and a silent video
    Preview {
        /// A product to show; can be given up to three times [default: show a service message]
        #[arg(long = "product", value_name = "ID")]
        products: Vec<String>,
        /// A shape to draw: 16:9, 9:16 or 1:1; can be repeated [default: all three]
        #[arg(long = "shape", value_name = "SHAPE", value_parser = super::values::shape)]
        shapes: Vec<contracts::media::Shape>,
        /// The first name in the opening
        #[arg(long, value_name = "NAME", default_value = "Alexandra")]
        name: String,
        /// Make only the images, no video
        #[arg(long)]
        no_film: bool,
        /// The folder for the images and videos
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// The brand and the catalog
        #[command(flatten)]
        folders: SceneFolders,
    },
}

/// The options for the brand and the catalog of a scene check or preview.
#[derive(Debug, Args)]
pub struct SceneFolders {
    /// The folder with brand.toml, scenes, logo and fonts
    #[arg(long, value_name = "DIR", default_value = "assets", env = "BESPOKE_ASSETS")]
    pub assets: PathBuf,
    /// The product catalog
    #[arg(long, value_name = "FILE", default_value = "data/catalogue.json", env = "BESPOKE_CATALOGUE")]
    pub catalogue: PathBuf,
}

/// Arguments of `bespoke reference`.
#[derive(Debug, Args)]
pub struct ReferenceArgs {
    /// The folder for commands.md, settings.md and errors.md
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}
