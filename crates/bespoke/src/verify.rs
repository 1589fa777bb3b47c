//! Proves that a run is as it was written: every record by the chain of the manifest, every file by the digest that its
//! record names, and that there is nothing besides.
//!
//! What was rightly taken away is no finding: the media of a customer who has objected since or was forgotten, and what was
//! recalled, which lies aside and is compared there.

use std::collections::{BTreeSet, HashMap};

use contracts::evidence::{Evidence, Manifest, ManifestEntry, Outcome};
use contracts::key::{Area, Artefact, DatasetPart, Prefix, RunPart};
use contracts::request::Request;
use contracts::review::Waiting;
use contracts::stage::IndexRow;
use contracts::{CustomerRef, Digest, ErrorName, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use policy::control::{self, Control};
use serde::Serialize;
use storage::vault::{Owner, Vault};

use crate::failure::Failure;

/// How many customers are looked at at once.
const AT_ONCE: usize = 4;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The object's key.
    pub object: String,
    /// [`ErrorName::EvidenceChanged`], [`ErrorName::EvidenceMissing`] or [`ErrorName::EvidenceUnexpected`].
    pub error: ErrorName,
    /// What is wrong.
    pub what: &'static str,
}

impl Finding {
    fn changed(object: &ObjectKey, what: &'static str) -> Self {
        Self { object: object.to_string(), error: ErrorName::EvidenceChanged, what }
    }

    fn missing(object: &ObjectKey, what: &'static str) -> Self {
        Self { object: object.to_string(), error: ErrorName::EvidenceMissing, what }
    }
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The run.
    pub run: RunId,
    /// Customers of the run.
    pub customers: usize,
    /// Files whose digests were compared.
    pub files: usize,
    /// Whether the chain was sealed with the keys that are at hand. Without that, digests that fit together prove nothing:
    /// they need no key.
    pub with_keys: bool,
    /// All that is not as it was written, by the object's key.
    pub findings: Vec<Finding>,
}

/// Looks at all of a run. Fails only if there is no such run or the store cannot be read.
pub async fn verify(vault: &Vault, run: &RunId) -> Result<Verified, Failure> {
    let store = vault.store();
    let part = |part| ObjectKey::Run(run.clone(), part);
    let mut found = Found::default();
    let Some(json) = store.find(&part(RunPart::ManifestJson)).await? else {
        let message = format!("{}: not found", part(RunPart::ManifestJson));
        let help = "see artifacts/runs for the runs that there are; one that was stopped has none yet";
        return Err(Failure::told(ErrorName::EvidenceMissing, message, help));
    };
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&json) else {
        found.push(Finding::changed(&part(RunPart::ManifestJson), "is no manifest"));
        return Ok(found.sum_up(run, 0, false));
    };
    let request = request(vault, run, &manifest, &mut found).await?;
    check_manifest(vault, run, &manifest, &json, &request, &mut found).await?;
    check_dataset(vault, run, &manifest, &mut found).await?;

    let looks = stream::iter(&manifest.entries).map(|entry| look(vault, run, entry, request.digest));
    let looks: Vec<Look> = looks.buffer_unordered(AT_ONCE).try_collect().await?;
    let mut named: HashMap<CustomerRef, BTreeSet<String>> = HashMap::new();
    for look in looks {
        found.files += look.found.files;
        found.findings.extend(look.found.findings);
        named.insert(look.reference, look.named);
    }
    for listed in store.list(&Prefix::Area(Area::Customers)).await? {
        let Some(reference) = ObjectKey::customer_of(&listed.key) else { continue };
        if ObjectKey::run_of(&listed.key, &reference).as_ref() != Some(run) {
            continue;
        }
        let progress = Prefix::Progress(run.clone(), Some(reference.clone())).to_string();
        let is_named = named.get(&reference).is_some_and(|named| named.contains(&listed.key));
        if !is_named && !listed.key.starts_with(&progress) {
            let (error, what) = (ErrorName::EvidenceUnexpected, "no record names it");
            found.push(Finding { object: listed.key, error, what });
        }
    }
    Ok(found.sum_up(run, manifest.customers, is_sealed(vault, &manifest)))
}

/// Whether the chain was sealed with these keys.
fn is_sealed(vault: &Vault, manifest: &Manifest) -> bool {
    manifest.seal == Some(finalize::seal(vault.keys(), &manifest.chain))
}

/// What is found on the way.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    files: usize,
}

impl Found {
    fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn sum_up(mut self, run: &RunId, customers: usize, with_keys: bool) -> Verified {
        self.findings.sort();
        self.findings.dedup();
        Verified { run: run.clone(), customers, files: self.files, with_keys, findings: self.findings }
    }
}

/// What the run was asked for.
struct Asked {
    digest: Option<Digest>,
    /// Whether it opens, so that the keys are those of the run.
    opened: bool,
}

