//! Verifies that a run is unchanged. Compares the manifest with the run's signed head, each record with the manifest's
//! chain and each file with the digest in its record, and checks that the run has no other files.
//!
//! Some missing files are not discrepancies: the media of customers who opted out or were erased, and recalled files.
//! Recalled files are compared at their new location.

use std::collections::{BTreeSet, HashMap};

use contracts::evidence::{Evidence, Manifest, ManifestEntry, Outcome};
use contracts::key::{Area, Artefact, DatasetPart, Prefix, RunPart};
use contracts::recall::Recall;
use contracts::request::Request;
use contracts::review::{PendingReview, ReviewRecord};
use contracts::stage::IndexRow;
use contracts::{CustomerRef, Digest, ErrorName, ObjectKey, RunId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use policy::control::{self, Control, ErasureRecord};
use policy::{ledger, recall};
use serde::Serialize;
use storage::vault::{Owner, Vault, VaultError};

mod head;

pub use head::{HeadReport, Trust, newest_marks};

use crate::failure::Failure;

/// The number of customers who are verified concurrently.
const CONCURRENCY: usize = 4;

/// A difference between a run and its record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Discrepancy {
    /// The object's key.
    pub object: String,
    /// [`ErrorName::EvidenceChanged`], [`ErrorName::EvidenceMissing`], [`ErrorName::EvidenceUnexpected`] or
    /// [`ErrorName::ControlIncomplete`].
    pub error: ErrorName,
    /// The problem, as human-readable text.
    pub what: &'static str,
}

impl Discrepancy {
    fn changed(object: &ObjectKey, what: &'static str) -> Self {
        Self { object: object.to_string(), error: ErrorName::EvidenceChanged, what }
    }

    fn missing(object: &ObjectKey, what: &'static str) -> Self {
        Self { object: object.to_string(), error: ErrorName::EvidenceMissing, what }
    }
}

/// The result of verifying a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The run.
    pub run: RunId,
    /// Customers in the run.
    pub customers: usize,
    /// Files whose digests were compared.
    pub files: usize,
    /// Whether the current keys sealed the chain. If not, matching digests prove nothing, because anyone can compute
    /// them.
    pub with_keys: bool,
    /// The run's head in the transparency log. If a pinned public key verified it, it proves the run even without the
    /// keys.
    pub head: HeadReport,
    /// All discrepancies, ordered by object key.
    pub findings: Vec<Discrepancy>,
}

/// Verifies a whole run. Fails only if the run does not exist or the store cannot be read.
pub async fn verify(vault: &Vault, run: &RunId, trust: &Trust) -> Result<Verification, Failure> {
    let store = vault.store();
    let part = |part| ObjectKey::Run(run.clone(), part);
    let mut found = Found::default();
    let Some(json) = store.find(&part(RunPart::ManifestJson)).await? else {
        let message = format!("{}: not found", part(RunPart::ManifestJson));
        let help = "list artifacts/runs for existing runs; a stopped run has no manifest yet";
        return Err(Failure::new(ErrorName::EvidenceMissing, message, help));
    };
    let request_opens = opens_as_request_of(vault, run).await;
    let head = head::check(store, run, trust, request_opens, &mut found).await?;
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&json) else {
        found.push(Discrepancy::changed(&part(RunPart::ManifestJson), "is not a manifest"));
        return Ok(found.sum_up(run, 0, false, head));
    };
    let request = check_request(vault, run, &manifest, request_opens, &mut found).await?;
    check_manifest(vault, run, &manifest, &json, &request, &mut found).await?;
    check_dataset(vault, run, &manifest, &mut found).await?;

    let has_keys = request.opened || is_sealed(vault, &manifest);
    check_control(vault, has_keys, &mut found).await?;
    let checks =
        stream::iter(&manifest.entries).map(|entry| check_customer(vault, run, entry, request.digest, has_keys));
    let checks: Vec<CustomerCheck> = checks.buffer_unordered(CONCURRENCY).try_collect().await?;
    let mut named: HashMap<CustomerRef, BTreeSet<String>> = HashMap::new();
    for check in checks {
        found.files += check.found.files;
        found.findings.extend(check.found.findings);
        named.insert(check.reference, check.named);
    }
    for listed in store.list(&Prefix::Area(Area::Customers)).await? {
        let Some(reference) = ObjectKey::customer_of(&listed.key) else { continue };
        if ObjectKey::run_of(&listed.key, &reference).as_ref() != Some(run) {
            continue;
        }
        let progress = Prefix::Progress(run.clone(), Some(reference.clone())).to_string();
        let is_named = named.get(&reference).is_some_and(|named| named.contains(&listed.key));
        if !is_named && !listed.key.starts_with(&progress) {
            found.push(Discrepancy {
                object: listed.key,
                error: ErrorName::EvidenceUnexpected,
                what: "no record refers to it",
            });
        }
    }
    Ok(found.sum_up(run, manifest.customers, is_sealed(vault, &manifest), head))
}

