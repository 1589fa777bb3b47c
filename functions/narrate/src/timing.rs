//! Says when each word is heard.

use contracts::narration::{Sentence, Timing, Word};

use crate::Error;
use crate::narrator::Speech;
use crate::pace::{Line, Take};
use crate::sound::{RATE, frames, gaps, resample, seconds};
use crate::spoken;

/// Silence before the first sentence, seconds: players swallow the first instant.
pub const LEAD_IN: f64 = 0.1;
/// Silence after the last sentence, seconds.
pub const LEAD_OUT: f64 = 0.3;

/// A silence within a sentence that a comma may have made, seconds.
const LEAST_GAP: f64 = 0.07;
/// A time between two words that is no pause, seconds.
const FLICKER: f64 = 0.15;
/// How far from its estimated time a comma's silence is looked for, seconds.
const GAP_REACH: f64 = 0.5;

/// The sentences, one after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Laid {
    /// The sound at [`RATE`], not yet levelled.
    pub samples: Vec<f32>,
    /// When each is heard.
    pub sentences: Vec<Sentence>,
    /// Whether the engine gave the words' times.
    pub timing: Timing,
}

/// Puts the sentences and the pauses one after another.
pub fn lay(lines: &[Line], take: &Take) -> Result<Laid, Error> {
    let mut samples = vec![0.0; frames(LEAD_IN, RATE)];
    let mut sentences = Vec::with_capacity(lines.len());
    let mut timing = Timing::Exact;
    for ((line, speech), pause) in lines.iter().zip(&take.speeches).zip(&take.pauses) {
        samples.resize(samples.len() + frames(*pause, RATE), 0.0);
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
        sentences.push(Sentence { segment: line.segment, start, end, words: words.collect() });
    }
    samples.resize(samples.len() + frames(LEAD_OUT, RATE), 0.0);
    Ok(Laid { samples, sentences, timing })
}

/// Lets a word last until the next one where no pause is heard between them, so that the light does not go out between
/// two words.
fn without_flicker(times: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let next = times.iter().skip(1).map(|(start, _)| *start).chain([f64::MAX]);
    times.iter().zip(next).map(|(&(start, end), next)| (start, if next - end < FLICKER { next } else { end })).collect()
}

/// Spreads a sentence over its words by the letters of what is said. Where a comma made a silence that is found in the
/// sound, the words before it end there and the words after it begin there.
fn estimate(words: &[spoken::Word], speech: &Speech) -> Vec<(f64, f64)> {
    let length = speech.seconds();
    let gaps = gaps(speech, LEAST_GAP);
    let weights: Vec<f64> = words.iter().map(weight).collect();
    let mut times = Vec::with_capacity(words.len());
    let (mut first, mut start) = (0, 0.0);
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
        (first, start) = (index + 1, next);
    }
    times
}

/// What is said of a word in letters, and one for its edges. A spelled letter sounds as long as three.
fn weight(word: &spoken::Word) -> f64 {
    let weigh = |part: &str| match part.len() {
        1 if word.said.len() > 1 => 3,
        letters => letters,
    };
    let letters: usize = word.said.split(['.', ' ', '-', ',']).map(weigh).sum();
    f64::from(u32::try_from(letters).unwrap_or(u32::MAX)) + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spoken::Utterance;

    fn speech(parts: &[(f64, f32)]) -> Speech {
        let samples = parts.iter().flat_map(|(length, level)| vec![*level; frames(*length, 22_050)]).collect();
        Speech { samples, rate: 22_050, words: None }
    }

    #[test]
    fn longer_words_are_heard_longer_and_words_do_not_overlap() {
        let utterance =
            Utterance::of("A considerably longer word.", &crate::Pronunciations::default()).unwrap().unwrap();
        let times = estimate(utterance.words(), &speech(&[(2.0, 0.2)]));
        assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-9));
        assert!(times[1].1 - times[1].0 > 3.0 * (times[0].1 - times[0].0));
        assert!((times[3].1 - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_word_lasts_until_the_next_one_unless_there_is_a_pause() {
        assert_eq!(without_flicker(&[(0.0, 0.4), (0.5, 0.9), (1.4, 1.8)]), [(0.0, 0.5), (0.5, 0.9), (1.4, 1.8)]);
    }

    #[test]
    fn words_stay_on_their_side_of_a_heard_comma() {
        let utterance = Utterance::of("Hello there, my friend.", &crate::Pronunciations::default()).unwrap().unwrap();
        let times = estimate(utterance.words(), &speech(&[(0.6, 0.2), (0.2, 0.0), (1.2, 0.2)]));
        assert!((times[1].1 - 0.6).abs() < 0.01, "{times:?}");
        assert!((times[2].0 - 0.8).abs() < 0.01, "{times:?}");
    }
}
