//! The Lambda function that notifies the bank's system about outcomes, recalls and customers' answers.

use bespoke_aws::Host;
use deliver::Error;
use deliver::event::DeliverEvent;
use deliver::webhook::{self, Backoff, Deps, NotifySummary};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve(async |event: DeliverEvent| {
        let settings = host.settings().await?;
        let deps = Deps {
            vault: &host.vault,
            secrets: &host.secrets,
            settings: &settings.delivery.webhook,
            backoff: Backoff::default(),
        };
        match event {
            DeliverEvent::Ended(run) => Ok(webhook::notify(&run, &deps).await?),
            DeliverEvent::Answered(run, reference) => Ok(webhook::notify_answers(&run, &reference, &deps).await?),
            DeliverEvent::Recalled(run) => match webhook::notify(&run, &deps).await {
                // The run has not ended yet. Its end will trigger the notifications.
                Err(Error::NotEnded { .. }) => Ok(NotifySummary::default()),
                summary => Ok(summary?),
            },
        }
    })
    .await
}
