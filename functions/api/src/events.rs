//! What happens to a recommendation, as one numbered sequence: by server-sent events where the server can wait, and by
//! asking again everywhere.
//!
//! On one machine the server writes the sequence as it goes. On AWS it is read off the `progress/` objects, in the order in
//! which the bucket was given them: whatever a retry, another attempt of the run or a late call of a function adds comes
//! after what was told, and numbers stay. The bucket tells whole seconds. Within one the order is that of stages, and of
//! time within a stage, in which the steps of one customer come.

use std::convert::Infallible;

use axum::extract::{Path, State};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use contracts::RunId;
use contracts::executions::{Execution, ExecutionState};
use contracts::key::Prefix;
use contracts::progress::{StepKind, StepName};
use contracts::stage::{STAGES, Stage};
use futures::stream::{self, Stream, StreamExt as _};
use http::{HeaderMap, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::store::ListedObject;
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
    let all = of(&place, &start::executions(&place.request, host.executions()).await?, &host).await?;
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

/// All events that there are. `executions` are the run's, the first attempt first.
pub(crate) async fn of(place: &Place, executions: &[Execution], host: &Shared) -> Result<Vec<Event>, Problem> {
    match host.machine() {
        Some(machine) if place.is_own() => machine.events(&place.run, 0).await,
        _ => {
            let (run, store) = (&place.run, host.vault().store());
            let mut steps = Vec::new();
            for whose in [None, Some(place.reference.clone())] {
                let listed = store.list(&Prefix::Progress(run.clone(), whose)).await?;
                let step = |listed: &ListedObject| Some((listed.modified, StepName::of_key(&listed.key)?));
                steps.extend(listed.iter().filter_map(step));
            }
            Ok(of_steps(steps, executions))
        }
    }
}

/// The sequence of what `progress/` holds: steps, each with the time at which it was put there. What an attempt did comes
/// before its end, and what the next one does after it.
fn of_steps(steps: Vec<(Timestamp, StepName)>, executions: &[Execution]) -> Vec<Event> {
    let ended = |execution: &&Execution| execution.state != ExecutionState::Running;
    let ends: Vec<_> = executions.iter().filter(ended).map(|ended| (ended.stopped, ended.error.clone())).collect();
    let attempt = |step: &StepName| ends.iter().take_while(|(end, _)| end.is_some_and(|end| end < step.at)).count();
    let place = |stage| STAGES.iter().position(|row| row.stage == stage);
    let mut steps: Vec<_> = steps.into_iter().map(|(put, step)| (attempt(&step), put, step)).collect();
    steps.sort_by_key(|(attempt, put, step)| (*attempt, put.as_second(), place(step.stage), step.at, step.kind));

    let mut events: Vec<Event> = Vec::new();
    let mut text = false;
    let mut tell = |event: Event| events.push(Event { n: events.len() as u64 + 1, ..event });
    let mut steps = steps.into_iter().peekable();
    for attempt in 0..=ends.len() {
        let mut last = Timestamp::UNIX_EPOCH;
        while let Some((_, _, StepName { at, stage, kind })) = steps.next_if(|(of, ..)| *of == attempt) {
            // Only what the guard has passed is spoken.
            if stage == Stage::Narrate && !std::mem::replace(&mut text, true) {
                tell(Event::new(0, at, Kind::Text));
            }
            let state = match kind {
                StepKind::Started => StageState::Running,
                StepKind::Done => StageState::Done,
                StepKind::Failed => StageState::Failed,
            };
            tell(Event::of_stage(0, at, stage, state));
            last = at;
        }
        if let Some((stopped, error)) = ends.get(attempt) {
            tell(Event { message: error.clone(), ..Event::new(0, stopped.unwrap_or(last), Kind::End) });
        }
    }
    // The workflow's service forgets an execution after 90 days.
    if executions.is_empty() && events.iter().any(is_done(Stage::Finalize)) {
        let (n, last) = (events.len() as u64 + 1, events.last().map_or(Timestamp::UNIX_EPOCH, |event| event.at));
        events.push(Event::new(n, last, Kind::End));
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

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A step that the bucket was given when it happened.
    fn step(second: i64, stage: Stage, kind: StepKind) -> (Timestamp, StepName) {
        put(second, second, stage, kind)
    }

    /// A step that the bucket was given at another time than the function's clock says.
    fn put(put: i64, second: i64, stage: Stage, kind: StepKind) -> (Timestamp, StepName) {
        (at(put), StepName { at: at(second), stage, kind })
    }

    fn execution(stopped: Option<i64>, error: Option<&str>) -> Execution {
        let state = match (stopped, error) {
            (None, _) => ExecutionState::Running,
            (_, None) => ExecutionState::Succeeded,
            (_, Some(_)) => ExecutionState::Failed,
        };
        let (run, error) = (RunId::parse("run-1").unwrap(), error.map(str::to_owned));
        Execution { run, state, stopped: stopped.map(at), error, message: None }
    }

    /// The sequence as a client sees it grow who asks after each step from number `known` on: what was told stays as it was.
    fn grown(known: usize, steps: &[(Timestamp, StepName)], executions: &[Execution]) -> Vec<Event> {
        let mut before = Vec::new();
        for there in known..=steps.len() {
            let events = of_steps(steps[..there].iter().rev().cloned().collect(), executions);
            assert_eq!(events[..before.len()], before, "{there}");
            before = events;
        }
        assert!(before.iter().zip(1..).all(|(event, n)| event.n == n));
        before
    }

    #[test]
    fn the_sequence_only_grows_at_its_end_whatever_the_clocks_of_the_functions_say() {
        use StepKind::{Done, Failed, Started};
        let steps = [
            step(10, Stage::Merge, Started),
            step(12, Stage::Merge, Done),
            // A clock that is behind, and within one second.
            put(12, 11, Stage::Assess, Started),
            step(13, Stage::Assess, Done),
            step(14, Stage::Recommend, Started),
            step(15, Stage::Recommend, Failed),
            step(20, Stage::Recommend, Started),
            step(21, Stage::Recommend, Done),
            step(21, Stage::Narrate, Started),
        ];
        let told = grown(0, &steps, &[execution(None, None)]);
        let kinds: Vec<Kind> = told.iter().map(|event| event.kind).collect();
        assert_eq!(kinds[8..], [Kind::Text, Kind::Stage], "the text is told of when it is about to be spoken");
    }

    #[test]
    fn what_a_late_call_of_an_earlier_stage_adds_renumbers_nothing() {
        use StepKind::{Done, Failed, Started};
        let steps = [
            step(10, Stage::Recommend, Started),
            // The workflow has given this call up, and called again.
            step(20, Stage::Recommend, Started),
            step(22, Stage::Recommend, Done),
            step(23, Stage::Narrate, Started),
            // It ends after all, by a clock that is behind.
            put(24, 21, Stage::Recommend, Failed),
            step(25, Stage::Narrate, Done),
            // The customer's result was held, and is published once it is approved.
            step(26, Stage::Publish, Started),
            step(27, Stage::Publish, Done),
            step(90, Stage::Publish, Started),
        ];
        assert_eq!(grown(0, &steps, &[execution(None, None)]).len(), steps.len() + 1);
    }

    #[test]
    fn another_attempt_of_the_run_goes_on_after_the_end_of_the_one_before() {
        use StepKind::{Done, Failed, Started};
        let first = [step(1, Stage::Merge, Started), step(2, Stage::Merge, Failed)];
        let failed = execution(Some(3), Some("Input.WrongPassword"));
        let told = of_steps(first.to_vec(), std::slice::from_ref(&failed));
        let last = told.last().unwrap();
        assert_eq!((last.kind, last.n, last.message.as_deref()), (Kind::End, 3, Some("Input.WrongPassword")));

        let second = [step(9, Stage::Merge, Started), step(10, Stage::Merge, Done), step(11, Stage::Finalize, Done)];
        let steps = [first.as_slice(), &second].concat();
        let before = told;
        let told = grown(first.len(), &steps, &[failed.clone(), execution(None, None)]);
        assert_eq!((&told[..3], told.len(), told[5].kind), (&before[..], 6, Kind::Stage));
        let ended = of_steps(steps.clone(), &[failed, execution(Some(12), None)]);
        assert_eq!((&ended[..6], ended[6].kind, ended.len()), (&told[..], Kind::End, 7));
    }

    #[test]
    fn a_run_whose_execution_is_forgotten_ends_where_its_record_was_closed() {
        let told = of_steps(vec![step(5, Stage::Finalize, StepKind::Done)], &[]);
        assert_eq!((told.len(), told[1].kind, told[1].at), (2, Kind::End, at(5)));
    }

    #[test]
    fn a_stage_that_is_tried_again_stands_where_it_stands_now() {
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
