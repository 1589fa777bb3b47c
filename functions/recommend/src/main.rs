//! The Lambda of the recommend stage.

use bespoke_aws::{Host, host, metrics};
use contracts::script::Usage;
use contracts::stage::{RecommendInput, Stage};
use storage::secret::SecretName;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let brand = host::brand()?;
    let http = outbound::Client::new()?;
    let limiter = recommend::Limiter::default();
    let deprecation_warning = std::sync::Once::new();
    host.serve_stage(Stage::Recommend, async |input: RecommendInput| {
        // Drop the cached model key, because it may have been rotated since the last customer.
        host.secrets.forget(SecretName::ModelKey).await;
        let settings = host.settings_of(&input.run).await?;
        let catalogue = host.catalogue().await?;
        let phrases = host.phrases(&catalogue, &settings).await?;
        if let Some(warning) = settings.writer.retirement_warning() {
            deprecation_warning.call_once(|| tracing::warn!("{warning}"));
        }
        let deps = recommend::Deps {
            vault: &host.vault,
            settings: &settings,
            catalogue: &catalogue,
            phrases: &phrases,
            brand: &brand,
            secrets: &host.secrets,
            http: &http,
            limiter: &limiter,
        };
        let mut usage = Usage::default();
        let result = recommend::run(input, &mut usage, &deps).await;
        let Usage { tokens_read, tokens_written, usd } = usage;
        if tokens_read + tokens_written > 0 {
            metrics::model_used(tokens_read, tokens_written, usd);
        }
        Ok(result?)
    })
    .await
}
