//! The merge stage: decrypts the three workbooks of a batch, validates them, joins them by customer, gates by consent, and
//! writes the sealed dataset.
//!
//! **Invariant:** decrypted workbooks exist only in memory and are zeroed; no cell's content and no customer id is in an
//! error, a log or a key; what a customer did not consent to is never written. Knows nothing of AWS, of files on a disk,
//! or of other stages.

mod dataset;
mod error;
mod join;
mod protected;
mod report;
mod sheet;
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

pub use error::{Content, Error};
pub use protected::{PROTECTED, Protected, protected};
pub use report::{CustomerCount, FileCount, Problem, Report};
pub use unlock::{Limits, is_protected};

use join::Joining;
use sheet::{read_sheet, required};
use unlock::unlock;

/// What merge works with.
pub struct Deps<'a> {
    /// Seals, and keeps the store.
    pub vault: &'a Vault,
    /// Where the workbooks' password comes from.
    pub secrets: &'a dyn Secrets,
    /// The settings in force.
    pub settings: &'a Settings,
    /// The approved products, by which the products that a customer holds are known.
    pub catalogue: &'a Catalogue,
    /// When the workbooks are read, for the evidence.
    pub now: Timestamp,
}

/// What `datasets/uploads/<digest>.json` holds.
#[derive(Serialize, Deserialize)]
struct Upload {
    dataset: DatasetId,
    customers: usize,
}

/// The files of a batch as they lie.
struct Files {
    bytes: [Bytes; 3],
    digest: Digest,
}

/// Makes the batch's workbooks into a dataset, or finds the one that they became before.
///
/// # Panics
/// Never: what it writes as JSON are plain fields.
pub async fn run(input: MergeInput, deps: &Deps<'_>) -> Result<MergeOutput, Error> {
    let files = Files::read(deps.vault.store(), &input.batch).await?;
    let request = checked_request(&input, &files, deps).await?;
    let upload = ObjectKey::Upload(files.inputs(deps));
    let found = if let Some(found) = find_upload(deps.vault.store(), &upload).await? {
        found
    } else {
        let (mut records, report) = read_and_join(files, deps).await?;
        let forgotten = forgotten(deps.vault.store()).await?;
        records.retain(|record| !forgotten.contains(record.reference()));
        let made = write_dataset(records, &report, deps).await?;
        let json = serde_json::to_vec(&made).expect("two plain fields");
        deps.vault.store().put_new(&upload, json.into()).await?;
        made
    };
    let customers = write_run_index(&input, &found.dataset, request.only.as_ref(), deps.vault.store()).await?;
    Ok(MergeOutput { run: input.run, dataset: found.dataset, customers })
}

/// Who was forgotten: nothing of them is taken in again.
async fn forgotten(store: &dyn ObjectStore) -> Result<BTreeSet<CustomerRef>, Error> {
    let listed = store.list(&Prefix::Forgotten).await?;
    Ok(listed.iter().filter_map(|listed| ObjectKey::customer_of(&listed.key)).collect())
}

/// The digest of a batch's three files as they lie: what a request names as its upload.
pub async fn upload_digest(store: &dyn ObjectStore, batch: &Batch) -> Result<Digest, Error> {
    Ok(Files::read(store, batch).await?.digest)
}

/// The customer ids of a profile workbook, sorted, for a terminal that shows them to whoever holds the password.
pub fn customer_ids(profile: &[u8], password: &SecretString, settings: &Settings) -> Result<Vec<CustomerId>, Error> {
    let (file, limits) = (Workbook::Profile, Limits::default());
    let package = unlock(file, profile, Some(password), settings.intake.allow_unprotected, &limits)?;
    let mut ids = BTreeSet::new();
    let renamed = settings.intake.columns.get(&file);
    read_sheet(file, &package, &[required("customer_id")], renamed, &limits, |row| {
        ids.extend(row.cells.iter().filter_map(|cell| cell.customer_id().ok()));
    })?;
    Ok(ids.into_iter().collect())
}

impl Files {
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

    /// The digest of all that determines the dataset and the references in it.
    fn inputs(&self, deps: &Deps<'_>) -> Digest {
        Digest::of_parts([
            self.digest.as_bytes().as_slice(),
            Digest::of_json(&deps.settings.intake).as_bytes(),
            deps.catalogue.digest().as_bytes(),
            deps.vault.keys().id().as_bytes(),
            env!("CARGO_PKG_VERSION").as_bytes(),
        ])
    }
}

