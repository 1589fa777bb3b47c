//! The page: files that are part of the program, so that none is read because an address names it.

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use contracts::Digest;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::Shared;

/// A file of the page.
struct File {
    path: &'static str,
    kind: &'static str,
    content: &'static [u8],
}

macro_rules! files {
    ($($path:literal $name:literal $kind:literal,)*) => {
        &[$(File { path: $path, kind: $kind, content: include_bytes!(concat!("../page/", $name)) },)*]
    };
}

/// All of them, by the path at which each is served.
const FILES: &[File] = files![
    "/" "index.html" "text/html; charset=utf-8",
    "/app.css" "app.css" "text/css; charset=utf-8",
    "/api.js" "api.js" "text/javascript; charset=utf-8",
    "/app.js" "app.js" "text/javascript; charset=utf-8",
    "/campaign.js" "campaign.js" "text/javascript; charset=utf-8",
    "/campaigns.js" "campaigns.js" "text/javascript; charset=utf-8",
    "/dom.js" "dom.js" "text/javascript; charset=utf-8",
    "/fields.js" "fields.js" "text/javascript; charset=utf-8",
    "/history.js" "history.js" "text/javascript; charset=utf-8",
    "/media.js" "media.js" "text/javascript; charset=utf-8",
    "/recommend.js" "recommend.js" "text/javascript; charset=utf-8",
    "/recommendation.js" "recommendation.js" "text/javascript; charset=utf-8",
    "/review.js" "review.js" "text/javascript; charset=utf-8",
    "/why.js" "why.js" "text/javascript; charset=utf-8",
    "/words.js" "words.js" "text/javascript; charset=utf-8",
    "/favicon.svg" "favicon.svg" "image/svg+xml",
    "/icons.svg" "icons.svg" "image/svg+xml",
    "/meridian.svg" "meridian.svg" "image/svg+xml",
    "/sans-names.woff2" "sans-names.woff2" "font/woff2",
    "/sans-semibold.woff2" "sans-semibold.woff2" "font/woff2",
    "/sans.woff2" "sans.woff2" "font/woff2",
    "/serif-names.woff2" "serif-names.woff2" "font/woff2",
    "/serif.woff2" "serif.woff2" "font/woff2",
];

/// Routes to the files.
pub(crate) fn router() -> Router<Shared> {
    FILES.iter().fold(Router::new(), |router, file| {
        router.route(file.path, get(async |headers: HeaderMap| serve(file, &headers)))
    })
}

/// A file, or that it has not changed.
fn serve(file: &'static File, asked: &HeaderMap) -> Response {
    static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
        let tag = |file: &File| format!("\"{}\"", Digest::of(file.content).short());
        FILES.iter().map(|file| tag(file).parse().expect("hex digits in quotation marks")).collect()
    });
    let place = FILES.iter().position(|other| other.path == file.path).unwrap_or_default();
    let tag = TAGS[place].clone();
    // Looked at each time, so that nobody keeps the page of another version.
    let headers = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if asked.get(header::IF_NONE_MATCH) == Some(&tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, file.kind)], file.content).into_response()
}

/// What every answer carries.
const HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
];

/// Adds the headers by which a browser keeps the page to itself.
pub(crate) fn guarded(router: Router<Shared>, host: &Shared) -> Router<Shared> {
    let others = host.origins().join(" ");
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' {others}; \
         media-src 'self' {others}; connect-src 'self' {others}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let policy: HeaderValue = policy.parse().expect("origins are printable");
    router.layer(middleware::map_response_with_state(policy, add_headers))
}

async fn add_headers(State(policy): State<HeaderValue>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    // What is not said to be kept is personal.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
