//! The Lambda of the finalize stage.

use bespoke_aws::{Host, metrics};
use contracts::stage::{FinalizeInput, Stage, Subject};
use contracts::{CustomerRef, DatasetId, RunId};
use serde::Deserialize;
use serde_json::json;

/// The payload of the workflows.
#[derive(Deserialize)]
struct Payload {
    run: RunId,
    /// `None` if merge failed.
    dataset: Option<DatasetId>,
    /// Whether to rewrite the manifest of a run that has ended.
    #[serde(default)]
    refresh: bool,
}

impl Subject for Payload {
    fn run(&self) -> &RunId {
        &self.run
    }

    fn reference(&self) -> Option<&CustomerRef> {
        None
    }
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve_stage(Stage::Finalize, async |Payload { run, dataset, refresh }: Payload| {
        let deps = finalize::Deps { vault: &host.vault };
        if refresh {
            let manifest = finalize::refresh(run, &deps).await?;
            return Ok(json!({ "refreshed": manifest.is_some() }));
        }
        let manifest = finalize::run(FinalizeInput { run, dataset }, &deps).await?;
        metrics::outcomes(manifest.counts.iter().map(|(word, count)| (word.as_str(), *count)));
        // The entries stay in manifest.json, because they would exceed the payload limit of Step Functions.
        Ok(json!({ "run": manifest.run, "customers": manifest.customers, "counts": manifest.counts }))
    })
    .await
}
