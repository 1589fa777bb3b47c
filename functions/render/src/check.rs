//! The requirements that a finished video must meet.

use contracts::media::MediaFacts;
use serde::Serialize;

use crate::canvas::FRAME_RATE;
use crate::canvas::Placement;
use crate::captions::{MAX_COLUMNS, MAX_RATE, MAX_SECONDS, MIN_SECONDS};
use crate::error::Error;
use crate::layout::{Frame, Rect, shape_and_resolution};
use crate::provenance::VOCABULARY;

/// The integrated loudness in LUFS (AES TD1004).
pub const LOUDNESS: f64 = -16.0;
/// The maximum deviation from [`LOUDNESS`] in LU.
pub const LOUDNESS_TOLERANCE: f64 = 1.0;
/// The maximum true peak in dBTP.
pub const MAX_TRUE_PEAK: f64 = -1.5;
/// The maximum silence within the speech, in seconds (WCAG technique G56, and listening tests).
pub const MAX_SILENCE: f64 = 1.5;
/// The target length in seconds.
pub const LENGTH: std::ops::RangeInclusive<f64> = 60.0..=100.0;
/// The target time difference between captions and their words, in seconds.
pub const SYNC_AIM: f64 = 0.1;
/// The maximum time difference between captions and their words, in seconds. The measurement is coarse: it can mistake a
/// breath or a beat of the music for a word.
pub const MAX_SYNC: f64 = 0.25;
/// The minimum contrast of text (WCAG 2.2, 1.4.3).
pub const MIN_CONTRAST: f64 = 4.5;
/// The minimum resolution at which thin strokes can be measured. At lower resolutions, they are thinner than a pixel.
pub(crate) const LEGIBLE_RESOLUTION: u32 = 540;
/// The minimum difference between the brightest and the darkest parts of an area with text, on a scale of 255.
const MIN_INK_RANGE: u8 = 56;

/// A measured property of a video with its required value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// The property's name.
    pub measure: &'static str,
    /// The measured value.
    pub found: String,
    /// The required value.
    pub wanted: String,
    /// Whether the measured value is in range.
    pub fine: bool,
}