/// The run was started for these very files, this catalogue and these settings, and its evidence will say so.
async fn checked_request(input: &MergeInput, files: &Files, deps: &Deps<'_>) -> Result<Request, Error> {
    let key = ObjectKey::Run(input.run.clone(), RunPart::Request);
    let (request, _): (Request, _) = deps.vault.read_json(Owner::Run, &key).await?;
    let inputs = [
        ("batch", request.batch == input.batch),
        ("workbooks", request.upload == files.digest),
        ("catalogue", request.catalogue == deps.catalogue.digest()),
        ("settings", request.settings == deps.settings.digest()),
    ];
    match inputs.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(Error::Changed { what }),
        None => Ok(request),
    }
}

/// Writes which lines of the dataset the run is for, all or one, and gives their number.
async fn write_run_index(
    input: &MergeInput,
    dataset: &DatasetId,
    only: Option<&CustomerRef>,
    store: &dyn ObjectStore,
) -> Result<usize, Error> {
    let whole = ObjectKey::Dataset(dataset.clone(), DatasetPart::Index);
    let rows = read_index(&whole, &store.get(&whole).await?)?;
    let wanted: Vec<IndexRow> = rows.into_iter().filter(|row| only.is_none_or(|only| row.reference == *only)).collect();
    if let Some(only) = only
        && store.find(&ObjectKey::Forgotten(only.clone())).await?.is_some()
    {
        return Err(Error::Forgotten { batch: input.batch.clone() });
    }
    if only.is_some() && wanted.is_empty() {
        return Err(Error::UnknownCustomer { batch: input.batch.clone() });
    }
    let key = ObjectKey::Run(input.run.clone(), RunPart::Index);
    let index = dataset::index_csv(&wanted);
    if store.put_new(&key, index.clone().into()).await? == PutOutcome::AlreadyThere && *store.get(&key).await? != *index
    {
        // The dataset was sealed anew since: the run's own index leads into lines that are there no more.
        return Err(VaultError::Conflict { place: key.to_string() }.into());
    }
    Ok(wanted.len())
}

fn read_index(key: &ObjectKey, csv: &[u8]) -> Result<Vec<IndexRow>, Error> {
    IndexRow::read_all(csv)
        .map_err(|_| VaultError::Broken { place: key.to_string(), reason: "not an index of customers" }.into())
}

/// What the same upload became before, if all of it still lies there.
async fn find_upload(store: &dyn ObjectStore, key: &ObjectKey) -> Result<Option<Upload>, Error> {
    let Some(json) = store.find(key).await? else { return Ok(None) };
    let upload: Upload = serde_json::from_slice(&json).map_err(|error| VaultError::Malformed {
        place: key.to_string(),
        line: error.line(),
        column: error.column(),
    })?;
    let index = ObjectKey::Dataset(upload.dataset.clone(), DatasetPart::Index);
    Ok(store.find(&index).await?.map(|_| upload))
}

async fn read_and_join(files: Files, deps: &Deps<'_>) -> Result<(Vec<CustomerRecord>, Report), Error> {
    let needs_password = files.bytes.iter().any(|file| is_protected(file));
    let password = if needs_password { Some(deps.secrets.get(SecretName::WorkbookPassword).await?) } else { None };
    let (vault, catalogue, now) = (deps.vault.clone(), deps.catalogue.clone(), deps.now);
    let intake = deps.settings.intake.clone();
    tokio::task::spawn_blocking(move || join(&files.bytes, password.as_ref(), &intake, &catalogue, vault.keys(), now))
        .await?
}

/// Decrypts, reads and joins the three workbooks, in the order of [`Workbook::ALL`], and writes nothing: the records, each
/// with the reference that `keys` give, and the report.
pub fn join(
    files: &[impl AsRef<[u8]>; 3],
    password: Option<&SecretString>,
    intake: &IntakeSettings,
    catalogue: &Catalogue,
    keys: &Keys,
    now: Timestamp,
) -> Result<(Vec<CustomerRecord>, Report), Error> {
    let mut joining = Joining::new(catalogue, now);
    let found = Workbook::ALL.into_iter().zip(files);
    match join_files(found, true, password, intake, &Limits::default(), &mut joining) {
        errors if errors.is_empty() => Ok(joining.finish(keys)),
        errors => Err(Error::of_several(errors)),
    }
}

/// What a look at three workbooks found.
#[derive(Debug)]
pub struct Checked {
    /// What was read, kept and set aside, as far as it could be read.
    pub report: Report,
    /// Each workbook that cannot be used; none if a run could be started.
    pub errors: Vec<Error>,
}

