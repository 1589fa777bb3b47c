//! The HTTP API and the page: staff start a run for one customer or for a whole batch, follow it, and read the results.
//!
//! | Route | Purpose |
//! |---|---|
//! | `POST /v1/recommendations` | Starts a run for one customer. The `Idempotency-Key` header makes retries safe. |
//! | `GET /v1/recommendations` | Lists the recommendations that the caller started. |
//! | `GET /v1/recommendations/{id}`, `…/events` | Returns a recommendation; lists its numbered events. |
//! | `POST /v1/uploads`, `POST /v1/campaigns` | Prepares the upload of a batch; starts a campaign over it. |
//! | `GET /v1/campaigns`, `…/{id}`, `…/{id}/customers` | Lists campaigns; returns one; lists each customer's outcome. |
//! | `GET /v1/reviews`, `POST /v1/reviews/{run}/{customer_ref}` | Lists pending reviews; approves or rejects one. |
//! | `POST /v1/recommendations/{id}/recall` | Recalls a published recommendation. |
//! | `POST /v1/erasures`, `POST /v1/suppressions` | Erases a customer; records an objection. |
//! | `GET /v1/options`, `/v1/catalogue` | Lists the values that requests may use; returns the product catalog. |
//! | `GET /v1/openapi.json` | Returns the `OpenAPI` document. |
//! | `GET /` | Serves the page for staff. |
//! | `GET /l/{token}`, `POST …/answer`, `…/choices`, `…/opt-out`, `…/events` | Serves the page behind a customer's link, and records answers and events. |
//!
//! AWS Lambda and `bespoke serve` run the same [`router`]. The [`Backend`] trait hides the differences. The routes that
//! exist only on one machine are in [`local`], and the local server adds them. Errors are problem details (RFC 9457)
//! with the error's name.
//!
//! Modules depend on each other in one direction: `role` ← `problem` ← `view` ← `backend` ← `access` ← `extract` ←
//! `runs` ← `timeline` ← `results` ← `routes`.
//!
//! **Invariant:** a caller sees only their own runs, except for reviews and the work of compliance. The backend
//! authenticates callers, and the table in `access` lists the roles that each operation accepts. A customer id arrives
//! in a request's body, never in a path, and no log contains a customer id or any of the text. No text is shown before
//! it has passed the guard, and the API rereads `control/` before it shows a result. No file path is built from a
//! request. Only the `aws` module, which the `lambda` feature adds, depends on AWS or Lambda.

mod access;
#[cfg(feature = "lambda")]
pub mod aws;
pub mod backend;
mod extract;
#[cfg(any(feature = "lambda", test))]
mod live;
pub mod local;
mod openapi;
#[cfg(any(feature = "lambda", test))]
mod polling;
mod problem;
mod results;
pub mod role;
mod routes;
mod runs;
mod security_headers;
#[cfg(test)]
mod tests;
mod timeline;
pub mod view;

pub use backend::{Backend, EventLog};
pub use openapi::document;
pub use problem::Problem;
pub use role::{Identity, Role};

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

/// The maximum size of a request body in bytes. Workbooks do not pass through this router.
const MAX_BODY: usize = 64 * 1024;

/// Returns the router over `backend`.
pub fn router(backend: Arc<dyn Backend>) -> Router {
    let (router, _) = routes::documented().split_for_parts();
    let router = access::guarded(router, backend.clone())
        .route("/v1/openapi.json", get(async || axum::Json(document())))
        .merge(routes::page())
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(MAX_BODY));
    security_headers::secure(router, backend.as_ref()).merge(routes::customer_links(&backend)).with_state(backend)
}
