//! The report on the effect of a run.

use contracts::effect::{EffectPlan, PageEvent};
use contracts::evidence::Manifest;
use contracts::key::RunPart;
use contracts::request::Request;
use contracts::{ErrorName, ObjectKey, RunId};
use effect::{Measurement, measure, reading};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;
use storage::vault::{Owner, Vault, VaultError};

use super::groups::{GroupMember, MeasuredRun};
use crate::failure::Failure;

/// The number of customers who are read concurrently.
pub(super) const CONCURRENCY: usize = 16;

/// The days in which an adoption counts. Their number is fixed when the run starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The first day: the UTC day of the first outcome recorded for a customer in either group.
    pub first: Date,
    /// The last day.
    pub last: Date,
}

impl Window {
    fn new(first: Date, days: u16) -> Self {
        Self { first, last: first.saturating_add((i32::from(days) - 1).days()) }
    }

    /// Returns whether a day is in the window.
    #[must_use]
    pub fn has(self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

/// The number of customers who did something on their pages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EventCount {
    /// The event.
    pub event: PageEvent,
    /// The customers.
    pub customers: usize,
    /// Their share of the customers who got a recommendation, 0 to 1.
    pub share: f64,
}

/// The report on the effect of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EffectReport {
    /// The run.
    pub run: RunId,
    /// The plan, as it was when the run started.
    pub plan: EffectPlan,
    /// The window. `None` if no customer in either group has an outcome.
    pub window: Option<Window>,
    /// Whether the window has ended.
    pub is_over: bool,
    /// The customers assigned to treatment.
    pub treated: usize,
    /// The treated customers who got a recommendation.
    pub published: usize,
    /// The customers in the control group.
    pub held_out: usize,
    /// The customers in neither group: skipped, never started, erased, or with a service message.
    pub in_no_group: usize,
    /// The customers in both groups who have adopted an offered product within the window so far.
    pub adopters: usize,
    /// The day of the newest adoption that was imported for these customers.
    pub newest_adoption: Option<Date>,
    /// The events on customers' pages.
    pub events: Vec<EventCount>,
    /// The measurement. `None` until the window has ended, so a reader cannot stop at a moment that happens to look good.
    pub measurement: Option<Measurement>,
    /// The reading in plain language.
    pub reading: String,
    /// Warnings that a reader must know before relying on the numbers.
    pub warnings: Vec<String>,
}

/// Returns the report on the effect of a run.
pub async fn report(run: &RunId, today: Date, vault: &Vault) -> Result<EffectReport, Failure> {
    let (request, plan) = read_plan(run, vault).await?;
    let manifest = read_manifest(run, vault).await?;
    let measured = MeasuredRun { run, request: &request, vault };
    let members: Vec<Option<GroupMember>> =
        stream::iter(&manifest.entries).map(|entry| measured.member(entry)).buffered(CONCURRENCY).try_collect().await?;
    let in_no_group = members.iter().filter(|member| member.is_none()).count();
    let members: Vec<GroupMember> = members.into_iter().flatten().collect();
    let first = members.iter().filter_map(|member| member.ended).min();
    let window = first.map(|first| Window::new(first, plan.window_days));
    let is_over = window.is_some_and(|window| today > window.last);
    let results: Vec<_> =
        window.map(|window| members.iter().map(|member| member.result(window)).collect()).unwrap_or_default();
    let published = members.iter().filter(|member| member.published).count();
    let held_out = members.iter().filter(|member| member.held_out).count();
    let newest_adoption = members.iter().flat_map(|member| &member.adoptions).map(|(_, on)| *on).max();
    let measurement = is_over.then(|| measure(&results));
    Ok(EffectReport {
        run: run.clone(),
        window,
        is_over,
        treated: members.len() - held_out,
        published,
        held_out,
        in_no_group,
        adopters: results.iter().filter(|result| !result.adopted.is_empty()).count(),
        newest_adoption,
        events: count_events(&members, published),
        reading: reading_of(window, measurement.as_ref()),
        warnings: warnings(window, newest_adoption, measurement.as_ref()),
        measurement,
        plan,
    })
}

async fn read_plan(run: &RunId, vault: &Vault) -> Result<(Request, EffectPlan), Failure> {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    let (request, _): (Request, _) = vault.read_json(Owner::Run, &key).await?;
    if let Some(plan) = request.effect.clone() {
        Ok((request, plan))
    } else {
        let message = format!("run {run} has no effect plan, so there is no control group to compare with");
        let help = "set effect.enabled = true in bespoke.toml before a campaign starts";
        Err(Failure::new(ErrorName::InputInvalidRequest, message, help))
    }
}

/// Reads the manifest of a run that has ended.
pub(super) async fn read_manifest(run: &RunId, vault: &Vault) -> Result<Manifest, Failure> {
    let key = ObjectKey::Run(run.clone(), RunPart::ManifestJson);
    let Some(json) = vault.store().find(&key).await? else {
        let message = format!("run {run} has not ended");
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, "resume the run"));
    };
    Ok(serde_json::from_slice(&json).map_err(|error| VaultError::malformed(&key.to_string(), &error))?)
}

#[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
fn count_events(members: &[GroupMember], published: usize) -> Vec<EventCount> {
    let count = |event| members.iter().filter(|member| member.events.contains(&event)).count();
    let counts = PageEvent::ALL.into_iter().map(|event| {
        let customers = count(event);
        let share = if published == 0 { 0.0 } else { customers as f64 / published as f64 };
        EventCount { event, customers, share }
    });
    counts.collect()
}

fn reading_of(window: Option<Window>, measurement: Option<&Measurement>) -> String {
    match (window, measurement) {
        (None, _) => "No customer of this run belongs to a group, so there is nothing to measure.".to_owned(),
        (Some(Window { last, .. }), None) => format!(
            "The window ends on {last}. Until then this report shows no uplift and no significance: a test that \
             stops when its numbers look good finds effects that do not exist."
        ),
        (Some(_), Some(measurement)) => {
            let mut text = reading::primary(measurement.uplift);
            for arm in &measurement.arms {
                text = format!("{text} {}", reading::arms(&arm.first, &arm.second, arm.difference));
            }
            text
        }
    }
}

fn warnings(window: Option<Window>, newest: Option<Date>, measurement: Option<&Measurement>) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(measurement) = measurement else { return warnings };
    warnings.extend(measurement.cautions.iter().map(|caution| caution.words()));
    if let Some(Window { last, .. }) = window
        && newest.is_none_or(|newest| newest < last)
    {
        let newest = newest.map_or("none was imported".to_owned(), |newest| format!("the newest is dated {newest}"));
        warnings.push(format!("Check that the imported adoptions cover the window, which ended on {last}: {newest}."));
    }
    warnings
}
