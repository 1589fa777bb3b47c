//! Processes audio: trims, resamples, levels the loudness and writes the WAV.

use std::collections::VecDeque;
use std::io::Cursor;

use ebur128::{EbuR128, Mode};
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Async, FixedAsync, Resampler as _, SincInterpolationParameters};

use crate::error::Error;
use crate::narrator::Speech;

/// The samples per second in the narration. No voice engine delivers more, so a higher rate would only enlarge the file.
/// `render` converts the sound to the 48 kHz of videos (EBU R 128 s2).
pub const RATE: u32 = 24_000;

/// The integrated loudness of the narration in LUFS (AES TD1004 recommends -16 to -20).
pub const LOUDNESS: f64 = -16.0;

/// The maximum true peak in dBTP.
pub const PEAK: f64 = -1.5;

/// The amplitude up to which a sample counts as silent: -50 dBFS.
const SILENCE: f32 = 0.003;

/// The number of samples that the limiter considers on either side: 5 ms, less than a pitch period of a low voice.
const REACH: usize = 120;
/// The width of the limiter's window in samples: 2 × [`REACH`] + 1.
const WINDOW: f64 = 241.0;

/// Trims the silence at both ends to 15 ms, so the time span of a sentence is that of the voice. Shifts word times
/// accordingly.
#[must_use]
pub fn trim(mut speech: Speech) -> Speech {
    let margin = frames(0.015, speech.rate);
    let loud = |sample: &f32| sample.abs() > SILENCE;
    let (Some(first), Some(last)) = (speech.samples.iter().position(loud), speech.samples.iter().rposition(loud))
    else {
        speech.samples.clear();
        return speech;
    };
    let start = first.saturating_sub(margin);
    let end = (last + margin + 1).min(speech.samples.len());
    speech.samples.truncate(end);
    speech.samples.drain(..start);
    let shift = seconds(start, speech.rate);
    let length = speech.seconds();
    for (word_start, word_end) in speech.words.iter_mut().flatten() {
        *word_start = (*word_start - shift).clamp(0.0, length);
        *word_end = (*word_end - shift).clamp(0.0, length);
    }
    speech
}

/// Returns the silences of at least `min_seconds` within a trimmed sentence, as spans in seconds.
#[must_use]
pub fn gaps(speech: &Speech, min_seconds: f64) -> Vec<(f64, f64)> {
    let mut gaps = Vec::new();
    let mut silent_from = 0;
    for (index, sample) in speech.samples.iter().enumerate() {
        if sample.abs() > SILENCE {
            if seconds(index - silent_from, speech.rate) >= min_seconds && silent_from > 0 {
                gaps.push((seconds(silent_from, speech.rate), seconds(index, speech.rate)));
            }
            silent_from = index + 1;
        }
    }
    gaps
}

/// Resamples to [`RATE`] and fades in and out over 4 ms, so the edges do not click.
pub fn resample(speech: &Speech) -> Result<Vec<f32>, Error> {
    let fail = |reason: String| Error::Sound { action: "resample", reason };
    let mut samples = if speech.rate == RATE {
        speech.samples.clone()
    } else {
        let length = speech.samples.len();
        let ratio = f64::from(RATE) / f64::from(speech.rate);
        let sinc = SincInterpolationParameters::default();
        let mut resampler = Async::<f32>::new_sinc(ratio, 1.0, &sinc, 1024, 1, FixedAsync::Input)
            .map_err(|error| fail(error.to_string()))?;
        let input = SequentialSlice::new(&speech.samples, 1, length).map_err(|error| fail(error.to_string()))?;
        resampler.process_all(&input, length, None).map_err(|error| fail(error.to_string()))?.take_data()
    };
    samples.truncate(frames(speech.seconds(), RATE));
    let fade = frames(0.004, RATE).min(samples.len() / 2);
    let length = samples.len();
    for index in 0..fade {
        #[expect(clippy::cast_precision_loss, reason = "some hundred samples")]
        let gain = index as f32 / fade as f32;
        samples[index] *= gain;
        samples[length - 1 - index] *= gain;
    }
    Ok(samples)
}

/// The sample peak above which the limiter acts, in dBFS. True peaks are slightly higher than sample peaks.
const CEILING: f64 = PEAK - 0.3;

/// Returns the gain in decibels that brings the audio to [`LOUDNESS`] after the limiter.
///
/// At this loudness, speech occasionally has peaks above full scale. Limiting them costs some loudness, so two more
/// rounds correct the gain.
pub fn leveling_gain(samples: &[f32]) -> Result<f64, Error> {
    let mut gain = LOUDNESS - loudness(samples)?;
    if !gain.is_finite() {
        return Err(Error::Sound { action: "level", reason: "the sound is silent".to_owned() });
    }
    for _ in 0..2 {
        gain += LOUDNESS - loudness(&limited(samples, gain, CEILING))?;
    }
    Ok(gain)
}

