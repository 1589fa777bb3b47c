//! The folders of a project, and the bank's materials in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assess::Lexicon;
use contracts::brand::{Brand, ensure_rules};
use contracts::catalogue::{Catalogue, CatalogueError};
use contracts::key::{Prefix, Workbook};
use contracts::settings::Settings;
use contracts::{Batch, Digest, ErrorName, Language, Languages, ObjectKey};
use narrate::Pronunciations;
use phrases::materials::{ensure_approved, packaged_approvals};
use phrases::{Approvals, BookSource, Phrasebooks};
use storage::secret::{SecretName, SecretString, Secrets};
use storage::vault::{Keys, Vault};

use crate::failure::Failure;
use crate::folder::{FolderStore, SCRATCH};
use crate::intake::{self, IntakeGuard};

/// The folders and files of a project.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The folder with the three workbooks.
    pub data: PathBuf,
    /// The folder with the local store.
    pub artifacts: PathBuf,
    /// The folder with `brand.toml`, backgrounds, music, logo and fonts.
    pub assets: PathBuf,
    /// The product catalog. `None` selects `catalogue.json` beside the workbooks, or `data/catalogue.json`.
    pub catalogue: Option<PathBuf>,
    /// The words for categories and topics. `None` selects `lexicon.toml` beside the workbooks, or `data/lexicon.toml`.
    pub lexicon: Option<PathBuf>,
}

/// Returns `named` if given, or else the file called `name` beside the workbooks, or else the one in the project's
/// `data` folder.
fn beside(data: &Path, named: Option<&PathBuf>, name: &str) -> PathBuf {
    match named {
        Some(path) => path.clone(),
        None if data.join(name).exists() => data.join(name),
        None => Path::new("data").join(name),
    }
}

/// Reads the catalog for the workbooks in `data`.
pub fn catalogue(data: &Path, named: Option<&PathBuf>) -> Result<Catalogue, Failure> {
    Ok(Catalogue::from_json(&read(&beside(data, named, "catalogue.json"))?)?)
}

/// Reads the lexicon for the workbooks in `data`.
pub fn lexicon(data: &Path, named: Option<&PathBuf>) -> Result<Lexicon, Failure> {
    Ok(Lexicon::from_toml(&text(&beside(data, named, "lexicon.toml"))?)?)
}

/// Reads the phrasebooks beside the catalog, or else those beside the workbooks. If there are none, uses the packaged
/// phrasebooks for the sample catalog, and fails for any other catalog. If a phrasebook has no approvals file, none of
/// its lines is approved. `bank` is the bank's language, in which there must be a phrasebook.
pub fn phrasebooks(folders: &Folders, catalogue: &Catalogue, bank: Language) -> Result<Phrasebooks, Failure> {
    let by_catalogue = beside(&folders.data, folders.catalogue.as_ref(), "catalogue.json");
    for folder in [by_catalogue.parent().unwrap_or(Path::new(".")), &folders.data] {
        let mut sources = BTreeMap::new();
        for language in Language::ALL {
            let path = folder.join("phrases").join(format!("{language}.toml"));
            if path.exists() {
                let approvals = path.with_extension("approvals.csv");
                let approvals = if approvals.exists() { text(&approvals)? } else { String::new() };
                sources.insert(language, BookSource { book: text(&path)?, approvals });
            }
        }
        if !sources.is_empty() {
            return Ok(Phrasebooks::parse(bank, &sources)?);
        }
    }
    Ok(Phrasebooks::packaged_for(catalogue, bank)?)
}

/// Returns the languages in which the bank addresses customers. If the phrasebooks or the brand cannot be read, returns
/// only the bank's own language. A run reports the error.
#[must_use]
pub fn languages(folders: &Folders, catalogue: &Catalogue, bank: Language) -> Languages {
    let books = phrasebooks(folders, catalogue, bank);
    let brand = brand(&folders.assets);
    match (books, brand) {
        (Ok(books), Ok(brand)) => books.languages(bank, &brand),
        _ => Languages::new(bank, []),
    }
}

