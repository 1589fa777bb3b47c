//! Measures videos with ffprobe and ffmpeg's filters, and parses their output.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use contracts::media::{CaptionFacts, MediaFacts};
use serde::Deserialize;

use crate::error::Error;
use crate::ffmpeg::{FfmpegRunner, Tools};
use crate::layout::{self, Frame};
use crate::{captions, check, graph, provenance, vtt};

/// The parts of ffprobe's JSON that are used.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Probe {
    #[serde(default)]
    pub streams: Vec<Stream>,
    #[serde(default)]
    pub format: Format,
    #[serde(default)]
    pub frames: Vec<ProbedFrame>,
}

/// A frame in a stream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProbedFrame {
    pub tags: HashMap<String, String>,
}

/// A stream in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Stream {
    pub index: u32,
    pub codec_type: String,
    pub codec_name: String,
    pub profile: String,
    pub width: u32,
    pub height: u32,
    /// The ratio of a pixel's width to its height: `4:3`.
    pub sample_aspect_ratio: String,
    /// `progressive`, or the order of the fields: `tt`, `bb`, `tb`, `bt`.
    pub field_order: String,
    /// The number of frames, if the container states it.
    pub nb_frames: String,
    /// The duration in seconds, if the container states it.
    pub duration: String,
    pub pix_fmt: String,
    pub r_frame_rate: String,
    pub avg_frame_rate: String,
    pub color_range: String,
    pub color_primaries: String,
    pub color_transfer: String,
    pub color_space: String,
    pub sample_rate: String,
    pub channels: u32,
    pub side_data_list: Vec<SideData>,
    pub disposition: Disposition,
}

impl Stream {
    /// Returns whether this is a video, and not the cover image of an audio file.
    pub(crate) fn is_video(&self) -> bool {
        self.codec_type == "video" && self.disposition.attached_pic == 0
    }
}

/// The flags of a stream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Disposition {
    pub attached_pic: u8,
}

/// Side data of a stream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SideData {
    /// The kind of side data, such as "Display Matrix".
    #[serde(rename = "side_data_type")]
    pub kind: String,
    /// The rotation in degrees that a player applies.
    pub rotation: f64,
    /// The Dolby Vision profile.
    pub dv_profile: u8,
    /// The format with which the Dolby Vision base layer is compatible. 0 means none.
    pub dv_bl_signal_compatibility_id: Option<u8>,
}

/// The container of a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Format {
    pub format_name: String,
    pub duration: String,
}

impl Probe {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(json).map_err(|error| Error::Failed {
            program: "ffprobe",
            doing: "describing a file",
            reason: format!("unexpected output at line {}", error.line()),
        })
    }

    /// Returns the EXIF orientation of the first frame, 1 to 8.
    pub(crate) fn orientation(&self) -> Option<u8> {
        self.frames.first()?.tags.get("Orientation")?.trim().parse().ok()
    }

    pub(crate) fn stream(&self, kind: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.codec_type == kind)
    }
}

/// The loudness, peak and silences of audio.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SoundMeasures {
    /// The integrated loudness in LUFS (EBU R 128).
    pub loudness: f64,
    /// The true peak in dBTP.
    pub true_peak: f64,
    /// The start and end of each silence, in seconds.
    pub silences: Vec<(f64, f64)>,
}

/// Parses an ffmpeg log with the output of `silencedetect` and `ebur128`. Returns `None` if it contains no loudness.
pub(crate) fn parse_sound_log(log: &[String]) -> Option<SoundMeasures> {
    let mut sound = SoundMeasures { loudness: f64::NAN, true_peak: f64::NAN, silences: parse_silences(log) };
    // The summary at the end contains the integrated loudness and the peak.
    for line in log.iter().skip_while(|line| !line.contains("Summary:")) {
        let line = line.trim_start();
        let value = |label: &str| line.strip_prefix(label)?.split_whitespace().next()?.parse().ok();
        sound.loudness = value("I:").unwrap_or(sound.loudness);
        sound.true_peak = value("Peak:").unwrap_or(sound.true_peak);
    }
    (!sound.loudness.is_nan()).then_some(sound)
}

/// Parses an ffmpeg log with the output of `silencedetect`. Returns the start and end of each silence, in seconds.
fn parse_silences(log: &[String]) -> Vec<(f64, f64)> {
    let after =
        |line: &str, label: &str| -> Option<f64> { line.split_once(label)?.1.split_whitespace().next()?.parse().ok() };
    let mut silences = Vec::new();
    let mut open = None;
    for line in log {
        if let Some(start) = after(line, "silence_start:") {
            open = Some(start);
        } else if let Some(end) = after(line, "silence_end:") {
            silences.extend(open.take().map(|start: f64| (start.max(0.0), end)));
        }
    }
    silences.extend(open.map(|start| (start, f64::INFINITY)));
    silences
}

