//! What happens to a recommendation, as one numbered sequence: by server-sent events where the server can wait, and by
//! asking again everywhere.
//!
//! On one machine the server writes the sequence as it goes. On AWS it is read off the `progress/` objects: the stages of
//! one customer come one after another, so that in the order of stages, and of time within a stage, the sequence only
//! ever grows at its end, and numbers stay.

use std::convert::Infallible;

use axum::extract::{Path, State};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use contracts::RunId;
use contracts::executions::{Execution, State as ExecutionState};
use contracts::key::Prefix;
use contracts::progress::{StepKind, StepName};
use contracts::stage::{STAGES, Stage};
use futures::stream::{self, Stream, StreamExt as _};
use http::{HeaderMap, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::asked::{Asking, Caller};
use crate::recommendations::Place;
use crate::{Problem, Problems, Shared};

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A stage began or ended.
    Stage,
    /// How far a stage has come: `share`.
    Progress,
    /// A stage failed in passing and is tried again.
    Retry,
    /// The text has passed the guard: it can be read now.
    Text,
    /// The outcome.
    Result,
    /// A line for the log.
    Log,
    /// There is no more to come.
    End,
}

/// Where a stage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StageState {
    /// It has not begun.
    Waiting,
    /// It works.
    Running,
    /// It came to its end.
    Done,
    /// It failed.
    Failed,
}

/// An event. Nothing personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its number, from 1.
    pub n: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What it tells.
    pub kind: Kind,
    /// Which stage, for `stage`, `progress` and `retry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StageName>)]
    pub stage: Option<Stage>,
    /// Where the stage stands, for `stage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StageState>,
    /// How far it has come, 0 to 1, for `progress`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// In words; for `result` the outcome, for `retry` and a stage that failed the error's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The stages' names, for the document.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "stands for `contracts::stage::Stage` in the document")]
pub(crate) enum StageName {
    Merge,
    Assess,
    Recommend,
    Narrate,
    Render,
    Publish,
    Finalize,
}

impl Event {
    /// An event that tells nothing but its kind.
    #[must_use]
    pub const fn new(n: u64, at: Timestamp, kind: Kind) -> Self {
        Self { n, at, kind, stage: None, state: None, share: None, message: None }
    }

    /// That a stage began or ended.
    #[must_use]
    pub fn of_stage(n: u64, at: Timestamp, stage: Stage, stands: StageState) -> Self {
        Self { stage: Some(stage), state: Some(stands), ..Self::new(n, at, Kind::Stage) }
    }
}

/// A part of the sequence.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventPage {
    events: Vec<Event>,
    /// The number to ask with as `after` next.
    next: u64,
    /// Whether there is no more to come.
    ended: bool,
}

/// From where on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct After {
    /// The number of the last event that is known; 0 for all. The header `Last-Event-ID` goes before it.
    #[serde(default)]
    #[param(value_type = Option<u64>)]
    after: u64,
}

/// What happened to a recommendation, in order
///
/// With `Accept: text/event-stream` the answer stays open, and is resumed by `Last-Event-ID`. Without it the events that
/// there are come at once.
#[utoipa::path(
    get, path = "/v1/recommendations/{id}/events", operation_id = "readEvents", tag = "recommendations",
    params(("id" = String, Path, description = "The recommendation"), After),
    responses(
        (status = 200, description = "The events", content((EventPage = "application/json"), (String = "text/event-stream"))),
        Problems
    )
)]
pub(crate) async fn read(
    State(host): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Asking(After { after }): Asking<After>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = Place::find(&id, caller, &host).await?;
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok()?.parse().ok());
    let after = last.unwrap_or(after);
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/event-stream") && host.machine().is_some() && place.is_own() {
        let events = follow(host, place.run, after).map(|event| {
            let json = serde_json::to_string(&event).expect("plain fields serialize to JSON");
            Ok::<_, Infallible>(sse::Event::default().id(event.n.to_string()).data(json))
        });
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    let execution = start::execution(&place.request, host.executions()).await?.map(|(_, execution)| execution);
    let all = of(&place, execution.as_ref(), &host).await?;
    let ended = all.last().is_some_and(|event| event.kind == Kind::End);
    let next = all.last().map_or(0, |event| event.n).max(after);
    let events = all.into_iter().filter(|event| event.n > after).collect();
    Ok(axum::Json(EventPage { events, next, ended }).into_response())
}

/// The events of a run as they come, until its end or the server's.
fn follow(host: Shared, run: RunId, after: u64) -> impl Stream<Item = Event> {
    let more = stream::unfold(Some((host, run, after)), |following| async {
        let (host, run, after) = following?;
        let machine = host.machine()?;
        // Whoever asks for what comes after the end is not kept waiting.
        let last = machine.events(&run, 0).await.ok()?.pop();
        if last.is_some_and(|last| last.kind == Kind::End && last.n <= after) {
            return None;
        }
        if !machine.more(&run, after).await {
            return None;
        }
        let events = machine.events(&run, after).await.ok()?;
        let last = events.last()?;
        let (after, ended) = (last.n, last.kind == Kind::End);
        Some((stream::iter(events), (!ended).then_some((host, run, after))))
    });
    more.flatten()
}

/// All events that there are.
pub(crate) async fn of(place: &Place, execution: Option<&Execution>, host: &Shared) -> Result<Vec<Event>, Problem> {
    match host.machine() {
        Some(machine) if place.is_own() => machine.events(&place.run, 0).await,
        _ => {
            let (run, store) = (&place.run, host.vault().store());
            let mut steps = Vec::new();
            for prefix in
                [Prefix::Progress(run.clone(), None), Prefix::Progress(run.clone(), Some(place.reference.clone()))]
            {
                steps.extend(store.list(&prefix).await?.iter().filter_map(|listed| StepName::of_key(&listed.key)));
            }
            Ok(of_steps(steps, execution))
        }
    }
}

