//! The files of schedules: each keeps its timer up to date, and decides whether and how a due run starts.

use contracts::key::RunKind;
use contracts::request::{RunOptions, Trigger};
use contracts::schedule::{Schedule, ScheduleError, Timers};
use contracts::{Batch, ErrorName, ObjectKey, ScheduleName};
use jiff::Timestamp;
use storage::store::ObjectStore;

use crate::bounds::{BoundedExecutions, CampaignBounds, CampaignRecord};
use crate::{Deps, Error, EventOutcome, batches, start};

/// The maximum number of times that one event sets a timer.
const MAX_UPDATES: usize = 5;

/// Sets the schedule's timer as its file says, or removes it if there is no file. Events arrive in any order, so the
/// file decides and not the event. If the file changes in the meantime, does it again.
pub(crate) async fn update_timer(
    name: ScheduleName,
    store: &dyn ObjectStore,
    timers: &dyn Timers,
) -> Result<EventOutcome, Error> {
    let mut current = find(&name, store).await?;
    for _ in 0..MAX_UPDATES {
        match &current {
            Some(schedule) => timers.set(&name, schedule).await?,
            None => timers.remove(&name).await?,
        }
        let newer = find(&name, store).await?;
        if newer == current {
            tracing::info!(schedule = name.as_str(), exists = newer.is_some(), "the timer matches the schedule");
            return Ok(match newer {
                Some(_) => EventOutcome::TimerSet { schedule: name },
                None => EventOutcome::TimerRemoved { schedule: name },
            });
        }
        current = newer;
    }
    Err(Error::Unsettled { schedule: name })
}

/// A due run of a schedule.
pub(crate) struct DueRun {
    pub(crate) name: ScheduleName,
    /// The scheduled time.
    pub(crate) at: Timestamp,
    /// The batch that an operator named.
    pub(crate) batch: Option<Batch>,
    /// The current time.
    pub(crate) now: Timestamp,
}

/// Starts a run that is due, with the options in the schedule's file as it is now. An operator who names a batch needs no
/// file.
pub(crate) async fn run_due(due: DueRun, deps: &Deps<'_>) -> Result<EventOutcome, Error> {
    let DueRun { name, at, batch, now } = due;
    let store = deps.vault.store();
    let Some(schedule) = find(&name, store).await? else {
        if batch.is_none() {
            return Err(Error::NoSchedule { schedule: name });
        }
        let batch = batches::named_or_newest(batch, store).await?;
        let trigger = Trigger::Schedule { name: name.as_str().to_owned(), at, caller: None };
        return Ok(EventOutcome::Started(start(trigger, batch, RunOptions::default(), at, deps).await?));
    };
    match schedule.ensure_may_start(&name, now) {
        // The event was on its way when the schedule was paused.
        Err(ScheduleError::Paused { .. }) => {
            tracing::info!(schedule = name.as_str(), "ignored a due run, because the schedule is paused");
            return Ok(EventOutcome::Ignored);
        }
        may_start => may_start?,
    }
    let catalogue = deps.source.material().await?.catalogue;
    schedule.ensure_known(&name, &|id| catalogue.product(id).is_some())?;
    let batch = batches::named_or_newest(batch.or_else(|| schedule.batch.clone()), store).await?;
    let bounds = CampaignBounds {
        customers: schedule.max_customers.map(|count| count as usize),
        concurrency: None,
        budget_usd: schedule.budget_usd,
    };
    let record = CampaignRecord { dry_run: false, bounds };
    let executions = BoundedExecutions { executions: deps.executions, vault: deps.vault, record };
    let deps = Deps { executions: &executions, ..*deps };
    let trigger = Trigger::Schedule { name: name.as_str().to_owned(), at, caller: schedule.created_by };
    let started = start(trigger, batch, schedule.options(name), at, &deps).await?;
    if let Some(creator) = schedule.created_by {
        // This record shows the run to the person who created the schedule, and prevents them from approving its results.
        store.put_new(&ObjectKey::Started(creator, RunKind::Campaign, started.run.clone()), "{}".into()).await?;
    }
    Ok(EventOutcome::Started(started))
}

/// Reads a schedule. Returns `None` if there is no file.
async fn find(name: &ScheduleName, store: &dyn ObjectStore) -> Result<Option<Schedule>, Error> {
    let key = ObjectKey::Schedule(name.clone());
    let Some(bytes) = store.find(&key).await? else { return Ok(None) };
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Error::Material { error: ErrorName::ConfigInvalid, message: format!("{key}: not in UTF-8") })?;
    Ok(Some(Schedule::from_toml(name, text)?))
}
