//! The pages behind customers' links. The token in the path replaces a sign-in.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use deliver::answers::{AnswerForm, choices_of_fields};
use deliver::links::{self, HEADERS, LinkOutcome, LinkPage, LinkReply, MediaFile};
use deliver::look::{Look, PageFont};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;

use crate::backend::SharedBackend;
use crate::problem::Problem;

/// The lifetime of a link to a video or a still image in seconds. The page works for this long after it is opened.
const MEDIA_SECONDS: u64 = 3_600;

/// How long a browser keeps the brand's fonts, which are the same for all customers.
const FONT_CACHE: &str = "public, max-age=604800";

/// Returns the routes of the pages. They set their own headers.
pub(super) fn router() -> Router<SharedBackend> {
    Router::new()
        .route("/l/_/{font}", get(font))
        .route("/l/{token}", get(open))
        .route("/l/{token}/{file}", get(media))
        .route("/l/{token}/chapters", get(chapters))
        .route("/l/{token}/answer", post(answer))
        .route("/l/{token}/choices", post(choose))
        .route("/l/{token}/opt-out", post(opt_out))
        .route("/l/{token}/unsubscribe", get(confirm_opt_out).post(opt_out))
        .layer(middleware::map_response(add_headers))
}

async fn look(backend: &SharedBackend) -> Result<Look, Problem> {
    let brand = backend.brand().await?;
    let logo = match &brand.page.logo {
        Some(path) => Some(backend.brand_file(path).await?),
        None => None,
    };
    Ok(Look::new(brand, logo.as_deref()))
}

async fn open(State(backend): State<SharedBackend>, Path(token): Path<String>) -> Result<Response, Problem> {
    let page = links::open(&token, &look(&backend).await?, backend.vault(), Timestamp::now()).await?;
    page_response(page)
}

async fn confirm_opt_out(State(backend): State<SharedBackend>) -> Result<Response, Problem> {
    page_response(links::confirm_opt_out(&look(&backend).await?))
}

async fn opt_out(State(backend): State<SharedBackend>, Path(token): Path<String>) -> Result<Response, Problem> {
    let look = look(&backend).await?;
    reply(&backend, links::opt_out(&token, &look, backend.vault(), Timestamp::now()).await?).await
}

async fn answer(
    State(backend): State<SharedBackend>,
    Path(token): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let form = AnswerForm::of_fields(&fields(&body)).ok_or_else(|| Problem::invalid("the form is incomplete"))?;
    let look = look(&backend).await?;
    reply(&backend, links::answer(&token, &form, &look, backend.vault(), Timestamp::now()).await?).await
}

async fn choose(
    State(backend): State<SharedBackend>,
    Path(token): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let choices =
        choices_of_fields(&fields(&body)).ok_or_else(|| Problem::invalid("the form has an unknown choice"))?;
    let look = look(&backend).await?;
    reply(&backend, links::choose(&token, &choices, &look, backend.vault(), Timestamp::now()).await?).await
}

/// Decodes the fields of an HTML form, in order. A field may occur more than once.
fn fields(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// Serves one of the result's files. This server sends captions itself, because browsers do not accept captions from
/// another origin.
async fn media(
    State(backend): State<SharedBackend>,
    Path((token, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let file = MediaFile::parse(&name).ok_or_else(Problem::not_found)?;
    let media = links::media(&token, file, backend.vault(), Timestamp::now()).await?;
    let (key, bytes) = media.ok_or_else(Problem::not_found)?;
    Ok(match file {
        MediaFile::Captions => ([(header::CONTENT_TYPE, file.content_type())], bytes).into_response(),
        MediaFile::Video | MediaFile::Poster | MediaFile::Preview => {
            Redirect::temporary(&backend.links().link(&key, MEDIA_SECONDS).await?.address).into_response()
        }
    })
}

async fn chapters(State(backend): State<SharedBackend>, Path(token): Path<String>) -> Result<Response, Problem> {
    let track = links::chapters(&token, backend.vault(), Timestamp::now()).await?;
    let track = track.ok_or_else(Problem::not_found)?;
    Ok(([(header::CONTENT_TYPE, MediaFile::Captions.content_type())], track).into_response())
}

/// Serves one of the brand's fonts. The path of the file comes from the brand, never from the request.
async fn font(State(backend): State<SharedBackend>, Path(name): Path<String>) -> Result<Response, Problem> {
    let brand = backend.brand().await?;
    let path = PageFont::parse(&name).and_then(|font| font.path(&brand)).ok_or_else(Problem::not_found)?;
    let bytes = backend.brand_file(path).await?;
    Ok(([(header::CONTENT_TYPE, "font/woff2"), (header::CACHE_CONTROL, FONT_CACHE)], bytes).into_response())
}

/// Responds to a form, and notifies the bank's system of a new answer.
async fn reply(backend: &SharedBackend, outcome: LinkOutcome) -> Result<Response, Problem> {
    let LinkOutcome { reply, recorded } = outcome;
    if let Some((run, reference)) = recorded {
        backend.complete_answer(&run, &reference).await?;
    }
    match reply {
        LinkReply::Page(page) => page_response(page),
        LinkReply::SeeOther(address) => {
            let address = HeaderValue::from_str(&address).map_err(|_| Problem::not_found())?;
            Ok((StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response())
        }
    }
}

fn page_response(LinkPage { status, html, policy }: LinkPage) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(status).map_err(|_| Problem::not_found())?;
    let policy = HeaderValue::from_str(&policy).map_err(|_| Problem::not_found())?;
    Ok((status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response())
}

/// Adds the headers of every response. A page has its own content security policy, and a font its own cache policy.
async fn add_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(HeaderName::from_static(name)).or_insert(value);
    }
    response
}