/// Compares a video with the requirements that do not depend on its script.
#[must_use]
pub fn measures(video: &MediaFacts) -> Vec<Measure> {
    let measure = |measure, found: String, wanted: String, fine| Measure { measure, found, wanted, fine };
    let same = |name, found: &str, wanted: &str| measure(name, found.to_owned(), wanted.to_owned(), found == wanted);
    let captions = &video.captions;
    let shape = shape_and_resolution((video.width, video.height));
    let mut all = vec![
        measure(
            "the frame size",
            format!("{}x{}", video.width, video.height),
            "16:9, 9:16 or 1:1 at a known resolution".to_owned(),
            shape.is_some(),
        ),
        same("the frame rate", &video.frame_rate, &format!("{FRAME_RATE}/1")),
        same("the video codec", &video.video_codec, "h264"),
        same("the video profile", &video.video_profile, "High"),
        same("the pixel format", &video.pixel_format, "yuv420p"),
        same("the color", &video.colour, "tv/bt709/bt709/bt709"),
        same("the audio codec", &video.audio_codec, "aac"),
        same("the sample rate", &video.sample_rate.to_string(), "48000"),
        same("the number of channels", &video.channels.to_string(), "2"),
        measure(
            "the digital source type",
            video.source_type.strip_prefix(VOCABULARY).unwrap_or(&video.source_type).to_owned(),
            "a term of IPTC's Digital Source Type".to_owned(),
            video.source_type.len() > VOCABULARY.len() && video.source_type.starts_with(VOCABULARY),
        ),
        measure(
            "the loudness",
            format!("{:.1} LUFS", video.loudness),
            format!("{LOUDNESS:.0} ±{LOUDNESS_TOLERANCE:.0} LUFS"),
            (video.loudness - LOUDNESS).abs() <= LOUDNESS_TOLERANCE,
        ),
        measure(
            "the true peak",
            format!("{:.1} dBTP", video.true_peak),
            format!("at most {MAX_TRUE_PEAK} dBTP"),
            video.true_peak <= MAX_TRUE_PEAK,
        ),
        measure(
            "the longest silence within the speech",
            format!("{:.2} s", video.longest_silence),
            format!("at most {MAX_SILENCE} s"),
            video.longest_silence <= MAX_SILENCE,
        ),
    ];
    if captions.cues > 0 {
        all.extend([
            measure(
                "the maximum number of lines in a caption",
                captions.most_lines.to_string(),
                "at most 2".to_owned(),
                captions.most_lines <= 2,
            ),
            measure(
                "the longest caption line",
                format!("{} columns", captions.most_columns),
                format!("at most {MAX_COLUMNS} columns"),
                captions.most_columns <= MAX_COLUMNS,
            ),
            measure(
                "the longest caption",
                format!("{:.2} s", captions.longest_seconds),
                format!("at most {MAX_SECONDS:.0} s"),
                captions.longest_seconds <= MAX_SECONDS + 0.01,
            ),
            measure(
                "the number of overlapping captions",
                captions.overlapping.to_string(),
                "0".to_owned(),
                captions.overlapping == 0,
            ),
        ]);
    }
    all.extend(captions.sync.map(|sync| {
        let found = format!("{sync:.2} s");
        let wanted = format!("at most {MAX_SYNC:.2} s");
        measure("the offset between captions and speech", found, wanted, sync <= MAX_SYNC)
    }));
    let legible = shape.is_some_and(|(_, resolution)| resolution >= LEGIBLE_RESOLUTION);
    all.extend(video.contrast.filter(|_| legible).map(|contrast| {
        let found = format!("{contrast:.1}:1");
        let wanted = format!("at least {MIN_CONTRAST}:1");
        measure("the lowest contrast of text", found, wanted, contrast >= MIN_CONTRAST)
    }));
    all
}

/// Fails on the first measure that is out of range. Adds a warning for each missed target. `size`, in pixels, and
/// `seconds` are the planned values.
pub fn check(video: &mut MediaFacts, size: (u32, u32), seconds: f64) -> Result<(), Error> {
    let mut all = measures(video);
    all.push(Measure {
        measure: "the frame size",
        found: format!("{}x{}", video.width, video.height),
        wanted: format!("{}x{}", size.0, size.1),
        fine: (video.width, video.height) == size,
    });
    all.push(Measure {
        measure: "the length",
        found: format!("{:.2} s", video.seconds),
        wanted: format!("{seconds:.2} s"),
        fine: (video.seconds - seconds).abs() < 0.25,
    });
    if let Some(Measure { measure, found, wanted, .. }) = all.into_iter().find(|measure| !measure.fine) {
        return Err(Error::OutOfRange { measure, found, wanted });
    }
    let warnings = warnings(video);
    video.warnings.extend(warnings);
    Ok(())
}

/// Returns a warning for each missed target. These measures depend on the words and the speaking rate, not on the
/// renderer.
#[must_use]
pub fn warnings(video: &MediaFacts) -> Vec<String> {
    let mut warnings = Vec::new();
    if !LENGTH.contains(&video.seconds) {
        let least = LENGTH.start();
        let most = LENGTH.end();
        warnings.push(format!("the length is {:.0} s; the target is {least:.0} to {most:.0} s", video.seconds));
    }
    let captions = &video.captions;
    if captions.cues > 0 && captions.shortest_seconds < MIN_SECONDS - 0.01 {
        warnings.push(format!(
            "a caption is shown for {:.2} s; the target is at least {MIN_SECONDS:.2} s",
            captions.shortest_seconds
        ));
    }
    if let Some(sync) = captions.sync
        && sync > SYNC_AIM
    {
        warnings.push(format!("captions start {sync:.2} s from their words; the target is at most {SYNC_AIM:.1} s"));
    }
    if captions.fastest_rate > MAX_RATE + 0.2 {
        let fastest = captions.fastest_rate;
        warnings.push(format!("a caption has {fastest:.1} characters per second; the target is at most {MAX_RATE:.0}"));
    }
    warnings
}

