//! The Lambda of the narrate stage.

use bespoke_aws::{Host, environment};
use contracts::stage::{CustomerTask, Stage};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let espeak = environment::path("ESPEAK_PATH", "/opt/bin/espeak-ng");
    host.serve_stage(Stage::Narrate, async |task: CustomerTask| {
        let settings = host.settings().await?;
        let deps = narrate::Deps { vault: &host.vault, settings: &settings, espeak: &espeak };
        Ok(narrate::run(task, &deps).await?)
    })
    .await
}
