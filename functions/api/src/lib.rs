//! The HTTP API and the page: a banker starts the run of one customer or of a whole batch, follows it, and sees what came
//! of it.
//!
//! | Route | What |
//! |---|---|
//! | `POST /v1/recommendations` | starts one customer's; the header `Idempotency-Key` makes a repeated call the same call |
//! | `GET /v1/recommendations` | what the caller started |
//! | `GET /v1/recommendations/{id}`, `…/events` | where it stands and what came of it; what happens, numbered |
//! | `POST /v1/uploads`, `POST /v1/campaigns` | takes a batch, and starts the run of all of it |
//! | `GET /v1/campaigns`, `…/{id}`, `…/{id}/customers` | where campaigns stand, and each customer's outcome |
//! | `GET /v1/reviews`, `POST /v1/reviews/{run}/{customer_ref}` | what waits for a person; approves or rejects it |
//! | `POST /v1/recommendations/{id}/recall` | takes back what was published |
//! | `GET /v1/options`, `/v1/catalogue` | what there is to choose from |
//! | `GET /v1/openapi.json` | all of it, for machines |
//! | `GET /` | the page |
//! | `GET /l/{token}`, `POST …/opt-out` | the page of a customer's link, for whoever has it |
//!
//! One router, run by Lambda on AWS and by `bespoke serve` on one machine: what differs between the two is behind the port
//! [`Host`]. Errors are problem details (RFC 9457) with the error's name.
//!
//! **Invariant:** a run is shown to nobody but its caller, whom the host vouches for. A customer id comes in the body,
//! never in an address, and neither it nor a text is logged. Nothing of a text is shown before the guard has passed it, and
//! what `control/` says is read afresh before a result is shown. No path of a file is made of what a request says. Knows
//! nothing of AWS or of Lambda, but for `aws`, which the feature `lambda` adds.

mod asked;
#[cfg(feature = "lambda")]
pub mod aws;
pub mod campaigns;
mod customer;
pub mod events;
mod host;
mod openapi;
mod options;
mod page;
mod problem;
mod recommendations;
mod reviews;
mod shown;
#[cfg(test)]
mod tests;
mod uploads;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use events::Event;
pub use host::{Host, Machine};
pub(crate) use openapi::Problems;
pub use openapi::document;
pub use options::Voice;
pub use problem::Problem;

/// What every handler is given.
pub(crate) type Shared = Arc<dyn Host>;

/// The largest body of a call, bytes; workbooks aside.
const LARGEST_BODY: usize = 64 * 1024;

/// All routes, over `host`.
pub fn router(host: Arc<dyn Host>) -> Router {
    let (router, _) = routes().split_for_parts();
    let router = router
        .route("/v1/openapi.json", axum::routing::get(async || axum::Json(document())))
        .merge(page::router())
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || {
            Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, "there is no such method here")
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY));
    page::guarded(router, &host).merge(customer::router()).with_state(host)
}

/// The documented routes.
fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(recommendations::start, recommendations::list))
        .routes(routes!(recommendations::read))
        .routes(routes!(events::read))
        .routes(routes!(media))
        .routes(routes!(campaigns::start, campaigns::list))
        .routes(routes!(campaigns::read))
        .routes(routes!(campaigns::customers))
        .routes(routes!(reviews::list))
        .routes(routes!(reviews::decide))
        .routes(routes!(reviews::recall))
        .routes(routes!(uploads::start))
        .routes(routes!(uploads::put))
        .routes(routes!(options::options))
        .routes(routes!(options::catalogue))
}

/// A result, on one machine only
///
/// The token is that of a link, and is all that is needed.
#[utoipa::path(
    get, path = "/v1/media/{token}", operation_id = "readMedia", tag = "recommendations", security(()),
    params(("token" = String, Path, description = "Of a link")),
    responses(
        (status = 200, description = "The result", body = Vec<u8>, content_type = "*/*"),
        (status = 206, description = "The part of it that the header Range asks for", body = Vec<u8>, content_type = "*/*"),
        Problems
    )
)]
async fn media(State(host): State<Shared>, Path(token): Path<String>, request: Request) -> Result<Response, Problem> {
    let machine = host.machine().ok_or_else(Problem::not_found)?;
    Ok(machine.media(&token, request).await?.into_response())
}
