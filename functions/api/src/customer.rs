//! The pages of customers' links: whoever has the token is shown what it stands for, and signs in nowhere.

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use deliver::links::{self, Answer, HEADERS, ICON, Part, STYLE};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;

use crate::{Problem, Shared};

/// Seconds for which the address of a video or a still is good: as long as a page may stand open.
const SECONDS: u64 = 3_600;

/// Routes to the pages, which carry headers of their own.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/l/style.css", get(async || ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)))
        .route("/l/icon.svg", get(async || ([(header::CONTENT_TYPE, "image/svg+xml")], ICON)))
        .route("/l/{token}", get(open))
        .route("/l/{token}/{part}", get(part))
        .route("/l/{token}/opt-out", post(opt_out))
        .layer(middleware::map_response(add_headers))
}

async fn open(State(host): State<Shared>, Path(token): Path<String>) -> Result<Response, Problem> {
    let brand = host.brand().await?;
    page(links::open(&token, &brand, host.vault().store(), Timestamp::now()).await?)
}

async fn opt_out(State(host): State<Shared>, Path(token): Path<String>) -> Result<Response, Problem> {
    let brand = host.brand().await?;
    page(links::opt_out(&token, &brand, host.vault().store(), Timestamp::now()).await?)
}

/// A file of the result. Captions are sent from here, because a browser takes none from another origin.
async fn part(State(host): State<Shared>, Path((token, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let part = Part::of(&name).ok_or_else(Problem::not_found)?;
    let store = host.vault().store();
    let key = links::part(&token, part, store, Timestamp::now()).await?.ok_or_else(Problem::not_found)?;
    Ok(match part {
        Part::Captions => ([(header::CONTENT_TYPE, part.content_type())], store.get(&key).await?).into_response(),
        Part::Video | Part::Poster => {
            Redirect::temporary(&host.links().link(&key, SECONDS).await?.address).into_response()
        }
    })
}

fn page(Answer { status, html }: Answer) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(status).map_err(|_| Problem::not_found())?;
    Ok((status, Html(html)).into_response())
}

/// Adds what every answer carries; what it is it says itself.
async fn add_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS.into_iter().filter(|(name, _)| *name != "content-type") {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}
