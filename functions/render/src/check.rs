//! Whether a finished video is what it must be.

use contracts::media::MediaFacts;

use crate::error::Error;
use crate::scene::FRAME_RATE;

/// Loudness, LUFS, and how far from it is allowed, LU (AES TD1004).
pub const LOUDNESS: (f64, f64) = (-16.0, 1.0);
/// The highest true peak, dBTP.
pub const TRUE_PEAK: f64 = -1.5;
/// The longest silence within speech, seconds (WCAG technique G56 and ear).
pub const SILENCE: f64 = 1.5;
/// The aim for the length, seconds.
pub const LENGTH: std::ops::RangeInclusive<f64> = 60.0..=100.0;

/// Fails by the name of the first measure out of range; adds a warning for a length outside the aim. `width` and `height`,
/// px, and `seconds` are what was wanted.
pub fn check(media: &mut MediaFacts, (width, height): (u32, u32), seconds: f64) -> Result<(), Error> {
    let same = |measure: &'static str, found: &str, wanted: &str| {
        let fine = found == wanted;
        (fine, measure, found.to_owned(), wanted.to_owned())
    };
    let rules = [
        same("the picture's size", &format!("{}x{}", media.width, media.height), &format!("{width}x{height}")),
        same("the frame rate", &media.frame_rate, &format!("{FRAME_RATE}/1")),
        same("the video codec", &media.video_codec, "h264"),
        same("the video profile", &media.video_profile, "High"),
        same("the pixel format", &media.pixel_format, "yuv420p"),
        same("the colour", &media.colour, "tv/bt709/bt709/bt709"),
        same("the audio codec", &media.audio_codec, "aac"),
        same("the sample rate", &media.sample_rate.to_string(), "48000"),
        same("the number of channels", &media.channels.to_string(), "2"),
        (
            (media.seconds - seconds).abs() < 0.25,
            "the length",
            format!("{:.2} s", media.seconds),
            format!("{seconds:.2} s"),
        ),
        (
            (media.loudness - LOUDNESS.0).abs() <= LOUDNESS.1,
            "the loudness",
            format!("{:.1} LUFS", media.loudness),
            format!("{:.0} ±{:.0} LUFS", LOUDNESS.0, LOUDNESS.1),
        ),
        (
            media.true_peak <= TRUE_PEAK,
            "the true peak",
            format!("{:.1} dBTP", media.true_peak),
            format!("at most {TRUE_PEAK} dBTP"),
        ),
        (
            media.longest_silence <= SILENCE,
            "the longest silence within the speech",
            format!("{:.2} s", media.longest_silence),
            format!("at most {SILENCE} s"),
        ),
    ];
    if let Some((_, measure, found, wanted)) = rules.into_iter().find(|(fine, ..)| !fine) {
        return Err(Error::OutOfRange { measure, found, wanted });
    }
    if !LENGTH.contains(&media.seconds) {
        let (least, most) = (LENGTH.start(), LENGTH.end());
        media.warnings.push(format!("the length is {:.0} s; the aim is {least:.0} to {most:.0} s", media.seconds));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> MediaFacts {
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
            cues: 12,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_good_video_passes_without_a_word() {
        let mut media = good();
        check(&mut media, (1920, 1080), 70.0).unwrap();
        assert_eq!(media.warnings, Vec::<String>::new());
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        type Change = fn(&mut MediaFacts);
        let broken: [(Change, &str); 4] = [
            (|m| m.loudness = -18.2, "the loudness is -18.2 LUFS, must be -16 ±1 LUFS"),
            (|m| m.true_peak = -0.4, "the true peak is -0.4 dBTP, must be at most -1.5 dBTP"),
            (|m| m.colour = "tv/unknown/bt709/bt709".to_owned(), "the colour is tv/unknown/bt709/bt709"),
            (|m| m.longest_silence = 2.0, "the longest silence within the speech is 2.00 s"),
        ];
        for (change, expected) in broken {
            let mut media = good();
            change(&mut media);
            let error = check(&mut media, (1920, 1080), 70.0).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_short_video_is_only_remarked_upon() {
        let mut media = MediaFacts { seconds: 30.0, ..good() };
        check(&mut media, (1920, 1080), 30.0).unwrap();
        assert_eq!(media.warnings, ["the length is 30 s; the aim is 60 to 100 s"]);
    }
}