/// Reads the approvals beside the catalog. If there is no such file, the packaged approvals apply, which cover only the
/// sample catalog.
pub fn material_approvals(folders: &Folders) -> Result<Approvals, Failure> {
    let path = beside(&folders.data, folders.catalogue.as_ref(), "catalogue.json").with_extension("approvals.csv");
    if !path.exists() {
        return Ok(packaged_approvals());
    }
    let help = "repair the CSV file, or approve again: bespoke catalogue approve";
    let invalid = |error| Failure::new(ErrorName::ConfigInvalid, format!("{}: {error}", path.display()), help);
    Approvals::parse(&text(&path)?).map_err(invalid)
}

/// Reads the brand from the assets folder.
pub fn brand(assets: &Path) -> Result<Brand, Failure> {
    Ok(Brand::from_toml(&text(&assets.join("brand.toml"))?)?)
}

/// The three workbooks as files, with their password if any of them is encrypted.
pub struct Workbooks {
    /// The files, in the order of [`Workbook::ALL`].
    pub files: [Vec<u8>; 3],
    /// The password of the workbooks, or `None` if none of them is encrypted.
    pub password: Option<SecretString>,
}

impl Workbooks {
    /// Reads the workbooks in a separate process first. Fails with a named error if they exceed its limits.
    pub async fn guard(&self, settings: &Settings, catalogue: &Catalogue) -> Result<(), Failure> {
        let program = intake::this_program();
        let guard = IntakeGuard { program: program.as_deref(), artifacts: None, settings, catalogue };
        let files: Vec<_> = Workbook::ALL.into_iter().zip(&self.files).collect();
        guard.read(&files, self.password.as_ref()).await
    }

    /// Reads the workbooks in the `data` folder.
    pub async fn read(data: &Path, secrets: &dyn Secrets) -> Result<Self, Failure> {
        let mut files = [const { Vec::new() }; 3];
        for (workbook, file) in Workbook::ALL.into_iter().zip(&mut files) {
            let path = workbook_path(data, workbook);
            *file = match std::fs::read(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(workbook_not_found(&path, data));
                }
                read => read.map_err(Failure::file(ErrorName::InputMissingWorkbook, &path))?,
            };
        }
        let protected = files.iter().any(|file| merge::is_encrypted(file));
        let password = if protected { Some(secrets.get(SecretName::WorkbookPassword).await?) } else { None };
        Ok(Self { files, password })
    }
}

/// Returns the path of a workbook in a folder, or of the CSV file that takes its place.
#[must_use]
pub fn workbook_path(data: &Path, workbook: Workbook) -> PathBuf {
    let path = data.join(workbook.file_name());
    let table = path.with_extension("csv");
    if !path.exists() && table.exists() { table } else { path }
}

/// Returns the error for a workbook that does not exist.
#[must_use]
pub fn workbook_not_found(workbook: &Path, data: &Path) -> Failure {
    Failure::new(
        ErrorName::InputMissingWorkbook,
        format!("{}: not found", workbook.display()),
        format!("put it there, or create samples: bespoke sample --out {}", data.display()),
    )
}

/// The bank's materials, read and checked.
pub struct Project {
    /// The folders that the materials were read from.
    pub folders: Folders,
    /// The approved products.
    pub catalogue: Catalogue,
    /// The bank's language.
    pub language: Language,
    /// The approved phrases.
    pub phrases: Phrasebooks,
    /// The words for categories and topics.
    pub lexicon: Lexicon,
    /// The brand.
    pub brand: Brand,
    /// The pronunciations of the bank's own words.
    pub pronunciations: Pronunciations,
    /// The digest of the brand and of every file that it refers to.
    pub assets: Digest,
}

impl Project {
    /// Reads and checks the catalog, the lexicon, the phrasebooks, the brand and the pronunciations. `language` is the
    /// bank's language.
    pub fn load(folders: Folders, language: Language) -> Result<Self, Failure> {
        let catalogue = catalogue(&folders.data, folders.catalogue.as_ref())?;
        let lexicon = lexicon(&folders.data, folders.lexicon.as_ref())?;
        let phrases = phrasebooks(&folders, &catalogue, language)?;
        let brand = brand(&folders.assets)?;
        ensure_rules(&catalogue, &brand)?;
        let problems = recommend::guard::check_catalogue(&catalogue);
        if !problems.is_empty() {
            return Err(CatalogueError::Problems(problems).into());
        }
        let assets = render::assets_digest(&folders.assets, &brand)?;
        let pronunciations = Pronunciations::read(&folders.assets, &brand)?;
        Ok(Self { folders, catalogue, language, phrases, lexicon, brand, pronunciations, assets })
    }