async fn request(vault: &Vault, run: &RunId, manifest: &Manifest, found: &mut Found) -> Result<Asked, Failure> {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    let Some(sealed) = vault.store().find(&key).await? else {
        // A wish may name the one customer whom a run is for: an erasure takes it away with them.
        let erased = match manifest.entries.as_slice() {
            [only] => vault.store().find(&ObjectKey::Forgotten(only.reference.clone())).await?.is_some(),
            _ => false,
        };
        if !erased {
            found.push(Finding::missing(&key, "the run's request is gone"));
        }
        return Ok(Asked { digest: None, opened: false });
    };
    found.files += 1;
    // The keys may be elsewhere, where a run is only verified: then the digests must do.
    let opened = match vault.read_json::<Request>(Owner::Run, &key).await {
        Ok((request, _)) => request.run_id() == *run,
        Err(_) => false,
    };
    Ok(Asked { digest: Some(Digest::of(&sealed)), opened })
}

/// The manifest against itself, against the table beside it, and against the records as they lie.
async fn check_manifest(
    vault: &Vault,
    run: &RunId,
    manifest: &Manifest,
    json: &[u8],
    request: &Asked,
    found: &mut Found,
) -> Result<(), Failure> {
    let (table, document) =
        [RunPart::ManifestCsv, RunPart::ManifestJson].map(|part| ObjectKey::Run(run.clone(), part)).into();
    found.files += 2;
    if manifest.run != *run || !finalize::chain_holds(manifest, manifest.dataset.as_ref()) {
        found.push(Finding::changed(&document, "its chain does not hold"));
    } else if finalize::document(manifest) != json {
        found.push(Finding::changed(&document, "is not as it was written"));
    }
    if request.opened && !is_sealed(vault, manifest) {
        found.push(Finding::changed(&document, "its chain was not sealed with the run's keys"));
    }
    match vault.store().find(&table).await? {
        None => found.push(Finding::missing(&table, "the table is gone")),
        Some(csv) if csv != finalize::table(manifest) => {
            found.push(Finding::changed(&table, "says something else than manifest.json"));
        }
        Some(_) => {}
    }
    let deps = finalize::Deps { vault };
    let Ok(now) = finalize::sum_up(run.clone(), manifest.dataset.as_ref(), &deps).await else {
        found.push(Finding::changed(&ObjectKey::Run(run.clone(), RunPart::Index), "is no index of customers"));
        return Ok(());
    };
    let whom = |manifest: &Manifest| manifest.entries.iter().map(|entry| entry.reference.clone()).collect::<Vec<_>>();
    if whom(&now) != whom(manifest) {
        found.push(Finding::changed(&ObjectKey::Run(run.clone(), RunPart::Index), "names others than the manifest"));
        return Ok(());
    }
    for (now, then) in now.entries.iter().zip(&manifest.entries) {
        if now.record == then.record && now.outcome != then.outcome {
            found.push(Finding::changed(&document, "tells another outcome than the record"));
        }
    }
    Ok(())
}

/// The lines that the run was made from, if they are still kept.
async fn check_dataset(vault: &Vault, run: &RunId, manifest: &Manifest, found: &mut Found) -> Result<(), Failure> {
    let (store, Some(dataset)) = (vault.store(), &manifest.dataset) else { return Ok(()) };
    let (index, part) = (ObjectKey::Run(run.clone(), RunPart::Index), |part| ObjectKey::Dataset(dataset.clone(), part));
    let (own, whole) = (store.find(&index).await?, store.find(&part(DatasetPart::Index)).await?);
    let Some(lines) = store.find(&part(DatasetPart::Customers)).await? else { return Ok(()) };
    found.files += 2;
    let rows = |csv: Option<bytes::Bytes>| csv.and_then(|csv| IndexRow::read_all(&csv).ok());
    let Some(own) = rows(own) else {
        found.push(Finding::changed(&index, "is no index of customers"));
        return Ok(());
    };
    let Some(whole) = rows(whole) else {
        found.push(Finding::changed(&part(DatasetPart::Index), "is no index of customers"));
        return Ok(());
    };
    let whole: HashMap<&CustomerRef, &IndexRow> = whole.iter().map(|row| (&row.reference, row)).collect();
    let fits = |row: &IndexRow| {
        let (from, length) = (usize::try_from(row.offset).ok()?, usize::try_from(row.length).ok()?);
        let end = from.checked_add(length)?;
        Some(Digest::of(lines.get(from..end)?) == row.digest && lines.get(end) == Some(&b'\n'))
    };
    for row in &own {
        let of_whole = whole.get(&row.reference).copied();
        match (fits(row) == Some(true), of_whole == Some(row)) {
            (true, true) => {}
            (true, false) => {
                found.push(Finding::changed(&part(DatasetPart::Index), "leads to other lines than the run's"));
            }
            (false, true) => {
                found.push(Finding::changed(&part(DatasetPart::Customers), "a line is not the one that was joined"));
            }
            (false, false) => found.push(Finding::changed(&index, "leads to other lines than the dataset's")),
        }
    }
    Ok(())
}