/// Measures the integrated loudness in LUFS of one channel (ITU-R BS.1770-4).
fn loudness(samples: &[f32]) -> Result<f64, Error> {
    let fail = |error: ebur128::Error| Error::Sound { action: "measure", reason: error.to_string() };
    let mut meter = EbuR128::new(1, RATE, Mode::I).map_err(fail)?;
    meter.add_frames_f32(samples).map_err(fail)?;
    meter.loudness_global().map_err(fail)
}

/// Applies a gain in decibels, with no true peak above [`PEAK`]. Returns the samples and the resulting loudness.
///
/// The gain depends on the voice, not on the audio, so a sentence is equally loud on its own and within a longer text.
pub fn apply_gain(samples: &[f32], gain: f64) -> Result<(Vec<f32>, f64), Error> {
    let mut ceiling = CEILING;
    loop {
        let samples = limited(samples, gain, ceiling);
        let (loudness, peak) = measure(&samples)?;
        if !loudness.is_finite() {
            return Err(Error::Sound { action: "level", reason: "the sound is silent".to_owned() });
        }
        if peak <= PEAK {
            return Ok((samples, loudness));
        }
        ceiling -= peak - PEAK + 0.05;
    }
}

fn limited(samples: &[f32], gain: f64, ceiling: f64) -> Vec<f32> {
    limit(samples.iter().map(|sample| sample * amplitude(gain)).collect(), amplitude(ceiling))
}

/// Measures the integrated loudness in LUFS and the true peak in dBTP of one channel (ITU-R BS.1770-4).
pub fn measure(samples: &[f32]) -> Result<(f64, f64), Error> {
    let fail = |error: ebur128::Error| Error::Sound { action: "measure", reason: error.to_string() };
    let mut meter = EbuR128::new(1, RATE, Mode::I | Mode::TRUE_PEAK).map_err(fail)?;
    meter.add_frames_f32(samples).map_err(fail)?;
    let peak = meter.true_peak(0).map_err(fail)?;
    Ok((meter.loudness_global().map_err(fail)?, 20.0 * peak.log10()))
}

/// Limits the audio to `ceiling` with a look-ahead limiter.
///
/// For each sample, takes the minimum gain needed within [`REACH`], and averages these minima over [`REACH`] on either
/// side. The average never exceeds the gain that the sample itself needs, and it changes smoothly.
fn limit(mut samples: Vec<f32>, ceiling: f32) -> Vec<f32> {
    let needed: Vec<f32> = samples.iter().map(|sample| (ceiling / sample.abs().max(ceiling)).min(1.0)).collect();
    if needed.iter().all(|gain| *gain >= 1.0) {
        return samples;
    }
    let lowest = sliding_minimum(&needed);
    let length = lowest.len();
    let at = |index: usize| f64::from(lowest[index.min(length - 1)]);
    // Window positions before the first sample repeat the first sample.
    let mut sum: f64 = (0..=REACH).map(at).sum::<f64>() + (0..REACH).map(|_| at(0)).sum::<f64>();
    for (index, sample) in samples.iter_mut().enumerate() {
        #[expect(clippy::cast_possible_truncation, reason = "a gain from 0 to 1")]
        let gain = (sum / WINDOW) as f32;
        *sample = (*sample * gain).clamp(-ceiling, ceiling);
        sum += at(index + REACH + 1) - at(index.saturating_sub(REACH));
    }
    samples
}

/// Returns, for each value, the minimum over [`REACH`] values on either side. Takes linear time.
fn sliding_minimum(values: &[f32]) -> Vec<f32> {
    let mut candidates: VecDeque<usize> = VecDeque::new();
    let mut minima = Vec::with_capacity(values.len());
    let mut next = 0;
    for index in 0..values.len() {
        while next < values.len() && next <= index + REACH {
            while candidates.back().is_some_and(|&last| values[last] >= values[next]) {
                candidates.pop_back();
            }
            candidates.push_back(next);
            next += 1;
        }
        while candidates.front().is_some_and(|&first| first + REACH < index) {
            candidates.pop_front();
        }
        minima.push(values[candidates[0]]);
    }
    minima
}

/// The RIFF chunk that holds the note. Readers skip unknown chunks.
const NOTE: &[u8; 4] = b"cues";

/// Returns the audio as a 16-bit WAV with an embedded note. [`note`] reads it back.
pub fn wav(samples: &[f32], note: &[u8]) -> Result<Vec<u8>, Error> {
    let fail = |reason: String| Error::Sound { action: "write", reason };
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::with_capacity(52 + 2 * samples.len() + note.len()));
    let mut writer = hound::WavWriter::new(&mut bytes, spec).map_err(|error| fail(error.to_string()))?;
    for sample in samples {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to 16 bits")]
        let sample = (sample * 32_767.0).round().clamp(-32_767.0, 32_767.0) as i16;
        writer.write_sample(sample).map_err(|error| fail(error.to_string()))?;
    }
    writer.finalize().map_err(|error| fail(error.to_string()))?;
    let mut bytes = bytes.into_inner();
    let size = |bytes: usize| u32::try_from(bytes).map_err(|_| fail("the sound is too long".to_owned()));
    bytes.extend(NOTE);
    bytes.extend(size(note.len())?.to_le_bytes());
    bytes.extend(note);
    // RIFF pads chunks to an even length.
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    let riff = size(bytes.len() - 8)?.to_le_bytes();
    bytes[4..8].copy_from_slice(&riff);
    Ok(bytes)
}

