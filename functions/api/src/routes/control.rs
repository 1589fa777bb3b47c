//! Records of compliance: erasures, and objections to all contact.

use axum::extract::State;
use contracts::{CustomerRef, ObjectKey};
use http::StatusCode;
use jiff::Timestamp;
use lifecycle::erasure::{self, ErasureError};
use policy::control::{ErasureRequest, SuppressedBy, Suppression};

use crate::access::Caller;
use crate::backend::SharedBackend;
use crate::extract::Json;
use crate::problem::{ErasureProblems, Problem, SuppressionProblems};
use crate::view::{CustomerRequest, Erasure, ErasureState, Objection};

/// Erases a customer
///
/// Suppresses the customer, destroys the key that encrypts their data, and deletes their results. The evidence stays, but
/// its personal part can no longer be opened. The server cannot reach exported tables, workbooks, also uploaded ones, or
/// backups: the operator removes the customer from them.
///
/// A local server answers once the customer is erased. On AWS, the state is `requested`, and the erasure follows within
/// seconds. Repeat the request to check it: the state is `done` once the erasure is complete. Repeating also completes an
/// interrupted erasure.
#[utoipa::path(
    post, path = "/v1/erasures", operation_id = "eraseCustomer", tag = "compliance", request_body = CustomerRequest,
    responses((status = 202, description = "The erasure is done or requested.", body = Erasure), ErasureProblems)
)]
pub(super) async fn erase(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Json(CustomerRequest { customer_id }): Json<CustomerRequest>,
) -> Result<(StatusCode, axum::Json<Erasure>), Problem> {
    let vault = backend.vault();
    let reference = vault.keys().reference(&customer_id);
    match erasure::check(&reference, vault.store()).await {
        Err(ErasureError::UnknownCustomer) => return Err(Problem::not_found()),
        Err(error @ ErasureError::OnHold { .. }) => {
            put_suppression(&reference, SuppressedBy::Erasure, &backend).await?;
            return Err(error.into());
        }
        checked => checked?,
    }
    if !backend.erases() && erasure::is_complete(&reference, vault.store()).await? {
        let state = ErasureState::Done;
        return Ok((StatusCode::ACCEPTED, axum::Json(Erasure { customer_ref: reference.to_string(), state })));
    }
    let request = ErasureRequest { by: caller.name().to_owned(), at: Timestamp::now() };
    let key = ObjectKey::ErasureRequest(reference.clone());
    vault.store().put(&key, vault.authenticate(&key, &request)).await?;
    let state = if backend.erases() {
        let erased = erasure::erase(&reference, vault, request.at).await?;
        backend.complete_erasure(&reference, erased.published).await?;
        ErasureState::Done
    } else {
        ErasureState::Requested
    };
    tracing::info!(%reference, by = caller.name(), ?state, "erasure through the API");
    Ok((StatusCode::ACCEPTED, axum::Json(Erasure { customer_ref: reference.to_string(), state })))
}

/// Records a customer's objection
///
/// Forbids all contact with the customer from now on, even in a run in progress. A result of theirs in review is no longer
/// listed. Repeating the request changes nothing. Only an operator can remove an objection, with `bespoke suppress --remove`.
///
/// The server also accepts an id that no batch has had, because the person may become a customer. Then `known` is false:
/// check the id, because the objection has no effect on anyone else.
#[utoipa::path(
    post, path = "/v1/suppressions", operation_id = "suppressCustomer", tag = "compliance", request_body = CustomerRequest,
    responses((status = 200, description = "The objection is on record.", body = Objection), SuppressionProblems)
)]
pub(super) async fn suppress(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Json(CustomerRequest { customer_id }): Json<CustomerRequest>,
) -> Result<axum::Json<Objection>, Problem> {
    let reference = backend.vault().keys().reference(&customer_id);
    put_suppression(&reference, SuppressedBy::Staff, &backend).await?;
    tracing::info!(%reference, by = caller.name(), "suppressed a customer through the API");
    let known = erasure::is_known(&reference, backend.vault().store()).await?;
    Ok(axum::Json(Objection { customer_ref: reference.to_string(), known }))
}

async fn put_suppression(reference: &CustomerRef, by: SuppressedBy, backend: &SharedBackend) -> Result<(), Problem> {
    let suppression = Suppression { by, since: Timestamp::now() };
    let json = serde_json::to_vec(&suppression).expect("plain fields");
    backend.vault().store().put_new(&ObjectKey::Suppression(reference.clone()), json.into()).await?;
    Ok(())
}