/// Parses an ffmpeg log with the output of `idet`. If most frames consist of two fields, returns whether the top field
/// comes first.
pub(crate) fn parse_idet(log: &[String]) -> Option<bool> {
    const MIN_FRAMES: u32 = 10;
    let line = log.iter().rev().find(|line| line.contains("Multi frame detection:"))?;
    let count = |label: &str| -> Option<u32> { line.split_once(label)?.1.split_whitespace().next()?.parse().ok() };
    let top = count("TFF:")?;
    let bottom = count("BFF:")?;
    let progressive = count("Progressive:")?;
    let combed = top.max(bottom);
    (combed >= MIN_FRAMES && combed > 3 * (progressive + top.min(bottom))).then_some(top > bottom)
}

/// Returns the longest silence between the first word and the end of the last one, in seconds.
pub(crate) fn longest_silence(silences: &[(f64, f64)], (first, last): (f64, f64)) -> f64 {
    silences.iter().map(|(start, end)| end.min(last) - start.max(first)).fold(0.0, f64::max)
}

/// Describes a finished video. The caller adds the facts that neither ffprobe nor the audio shows.
pub(crate) fn media_facts(probe: &Probe, sound: &SoundMeasures) -> MediaFacts {
    let none = Stream::default();
    let video = probe.stream("video").unwrap_or(&none);
    let audio = probe.stream("audio").unwrap_or(&none);
    let rate = &video.r_frame_rate;
    let average = &video.avg_frame_rate;
    let frame_rate = if rate == average { rate.clone() } else { format!("{rate}, {average} on average") };
    let colour = [&video.color_range, &video.color_primaries, &video.color_transfer, &video.color_space];
    MediaFacts {
        width: video.width,
        height: video.height,
        frame_rate,
        seconds: probe.format.duration.parse().unwrap_or(0.0),
        video_codec: video.codec_name.clone(),
        video_profile: video.profile.clone(),
        pixel_format: video.pix_fmt.clone(),
        colour: colour.map(String::as_str).join("/"),
        audio_codec: audio.codec_name.clone(),
        sample_rate: audio.sample_rate.parse().unwrap_or(0),
        channels: audio.channels,
        loudness: sound.loudness,
        true_peak: sound.true_peak,
        longest_silence: 0.0,
        captions: CaptionFacts::default(),
        source_type: String::new(),
        areas_with_text: 0,
        contrast: None,
        scenes: Vec::new(),
        warnings: Vec::new(),
    }
}

/// Measures a video's streams and audio. Also returns the silences in the whole audio.
pub(crate) fn measure_file(runner: &FfmpegRunner, file: &Path) -> Result<(MediaFacts, Vec<(f64, f64)>), Error> {
    let probe = Probe::parse(&runner.probe("describing the video", file)?)?;
    let log = runner.ffmpeg("measuring the video's audio", &graph::measure_sound(file, true), &|_| {})?;
    let sound = parse_sound_log(&log).ok_or_else(no_loudness)?;
    let mut media = media_facts(&probe, &sound);
    media.source_type = provenance::read_term(file).map_err(Error::Scratch)?.unwrap_or_default();
    Ok((media, sound.silences))
}

/// Measures the median time between the start of captions and the end of the nearest pause, in seconds.
pub(crate) fn caption_sync(
    runner: &FfmpegRunner,
    file: &Path,
    cues: &[captions::TimedText],
) -> Result<Option<f64>, Error> {
    let log = runner.ffmpeg("finding pauses", &graph::find_pauses(file), &|_| {})?;
    Ok(median_distance(cues, &parse_silences(&log)))
}

/// Returns the median time between captions and the nearest end of a pause, in seconds. Returns `None` if there are fewer
/// than five captions or pauses.
///
/// A caption that starts in the middle of a sentence is far from every pause, so only captions near a pause are counted. If
/// hardly any caption is near a pause, the captions do not match the speech, and the result is half a second.
fn median_distance(cues: &[captions::TimedText], pauses: &[(f64, f64)]) -> Option<f64> {
    const MIN_COUNT: usize = 5;
    const MAX_NEAR: f64 = 0.5;
    if cues.len().min(pauses.len()) < MIN_COUNT {
        return None;
    }
    let nearest = |cue: &captions::TimedText| pauses.iter().map(|(_, end)| (cue.start - end).abs()).reduce(f64::min);
    let mut distances: Vec<f64> = cues.iter().filter_map(nearest).filter(|distance| *distance < MAX_NEAR).collect();
    distances.sort_unstable_by(f64::total_cmp);
    Some(if distances.len() < MIN_COUNT / 2 { MAX_NEAR } else { distances[(distances.len() - 1) / 2] })
}

/// Returns the error for a log that contains no loudness.
pub(crate) fn no_loudness() -> Error {
    Error::Failed { program: "ffmpeg", doing: "measuring audio", reason: "ebur128 reported no loudness".to_owned() }
}

