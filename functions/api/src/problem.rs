//! Errors as problem details (RFC 9457).

use contracts::error::chain;
use contracts::{ErrorName, NamedError};
use http::{Response, StatusCode, header};
use serde_json::json;

/// An error as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    error: ErrorName,
    detail: String,
}

impl<E: NamedError> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::new(error.name(), chain(&error))
    }
}

impl Problem {
    /// An error with its message, which holds nothing personal.
    #[must_use]
    pub fn new(error: ErrorName, detail: String) -> Self {
        let status = match error {
            ErrorName::InputInvalidRequest => StatusCode::BAD_REQUEST,
            ErrorName::InputMissingWorkbook => StatusCode::CONFLICT,
            name if name.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error, detail }
    }

    /// A call without a subject that an authorizer vouches for.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "a signed-in caller is needed".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, error: ErrorName::InputInvalidRequest, detail }
    }

    pub(crate) fn invalid(detail: &str) -> Self {
        Self::new(ErrorName::InputInvalidRequest, detail.to_owned())
    }

    /// Also for a run of somebody else, which is not told to exist.
    pub(crate) fn not_found() -> Self {
        let detail = "there is nothing here".to_owned();
        Self { status: StatusCode::NOT_FOUND, error: ErrorName::InputInvalidRequest, detail }
    }

    pub(crate) fn key_used() -> Self {
        let detail = "this Idempotency-Key was used for another request".to_owned();
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, error: ErrorName::InputInvalidRequest, detail }
    }

    /// The answer that tells it.
    ///
    /// # Panics
    /// Never: its headers are constants.
    #[must_use]
    pub fn response(&self) -> Response<String> {
        if self.status.is_server_error() {
            tracing::error!(error = self.error.as_str(), cause = self.detail, "the call failed");
        }
        // What failed within is for the log: it may name roles, keys and addresses.
        let detail = if self.status.is_server_error() { "the log tells what failed" } else { &self.detail };
        let title = self.status.canonical_reason().unwrap_or("error");
        let body = json!({
            "type": "about:blank", "title": title, "status": self.status.as_u16(),
            "error": self.error, "detail": detail,
        });
        let mut response = Response::builder().status(self.status);
        response = response.header(header::CONTENT_TYPE, "application/problem+json");
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response = response.header(header::RETRY_AFTER, "5");
        }
        response.body(body.to_string()).expect("constant headers")
    }
}
