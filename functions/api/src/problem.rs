//! Errors as problem details (RFC 9457).

use axum::response::IntoResponse;
use contracts::error::chain;
use contracts::{ErrorName, NamedError};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// An error as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    error: ErrorName,
    detail: String,
    help: Option<String>,
}

/// A problem's details (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Details<'a> {
    /// Always `about:blank`: the error's name says more.
    r#type: &'static str,
    /// The status in words.
    title: &'a str,
    /// The status.
    status: u16,
    /// The error's stable name.
    #[schema(value_type = String, example = "Input.InvalidRequest")]
    error: ErrorName,
    /// What is wrong, without what was sent.
    detail: &'a str,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

impl<E: NamedError> From<E> for Problem {
    fn from(error: E) -> Self {
        Self { help: error.help(), ..Self::new(error.name(), chain(&error)) }
    }
}

impl Problem {
    /// An error with its message, which holds nothing personal.
    #[must_use]
    pub fn new(error: ErrorName, detail: String) -> Self {
        let status = match error {
            ErrorName::InputInvalidRequest => StatusCode::BAD_REQUEST,
            ErrorName::InputUnknownCustomer => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorName::InputMissingWorkbook => StatusCode::CONFLICT,
            ErrorName::InputTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            name if name.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error, detail, help: None }
    }

    /// A call that is wrong in a way that has a status of its own.
    #[must_use]
    pub fn with_status(status: StatusCode, detail: &str) -> Self {
        Self { status, error: ErrorName::InputInvalidRequest, detail: detail.to_owned(), help: None }
    }

    /// A call that cannot be understood.
    #[must_use]
    pub fn invalid(detail: &str) -> Self {
        Self::with_status(StatusCode::BAD_REQUEST, detail)
    }

    /// A call that nobody vouches for.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::with_status(StatusCode::UNAUTHORIZED, "a signed-in caller is needed")
    }

    /// Nothing of this name; also for a run of somebody else, which is not told to exist.
    #[must_use]
    pub fn not_found() -> Self {
        Self::with_status(StatusCode::NOT_FOUND, "there is nothing here")
    }

    /// A list that is read on from where it does not go on. Beginning anew would be read for ever.
    pub(crate) fn no_such_part() -> Self {
        Self::with_status(StatusCode::UNPROCESSABLE_ENTITY, "after is not what a list gave as next")
    }

    pub(crate) fn key_used() -> Self {
        Self::with_status(StatusCode::UNPROCESSABLE_ENTITY, "this Idempotency-Key was used for another request")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        if self.status.is_server_error() {
            tracing::error!(error = self.error.as_str(), cause = self.detail, "the call failed");
        }
        // What failed within is for the log: it may name roles, keys and addresses.
        let detail = if self.status.is_server_error() { "the log tells what failed" } else { &self.detail };
        let title = self.status.canonical_reason().unwrap_or("error");
        let (status, error, help) = (self.status.as_u16(), self.error, self.help.as_deref());
        let details = Details { r#type: "about:blank", title, status, error, detail, help };
        let body = serde_json::to_string(&details).expect("plain fields serialize to JSON");
        let mut response = Response::new(body.into());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}
