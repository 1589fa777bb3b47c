//! The Lambda of the recommend stage.

use std::time::Duration;

use bespoke_aws::{Host, host, metrics};
use contracts::stage::{RecommendInput, Stage};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let brand = host::brand()?;
    let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(3)).build()?;
    host.serve_stage(Stage::Recommend, async |input: RecommendInput| {
        let (settings, catalogue) = (host.settings().await?, host.catalogue().await?);
        let deps = recommend::Deps {
            vault: &host.vault,
            settings: &settings,
            catalogue: &catalogue,
            brand: &brand,
            secrets: &host.secrets,
            http: &http,
        };
        let recommended = recommend::run(input, &deps).await?;
        let (read, written) = (recommended.usage.tokens_read, recommended.usage.tokens_written);
        if read + written > 0 {
            metrics::model_used(read, written, settings.writer.model.usd(read, written));
        }
        Ok(recommended)
    })
    .await
}
