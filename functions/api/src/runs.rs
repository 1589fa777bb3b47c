//! Starts runs, lists a caller's runs, and finds a run that the caller may see.

use contracts::executions::Executions;
use contracts::key::{Prefix, RunKind, RunPart};
use contracts::request::{Request, RunOptions, Trigger};
use contracts::stage::{IndexRow, WorkflowLimits};
use contracts::{Batch, CustomerRef, ErrorName, ObjectKey, RunId};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use start::StartedRun;
use storage::store::{ListedObject, ObjectStore, StoreError};
use storage::vault::{Owner, VaultError};

use crate::access::Caller;
use crate::backend::SharedBackend;
use crate::extract::IdempotencyKey;
use crate::problem::Problem;
use crate::view::{PageQuery, validate_options};

/// The maximum number of items on a page.
const MAX_PAGE: usize = 100;

/// The number of items in a page if the query does not specify one.
const DEFAULT_PAGE: usize = 20;

/// A run to start.
pub(crate) struct Launch<'a> {
    /// Whether it is a recommendation or a campaign.
    pub(crate) kind: RunKind,
    /// The batch. `None` means the default batch.
    pub(crate) batch: Option<Batch>,
    /// The options that the caller chose.
    pub(crate) options: RunOptions,
    /// The service that executes the run.
    pub(crate) executions: &'a dyn Executions,
    /// The workflow's limits.
    pub(crate) limits: WorkflowLimits,
}

/// Starts a run, or finds the one that the same key started. Returns its id and whether it already existed.
pub(crate) async fn start(
    key: IdempotencyKey,
    launch: Launch<'_>,
    backend: &SharedBackend,
) -> Result<(RunId, bool), Problem> {
    let Launch { kind, batch, options, executions, limits } = launch;
    validate_options(&options)?;
    let IdempotencyKey { caller, digest } = key;
    let caller = caller.digest();
    let batch = batch.or_else(|| backend.default_batch());
    let deps = start::Deps { vault: backend.vault(), source: backend.source(), executions, limits };
    let StartedRun { run, already, .. } = start::call(digest, caller, batch.clone(), options.clone(), &deps).await?;
    if already && !is_same_request(&run, &options, batch.as_ref(), backend).await? {
        return Err(Problem::key_reused());
    }
    // An earlier call with this key may have failed before this write, so every call repeats it.
    backend.vault().store().put_new(&ObjectKey::Started(caller, kind, run.clone()), "{}".into()).await?;
    Ok((run, already))
}

/// Returns whether a run's stored request matches these options. Values that the caller left to the settings are not
/// compared, because the settings may have changed since.
async fn is_same_request(
    run: &RunId,
    options: &RunOptions,
    batch: Option<&Batch>,
    backend: &SharedBackend,
) -> Result<bool, Problem> {
    let Some(stored) = find_request(run, backend).await? else { return Ok(false) };
    Ok(stored.only == options.only
        && batch.is_none_or(|batch| stored.batch == *batch)
        && stored.prompt == options.prompt
        && stored.voice == options.voice
        && stored.videos == options.videos
        && options.writer.is_none_or(|writer| stored.writer == writer)
        && (options.categories.is_empty() || stored.categories == options.categories)
        && options.words_per_minute.is_none_or(|rate| stored.words_per_minute == rate)
        && options.shape.is_none_or(|shape| stored.shape == shape))
}

/// One customer's part of a run that the caller may see.
pub(crate) struct CustomerRun {
    pub(crate) run: RunId,
    pub(crate) reference: CustomerRef,
    pub(crate) request: Request,
}

impl CustomerRun {
    /// Finds a recommendation that the caller started. Its id is `RUN~REFERENCE`, or also just the run's id for a run for
    /// one customer.
    pub(crate) async fn find(id: &str, caller: &Caller, backend: &SharedBackend) -> Result<Self, Problem> {
        let found = Self::find_of_any_caller(id, backend).await?;
        if was_started_by(&found.request, caller) { Ok(found) } else { Err(Problem::not_found()) }
    }

    /// Finds any caller's recommendation, for compliance.
    pub(crate) async fn find_of_any_caller(id: &str, backend: &SharedBackend) -> Result<Self, Problem> {
        let (run, reference) = match id.split_once('~') {
            Some((run, reference)) => (run, CustomerRef::parse(reference).map(Some)),
            None => (id, Ok(None)),
        };
        let (Ok(run), Ok(reference)) = (RunId::parse(run), reference) else { return Err(Problem::not_found()) };
        let request = find_request(&run, backend).await?.ok_or_else(Problem::not_found)?;
        let reference = match (&request.only, reference) {
            (Some(only), None) => only.clone(),
            (Some(only), Some(reference)) if reference == *only => reference,
            (None, Some(reference)) if customers(&run, backend).await?.contains(&reference) => reference,
            _ => return Err(Problem::not_found()),
        };
        Ok(Self { run, reference, request })
    }

