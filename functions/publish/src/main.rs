//! The Lambda of the publish stage.

use bespoke_aws::{Host, host};
use contracts::stage::{PublishInput, Stage};
use jiff::Timestamp;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let brand = host::brand()?;
    host.serve_stage(Stage::Publish, async |input: PublishInput| {
        let (settings, catalogue) = (host.settings().await?, host.catalogue().await?);
        let (vault, now) = (&host.vault, Timestamp::now());
        let deps = publish::Deps { vault, settings: &settings, catalogue: &catalogue, brand: &brand, now };
        let outcome = publish::run(input, &deps).await?;
        Ok(json!({ "outcome": outcome.word() }))
    })
    .await
}
