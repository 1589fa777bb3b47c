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
        let catalogue = host.catalogue().await?;
        let deps = publish::Deps { vault: &host.vault, catalogue: &catalogue, brand: &brand, now: Timestamp::now() };
        let outcome = publish::run(input, &deps).await?;
        Ok(json!({ "outcome": outcome.word() }))
    })
    .await
}
