//! The merge stage: decrypts a batch's three workbooks, validates them, joins them by customer and writes the sealed
//! dataset. It applies the consent gate while joining.
//!
//! **Invariant:** decrypted workbooks exist only in memory and are zeroed. No error, log or key contains a customer id
//! or a cell's content, except column headers and currency codes. Data whose use a customer did not consent to is never
//! written. The crate does not depend on AWS, files on disk, or other stages.

mod agile;
mod amount;
mod amount_survey;
mod answers;
mod category;
mod cell_rule;
mod columns;
mod container;
mod dataset;
mod date_survey;
mod delimited;
mod error;
mod join;
mod likely_products;
mod names;
mod normal;
mod package;
mod protected;
mod report;
mod sheet;
mod stop_columns;
mod unlock;
mod value;

use std::collections::BTreeSet;

use bytes::Bytes;
use contracts::catalogue::Catalogue;
use contracts::key::{DatasetPart, Prefix, RunPart, Workbook};
use contracts::request::Request;
use contracts::settings::{IntakeSettings, Settings};
use contracts::stage::{IndexRow, MergeInput, MergeOutput};
use contracts::{Batch, CustomerId, CustomerRef, DatasetId, Digest, ObjectKey};
use jiff::Timestamp;
use policy::customer::CustomerRecord;
use serde::{Deserialize, Serialize};
use storage::secret::{SecretName, SecretString, Secrets};
use storage::store::{ObjectStore, PutOutcome};
use storage::vault::{Keys, Owner, Vault, VaultError};

pub use category::is_ignored_category;
pub use error::{DamagedPart, Error, FileKind};
pub use protected::{
    LookalikeColumn, PROTECTED_COLUMNS, ProtectedAttributes, ProtectedProfile, read_protected_attributes,
};
pub use report::{ColumnWarning, CustomerCount, FileCount, IntakeReport, ProblemGroup, RowProblem, UnknownAnswer};
pub use unlock::{IntakeLimits, is_encrypted};

use delimited::read_delimited;
use join::Join;
use sheet::{SheetRequest, SheetRow, SheetSummary, read_sheets};
use unlock::{is_delimited, unlock};

/// The dependencies of the stage.
pub struct Deps<'a> {
    /// The vault that seals and opens objects, with its store.
    pub vault: &'a Vault,
    /// The source of the workbooks' password.
    pub secrets: &'a dyn Secrets,
    /// The settings in effect.
    pub settings: &'a Settings,
    /// The approved products, which are used to identify a customer's products.
    pub catalogue: &'a Catalogue,
    /// The current time, which the evidence records as the time of reading.
    pub now: Timestamp,
}

/// The contents of `datasets/uploads/<digest>.json`: the dataset that was built from an upload.
#[derive(Serialize, Deserialize)]
struct UploadRecord {
    dataset: DatasetId,
    customers: usize,
}

/// The three files of a batch, as uploaded.
struct BatchFiles {
    bytes: [Bytes; 3],
    digest: Digest,
}

/// Turns the batch's workbooks into a dataset, or finds the dataset that was built earlier from the same workbooks.
///
/// # Panics
/// Never: it serializes only plain fields.
pub async fn run(input: MergeInput, deps: &Deps<'_>) -> Result<MergeOutput, Error> {
    let files = BatchFiles::read(deps.vault.store(), &input.batch).await?;
    let request = read_request(&input, &files, deps).await?;
    let key = ObjectKey::Upload(files.input_digest(deps));
    let upload = if let Some(found) = find_upload(deps.vault.store(), &key).await? {
        found
    } else {
        let (mut records, report) = read_and_join(files, deps).await?;
        let erased = erased_customers(deps.vault.store()).await?;
        records.retain(|record| !erased.contains(record.reference()));
        let written = write_dataset(records, &report, deps).await?;
        let json = serde_json::to_vec(&written).expect("two plain fields");
        deps.vault.store().put_new(&key, json.into()).await?;
        written
    };
    let customers = write_run_index(&input, &upload.dataset, &request, deps.vault.store()).await?;
    Ok(MergeOutput { run: input.run, dataset: upload.dataset, customers })
}

/// Returns the customers whose erasure has started. Their rows must not be added again.
async fn erased_customers(store: &dyn ObjectStore) -> Result<BTreeSet<CustomerRef>, Error> {
    let listed = store.list(&Prefix::Forgotten).await?;
    Ok(listed.iter().filter_map(|listed| ObjectKey::customer_of(&listed.key)).collect())
}

/// Returns the digest of a batch's three files. A request records it as its upload.
pub async fn upload_digest(store: &dyn ObjectStore, batch: &Batch) -> Result<Digest, Error> {
    Ok(BatchFiles::read(store, batch).await?.digest)
}

