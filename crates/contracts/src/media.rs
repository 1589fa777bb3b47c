//! The measurements of a finished video: `render.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::key::Artefact;

/// An aspect ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Shape {
    /// 16:9; 1920×1080 pixels at resolution 1080.
    #[default]
    #[serde(rename = "16:9")]
    Wide,
    /// 9:16; 1080×1920 pixels at resolution 1080.
    #[serde(rename = "9:16")]
    Tall,
    /// 1:1; 1080×1080 pixels at resolution 1080.
    #[serde(rename = "1:1")]
    Square,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 3] = [Self::Wide, Self::Tall, Self::Square];

    /// Returns the name: `16:9`, `9:16` or `1:1`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wide => "16:9",
            Self::Tall => "9:16",
            Self::Square => "1:1",
        }
    }

    /// Returns the width and height in pixels. `resolution` is the length of the shorter side in pixels.
    #[must_use]
    pub const fn size(self, resolution: u32) -> (u32, u32) {
        let longer = resolution * 16 / 9;
        match self {
            Self::Wide => (longer, resolution),
            Self::Tall => (resolution, longer),
            Self::Square => (resolution, resolution),
        }
    }
}

/// The measurements of a video, taken with ffprobe, ffmpeg and our own checks of its frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediaFacts {
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The frames per second, in ffprobe's notation: `24/1`.
    pub frame_rate: String,
    /// The length in seconds.
    pub seconds: f64,
    /// The video codec: `h264`.
    pub video_codec: String,
    /// The video codec's profile: `High`.
    pub video_profile: String,
    /// The pixel format: `yuv420p`.
    pub pixel_format: String,
    /// The color range, primaries, transfer and matrix: `tv/bt709/bt709/bt709`.
    pub colour: String,
    /// The audio codec: `aac`.
    pub audio_codec: String,
    /// The sample rate in samples per second.
    pub sample_rate: u32,
    /// The number of channels.
    pub channels: u32,
    /// The integrated loudness in LUFS.
    pub loudness: f64,
    /// The true peak in dBTP.
    pub true_peak: f64,
    /// The longest silence within the speech, in seconds.
    pub longest_silence: f64,
    /// The measurements of the captions.
    pub captions: CaptionFacts,
    /// The file's machine-readable origin: a term from IPTC's "Digital Source Type" vocabulary.
    #[serde(default)]
    pub source_type: String,
    /// The number of text areas that the self-check inspected and found text in.
    pub areas_with_text: usize,
    /// The lowest contrast between text and its background in the finished video: a ratio from 1 to 21 (WCAG 2.2).
    /// `None` if no text was inspected.
    #[serde(default)]
    pub contrast: Option<f64>,
    /// The scenes from which the video was joined, in order. Empty if it was encoded as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<SceneUse>,
    /// Warnings that do not fail the render, such as a length outside the target range.
    pub warnings: Vec<String>,
}

/// The measurements of a video's captions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaptionFacts {
    /// The number of cues.
    pub cues: usize,
    /// The maximum number of lines in one cue.
    pub most_lines: usize,
    /// The maximum number of columns in one line. A Han character counts as two.
    pub most_columns: usize,
    /// The shortest duration of a cue, in seconds.
    pub shortest_seconds: f64,
    /// The longest duration of a cue, in seconds.
    pub longest_seconds: f64,
    /// The maximum number of characters per second.
    pub fastest_rate: f64,
    /// The number of cues that start before the previous one ends.
    pub overlapping: usize,
    /// The median distance, in seconds, between the start of a caption and the end of the preceding pause in the audio,
    /// measured in the finished file. `None` if there are too few pauses, or if word times are estimates.
    #[serde(default)]
    pub sync: Option<f64>,
}

/// A scene of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SceneUse {
    /// A scene without personal data: the digest of everything that determines it, which is its name under `scenes/`.
    Shared(Digest),
    /// A scene that was made only for this customer.
    Personal,
}

/// The record of the render stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenderRecord {
    /// The digest of the inputs.
    pub inputs: Digest,
    /// The aspect ratio.
    pub shape: Shape,
    /// The digests of the stored files.
    pub files: BTreeMap<Artefact, Digest>,
    /// The measurements.
    pub media: MediaFacts,
}
