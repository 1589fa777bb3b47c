//! The Lambda of the finalize stage.

use bespoke_aws::{Host, metrics};
use contracts::stage::{FinalizeInput, Stage, Subject};
use contracts::{CustomerRef, DatasetId, RunId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// The payload that the workflows send.
#[derive(Deserialize)]
struct Payload {
    run: RunId,
    /// `None` if merge failed.
    dataset: Option<DatasetId>,
    /// Whether to rewrite the manifest of a run that has ended.
    #[serde(default)]
    refresh: bool,
    /// Whether this is a dry run, which only assesses its customers and ends with a forecast.
    #[serde(default)]
    dry_run: bool,
    /// The number of customers that the run processes at once.
    #[serde(default)]
    concurrency: u32,
    /// The maximum number of customers who may get a message. `None` if there is no limit.
    #[serde(default)]
    limit: Option<usize>,
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
    let signer = host.signer()?;
    host.serve_stage(
        Stage::Finalize,
        async |Payload { run, dataset, refresh, dry_run, concurrency, limit }: Payload| {
            let deps = finalize::Deps { vault: &host.vault, signer: &signer, now: Timestamp::now() };
            if refresh {
                let manifest = finalize::refresh(run, &deps).await?;
                return Ok(json!({ "refreshed": manifest.is_some() }));
            }
            if dry_run {
                let settings = host.settings_of(&run).await?;
                let forecast = finalize::forecast(run, &settings, concurrency, limit, &host.vault).await?;
                return Ok(json!({ "run": forecast.run, "customers": forecast.customers, "counts": {} }));
            }
            let manifest = finalize::run(FinalizeInput { run, dataset }, &deps).await?;
            metrics::outcomes(manifest.counts.iter().map(|(word, count)| (word.as_str(), *count)));
            // The entries stay in manifest.json, because they would exceed the payload limit of Step Functions.
            Ok(json!({ "run": manifest.run, "customers": manifest.customers, "counts": manifest.counts }))
        },
    )
    .await
}
