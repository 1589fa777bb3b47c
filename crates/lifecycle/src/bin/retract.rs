//! The `retract` Lambda: recalls a run, erases a customer, or accepts a change to control data. Authorized operators
//! invoke it directly. A stored erasure request from a person with the role `compliance` also invokes it. A repeated
//! call finishes the work of an interrupted one.

use std::collections::BTreeMap;

use bespoke_aws::Host;
use contracts::stage::IndexRow;
use contracts::{CustomerId, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control::ErasureRequest;
use policy::ledger;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use storage::vault::Vault;

/// The payload.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum RetractRequest {
    /// Recalls a run, or one customer's part of it.
    Recall(RecallRequest),
    /// Writes only the record of a recall. This is the first step of the `recall` workflow.
    RecordRecall(RecallRequest),
    /// Moves the recalled files of some of a run's customers. The `recall` workflow makes one such call per batch.
    MoveRecalled(MoveRequest),
    /// Erases a customer.
    Forget(ForgetRequest),
    /// Makes the ledger cover the current control data, after an intended change.
    AcceptControl(AcceptRequest),
}

/// The payload, as it arrives.
enum Payload {
    /// An operator's call.
    Call(RetractRequest),
    /// The key of a stored erasure request, as S3 reports it.
    Stored(String),
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let payload = Value::deserialize(deserializer)?;
        match payload.pointer("/detail/object/key").and_then(Value::as_str) {
            Some(key) => Ok(Self::Stored(key.to_owned())),
            None => serde_json::from_value(payload).map(Self::Call).map_err(D::Error::custom),
        }
    }
}

/// A batch of rows from the run's index.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveRequest {
    run: RunId,
    rows: Vec<IndexRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecallRequest {
    run: RunId,
    customer: Option<CustomerId>,
    by: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgetRequest {
    customer: CustomerId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptRequest {}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve(async |payload| match payload {
        Payload::Stored(key) => carry_out(&key, &host.vault).await,
        Payload::Call(call) => answer(call, &host.vault).await,
    })
    .await
}

async fn answer(call: RetractRequest, vault: &Vault) -> Result<Value, bespoke_aws::Failure> {
    match call {
        RetractRequest::Recall(request) => recall(request, vault).await,
        RetractRequest::RecordRecall(request) => record_recall(request, vault).await,
        RetractRequest::MoveRecalled(request) => move_recalled(request, vault).await,
        RetractRequest::Forget(request) => forget(request, vault).await,
        RetractRequest::AcceptControl(AcceptRequest {}) => accept_control(vault).await,
    }
}

async fn recall(request: RecallRequest, vault: &Vault) -> Result<Value, bespoke_aws::Failure> {
    let RecallRequest { run, customer, by, reason } = request;
    let only = customer.map(|customer| vault.keys().reference(&customer));
    let recalled =
        lifecycle::recall::recall(&run, only.as_ref(), &by, reason.as_deref(), vault, Timestamp::now()).await?;
    let files: usize = recalled.iter().map(|customer| customer.files).sum();
    Ok(json!({ "run": run, "customers": recalled.len(), "files": files }))
}

async fn record_recall(request: RecallRequest, vault: &Vault) -> Result<Value, bespoke_aws::Failure> {
    let RecallRequest { run, customer, by, reason } = request;
    let only = customer.map(|customer| vault.keys().reference(&customer));
    let customers =
        lifecycle::recall::record(&run, only.as_ref(), &by, reason.as_deref(), vault, Timestamp::now()).await?;
    Ok(json!({ "run": run, "customers": customers.len() }))
}

async fn move_recalled(request: MoveRequest, vault: &Vault) -> Result<Value, bespoke_aws::Failure> {
    let customers = request.rows.into_iter().map(|row| row.reference).collect();
    let recalled = lifecycle::recall::move_files(&request.run, customers, vault.store()).await?;
    Ok(json!({ "customers": recalled.len() }))
}

/// Erases the customer whom a stored request names. Only a holder of the keys can write a valid request.
async fn carry_out(key: &str, vault: &Vault) -> Result<Value, bespoke_aws::Failure> {
    let reference =
        ObjectKey::customer_of(key).filter(|reference| ObjectKey::ErasureRequest(reference.clone()).to_string() == key);
    let Some(reference) = reference else { return Ok(json!({ "ignored": "not a request for an erasure" })) };
    let key = ObjectKey::ErasureRequest(reference.clone());
    let request: ErasureRequest = vault.open_authenticated(&key, &vault.store().get(&key).await?)?;
    tracing::info!(%reference, by = request.by, "erasing a customer on request");
    Ok(json!(lifecycle::erasure::erase(&reference, vault, Timestamp::now()).await?))
}

async fn forget(request: ForgetRequest, vault: &Vault) -> Result<Value, bespoke_aws::Failure> {
    let reference = vault.keys().reference(&request.customer);
    let report = lifecycle::erasure::erase(&reference, vault, Timestamp::now()).await?;
    Ok(json!(report))
}

async fn accept_control(vault: &Vault) -> Result<Value, bespoke_aws::Failure> {
    ledger::accept(vault, Timestamp::now()).await?;
    let audit = ledger::audit(vault, &BTreeMap::new(), true).await?;
    Ok(json!({ "covered": audit.covered, "gaps": audit.gaps }))
}
