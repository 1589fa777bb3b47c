//! Access control: one table lists the roles that may call each operation.
//!
//! [`check`] runs before every handler. It is the only source of a [`Caller`], so a route that is not in the table rejects
//! every call.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use contracts::Digest;
use http::Method;
use http::request::Parts;

use crate::backend::SharedBackend;
use crate::problem::Problem;
use crate::role::{Identity, Role};

/// The callers that an operation accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// Staff with one of these roles.
    Staff(&'static [Role]),
    /// The holder of the token in the path.
    Token,
}

impl Access {
    /// Returns the callers as a sentence for the `OpenAPI` document.
    pub(crate) fn sentence(self) -> String {
        match self {
            Self::Token => "Needs no role: the token in the path replaces the bearer token.".to_owned(),
            Self::Staff(roles) if roles.len() == Role::ALL.len() => "Roles: all.".to_owned(),
            Self::Staff(roles) => {
                let names: Vec<String> = roles.iter().map(|role| format!("`{}`", role.as_str())).collect();
                format!("Roles: {}.", names.join(", "))
            }
        }
    }
}

/// The operations, each with the callers that it accepts.
pub(crate) const OPERATIONS: &[(Method, &str, Access)] = {
    const EVERY_ROLE: Access = Access::Staff(&Role::ALL);
    const BANKER: Access = Access::Staff(&[Role::Banker]);
    const MANAGER: Access = Access::Staff(&[Role::CampaignManager]);
    const REVIEWER: Access = Access::Staff(&[Role::Reviewer]);
    const COMPLIANCE: Access = Access::Staff(&[Role::Compliance]);
    // A campaign consists of recommendations, one for each customer.
    const STARTER: Access = Access::Staff(&[Role::Banker, Role::CampaignManager]);
    &[
        (Method::POST, "/v1/recommendations", BANKER),
        (Method::GET, "/v1/recommendations", BANKER),
        (Method::GET, "/v1/recommendations/{id}", STARTER),
        (Method::GET, "/v1/recommendations/{id}/events", STARTER),
        (Method::POST, "/v1/uploads", MANAGER),
        (Method::PUT, "/v1/uploads/{upload}/{workbook}", MANAGER),
        (Method::POST, "/v1/campaigns", MANAGER),
        (Method::GET, "/v1/campaigns", MANAGER),
        (Method::GET, "/v1/campaigns/{id}", MANAGER),
        (Method::GET, "/v1/campaigns/{id}/customers", MANAGER),
        (Method::GET, "/v1/schedules", MANAGER),
        (Method::PUT, "/v1/schedules/{name}", MANAGER),
        (Method::GET, "/v1/schedules/{name}", MANAGER),
        (Method::DELETE, "/v1/schedules/{name}", MANAGER),
        (Method::POST, "/v1/schedules/{name}/pause", MANAGER),
        (Method::POST, "/v1/schedules/{name}/resume", MANAGER),
        (Method::GET, "/v1/reviews", REVIEWER),
        (Method::POST, "/v1/reviews/{run}/{customer_ref}", REVIEWER),
        (Method::POST, "/v1/recommendations/{id}/recall", COMPLIANCE),
        (Method::POST, "/v1/erasures", COMPLIANCE),
        (Method::POST, "/v1/suppressions", COMPLIANCE),
        (Method::POST, "/v1/letters", COMPLIANCE),
        (Method::GET, "/v1/options", EVERY_ROLE),
        (Method::GET, "/v1/catalogue", EVERY_ROLE),
        (Method::GET, "/v1/media/{token}", Access::Token),
    ]
};

/// Adds the check to every route of `router`.
pub(crate) fn guarded<S: Clone + Send + Sync + 'static>(router: Router<S>, backend: SharedBackend) -> Router<S> {
    router.route_layer(middleware::from_fn_with_state(backend, check))
}

/// Passes a request on, together with its caller, if the table allows the call.
async fn check(
    State(backend): State<SharedBackend>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    // A HEAD request has the same access as a GET request.
    let method = if parts.method == Method::HEAD { Method::GET } else { parts.method.clone() };
    let found = OPERATIONS.iter().find(|(listed, template, _)| *listed == method && *template == path.as_str());
    match found.map_or(Access::Staff(&[]), |(_, _, access)| *access) {
        Access::Token => {}
        Access::Staff(allowed) => {
            let identity = backend.identify(&parts).ok_or_else(Problem::unauthorized)?;
            if !allowed.iter().any(|role| identity.roles.contains(role)) {
                return Err(Problem::role_required(allowed));
            }
            let digest = backend.vault().keys().staff(&identity.subject);
            parts.extensions.insert(Caller { digest, identity: Arc::new(identity) });
        }
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// The caller of an operation, who has one of the required roles. Only [`check`] creates a caller.
#[derive(Clone)]
pub(crate) struct Caller {
    digest: Digest,
    identity: Arc<Identity>,
}

impl Caller {
    /// Returns the keyed digest of the caller's subject.
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the caller's name as records show it.
    pub(crate) fn name(&self) -> &str {
        &self.identity.name
    }

    /// Returns the roles.
    pub(crate) fn roles(&self) -> &BTreeSet<Role> {
        &self.identity.roles
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unauthorized)
    }
}