/// Measures the lowest contrast between captions and their box, in frames from a sample of the cues.
fn caption_contrast(
    runner: &FfmpegRunner,
    file: &Path,
    cues: &[captions::TimedText],
    size: (u32, u32),
) -> Result<Option<f64>, Error> {
    const SAMPLES: usize = 8;
    let Some((shape, resolution)) = layout::shape_and_resolution(size) else { return Ok(None) };
    let area = Frame::of(shape).caption_core().scaled(f64::from(resolution) / f64::from(layout::LAYOUT_RESOLUTION));
    let folder = tempfile::tempdir().map_err(Error::Scratch)?;
    let sampled = cues.iter().step_by(cues.len().div_ceil(SAMPLES).max(1));
    let moments = sampled.map(|cue| f64::midpoint(cue.start, cue.end)).enumerate();
    let moments: Vec<(f64, PathBuf)> =
        moments.map(|(index, at)| (at, folder.path().join(format!("picture-{index}.gray")))).collect();
    if moments.is_empty() {
        return Ok(None);
    }
    runner.ffmpeg("sampling frames with captions", &graph::luma_frames(file, &moments), &|_| {})?;
    let mut lowest = None;
    for (_, path) in &moments {
        let picture = std::fs::read(path).map_err(Error::Scratch)?;
        lowest = check::min_contrast(lowest, check::contrast(&picture, size, area));
    }
    Ok(lowest)
}

/// Measures a video file: streams, color, length, loudness, peak and silence. If there is a `.vtt` file with the same
/// name beside it, also measures the captions and their contrast in the video.
pub fn inspect(tools: &Tools, file: &Path) -> Result<MediaFacts, Error> {
    let file = std::path::absolute(file).map_err(Error::Scratch)?;
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    let runner = FfmpegRunner {
        tools: tools.clone(),
        fonts: folder.clone(),
        scratch: folder,
        cancel: tokio_util::sync::CancellationToken::new(),
        deadline: std::time::Instant::now() + std::time::Duration::from_mins(5),
    };
    let (mut media, silences) = measure_file(&runner, &file)?;
    media.longest_silence = longest_silence(&silences, (0.0, media.seconds));
    if let Ok(text) = std::fs::read_to_string(file.with_extension("vtt")) {
        let cues = vtt::read(&text);
        media.captions = captions::facts(&cues);
        media.captions.sync = caption_sync(&runner, &file, &cues)?;
        media.contrast = caption_contrast(&runner, &file, &vtt::read_of_image(&text), (media.width, media.height))?;
    }
    media.warnings = check::warnings(&media);
    Ok(media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interlacing_is_parsed() {
        let line = |top: u32, bottom: u32, progressive: u32| {
            let counts = format!("TFF: {top:5} BFF: {bottom:5} Progressive: {progressive:5} Undetermined:     1");
            [format!("[Parsed_idet_0 @ 0x1] [info] Multi frame detection: {counts}")]
        };
        assert_eq!(parse_idet(&line(24, 0, 0)), Some(true));
        assert_eq!(parse_idet(&line(0, 24, 1)), Some(false));
        assert_eq!(parse_idet(&line(0, 0, 24)), None);
        assert_eq!(parse_idet(&line(12, 0, 12)), None);
        assert_eq!(parse_idet(&[]), None);
    }

    #[test]
    fn sound_log_is_parsed() {
        let log = [
            "[silencedetect @ 0x1] [info] silence_start: 1.25",
            "[silencedetect @ 0x1] [info] silence_end: 2.5 | silence_duration: 1.25",
            "[Parsed_ebur128_1 @ 0x1] [info] Summary:",
            "    I:         -16.1 LUFS",
            "    Threshold: -26.5 LUFS",
            "    LRA:         3.0 LU",
            "    Peak:       -2.3 dBFS",
        ];
        let log: Vec<String> = log.iter().map(ToString::to_string).collect();
        let sound = parse_sound_log(&log).unwrap();
        assert_eq!(sound, SoundMeasures { loudness: -16.1, true_peak: -2.3, silences: vec![(1.25, 2.5)] });
    }

    #[test]
    fn late_and_early_captions_are_detected() {
        let pauses = [(0.0, 2.6), (7.0, 7.5), (12.1, 12.8), (20.0, 20.4), (25.0, 25.3)];
        let cues = |shift: f64| -> Vec<captions::TimedText> {
            // The third caption starts in the middle of a sentence.
            let starts = [2.65, 7.48, 10.0, 12.85, 20.4, 25.38];
            starts.map(|start| captions::TimedText { start: start + shift, end: start + 2.0, lines: Vec::new() }).into()
        };
        assert!(median_distance(&cues(0.0), &pauses).unwrap() <= 0.05);
        assert!(median_distance(&cues(0.3), &pauses).unwrap() > 0.25);
        assert!(median_distance(&cues(-0.3), &pauses).unwrap() > 0.2);
        assert!([-1.0, 1.0].iter().all(|shift| median_distance(&cues(*shift), &pauses).unwrap() > 0.4));
        assert_eq!(median_distance(&cues(0.0), &pauses[..4]), None);
    }

    #[test]
    fn silence_before_and_after_the_speech_is_ignored() {
        let silences = [(0.0, 2.0), (5.0, 5.9), (9.0, f64::INFINITY)];
        assert!((longest_silence(&silences, (1.8, 9.5)) - 0.9).abs() < 1e-9);
    }
}
