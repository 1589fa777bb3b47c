//! The Lambda that starts runs.

use bespoke_aws::{Host, environment, metrics};
use start::{Deps, Event, OfHost, Outcome};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let source = OfHost::new(Host::start().await?);
    let host = source.host();
    let (executions, limits) = (host.workflow()?, environment::limits()?);
    let deps = Deps { vault: &host.vault, source: &source, executions: &executions, limits };
    host.serve(async |event: Event| {
        let outcome = start::run(event, &deps).await?;
        if let Outcome::Looked { incomplete } = &outcome {
            metrics::incomplete_batches(incomplete.len());
        }
        Ok(outcome)
    })
    .await
}
