//! The Lambda of the narrate stage.

use bespoke_aws::{Host, environment, host};
use contracts::stage::{CustomerTask, Stage};
use narrate::{Engines, Pronunciations, kokoro};
use std::sync::Arc;
use storage::secret::SecretName;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let brand = host::brand()?;
    let pronunciations = Pronunciations::read(&host::assets(), &brand).map_err(bespoke_aws::Failure::from)?;
    let http = outbound::Client::new()?;
    let engines = Engines::new(environment::path("ESPEAK_PATH", "/opt/bin/espeak-ng"), http)
        .with_kokoro(kokoro::Files::find(&environment::path("KOKORO_DIR", "/opt/bespoke/kokoro")))
        .with_polly(Arc::new(host.polly()));
    host.serve_stage(Stage::Narrate, async |task: CustomerTask| {
        // Drop the cached key: it may have been rotated since the last customer.
        host.secrets.forget(SecretName::ModelKey).await;
        let settings = host.settings_of(&task.run).await?;
        let deps = narrate::Deps {
            vault: &host.vault,
            settings: &settings,
            engines: &engines,
            brand: &brand,
            pronunciations: &pronunciations,
            secrets: &host.secrets,
        };
        Ok(narrate::run(task, &deps).await?)
    })
    .await
}