/// Compares the control data with its ledger, and the ledger with the log's newest head.
async fn check_control(vault: &Vault, has_keys: bool, found: &mut Found) -> Result<(), Failure> {
    let audit = ledger::audit(vault, &newest_marks(vault.store()).await?, has_keys).await?;
    found.files += audit.covered;
    found.findings.extend(audit.gaps.into_iter().map(|gap| Discrepancy {
        object: gap.object,
        error: ErrorName::ControlIncomplete,
        what: gap.problem,
    }));
    Ok(())
}

/// Returns whether the vault's keys sealed the chain.
fn is_sealed(vault: &Vault, manifest: &Manifest) -> bool {
    manifest.seal == Some(finalize::seal(vault.keys(), &manifest.chain))
}

/// The discrepancies found so far.
#[derive(Default)]
struct Found {
    findings: Vec<Discrepancy>,
    files: usize,
}

impl Found {
    fn push(&mut self, finding: Discrepancy) {
        self.findings.push(finding);
    }

    fn sum_up(mut self, run: &RunId, customers: usize, with_keys: bool, head: HeadReport) -> Verification {
        self.findings.sort();
        self.findings.dedup();
        Verification { run: run.clone(), customers, files: self.files, with_keys, head, findings: self.findings }
    }
}

/// The result of checking the run's request.
struct RequestCheck {
    /// The digest of the sealed request, to compare with the records. `None` if it is missing or the run id proves it.
    digest: Option<Digest>,
    /// Whether it can be opened. If so, the current keys are the ones that the run used.
    opened: bool,
}

/// Returns whether the run's request can be opened and has the run's id, which is the digest of its content. A machine that
/// only verifies runs may not have the keys.
async fn opens_as_request_of(vault: &Vault, run: &RunId) -> bool {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    vault.read_json::<Request>(Owner::Run, &key).await.is_ok_and(|(request, _)| request.run_id() == *run)
}

async fn check_request(
    vault: &Vault,
    run: &RunId,
    manifest: &Manifest,
    opened: bool,
    found: &mut Found,
) -> Result<RequestCheck, Failure> {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    let Some(sealed) = vault.store().find(&key).await? else {
        // The prompt may mention a run's only customer, so an erasure deletes the request too.
        let erased = match manifest.entries.as_slice() {
            [only] => vault.store().find(&ObjectKey::Forgotten(only.reference.clone())).await?.is_some(),
            _ => false,
        };
        if !erased {
            found.push(Discrepancy::missing(&key, "the run's request is missing"));
        }
        return Ok(RequestCheck { digest: None, opened: false });
    };
    found.files += 1;
    // The run id proves the content. The sealed bytes change when the data key is rotated.
    let digest = (!opened).then(|| Digest::of(&sealed));
    Ok(RequestCheck { digest, opened })
}

