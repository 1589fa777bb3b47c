//! The letter about one customer's part of a run, for a regulator or an auditor: the consent, the reasons, the wording
//! with its approvals, the review, everything that has happened since, and how to verify the letter.

mod html;

use contracts::catalogue::Catalogue;
use contracts::consent::ConsentAsRead;
use contracts::evidence::{Evidence, FailureRecord, Head, PersonalEvidence};
use contracts::facts::{Assessment, Facts, Skip};
use contracts::key::{Artefact, Prefix, RunPart};
use contracts::recall::Recall;
use contracts::request::Request;
use contracts::review::{Decision, PendingReview};
use contracts::script::Script;
use contracts::{CustomerRef, ErrorName, NamedError, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control::{self, Control, ControlError, ErasureRecord, Suppression};
use policy::evidence;
use policy::review::find_pending;
use serde::de::DeserializeOwned;
use storage::store::{ObjectStore, StoreError};
use storage::vault::{Owner, Vault, VaultError};
use thiserror::Error;
use transparency::checkpoint::Checkpoint;
use transparency::log::LogEntry;

/// The records that a letter can be about.
pub const RECORDS: [Artefact; 3] = [Artefact::Evidence, Artefact::Failure, Artefact::Script];

/// An error that prevents the letter from being written.
#[derive(Debug, Error)]
pub enum LetterError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Control data cannot be read.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The run has no record of the customer.
    #[error("{run} has no record of that customer")]
    NoRecord {
        /// The run.
        run: RunId,
    },
}

impl NamedError for LetterError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Store(error) => error.name(),
            Self::Vault(error) => error.name(),
            Self::Control(error) => error.name(),
            Self::NoRecord { .. } => ErrorName::InputUnknownCustomer,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.help(),
            Self::Vault(error) => error.help(),
            Self::Control(error) => error.help(),
            Self::NoRecord { .. } => Some("check the id and the run".to_owned()),
        }
    }
}

/// The subject of a letter.
pub struct Subject<'a> {
    /// The customer's id, as the letter shows it.
    pub customer: &'a str,
    /// The customer.
    pub reference: &'a CustomerRef,
    /// The run.
    pub run: &'a RunId,
    /// The name of the bank.
    pub bank: &'a str,
    /// The catalog, for the names of products.
    pub catalogue: &'a Catalogue,
    /// The time of writing.
    pub now: Timestamp,
}

/// Everything that a letter contains, as read from the store.
pub struct Letter<'a> {
    subject: Subject<'a>,
    request: Option<Request>,
    record: Record,
    since: Since,
    head: Option<SignedHead>,
}

/// The run's record of the customer.
enum Record {
    /// A final outcome. The personal part is `None` once the customer has been erased.
    Final(Box<Evidence>, Option<Box<PersonalEvidence>>),
    /// A result that is waiting for a reviewer.
    Waiting(PendingReview, Box<Opened>),
    /// A failure that a later attempt may replace.
    Failed(FailureRecord, Box<Opened>),
    /// No record except the erasure.
    Erased,
}

/// The sealed results of the stages, used until evidence exists.
#[derive(Default)]
struct Opened {
    facts: Option<Facts>,
    script: Option<Script>,
}

impl Record {
    fn consent(&self) -> Option<&ConsentAsRead> {
        match self {
            Self::Final(_, personal) => personal.as_ref().map(|personal| &personal.consent),
            Self::Waiting(_, opened) | Self::Failed(_, opened) => opened.facts.as_ref().map(|facts| &facts.consent),
            Self::Erased => None,
        }
    }

    fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Final(_, personal) => personal.as_ref()?.facts.as_ref(),
            Self::Waiting(_, opened) | Self::Failed(_, opened) => opened.facts.as_ref(),
            Self::Erased => None,
        }
    }

    fn script(&self) -> Option<&Script> {
        match self {
            Self::Final(_, personal) => personal.as_ref()?.script.as_ref(),
            Self::Waiting(_, opened) | Self::Failed(_, opened) => opened.script.as_ref(),
            Self::Erased => None,
        }
    }

    fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Final(_, personal) => personal.as_ref()?.decision.as_ref(),
            Self::Waiting(..) | Self::Failed(..) | Self::Erased => None,
        }
    }

    fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Final(evidence, _) => Some(evidence),
            Self::Waiting(..) | Self::Failed(..) | Self::Erased => None,
        }
    }

    /// Returns the reason for a skip, including details that the plain record withholds.
    fn skip(&self, plain: Skip) -> Skip {
        match self {
            Self::Final(_, Some(personal)) => personal.skip.unwrap_or(plain),
            Self::Final(..) | Self::Waiting(..) | Self::Failed(..) | Self::Erased => plain,
        }
    }
}

/// The events after the record was written, and the restrictions that apply now.
struct Since {
    control: Control,
    /// The customer's own suppression object. `None` if the customer is only in the list of suppressions, or is not
    /// suppressed.
    suppression: Option<Suppression>,
    erased: Option<ErasureRecord>,
    recalls: Vec<Recalled>,
    holds: Vec<String>,
}

/// A recall of the whole run or of this customer's part.
struct Recalled {
    whole_run: bool,
    /// `None` if the key that sealed it was destroyed.
    recall: Option<Recall>,
}

/// The run's newest head, as read from its copy.
struct SignedHead {
    head: Head,
    /// The number of entries in the log, up to and including this head.
    size: Option<u64>,
}

