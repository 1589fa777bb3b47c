//! Extractors for a request's idempotency key, query and body. An error response identifies the invalid field, but never
//! repeats its value.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::IntoResponse as _;
use contracts::Digest;
use http::request::Parts;
use http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::access::Caller;
use crate::backend::SharedBackend;
use crate::problem::Problem;

/// The maximum length of an idempotency key in characters.
const MAX_KEY_LENGTH: usize = 255;

/// An idempotency key, combined with its caller. The digest covers both, so two callers never share a key.
pub(crate) struct IdempotencyKey {
    pub(crate) caller: Caller,
    pub(crate) digest: Digest,
}

impl FromRequestParts<SharedBackend> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, backend: &SharedBackend) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, backend).await?;
        let key = parts.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        let key = key.filter(|key| (1..=MAX_KEY_LENGTH).contains(&key.len()));
        let key = key.ok_or_else(|| Problem::invalid("the Idempotency-Key header must have 1 to 255 characters"))?;
        let caller_and_key = format!("{}\0{key}", caller.digest());
        let digest = backend.vault().keys().keyed_digest("idempotency", caller_and_key.as_bytes());
        Ok(Self { caller, digest })
    }
}

/// A JSON object in a request's body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<SharedBackend> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, backend: &SharedBackend) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::with_status(status, "the Content-Type header must be application/json"));
        }
        let body = Bytes::from_request(request, backend).await.map_err(|rejection| {
            let status = rejection.into_response().status();
            Problem::with_status(status, "the body is too large or incomplete")
        })?;
        // Serde would also read the fields from an array, in order. The OpenAPI document does not allow that.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::invalid("the body must be a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            Problem::invalid(&match path.as_str() {
                "." => body_error(error.inner()),
                field => format!("the field {field} is invalid"),
            })
        })?;
        json.end().map_err(|_| Problem::invalid("the body must end after the JSON object"))?;
        Ok(Self(value))
    }
}

/// Describes an error that concerns the body as a whole. Only serde's message about a missing field is passed on,
/// because others may quote a personal value.
fn body_error(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let field = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match field {
        Some(field) => format!("the field {field} is missing"),
        None => "the body must be a JSON object".to_owned(),
    }
}

/// The query of a request.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|_| Problem::invalid("the query has an unknown or invalid parameter; see /v1/openapi.json"))
    }
}