/// Checks the manifest for consistency, and compares it with its CSV table and with the records in the store.
async fn check_manifest(
    vault: &Vault,
    run: &RunId,
    manifest: &Manifest,
    json: &[u8],
    request: &RequestCheck,
    found: &mut Found,
) -> Result<(), Failure> {
    let table = ObjectKey::Run(run.clone(), RunPart::ManifestCsv);
    let document = ObjectKey::Run(run.clone(), RunPart::ManifestJson);
    found.files += 2;
    if manifest.run != *run || !finalize::chain_holds(manifest, manifest.dataset.as_ref()) {
        found.push(Discrepancy::changed(&document, "its chain is broken"));
    } else if finalize::document(manifest) != json {
        found.push(Discrepancy::changed(&document, "was changed after it was written"));
    }
    if request.opened && !is_sealed(vault, manifest) {
        found.push(Discrepancy::changed(&document, "its chain was not sealed with the run's keys"));
    }
    match vault.store().find(&table).await? {
        None => found.push(Discrepancy::missing(&table, "the table is missing")),
        Some(csv) if csv != finalize::table(manifest) => {
            found.push(Discrepancy::changed(&table, "differs from manifest.json"));
        }
        Some(_) => {}
    }
    let Ok(current) = finalize::sum_up(run.clone(), manifest.dataset.as_ref(), vault).await else {
        found.push(Discrepancy::changed(&ObjectKey::Run(run.clone(), RunPart::Index), "is not a valid customer index"));
        return Ok(());
    };
    let references =
        |manifest: &Manifest| manifest.entries.iter().map(|entry| entry.reference.clone()).collect::<Vec<_>>();
    if references(&current) != references(manifest) {
        found.push(Discrepancy::changed(
            &ObjectKey::Run(run.clone(), RunPart::Index),
            "does not list the same customers as the manifest",
        ));
        return Ok(());
    }
    let has_keys = is_sealed(vault, manifest);
    for (entry, recorded) in current.entries.iter().zip(&manifest.entries) {
        // Without the keys, a pending review counts as unreadable.
        let is_readable = has_keys || !matches!(recorded.outcome, Outcome::InReview { .. });
        if entry.record == recorded.record && entry.outcome != recorded.outcome && is_readable {
            found.push(Discrepancy::changed(&document, "has a different outcome from the record"));
        }
    }
    Ok(())
}

/// Checks the run's dataset lines, if the dataset still exists.
async fn check_dataset(vault: &Vault, run: &RunId, manifest: &Manifest, found: &mut Found) -> Result<(), Failure> {
    let store = vault.store();
    let Some(dataset) = &manifest.dataset else { return Ok(()) };
    let index = ObjectKey::Run(run.clone(), RunPart::Index);
    let part = |part| ObjectKey::Dataset(dataset.clone(), part);
    let own = store.find(&index).await?;
    let whole = store.find(&part(DatasetPart::Index)).await?;
    let Some(lines) = store.find(&part(DatasetPart::Customers)).await? else { return Ok(()) };
    found.files += 2;
    let rows = |csv: Option<bytes::Bytes>| csv.and_then(|csv| IndexRow::read_all(&csv).ok());
    let Some(own) = rows(own) else {
        found.push(Discrepancy::changed(&index, "is not a valid customer index"));
        return Ok(());
    };
    let Some(whole) = rows(whole) else {
        found.push(Discrepancy::changed(&part(DatasetPart::Index), "is not a valid customer index"));
        return Ok(());
    };
    let whole: HashMap<&CustomerRef, &IndexRow> = whole.iter().map(|row| (&row.reference, row)).collect();
    let fits = |row: &IndexRow| {
        let from = usize::try_from(row.offset).ok()?;
        let length = usize::try_from(row.length).ok()?;
        let end = from.checked_add(length)?;
        Some(Digest::of(lines.get(from..end)?) == row.digest && lines.get(end) == Some(&b'\n'))
    };
    for row in &own {
        let of_whole = whole.get(&row.reference).copied();
        match (fits(row) == Some(true), of_whole == Some(row)) {
            (true, true) => {}
            (true, false) => {
                found.push(Discrepancy::changed(
                    &part(DatasetPart::Index),
                    "does not point to the same lines as the run's index",
                ));
            }
            (false, true) => {
                found.push(Discrepancy::changed(&part(DatasetPart::Customers), "a line differs from what merge wrote"));
            }
            (false, false) => {
                found.push(Discrepancy::changed(&index, "does not point to the same lines as the dataset's index"));
            }
        }
    }
    Ok(())
}

/// The result of checking one customer.
struct CustomerCheck {
    reference: CustomerRef,
    /// The keys of all objects that a record refers to.
    named: BTreeSet<String>,
    found: Found,
}

