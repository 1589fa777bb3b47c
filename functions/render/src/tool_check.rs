//! Checks that the installed ffmpeg has the filters and encoders that the graphs use.

use crate::error::Error;
use crate::ffmpeg::{Tools, query};

const FILTERS: [&str; 31] = [
    "ass",
    "overlay",
    "fade",
    "scale",
    "crop",
    "fps",
    "setpts",
    "settb",
    "setparams",
    "loop",
    "split",
    "format",
    "colorchannelmixer",
    "palettegen",
    "paletteuse",
    "ebur128",
    "silencedetect",
    "alimiter",
    "amix",
    "adelay",
    "afade",
    "apad",
    "asetnsamples",
    "volume",
    "bwdif",
    "extractplanes",
    "geq",
    "idet",
    "lut3d",
    "premultiply",
    "transpose",
];
const ENCODERS: [&str; 4] = ["libx264", "aac", "mjpeg", "gif"];

/// The versions of the installed programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolVersions {
    /// The version that ffmpeg reports.
    pub ffmpeg: String,
    /// The version that ffprobe reports.
    pub ffprobe: String,
}

/// Returns the versions of both programs. Fails if ffmpeg lacks a filter or an encoder that the graphs use.
pub fn probe_tools(tools: &Tools) -> Result<ToolVersions, Error> {
    let version = |text: String| text.split_whitespace().nth(2).unwrap_or("unknown").to_owned();
    let ffmpeg = version(query("ffmpeg", &tools.ffmpeg, "-version")?);
    require("filter", &query("ffmpeg", &tools.ffmpeg, "-filters")?, &FILTERS)?;
    require("encoder", &query("ffmpeg", &tools.ffmpeg, "-encoders")?, &ENCODERS)?;
    let ffprobe = query("ffprobe", &tools.ffprobe, "-version")?;
    Ok(ToolVersions { ffmpeg, ffprobe: version(ffprobe) })
}

/// Fails if `list` lacks one of `needed`. The second word on each line of `list` is a name.
fn require(kind: &str, list: &str, needed: &[&str]) -> Result<(), Error> {
    let present: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    let missing: Vec<&str> = needed.iter().copied().filter(|name| !present.contains(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::EngineMissing { program: "ffmpeg", reason: format!("lacks the {kind} {}", missing.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_the_missing_filter() {
        let list =
            " ... ass               V->V       Render ASS subtitles\n T.C fade              V->V       Fade in/out\n";
        assert!(require("filter", list, &["ass", "fade"]).is_ok());
        let error = require("filter", list, &["ass", "loop"]).unwrap_err().to_string();
        assert_eq!(error, "ffmpeg: lacks the filter loop");
    }

    #[test]
    fn error_names_the_missing_program() {
        let nowhere = std::path::PathBuf::from("no-such-program");
        let error = probe_tools(&Tools { ffmpeg: nowhere.clone(), ffprobe: nowhere }).unwrap_err();
        assert_eq!(error.to_string(), "ffmpeg: cannot be started: entity not found");
    }
}
