//! The page for staff. Its files are compiled into the program, so no request path leads to the file system.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contracts::Digest;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::brand;
use crate::backend::{SharedBackend, SignIn};

/// A file of the page.
struct PageFile {
    path: &'static str,
    media_type: &'static str,
    content: &'static [u8],
}

macro_rules! files {
    ($($path:literal $name:literal $media_type:literal,)*) => {
        &[$(PageFile { path: $path, media_type: $media_type, content: include_bytes!(concat!("../../page/", $name)) },)*]
    };
}

/// All files with their paths.
const FILES: &[PageFile] = files![
    "/" "index.html" "text/html; charset=utf-8",
    "/app.css" "app.css" "text/css; charset=utf-8",
    "/api.js" "api.js" "text/javascript; charset=utf-8",
    "/app.js" "app.js" "text/javascript; charset=utf-8",
    "/campaign.js" "campaign.js" "text/javascript; charset=utf-8",
    "/campaigns.js" "campaigns.js" "text/javascript; charset=utf-8",
    "/compliance.js" "compliance.js" "text/javascript; charset=utf-8",
    "/dom.js" "dom.js" "text/javascript; charset=utf-8",
    "/fields.js" "fields.js" "text/javascript; charset=utf-8",
    "/gallery.js" "gallery.js" "text/javascript; charset=utf-8",
    "/history.js" "history.js" "text/javascript; charset=utf-8",
    "/media.js" "media.js" "text/javascript; charset=utf-8",
    "/recommend.js" "recommend.js" "text/javascript; charset=utf-8",
    "/recommendation.js" "recommendation.js" "text/javascript; charset=utf-8",
    "/review.js" "review.js" "text/javascript; charset=utf-8",
    "/sign-in.js" "sign-in.js" "text/javascript; charset=utf-8",
    "/why.js" "why.js" "text/javascript; charset=utf-8",
    "/words.js" "words.js" "text/javascript; charset=utf-8",
    "/icons.svg" "icons.svg" "image/svg+xml",
    "/sans-names.woff2" "sans-names.woff2" "font/woff2",
    "/sans-semibold.woff2" "sans-semibold.woff2" "font/woff2",
    "/sans.woff2" "sans.woff2" "font/woff2",
    "/serif-names.woff2" "serif-names.woff2" "font/woff2",
    "/serif.woff2" "serif.woff2" "font/woff2",
];

/// The entity tag of each file, in the order of [`FILES`].
static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
    let tag = |file: &PageFile| format!("\"{}\"", Digest::of(file.content).short());
    FILES.iter().map(|file| tag(file).parse().expect("hex digits in quotation marks")).collect()
});

/// Returns a route for each file.
pub(super) fn router() -> Router<SharedBackend> {
    let router = Router::new()
        .route("/sign-in.json", get(sign_in))
        .route("/brand.css", get(brand::stylesheet))
        .route("/brand.svg", get(brand::backdrop))
        .route("/brand-mark.svg", get(brand::mark))
        .route("/favicon.svg", get(brand::icon));
    FILES.iter().enumerate().fold(router, |router, (index, file)| {
        router.route(file.path, get(async move |headers: HeaderMap| serve(file, &TAGS[index], &headers)))
    })
}

/// Returns where the page signs people in, or `null` if the server's own token replaces a sign-in.
async fn sign_in(State(backend): State<SharedBackend>) -> axum::Json<Option<SignIn>> {
    axum::Json(backend.sign_in().cloned())
}

/// Returns a file, or status 304 if the browser has it.
fn serve(file: &'static PageFile, tag: &HeaderValue, request: &HeaderMap) -> Response {
    // The browser must revalidate each time, so it never shows a page from an older version.
    let headers = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if request.get(header::IF_NONE_MATCH) == Some(tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, file.media_type)], file.content).into_response()
}
