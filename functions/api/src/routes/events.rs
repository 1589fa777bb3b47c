//! Events of a recommendation: as a list for polling, or as a stream of server-sent events.

use std::convert::Infallible;

use axum::extract::{Path, State};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use contracts::RunId;
use futures::stream::{self, Stream, StreamExt as _};
use http::{HeaderMap, header};

use crate::access::Caller;
use crate::backend::SharedBackend;
use crate::extract::Query;
use crate::problem::{EventProblems, Problem};
use crate::runs::CustomerRun;
use crate::timeline;
use crate::view::{EventQuery, RunEvent, RunEventKind, RunEventList};

/// Lists or streams the events of a recommendation
///
/// By default, returns the events so far as JSON. With `Accept: text/event-stream`, a local server keeps the response open
/// and sends each event as it happens. The stream is in the format of server-sent events:
///
/// - `id:` has the number of the event, and `data:` has a `RunEvent` as JSON on one line. There is no `event:` line.
/// - A line with only a colon keeps the connection alive. It comes after 15 seconds without an event.
///
/// The stream closes after the `end` event, and when the server stops. A client resumes with the `Last-Event-ID`
/// header. Event numbers survive a restart, and a restarted server continues the run. A client that already has the
/// `end` event gets an empty stream, unless the run was started again. Close the connection after `end`, because an
/// `EventSource` would reconnect.
///
/// AWS never streams, and no server streams the events of a customer in a campaign. The response is then the list, whatever
/// `Accept` says, so check its `Content-Type`. For a customer in a campaign, a local server keeps only the `end` event. AWS
/// lists the customer's own stages, and those of the whole campaign.
#[utoipa::path(
    get, path = "/v1/recommendations/{id}/events", operation_id = "listRecommendationEvents", tag = "recommendations",
    params(
        ("id" = String, Path, description = "The id of the recommendation"),
        EventQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The number of the last event that the client has. It takes precedence over `after`. An invalid value is ignored.", nullable = false)
    ),
    responses(
        (status = 200, description = "The events", content((RunEventList = "application/json"), (String = "text/event-stream"))),
        EventProblems
    )
)]
pub(super) async fn list(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Path(id): Path<String>,
    Query(EventQuery { after }): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let customer = CustomerRun::find(&id, &caller, &backend).await?;
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok()?.parse().ok());
    let after = last.unwrap_or(after);
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let can_stream = backend.event_log().is_some() && customer.is_single_customer();
    if can_stream && accepts.contains("text/event-stream") {
        let events = follow(backend, customer.run, after).map(|event| {
            let json = serde_json::to_string(&event).expect("plain fields serialize to JSON");
            Ok::<_, Infallible>(sse::Event::default().id(event.number.to_string()).data(json))
        });
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    let executions = start::executions(&customer.request, backend.executions()).await?;
    let events = timeline::load(&customer, &executions, &backend).await?;
    let ended = timeline::has_ended(&events, &executions);
    let next = events.last().map_or(0, |event| event.number).max(after);
    let events = events.into_iter().filter(|event| event.number > after).collect();
    Ok(axum::Json(RunEventList { events, next, ended }).into_response())
}

/// Streams the events of a run until the run ends or the server stops.
fn follow(backend: SharedBackend, run: RunId, after: u64) -> impl Stream<Item = RunEvent> {
    let batches = stream::unfold(Some((backend, run, after)), |state| async {
        let (backend, run, after) = state?;
        let log = backend.event_log()?;
        // A client that already has the end must not wait for more.
        let last = log.events(&run, 0).await.ok()?.pop();
        if last.is_some_and(|last| last.kind == RunEventKind::End && last.number <= after) {
            return None;
        }
        if !log.wait(&run, after).await {
            return None;
        }
        let events = log.events(&run, after).await.ok()?;
        let last = events.last()?;
        let after = last.number;
        let ended = last.kind == RunEventKind::End;
        Some((stream::iter(events), (!ended).then_some((backend, run, after))))
    });
    batches.flatten()
}
