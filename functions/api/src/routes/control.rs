//! Requests of compliance: erasures, objections to all contact, and letters about a customer.

use axum::extract::State;
use contracts::{CustomerRef, ObjectKey};
use http::StatusCode;
use jiff::Timestamp;
use lifecycle::erasure::{self, ErasureError};
use lifecycle::letter::{self, LetterError, Subject};
use policy::control::{self, ErasureRequest, SuppressedBy, Suppression};

use crate::access::Caller;
use crate::backend::SharedBackend;
use crate::extract::Json;
use crate::problem::{ErasureProblems, LetterProblems, Problem, SuppressionProblems};
use crate::view::{CustomerRequest, Erasure, ErasureState, Letter, LetterRequest, Objection};

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
    match erasure::check(&reference, vault).await {
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

/// Writes a letter about a customer
///
/// The letter is for a regulator or an auditor. It states the consent, the reasons, what was shown and said with its
/// approvals, who reviewed it, and everything that has happened since. It also says how to verify the record.
#[utoipa::path(
    post, path = "/v1/letters", operation_id = "writeLetter", tag = "compliance", request_body = LetterRequest,
    responses((status = 200, description = "The letter.", body = Letter), LetterProblems)
)]
pub(super) async fn letter(
    State(backend): State<SharedBackend>,
    caller: Caller,
    Json(LetterRequest { customer_id, run }): Json<LetterRequest>,
) -> Result<axum::Json<Letter>, Problem> {
    let vault = backend.vault();
    let reference = vault.keys().reference(&customer_id);
    let run = match run {
        Some(run) => run,
        None => {
            letter::newest_run(vault.store(), &reference, &letter::RECORDS).await?.ok_or_else(Problem::not_found)?
        }
    };
    let brand = backend.brand().await?;
    let catalogue = backend.catalogue().await?;
    let subject = Subject {
        customer: customer_id.reveal(),
        reference: &reference,
        run: &run,
        bank: &brand.name,
        catalogue: &catalogue,
        now: Timestamp::now(),
    };
    let html = match letter::Letter::read(vault, subject).await {
        Err(LetterError::NoRecord { .. }) => return Err(Problem::not_found()),
        read => read?.html(),
    };
    tracing::info!(%reference, %run, by = caller.name(), "wrote a letter about a customer");
    Ok(axum::Json(Letter { run, customer_ref: reference.to_string(), html }))
}

async fn put_suppression(reference: &CustomerRef, by: SuppressedBy, backend: &SharedBackend) -> Result<(), Problem> {
    let suppression = Suppression { by, since: Timestamp::now() };
    let json = serde_json::to_vec(&suppression).expect("plain fields");
    control::record(backend.vault(), reference, &ObjectKey::Suppression(reference.clone()), json.into()).await?;
    Ok(())
}
