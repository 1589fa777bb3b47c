//! The Lambda of the finalize stage.

use bespoke_aws::Host;
use contracts::stage::FinalizeInput;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve(async |input: FinalizeInput| {
        let manifest = finalize::run(input, &finalize::Deps { vault: &host.vault }).await?;
        // The entries would outgrow what Step Functions carries; they are in manifest.json.
        Ok(json!({ "run": manifest.run, "customers": manifest.customers, "counts": manifest.counts }))
    })
    .await
}
