//! The Lambda that tells the bank's own system what became of a run, and what was taken back.

use bespoke_aws::Host;
use deliver::Error;
use deliver::event::Event;
use deliver::webhook::{self, Deps, Pace, Told};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    host.serve(async |event: Event| {
        let settings = host.settings().await?;
        let (vault, secrets, settings) = (&host.vault, &host.secrets, &settings.delivery.webhook);
        let deps = Deps { vault, secrets, settings, pace: Pace::default() };
        match event {
            Event::Ended(run) => Ok(webhook::notify(&run, &deps).await?),
            Event::Recalled(run) => match webhook::notify(&run, &deps).await {
                // It is told when it has ended.
                Err(Error::NotEnded { .. }) => Ok(Told::default()),
                told => Ok(told?),
            },
        }
    })
    .await
}
