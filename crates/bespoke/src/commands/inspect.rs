//! `bespoke inspect`: measures a video and compares it with the required values.

use contracts::ErrorName;
use contracts::media::MediaFacts;
use render::check::{Measure, measures};
use runner::failure::Failure;
use runner::programs::Programs;
use serde::Serialize;

use super::context::Context;
use super::sections;
use crate::cli::tools::InspectArgs;

/// The command's output.
#[derive(Serialize)]
struct Inspection {
    measures: Vec<Measure>,
    media: MediaFacts,
}

pub(super) async fn execute(args: InspectArgs, context: Context) -> Result<u8, Failure> {
    let tools = Programs::find().media;
    let video = args.video;
    if !video.is_file() {
        let message = format!("{}: not found", video.display());
        return Err(Failure::new(ErrorName::RenderAssetBroken, message, "specify an existing video file"));
    }
    let inspected = tokio::task::spawn_blocking(move || render::inspect(&tools, &video)).await;
    let media = inspected.map_err(|panic| Failure::Refused {
        name: ErrorName::RenderFailed,
        message: format!("failed to measure the video: {panic}"),
        help: None,
    })??;
    let inspection = Inspection { measures: measures(&media), media };
    context.print(&inspection, || {
        let mut text = String::new();
        sections::media(&mut text, &inspection.media);
        text
    });
    let fine = inspection.measures.iter().all(|measure| measure.fine);
    Ok(if fine { 0 } else { ErrorName::RenderOutOfRange.exit_code() })
}
