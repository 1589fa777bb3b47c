//! The Lambda function that starts runs.

use bespoke_aws::{Host, environment, metrics};
use jiff::Timestamp;
use start::{BucketSource, Deps, EventOutcome, StartEvent};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let source = BucketSource::new(Host::start().await?);
    let host = source.host();
    let executions = host.workflow()?;
    let timers = host.timers()?;
    let deps = Deps { vault: &host.vault, source: &source, executions: &executions, limits: environment::limits()? };
    host.serve(async |event: StartEvent| {
        let outcome = start::run(event, &deps, &timers, Timestamp::now()).await?;
        if let EventOutcome::Checked { incomplete } = &outcome {
            metrics::incomplete_batches(incomplete.len());
        }
        Ok(outcome)
    })
    .await
}