/// Returns the sorted customer ids in a profile workbook, for display in a terminal to a user who has the password.
pub fn customer_ids(profile: &[u8], password: &SecretString, settings: &Settings) -> Result<Vec<CustomerId>, Error> {
    let file = Workbook::Profile;
    let limits = IntakeLimits::default();
    let mut ids = BTreeSet::new();
    let request = SheetRequest { file, columns: columns::columns(file), intake: &settings.intake, limits: &limits };
    read_table(&request, profile, Some(password), |row| ids.extend(row.cells[0].customer_id()))?;
    Ok(ids.into_iter().collect())
}

impl BatchFiles {
    async fn read(store: &dyn ObjectStore, batch: &Batch) -> Result<Self, Error> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for workbook in Workbook::ALL {
            match store.find(&ObjectKey::Incoming(batch.clone(), workbook)).await? {
                Some(bytes) => found.push(bytes),
                None => missing.push(workbook),
            }
        }
        let bytes: [Bytes; 3] =
            found.try_into().map_err(|_| Error::MissingWorkbook { batch: batch.clone(), files: missing })?;
        let digest = Digest::of_parts(bytes.iter().map(AsRef::as_ref));
        Ok(Self { bytes, digest })
    }

    /// Returns the digest of all inputs that determine the dataset and its customer references.
    fn input_digest(&self, deps: &Deps<'_>) -> Digest {
        Digest::of_parts([
            self.digest.as_bytes().as_slice(),
            Digest::of_json(&deps.settings.intake).as_bytes(),
            deps.catalogue.digest().as_bytes(),
            deps.vault.keys().id().as_bytes(),
            env!("CARGO_PKG_VERSION").as_bytes(),
        ])
    }
}

/// Reads the run's request. Fails if the current batch, workbooks, catalog or settings differ from those in the
/// request.
async fn read_request(input: &MergeInput, files: &BatchFiles, deps: &Deps<'_>) -> Result<Request, Error> {
    let key = ObjectKey::Run(input.run.clone(), RunPart::Request);
    let (request, _): (Request, _) = deps.vault.read_json(Owner::Run, &key).await?;
    let inputs = [
        ("batch", request.batch == input.batch),
        ("workbooks", request.upload == files.digest),
        ("catalog", request.catalogue == deps.catalogue.digest()),
        ("settings", request.settings == deps.settings.digest()),
    ];
    match inputs.into_iter().find(|(_, same)| !same) {
        Some((input, _)) => Err(Error::InputChanged { input }),
        None => Ok(request),
    }
}

/// Writes the index for the run: the rows of the dataset's index that the request lists. Returns the number of rows.
async fn write_run_index(
    input: &MergeInput,
    dataset: &DatasetId,
    request: &Request,
    store: &dyn ObjectStore,
) -> Result<usize, Error> {
    let dataset_index = ObjectKey::Dataset(dataset.clone(), DatasetPart::Index);
    let all = read_index(&dataset_index, &store.get(&dataset_index).await?)?;
    let rows: Vec<IndexRow> = all.into_iter().filter(|row| request.lists(&row.reference)).collect();
    if let Some(only) = &request.only
        && store.find(&ObjectKey::Forgotten(only.clone())).await?.is_some()
    {
        return Err(Error::Forgotten { batch: input.batch.clone() });
    }
    if rows.is_empty() && (request.only.is_some() || !request.customers.is_empty()) {
        return Err(Error::UnknownCustomer { batch: input.batch.clone() });
    }
    let key = ObjectKey::Run(input.run.clone(), RunPart::Index);
    let index = dataset::index_csv(&rows);
    if store.put_new(&key, index.clone().into()).await? == PutOutcome::AlreadyExists
        && *store.get(&key).await? != *index
    {
        // The dataset has been sealed again in the meantime, so the run's index refers to lines that no longer exist.
        return Err(VaultError::Conflict { place: key.to_string() }.into());
    }
    Ok(rows.len())
}

fn read_index(key: &ObjectKey, csv: &[u8]) -> Result<Vec<IndexRow>, Error> {
    IndexRow::read_all(csv)
        .map_err(|_| VaultError::Broken { place: key.to_string(), reason: "not a valid customer index" }.into())
}

/// Finds the dataset that was built earlier from the same upload, if its index still exists.
async fn find_upload(store: &dyn ObjectStore, key: &ObjectKey) -> Result<Option<UploadRecord>, Error> {
    let Some(json) = store.find(key).await? else { return Ok(None) };
    let upload: UploadRecord = serde_json::from_slice(&json).map_err(|error| VaultError::Malformed {
        place: key.to_string(),
        line: error.line(),
        column: error.column(),
    })?;
    let index = ObjectKey::Dataset(upload.dataset.clone(), DatasetPart::Index);
    Ok(store.find(&index).await?.map(|_| upload))
}