async fn check_customer(
    vault: &Vault,
    run: &RunId,
    entry: &ManifestEntry,
    request: Option<Digest>,
    has_keys: bool,
) -> Result<CustomerCheck, Failure> {
    let store = vault.store();
    let reference = &entry.reference;
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let mut check = CustomerCheck { reference: reference.clone(), named: BTreeSet::new(), found: Found::default() };
    let erasure = find_erasure(vault, reference, has_keys, &mut check.found).await?;
    let forgotten = erasure.is_some();
    let evidence = key(Artefact::Evidence);
    let failure = key(Artefact::Failure);
    if let Some(bytes) = store.find(&evidence).await? {
        check.named.insert(evidence.to_string());
        check.found.files += 1;
        if Digest::of(&bytes) != entry.record {
            check.found.push(Discrepancy::changed(&evidence, "is not the record in the manifest's chain"));
        }
        let Ok(record) = serde_json::from_slice::<Evidence>(&bytes) else {
            check.named.extend(Artefact::ALL.map(|artefact| key(artefact).to_string()));
            return Ok(check);
        };
        if request.is_some_and(|request| request != record.request) {
            check.found.push(Discrepancy::changed(
                &ObjectKey::Run(run.clone(), RunPart::Request),
                "is not the request that the record refers to",
            ));
        }
        let control = control::read_unproved(store, reference, Timestamp::now()).await?;
        check_artefacts(vault, run, &record, &control, forgotten, &mut check).await?;
        check_key(vault, &record, forgotten, &mut check).await?;
        let opens = has_keys && !forgotten;
        check_decision(vault, run, &record, opens, &mut check).await?;
        if opens {
            check_recalls(vault, run, reference, &mut check).await?;
            check_pending(vault, run, reference, &mut check).await?;
        }
        return Ok(check);
    }
    // Without a final record, any artifact from an unfinished attempt may exist.
    check.named.extend(Artefact::ALL.map(|artefact| key(artefact).to_string()));
    if let Some(bytes) = store.find(&failure).await? {
        check.found.files += 1;
        if Digest::of(&bytes) != entry.record {
            check.found.push(Discrepancy::changed(&failure, "is not the record in the manifest's chain"));
        }
        return Ok(check);
    }
    let review = ObjectKey::Review(run.clone(), reference.clone());
    if let Some(bytes) = store.find(&review).await? {
        check.found.files += 1;
        match serde_json::from_slice::<PendingReview>(&bytes) {
            Ok(waiting) if Digest::of(&bytes) == entry.record => {
                for (artefact, digest) in waiting.seen.artefacts {
                    compare(vault, &key(artefact), digest, &mut check).await?;
                }
            }
            _ => check.found.push(Discrepancy::changed(&review, "is not the record in the manifest's chain")),
        }
        return Ok(check);
    }
    let is_incomplete = entry.record == Digest::of(b"");
    // An erasure deletes pending reviews, but neither evidence nor failure records.
    let is_erased =
        erasure.is_some_and(|record| record == entry.record || matches!(entry.outcome, Outcome::InReview { .. }));
    if !is_incomplete && !is_erased {
        check.found.push(Discrepancy::missing(&evidence, "the record in the manifest's chain is missing"));
    }
    Ok(check)
}

/// Returns the digest of the record of the customer's erasure. A record that was not written with the keys does not
/// count.
async fn find_erasure(
    vault: &Vault,
    reference: &CustomerRef,
    has_keys: bool,
    found: &mut Found,
) -> Result<Option<Digest>, Failure> {
    let key = ObjectKey::Forgotten(reference.clone());
    let Some(bytes) = vault.store().find(&key).await? else { return Ok(None) };
    if has_keys && vault.open_authenticated::<ErasureRecord>(&key, &bytes).is_err() {
        found.push(Discrepancy::changed(&key, "was not written by an erasure with the run's keys"));
        return Ok(None);
    }
    Ok(Some(Digest::of(&bytes)))
}

/// Checks that the evidence names the sealed decision, if there is one, and no other. `opens` says whether the keys can
/// open it.
async fn check_decision(
    vault: &Vault,
    run: &RunId,
    record: &Evidence,
    opens: bool,
    check: &mut CustomerCheck,
) -> Result<(), Failure> {
    let key = ObjectKey::Decision(run.clone(), record.reference.clone());
    let stored = vault.store().find(&key).await?.map(|bytes| Digest::of(&bytes));
    let (review, stored) = match (&record.review, stored) {
        (None, None) => return Ok(()),
        (None, Some(_)) => {
            if record.is_published() {
                check.found.push(Discrepancy {
                    object: key.to_string(),
                    error: ErrorName::EvidenceUnexpected,
                    what: "the evidence names no decision",
                });
            }
            return Ok(());
        }
        (Some(_), None) => {
            let what = "the evidence names a review, but no decision exists";
            check.found.push(Discrepancy::missing(&key, what));
            return Ok(());
        }
        (Some(review), Some(stored)) => (review, stored),
    };
    check.found.files += 1;
    let is_named = review.decision.is_none_or(|named| named == stored);
    let is_sealed = !opens
        || match policy::review::find_decision(vault, run, &record.reference).await {
            Ok(Some((decision, sealed))) => {
                let expected = ReviewRecord::of(review.why.clone(), &decision, sealed);
                ReviewRecord { decision: review.decision, ..expected } == *review
            }
            Ok(None) | Err(VaultError::Broken { .. } | VaultError::Malformed { .. } | VaultError::Conflict { .. }) => {
                false
            }
            Err(error @ (VaultError::Store(_) | VaultError::NoDataKey { .. })) => return Err(error.into()),
        };
    if !is_named || !is_sealed {
        check.found.push(Discrepancy::changed(&key, "is not the decision that the evidence names"));
    }
    Ok(())
}