    /// Returns whether the run is for this customer alone.
    pub(crate) const fn is_single_customer(&self) -> bool {
        self.request.only.is_some()
    }

    /// Returns the id of the recommendation.
    pub(crate) fn id(&self) -> String {
        if self.is_single_customer() { self.run.to_string() } else { format!("{}~{}", self.run, self.reference) }
    }
}

/// Reads the request of a campaign that the caller started.
pub(crate) async fn campaign_request(
    run: &RunId,
    caller: &Caller,
    backend: &SharedBackend,
) -> Result<Request, Problem> {
    let request = find_request(run, backend).await?;
    let visible = request.filter(|request| was_started_by(request, caller) && request.only.is_none());
    visible.ok_or_else(Problem::not_found)
}

fn was_started_by(request: &Request, caller: &Caller) -> bool {
    match request.trigger {
        Trigger::Call { caller: starter, .. } => starter == caller.digest(),
        Trigger::Schedule { caller: starter, .. } => starter == Some(caller.digest()),
        Trigger::Command | Trigger::Upload => false,
    }
}

async fn find_request(run: &RunId, backend: &SharedBackend) -> Result<Option<Request>, Problem> {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    match backend.vault().read_json(Owner::Run, &key).await {
        Ok((request, _)) => Ok(Some(request)),
        Err(VaultError::Store(StoreError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Counts the customers of a run. Returns 0 until the batch has been read.
#[cfg(feature = "lambda")]
pub(crate) async fn count_customers(run: &RunId, store: &dyn ObjectStore) -> Result<usize, StoreError> {
    let index = store.find(&ObjectKey::Run(run.clone(), RunPart::Index)).await?;
    // The index has a header, and one line for each customer.
    Ok(index.map_or(0, |index| index.split(|byte| *byte == b'\n').count().saturating_sub(2)))
}

/// Lists the customers of a run in the dataset's order. The list is empty until the batch has been read.
pub(crate) async fn customers(run: &RunId, backend: &SharedBackend) -> Result<Vec<CustomerRef>, Problem> {
    let key = ObjectKey::Run(run.clone(), RunPart::Index);
    let Some(index) = backend.vault().store().find(&key).await? else { return Ok(Vec::new()) };
    let rows = IndexRow::read_all(&index);
    let rows = rows.map_err(|error| Problem::new(ErrorName::SealBroken, format!("{key}: {error}")))?;
    Ok(rows.into_iter().map(|row| row.reference).collect())
}

/// Returns the number of items that a query requests.
pub(crate) fn page_limit(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if (1..=MAX_PAGE).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::invalid("the limit parameter must be 1 to 100"))
    }
}

/// Lists the runs that a caller started, with their start times, newest first.
pub(crate) async fn list_started(
    caller: &Caller,
    kind: RunKind,
    backend: &SharedBackend,
) -> Result<Vec<(RunId, Timestamp)>, Problem> {
    let mut listed = backend.vault().store().list(&Prefix::Started(caller.digest(), kind)).await?;
    listed.sort_by(|a, b| (b.modified, &b.key).cmp(&(a.modified, &a.key)));
    Ok(listed.iter().filter_map(|ListedObject { key, modified }| Some((ObjectKey::started(key)?, *modified))).collect())
}

/// Returns a page of [`list_started`], and the cursor for the next page.
pub(crate) async fn page_of_started(
    caller: &Caller,
    kind: RunKind,
    query: PageQuery,
    backend: &SharedBackend,
) -> Result<(Vec<(RunId, Timestamp)>, Option<String>), Problem> {
    let limit = page_limit(query.limit)?;
    let mut runs = list_started(caller, kind, backend).await?;
    if let Some(after) = query.after {
        let position = runs.iter().position(|(run, _)| run.as_str() == after);
        runs.drain(..=position.ok_or_else(Problem::unknown_cursor)?);
    }
    let next = (runs.len() > limit).then(|| runs[limit - 1].0.to_string());
    runs.truncate(limit);
    Ok((runs, next))
}

/// Reads an unsealed JSON object. Returns `None` if it does not exist.
pub(crate) async fn find_json<T: DeserializeOwned>(
    store: &dyn ObjectStore,
    key: &ObjectKey,
) -> Result<Option<T>, Problem> {
    let Some(bytes) = store.find(key).await? else { return Ok(None) };
    let value = serde_json::from_slice(&bytes).map_err(|error| VaultError::Malformed {
        place: key.to_string(),
        line: error.line(),
        column: error.column(),
    })?;
    Ok(Some(value))
}
