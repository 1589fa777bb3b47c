//! Errors as problem details (RFC 9457).

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::response::IntoResponse;
use contracts::error::chain;
use contracts::{ErrorName, NamedError};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, Ref, RefOr, Response as DocumentedResponse, ResponseBuilder, Schema, Type,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::role::Role;

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    error: ErrorName,
    detail: String,
    help: Option<String>,
}

/// The details of an error (RFC 9457). They never repeat a value from the request.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDetails<'a> {
    /// Always `about:blank`. Use `error` to tell errors apart.
    r#type: &'static str,
    /// The standard phrase of the HTTP status, such as `Bad Request`.
    title: &'a str,
    /// The HTTP status code.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The stable name of the error. Where no other name applies, it is `Input.InvalidRequest`, even for status 401 or 404.
    /// Each operation describes the causes of its statuses.
    #[schema(value_type = ErrorNames)]
    error: ErrorName,
    /// The cause, in human-readable form. It names an invalid field or parameter, but not its value. For a 5xx status, the
    /// details are only in the server's log.
    detail: &'a str,
    /// The remedy. Absent if there is no specific advice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    help: Option<&'a str>,
}

/// The schema of an error name, with the meaning of each.
pub(crate) struct ErrorNames;

impl PartialSchema for ErrorNames {
    fn schema() -> RefOr<Schema> {
        let lines: Vec<String> = ErrorName::ALL.iter().map(|name| describe(*name)).collect();
        let description = format!(
            "The stable name of an error, `Area.Reason`. Each line ends with the places where the name appears: with an HTTP \
             status as `error` in a problem, in a run as `code` of a reason, or only in an operator's commands and logs. \
             *May succeed when repeated* means that the same request may succeed later.\n\n{}",
            lines.join("\n")
        );
        let names = ErrorName::ALL.iter().map(|name| name.as_str());
        ObjectBuilder::new().schema_type(Type::String).description(Some(description)).enum_values(Some(names)).into()
    }
}

impl ToSchema for ErrorNames {
    fn name() -> Cow<'static, str> {
        "ErrorName".into()
    }
}

/// Returns an error name's line in the schema's description.
fn describe(name: ErrorName) -> String {
    let mut places = Vec::new();
    let (in_response, in_run) = places_of(name);
    match name {
        ErrorName::InputInvalidRequest => places.push("any other 4xx status".to_owned()),
        name if in_response => places.push(format!("status {}", Problem::new(name, String::new()).status.as_u16())),
        _ => {}
    }
    if in_run {
        places.push("in a run".to_owned());
    }
    if places.is_empty() {
        places.push("operators only".to_owned());
    }
    if name.is_transient() {
        places.push("may succeed when repeated".to_owned());
    }
    format!("- `{name}`: {} ({})", name.meaning(), places.join("; "))
}

/// Returns whether a response can have this name as its error, and whether a run can have it as a reason.
const fn places_of(name: ErrorName) -> (bool, bool) {
    match name {
        ErrorName::InputKeyReused
        | ErrorName::ConfigNotApproved
        | ErrorName::AccessForbidden
        | ErrorName::StartUnavailable
        | ErrorName::ReviewNotWaiting
        | ErrorName::ReviewChanged
        | ErrorName::ReviewOutdated
        | ErrorName::RecallNotPublished
        | ErrorName::ForgetOnHold => (true, false),
        ErrorName::InputMissingWorkbook
        | ErrorName::InputTooLarge
        | ErrorName::InputUnknownCustomer
        | ErrorName::InputInvalidRequest
        | ErrorName::ConfigInvalid
        | ErrorName::SecretMissing
        | ErrorName::SecretUnavailable
        | ErrorName::StoreUnavailable
        | ErrorName::StoreNotFound
        | ErrorName::StoreConflict
        | ErrorName::ControlIncomplete
        | ErrorName::SealBroken => (true, true),
        ErrorName::InputWrongPassword
        | ErrorName::InputNotAWorkbook
        | ErrorName::InputNotProtected
        | ErrorName::InputMissingColumn
        | ErrorName::InputAmbiguous
        | ErrorName::InputTooManyBadRows
        | ErrorName::ConfigChanged
        | ErrorName::ConsentWithdrawn
        | ErrorName::WriterThrottled
        | ErrorName::NarrateEngineMissing
        | ErrorName::NarrateThrottled
        | ErrorName::NarrateFailed
        | ErrorName::RenderEngineMissing
        | ErrorName::RenderFailed
        | ErrorName::RenderAssetBroken
        | ErrorName::RenderMissingGlyph
        | ErrorName::RenderOutOfRange
        | ErrorName::RunIncomplete
        | ErrorName::RunCancelled
        | ErrorName::RunCrashed => (false, true),
        ErrorName::DeliveryFailed
        | ErrorName::EvidenceChanged
        | ErrorName::EvidenceMissing
        | ErrorName::EvidenceUnexpected
        | ErrorName::InputBadRow
        | ErrorName::StartNotNow
        | ErrorName::RunBusy => (false, false),
    }
}