/// Reads whatever of the three workbooks is there, in the order of [`Workbook::ALL`], as a run would, and writes nothing.
#[must_use]
pub fn check(
    files: &[(Workbook, Vec<u8>)],
    password: Option<&SecretString>,
    intake: &IntakeSettings,
    catalogue: &Catalogue,
    now: Timestamp,
    limits: &Limits,
) -> Checked {
    let mut joining = Joining::new(catalogue, now);
    let found = files.iter().map(|(file, bytes)| (*file, bytes));
    let all_there = files.len() == Workbook::ALL.len();
    let errors = join_files(found, all_there, password, intake, limits, &mut joining);
    // The records with these references go nowhere.
    let (_, report) = joining.finish(&Keys::new([0; 32], [0; 32]));
    Checked { report, errors }
}

/// Decrypts, reads and joins; gives what is wrong with each workbook. Each is dropped before the next is decrypted. After
/// one that cannot be used, or if not `all_there`, they are read and not joined, so that all that is wrong is told at once.
fn join_files<'f>(
    files: impl Iterator<Item = (Workbook, &'f (impl AsRef<[u8]> + 'f))>,
    all_there: bool,
    password: Option<&SecretString>,
    intake: &IntakeSettings,
    limits: &Limits,
    joining: &mut Joining<'_>,
) -> Vec<Error> {
    let mut errors = Vec::new();
    for (file, bytes) in files {
        let joinable = all_there && errors.is_empty();
        let read = unlock(file, bytes.as_ref(), password, intake.allow_unprotected, limits).and_then(|package| {
            read_sheet(file, &package, join::columns(file), intake.columns.get(&file), limits, |row| {
                if joinable {
                    joining.row(file, &row);
                }
            })
        });
        match read {
            Ok(sheet) if joinable => {
                joining.done(file, sheet);
                errors.extend(too_many_bad_rows(joining, intake));
            }
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
    }
    errors
}

/// Bad rows are set aside up to a share of each workbook; beyond it, something is wrong with the workbook as a whole.
fn too_many_bad_rows(joining: &Joining<'_>, intake: &IntakeSettings) -> Option<Error> {
    let (count, problems) = joining.bad_rows()?;
    #[expect(clippy::cast_precision_loss, reason = "a sheet has about a million rows")]
    let most = intake.max_bad_rows * count.read as f64;
    #[expect(clippy::cast_precision_loss, reason = "a sheet has about a million rows")]
    let too_many = count.set_aside as f64 > most;
    too_many.then_some(Error::TooManyBadRows { file: count.file, bad: count.set_aside, rows: count.read, problems })
}

/// Writes the dataset's three parts, each adopted if it lies there already: the lines first, the index of the lines that
/// lie there, then the report. Sealing is salted, so of two writers only the first one's lines count.
async fn write_dataset(mut records: Vec<CustomerRecord>, report: &Report, deps: &Deps<'_>) -> Result<Upload, Error> {
    let store = deps.vault.store();
    let digest = dataset::dataset_digest(deps.vault.keys(), &mut records);
    let dataset = dataset::dataset_id(&digest);
    let part = |part| ObjectKey::Dataset(dataset.clone(), part);
    let references: Vec<CustomerRef> = records.iter().map(|record| record.reference().clone()).collect();

    let place = part(DatasetPart::Customers);
    let lines = if let Some(lines) = store.find(&place).await? {
        lines
    } else {
        let forgotten = deps.vault.make_customer_keys(&references).await?;
        if !forgotten.is_empty() {
            // Forgotten while the workbooks were read: without them it is another dataset.
            records.retain(|record| !forgotten.contains(record.reference()));
            return Box::pin(write_dataset(records, report, deps)).await;
        }
        let lines = Bytes::from(dataset::seal_lines(deps.vault, digest, records).await?);
        match store.put_new(&place, lines.clone()).await? {
            PutOutcome::Created => lines,
            PutOutcome::AlreadyThere => store.get(&place).await?,
        }
    };
    let reason = "does not hold one line for each customer";
    let broken = || VaultError::Broken { place: place.to_string(), reason };
    let index = dataset::index(&references, &lines).ok_or_else(broken)?;
    let report = serde_json::to_vec_pretty(report).expect("a report is plain fields");
    store.put_new(&part(DatasetPart::Report), report.into()).await?;
    store.put_new(&part(DatasetPart::Index), dataset::index_csv(&index).into()).await?;
    tracing::info!(%dataset, customers = references.len(), "the dataset is written");
    Ok(Upload { dataset, customers: references.len() })
}
