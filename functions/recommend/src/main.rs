//! The Lambda of the recommend stage.

use std::time::Duration;

use bespoke_aws::{Host, host};
use contracts::stage::CustomerTask;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let brand = host::brand()?;
    let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(3)).build()?;
    host.serve(async |task: CustomerTask| {
        let (settings, catalogue) = (host.settings().await?, host.catalogue().await?);
        let deps = recommend::Deps {
            vault: &host.vault,
            settings: &settings,
            catalogue: &catalogue,
            brand: &brand,
            secrets: &host.secrets,
            http: &http,
        };
        Ok(recommend::run(task, &deps).await?)
    })
    .await
}
