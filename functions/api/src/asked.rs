//! What callers ask, read from a request. A problem names the field, never its value.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::response::IntoResponse as _;
use contracts::Digest;
use http::request::Parts;
use http::{StatusCode, header};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};

use crate::{Problem, Shared};

/// The longest idempotency key, in characters.
const LONGEST_KEY: usize = 255;

/// Who calls: a keyed digest of the subject that somebody vouches for.
#[derive(Clone, Copy)]
pub(crate) struct Caller(pub(crate) Digest);

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, host: &Shared) -> Result<Self, Problem> {
        let subject = host.caller(parts).ok_or_else(Problem::unauthorized)?;
        Ok(Self(host.vault().keys().keyed_digest("caller", subject.as_bytes())))
    }
}

/// The caller, and their key for this call, which makes a repeated call the same call. The key is hashed with the caller,
/// so that two callers' keys are never the same.
pub(crate) struct Once {
    pub(crate) caller: Caller,
    pub(crate) key: Digest,
}

impl FromRequestParts<Shared> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, host: &Shared) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, host).await?;
        let key = parts.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        let key = key.filter(|key| (1..=LONGEST_KEY).contains(&key.len()));
        let key = key.ok_or_else(|| Problem::invalid("the header Idempotency-Key must have 1 to 255 characters"))?;
        let both = format!("{}\0{key}", caller.0);
        Ok(Self { caller, key: host.vault().keys().keyed_digest("idempotency", both.as_bytes()) })
    }
}

/// Whoever may decide about what waits, by the name that goes on record.
pub(crate) struct Reviewer(pub(crate) String);

impl FromRequestParts<Shared> for Reviewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, host: &Shared) -> Result<Self, Problem> {
        host.caller(parts).ok_or_else(Problem::unauthorized)?;
        let refused = || Problem::with_status(StatusCode::FORBIDDEN, "only reviewers may do this");
        host.reviewer(parts).map(Self).ok_or_else(refused)
    }
}

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, host: &Shared) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::with_status(status, "the header Content-Type must be application/json"));
        }
        let body = Bytes::from_request(request, host).await.map_err(|rejection| {
            let status = rejection.into_response().status();
            Problem::with_status(status, "the body is too large, or did not come to its end")
        })?;
        // Fields by their place in an array are not what the document says.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::invalid("the body must be a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_slice(&body);
        let asked = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            Problem::invalid(&match path.as_str() {
                "." => missing(error.inner()),
                field => format!("the field {field} is not what it must be"),
            })
        })?;
        json.end().map_err(|_| Problem::invalid("the body must end after its JSON"))?;
        Ok(Self(asked))
    }
}

/// A whole number, also where a program writes it as `140.0`: to JSON Schema that is an integer.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "looked at before")]
pub(crate) fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..1e15).contains(number);
    let whole = number.as_u64().or_else(|| number.as_f64().filter(is_whole).map(|number| number as u64));
    let number = whole.and_then(|number| T::try_from(number).ok());
    number.map(Some).ok_or_else(|| D::Error::custom("not a whole number of this size"))
}

/// What is said of a body that as a whole is not what it must be. Only serde's message of a missing field is told: any
/// other may quote the value, which may be personal.
fn missing(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let field = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match field {
        Some(field) => format!("the field {field} is missing"),
        None => "the body must be a JSON object".to_owned(),
    }
}

/// The query of the address.
pub(crate) struct Asking<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Asking<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(asked)| Self(asked)).map_err(|_| Problem::invalid("the query is not what it must be"))
    }
}
