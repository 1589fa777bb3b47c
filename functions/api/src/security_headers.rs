//! Security headers for the API and the page.

use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

use crate::backend::Backend;

/// The headers of every response.
const HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
];

/// Adds security headers to every response of `router`. The content security policy allows only the server's own
/// origin, the backend's origins and the sign-in service.
pub(crate) fn secure<S: Clone + Send + Sync + 'static>(router: Router<S>, backend: &dyn Backend) -> Router<S> {
    let origins = backend.origins().join(" ");
    // The page calls the sign-in service to exchange the code for a token.
    let sign_in = backend.sign_in().map_or("", |sign_in| sign_in.address.as_str());
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' {origins}; \
         media-src 'self' {origins}; connect-src 'self' {origins} {sign_in}; base-uri 'none'; form-action 'none'; \
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
    // A response without its own cache policy may be personal.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