/// Fails if any element in the video image overlaps another one or extends beyond the safe area.
pub fn check_placements(placements: &[Placement], frame: &Frame) -> Result<(), Error> {
    for (index, one) in placements.iter().enumerate() {
        if !frame.safe.contains(&one.area) {
            let wanted = "within the safe area".to_owned();
            return Err(Error::OutOfRange { measure: one.kind, found: "too near the edge".to_owned(), wanted });
        }
        for other in &placements[index + 1..] {
            let together = one.start < other.end - 1e-6 && other.start < one.end - 1e-6;
            if together && one.area.overlaps(&other.area) {
                let wanted = "clear of everything else".to_owned();
                return Err(Error::OutOfRange { measure: one.kind, found: format!("over the {}", other.kind), wanted });
            }
        }
    }
    Ok(())
}

/// Returns whether an area of a frame shows text, based on its range of brightness. `picture` is 8-bit luma, row by row.
/// `size` and `area` are in pixels of the frame.
#[must_use]
pub fn has_ink(picture: &[u8], size: (u32, u32), area: Rect) -> bool {
    let levels = sorted_levels(picture, size, area);
    // Text covers at least a few percent of its area. Fewer pixels can be compression artifacts.
    let Some(last) = levels.len().checked_sub(1) else { return false };
    let specks = levels.len() / 50;
    levels[last - specks] - levels[specks] >= MIN_INK_RANGE
}

/// Measures the contrast between text and its background (WCAG 2.2), 1 to 21, by comparing the brightest or the darkest
/// hundredth of an area with its median, whichever differs more. Takes the same arguments as [`has_ink`]. Returns
/// `None` for an area outside the frame.
#[must_use]
pub fn contrast(picture: &[u8], size: (u32, u32), area: Rect) -> Option<f64> {
    let levels = sorted_levels(picture, size, area);
    let brightest = *levels.get((levels.len() * 99) / 100)?;
    let darkest = *levels.get(levels.len() / 100)?;
    let luminance = |level: u8| {
        let grey = ((f64::from(level) - 16.0) / 219.0).clamp(0.0, 1.0);
        if grey <= 0.04045 { grey / 12.92 } else { ((grey + 0.055) / 1.055).powf(2.4) }
    };
    let ground = luminance(levels[levels.len() / 2]);
    let ratio = |one: f64, other: f64| (one.max(other) + 0.05) / (one.min(other) + 0.05);
    Some(ratio(luminance(brightest), ground).max(ratio(luminance(darkest), ground)))
}

/// Returns the lower of two contrasts.
pub(crate) fn min_contrast(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::min)
}

/// Returns the luma of an area's pixels, darkest first.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture")]
fn sorted_levels(picture: &[u8], (width, height): (u32, u32), area: Rect) -> Vec<u8> {
    let clamp = |px: f64, max: u32| px.clamp(0.0, f64::from(max)) as usize;
    let columns = clamp(area.x.floor(), width)..clamp(area.right().ceil(), width);
    let rows = clamp(area.y.floor(), height)..clamp(area.bottom().ceil(), height);
    let row = |row: usize| picture.get(row * width as usize..)?.get(columns.clone());
    let mut levels: Vec<u8> = rows.filter_map(row).flatten().copied().collect();
    levels.sort_unstable();
    levels
}

#[cfg(test)]
mod tests {
    use contracts::media::CaptionFacts;

    use super::*;