impl<'a> Letter<'a> {
    /// Reads everything that the letter contains.
    ///
    /// # Errors
    /// Fails if the store or the keys fail, or if the run has no record of the customer.
    pub async fn read(vault: &Vault, subject: Subject<'a>) -> Result<Self, LetterError> {
        let record = find_record(vault, &subject).await?;
        let since = find_since(vault, &subject).await?;
        let run_part = |part| ObjectKey::Run(subject.run.clone(), part);
        let request = opened(vault.read_json(Owner::Run, &run_part(RunPart::Request)).await)?;
        let head = vault.store().find(&run_part(RunPart::Head)).await?.and_then(|bytes| {
            let entry = LogEntry::from_bytes(&bytes)?;
            let size = Checkpoint::parse(&entry.checkpoint).map(|signed| signed.tree.size);
            Some(SignedHead { head: serde_json::from_str(&entry.leaf).ok()?, size })
        });
        Ok(Self { subject, request, record, since, head })
    }

    /// Returns the events and the current state, one fact per sentence.
    #[must_use]
    pub fn status(&self) -> Vec<String> {
        html::status(self)
    }

    /// Returns the letter as an HTML document, which needs no other file and prints well.
    #[must_use]
    pub fn html(&self) -> String {
        html::letter(self)
    }
}

/// Returns the run that wrote the newest of these records about the customer, or `None` if there is none.
pub async fn newest_run(
    store: &dyn ObjectStore,
    reference: &CustomerRef,
    records: &[Artefact],
) -> Result<Option<RunId>, StoreError> {
    let listed = store.list(&Prefix::Customer(reference.clone())).await?;
    let recorded = listed.into_iter().filter_map(|listed| {
        let run = ObjectKey::run_of(&listed.key, reference)?;
        let is_record =
            |record: &Artefact| ObjectKey::Customer(reference.clone(), run.clone(), *record).to_string() == listed.key;
        records.iter().any(is_record).then_some((listed.modified, run.clone()))
    });
    Ok(recorded.max_by_key(|(modified, _)| *modified).map(|(_, run)| run))
}

async fn find_record(vault: &Vault, subject: &Subject<'_>) -> Result<Record, LetterError> {
    let Subject { reference, run, .. } = *subject;
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    if let Some(evidence) = evidence::find(vault.store(), reference, run).await? {
        let personal = match evidence::open_personal(vault, &evidence).await {
            Ok(personal) => Some(Box::new(personal)),
            Err(error) => is_erased(vault, reference).await?.then_some(None).ok_or(error)?,
        };
        return Ok(Record::Final(Box::new(evidence), personal));
    }
    if let Some(bytes) = vault.store().find(&key(Artefact::Failure)).await? {
        let place = key(Artefact::Failure).to_string();
        let failure = serde_json::from_slice(&bytes).map_err(|error| VaultError::malformed(&place, &error))?;
        return Ok(Record::Failed(failure, Box::new(open_results(vault, subject).await?)));
    }
    if let Some(pending) = find_pending(vault, run, reference).await? {
        return Ok(Record::Waiting(pending, Box::new(open_results(vault, subject).await?)));
    }
    if is_erased(vault, reference).await? {
        return Ok(Record::Erased);
    }
    Err(LetterError::NoRecord { run: run.clone() })
}

/// Opens the stages' results. A result that does not exist is `None`.
async fn open_results(vault: &Vault, subject: &Subject<'_>) -> Result<Opened, VaultError> {
    let Subject { reference, run, .. } = *subject;
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let owner = Owner::Customer(reference);
    let facts: Option<Assessment> = opened(vault.read_json(owner, &key(Artefact::Facts)).await)?;
    let facts = facts.and_then(|assessment| match assessment {
        Assessment::Proceed(facts) | Assessment::HeldOut(facts) => Some(facts),
        Assessment::Skip { .. } => None,
    });
    let script = opened(vault.read_json(owner, &key(Artefact::Script)).await)?;
    Ok(Opened { facts, script })
}

async fn is_erased(vault: &Vault, reference: &CustomerRef) -> Result<bool, StoreError> {
    vault.store().exists(&ObjectKey::Forgotten(reference.clone())).await
}

/// Returns the value, or `None` if its object does not exist.
fn opened<T: DeserializeOwned>(read: Result<(T, contracts::Digest), VaultError>) -> Result<Option<T>, VaultError> {
    match read {
        Ok((value, _)) => Ok(Some(value)),
        Err(VaultError::Store(StoreError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn find_since(vault: &Vault, subject: &Subject<'_>) -> Result<Since, LetterError> {
    let Subject { reference, run, now, .. } = *subject;
    let store = vault.store();
    let forgotten = ObjectKey::Forgotten(reference.clone());
    let erased = match store.find(&forgotten).await? {
        Some(bytes) => Some(vault.open_authenticated(&forgotten, &bytes)?),
        None => None,
    };
    let mut recalls = Vec::new();
    for (owner, scope) in [(Owner::Run, None), (Owner::Customer(reference), Some(reference.clone()))] {
        let whole_run = scope.is_none();
        let key = ObjectKey::Recall(run.clone(), scope);
        match vault.read_json(owner, &key).await {
            Ok((recall, _)) => recalls.push(Recalled { whole_run, recall: Some(recall) }),
            Err(VaultError::Store(StoreError::NotFound { .. })) => {}
            // The customer's key is gone, and with it the reason for the recall.
            Err(VaultError::Broken { .. }) if erased.is_some() => recalls.push(Recalled { whole_run, recall: None }),
            Err(error) => return Err(error.into()),
        }
    }
    let suppression = store.find(&ObjectKey::Suppression(reference.clone())).await?;
    Ok(Since {
        control: control::read(vault, reference, now).await?,
        suppression: suppression.and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        erased,
        recalls,
        holds: control::holds(vault).await?.remove(reference).unwrap_or_default(),
    })
}
