//! Measures this machine's encoding speed for the forecast of a campaign.

use std::path::Path;
use std::time::{Duration, Instant};

use contracts::brand::Brand;
use contracts::media::Shape;
use contracts::settings::VideoSettings;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::ffmpeg::{FfmpegRunner, Tools};
use crate::graph;

/// The seconds of the background to encode. With a shorter sample, the encoder's startup would distort the result.
const SECONDS: u32 = 8;

/// Measures the CPU seconds that this machine takes per second of video. Decodes the brand's first background at the
/// frame's size and encodes it with the settings, without text or audio. `scratch` is an existing private folder.
pub fn measure_encoding_cost(
    tools: &Tools,
    brand: &Brand,
    assets: &Path,
    video: &VideoSettings,
    shape: Shape,
    scratch: &Path,
) -> Result<f64, Error> {
    let missing = || Error::Brand { field: "backgrounds", expected: "at least one file" };
    let absolute = |path: &Path| std::path::absolute(path).map_err(Error::Scratch);
    let assets = absolute(assets)?;
    let scratch = absolute(scratch)?;
    let background = assets.join(brand.backgrounds.first().ok_or_else(missing)?);
    let prepared = scratch.join("encoding-cost.mp4");
    let runner = FfmpegRunner {
        tools: tools.clone(),
        fonts: assets.join(&brand.fonts.folder),
        scratch,
        cancel: CancellationToken::new(),
        deadline: Instant::now() + Duration::from_mins(5),
    };
    let size = shape.size(video.resolution);
    let doing = "measuring how fast this machine encodes";
    let conversion = graph::BackgroundGraph::of_video(&background, size, SECONDS, &prepared);
    runner.ffmpeg(doing, &conversion.arguments(), &|_| {})?;
    let log = runner.ffmpeg(doing, &graph::benchmark_encode(&prepared, &video.preset, video.crf), &|_| {})?;
    std::fs::remove_file(&prepared).map_err(Error::Scratch)?;
    let cpu_seconds = parse_cpu_seconds(&log).ok_or_else(|| Error::Failed {
        program: "ffmpeg",
        doing,
        reason: "it did not report its CPU time".to_owned(),
    })?;
    Ok(cpu_seconds / f64::from(SECONDS))
}

/// Parses the CPU seconds that ffmpeg reports: `bench: utime=1.234s stime=0.056s rtime=0.789s`.
fn parse_cpu_seconds(log: &[String]) -> Option<f64> {
    let line = log.iter().rev().find(|line| line.contains("utime="))?;
    let field = |name: &str| -> Option<f64> { line.split_once(name)?.1.split('s').next()?.parse().ok() };
    Some(field("utime=")? + field("stime=")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_seconds_are_read_from_the_log() {
        let log = ["frame= 192 fps=0.0", "[info] bench: utime=1.250s stime=0.050s rtime=0.789s", "bench: maxrss=1kB"];
        assert_eq!(parse_cpu_seconds(&log.map(str::to_owned)), Some(1.3));
        assert_eq!(parse_cpu_seconds(&[]), None);
    }
}
