//! The folders that a command works with, and what it reads from them before anything else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use assess::Lexicon;
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::key::{Prefix, Workbook};
use contracts::{Batch, Digest, ErrorName};
use narrate::Pronunciations;
use phrases::Phrasebook;
use storage::secret::{SecretName, SecretString, Secrets};
use storage::vault::{Keys, Vault};

use crate::failure::Failure;
use crate::folder::{FolderStore, SCRATCH};

/// Where things are.
#[derive(Clone, Debug, clap::Args)]
pub struct Folders {
    /// The folder of the three workbooks
    #[arg(long, value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The folder for all that is made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
    /// The folder of brand.toml, backgrounds, music, logo and fonts
    #[arg(long, value_name = "DIR", default_value = "assets", env = "BESPOKE_ASSETS")]
    pub assets: PathBuf,
    /// The product catalogue [default: catalogue.json beside the workbooks, or else data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
    /// The words of categories and topics [default: lexicon.toml beside the workbooks, or else data/lexicon.toml]
    #[arg(long, value_name = "FILE", env = "BESPOKE_LEXICON")]
    pub lexicon: Option<PathBuf>,
}

/// The file that was asked for, or the one of this name beside the workbooks, or else the project's own.
fn beside(data: &Path, asked: Option<&PathBuf>, name: &str) -> PathBuf {
    match asked {
        Some(path) => path.clone(),
        None if data.join(name).exists() => data.join(name),
        None => Path::new("data").join(name),
    }
}

/// The catalogue that goes with the workbooks in `data`.
pub fn catalogue(data: &Path, asked: Option<&PathBuf>) -> Result<Catalogue, Failure> {
    Ok(Catalogue::from_json(&read(&beside(data, asked, "catalogue.json"))?)?)
}

/// The lexicon that goes with the workbooks in `data`.
pub fn lexicon(data: &Path, asked: Option<&PathBuf>) -> Result<Lexicon, Failure> {
    Ok(Lexicon::from_toml(&text(&beside(data, asked, "lexicon.toml"))?)?)
}

/// Returns the phrasebook beside the workbooks in `data`, or else the project's own, or else the packaged one. A book
/// without a file of approvals has no approved line.
pub fn phrasebook(data: &Path) -> Result<Phrasebook, Failure> {
    let path = beside(data, None, "phrases/en.toml");
    if !path.exists() {
        return Ok(Phrasebook::packaged());
    }
    let approvals = path.with_extension("approvals.csv");
    let approvals = if approvals.exists() { text(&approvals)? } else { String::new() };
    Ok(Phrasebook::parse(&text(&path)?, &approvals)?)
}

/// How the bank looks, as the folder of assets has it.
pub fn brand(assets: &Path) -> Result<Brand, Failure> {
    Ok(Brand::from_toml(&text(&assets.join("brand.toml"))?)?)
}

/// The three workbooks as they lie, and the password if one of them has one.
pub struct Books {
    /// In the order of [`Workbook::ALL`].
    pub files: [Vec<u8>; 3],
    /// The password.
    pub password: Option<SecretString>,
}

impl Books {
    /// Reads the workbooks of the folder `data`.
    pub async fn read(data: &Path, secrets: &dyn Secrets) -> Result<Self, Failure> {
        let mut files = [const { Vec::new() }; 3];
        for (workbook, file) in Workbook::ALL.into_iter().zip(&mut files) {
            let path = data.join(workbook.file_name());
            *file = match std::fs::read(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_found(&path, data)),
                read => read.map_err(Failure::file(ErrorName::InputMissingWorkbook, &path))?,
            };
        }
        let protected = files.iter().any(|file| merge::is_protected(file));
        let password = if protected { Some(secrets.get(SecretName::WorkbookPassword).await?) } else { None };
        Ok(Self { files, password })
    }
}

/// What is said of a workbook that is not there.
#[must_use]
pub fn not_found(workbook: &Path, data: &Path) -> Failure {
    Failure::told(
        ErrorName::InputMissingWorkbook,
        format!("{}: not found", workbook.display()),
        format!("put it there, or make samples: bespoke sample --out {}", data.display()),
    )
}

