//! The render stage's Lambda function.

use bespoke_aws::{Host, environment, host};
use contracts::stage::{CustomerTask, Stage};
use render::Tools;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let brand = host::brand()?;
    let assets = host::assets();
    let prepared = std::env::temp_dir().join("backgrounds");
    let scratch = host::Scratch::open(&std::env::temp_dir().join("scratch"))?;
    let tools = Tools {
        ffmpeg: environment::path("FFMPEG_PATH", "/opt/bin/ffmpeg"),
        ffprobe: environment::path("FFPROBE_PATH", "/opt/bin/ffprobe"),
    };
    let cache = std::sync::Arc::default();
    host.serve_stage(Stage::Render, async |task: CustomerTask| {
        let settings = host.settings_of(&task.run).await?;
        let deps = render::Deps {
            vault: &host.vault,
            settings: &settings,
            brand: &brand,
            assets: &assets,
            background: None,
            prepared: &prepared,
            scratch: scratch.emptied()?,
            cache: &cache,
            tools: &tools,
            // There is nothing to cancel, because Lambda ends the process. The workflow reports stages, not percentages.
            cancel: &CancellationToken::new(),
            progress: &|_| {},
        };
        Ok(render::run(task, &deps).await?)
    })
    .await
}
