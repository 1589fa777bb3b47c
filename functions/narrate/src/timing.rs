//! Computes when each word is heard.

use contracts::narration::{Sentence, Timing, Word};

use crate::error::Error;
use crate::lines::Line;
use crate::narrator::Speech;
use crate::sound::{RATE, frames, gaps, resample, seconds};
use crate::spoken;

/// The minimum seconds of silence before the first sentence. Some players skip the first instant.
pub const LEAD_IN: f64 = 0.1;
/// The seconds of silence after the last sentence.
pub const LEAD_OUT: f64 = 0.3;

/// The number of audio samples per video frame, at 24 frames per second. Each sentence starts at the start of a frame,
/// so a scene that accompanies it looks the same in every video.
const FRAME: usize = RATE as usize / 24;

/// The minimum length, in seconds, of a silence that a comma may have caused.
const MIN_GAP: f64 = 0.07;
/// The maximum gap, in seconds, between two words that does not count as a pause.
const MAX_FLICKER: f64 = 0.15;
/// The maximum difference, in seconds, between the estimated and the actual time of a comma's silence.
const GAP_REACH: f64 = 0.5;

/// All spoken sentences with the pauses between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Trimmed speech, one entry per sentence.
    pub speeches: Vec<Speech>,
    /// The seconds of silence before each sentence, before they are rounded to a video frame. Zero before the first.
    pub pauses: Vec<f64>,
    /// The gain in decibels.
    pub gain: f64,
}

/// The sentences in sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// The audio at [`RATE`], before leveling.
    pub samples: Vec<f32>,
    /// The sentences with their times.
    pub sentences: Vec<Sentence>,
    /// Whether word times come from the engine.
    pub timing: Timing,
}

/// Concatenates the sentences and pauses.
pub fn assemble(lines: &[Line], take: &Take) -> Result<Timeline, Error> {
    let mut samples = vec![0.0; frames(LEAD_IN, RATE)];
    let mut sentences = Vec::with_capacity(lines.len());
    let mut timing = Timing::Exact;
    for ((line, speech), pause) in lines.iter().zip(&take.speeches).zip(&take.pauses) {
        samples.resize(nearest_frame(samples.len(), frames(*pause, RATE)), 0.0);
        let start = seconds(samples.len(), RATE);
        samples.extend(resample(speech)?);
        let end = seconds(samples.len(), RATE);
        let words = line.utterance.words();
        let times = match &speech.words {
            Some(times) if times.len() == words.len() => without_flicker(times),
            Some(_) | None => {
                timing = Timing::Estimated;
                estimate(words, speech)
            }
        };
        let words = words.iter().zip(times).map(|(word, (from, to))| Word {
            text: word.shown.clone(),
            start: (start + from).min(end),
            end: (start + to).min(end),
        });
        sentences.push(Sentence { segment: line.segment, start, end, words: words.collect(), sharing: line.sharing });
    }
    samples.resize(samples.len() + frames(LEAD_OUT, RATE), 0.0);
    Ok(Timeline { samples, sentences, timing })
}

/// Returns the sample at which the video frame nearest to the end of a pause starts. It is never before the pause.
fn nearest_frame(now: usize, pause: usize) -> usize {
    let nearest = (now + pause + FRAME / 2) / FRAME * FRAME;
    if nearest < now { nearest + FRAME } else { nearest }
}

/// Extends each word to the next one unless a pause separates them, so the highlight does not flicker.
fn without_flicker(times: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let next = times.iter().skip(1).map(|(start, _)| *start).chain([f64::MAX]);
    times
        .iter()
        .zip(next)
        .map(|(&(start, end), next)| (start, if next - end < MAX_FLICKER { next } else { end }))
        .collect()
}

/// Estimates word times from the number of spoken letters.
///
/// If the audio contains a comma's silence, the words before it end there and the words after it start there.
fn estimate(words: &[spoken::Word], speech: &Speech) -> Vec<(f64, f64)> {
    let length = speech.seconds();
    let gaps = gaps(speech, MIN_GAP);
    let weights: Vec<f64> = words.iter().map(spoken::Word::letters).collect();
    let mut times = Vec::with_capacity(words.len());
    let mut first = 0;
    let mut start = 0.0;
    for index in 0..words.len() {
        let is_last = index + 1 == words.len();
        if !is_last && words[index].pause.is_none() {
            continue;
        }
        let left: f64 = weights[first..].iter().sum();
        let here: f64 = weights[first..=index].iter().sum();
        let expected = start + (length - start) * here / left;
        let (end, next) = if is_last {
            (length, length)
        } else {
            let near = |gap: &&(f64, f64)| gap.0 > start && (gap.0 - expected).abs() < GAP_REACH;
            let distance = |gap: &(f64, f64)| (gap.0 - expected).abs();
            let found = gaps.iter().filter(near).min_by(|a, b| distance(a).total_cmp(&distance(b)));
            found.copied().unwrap_or((expected, expected))
        };
        let mut at = start;
        for weight in &weights[first..=index] {
            let to = at + (end - start) * weight / here;
            times.push((at, to));
            at = to;
        }
        first = index + 1;
        start = next;
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spoken::{Lexicon, Utterance};

    fn speech(parts: &[(f64, f32)]) -> Speech {
        let samples = parts.iter().flat_map(|(length, level)| vec![*level; frames(*length, 22_050)]).collect();
        Speech { samples, rate: 22_050, words: None }
    }

    #[test]
    fn sentence_starts_with_a_frame() {
        assert_eq!(nearest_frame(2_400, 0), 3_000);
        assert_eq!(nearest_frame(50_450, 8_400), 59_000);
        assert_eq!(nearest_frame(50_550, 8_400), 59_000);
        assert_eq!(nearest_frame(0, 0), 0);
    }

    #[test]
    fn longer_words_take_longer_without_overlap() {
        let utterance = Utterance::of("A considerably longer word.", Lexicon::default()).unwrap().unwrap();
        let times = estimate(utterance.words(), &speech(&[(2.0, 0.2)]));
        assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-9));
        assert!(times[1].1 - times[1].0 > 3.0 * (times[0].1 - times[0].0));
        assert!((times[3].1 - 2.0).abs() < 1e-9);
    }

    #[test]
    fn word_extends_to_the_next_unless_a_pause_follows() {
        assert_eq!(without_flicker(&[(0.0, 0.4), (0.5, 0.9), (1.4, 1.8)]), [(0.0, 0.5), (0.5, 0.9), (1.4, 1.8)]);
    }

    #[test]
    fn audible_comma_separates_word_times() {
        let utterance = Utterance::of("Hello there, my friend.", Lexicon::default()).unwrap().unwrap();
        let times = estimate(utterance.words(), &speech(&[(0.6, 0.2), (0.2, 0.0), (1.2, 0.2)]));
        assert!((times[1].1 - 0.6).abs() < 0.01, "{times:?}");
        assert!((times[2].0 - 0.8).abs() < 0.01, "{times:?}");
    }
}
