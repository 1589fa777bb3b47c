//! What was measured of a finished video: `render.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::key::Artefact;

/// The frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Shape {
    /// 16:9, 1920×1080 px at the resolution of 1080.
    #[default]
    #[serde(rename = "16:9")]
    Wide,
    /// 9:16, 1080×1920 px at the resolution of 1080.
    #[serde(rename = "9:16")]
    Tall,
    /// 1:1, 1080×1080 px at the resolution of 1080.
    #[serde(rename = "1:1")]
    Square,
}

impl Shape {
    /// Width and height in px at a resolution: the shorter side, px.
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

/// What ffprobe and ebur128 say of the finished file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediaFacts {
    /// Width in px.
    pub width: u32,
    /// Height in px.
    pub height: u32,
    /// Frames a second, as ffprobe writes it: `24/1`.
    pub frame_rate: String,
    /// Length in seconds.
    pub seconds: f64,
    /// `h264`.
    pub video_codec: String,
    /// `High`.
    pub video_profile: String,
    /// `yuv420p`.
    pub pixel_format: String,
    /// Range, primaries, transfer, matrix: `tv/bt709/bt709/bt709`.
    pub colour: String,
    /// `aac`.
    pub audio_codec: String,
    /// Samples a second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u32,
    /// Integrated loudness, LUFS.
    pub loudness: f64,
    /// True peak, dBTP.
    pub true_peak: f64,
    /// The longest silence within the speech, seconds.
    pub longest_silence: f64,
    /// What the captions are like.
    pub captions: CaptionFacts,
    /// What the file itself says of its origin, for machines: a term of IPTC's vocabulary "Digital Source Type".
    #[serde(default)]
    pub source_type: String,
    /// In how many areas of text the picture was looked at and showed some.
    pub areas_with_text: usize,
    /// The lowest contrast of text with what is behind it, as the finished picture shows them: a ratio of 1 to 21 (WCAG 2.2);
    /// nothing where no text was looked at.
    #[serde(default)]
    pub contrast: Option<f64>,
    /// Remarks that do not fail the render, such as a length outside the aim.
    pub warnings: Vec<String>,
}

/// The extremes of a video's captions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaptionFacts {
    /// How many cues there are.
    pub cues: usize,
    /// The most lines of one.
    pub most_lines: usize,
    /// The most columns of a line; a Han character takes two.
    pub most_columns: usize,
    /// The shortest time of one, seconds.
    pub shortest_seconds: f64,
    /// The longest time of one, seconds.
    pub longest_seconds: f64,
    /// The most characters a second.
    pub fastest_rate: f64,
    /// How many start before the one before them has ended.
    pub overlapping: usize,
    /// How far captions begin from where the sound begins again after a pause, seconds: the median, as the finished file
    /// shows it; nothing where there are too few pauses, or where a render only estimated the times of words.
    #[serde(default)]
    pub sync: Option<f64>,
}

/// What the render stage made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenderRecord {
    /// Digest of the inputs.
    pub inputs: Digest,
    /// The frame's shape.
    pub shape: Shape,
    /// Digests of the files, as they lie in the store.
    pub files: BTreeMap<Artefact, Digest>,
    /// What was measured.
    pub media: MediaFacts,
}
