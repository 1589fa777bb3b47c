//! How fast this machine encodes: what a forecast multiplies.

use std::path::Path;
use std::time::{Duration, Instant};

use contracts::brand::Brand;
use contracts::media::Shape;
use contracts::settings::VideoSettings;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::ffmpeg::{Runner, Tools};
use crate::graph;

/// Seconds of the background that are encoded. Fewer, and what an encoder does only at its start counts too much.
const SECONDS: u32 = 8;

/// CPU seconds that this machine takes to decode a second of the brand's first background at the frame's size and to encode
/// it as the settings say, with nothing drawn and no sound. `scratch` is an existing private folder.
pub fn encoding(
    tools: &Tools,
    brand: &Brand,
    assets: &Path,
    video: &VideoSettings,
    shape: Shape,
    scratch: &Path,
) -> Result<f64, Error> {
    let missing = || Error::Brand { field: "backgrounds", expected: "at least one file" };
    let absolute = |path: &Path| std::path::absolute(path).map_err(Error::Scratch);
    let (assets, scratch) = (absolute(assets)?, absolute(scratch)?);
    let background = assets.join(brand.backgrounds.first().ok_or_else(missing)?);
    let prepared = scratch.join("rehearsal.mp4");
    let runner = Runner {
        tools: tools.clone(),
        fonts: assets.join(&brand.fonts.folder),
        scratch,
        cancel: CancellationToken::new(),
        deadline: Instant::now() + Duration::from_mins(5),
    };
    let size = shape.size(video.resolution);
    let doing = "measuring how fast this machine encodes";
    runner.ffmpeg(doing, &graph::prepare(&background, size, SECONDS, &prepared), &|_| {})?;
    let log = runner.ffmpeg(doing, &graph::rehearse(&prepared, &video.preset, video.crf), &|_| {})?;
    std::fs::remove_file(&prepared).map_err(Error::Scratch)?;
    let used = used(&log).ok_or_else(|| Error::Failed {
        program: "ffmpeg",
        doing,
        reason: "it did not say what it used".to_owned(),
    })?;
    Ok(used / f64::from(SECONDS))
}

/// CPU seconds by ffmpeg's own account: `bench: utime=1.234s stime=0.056s rtime=0.789s`.
fn used(log: &[String]) -> Option<f64> {
    let line = log.iter().rev().find(|line| line.contains("utime="))?;
    let field = |name: &str| -> Option<f64> { line.split_once(name)?.1.split('s').next()?.parse().ok() };
    Some(field("utime=")? + field("stime=")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ffmpeg_used_is_read_off_its_last_words() {
        let log = ["frame= 192 fps=0.0", "[info] bench: utime=1.250s stime=0.050s rtime=0.789s", "bench: maxrss=1kB"];
        assert_eq!(used(&log.map(str::to_owned)), Some(1.3));
        assert_eq!(used(&[]), None);
    }
}
