//! Finds the pace at which the whole narration reaches the requested rate.
//!
//! The rate is the number of written words divided by the minutes from the start of the first sentence to the end of the
//! last, pauses included. Engines define words per minute differently, so the pace is found by measurement.

use std::ops::RangeInclusive;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::error::Error;
use crate::narrator::{Narrator, Speech};
use crate::sound::trim;
use crate::spoken::Utterance;

/// Seconds of silence between two sentences of a segment.
pub const SENTENCE_PAUSE: f64 = 0.35;
/// Seconds of silence between two segments.
pub const SEGMENT_PAUSE: f64 = 0.7;
/// Accepted relative deviation from the requested rate.
const TOLERANCE: f64 = 0.01;
/// Step between paces. Few distinct paces let the cache reuse repeated sentences.
const STEP: f64 = 0.02;

/// Inaudible factors of stretching the pauses.
const SMALL_STRETCH: RangeInclusive<f64> = 0.7..=1.45;

/// A sentence of the script.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The index of its segment.
    pub segment: usize,
    /// Its place in the script, for errors.
    pub place: String,
    /// The sentence in spoken form.
    pub utterance: Utterance,
}

/// All spoken sentences with the pauses between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Trimmed speech, one entry per sentence.
    pub speeches: Vec<Speech>,
    /// Seconds of silence before each sentence; zero before the first.
    pub pauses: Vec<f64>,
}

impl Take {
    /// Returns the seconds from the start of the first sentence to the end of the last.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.speech_seconds() + self.pauses.iter().sum::<f64>()
    }

    fn speech_seconds(&self) -> f64 {
        self.speeches.iter().map(Speech::seconds).sum()
    }
}

/// Speaks the script at `words_per_minute`.
///
/// If the engine's range of paces does not reach the rate, the pauses change to 0.5 to 1.7 times their length, which
/// stays under 1.5 s.
pub async fn speak(narrator: &dyn Narrator, lines: &[Line], words_per_minute: u16) -> Result<Take, Error> {
    let words: usize = lines.iter().map(|line| line.utterance.words().len()).sum();
    #[expect(clippy::cast_precision_loss, reason = "some hundred words")]
    let wanted = words as f64 * 60.0 / f64::from(words_per_minute);
    let pauses = pauses(lines);
    let silent: f64 = pauses.iter().sum();
    let paces = narrator.paces();

    let step = |pace: f64| ((pace / STEP).round() * STEP).clamp(*paces.start(), *paces.end());
    // Pauses never leave less than a quarter of the time for speech.
    let available = (wanted - silent).max(wanted / 4.0);
    let mut pace = step(match estimate_seconds(narrator, lines).await? {
        Some(seconds) => seconds / available,
        None => f64::from(words_per_minute) / 140.0,
    });
    let mut best: Option<Take> = None;
    for _ in 0..narrator.max_rounds() {
        let take = Take { speeches: speak_all(narrator, lines, pace).await?, pauses: pauses.clone() };
        let next = step(pace * take.speech_seconds() / available);
        let deviation = |take: &Take| (take.seconds() / wanted - 1.0).abs();
        // With a slow engine, pauses absorb a small remaining deviation.
        let absorbed =
            narrator.max_rounds() <= 3 && SMALL_STRETCH.contains(&((wanted - take.speech_seconds()) / silent));
        let settled = deviation(&take) < TOLERANCE || absorbed || (next - pace).abs() < STEP / 2.0;
        if best.as_ref().is_none_or(|before| deviation(&take) < deviation(before)) {
            best = Some(take);
        }
        if settled {
            break;
        }
        pace = next;
    }
    let mut take = best.ok_or(Error::EmptyScript)?;
    if silent > 0.0 && (take.seconds() / wanted - 1.0).abs() > TOLERANCE {
        let stretch = ((wanted - take.speech_seconds()) / silent).clamp(0.5, 1.7);
        take.pauses.iter_mut().for_each(|pause| *pause *= stretch);
    }
    Ok(take)
}

