//! Schedules: campaigns that start automatically. The stored file is the schedule; on AWS, writing it sets the timer.

use axum::extract::{Path, State};
use contracts::key::Prefix;
use contracts::schedule::Schedule;
use contracts::{NamedError as _, ObjectKey, ScheduleName};
use http::StatusCode;
use jiff::Timestamp;

use crate::access::Caller;
use crate::backend::SharedBackend;
use crate::extract::Json;
use crate::problem::{FindProblems, Problem, ReadProblems, ScheduleProblems};
use crate::view::{ScheduleList, ScheduleRequest, ScheduleView};

/// Creates or replaces a schedule
///
/// Creates the schedule with this name, or replaces it as a whole. Its next run uses the new version; runs in progress keep
/// theirs. Repeating the request changes nothing. On AWS, the timer follows within seconds. The results of a schedule's
/// runs cannot be approved by the person who created or last changed it. A local server keeps schedules, but does not
/// start runs: use `bespoke campaign --schedule FILE`.
#[utoipa::path(
    put, path = "/v1/schedules/{name}", operation_id = "putSchedule", tag = "schedules",
    params(("name" = String, Path, description = "The name of the schedule: 1 to 40 letters, digits, `-` or `_`")),
    request_body = ScheduleRequest,
    responses((status = 200, description = "The schedule", body = ScheduleView), ScheduleProblems)
)]
pub(super) async fn put(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path(name): Path<String>,
    Json(request): Json<ScheduleRequest>,
) -> Result<axum::Json<ScheduleView>, Problem> {
    let name = ScheduleName::parse(name).map_err(|_| Problem::not_found())?;
    let schedule = request.into_schedule(&name, caller.digest(), backend.vault().keys())?;
    let catalogue = backend.catalogue().await?;
    let known = schedule.ensure_known(&name, &|id| catalogue.product(id).is_some());
    known.map_err(|error| Problem::refused(&error.to_string(), error.help()))?;
    store(&name, schedule, &caller, &backend).await
}

/// Lists the schedules
///
/// Lists all schedules by name, each with the time of its next run. A file in the bucket that is not a valid schedule is
/// left out; the log of the function `start` says why.
#[utoipa::path(
    get, path = "/v1/schedules", operation_id = "listSchedules", tag = "schedules",
    responses((status = 200, description = "The schedules", body = ScheduleList), ReadProblems)
)]
pub(super) async fn list(State(backend): State<SharedBackend>) -> Result<axum::Json<ScheduleList>, Problem> {
    let now = Timestamp::now();
    let mut items = Vec::new();
    for listed in backend.vault().store().list(&Prefix::Schedules).await? {
        let Some(name) = ObjectKey::schedule_of(&listed.key) else { continue };
        // It may be deleted in the meantime.
        if let Some(Ok(schedule)) = find(&name, &backend).await? {
            items.push(ScheduleView::new(&name, schedule, now));
        }
    }
    Ok(axum::Json(ScheduleList { items }))
}

/// Returns a schedule
///
/// Returns the schedule with the time of its next run.
#[utoipa::path(
    get, path = "/v1/schedules/{name}", operation_id = "getSchedule", tag = "schedules",
    params(("name" = String, Path, description = "The name of the schedule")),
    responses((status = 200, description = "The schedule", body = ScheduleView), FindProblems)
)]
pub(super) async fn get(
    State(backend): State<SharedBackend>,
    Path(name): Path<String>,
) -> Result<axum::Json<ScheduleView>, Problem> {
    let (name, schedule) = existing(name, &backend).await?;
    Ok(axum::Json(ScheduleView::new(&name, schedule, Timestamp::now())))
}

/// Deletes a schedule
///
/// Deletes the schedule. Runs in progress go on. Repeating the request changes nothing.
#[utoipa::path(
    delete, path = "/v1/schedules/{name}", operation_id = "deleteSchedule", tag = "schedules",
    params(("name" = String, Path, description = "The name of the schedule")),
    responses((status = 204, description = "There is no schedule with this name."), FindProblems)
)]
pub(super) async fn delete(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let name = ScheduleName::parse(name).map_err(|_| Problem::not_found())?;
    backend.vault().store().delete(&ObjectKey::Schedule(name.clone())).await?;
    tracing::info!(schedule = name.as_str(), by = caller.name(), "deleted a schedule through the API");
    Ok(StatusCode::NO_CONTENT)
}

/// Pauses a schedule
///
/// No run starts until the schedule is resumed. Runs in progress go on. Repeating the request changes nothing.
#[utoipa::path(
    post, path = "/v1/schedules/{name}/pause", operation_id = "pauseSchedule", tag = "schedules",
    params(("name" = String, Path, description = "The name of the schedule")),
    responses((status = 200, description = "The schedule", body = ScheduleView), FindProblems)
)]
pub(super) async fn pause(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<ScheduleView>, Problem> {
    let (name, schedule) = existing(name, &backend).await?;
    store(&name, Schedule { paused: true, ..schedule }, &caller, &backend).await
}

/// Resumes a schedule
///
/// Runs start again at the times of the schedule. The times that have passed are not made up for. Repeating the request
/// changes nothing.
#[utoipa::path(
    post, path = "/v1/schedules/{name}/resume", operation_id = "resumeSchedule", tag = "schedules",
    params(("name" = String, Path, description = "The name of the schedule")),
    responses((status = 200, description = "The schedule", body = ScheduleView), FindProblems)
)]
pub(super) async fn resume(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<ScheduleView>, Problem> {
    let (name, schedule) = existing(name, &backend).await?;
    store(&name, Schedule { paused: false, ..schedule }, &caller, &backend).await
}

/// Writes a schedule's file.
async fn store(
    name: &ScheduleName,
    schedule: Schedule,
    caller: &Caller,
    backend: &SharedBackend,
) -> Result<axum::Json<ScheduleView>, Problem> {
    let key = ObjectKey::Schedule(name.clone());
    backend.vault().store().put(&key, schedule.to_toml().into()).await?;
    let paused = schedule.paused;
    tracing::info!(schedule = name.as_str(), by = caller.name(), paused, "wrote a schedule through the API");
    Ok(axum::Json(ScheduleView::new(name, schedule, Timestamp::now())))
}

/// Reads a schedule that must exist.
async fn existing(name: String, backend: &SharedBackend) -> Result<(ScheduleName, Schedule), Problem> {
    let name = ScheduleName::parse(name).map_err(|_| Problem::not_found())?;
    let schedule = find(&name, backend).await?.ok_or_else(Problem::not_found)??;
    Ok((name, schedule))
}

/// Reads a schedule. Returns `None` if there is no file, and an error for one that is not valid.
async fn find(name: &ScheduleName, backend: &SharedBackend) -> Result<Option<Result<Schedule, Problem>>, Problem> {
    let Some(file) = backend.vault().store().find(&ObjectKey::Schedule(name.clone())).await? else { return Ok(None) };
    let text = String::from_utf8_lossy(&file);
    Ok(Some(Schedule::from_toml(name, &text).map_err(Problem::from)))
}