    fn valid_media() -> MediaFacts {
        MediaFacts {
            width: 1920,
            height: 1080,
            frame_rate: "24/1".to_owned(),
            seconds: 70.0,
            video_codec: "h264".to_owned(),
            video_profile: "High".to_owned(),
            pixel_format: "yuv420p".to_owned(),
            colour: "tv/bt709/bt709/bt709".to_owned(),
            audio_codec: "aac".to_owned(),
            sample_rate: 48000,
            channels: 2,
            loudness: -16.3,
            true_peak: -1.8,
            longest_silence: 0.6,
            captions: CaptionFacts {
                cues: 12,
                most_lines: 2,
                most_columns: 40,
                shortest_seconds: 1.0,
                longest_seconds: 6.0,
                fastest_rate: 18.0,
                overlapping: 0,
                sync: Some(0.04),
            },
            source_type: format!("{VOCABULARY}compositeSynthetic"),
            areas_with_text: 4,
            contrast: Some(9.0),
            scenes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn valid_video_has_no_warnings() {
        let mut media = valid_media();
        check(&mut media, (1920, 1080), 70.0).unwrap();
        assert_eq!(media.warnings, Vec::<String>::new());
    }

    #[test]
    fn error_names_the_measure_that_is_out_of_range() {
        type Change = fn(&mut MediaFacts);
        let broken: [(Change, &str); 9] = [
            (|m| m.contrast = Some(3.2), "the lowest contrast of text is 3.2:1, must be at least 4.5:1"),
            (|m| m.source_type.clear(), "the digital source type is "),
            (|m| m.loudness = -18.2, "the loudness is -18.2 LUFS, must be -16 ±1 LUFS"),
            (|m| m.true_peak = -0.4, "the true peak is -0.4 dBTP, must be at most -1.5 dBTP"),
            (|m| m.colour = "tv/unknown/bt709/bt709".to_owned(), "the color is tv/unknown/bt709/bt709"),
            (|m| m.longest_silence = 2.0, "the longest silence within the speech is 2.00 s"),
            (
                |m| m.captions.sync = Some(0.31),
                "the offset between captions and speech is 0.31 s, must be at most 0.25 s",
            ),
            (|m| m.captions.most_columns = 43, "the longest caption line is 43 columns, must be at most 42"),
            (|m| (m.width, m.height) = (1280, 720), "the frame size is 1280x720, must be 1920x1080"),
        ];
        for (change, expected) in broken {
            let mut media = valid_media();
            change(&mut media);
            let error = check(&mut media, (1920, 1080), 70.0).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn short_video_gets_a_warning() {
        let mut media = MediaFacts { seconds: 30.0, ..valid_media() };
        check(&mut media, (1920, 1080), 30.0).unwrap();
        assert_eq!(media.warnings, ["the length is 30 s; the target is 60 to 100 s"]);
    }

    #[test]
    fn fast_captions_get_a_warning() {
        let mut media = valid_media();
        media.captions.fastest_rate = 23.4;
        check(&mut media, (1920, 1080), 70.0).unwrap();
        assert_eq!(media.warnings, ["a caption has 23.4 characters per second; the target is at most 20"]);
    }

    #[test]
    fn area_with_text_is_distinguished_from_an_empty_one() {
        let mut picture = vec![30_u8; 100 * 50];
        let size = (100, 50);
        let area = Rect { x: 10.0, y: 10.0, w: 40.0, h: 20.0 };
        assert!(!has_ink(&picture, size, area));
        for row in 14..26 {
            picture[row * 100 + 20..row * 100 + 28].fill(220);
        }
        assert!(has_ink(&picture, size, area));
        let contrast = contrast(&picture, size, area).unwrap();
        assert!((16.0..17.0).contains(&contrast), "{contrast}");
        assert!(!has_ink(&picture, size, Rect { x: 60.0, ..area }));
        assert!(!has_ink(&picture, size, Rect { x: 200.0, ..area }), "outside the picture");
    }
}