/// The body of an error response from the AWS gateway, which answers before the request reaches the server. Tell it from
/// a problem by its content type, `application/json`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents a response of the gateway")]
pub(crate) struct GatewayError {
    /// The human-readable message, such as `Unauthorized`.
    message: String,
}

impl<E: NamedError> From<E> for Problem {
    fn from(error: E) -> Self {
        Self { help: error.help(), ..Self::new(error.name(), chain(&error)) }
    }
}

impl Problem {
    /// Returns a problem with the status for `error`. The detail must not contain personal data.
    #[must_use]
    pub fn new(error: ErrorName, detail: String) -> Self {
        let status = match error {
            ErrorName::InputInvalidRequest => StatusCode::BAD_REQUEST,
            ErrorName::AccessForbidden => StatusCode::FORBIDDEN,
            ErrorName::InputUnknownCustomer | ErrorName::InputKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorName::InputMissingWorkbook
            | ErrorName::ConfigNotApproved
            | ErrorName::ForgetOnHold
            | ErrorName::ReviewChanged
            | ErrorName::ReviewOutdated
            | ErrorName::RecallNotPublished => StatusCode::CONFLICT,
            ErrorName::ReviewNotWaiting => StatusCode::NOT_FOUND,
            ErrorName::InputTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            name if name.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error, detail, help: None }
    }

    /// Returns a problem with the name `Input.InvalidRequest` and the given status.
    #[must_use]
    pub fn with_status(status: StatusCode, detail: &str) -> Self {
        Self { status, error: ErrorName::InputInvalidRequest, detail: detail.to_owned(), help: None }
    }

    /// Returns the problem for an invalid request (400).
    #[must_use]
    pub fn invalid(detail: &str) -> Self {
        Self::with_status(StatusCode::BAD_REQUEST, detail)
    }

    /// Returns the problem for an invalid request (400) with its remedy.
    pub(crate) fn refused(detail: &str, help: Option<String>) -> Self {
        Self { help, ..Self::invalid(detail) }
    }