/// Returns the note that [`wav`] embedded.
#[must_use]
pub fn note(wav: &[u8]) -> Option<&[u8]> {
    let mut rest = wav.get(12..)?;
    loop {
        let name = rest.get(..4)?;
        let length = usize::try_from(u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?)).ok()?;
        let content = rest.get(8..8 + length)?;
        if name == NOTE {
            return Some(content);
        }
        rest = rest.get(8 + length.next_multiple_of(2)..)?;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a gain needs no more digits")]
fn amplitude(decibels: f64) -> f32 {
    10_f64.powf(decibels / 20.0) as f32
}

/// Converts seconds to a number of samples.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length, of hours at most")]
pub fn frames(seconds: f64, rate: u32) -> usize {
    (seconds * f64::from(rate)).round().max(0.0) as usize
}

/// Converts a number of samples to seconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a narration has far fewer than 2^52 samples")]
pub fn seconds(frames: usize, rate: u32) -> f64 {
    frames as f64 / f64::from(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "some seconds of sound")]
    fn tone(length: f64, rate: u32, amplitude: f32) -> Vec<f32> {
        let step = std::f64::consts::TAU * 440.0 / f64::from(rate);
        (0..frames(length, rate)).map(|index| amplitude * (index as f64 * step).sin() as f32).collect()
    }

    #[test]
    fn trim_cuts_the_ends_and_gaps_finds_inner_silence() {
        let mut samples = vec![0.0; 4410];
        samples.extend(tone(0.5, 22_050, 0.5));
        samples.extend(vec![0.0; 4410]);
        samples.extend(tone(0.5, 22_050, 0.5));
        samples.extend(vec![0.0; 22_050]);
        let speech = trim(Speech { samples, rate: 22_050, words: Some(vec![(0.2, 0.7), (0.9, 1.4)]) });
        assert!((speech.seconds() - 1.23).abs() < 0.01, "{}", speech.seconds());
        let gaps = gaps(&speech, 0.1);
        assert_eq!(gaps.len(), 1);
        assert!((gaps[0].0 - 0.515).abs() < 0.01 && (gaps[0].1 - 0.715).abs() < 0.01, "{gaps:?}");
        let words = speech.words.unwrap();
        assert!((words[0].0 - 0.015).abs() < 0.005 && (words[1].1 - 1.215).abs() < 0.005, "{words:?}");
    }

    #[test]
    fn trim_empties_silent_speech() {
        assert!(trim(Speech { samples: vec![0.0; 100], rate: 22_050, words: None }).samples.is_empty());
    }

    #[test]
    fn resampling_keeps_length_and_pitch() {
        let speech = Speech { samples: tone(1.0, 22_050, 0.5), rate: 22_050, words: None };
        let out = resample(&speech).unwrap();
        assert_eq!(out.len(), 24_000);
        let crossings = out.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        assert!((437..=442).contains(&crossings), "{crossings}");
        let inner = out[2400..21_600].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        assert!((inner - 0.5).abs() < 0.01, "{inner}");
        let expected = tone(1.0, RATE, 0.5);
        let error = out.iter().zip(&expected).skip(2400).take(19_200).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // The resampler cuts its delay off at a whole sample, so less than one sample remains. The tone's steepest step
        // from one sample to the next is 2π · 440 Hz · 0.5 / 24 kHz.
        let one_sample = std::f32::consts::TAU * 440.0 * 0.5 / 24_000.0;
        assert!(error < one_sample, "a shift in time shows: {error}");
    }

    #[test]
    fn level_reaches_the_loudness_despite_peaks() {
        let mut samples = tone(4.0, RATE, 0.1);
        for at in (0..samples.len()).step_by(9_000) {
            samples[at] = 0.95;
        }
        let (out, loudness) = apply_gain(&samples, leveling_gain(&samples).unwrap()).unwrap();
        let (measured, peak) = measure(&out).unwrap();
        assert!((loudness - measured).abs() < 1e-9 && (loudness - LOUDNESS).abs() < 0.2, "{loudness}");
        assert!(peak <= PEAK, "{peak}");
    }

    #[test]
    fn embedded_note_is_found_and_skipped_by_wav_readers() {
        for text in ["odd", "even"] {
            let bytes = wav(&tone(0.1, RATE, 0.5), text.as_bytes()).unwrap();
            assert_eq!(note(&bytes).unwrap(), text.as_bytes());
            assert_eq!(hound::WavReader::new(Cursor::new(bytes)).unwrap().into_samples::<i16>().count(), 2400);
        }
        assert_eq!(note(b"RIFF"), None);
    }

    #[test]
    fn level_rejects_silence() {
        assert!(leveling_gain(&vec![0.0; 24_000]).is_err());
        assert!(apply_gain(&vec![0.0; 24_000], 6.0).is_err());
    }
}