/// The sequence of what `progress/` holds.
fn of_steps(mut steps: Vec<StepName>, execution: Option<&Execution>) -> Vec<Event> {
    let place = |stage| STAGES.iter().position(|row| row.stage == stage);
    steps.sort_by_key(|step| (place(step.stage), step.at, step.kind));
    let mut events: Vec<Event> = Vec::new();
    let mut text = false;
    for StepName { at, stage, kind } in steps {
        let state = match kind {
            StepKind::Started => StageState::Running,
            StepKind::Done => StageState::Done,
            StepKind::Failed => StageState::Failed,
        };
        // Only what the guard has passed is spoken.
        if stage == Stage::Narrate && !text {
            text = true;
            events.push(Event::new(events.len() as u64 + 1, at, Kind::Text));
        }
        events.push(Event::of_stage(events.len() as u64 + 1, at, stage, state));
    }
    let last = events.last().map_or(Timestamp::UNIX_EPOCH, |event| event.at);
    let end = |at, message| Event { message, ..Event::new(events.len() as u64 + 1, at, Kind::End) };
    match execution {
        Some(Execution { state: ExecutionState::Succeeded | ExecutionState::Failed, stopped, error, .. }) => {
            events.push(end(stopped.unwrap_or(last), error.clone()));
        }
        // The workflow's service forgets an execution after 90 days.
        None if events.iter().any(is_done(Stage::Finalize)) => events.push(end(last, None)),
        _ => {}
    }
    events
}

fn is_done(stage: Stage) -> impl Fn(&Event) -> bool {
    move |event| event.stage == Some(stage) && event.state == Some(StageState::Done)
}

/// Where a stage stands, and when it began and how long it took.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StageStanding {
    #[schema(value_type = StageName)]
    stage: Stage,
    state: StageState,
    /// When it began, for the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// Seconds it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// Where each stage stands, by the events.
pub(crate) fn stages(events: &[Event]) -> Vec<StageStanding> {
    let standing = |stage| {
        let mut standing = StageStanding { stage, state: StageState::Waiting, started_at: None, seconds: None };
        for event in events.iter().filter(|event| event.stage == Some(stage)) {
            let Some(state) = event.state else { continue };
            standing.state = state;
            if state == StageState::Running {
                (standing.started_at, standing.seconds) = (Some(event.at), None);
            } else if let Some(started) = standing.started_at {
                standing.seconds = Some(event.at.duration_since(started).as_secs_f64());
            }
        }
        standing
    };
    STAGES.iter().map(|row| standing(row.stage)).collect()
}

/// Whether anything has begun.
pub(crate) fn begun(events: &[Event]) -> bool {
    events.iter().any(|event| event.kind == Kind::Stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(second: i64, stage: Stage, kind: StepKind) -> StepName {
        StepName { at: Timestamp::from_second(second).unwrap(), stage, kind }
    }

    #[test]
    fn the_sequence_only_grows_at_its_end_whatever_the_clocks_of_the_functions_say() {
        use StepKind::{Done, Failed, Started};
        let steps = [
            step(10, Stage::Merge, Started),
            step(12, Stage::Merge, Done),
            // A clock that is behind.
            step(11, Stage::Assess, Started),
            step(13, Stage::Assess, Done),
            step(14, Stage::Recommend, Started),
            step(15, Stage::Recommend, Failed),
            step(20, Stage::Recommend, Started),
            step(21, Stage::Recommend, Done),
            step(21, Stage::Narrate, Started),
        ];
        let mut before: Vec<Event> = Vec::new();
        for there in 1..=steps.len() {
            let events = of_steps(steps[..there].iter().rev().cloned().collect(), None);
            assert_eq!(events[..before.len()], before, "{there}");
            assert!(events.iter().zip(1..).all(|(event, n)| event.n == n));
            before = events;
        }
        let kinds: Vec<Kind> = before.iter().map(|event| event.kind).collect();
        assert_eq!(kinds[8..], [Kind::Text, Kind::Stage], "the text is told of when it is about to be spoken");
    }

    #[test]
    fn an_execution_that_ended_ends_the_sequence() {
        let run = RunId::parse("run-1").unwrap();
        let ended = Execution {
            run,
            state: ExecutionState::Failed,
            stopped: Some(Timestamp::from_second(5).unwrap()),
            error: Some("Input.UnknownCustomer".to_owned()),
            message: None,
        };
        let events = of_steps(vec![step(1, Stage::Merge, StepKind::Started)], Some(&ended));
        let last = events.last().unwrap();
        assert_eq!((last.kind, last.n, last.message.as_deref()), (Kind::End, 2, Some("Input.UnknownCustomer")));
    }

    #[test]
    fn a_stage_that_is_tried_again_stands_where_it_stands_now() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let events = [
            Event::of_stage(1, at(1), Stage::Render, StageState::Running),
            Event::of_stage(2, at(2), Stage::Render, StageState::Failed),
            Event::of_stage(3, at(5), Stage::Render, StageState::Running),
            Event::of_stage(4, at(9), Stage::Render, StageState::Done),
        ];
        let stages = stages(&events);
        let render = stages.iter().find(|standing| standing.stage == Stage::Render).unwrap();
        assert_eq!((render.state, render.started_at, render.seconds), (StageState::Done, Some(at(5)), Some(4.0)));
        assert_eq!(stages[0].state, StageState::Waiting);
    }
}
