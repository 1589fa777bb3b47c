//! The dataset: its keyed digest, the sealed lines of `customers.jsonl`, and their index.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::consent::ConsentAsRead;
use contracts::stage::IndexRow;
use contracts::table::to_csv;
use contracts::{CustomerRef, DatasetId, Digest};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use policy::customer::{CustomerRecord, record_place};
use storage::vault::{Keys, Owner, Vault, VaultError};
use zeroize::Zeroizing;

/// The number of tasks that seal concurrently. A task waits for the store whenever it needs a new customer key, so
/// there are more tasks than cores.
const SEAL_CONCURRENCY: usize = 32;
/// The number of records that one task seals.
const RECORDS_PER_TASK: usize = 16;

/// Returns the keyed digest of the joined rows.
///
/// The digest covers Bespoke's version. It excludes row numbers and the time of reading, so the same rows in any order
/// produce the same dataset.
pub fn dataset_digest(keys: &Keys, records: &mut [CustomerRecord]) -> Digest {
    let mut joined = env!("CARGO_PKG_VERSION").as_bytes().to_vec();
    let mut plain = Zeroizing::new(Vec::new());
    for record in records {
        let as_read = consent_of(record).clone();
        make_canonical(consent_of(record));
        write_json(record, &mut plain);
        joined.extend_from_slice(Digest::of(&plain).as_bytes());
        *consent_of(record) = as_read;
    }
    keys.keyed_digest("dataset", &joined)
}

fn consent_of(record: &mut CustomerRecord) -> &mut ConsentAsRead {
    match record {
        CustomerRecord::Refused { as_read, .. } => as_read,
        CustomerRecord::Given(customer) => &mut customer.consent,
    }
}

fn make_canonical(consent: &mut ConsentAsRead) {
    consent.read_at = Timestamp::UNIX_EPOCH;
    for reading in &mut consent.readings {
        reading.row = 0;
    }
}

/// Returns the id of the dataset with this digest.
pub fn dataset_id(digest: &Digest) -> DatasetId {
    DatasetId::parse(digest.to_string()).expect("a digest is 64 lowercase hex digits")
}

/// Returns `customers.jsonl`: the base64 of each record's sealed JSON, one per line.
pub async fn seal_lines(vault: &Vault, dataset: Digest, records: Vec<CustomerRecord>) -> Result<Vec<u8>, VaultError> {
    let mut records = records.into_iter();
    let chunks = std::iter::from_fn(|| {
        let chunk: Vec<_> = records.by_ref().take(RECORDS_PER_TASK).collect();
        (!chunk.is_empty()).then_some(chunk)
    });
    let mut sealing = stream::iter(chunks)
        .map(|chunk| {
            let vault = vault.clone();
            tokio::spawn(async move { seal_chunk(&vault, dataset, &chunk).await })
        })
        .buffered(SEAL_CONCURRENCY);
    let mut lines = Vec::new();
    while let Some(sealed) = sealing.next().await {
        let sealed = sealed.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        lines.extend_from_slice(sealed?.as_bytes());
    }
    Ok(lines)
}

async fn seal_chunk(vault: &Vault, dataset: Digest, records: &[CustomerRecord]) -> Result<String, VaultError> {
    let mut lines = String::new();
    let mut plain = Zeroizing::new(Vec::new());
    for record in records {
        let reference = record.reference();
        write_json(record, &mut plain);
        let sealed = vault.seal(Owner::Customer(reference), &record_place(reference), &dataset, &plain).await?;
        BASE64.encode_string(sealed, &mut lines);
        lines.push('\n');
    }
    Ok(lines)
}

/// Replaces the contents of `plain` with the record's JSON.
fn write_json(record: &CustomerRecord, plain: &mut Vec<u8>) {
    plain.clear();
    serde_json::to_writer(plain, record).expect("a customer record serializes to JSON");
}

/// Returns the index of `lines`, which are in the order of `references`. Returns `None` if the counts differ.
pub fn index(references: &[CustomerRef], lines: &[u8]) -> Option<Vec<IndexRow>> {
    let body = if references.is_empty() { None } else { Some(lines.strip_suffix(b"\n")?) };
    let mut references = references.iter();
    let mut rows = Vec::new();
    let mut offset = 0;
    for line in body.into_iter().flat_map(|body| body.split(|byte| *byte == b'\n')) {
        let reference = references.next()?.clone();
        let length = line.len() as u64;
        rows.push(IndexRow { reference, offset, length, digest: Digest::of(line) });
        offset += length + 1;
    }
    (references.next().is_none() && offset == lines.len() as u64).then_some(rows)
}

/// Returns `index.csv`, with a header row.
pub fn index_csv(rows: &[IndexRow]) -> Vec<u8> {
    let cells = rows
        .iter()
        .map(|row| [row.reference.to_string(), row.offset.to_string(), row.length.to_string(), row.digest.to_string()]);
    to_csv(&["reference", "offset", "length", "digest"], cells)
}