/// One customer's part.
struct Look {
    reference: CustomerRef,
    /// The keys of all that a record names.
    named: BTreeSet<String>,
    found: Found,
}

async fn look(vault: &Vault, run: &RunId, entry: &ManifestEntry, request: Option<Digest>) -> Result<Look, Failure> {
    let store = vault.store();
    let reference = &entry.reference;
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let mut look = Look { reference: reference.clone(), named: BTreeSet::new(), found: Found::default() };
    let forgotten = store.find(&ObjectKey::Forgotten(reference.clone())).await?;
    let (evidence, failure) = (key(Artefact::Evidence), key(Artefact::Failure));
    if let Some(bytes) = store.find(&evidence).await? {
        look.named.insert(evidence.to_string());
        look.found.files += 1;
        if Digest::of(&bytes) != entry.record {
            look.found.push(Finding::changed(&evidence, "is not the record that the manifest chains"));
        }
        let Ok(record) = serde_json::from_slice::<Evidence>(&bytes) else {
            look.named.extend(Artefact::ALL.map(|artefact| key(artefact).to_string()));
            return Ok(look);
        };
        if request.is_some_and(|request| request != record.request) {
            look.found
                .push(Finding::changed(&ObjectKey::Run(run.clone(), RunPart::Request), "is not what the record names"));
        }
        let control = control::read(store, reference, Timestamp::now()).await?;
        check_artefacts(vault, run, &record, &control, forgotten.is_some(), &mut look).await?;
        check_key(vault, &record, forgotten.is_some(), &mut look).await?;
        return Ok(look);
    }
    // Without a final record, whatever was made so far may lie there.
    look.named.extend(Artefact::ALL.map(|artefact| key(artefact).to_string()));
    if let Some(bytes) = store.find(&failure).await? {
        look.found.files += 1;
        if Digest::of(&bytes) != entry.record {
            look.found.push(Finding::changed(&failure, "is not the record that the manifest chains"));
        }
        return Ok(look);
    }
    let review = ObjectKey::Review(run.clone(), reference.clone());
    if let Some(bytes) = store.find(&review).await? {
        look.found.files += 1;
        match serde_json::from_slice::<Waiting>(&bytes) {
            Ok(waiting) if Digest::of(&bytes) == entry.record => {
                for (artefact, digest) in waiting.seen.artefacts {
                    compare(vault, &key(artefact), digest, &mut look).await?;
                }
            }
            _ => look.found.push(Finding::changed(&review, "is not the record that the manifest chains")),
        }
        return Ok(look);
    }
    let is_incomplete = entry.record == Digest::of(b"");
    if !is_incomplete && forgotten.is_none() {
        look.found.push(Finding::missing(&evidence, "the manifest chains a record, and there is none"));
    }
    Ok(look)
}

/// Compares an object with a digest. False if it is not there.
async fn compare(vault: &Vault, key: &ObjectKey, digest: Digest, look: &mut Look) -> Result<bool, Failure> {
    let Some(bytes) = vault.store().find(key).await? else { return Ok(false) };
    look.found.files += 1;
    if Digest::of(&bytes) != digest {
        look.found.push(Finding::changed(key, "is not the file that the record names"));
    }
    Ok(true)
}

/// Every file that a record names, where it lies, or where it was moved when it was taken back.
async fn check_artefacts(
    vault: &Vault,
    run: &RunId,
    record: &Evidence,
    control: &Control,
    forgotten: bool,
    look: &mut Look,
) -> Result<(), Failure> {
    let published = matches!(record.outcome, Outcome::Published { .. });
    let objected = control.forbids(record.from_posts).is_some();
    for (artefact, digest) in &record.artefacts {
        let key = ObjectKey::Customer(record.reference.clone(), run.clone(), *artefact);
        look.named.insert(key.to_string());
        if compare(vault, &key, *digest, look).await? {
            continue;
        }
        let aside = ObjectKey::Recalled(record.reference.clone(), run.clone(), *artefact);
        let recalled = policy::recall::is_recalled(vault.store(), run, &record.reference).await?;
        if (recalled && compare(vault, &aside, *digest, look).await?) || forgotten || objected || !published {
            continue;
        }
        look.found.push(Finding::missing(&key, "the record names it"));
    }
    Ok(())
}

/// The customer's own key must open what it sealed, as long as the customer is not forgotten.
async fn check_key(vault: &Vault, record: &Evidence, forgotten: bool, look: &mut Look) -> Result<(), Failure> {
    let key = ObjectKey::CustomerKey(record.reference.clone());
    let there = vault.store().find(&key).await?.is_some();
    if !there && !forgotten {
        look.found
            .push(Finding::missing(&key, "what it sealed cannot be opened any more, and no erasure is on record"));
    } else if there
        && record.key_id == vault.keys().id()
        && policy::evidence::open_personal(vault, record).await.is_err()
    {
        look.found.push(Finding::changed(&key, "does not open what it sealed"));
    }
    Ok(())
}