async fn read_and_join(files: BatchFiles, deps: &Deps<'_>) -> Result<(Vec<CustomerRecord>, IntakeReport), Error> {
    let password = if files.bytes.iter().any(|file| is_encrypted(file)) {
        Some(deps.secrets.get(SecretName::WorkbookPassword).await?)
    } else {
        None
    };
    let vault = deps.vault.clone();
    let catalogue = deps.catalogue.clone();
    let intake = deps.settings.intake.clone();
    let now = deps.now;
    tokio::task::spawn_blocking(move || join(&files.bytes, password.as_ref(), &intake, &catalogue, vault.keys(), now))
        .await?
}

/// Decrypts, reads and joins the three workbooks, in the order of [`Workbook::ALL`]. Does not write anything.
///
/// Returns the records, with references computed from `keys`, and the report.
pub fn join(
    files: &[impl AsRef<[u8]>; 3],
    password: Option<&SecretString>,
    intake: &IntakeSettings,
    catalogue: &Catalogue,
    keys: &Keys,
    now: Timestamp,
) -> Result<(Vec<CustomerRecord>, IntakeReport), Error> {
    let files: Vec<_> = Workbook::ALL.into_iter().zip(files).collect();
    let limits = IntakeLimits::default();
    let reader = Reader { password, intake, limits: &limits };
    let mut join = Join::new(catalogue, intake, now);
    match reader.read_and_join(&files, &mut join) {
        errors if errors.is_empty() => {
            let (records, report) = join.finish(keys);
            for warning in &report.warnings {
                tracing::warn!("{warning}");
            }
            Ok((records, report))
        }
        errors => Err(Error::combine(errors)),
    }
}

/// The result of [`check`].
#[derive(Debug)]
pub struct CheckResult {
    /// The counts and problems in the joined workbooks: if all three were given, those up to the first with an error.
    pub report: IntakeReport,
    /// The errors in the given workbooks. A run can use the batch only if all three were given and this is empty.
    pub errors: Vec<Error>,
    /// The most common consent answers that are neither yes nor no. They are cell contents, so show them only to the
    /// user.
    pub unknown_answers: Vec<UnknownAnswer>,
    /// The most common statuses, products and languages that Bespoke does not recognize. They are cell contents too.
    pub unknown_words: Vec<UnknownAnswer>,
    /// The categories of the payments with the number of payments, most common first. They are cell contents too.
    pub categories: Vec<(String, u32)>,
}

/// Reads the given workbooks as a run would, in the order of [`Workbook::ALL`]. Does not write anything.
#[must_use]
pub fn check(
    files: &[(Workbook, Vec<u8>)],
    password: Option<&SecretString>,
    intake: &IntakeSettings,
    catalogue: &Catalogue,
    now: Timestamp,
    limits: &IntakeLimits,
) -> CheckResult {
    let mut join = Join::new(catalogue, intake, now);
    let files: Vec<_> = files.iter().map(|(file, bytes)| (*file, bytes)).collect();
    let errors = Reader { password, intake, limits }.read_and_join(&files, &mut join);
    // The records are dropped, so their references do not need real keys.
    let unknown_answers = join.unknown_answers();
    let unknown_words = join.unknown_words();
    let categories = join.categories();
    let (_, report) = join.finish(&Keys::new([0; 32], [0; 32]));
    CheckResult { report, errors, unknown_answers, unknown_words, categories }
}

/// Passes the rows of a workbook to `on_row`. If the settings allow files without a password, delimited text is also
/// read.
fn read_table(
    request: &SheetRequest<'_>,
    bytes: &[u8],
    password: Option<&SecretString>,
    on_row: impl FnMut(SheetRow<'_>),
) -> Result<SheetSummary, Error> {
    if is_delimited(bytes) {
        return if request.intake.allow_unprotected {
            read_delimited(request, bytes, on_row)
        } else {
            Err(Error::NotProtected { file: request.file, only: None })
        };
    }
    let package = unlock(request.file, bytes, password, request.intake.allow_unprotected, request.limits)?;
    read_sheets(request, &package, on_row)
}

/// Opens and reads workbooks.
struct Reader<'a> {
    password: Option<&'a SecretString>,
    intake: &'a IntakeSettings,
    limits: &'a IntakeLimits,
}

