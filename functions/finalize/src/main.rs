//! The Lambda of the finalize stage.

use bespoke_aws::{Host, metrics};
use contracts::stage::{FinalizeInput, Stage};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve_stage(Stage::Finalize, async |input: FinalizeInput| {
        let manifest = finalize::run(input, &finalize::Deps { vault: &host.vault }).await?;
        metrics::outcomes(manifest.counts.iter().map(|(word, count)| (word.as_str(), *count)));
        // The entries stay in manifest.json, because they would exceed the payload limit of Step Functions.
        Ok(json!({ "run": manifest.run, "customers": manifest.customers, "counts": manifest.counts }))
    })
    .await
}
