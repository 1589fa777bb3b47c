//! The timeline of a recommendation: its numbered events, and the progress of its stages.
//!
//! A backend with an [`EventLog`](crate::backend::EventLog) numbers events as they happen. On AWS, this module derives
//! them from the `progress/` objects, sorted by the time at which the bucket stored them. Numbers never change:
//! retries, later attempts and late function calls only append events. The bucket's times have a resolution of one
//! second. Within a second, events are in stage order, and within a stage, in the order of the function's own clock.

use contracts::RunId;
use contracts::executions::{Execution, ExecutionState};
use contracts::key::Prefix;
use contracts::progress::{StepKind, StepName};
use contracts::stage::{STAGES, Stage};
use jiff::Timestamp;
use storage::store::ListedObject;

use crate::backend::SharedBackend;
use crate::problem::Problem;
use crate::runs::CustomerRun;
use crate::view::{RunEvent, RunEventKind, StageProgress, StageStatus};

/// Loads all events of a recommendation. `executions` are the run's executions, first attempt first.
pub(crate) async fn load(
    customer: &CustomerRun,
    executions: &[Execution],
    backend: &SharedBackend,
) -> Result<Vec<RunEvent>, Problem> {
    if let Some(log) = backend.event_log().filter(|_| customer.is_single_customer()) {
        return log.events(&customer.run, 0).await;
    }
    let store = backend.vault().store();
    let mut steps = Vec::new();
    for reference in [None, Some(customer.reference.clone())] {
        let listed = store.list(&Prefix::Progress(customer.run.clone(), reference)).await?;
        let step = |listed: &ListedObject| Some((listed.modified, StepName::of_key(&listed.key)?));
        steps.extend(listed.iter().filter_map(step));
    }
    Ok(from_steps(steps, executions))
}

/// Derives events from steps, each with the time at which the store received it. An attempt's steps come before its
/// end, and the next attempt's steps come after it.
fn from_steps(steps: Vec<(Timestamp, StepName)>, executions: &[Execution]) -> Vec<RunEvent> {
    let has_ended = |execution: &&Execution| execution.state != ExecutionState::Running;
    let ended = executions.iter().filter(has_ended);
    let ends: Vec<_> = ended.map(|execution| (execution.stopped, execution.error.clone())).collect();
    let attempt_of = |step: &StepName| ends.iter().take_while(|(end, _)| end.is_some_and(|end| end < step.at)).count();
    let position_of = |stage| STAGES.iter().position(|row| row.stage == stage);
    let mut steps: Vec<_> = steps.into_iter().map(|(stored, step)| (attempt_of(&step), stored, step)).collect();
    steps.sort_by_key(|(attempt, stored, step)| {
        (*attempt, stored.as_second(), position_of(step.stage), step.at, step.kind)
    });

    let mut events: Vec<RunEvent> = Vec::new();
    let mut has_text = false;
    let mut append = |event: RunEvent| events.push(RunEvent { number: events.len() as u64 + 1, ..event });
    let mut steps = steps.into_iter().peekable();
    for attempt in 0..=ends.len() {
        let mut last = Timestamp::UNIX_EPOCH;
        while let Some((_, _, StepName { at, stage, kind })) = steps.next_if(|(of, ..)| *of == attempt) {
            // The text is narrated only after it has passed the guard.
            if stage == Stage::Narrate && !std::mem::replace(&mut has_text, true) {
                append(RunEvent::new(0, at, RunEventKind::Text));
            }
            let status = match kind {
                StepKind::Started => StageStatus::Running,
                StepKind::Done => StageStatus::Done,
                StepKind::Failed => StageStatus::Failed,
            };
            append(RunEvent::of_stage(0, at, stage, status));
            last = at;
        }
        if let Some((stopped, error)) = ends.get(attempt) {
            let end = RunEvent::new(0, stopped.unwrap_or(last), RunEventKind::End);
            append(RunEvent { message: error.clone(), ..end });
        }
    }
    // Step Functions forgets an execution after 90 days.
    if executions.is_empty() && events.iter().any(is_done(Stage::Finalize)) {
        let number = events.len() as u64 + 1;
        let last = events.last().map_or(Timestamp::UNIX_EPOCH, |event| event.at);
        events.push(RunEvent::new(number, last, RunEventKind::End));
    }
    events
}

