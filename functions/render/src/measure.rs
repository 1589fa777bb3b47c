//! Reading what ffprobe, ebur128 and silencedetect say.

use std::path::{Path, PathBuf};

use contracts::media::{CaptionFacts, MediaFacts};
use serde::Deserialize;

use crate::error::Error;
use crate::ffmpeg::{Runner, Tools};
use crate::layout::{self, Frame};
use crate::{captions, check, graph, mark, vtt};

/// ffprobe's JSON, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Probe {
    #[serde(default)]
    pub streams: Vec<Stream>,
    #[serde(default)]
    pub format: Format,
}

/// A stream of a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Stream {
    pub codec_type: String,
    pub codec_name: String,
    pub profile: String,
    pub width: u32,
    pub height: u32,
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
}

/// What goes with a stream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SideData {
    /// Degrees by which the picture is turned when it is shown.
    pub rotation: f64,
}

/// A file.
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
            reason: format!("its answer is not as expected at line {}", error.line()),
        })
    }

    pub(crate) fn stream(&self, kind: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.codec_type == kind)
    }
}

/// What was heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    /// Integrated loudness, LUFS (EBU R 128).
    pub loudness: f64,
    /// True peak, dBTP.
    pub true_peak: f64,
    /// Silences: start and end, seconds.
    pub silences: Vec<(f64, f64)>,
}

/// Reads the log of a run with `silencedetect` and `ebur128`.
pub(crate) fn heard(log: &[String]) -> Option<Heard> {
    let mut heard = Heard { loudness: f64::NAN, true_peak: f64::NAN, silences: silences(log) };
    // The summary stands last: its integrated loudness, and its peak.
    for line in log.iter().skip_while(|line| !line.contains("Summary:")) {
        let line = line.trim_start();
        let of = |label: &str| line.strip_prefix(label)?.split_whitespace().next()?.parse().ok();
        heard.loudness = of("I:").unwrap_or(heard.loudness);
        heard.true_peak = of("Peak:").unwrap_or(heard.true_peak);
    }
    (!heard.loudness.is_nan()).then_some(heard)
}

/// Reads the log of a run with `silencedetect`: start and end of each silence, seconds.
fn silences(log: &[String]) -> Vec<(f64, f64)> {
    let after =
        |line: &str, label: &str| -> Option<f64> { line.split_once(label)?.1.split_whitespace().next()?.parse().ok() };
    let (mut silences, mut begun) = (Vec::new(), None);
    for line in log {
        if let Some(start) = after(line, "silence_start:") {
            begun = Some(start);
        } else if let Some(end) = after(line, "silence_end:") {
            silences.extend(begun.take().map(|start: f64| (start.max(0.0), end)));
        }
    }
    silences.extend(begun.map(|start| (start, f64::INFINITY)));
    silences
}

/// The longest silence within the speech, from its first word to its last, seconds.
pub(crate) fn longest_silence(silences: &[(f64, f64)], (first, last): (f64, f64)) -> f64 {
    silences.iter().map(|(start, end)| end.min(last) - start.max(first)).fold(0.0, f64::max)
}

/// Describes a finished video; the captions, the silence and the warnings are the caller's to say.
pub(crate) fn describe(probe: &Probe, heard: &Heard) -> MediaFacts {
    let none = Stream::default();
    let video = probe.stream("video").unwrap_or(&none);
    let audio = probe.stream("audio").unwrap_or(&none);
    let (rate, average) = (&video.r_frame_rate, &video.avg_frame_rate);
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
        loudness: heard.loudness,
        true_peak: heard.true_peak,
        longest_silence: 0.0,
        captions: CaptionFacts::default(),
        source_type: String::new(),
        areas_with_text: 0,
        contrast: None,
        warnings: Vec::new(),
    }
}

/// Measures streams and sound with a runner that can be stopped; the silences of the whole are the second part.
pub(crate) fn measured(runner: &Runner, file: &Path) -> Result<(MediaFacts, Vec<(f64, f64)>), Error> {
    let probe = Probe::parse(&runner.probe("describing the video", file)?)?;
    let log = runner.ffmpeg("measuring the video's sound", &graph::listen(file, true), &|_| {})?;
    let heard = heard(&log).ok_or_else(unheard)?;
    let mut media = describe(&probe, &heard);
    media.source_type = mark::read(file).map_err(Error::Scratch)?.unwrap_or_default();
    Ok((media, heard.silences))
}

/// How far captions begin from where the sound of the finished video begins again after a pause.
pub(crate) fn sync(runner: &Runner, file: &Path, cues: &[captions::Read]) -> Result<Option<f64>, Error> {
    let log = runner.ffmpeg("finding pauses", &graph::pauses(file), &|_| {})?;
    Ok(distance(cues, &silences(&log)))
}

