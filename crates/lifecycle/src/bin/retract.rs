//! The `retract` Lambda: recalls a run, or erases a customer. It has no trigger; authorized operators invoke it
//! directly. Every call can be repeated, which finishes the work of an interrupted call.

use bespoke_aws::Host;
use contracts::stage::IndexRow;
use contracts::{CustomerId, RunId};
use jiff::Timestamp;
use serde::Deserialize;
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

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve(async |request| match request {
        RetractRequest::Recall(request) => recall(request, &host.vault).await,
        RetractRequest::RecordRecall(request) => record_recall(request, &host.vault).await,
        RetractRequest::MoveRecalled(request) => move_recalled(request, &host.vault).await,
        RetractRequest::Forget(request) => forget(request, &host.vault).await,
    })
    .await
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

async fn forget(request: ForgetRequest, vault: &Vault) -> Result<Value, bespoke_aws::Failure> {
    let reference = vault.keys().reference(&request.customer);
    let report = lifecycle::erasure::erase(&reference, vault, Timestamp::now()).await?;
    Ok(json!(report))
}