/// Returns whether the latest attempt has ended. On AWS, a review decision adds events after the end.
pub(crate) fn has_ended(events: &[RunEvent], executions: &[Execution]) -> bool {
    let is_end = |event: &RunEvent| event.kind == RunEventKind::End;
    let attempt_ended = executions.last().is_some_and(|latest| latest.state != ExecutionState::Running);
    events.last().is_some_and(is_end) || (attempt_ended && events.iter().any(is_end))
}

fn is_done(stage: Stage) -> impl Fn(&RunEvent) -> bool {
    move |event| event.stage == Some(stage) && event.status == Some(StageStatus::Done)
}

/// Returns the progress of each stage.
pub(crate) fn stages(events: &[RunEvent]) -> Vec<StageProgress> {
    let progress_of = |stage| {
        let mut progress =
            StageProgress { stage, status: StageStatus::Waiting, started_at: None, duration_seconds: None };
        for event in events.iter().filter(|event| event.stage == Some(stage)) {
            let Some(status) = event.status else { continue };
            progress.status = status;
            if status == StageStatus::Running {
                progress.started_at = Some(event.at);
                progress.duration_seconds = None;
            } else if let Some(started) = progress.started_at {
                progress.duration_seconds = Some(event.at.duration_since(started).as_secs_f64());
            }
        }
        progress
    };
    STAGES.iter().map(|row| progress_of(row.stage)).collect()
}

/// Returns whether a run has started a stage. AWS does not queue runs, so there the answer is always yes.
pub(crate) async fn has_run_started(run: &RunId, backend: &SharedBackend) -> Result<bool, Problem> {
    match backend.event_log() {
        Some(log) => Ok(has_started(&log.events(run, 0).await?)),
        None => Ok(true),
    }
}

