//! Measures this machine's encoding speed for the forecast of a campaign.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use contracts::brand::Brand;
use contracts::media::Shape;
use contracts::settings::VideoSettings;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::ffmpeg::{FfmpegRunner, Tools};
use crate::scenes::frames::{Behind, Composer};
use crate::{graph, preview};

/// Measures the CPU seconds that this machine takes per second of video. To do so, it composes and encodes a service message
/// with the brand's scenes and the settings, but without captions or audio. `scratch` is an existing private folder.
pub fn measure_encoding_cost(
    tools: &Tools,
    brand: &Brand,
    assets: &Path,
    video: &VideoSettings,
    shape: Shape,
    scratch: &Path,
) -> Result<f64, Error> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(Error::Scratch);
    let assets = absolute(assets)?;
    let runner = FfmpegRunner {
        tools: tools.clone(),
        fonts: assets.join(&brand.fonts.folder),
        scratch: absolute(scratch)?,
        cancel: CancellationToken::new(),
        deadline: Instant::now() + Duration::from_mins(5),
    };
    let (film, colors) = preview::service_film(&assets, brand, shape, video)?;
    let size = shape.size(video.resolution);
    let doing = "measuring how fast this machine encodes";
    let arguments = graph::benchmark_encode(size, &video.preset, video.crf);
    let compose = |sink: &mut dyn Write| {
        let mut composer = Composer::new(size, Behind::Ground, colors);
        film.scenes.iter().try_for_each(|scene| composer.write(scene, sink, &|| true))
    };
    // Composing runs on one core, so its elapsed time equals its CPU time.
    let started = Instant::now();
    compose(&mut std::io::sink()).map_err(Error::Scratch)?;
    let composing = started.elapsed().as_secs_f64();
    let log = runner.ffmpeg_fed(doing, &arguments, &|_| {}, compose)?;
    let encoding = parse_cpu_seconds(&log).ok_or_else(|| Error::Failed {
        program: "ffmpeg",
        doing,
        reason: "it did not report its CPU time".to_owned(),
    })?;
    Ok((composing + encoding) / film.seconds)
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