/// Estimates the seconds of all lines at pace 1. Returns `None` if the engine gives no estimate.
async fn estimate_seconds(narrator: &dyn Narrator, lines: &[Line]) -> Result<Option<f64>, Error> {
    let mut sum = 0.0;
    for line in lines {
        match narrator.estimate_seconds(&line.utterance, &line.place).await? {
            Some(seconds) => sum += seconds,
            None => return Ok(None),
        }
    }
    Ok(Some(sum))
}

async fn speak_all(narrator: &dyn Narrator, lines: &[Line], pace: f64) -> Result<Vec<Speech>, Error> {
    let speak = async |line: &Line| {
        let speech = trim(narrator.speak(&line.utterance, pace, &line.place).await?);
        if speech.samples.is_empty() {
            return Err(Error::EngineOutput { place: line.place.clone(), reason: "the speech is silent".to_owned() });
        }
        Ok(speech)
    };
    stream::iter(lines.iter().map(speak)).buffered(narrator.concurrency()).try_collect().await
}

fn pauses(lines: &[Line]) -> Vec<f64> {
    let mut before = None;
    let pause = |line: &Line| {
        let pause = match before {
            None => 0.0,
            Some(segment) if segment == line.segment => SENTENCE_PAUSE,
            Some(_) => SEGMENT_PAUSE,
        };
        before = Some(line.segment);
        pause
    };
    lines.iter().map(pause).collect()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::pronunciations::Pronunciations;

    /// Speaks a word in 0.3 s at pace 1. Like real engines, it deviates from the requested pace.
    struct SluggishNarrator;

    #[async_trait]
    impl Narrator for SluggishNarrator {
        fn engine(&self) -> &'static str {
            "sluggish 1"
        }
        fn voice(&self) -> &'static str {
            "any"
        }
        fn paces(&self) -> RangeInclusive<f64> {
            0.6..=1.5
        }
        fn max_rounds(&self) -> usize {
            5
        }
        async fn speak(&self, sentence: &Utterance, pace: f64, _: &str) -> Result<Speech, Error> {
            let words = u16::try_from(sentence.words().len()).unwrap();
            let seconds = f64::from(words) * 0.3 / pace.powf(0.8) + 0.1;
            Ok(Speech { samples: vec![0.1; crate::sound::frames(seconds, 22_050)], rate: 22_050, words: None })
        }
    }

    fn script() -> Vec<Line> {
        let line = |segment, text: &str| Line {
            segment,
            place: String::new(),
            utterance: Utterance::of(text, &Pronunciations::default()).unwrap().unwrap(),
        };
        vec![
            line(0, "Hello there, this is a first sentence of some length."),
            line(1, "And here is one more of them, which says nothing new."),
            line(1, "The last one is short."),
        ]
    }

    async fn reached(rate: u16) -> (f64, Take) {
        let lines = script();
        let words: usize = lines.iter().map(|line| line.utterance.words().len()).sum();
        let take = speak(&SluggishNarrator, &lines, rate).await.unwrap();
        (f64::from(u16::try_from(words).unwrap()) * 60.0 / take.seconds(), take)
    }

    #[tokio::test]
    async fn rate_is_reached_despite_a_deviating_pace() {
        for rate in [120, 140, 180] {
            let (reached, take) = reached(rate).await;
            assert!((reached / f64::from(rate) - 1.0).abs() < 0.015, "{rate}: {reached}");
            assert_eq!(take.pauses, [0.0, SEGMENT_PAUSE, SENTENCE_PAUSE]);
        }
    }

    #[tokio::test]
    async fn pauses_change_within_bounds_beyond_the_pace_range() {
        for rate in [80, 220] {
            let (_, take) = reached(rate).await;
            assert!(take.pauses.iter().all(|pause| *pause <= 1.2), "{:?}", take.pauses);
            assert!(take.pauses[1] >= 0.35, "{:?}", take.pauses);
        }
    }
}