    /// Returns the problem for an unauthenticated request (401).
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::with_status(StatusCode::UNAUTHORIZED, "the request is not authenticated; send a bearer token")
    }

    /// Returns the problem for a caller who has none of the roles that an operation accepts (403).
    pub(crate) fn role_required(accepted: &[Role]) -> Self {
        let list = |word: fn(Role) -> &'static str| {
            let words: Vec<&str> = accepted.iter().map(|role| word(*role)).collect();
            words.join(" or ")
        };
        let detail = match accepted {
            [] => "no role may do this".to_owned(),
            _ => format!("this needs the role {}", list(Role::as_str)),
        };
        let help = format!("ask an administrator of the user pool to add you to the group {}", list(Role::group));
        Self { help: (!accepted.is_empty()).then_some(help), ..Self::new(ErrorName::AccessForbidden, detail) }
    }

    /// Returns the problem for a missing resource (404). Another caller's run gets the same response.
    #[must_use]
    pub fn not_found() -> Self {
        Self::with_status(StatusCode::NOT_FOUND, "no such resource")
    }

    /// Turns the problem for a missing resource into `None`. A list skips runs that were deleted, such as those of an erased
    /// customer.
    pub(crate) fn skip_missing<T>(found: Result<T, Self>) -> Result<Option<T>, Self> {
        match found {
            Err(problem) if problem.status == StatusCode::NOT_FOUND => Ok(None),
            found => found.map(Some),
        }
    }

    /// Returns the problem for a path that exists but does not support the request's method (405).
    pub(crate) fn method_not_allowed() -> Self {
        Self::with_status(StatusCode::METHOD_NOT_ALLOWED, "the path does not allow this method; see the Allow header")
    }

    /// Returns the problem for a review that is not pending and has no decision (404).
    pub(crate) fn no_review() -> Self {
        Self::new(ErrorName::ReviewNotWaiting, "the run has no result in review for this customer".to_owned())
    }

    /// Returns the problem for an unknown page cursor (422). Starting over instead could make a client loop forever.
    pub(crate) fn unknown_cursor() -> Self {
        Self::with_status(StatusCode::UNPROCESSABLE_ENTITY, "the after parameter must be the value of next from a page")
    }

    /// Returns the problem for a reused idempotency key (422).
    pub(crate) fn key_reused() -> Self {
        let detail = "this Idempotency-Key was used for a different request".to_owned();
        Self { help: Some("use a new key".to_owned()), ..Self::new(ErrorName::InputKeyReused, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        if self.status.is_server_error() {
            tracing::error!(error = self.error.as_str(), cause = self.detail, "request failed");
        }
        // The cause of a server error may contain roles, keys and addresses.
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

/// Returns the description for a response with this status, which applies to all operations.
fn description(status: u16) -> &'static str {
    match status {
        400 => {
            "The query, a header or the body is invalid. `detail` names an invalid field of the body. A path parameter that cannot exist gets 404 instead."
        }
        401 => "The bearer token is missing or invalid.",
        403 => {
            "`Access.Forbidden`: the caller has none of the roles that the operation needs. `detail` names them. On a local server, `Input.InvalidRequest`: the request came from another web origin."
        }
        404 => "The resource does not exist, or belongs to another caller.",
        408 => "No part of the body arrived for 30 seconds.",
        413 => "The body is too large. JSON has at most 64 KiB, a workbook at most 512 MiB.",
        415 => "The `Content-Type` header is not `application/json`.",
        416 => "The range is beyond the end of the file.",
        429 => "Too many requests at once. Retry after `Retry-After` seconds. *Conventions* states the rates.",
        500 => "The server failed. See its log for the cause.",
        503 => {
            "A service that the server needs is unavailable, or a local server has too many open runs. Retry after `Retry-After` seconds."
        }
        _ => unreachable!("every documented status has a description"),
    }
}

/// Returns the documented error responses: these statuses, the variants with their own description, and the statuses
/// that every operation may return.
fn problems(statuses: &[u16], special: &[(u16, &str)]) -> BTreeMap<String, RefOr<DocumentedResponse>> {
    let problem = |status: &str, description: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDetails::name()))).build();
        let mut response = ResponseBuilder::new().description(description).content("application/problem+json", content);
        if matches!(status, "429" | "503") {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
            let header = HeaderBuilder::new().schema(seconds).description(Some("The time to wait, in seconds"));
            response = response.header("Retry-After", header.build());
        }
        if matches!(status, "401" | "429" | "500" | "503") {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(GatewayError::name()))).build();
            response = response.content("application/json", content);
        }
        (status.to_owned(), RefOr::T(response.build()))
    };
    let common =
        statuses.iter().chain(&[429, 500, 503]).map(|status| problem(&status.to_string(), description(*status)));
    let special = special.iter().map(|(status, description)| problem(&status.to_string(), description));
    let other = problem("default", "Any other error; see the general description of this API.");
    common.chain(special).chain([other]).collect()
}

