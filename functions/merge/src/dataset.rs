//! The dataset: its keyed id, the sealed lines of `customers.jsonl`, and their index.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::consent::ConsentAsRead;
use contracts::customer::{CustomerRecord, record_place};
use contracts::stage::IndexRow;
use contracts::vault::{Keys, Owner, Vault, VaultError};
use contracts::{CustomerRef, DatasetId, Digest};
use jiff::Timestamp;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

/// How many lines are sealed at once: each customer of an earlier batch costs a read of a key.
const AT_ONCE: usize = 32;

/// The keyed digest of the joined rows. Where a row stood and when it was read do not count, so that any order of the same
/// rows is the same dataset.
pub fn dataset_digest(keys: &Keys, records: &mut [CustomerRecord]) -> Digest {
    let mut joined = env!("CARGO_PKG_VERSION").as_bytes().to_vec();
    for record in records {
        let as_read = consent_of(record).clone();
        make_canonical(consent_of(record));
        joined.extend_from_slice(Digest::of_json(record).as_bytes());
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

/// The id of the dataset with this digest.
pub fn dataset_id(digest: &Digest) -> DatasetId {
    DatasetId::parse(digest.to_string()).expect("a digest is 64 lowercase hex digits")
}

/// `customers.jsonl`: for each record the base64 of its sealed JSON, and a newline.
pub async fn seal_lines(vault: &Vault, dataset: Digest, records: Vec<CustomerRecord>) -> Result<Vec<u8>, VaultError> {
    let references: Vec<CustomerRef> = records.iter().map(|record| record.reference().clone()).collect();
    vault.make_customer_keys(&references).await?;
    let mut lines = vec![String::new(); records.len()];
    let mut records = records.into_iter().enumerate();
    let mut sealing = JoinSet::new();
    loop {
        while sealing.len() < AT_ONCE
            && let Some((at, record)) = records.next()
        {
            let vault = vault.clone();
            sealing.spawn(async move { seal_line(&vault, dataset, &record).await.map(|line| (at, line)) });
        }
        let Some(sealed) = sealing.join_next().await else { break };
        let (at, line) = sealed.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        lines[at] = line;
    }
    lines.push(String::new());
    Ok(lines.join("\n").into_bytes())
}

async fn seal_line(vault: &Vault, dataset: Digest, record: &CustomerRecord) -> Result<String, VaultError> {
    let reference = record.reference();
    let plain = Zeroizing::new(serde_json::to_vec(record).expect("the types of contracts serialize to JSON"));
    let sealed = vault.seal(Owner::Customer(reference), &record_place(reference), &dataset, &plain).await?;
    Ok(BASE64.encode(sealed))
}

/// The index of `lines`, whose customers stand in the order of `references`; nothing if there are more or fewer lines.
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

/// `index.csv`, with a header row.
pub fn index_csv(rows: &[IndexRow]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if rows.is_empty() {
        writer.write_record(["reference", "offset", "length", "digest"]).expect("memory takes all writes");
    }
    for row in rows {
        writer.serialize(row).expect("an index row is four plain fields");
    }
    writer.into_inner().expect("memory takes all writes")
}
