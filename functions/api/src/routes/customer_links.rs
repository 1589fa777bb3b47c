//! The pages behind customers' links. The token in the path replaces a sign-in.

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use deliver::links::{self, HEADERS, LinkPage, MediaFile};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;

use crate::backend::SharedBackend;
use crate::problem::Problem;

/// The lifetime of a link to a video or a still image in seconds. The page works for this long after it is opened.
const MEDIA_SECONDS: u64 = 3_600;

/// Returns the routes of the pages. They set their own headers.
pub(super) fn router() -> Router<SharedBackend> {
    Router::new()
        .route("/l/{token}", get(open))
        .route("/l/{token}/{file}", get(media))
        .route("/l/{token}/opt-out", post(opt_out))
        .layer(middleware::map_response(add_headers))
}

async fn open(State(backend): State<SharedBackend>, Path(token): Path<String>) -> Result<Response, Problem> {
    let brand = backend.brand().await?;
    respond(links::open(&token, &brand, backend.vault().store(), Timestamp::now()).await?)
}

async fn opt_out(State(backend): State<SharedBackend>, Path(token): Path<String>) -> Result<Response, Problem> {
    let brand = backend.brand().await?;
    respond(links::opt_out(&token, &brand, backend.vault().store(), Timestamp::now()).await?)
}

/// Serves one of the result's files. This server sends captions itself, because browsers do not accept captions from
/// another origin.
async fn media(
    State(backend): State<SharedBackend>,
    Path((token, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let file = MediaFile::parse(&name).ok_or_else(Problem::not_found)?;
    let store = backend.vault().store();
    let (key, bytes) = links::media(&token, file, store, Timestamp::now()).await?.ok_or_else(Problem::not_found)?;
    Ok(match file {
        MediaFile::Captions => ([(header::CONTENT_TYPE, file.content_type())], bytes).into_response(),
        MediaFile::Video | MediaFile::Poster => {
            Redirect::temporary(&backend.links().link(&key, MEDIA_SECONDS).await?.address).into_response()
        }
    })
}

fn respond(LinkPage { status, html }: LinkPage) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(status).map_err(|_| Problem::not_found())?;
    Ok((status, Html(html)).into_response())
}

/// Adds the headers of every page. Each response sets its own content type.
async fn add_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS.into_iter().filter(|(name, _)| *name != "content-type") {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}