macro_rules! problem_responses {
    ($($(#[$doc:meta])* $name:ident: [$($status:literal),*] $(, $special:literal => $description:literal)*;)*) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<DocumentedResponse>> {
                    problems(&[$($status),*], &[$(($special, $description)),*])
                }
            }
        )*
    };
}

problem_responses! {
    /// The error responses for an operation without parameters.
    ReadProblems: [401, 403];
    /// The error responses for an operation that returns one resource.
    FindProblems: [401, 403, 404];
    /// The error responses for a paginated list.
    PageProblems: [400, 401, 403], 422 => "`after` is not a value that `next` returned.";
    /// The error responses for a paginated list below a resource.
    SubpageProblems: [400, 401, 403, 404], 422 => "`after` is not a value that `next` returned.";
    /// The error responses for a list of events.
    EventProblems: [400, 401, 403, 404];
    /// The error responses for starting a recommendation.
    StartRecommendationProblems: [400, 401, 403, 413, 415],
        409 => "`Input.MissingWorkbook`: the batch is unknown or lacks a workbook, or no batch is complete. `Config.NotApproved`: the catalog, the lexicon or the rules lack an approval in their current form.",
        422 => "`Input.KeyReused`: the idempotency key was used for a different request. `Input.UnknownCustomer`: the customer has been erased.";
    /// The error responses for starting a campaign.
    StartCampaignProblems: [400, 401, 403, 413, 415],
        409 => "`Input.MissingWorkbook`: the batch is unknown or lacks a workbook, or no batch is complete. `Config.NotApproved`: the catalog, the lexicon or the rules lack an approval in their current form. It also prevents a dry run.",
        422 => "`Input.KeyReused`: the idempotency key was used for a different request. `Input.InvalidRequest`: the request has both `upload` and `batch`.";
    /// The error responses for creating an upload.
    CreateUploadProblems: [400, 401, 403, 413, 415];
    /// The error responses for writing a schedule.
    ScheduleProblems: [401, 403, 404, 413, 415],
        400 => "The body is invalid. `detail` names the field, and the place in `segment`. A schedule that would be due in its quiet hours is invalid too, and so is a segment with a product that the catalog does not contain.";
    /// The error responses for a list for reviewers.
    ReviewProblems: [401, 403];
    /// The error responses for a decision.
    DecisionProblems: [400, 401, 413, 415],
        403 => "`Access.Forbidden`: the caller is not a reviewer, or approves a result with `may_approve` false, because they started the run. On a local server, `Input.InvalidRequest`: the request came from another web origin.",
        404 => "`Review.NotWaiting`: this run has no result for this customer that is waiting for a decision or has one.",
        409 => "`Review.Changed`: the content differs from the reviewed content, so list the reviews again. `Review.Outdated`: the content can no longer be published as reviewed, so it can only be rejected.";
    /// The error responses for a recall.
    RecallProblems: [400, 401, 403, 413, 415],
        404 => "No run has a recommendation with this id.",
        409 => "`Recall.NotPublished`: the recommendation was not published, or not yet, or the customer has been erased.";
    /// The error responses for an erasure.
    ErasureProblems: [400, 401, 403, 413, 415],
        404 => "No run has ever read a batch with this customer. Nothing was changed: record an objection to forbid contact with the customer in the future.",
        409 => "`Forget.OnHold`: a legal hold forbids the erasure. The customer is suppressed nevertheless. Repeat the request when an operator has removed the hold.";
    /// The error responses for recording an objection.
    SuppressionProblems: [400, 401, 403, 413, 415];
    /// The error responses for a letter.
    LetterProblems: [400, 401, 403, 413, 415], 404 => "No run, or not this one, has a record of the customer.";
    /// The error responses for a file.
    MediaProblems: [416], 404 => "The link is unknown or has expired, or the file may no longer be shown.";
    /// The error responses for uploading a workbook.
    WorkbookProblems: [401, 403, 408, 413],
        400 => "The body is empty, or ended early. The server does not read the file until a run starts.",
        404 => "The upload does not exist, or the file name is not one of the three.";
}
