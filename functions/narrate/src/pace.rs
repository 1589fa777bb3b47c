//! Finds the pace at which the whole narration reaches the requested rate.
//!
//! The rate is the number of spoken words divided by the minutes from the start of the first sentence to the end of the
//! last, including pauses. "4.25%" counts as five words, so terms full of numbers are not rushed. Engines define words
//! per minute differently, so the pace is found by measurement.
//!
//! Each sentence has its own pace, close to the common one, so prose and terms full of numbers are spoken at the same
//! rate. Telephone numbers and references get more time, because listeners write them down.

use std::ops::RangeInclusive;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::error::Error;
use crate::narrator::{Narrator, Speech};
use crate::sound::trim;
use crate::spoken::{Utterance, Word};

/// The seconds of silence between two sentences in a segment.
pub const SENTENCE_PAUSE: f64 = 0.35;
/// The seconds of silence between two segments.
pub const SEGMENT_PAUSE: f64 = 0.7;
/// The accepted relative deviation from the requested rate.
const TOLERANCE: f64 = 0.01;
/// The step between paces. Having few distinct paces lets the cache reuse repeated sentences.
const STEP: f64 = 0.02;

/// The factors by which pauses can be stretched without listeners noticing.
const SMALL_STRETCH: RangeInclusive<f64> = 0.7..=1.45;

/// The assumed rate at pace 1 before any measurement, in words per minute.
const NATURAL_RATE: f64 = 140.0;
/// The time for a dictated word, as a multiple of an ordinary word's time.
const DICTATED: f64 = 1.25;
/// The slowest and the fastest pace of a sentence, relative to the common pace.
const PROSE_BOUNDS: (f64, f64) = (0.85, 1.1);
const NUMBER_BOUNDS: (f64, f64) = (0.8, 1.08);
const DICTATED_BOUNDS: (f64, f64) = (0.7, 0.95);

/// A sentence of the script.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The index of the sentence's segment.
    pub segment: usize,
    /// The sentence's place in the script, for errors.
    pub place: String,
    /// The sentence in spoken form.
    pub utterance: Utterance,
}

impl Line {
    /// Returns the number of spoken words, giving more weight to words that listeners write down.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a sentence has some dozen words")]
    pub fn units(&self) -> f64 {
        let weigh = |word: &Word| word.spoken_words() as f64 * if word.dictated { DICTATED } else { 1.0 };
        self.utterance.words().iter().map(weigh).sum()
    }

    fn bounds(&self) -> (f64, f64) {
        let words = self.utterance.words();
        if words.iter().any(|word| word.dictated) {
            DICTATED_BOUNDS
        } else if words.iter().any(|word| word.shown.contains(|c: char| c.is_ascii_digit())) {
            NUMBER_BOUNDS
        } else {
            PROSE_BOUNDS
        }
    }
}

/// All spoken sentences with the pauses between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Trimmed speech, one entry per sentence.
    pub speeches: Vec<Speech>,
    /// The seconds of silence before each sentence. Zero before the first.
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
/// If the engine's range of paces cannot reach the rate, the pauses are scaled to 0.5 to 1.7 times their length. They
/// stay under 1.5 s.
pub async fn speak(narrator: &dyn Narrator, lines: &[Line], words_per_minute: u16) -> Result<Take, Error> {
    let rate = f64::from(words_per_minute);
    let wanted = lines.iter().map(Line::units).sum::<f64>() * 60.0 / rate;
    let pauses = pauses(lines);
    let silent: f64 = pauses.iter().sum();
    let mut plan = Plan::new(narrator, lines, &pauses, rate).await?;
    let mut speeches = speak_all(narrator, lines, &plan.paces).await?;
    let mut best: Option<Take> = None;
    for round in 1..=narrator.max_rounds() {
        let take = Take { speeches: speeches.clone(), pauses: pauses.clone() };
        let deviation = |take: &Take| (take.seconds() / wanted - 1.0).abs();
        // With a slow engine, pauses compensate for a small remaining deviation.
        let absorbed =
            narrator.max_rounds() <= 3 && SMALL_STRETCH.contains(&((wanted - take.speech_seconds()) / silent));
        let changed = plan.revise(&speeches);
        let settled = deviation(&take) < TOLERANCE || absorbed || changed.is_empty() || round == narrator.max_rounds();
        if best.as_ref().is_none_or(|before| deviation(&take) < deviation(before)) {
            best = Some(take);
        }
        if settled {
            break;
        }
        let changed_lines: Vec<Line> = changed.iter().map(|index| lines[*index].clone()).collect();
        let changed_paces: Vec<f64> = changed.iter().map(|index| plan.paces[*index]).collect();
        let spoken = speak_all(narrator, &changed_lines, &changed_paces).await?;
        for (index, speech) in changed.into_iter().zip(spoken) {
            speeches[index] = speech;
        }
    }
    let mut take = best.ok_or(Error::EmptyScript)?;
    if silent > 0.0 && (take.seconds() / wanted - 1.0).abs() > TOLERANCE {
        let stretch = ((wanted - take.speech_seconds()) / silent).clamp(0.5, 1.7);
        take.pauses.iter_mut().for_each(|pause| *pause *= stretch);
    }
    Ok(take)
}

/// The pace of each sentence.
struct Plan {
    /// The seconds that each sentence should take, excluding the pause before it.
    wanted: Vec<f64>,
    /// The seconds that each sentence takes at pace 1.
    natural: Vec<f64>,
    /// How far each pace may deviate from the common one.
    bounds: Vec<(f64, f64)>,
    /// The paces that the engine supports.
    range: RangeInclusive<f64>,
    paces: Vec<f64>,
}

