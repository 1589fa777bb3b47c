//! Errors as problem details (RFC 9457).

use std::collections::BTreeMap;

use axum::response::IntoResponse;
use contracts::error::chain;
use contracts::{ErrorName, NamedError};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as DocumentedResponse, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    error: ErrorName,
    detail: String,
    help: Option<String>,
}

/// The details of an error (RFC 9457). They never repeat a value of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDetails<'a> {
    /// Always `about:blank`. Use `error` to tell errors apart.
    r#type: &'static str,
    /// The standard phrase of the HTTP status, such as `Bad Request`.
    title: &'a str,
    /// The HTTP status code.
    status: u16,
    /// The stable name of the error, in the form `Area.Reason`.
    #[schema(value_type = String, example = "Input.InvalidRequest")]
    error: ErrorName,
    /// The cause, for people. For a 5XX status the details are in the server's log only.
    detail: &'a str,
    /// The remedy. Absent if there is no specific advice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    help: Option<&'a str>,
}

impl<E: NamedError> From<E> for Problem {
    fn from(error: E) -> Self {
        Self { help: error.help(), ..Self::new(error.name(), chain(&error)) }
    }
}

impl Problem {
    /// Returns a problem with the status that belongs to `error`. The detail must not hold personal data.
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

    /// Returns a problem with the name `Input.InvalidRequest` and a status of its own.
    #[must_use]
    pub fn with_status(status: StatusCode, detail: &str) -> Self {
        Self { status, error: ErrorName::InputInvalidRequest, detail: detail.to_owned(), help: None }
    }

    /// Returns the problem of an invalid request (400).
    #[must_use]
    pub fn invalid(detail: &str) -> Self {
        Self::with_status(StatusCode::BAD_REQUEST, detail)
    }

    /// Returns the problem of an unauthenticated request (401).
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::with_status(StatusCode::UNAUTHORIZED, "the request is not authenticated; send a bearer token")
    }

    /// Returns the problem of a missing resource (404). Another caller's run gets the same answer.
    #[must_use]
    pub fn not_found() -> Self {
        Self::with_status(StatusCode::NOT_FOUND, "no such resource")
    }

    /// Returns the problem of a path that exists without the request's method (405).
    pub(crate) async fn method_not_allowed() -> Self {
        Self::with_status(StatusCode::METHOD_NOT_ALLOWED, "the path does not allow this method; see the header Allow")
    }

    /// Returns the problem of an unknown page cursor (422). Starting over instead would let a client loop forever.
    pub(crate) fn unknown_cursor() -> Self {
        Self::with_status(StatusCode::UNPROCESSABLE_ENTITY, "the parameter after must be the value of next from a page")
    }

    /// Returns the problem of a reused idempotency key (422).
    pub(crate) fn key_reused() -> Self {
        Self::with_status(StatusCode::UNPROCESSABLE_ENTITY, "this Idempotency-Key was used for a different request")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        if self.status.is_server_error() {
            tracing::error!(error = self.error.as_str(), cause = self.detail, "request failed");
        }
        // The cause of a server error may name roles, keys and addresses.
        let detail = if self.status.is_server_error() { "the server failed; see its log" } else { &self.detail };
        let details = ProblemDetails {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("error"),
            status: self.status.as_u16(),
            error: self.error,
            detail,
            help: self.help.as_deref(),
        };
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

/// The error responses that every operation documents.
pub(crate) struct ProblemResponses;

impl IntoResponses for ProblemResponses {
    fn responses() -> BTreeMap<String, RefOr<DocumentedResponse>> {
        let problem = |description| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDetails::name()))).build();
            let response = ResponseBuilder::new().description(description).content("application/problem+json", content);
            RefOr::T(response.build())
        };
        BTreeMap::from([
            ("4XX".to_owned(), problem("The request is invalid, or the caller may not make it.")),
            (
                "5XX".to_owned(),
                problem("The server failed. Status 503 is temporary: retry after `Retry-After` seconds."),
            ),
        ])
    }
}
