//! The Lambda of the render stage.

use bespoke_aws::{Host, environment, host};
use contracts::stage::{CustomerTask, Stage};
use render::Tools;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    let (brand, assets) = (host::brand()?, host::assets());
    let scratch = std::env::temp_dir();
    let prepared = scratch.join("backgrounds");
    let tools = Tools {
        ffmpeg: environment::path("FFMPEG_PATH", "/opt/bin/ffmpeg"),
        ffprobe: environment::path("FFPROBE_PATH", "/opt/bin/ffprobe"),
    };
    let known = std::sync::Arc::default();
    host.serve_stage(Stage::Render, async |task: CustomerTask| {
        let settings = host.settings().await?;
        let deps = render::Deps {
            vault: &host.vault,
            settings: &settings,
            brand: &brand,
            assets: &assets,
            background: None,
            prepared: &prepared,
            scratch: &scratch,
            known: &known,
            tools: &tools,
            // The service ends a call by ending the process, and the workflow shows stages, not percentages.
            cancel: &CancellationToken::new(),
            progress: &|_| {},
        };
        Ok(render::run(task, &deps).await?)
    })
    .await
}
