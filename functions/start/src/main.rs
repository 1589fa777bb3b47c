//! The Lambda that starts runs.

use bespoke_aws::{Host, environment, host, metrics};
use jiff::{Timestamp, ToSpan as _};
use start::{Event, Outcome};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let (workflow, limits) = (host.workflow()?, environment::limits()?);
    host.serve(async |event: Event| {
        let (settings, catalogue) = (host.settings().await?, host.catalogue().await?);
        let lexicon = assess::Lexicon::from_toml(&host.lexicon().await?)?;
        let deps = start::Deps {
            vault: &host.vault,
            settings: &settings,
            catalogue: &catalogue,
            lexicon: &lexicon,
            assets: render::assets_digest(&host::assets(), &host::brand()?)?,
            executions: &workflow,
            concurrency: limits.concurrency,
            tolerated_failure_percentage: limits.tolerated_failure_percentage,
            patience: 6.hours(),
            now: Timestamp::now(),
        };
        let outcome = start::run(event, &deps).await?;
        if let Outcome::Looked { incomplete } = &outcome {
            metrics::incomplete_batches(incomplete.len());
        }
        Ok(outcome)
    })
    .await
}
