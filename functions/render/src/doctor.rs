//! Whether the installed ffmpeg can do what the graph needs.

use crate::error::Error;
use crate::ffmpeg::{Tools, ask};

/// What the graph uses.
const FILTERS: [&str; 24] = [
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
];
const ENCODERS: [&str; 4] = ["libx264", "aac", "mjpeg", "gif"];

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// ffmpeg's version, as it writes it.
    pub ffmpeg: String,
    /// ffprobe's version, as it writes it.
    pub ffprobe: String,
}

/// Asks both programs for their versions, and ffmpeg for every filter and encoder that the graph uses.
pub fn probe_tools(tools: &Tools) -> Result<Found, Error> {
    let version = |text: String| text.split_whitespace().nth(2).unwrap_or("unknown").to_owned();
    let ffmpeg = version(ask(tools, "-version")?);
    lacking("filter", &ask(tools, "-filters")?, &FILTERS)?;
    lacking("encoder", &ask(tools, "-encoders")?, &ENCODERS)?;
    let other = Tools { ffmpeg: tools.ffprobe.clone(), ffprobe: tools.ffprobe.clone() };
    let ffprobe = ask(&other, "-version").map_err(|error| match error {
        Error::EngineMissing { reason, .. } => Error::EngineMissing { program: "ffprobe", reason },
        other => other,
    })?;
    Ok(Found { ffmpeg, ffprobe: version(ffprobe) })
}

/// The second word of each line is a name.
fn lacking(what: &str, list: &str, needed: &[&str]) -> Result<(), Error> {
    let has: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    let missing: Vec<&str> = needed.iter().copied().filter(|name| !has.contains(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::EngineMissing { program: "ffmpeg", reason: format!("lacks the {what} {}", missing.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let list =
            " ... ass               V->V       Render ASS subtitles\n T.C fade              V->V       Fade in/out\n";
        assert!(lacking("filter", list, &["ass", "fade"]).is_ok());
        let error = lacking("filter", list, &["ass", "loop"]).unwrap_err().to_string();
        assert_eq!(error, "ffmpeg: lacks the filter loop");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let nowhere = std::path::PathBuf::from("no-such-program");
        let error = probe_tools(&Tools { ffmpeg: nowhere.clone(), ffprobe: nowhere }).unwrap_err();
        assert_eq!(error.to_string(), "ffmpeg: cannot be started: entity not found");
    }
}
