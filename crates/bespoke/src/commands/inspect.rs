//! `bespoke inspect`: what a video is like, beside what it must be.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use contracts::ErrorName;
use contracts::media::MediaFacts;
use render::check::{Measure, measures};
use serde::Serialize;

use super::Shared;
use crate::cli::Inspect;
use crate::doctor::programs;
use crate::failure::Failure;

#[derive(Serialize)]
struct Inspected {
    measures: Vec<Measure>,
    media: MediaFacts,
}

pub(super) async fn execute(inspect: Inspect, shared: Shared) -> Result<u8, Failure> {
    let (tools, video) = (programs().media, inspect.video);
    if !video.is_file() {
        let message = format!("{}: not found", video.display());
        return Err(Failure::told(ErrorName::RenderAssetBroken, message, "name a video file"));
    }
    let caption_file = video.with_extension("vtt");
    let inspected = tokio::task::spawn_blocking(move || render::inspect(&tools, &video)).await;
    let media = inspected.map_err(|panic| Failure::Told {
        name: ErrorName::RenderFailed,
        message: format!("measuring failed: {panic}"),
        help: None,
    })??;
    let inspected = Inspected { measures: measures(&media), media };
    let captions = if caption_file.is_file() {
        format!("{} captions", inspected.media.captions.cues)
    } else {
        // The captions of a published video may lie in another folder.
        format!("captions not measured: no file {} beside the video", caption_file.display())
    };
    shared.print(&inspected, || table(&inspected, &captions));
    let fine = inspected.measures.iter().all(|measure| measure.fine);
    Ok(if fine { 0 } else { ErrorName::RenderOutOfRange.exit_code() })
}

fn table(inspected: &Inspected, captions: &str) -> String {
    let (good, bad) =
        (Style::new().fg_color(Some(AnsiColor::Green.into())), Style::new().fg_color(Some(AnsiColor::Red.into())));
    let mut text = String::new();
    for Measure { measure, found, wanted, fine } in &inspected.measures {
        let name = measure.trim_start_matches("the ");
        let (style, sign) = if *fine { (good, "ok ") } else { (bad, "out") };
        let _infallible = writeln!(text, "{style}{sign}{style:#}  {name:<40} {found:<22} {wanted}");
    }
    let MediaFacts { seconds, warnings, .. } = &inspected.media;
    let _infallible = writeln!(text, "\n{seconds:.1} s, {captions}");
    for warning in warnings {
        let _infallible = writeln!(text, "note: {warning}");
    }
    text
}