/// The middle one of the distances of captions that begin near the end of a pause, seconds; nothing for fewer than five
/// captions or pauses. One that begins within a sentence is near none, or near one by chance; if hardly any is near one, all
/// are beside the speech.
fn distance(cues: &[captions::Read], pauses: &[(f64, f64)]) -> Option<f64> {
    const ENOUGH: usize = 5;
    const NEAR: f64 = 0.5;
    if cues.len().min(pauses.len()) < ENOUGH {
        return None;
    }
    let nearest = |cue: &captions::Read| pauses.iter().map(|(_, end)| (cue.start - end).abs()).reduce(f64::min);
    let mut distances: Vec<f64> = cues.iter().filter_map(nearest).filter(|distance| *distance < NEAR).collect();
    distances.sort_unstable_by(f64::total_cmp);
    Some(if distances.len() < ENOUGH / 2 { NEAR } else { distances[(distances.len() - 1) / 2] })
}

pub(crate) fn unheard() -> Error {
    Error::Failed { program: "ffmpeg", doing: "measuring sound", reason: "it gave no loudness".to_owned() }
}

/// The lowest contrast of captions with their box, where the picture is looked at during some of the cues.
fn caption_contrast(
    runner: &Runner,
    file: &Path,
    cues: &[captions::Read],
    size: (u32, u32),
) -> Result<Option<f64>, Error> {
    const LOOKS: usize = 8;
    let Some((shape, resolution)) = layout::shape_of(size) else { return Ok(None) };
    let area = Frame::of(shape).caption_heart().scaled(f64::from(resolution) / f64::from(layout::RESOLUTION));
    let folder = tempfile::tempdir().map_err(Error::Scratch)?;
    let some = cues.iter().step_by(cues.len().div_ceil(LOOKS).max(1));
    let moments = some.map(|cue| f64::midpoint(cue.start, cue.end)).enumerate();
    let moments: Vec<(f64, PathBuf)> =
        moments.map(|(index, at)| (at, folder.path().join(format!("picture-{index}.gray")))).collect();
    if moments.is_empty() {
        return Ok(None);
    }
    runner.ffmpeg("looking at the captions", &graph::look(file, &moments), &|_| {})?;
    let mut lowest = None;
    for (_, path) in &moments {
        let picture = std::fs::read(path).map_err(Error::Scratch)?;
        lowest = check::lower(lowest, check::contrast(&picture, size, area));
    }
    Ok(lowest)
}

/// Measures a video file: streams, colour, length, loudness, peak and silence, and the captions beside it, a file of the same
/// name that ends in `.vtt`, if there is one, with their contrast in the picture.
pub fn inspect(tools: &Tools, file: &Path) -> Result<MediaFacts, Error> {
    let file = std::path::absolute(file).map_err(Error::Scratch)?;
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    let runner = Runner {
        tools: tools.clone(),
        fonts: folder.clone(),
        scratch: folder,
        cancel: tokio_util::sync::CancellationToken::new(),
        deadline: std::time::Instant::now() + std::time::Duration::from_mins(5),
    };
    let (mut media, silences) = measured(&runner, &file)?;
    media.longest_silence = longest_silence(&silences, (0.0, media.seconds));
    if let Ok(text) = std::fs::read_to_string(file.with_extension("vtt")) {
        let cues = vtt::read(&text);
        media.captions = captions::facts(&cues);
        media.captions.sync = sync(&runner, &file, &cues)?;
        media.contrast = caption_contrast(&runner, &file, &cues, (media.width, media.height))?;
    }
    media.warnings = check::aims(&media);
    Ok(media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_peak_and_silences_are_read_from_the_log() {
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
        let heard = heard(&log).unwrap();
        assert_eq!(heard, Heard { loudness: -16.1, true_peak: -2.3, silences: vec![(1.25, 2.5)] });
    }

    #[test]
    fn captions_that_come_too_late_or_too_early_are_told_by_the_pauses() {
        let pauses = [(0.0, 2.6), (7.0, 7.5), (12.1, 12.8), (20.0, 20.4), (25.0, 25.3)];
        let cues = |shift: f64| -> Vec<captions::Read> {
            // The third begins within a sentence.
            let starts = [2.65, 7.48, 10.0, 12.85, 20.4, 25.38];
            starts.map(|start| captions::Read { start: start + shift, end: start + 2.0, lines: Vec::new() }).into()
        };
        assert!(distance(&cues(0.0), &pauses).unwrap() <= 0.05);
        assert!(distance(&cues(0.3), &pauses).unwrap() > 0.25);
        assert!(distance(&cues(-0.3), &pauses).unwrap() > 0.2);
        assert!([-1.0, 1.0].iter().all(|shift| distance(&cues(*shift), &pauses).unwrap() > 0.4));
        assert_eq!(distance(&cues(0.0), &pauses[..4]), None);
    }

    #[test]
    fn silence_before_and_after_the_speech_does_not_count() {
        let silences = [(0.0, 2.0), (5.0, 5.9), (9.0, f64::INFINITY)];
        assert!((longest_silence(&silences, (1.8, 9.5)) - 0.9).abs() < 1e-9);
    }
}
