//! The export of a run for the bank's mail or CRM system: each customer's id, outcome and link.
//!
//! An export is made on demand and not stored. Unlike everything that is stored unsealed, it maps references to
//! customer ids and contains working links. The customer ids come from the sealed dataset. Customers who refused or
//! were erased have no ids there, so the export lists them by reference.

use contracts::evidence::{HELD_OUT, ManifestEntry, Outcome};
use contracts::facts::Skip;
use contracts::settings::DeliverySettings;
use contracts::table::to_csv as table;
use contracts::{CustomerRef, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;
use storage::vault::Vault;

use crate::customer_ids::{CustomerIds, read_manifest};
use crate::{Error, links, published};

/// The number of customers who are looked up concurrently.
const CONCURRENCY: usize = 16;

/// One customer in an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportRow {
    /// The bank's own customer id, as in the workbook. Empty if Bespoke has no record of it, such as after an erasure.
    pub customer_id: String,
    /// The customer reference, which notifications use instead of the id.
    pub reference: String,
    /// The current outcome: `published`, `skipped`, `held-out`, `in-review`, `not-started`, `failed` or `recalled`.
    pub outcome: String,
    /// The reason for the outcome. Empty for `published` and `not-started`.
    pub detail: String,
    /// The customer's link. Empty if nothing is published or the settings have no base address for links.
    pub link: String,
    /// The time at which the link expires, in RFC 3339. Empty if there is no link.
    pub expires: String,
}

/// A page of an export, in the manifest's order.
#[derive(Clone, Copy, Debug)]
pub struct ExportPage<'a> {
    /// The customer before the first row. `None` for the first page.
    pub after: Option<&'a CustomerRef>,
    /// The maximum number of rows.
    pub limit: usize,
}

impl ExportPage<'_> {
    /// A single page with all customers.
    pub const ALL: Self = Self { after: None, limit: usize::MAX };
}

/// Builds a page of the export, and creates a new link for each customer whose result may be shown. Earlier links
/// remain valid until they expire.
pub async fn export(
    run: &RunId,
    page: ExportPage<'_>,
    settings: &DeliverySettings,
    vault: &Vault,
    now: Timestamp,
) -> Result<Vec<ExportRow>, Error> {
    let manifest = read_manifest(run, vault).await?;
    let position = |reference: &CustomerRef| manifest.entries.iter().position(|entry| entry.reference == *reference);
    let first = match page.after {
        None => 0,
        Some(reference) => position(reference).ok_or_else(|| Error::NotInRun { run: run.clone() })? + 1,
    };
    let ids = CustomerIds::new(&manifest, run, vault).await?;
    let ids = &ids;
    let entries = stream::iter(manifest.entries.iter().skip(first).take(page.limit));
    let rows = entries.map(|entry| async {
        let customer_id = ids.find(&entry.reference, vault).await?;
        export_row(run, entry, customer_id, settings, vault, now).await
    });
    rows.buffered(CONCURRENCY).try_collect().await
}

async fn export_row(
    run: &RunId,
    entry: &ManifestEntry,
    customer_id: Option<String>,
    settings: &DeliverySettings,
    vault: &Vault,
    now: Timestamp,
) -> Result<ExportRow, Error> {
    let reference = &entry.reference;
    let outcome = match &entry.outcome {
        Outcome::Published { .. } => published(run, reference, vault, now).await?.map(|_| ()),
        other => Err(other.clone()),
    };
    let link = match outcome {
        Ok(()) => links::create(run, reference, settings, vault.store(), now).await?,
        Err(_) => None,
    };
    let (word, detail) = match outcome {
        Ok(()) => ("published", String::new()),
        Err(Outcome::Skipped { skip: Skip::Recalled }) => ("recalled", Skip::Recalled.because().to_owned()),
        Err(other) => (other.word(), detail(&other)),
    };
    let (address, expires) = link.map_or_else(Default::default, |link| (link.address, link.expires.to_string()));
    Ok(ExportRow {
        customer_id: customer_id.unwrap_or_default(),
        reference: reference.to_string(),
        outcome: word.to_owned(),
        detail,
        link: address,
        expires,
    })
}

fn detail(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Published { .. } | Outcome::NotStarted => String::new(),
        Outcome::Skipped { skip } => skip.because().to_owned(),
        Outcome::HeldOut => HELD_OUT.to_owned(),
        Outcome::InReview { why } => why.clone(),
        Outcome::Failed { error, stage } => format!("{error} in {stage}"),
    }
}

/// Returns an export as CSV with a header. A spreadsheet reads no cell as a formula.
#[must_use]
pub fn to_csv(rows: &[ExportRow]) -> Vec<u8> {
    let cells = rows.iter().map(|row| {
        let ExportRow { customer_id, reference, outcome, detail, link, expires } = row;
        [customer_id, reference, outcome, detail, link, expires]
    });
    table(&["customer_id", "reference", "outcome", "detail", "link", "expires"], cells)
}
