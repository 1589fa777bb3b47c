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
use crate::view::{CustomerRequest, Erasure, ErasureState};

/// Erases a customer
///
/// Suppresses the customer, destroys their key, and deletes their artifacts. The evidence stays, but its personal part can
/// no longer be opened. Exported tables, workbooks and backups are yours to delete.
///
/// A local server answers once the customer is erased. On AWS, the state is `requested`, and the erasure follows within
/// seconds. Repeating the request completes an interrupted erasure.
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
/// Forbids all contact with the customer from now on, even in a run in progress. Repeating it changes nothing. The API
/// cannot remove an objection.
#[utoipa::path(
    post, path = "/v1/suppressions", operation_id = "suppressCustomer", tag = "compliance", request_body = CustomerRequest,
    responses((status = 204, description = "The objection is on record."), SuppressionProblems)
)]
pub(super) async fn suppress(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Json(CustomerRequest { customer_id }): Json<CustomerRequest>,
) -> Result<StatusCode, Problem> {
    let reference = backend.vault().keys().reference(&customer_id);
    put_suppression(&reference, SuppressedBy::Staff, &backend).await?;
    tracing::info!(%reference, by = caller.name(), "suppressed a customer through the API");
    Ok(StatusCode::NO_CONTENT)
}

async fn put_suppression(reference: &CustomerRef, by: SuppressedBy, backend: &SharedBackend) -> Result<(), Problem> {
    let suppression = Suppression { by, since: Timestamp::now() };
    let json = serde_json::to_vec(&suppression).expect("plain fields");
    backend.vault().store().put_new(&ObjectKey::Suppression(reference.clone()), json.into()).await?;
    Ok(())
}