impl Plan {
    async fn new(narrator: &dyn Narrator, lines: &[Line], pauses: &[f64], rate: f64) -> Result<Self, Error> {
        // Pauses never leave less than a quarter of the time for speech.
        let units: f64 = lines.iter().map(Line::units).sum();
        let total = units * 60.0 / rate;
        let speech = (total - pauses.iter().sum::<f64>()).max(total / 4.0);
        let mut natural = Vec::with_capacity(lines.len());
        for line in lines {
            let estimate = narrator.estimate_seconds(&line.utterance, &line.place).await?;
            natural.push(estimate.unwrap_or(line.units() * 60.0 / NATURAL_RATE));
        }
        let mut plan = Self {
            wanted: lines.iter().map(|line| line.units() * speech / units).collect(),
            natural,
            bounds: lines.iter().map(Line::bounds).collect(),
            range: narrator.paces(),
            paces: Vec::new(),
        };
        plan.paces = plan.solve();
        Ok(plan)
    }

    /// Uses the measured speech as the new estimate. Returns the sentences whose pace changed.
    fn revise(&mut self, speeches: &[Speech]) -> Vec<usize> {
        self.natural = speeches.iter().zip(&self.paces).map(|(speech, pace)| speech.seconds() * pace).collect();
        let before = std::mem::take(&mut self.paces);
        self.paces = self.solve();
        (0..before.len()).filter(|index| (self.paces[*index] - before[*index]).abs() > STEP / 2.0).collect()
    }

    /// Finds the common pace at which all sentences together take the desired time, and the resulting pace of each.
    fn solve(&self) -> Vec<f64> {
        let total: f64 = self.wanted.iter().sum();
        let paces = |common: f64| -> Vec<f64> {
            let own = self.natural.iter().zip(&self.wanted).map(|(natural, wanted)| natural / wanted);
            let bounded = own.zip(&self.bounds).map(|(own, (low, high))| own.clamp(common * low, common * high));
            bounded.map(|pace| pace.clamp(*self.range.start(), *self.range.end())).collect()
        };
        let seconds =
            |paces: &[f64]| -> f64 { self.natural.iter().zip(paces).map(|(natural, pace)| natural / pace).sum() };
        let mut slow = 0.05;
        let mut fast = 20.0;
        for _ in 0..40 {
            let middle = f64::midpoint(slow, fast);
            if seconds(&paces(middle)) > total { slow = middle } else { fast = middle }
        }
        let step = |pace: f64| ((pace / STEP).round() * STEP).clamp(*self.range.start(), *self.range.end());
        paces(fast).into_iter().map(step).collect()
    }
}

async fn speak_all(narrator: &dyn Narrator, lines: &[Line], paces: &[f64]) -> Result<Vec<Speech>, Error> {
    let speak = async |(line, pace): (&Line, &f64)| {
        let speech = trim(narrator.speak(&line.utterance, *pace, &line.place).await?);
        if speech.samples.is_empty() {
            return Err(Error::EngineOutput { place: line.place.clone(), reason: "the speech is silent".to_owned() });
        }
        Ok(speech)
    };
    stream::iter(lines.iter().zip(paces).map(speak)).buffered(narrator.concurrency()).try_collect().await
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
    use crate::spoken::Lexicon;

    /// A narrator that speaks a word in 0.3 s at pace 1. Like real engines, it deviates from the requested pace.
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
            let words = u16::try_from(sentence.spoken_words()).unwrap();
            let seconds = f64::from(words) * 0.3 / pace.powf(0.8) + 0.1;
            Ok(Speech { samples: vec![0.1; crate::sound::frames(seconds, 22_050)], rate: 22_050, words: None })
        }
    }

    fn script() -> Vec<Line> {
        let line = |segment, text: &str| Line {
            segment,
            place: String::new(),
            utterance: Utterance::of(text, Lexicon::default()).unwrap().unwrap(),
        };
        vec![
            line(0, "Hello there, this is a first sentence of some length."),
            line(1, "And here is one more of them, which says nothing new."),
            line(1, "The last one is short."),
        ]
    }

    async fn reached(rate: u16) -> (f64, Take) {
        let lines = script();
        let words: usize = lines.iter().map(|line| line.utterance.spoken_words()).sum();
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

    /// Terms full of numbers are spoken at the same rate as prose.
    #[tokio::test]
    async fn numbers_are_not_faster_than_prose() {
        let line = |text: &str| Line {
            segment: 0,
            place: String::new(),
            utterance: Utterance::of(text, Lexicon::default()).unwrap().unwrap(),
        };
        let lines = [
            line("Your team at the bank has an idea or two for you today."),
            line("The 4.25% APY applies to balances of $1,250.50 until 12/31/2026."),
            line("Call 1-800-555-0100 or 1-800-555-0101."),
        ];
        let take = speak(&SluggishNarrator, &lines, 170).await.unwrap();
        let rate = |index: usize| {
            let words = u16::try_from(lines[index].utterance.spoken_words()).unwrap();
            f64::from(words) * 60.0 / take.speeches[index].seconds()
        };
        assert!(rate(1) <= rate(0) * 1.02, "{} {}", rate(1), rate(0));
        assert!(rate(2) < rate(0) * 0.95, "{} {}", rate(2), rate(0));
    }
}
