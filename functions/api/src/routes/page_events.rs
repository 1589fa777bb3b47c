//! Records what customers do on the pages behind their links, for runs with an effect plan.
//!
//! The routes of the pages are not involved: this layer inspects each request and the status of its response. It logs
//! an error, but shows the customer the same response.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Extension, Router};
use contracts::effect::PageEvent;
use contracts::error::chain;
use deliver::page_events::{self, Visitor};
use http::{HeaderMap, Method, StatusCode, header};
use jiff::Timestamp;

use crate::backend::SharedBackend;

/// The maximum size of a page in bytes.
const MAX_PAGE: usize = 1 << 20;

/// The maximum length of an event in bytes.
const MAX_EVENT: usize = 64;

/// Adds the route for events to the routes of the pages, and records events on all of them.
pub(super) fn recorded(pages: Router<SharedBackend>, backend: &SharedBackend) -> Router<SharedBackend> {
    let layer = middleware::from_fn_with_state(backend.clone(), observe);
    pages.route("/l/{token}/events", post(report)).layer(layer)
}

/// An event that the script on the page reports.
#[derive(Clone, Copy)]
struct ReportedEvent(PageEvent);

/// Accepts an event that the script on the page reports, as `event=<name>`. The layer records it.
async fn report(body: Body) -> Response {
    let bytes = to_bytes(body, MAX_EVENT).await.unwrap_or_default();
    let name = bytes.strip_prefix(b"event=").and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
    match PageEvent::parse(name).filter(|event| is_reported(*event)) {
        Some(event) => (StatusCode::NO_CONTENT, Extension(ReportedEvent(event))).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Returns whether the script may report an event. The server sees the others itself.
const fn is_reported(event: PageEvent) -> bool {
    match event {
        PageEvent::PlayedQuarter
        | PageEvent::PlayedHalf
        | PageEvent::PlayedThreeQuarters
        | PageEvent::PlayedWhole
        | PageEvent::Clicked => true,
        PageEvent::Opened | PageEvent::Answered | PageEvent::OptedOut => false,
    }
}

/// A request to a page.
struct PageRequest {
    token: String,
    method: Method,
    /// The part of the path after the token.
    action: String,
    headers: HeaderMap,
}

impl PageRequest {
    fn of(request: &Request) -> Option<Self> {
        let path = request.uri().path().strip_prefix("/l/")?;
        let (token, action) = path.split_once('/').unwrap_or((path, ""));
        Some(Self {
            token: token.to_owned(),
            method: request.method().clone(),
            action: action.to_owned(),
            headers: request.headers().clone(),
        })
    }

    /// Returns the event to record if this request succeeded.
    fn event(&self, response: &Response) -> Option<PageEvent> {
        match (&self.method, self.action.as_str()) {
            (&Method::GET | &Method::HEAD, "") => Some(PageEvent::Opened),
            (&Method::POST, "opt-out" | "unsubscribe") => Some(PageEvent::OptedOut),
            (&Method::POST, "answer") => Some(PageEvent::Answered),
            (&Method::POST, "events") => response.extensions().get().map(|ReportedEvent(event)| *event),
            _ => None,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn visitor(&self) -> Visitor<'_> {
        Visitor {
            is_head: self.method == Method::HEAD,
            purposes: ["sec-purpose", "purpose", "x-moz"].map(|name| self.header(name)),
            agent: self.header(header::USER_AGENT.as_str()),
        }
    }
}

async fn observe(State(backend): State<SharedBackend>, request: Request, next: Next) -> Response {
    let asked = PageRequest::of(&request);
    let response = next.run(request).await;
    let Some(asked) = asked.filter(|_| response.status().is_success() || response.status().is_redirection()) else {
        return response;
    };
    if let Some(event) = asked.event(&response) {
        let now = Timestamp::now();
        if let Err(error) = page_events::record(&asked.token, event, &asked.visitor(), backend.vault(), now).await {
            tracing::warn!(event = event.as_str(), error = chain(&error), "an event on a page was not recorded");
        }
    }
    if asked.method == Method::GET && asked.action.is_empty() {
        add_script(response, &asked, &backend).await
    } else {
        response
    }
}

/// Adds the script that reports playback and clicks, if events on the page are recorded.
async fn add_script(response: Response, asked: &PageRequest, backend: &SharedBackend) -> Response {
    match page_events::is_recorded(&asked.token, backend.vault()).await {
        Ok(true) => {}
        Ok(false) => return response,
        Err(error) => {
            tracing::warn!(error = chain(&error), "a page is shown without its script");
            return response;
        }
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_PAGE).await else {
        return Response::from_parts(parts, Body::empty());
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let policy = parts.headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let policy = page_events::policy_with_script(policy.unwrap_or_default());
    if let Ok(policy) = policy.parse() {
        parts.headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    match std::str::from_utf8(&bytes) {
        Ok(html) => Response::from_parts(parts, Body::from(page_events::with_script(html))),
        Err(_) => Response::from_parts(parts, Body::from(bytes)),
    }
}
