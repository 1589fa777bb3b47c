//! The Lambda that tells the bank's own system what became of a run.

use bespoke_aws::Host;
use contracts::RunId;
use deliver::webhook::{self, Deps, Pace};
use serde::Deserialize;

/// The event that the workflow sends when a run has ended.
#[derive(Deserialize)]
struct Event {
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    run: RunId,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve(async |event: Event| {
        let settings = host.settings().await?;
        let (vault, secrets, settings) = (&host.vault, &host.secrets, &settings.delivery.webhook);
        let deps = Deps { vault, secrets, settings, pace: Pace::default() };
        Ok(webhook::notify(&event.detail.run, &deps).await?)
    })
    .await
}