impl Reader<'_> {
    /// Decrypts, reads and joins the files, and returns the errors in each. Each workbook is dropped before the next
    /// one is decrypted.
    ///
    /// After an error, or if a workbook is missing, the other workbooks are still read but not joined. So one pass
    /// finds most errors in all workbooks.
    fn read_and_join(&self, files: &[(Workbook, impl AsRef<[u8]>)], join: &mut Join<'_>) -> Vec<Error> {
        let complete = files.len() == Workbook::ALL.len();
        let mut errors = Vec::new();
        for (file, bytes) in files {
            let joinable = complete && errors.is_empty();
            let read = self.read(*file, bytes.as_ref(), |row| {
                if joinable {
                    join.add_row(*file, &row);
                }
            });
            match read {
                Ok(summary) => {
                    let unread = self.unread_stops(*file, &summary);
                    if joinable {
                        errors.extend(join.finish_workbook(*file, &summary));
                        errors.extend(too_many_bad_rows(join, self.intake));
                    }
                    errors.extend(unread);
                }
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    /// Returns an error if the name of an unread column suggests customers who must not be contacted.
    fn unread_stops(&self, file: Workbook, summary: &SheetSummary) -> Option<Error> {
        let suspicious =
            |name: &&String| stop_columns::suggests_stop(name) && !stop_columns::is_declined(name, &self.intake.stops);
        let columns: Vec<String> = summary.unread.iter().filter(suspicious).cloned().collect();
        (!columns.is_empty()).then(|| Error::UnreadStops { file, sheet: summary.name(), columns })
    }

    /// Passes each row in the file to `on_row`.
    fn read(&self, file: Workbook, bytes: &[u8], on_row: impl FnMut(SheetRow<'_>)) -> Result<SheetSummary, Error> {
        let request = SheetRequest { file, columns: columns::columns(file), intake: self.intake, limits: self.limits };
        read_table(&request, bytes, self.password, on_row)
    }
}

/// Returns an error if the share of bad rows in the most recent workbook exceeds `intake.max_bad_rows`.
fn too_many_bad_rows(join: &Join<'_>, intake: &IntakeSettings) -> Option<Error> {
    let (count, problems) = join.bad_rows()?;
    #[expect(clippy::cast_precision_loss, reason = "a sheet has at most about a million rows")]
    let allowed = intake.max_bad_rows * count.read as f64;
    #[expect(clippy::cast_precision_loss, reason = "a sheet has at most about a million rows")]
    let too_many = count.set_aside as f64 > allowed;
    too_many.then(|| Error::TooManyBadRows {
        file: count.file,
        sheet: count.sheet.clone(),
        bad: count.set_aside,
        rows: count.read,
        problems,
    })
}

/// Writes the dataset's three parts, and keeps each part that already exists.
///
/// Writes the lines first, then the report, then the index. Sealing is randomized, so each writer produces different
/// bytes. If two writers run concurrently, only the first one's lines count, so the index is built from the stored
/// lines.
async fn write_dataset(
    mut records: Vec<CustomerRecord>,
    report: &IntakeReport,
    deps: &Deps<'_>,
) -> Result<UploadRecord, Error> {
    let store = deps.vault.store();
    let digest = dataset::dataset_digest(deps.vault.keys(), &mut records);
    let dataset = dataset::dataset_id(&digest);
    let part = |part| ObjectKey::Dataset(dataset.clone(), part);
    let references: Vec<CustomerRef> = records.iter().map(|record| record.reference().clone()).collect();

    let lines_key = part(DatasetPart::Customers);
    let lines = if let Some(lines) = store.find(&lines_key).await? {
        lines
    } else {
        let erased = deps.vault.make_customer_keys(&references).await?;
        if !erased.is_empty() {
            // Some customers were erased while the workbooks were being read. Without them, this is a different
            // dataset.
            records.retain(|record| !erased.contains(record.reference()));
            return Box::pin(write_dataset(records, report, deps)).await;
        }
        let lines = Bytes::from(dataset::seal_lines(deps.vault, digest, records).await?);
        match store.put_new(&lines_key, lines.clone()).await? {
            PutOutcome::Created => lines,
            PutOutcome::AlreadyExists => store.get(&lines_key).await?,
        }
    };
    let index = dataset::index(&references, &lines).ok_or_else(|| VaultError::Broken {
        place: lines_key.to_string(),
        reason: "does not hold one line per customer",
    })?;
    let report = serde_json::to_vec_pretty(report).expect("a report contains only plain fields");
    store.put_new(&part(DatasetPart::Report), report.into()).await?;
    store.put_new(&part(DatasetPart::Index), dataset::index_csv(&index).into()).await?;
    tracing::info!(%dataset, customers = references.len(), "wrote the dataset");
    Ok(UploadRecord { dataset, customers: references.len() })
}