    /// Fails unless the catalog and the market's rules are approved in their current form, as a campaign requires.
    pub fn ensure_approved(&self) -> Result<(), Failure> {
        let approvals = material_approvals(&self.folders)?;
        Ok(ensure_approved(&self.catalogue, self.brand.institution, &approvals)?)
    }

    /// Returns the languages in which the bank addresses customers.
    #[must_use]
    pub fn languages(&self) -> Languages {
        self.phrases.languages(self.language, &self.brand)
    }

    /// Returns the digest of the phrasebooks' current files, so an approval withdrawn during a run no longer counts. If a
    /// phrasebook can no longer be read, the digest differs from that of every phrasebook.
    #[must_use]
    pub fn current_phrases(&self) -> Digest {
        let books = phrasebooks(&self.folders, &self.catalogue, self.language);
        books.map_or_else(|_| Digest::of(b"unreadable"), |books| books.digest())
    }

    /// Returns the name of the batch on one machine, where there is only one folder of workbooks at a time.
    ///
    /// # Panics
    /// Never: the name is valid.
    #[must_use]
    pub fn batch() -> Batch {
        Batch::parse("local").expect("a valid name")
    }

    /// Opens the artifacts folder as a store. Mounts the workbooks at the keys of an upload, and the `backgrounds`
    /// folder beside them at the keys of the bank's backgrounds.
    pub fn store(&self) -> Result<FolderStore, Failure> {
        let artifacts = &self.folders.artifacts;
        let store = FolderStore::open(artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?;
        let backgrounds = Prefix::Backgrounds.to_string();
        let store = store.mount(backgrounds.trim_end_matches('/'), &self.folders.data.join("backgrounds"));
        // Mount a CSV file in place of a workbook that is missing.
        let tables = Workbook::ALL.into_iter().fold(store, |store, workbook| {
            let key = ObjectKey::Incoming(Self::batch(), workbook).to_string();
            store.mount(&key, &workbook_path(&self.folders.data, workbook))
        });
        Ok(tables.mount(&format!("incoming/{}", Self::batch()), &self.folders.data))
    }

    /// Locks the artifacts folder for this process.
    pub fn lock(&self) -> Result<Lock, Failure> {
        Lock::take(&self.folders.artifacts)
    }
}

impl Lock {
    /// Locks the artifacts folder like [`Self::take`], or returns `None` if another process is using it.
    pub fn try_take(artifacts: &Path) -> Result<Option<Self>, Failure> {
        match Self::take(artifacts) {
            Err(failure) if failure.name() == ErrorName::RunBusy => Ok(None),
            taken => taken.map(Some),
        }
    }

    /// Locks the artifacts folder for this process. Empties the scratch folder, in case a killed process left files
    /// behind.
    pub fn take(artifacts: &Path) -> Result<Self, Failure> {
        let path = artifacts.join(".lock");
        let unavailable = |error| Failure::file(ErrorName::StoreUnavailable, &path)(error);
        let file = std::fs::File::options().create(true).append(true).open(&path).map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let message = format!("another bespoke process is using {}", artifacts.display());
                return Err(Failure::new(
                    ErrorName::RunBusy,
                    message,
                    "wait for it to end, or specify another folder with --artifacts",
                ));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(unavailable(error)),
        }
        let scratch = artifacts.join(SCRATCH);
        empty(&scratch).map_err(Failure::file(ErrorName::StoreUnavailable, &scratch))?;
        Ok(Self { _file: file, scratch })
    }
}

/// The lock on the artifacts folder. Dropping it unlocks the folder.
pub struct Lock {
    _file: std::fs::File,
    /// The folder for temporary files, empty at the start.
    pub scratch: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The next run removes any file that remains.
        let _emptied = empty(&self.scratch);
    }
}

fn empty(scratch: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(scratch)? {
        let path = entry?.path();
        if path.is_dir() { std::fs::remove_dir_all(&path)? } else { std::fs::remove_file(&path)? }
    }
    Ok(())
}

/// Returns a vault on top of `store`, with the keys from `secrets`.
pub async fn vault(store: Arc<FolderStore>, secrets: &dyn Secrets) -> Result<Vault, Failure> {
    Ok(Vault::new(store, Keys::from_secrets(secrets).await?))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(Failure::file(ErrorName::ConfigInvalid, path))
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(Failure::file(ErrorName::ConfigInvalid, path))
}
