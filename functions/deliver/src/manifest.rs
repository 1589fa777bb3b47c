//! The table of a run for the bank's mail or CRM system: who, how it ended, the link, and when it ends.
//!
//! It is made on demand and kept nowhere: it ties references to people and holds links that open, and nothing else at rest
//! does either. The ids come out of the sealed dataset. Of those who refused, no id was ever kept, and of those who were
//! forgotten none is left: they are listed by reference.

use contracts::evidence::{Manifest, ManifestEntry, Outcome};
use contracts::facts::Skip;
use contracts::key::{DatasetPart, RunPart};
use contracts::settings::DeliverySettings;
use contracts::stage::IndexRow;
use contracts::{CustomerRef, DatasetId, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use policy::customer::{CustomerRecord, open_record};
use serde::Serialize;
use storage::store::StoreError;
use storage::vault::{Vault, VaultError};

use crate::{Error, links, published};

/// How many customers are looked up at once.
const AT_ONCE: usize = 16;

/// One customer of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The bank's own id, as the workbook has it; empty where none is kept.
    pub customer_id: String,
    /// The reference, by which notices name the customer.
    pub reference: String,
    /// `published`, `skipped`, `held`, `failed` or `recalled`, as things stand now.
    pub outcome: String,
    /// Why, where nothing is published.
    pub detail: String,
    /// The customer's link; empty where nothing is published, or the settings name no place for links.
    pub link: String,
    /// When the link ends, RFC 3339.
    pub expires: String,
}

/// Which customers of a table, in the manifest's order.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Those who follow this one.
    pub after: Option<&'a CustomerRef>,
    /// So many.
    pub most: usize,
}

impl Page<'_> {
    /// All of them.
    pub const WHOLE: Self = Self { after: None, most: usize::MAX };
}

/// Makes the table, and a new link for each customer who may be shown something. Earlier links stay good until they end.
pub async fn table(
    run: &RunId,
    page: Page<'_>,
    settings: &DeliverySettings,
    vault: &Vault,
    now: Timestamp,
) -> Result<Vec<Row>, Error> {
    let manifest = read(run, vault).await?;
    let place = |reference: &CustomerRef| manifest.entries.iter().position(|entry| entry.reference == *reference);
    let first = match page.after {
        None => 0,
        Some(reference) => place(reference).ok_or_else(|| Error::NotInRun { run: run.clone() })? + 1,
    };
    let index = vault.store().get(&ObjectKey::Run(run.clone(), RunPart::Index)).await?;
    let key = ObjectKey::Run(run.clone(), RunPart::Index).to_string();
    let lines = IndexRow::read_all(&index)
        .map_err(|_| VaultError::Broken { place: key, reason: "not an index of customers" })?;
    let lines: std::collections::HashMap<_, _> = lines.into_iter().map(|row| (row.reference.clone(), row)).collect();
    let dataset = manifest.dataset.as_ref();
    let rows = stream::iter(manifest.entries.iter().skip(first).take(page.most)).map(|entry| {
        let line = lines.get(&entry.reference);
        async move { row(run, entry, dataset.zip(line), settings, vault, now).await }
    });
    rows.buffered(AT_ONCE).try_collect().await
}

/// The manifest of a run that has ended.
pub(crate) async fn read(run: &RunId, vault: &Vault) -> Result<Manifest, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::ManifestJson);
    let json = vault.store().find(&key).await?.ok_or_else(|| Error::NotEnded { run: run.clone() })?;
    serde_json::from_slice(&json).map_err(|source| Error::Malformed { key: key.to_string(), source })
}

async fn row(
    run: &RunId,
    entry: &ManifestEntry,
    line: Option<(&DatasetId, &IndexRow)>,
    settings: &DeliverySettings,
    vault: &Vault,
    now: Timestamp,
) -> Result<Row, Error> {
    let reference = &entry.reference;
    let outcome = match &entry.outcome {
        Outcome::Published { .. } => published(run, reference, vault.store(), now).await?.map(|_| ()),
        other => Err(other.clone()),
    };
    let made = match outcome {
        Ok(()) => links::make(run, reference, settings, vault.store(), now).await?,
        Err(_) => None,
    };
    let (word, detail) = match outcome {
        Ok(()) => ("published", String::new()),
        Err(Outcome::Skipped { skip: Skip::Recalled }) => ("recalled", Skip::Recalled.because().to_owned()),
        Err(other) => (other.word(), detail(&other)),
    };
    let (address, expires) = made.map_or_else(Default::default, |made| (made.address, made.expires.to_string()));
    Ok(Row {
        customer_id: id(line, vault).await?.unwrap_or_default(),
        reference: reference.to_string(),
        outcome: word.to_owned(),
        detail,
        link: address,
        expires,
    })
}

fn detail(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Published { .. } => String::new(),
        Outcome::Skipped { skip } => skip.because().to_owned(),
        Outcome::InReview { why } => why.clone(),
        Outcome::Failed { error, stage } => format!("{error} in {stage}"),
    }
}

/// The customer's id out of their sealed line; nothing if they refused or were forgotten, or the dataset has expired.
async fn id(line: Option<(&DatasetId, &IndexRow)>, vault: &Vault) -> Result<Option<String>, Error> {
    let Some((dataset, row)) = line else { return Ok(None) };
    let forgotten = ObjectKey::Forgotten(row.reference.clone());
    if vault.store().find(&forgotten).await?.is_some() {
        return Ok(None);
    }
    let key = ObjectKey::Dataset(dataset.clone(), DatasetPart::Customers);
    let bytes = match vault.store().get_range(&key, row.offset, row.length).await {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        bytes => bytes?,
    };
    Ok(match open_record(vault, row, &bytes).await? {
        CustomerRecord::Given(customer) => Some(customer.id.reveal().to_owned()),
        CustomerRecord::Refused { .. } => None,
    })
}

/// The table as CSV (RFC 4180), with a header.
///
/// # Panics
/// Never: memory takes all writes.
#[must_use]
pub fn csv(rows: &[Row]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if rows.is_empty() {
        let header = ["customer_id", "reference", "outcome", "detail", "link", "expires"];
        writer.write_record(header).expect("memory takes all writes");
    }
    for row in rows {
        writer.serialize(row).expect("a row is six texts");
    }
    writer.into_inner().expect("memory takes all writes")
}