/// Checks that a pending review, which an interrupted attempt may have left, was written with the keys.
async fn check_pending(
    vault: &Vault,
    run: &RunId,
    reference: &CustomerRef,
    check: &mut CustomerCheck,
) -> Result<(), Failure> {
    match policy::review::find_pending(vault, run, reference).await {
        Ok(_) => Ok(()),
        Err(VaultError::Store(error)) => Err(error.into()),
        Err(_) => {
            let key = ObjectKey::Review(run.clone(), reference.clone());
            check.found.push(Discrepancy::changed(&key, "is not a review that was written with the run's keys"));
            Ok(())
        }
    }
}

/// Checks that the recalls of the run, and of the customer's part of it, were written with the keys.
async fn check_recalls(
    vault: &Vault,
    run: &RunId,
    reference: &CustomerRef,
    check: &mut CustomerCheck,
) -> Result<(), Failure> {
    for (owner, scope) in [(Owner::Run, None), (Owner::Customer(reference), Some(reference.clone()))] {
        let key = ObjectKey::Recall(run.clone(), scope);
        if vault.store().find(&key).await?.is_some() && vault.read_json::<Recall>(owner, &key).await.is_err() {
            check.found.push(Discrepancy::changed(&key, "is not a recall that was written with the run's keys"));
        }
    }
    Ok(())
}

/// Compares an object with a digest. Returns false if the object does not exist.
async fn compare(vault: &Vault, key: &ObjectKey, digest: Digest, check: &mut CustomerCheck) -> Result<bool, Failure> {
    let Some(bytes) = vault.store().find(key).await? else { return Ok(false) };
    check.found.files += 1;
    if Digest::of(&bytes) != digest {
        check.found.push(Discrepancy::changed(key, "is not the file that the record refers to"));
    }
    Ok(true)
}

/// Checks every file that a record refers to, at its own key or at the key to which a recall moved it.
async fn check_artefacts(
    vault: &Vault,
    run: &RunId,
    record: &Evidence,
    control: &Control,
    forgotten: bool,
    check: &mut CustomerCheck,
) -> Result<(), Failure> {
    let published = matches!(record.outcome, Outcome::Published { .. });
    let objected = control.forbids(record.from_posts).is_some();
    for (artefact, digest) in &record.artefacts {
        let key = ObjectKey::Customer(record.reference.clone(), run.clone(), *artefact);
        check.named.insert(key.to_string());
        if compare(vault, &key, *digest, check).await? {
            continue;
        }
        let moved = ObjectKey::Recalled(record.reference.clone(), run.clone(), *artefact);
        let recalled = recall::is_recalled(vault.store(), run, &record.reference).await?;
        // `publish` deletes the files of a result that it did not publish.
        let is_deleted = !published && Artefact::PUBLISHED.contains(artefact);
        if (recalled && compare(vault, &moved, *digest, check).await?) || forgotten || objected || is_deleted {
            continue;
        }
        check.found.push(Discrepancy::missing(&key, "the record refers to it, but it is missing"));
    }
    Ok(())
}

/// Checks that the customer's key still opens the sealed evidence, unless the customer was erased.
async fn check_key(
    vault: &Vault,
    record: &Evidence,
    forgotten: bool,
    check: &mut CustomerCheck,
) -> Result<(), Failure> {
    let key = ObjectKey::CustomerKey(record.reference.clone());
    let exists = vault.store().find(&key).await?.is_some();
    if !exists && !forgotten {
        check.found.push(Discrepancy::missing(&key, "the customer's key is missing, and no erasure is on record"));
    } else if exists
        && record.key_id == vault.keys().id()
        && policy::evidence::open_personal(vault, record).await.is_err()
    {
        check.found.push(Discrepancy::changed(&key, "does not open the sealed evidence"));
    }
    Ok(())
}