/// Returns whether a stage has started.
pub(crate) fn has_started(events: &[RunEvent]) -> bool {
    events.iter().any(|event| event.kind == RunEventKind::Stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Returns a step that the bucket received at the time when it happened.
    fn step(second: i64, stage: Stage, kind: StepKind) -> (Timestamp, StepName) {
        stored(second, second, stage, kind)
    }

    /// Returns a step that the bucket received at a different time than the function's clock showed.
    fn stored(stored: i64, second: i64, stage: Stage, kind: StepKind) -> (Timestamp, StepName) {
        (at(stored), StepName { at: at(second), stage, kind })
    }

    fn execution(stopped: Option<i64>, error: Option<&str>) -> Execution {
        let state = match (stopped, error) {
            (None, _) => ExecutionState::Running,
            (_, None) => ExecutionState::Succeeded,
            (_, Some(_)) => ExecutionState::Failed,
        };
        let run = RunId::parse("run-1").unwrap();
        Execution { run, state, stopped: stopped.map(at), error: error.map(str::to_owned), message: None }
    }

    /// Returns all events as seen by a client that polls after each step, starting with step `known`. Checks that no
    /// event changes between polls.
    fn poll_after_each_step(known: usize, steps: &[(Timestamp, StepName)], executions: &[Execution]) -> Vec<RunEvent> {
        let mut before = Vec::new();
        for count in known..=steps.len() {
            let events = from_steps(steps[..count].iter().rev().cloned().collect(), executions);
            assert_eq!(events[..before.len()], before, "{count} steps");
            before = events;
        }
        assert!(before.iter().zip(1..).all(|(event, number)| event.number == number));
        before
    }

    #[test]
    fn clock_skew_does_not_renumber_events() {
        use StepKind::{Done, Failed, Started};
        let steps = [
            step(10, Stage::Merge, Started),
            step(12, Stage::Merge, Done),
            // The clock is slow, and both steps fall within one second.
            stored(12, 11, Stage::Assess, Started),
            step(13, Stage::Assess, Done),
            step(14, Stage::Recommend, Started),
            step(15, Stage::Recommend, Failed),
            step(20, Stage::Recommend, Started),
            step(21, Stage::Recommend, Done),
            step(21, Stage::Narrate, Started),
        ];
        let events = poll_after_each_step(0, &steps, &[execution(None, None)]);
        let kinds: Vec<RunEventKind> = events.iter().map(|event| event.kind).collect();
        assert_eq!(kinds[8..], [RunEventKind::Text, RunEventKind::Stage], "the text precedes its narration");
    }

    #[test]
    fn late_call_of_an_earlier_stage_only_appends_events() {
        use StepKind::{Done, Failed, Started};
        let steps = [
            step(10, Stage::Recommend, Started),
            // The workflow has timed out the first call and repeats it.
            step(20, Stage::Recommend, Started),
            step(22, Stage::Recommend, Done),
            step(23, Stage::Narrate, Started),
            // The first call ends after all, with a slow clock.
            stored(24, 21, Stage::Recommend, Failed),
            step(25, Stage::Narrate, Done),
            // The result is in review, and is published after approval.
            step(26, Stage::Publish, Started),
            step(27, Stage::Publish, Done),
            step(90, Stage::Publish, Started),
        ];
        assert_eq!(poll_after_each_step(0, &steps, &[execution(None, None)]).len(), steps.len() + 1);
    }

    #[test]
    fn next_attempt_continues_after_the_end_event() {
        use StepKind::{Done, Failed, Started};
        let first = [step(1, Stage::Merge, Started), step(2, Stage::Merge, Failed)];
        let failed = execution(Some(3), Some("Input.WrongPassword"));
        let first_events = from_steps(first.to_vec(), std::slice::from_ref(&failed));
        let last = first_events.last().unwrap();
        assert_eq!(
            (last.kind, last.number, last.message.as_deref()),
            (RunEventKind::End, 3, Some("Input.WrongPassword"))
        );

        let second = [step(9, Stage::Merge, Started), step(10, Stage::Merge, Done), step(11, Stage::Finalize, Done)];
        let steps = [first.as_slice(), &second].concat();
        let running = poll_after_each_step(first.len(), &steps, &[failed.clone(), execution(None, None)]);
        assert_eq!((&running[..3], running.len(), running[5].kind), (&first_events[..], 6, RunEventKind::Stage));
        let ended = from_steps(steps.clone(), &[failed, execution(Some(12), None)]);
        assert_eq!((&ended[..6], ended[6].kind, ended.len()), (&running[..], RunEventKind::End, 7));
    }

    #[test]
    fn run_whose_execution_is_forgotten_ends_with_finalize() {
        let events = from_steps(vec![step(5, Stage::Finalize, StepKind::Done)], &[]);
        assert_eq!((events.len(), events[1].kind, events[1].at), (2, RunEventKind::End, at(5)));
    }

    #[test]
    fn run_stays_ended_after_a_review_decision() {
        let steps = [step(5, Stage::Finalize, StepKind::Done), step(90, Stage::Publish, StepKind::Done)];
        let ended = [execution(Some(6), None)];
        let events = from_steps(steps.to_vec(), &ended);
        assert_eq!(
            events.iter().map(|event| event.kind).collect::<Vec<_>>(),
            [RunEventKind::Stage, RunEventKind::End, RunEventKind::Stage]
        );
        assert!(has_ended(&events, &ended));
        let second_attempt = [execution(Some(6), Some("Run.Crashed")), execution(None, None)];
        assert!(!has_ended(&from_steps(steps.to_vec(), &second_attempt), &second_attempt));
    }

    #[test]
    fn retried_stage_shows_its_latest_attempt() {
        let events = [
            RunEvent::of_stage(1, at(1), Stage::Render, StageStatus::Running),
            RunEvent::of_stage(2, at(2), Stage::Render, StageStatus::Failed),
            RunEvent::of_stage(3, at(5), Stage::Render, StageStatus::Running),
            RunEvent::of_stage(4, at(9), Stage::Render, StageStatus::Done),
        ];
        let stages = stages(&events);
        let render = stages.iter().find(|progress| progress.stage == Stage::Render).unwrap();
        assert_eq!(
            (render.status, render.started_at, render.duration_seconds),
            (StageStatus::Done, Some(at(5)), Some(4.0))
        );
        assert_eq!(stages[0].status, StageStatus::Waiting);
    }
}
