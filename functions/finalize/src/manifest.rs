//! The manifest: counts, chain and table.

use std::collections::BTreeMap;

use contracts::evidence::{HELD_OUT, Manifest, ManifestEntry, Outcome};
use contracts::table::to_csv;
use contracts::{CustomerRef, DatasetId, Digest, RunId};
use storage::vault::Keys;

use crate::CustomerOutcome;

/// Returns the link that precedes the first customer: the digest of `bespoke manifest`, the run id, and the dataset id
/// (empty if merge failed).
#[must_use]
pub fn first_link(run: &RunId, dataset: Option<&DatasetId>) -> Digest {
    let dataset = dataset.map_or("", DatasetId::as_str);
    Digest::of_parts([b"bespoke manifest".as_slice(), run.as_str().as_bytes(), dataset.as_bytes()])
}

/// Returns the link for one customer: the digest of the previous link (32 bytes), the reference, and the digest of the
/// record (32 bytes). [`Digest::of_parts`] hashes each part's length too.
#[must_use]
pub fn next_link(before: &Digest, reference: &CustomerRef, record: &Digest) -> Digest {
    Digest::of_parts([before.as_bytes().as_slice(), reference.as_str().as_bytes(), record.as_bytes()])
}

/// Returns the contents of `manifest.json`.
///
/// # Panics
/// Never: every type in the contracts crate serializes to JSON.
#[must_use]
pub fn document(manifest: &Manifest) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(manifest).expect("every type in the contracts crate serializes to JSON");
    json.push(b'\n');
    json
}

/// Returns whether every link in a manifest follows from the previous one, and the counts match the entries. Does not
/// check the seal.
#[must_use]
pub fn chain_holds(manifest: &Manifest, dataset: Option<&DatasetId>) -> bool {
    let mut link = first_link(&manifest.run, dataset);
    for entry in &manifest.entries {
        link = next_link(&link, &entry.reference, &entry.record);
        if entry.chain != link {
            return false;
        }
    }
    manifest.chain == link
        && manifest.customers == manifest.entries.len()
        && manifest.counts == count(manifest.entries.iter().map(|entry| &entry.outcome))
}

fn count<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry(outcome.word().to_owned()).or_default() += 1;
    }
    counts
}

pub(crate) fn compose(
    run: RunId,
    dataset: Option<&DatasetId>,
    keys: &Keys,
    outcomes: Vec<CustomerOutcome>,
) -> Manifest {
    let mut chain = first_link(&run, dataset);
    let mut entries = Vec::with_capacity(outcomes.len());
    for CustomerOutcome { reference, outcome, record } in outcomes {
        chain = next_link(&chain, &reference, &record);
        entries.push(ManifestEntry { reference, outcome, record, chain });
    }
    let counts = count(entries.iter().map(|entry| &entry.outcome));
    let dataset = dataset.cloned();
    let seal = Some(seal(keys, &chain));
    Manifest { run, dataset, customers: entries.len(), counts, entries, chain, seal }
}

/// Returns the seal of a chain: a keyed digest of its last link.
#[must_use]
pub fn seal(keys: &Keys, chain: &Digest) -> Digest {
    keys.keyed_digest("manifest", chain.as_bytes())
}

/// Returns the contents of `manifest.csv`: a header, and one line per customer.
///
/// # Panics
/// Never: it writes to memory.
#[must_use]
pub fn table(manifest: &Manifest) -> Vec<u8> {
    let rows = manifest.entries.iter().map(|entry| {
        let record = entry.record.to_string();
        let chain = entry.chain.to_string();
        [entry.reference.to_string(), entry.outcome.word().to_owned(), detail(&entry.outcome), record, chain]
    });
    to_csv(&["reference", "outcome", "detail", "record", "chain"], rows)
}

fn detail(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Published { video: true } => "text and video".to_owned(),
        Outcome::Published { video: false } => "text".to_owned(),
        Outcome::Skipped { skip } => skip.because().to_owned(),
        Outcome::InReview { why } => why.clone(),
        Outcome::HeldOut => HELD_OUT.to_owned(),
        Outcome::NotStarted => String::new(),
        Outcome::Failed { error, stage } => format!("{error} in {stage}"),
    }
}