/// The bank's own material, read and checked.
pub struct Project {
    /// Where things are.
    pub folders: Folders,
    /// The approved products.
    pub catalogue: Catalogue,
    /// The approved phrases.
    pub phrases: Phrasebook,
    /// The words of categories and topics.
    pub lexicon: Lexicon,
    /// How the bank looks.
    pub brand: Brand,
    /// How the bank's words are said.
    pub pronunciations: Pronunciations,
    /// Digest of the brand and every file that it names.
    pub assets: Digest,
}

impl Project {
    /// Reads catalogue, lexicon and brand.
    pub fn load(folders: Folders) -> Result<Self, Failure> {
        let catalogue = catalogue(&folders.data, folders.catalogue.as_ref())?;
        let lexicon = lexicon(&folders.data, folders.lexicon.as_ref())?;
        let phrases = phrasebook(&folders.data)?;
        let brand = brand(&folders.assets)?;
        let assets = render::assets_digest(&folders.assets, &brand)?;
        let pronunciations = Pronunciations::read(&folders.assets, &brand)?;
        Ok(Self { folders, catalogue, phrases, lexicon, brand, pronunciations, assets })
    }

    /// The batch's name on one machine: there is one folder of workbooks at a time.
    ///
    /// # Panics
    /// Never: the name is valid.
    #[must_use]
    pub fn batch() -> Batch {
        Batch::parse("local").expect("a valid name")
    }

    /// The folder as a store, with the workbooks mounted where an upload would lie, and the folder `backgrounds` beside them
    /// where the bucket has the bank's own.
    pub fn store(&self) -> Result<FolderStore, Failure> {
        let artifacts = &self.folders.artifacts;
        let store = FolderStore::open(artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?;
        let backgrounds = Prefix::Backgrounds.to_string();
        Ok(store
            .mount(&format!("incoming/{}", Self::batch()), &self.folders.data)
            .mount(backgrounds.trim_end_matches('/'), &self.folders.data.join("backgrounds")))
    }

    /// Takes the folder for this process alone.
    pub fn lock(&self) -> Result<Lock, Failure> {
        Lock::take(&self.folders.artifacts)
    }
}

impl Lock {
    /// Takes the folder of artefacts for this process alone, and sweeps what a killed one left in the scratch folder.
    pub fn take(artifacts: &Path) -> Result<Self, Failure> {
        let path = artifacts.join(".lock");
        let unavailable = |error| Failure::file(ErrorName::StoreUnavailable, &path)(error);
        let file = std::fs::File::options().create(true).append(true).open(&path).map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let message = format!("another bespoke works on {}", artifacts.display());
                return Err(Failure::told(
                    ErrorName::RunBusy,
                    message,
                    "wait for it, or give --artifacts another folder",
                ));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(unavailable(error)),
        }
        let scratch = artifacts.join(SCRATCH);
        sweep(&scratch).map_err(Failure::file(ErrorName::StoreUnavailable, &scratch))?;
        Ok(Self { _file: file, scratch })
    }
}

/// Holds the folder until it is dropped.
pub struct Lock {
    _file: std::fs::File,
    /// The folder for temporary files, empty at first.
    pub scratch: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whatever could not be swept now is swept by the next run.
        let _swept = sweep(&self.scratch);
    }
}

fn sweep(scratch: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(scratch)? {
        let path = entry?.path();
        if path.is_dir() { std::fs::remove_dir_all(&path)? } else { std::fs::remove_file(&path)? }
    }
    Ok(())
}

/// A vault over `store` with the keys of `secrets`.
pub async fn vault(store: Arc<FolderStore>, secrets: &dyn Secrets) -> Result<Vault, Failure> {
    Ok(Vault::new(store, Keys::from_secrets(secrets).await?))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(Failure::file(ErrorName::ConfigInvalid, path))
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(Failure::file(ErrorName::ConfigInvalid, path))
}
