//! The pace of each sentence, which is the same in every video.
//!
//! The rate is the number of spoken words divided by the minutes from the start of the first sentence to the end of the
//! last, including pauses. "4.25%" counts as five words, so terms full of numbers are not rushed.
//!
//! A voice has one tempo for each requested rate, found once with a reference text. A sentence's pace depends on the
//! tempo and on the sentence alone, so a sentence sounds the same in every video and at every position. Its pace is
//! close to the tempo's pace. Terms full of numbers get 3 % more time than prose, so they are never faster. Telephone
//! numbers and references get more time, because listeners write them down.

use std::ops::RangeInclusive;

use contracts::{Digest, Language};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lines::{self, Line};
use crate::narrator::{Narrator, Order, Speech};
use crate::sound::{self, trim};
use crate::spoken::Word;
use crate::timing::{self, Take};

/// The seconds of silence between two sentences in a segment.
const SENTENCE_PAUSE: f64 = 0.35;
/// The seconds of silence between two segments.
const SEGMENT_PAUSE: f64 = 0.7;
/// The accepted relative deviation of the spoken reference text from its expected length.
const TOLERANCE: f64 = 0.01;
/// The step between paces: the smallest difference that Polly and other speech services distinguish.
const STEP: f64 = 0.01;

/// The time for a dictated word, as a multiple of an ordinary word's time.
const DICTATED: f64 = 1.25;
/// The time for a sentence with numbers, as a multiple of the time for prose with as many words. It is above 1, because
/// an engine's estimate is off by a few percent, and numbers must not end up faster than prose.
const NUMBERS: f64 = 1.03;
/// The slowest and the fastest pace of a sentence, relative to the tempo's pace.
const PROSE_BOUNDS: (f64, f64) = (0.85, 1.1);
const NUMBER_BOUNDS: (f64, f64) = (0.8, 1.08);
const DICTATED_BOUNDS: (f64, f64) = (0.7, 0.95);

/// The text used to find a voice's tempo: typical sentences from a bank, with one segment per paragraph.
///
/// It does not come from the bank's phrasebook, so adding a phrase does not change how the others sound.
const fn reference(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("reference.en.txt"),
        Language::Spanish => include_str!("reference.es.txt"),
    }
}

/// Returns the digest of a language's reference text, on which every tempo depends.
pub fn reference_digest(language: Language) -> Digest {
    Digest::of(reference(language).as_bytes())
}

impl Line {
    /// Returns the number of spoken words, giving more weight to words that listeners write down.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a sentence has some dozen words")]
    pub fn units(&self) -> f64 {
        let weigh = |word: &Word| word.spoken_words() as f64 * if word.dictated { DICTATED } else { 1.0 };
        self.utterance.words().iter().map(weigh).sum()
    }

    /// Returns whether the sentence contains digits and therefore gets more time.
    pub fn has_numbers(&self) -> bool {
        self.utterance.words().iter().any(|word| word.shown.contains(|c: char| c.is_ascii_digit()))
    }

    fn bounds(&self) -> (f64, f64) {
        if self.utterance.words().iter().any(|word| word.dictated) {
            DICTATED_BOUNDS
        } else if self.has_numbers() {
            NUMBER_BOUNDS
        } else {
            PROSE_BOUNDS
        }
    }
}

/// The measured settings for one voice at one requested rate, the same for all customers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tempo {
    /// The seconds that a spoken word should take, not counting pauses between sentences.
    word_seconds: f64,
    /// The pace of an average sentence.
    pace: f64,
    /// The ratio of the measured seconds to the engine's estimates.
    scale: f64,
    /// The factor for the pauses. It differs from 1 if the engine's paces do not reach the rate.
    stretch: f64,
    /// The gain in decibels that brings the voice to the loudness of a narration.
    gain: f64,
}

impl Tempo {
    /// Finds the tempo of a voice at `words_per_minute` with the reference text.
    ///
    /// If the engine's range of paces cannot reach the rate, scales the pauses by a factor of 0.5 to 1.7.
    pub async fn find(narrator: &dyn Narrator, words_per_minute: u16) -> Result<Self, Error> {
        let lines = lines::of_text(reference(narrator.language()), None, narrator.language())?;
        let units: f64 = lines.iter().map(Line::units).sum();
        let total = units * 60.0 / f64::from(words_per_minute);
        let pauses = pauses(&lines);
        let silent: f64 = pauses.iter().sum();
        // Pauses never leave less than a quarter of the time for speech.
        let speech = (total - silent).max(total / 4.0);
        let mut estimates = Vec::with_capacity(lines.len());
        for line in &lines {
            estimates.push(narrator.estimate_seconds(&line.utterance, &line.place).await?);
        }
        let mut tempo = Self { word_seconds: speech / units, pace: 1.0, scale: 1.0, stretch: 1.0, gain: 0.0 };
        let mut round = 1;
        let spoken_seconds: f64 = loop {
            tempo.pace = tempo.common_pace(&lines, &estimates, &narrator.paces());
            let paces = tempo.paces(&lines, &estimates, &narrator.paces());
            let expected: f64 =
                estimates.iter().zip(&paces).map(|(estimate, pace)| tempo.scale * estimate / pace).sum();
            if let Some(gain) = narrator.gain() {
                tempo.gain = gain;
                break expected;
            }
            let orders = lines.iter().zip(&paces).map(|(line, pace)| line.order(*pace)).collect::<Vec<_>>();
            let speeches = speak_all(narrator, &orders).await?;
            let spoken: f64 = speeches.iter().map(Speech::seconds).sum();
            tempo.scale *= spoken / expected;
            if round == narrator.max_rounds() || (spoken / expected - 1.0).abs() < TOLERANCE {
                let take = Take { speeches, pauses: pauses.clone(), gain: 0.0 };
                tempo.gain = sound::leveling_gain(&timing::assemble(&lines, &take)?.samples)?;
                tempo.pace = tempo.common_pace(&lines, &estimates, &narrator.paces());
                let paces = tempo.paces(&lines, &estimates, &narrator.paces());
                break estimates.iter().zip(&paces).map(|(estimate, pace)| tempo.scale * estimate / pace).sum();
            }
            round += 1;
        };
        if (spoken_seconds / speech - 1.0).abs() > 2.0 * TOLERANCE {
            tempo.stretch = ((total - spoken_seconds) / silent).clamp(0.5, 1.7);
        }
        Ok(tempo)
    }

    /// Returns the gain in decibels.
    pub const fn gain(&self) -> f64 {
        self.gain
    }

    /// Returns the pace of a sentence that takes `estimate` seconds at pace 1.
    pub fn pace(&self, line: &Line, estimate: f64, range: &RangeInclusive<f64>) -> f64 {
        let care = if line.has_numbers() { NUMBERS } else { 1.0 };
        let own = self.scale * estimate / (line.units() * self.word_seconds * care);
        let (low, high) = line.bounds();
        let pace = own.clamp(self.pace * low, self.pace * high);
        ((pace / STEP).round() * STEP).clamp(*range.start(), *range.end())
    }

    fn paces(&self, lines: &[Line], estimates: &[f64], range: &RangeInclusive<f64>) -> Vec<f64> {
        lines.iter().zip(estimates).map(|(line, estimate)| self.pace(line, *estimate, range)).collect()
    }

    /// Finds the pace around which all sentences together take the desired time.
    fn common_pace(&self, lines: &[Line], estimates: &[f64], range: &RangeInclusive<f64>) -> f64 {
        let wanted: f64 = lines.iter().map(Line::units).sum::<f64>() * self.word_seconds;
        let seconds = |pace: f64| -> f64 {
            let paces = Self { pace, ..*self }.paces(lines, estimates, range);
            estimates.iter().zip(paces).map(|(estimate, pace)| self.scale * estimate / pace).sum()
        };
        let mut slow = 0.05;
        let mut fast = 20.0;
        for _ in 0..40 {
            let middle = f64::midpoint(slow, fast);
            if seconds(middle) > wanted { slow = middle } else { fast = middle }
        }
        fast
    }

    /// Returns the seconds of silence before each sentence.
    pub fn pauses(&self, lines: &[Line]) -> Vec<f64> {
        pauses(lines).into_iter().map(|pause| pause * self.stretch).collect()
    }
}

/// Speaks sentences, and trims the silence around them.
pub async fn speak_all(narrator: &dyn Narrator, orders: &[Order<'_>]) -> Result<Vec<Speech>, Error> {
    let spoken = narrator.speak_all(orders).await?;
    let trimmed = spoken.into_iter().zip(orders).map(|(speech, order)| {
        let speech = trim(speech);
        if speech.samples.is_empty() {
            let place = order.location.to_owned();
            return Err(Error::EngineOutput { place, reason: "the speech is silent".to_owned() });
        }
        Ok(speech)
    });
    trimmed.collect()
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
    use crate::spoken::Utterance;

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
        async fn estimate_seconds(&self, sentence: &Utterance, _: &str) -> Result<f64, Error> {
            Ok(f64::from(u16::try_from(sentence.spoken_words()).unwrap()) * 0.3 + 0.1)
        }
        async fn speak(&self, order: Order<'_>) -> Result<Speech, Error> {
            let words = u16::try_from(order.sentence.spoken_words()).unwrap();
            let seconds = f64::from(words) * 0.3 / order.pace.powf(0.8) + 0.1;
            Ok(Speech { samples: vec![0.1; sound::frames(seconds, sound::RATE)], rate: sound::RATE, words: None })
        }
    }

    const SCRIPT: &str = "Hello there, this is a first sentence of some length, and it says a few words more.\n\nAnd \
        here is one more of them, which says nothing new, but takes its time. The last one is short, as endings are.";

    async fn spoken(text: &str, rate: u16) -> (Vec<Line>, Take) {
        let lines = lines::of_text(text, None, Language::English).unwrap();
        let tempo = Tempo::find(&SluggishNarrator, rate).await.unwrap();
        let mut speeches = Vec::new();
        for line in &lines {
            let estimate = SluggishNarrator.estimate_seconds(&line.utterance, "").await.unwrap();
            let pace = tempo.pace(line, estimate, &SluggishNarrator.paces());
            speeches.push(SluggishNarrator.speak(line.order(pace)).await.unwrap());
        }
        let pauses = tempo.pauses(&lines);
        (lines, Take { speeches, pauses, gain: tempo.gain() })
    }

    fn rate_of(lines: &[Line], take: &Take) -> f64 {
        let words: f64 = lines.iter().map(Line::units).sum();
        let speech: f64 = take.speeches.iter().map(Speech::seconds).sum();
        words * 60.0 / (speech + take.pauses.iter().sum::<f64>())
    }

    #[tokio::test]
    async fn rate_is_reached_despite_a_deviating_pace() {
        for rate in [120, 140, 180] {
            let (lines, take) = spoken(SCRIPT, rate).await;
            let reached = rate_of(&lines, &take);
            assert!((reached / f64::from(rate) - 1.0).abs() < 0.05, "{rate}: {reached}");
            assert_eq!(take.pauses, [0.0, SEGMENT_PAUSE, SENTENCE_PAUSE]);
        }
    }

    #[tokio::test]
    async fn pauses_change_within_bounds_beyond_the_pace_range() {
        for rate in [80, 220] {
            let (_, take) = spoken(SCRIPT, rate).await;
            assert!(take.pauses.iter().all(|pause| *pause <= 1.2), "{:?}", take.pauses);
            assert!(take.pauses[1] >= 0.35, "{:?}", take.pauses);
        }
    }

    /// A sentence sounds the same in every script: neither its neighbors nor its position change its pace.
    #[tokio::test]
    async fn sentence_is_spoken_alike_in_every_script() {
        let sentence = "There is no monthly maintenance fee.";
        let (_, alone) = spoken(sentence, 140).await;
        let (_, last) = spoken(&format!("{SCRIPT} {sentence}"), 140).await;
        let (_, first) = spoken(&format!("{sentence} The APR is 19.49% to 27.49%.\n\n{SCRIPT}"), 140).await;
        assert_eq!(last.speeches.last(), Some(&alone.speeches[0]));
        assert_eq!(first.speeches[0], alone.speeches[0]);
        assert_eq!((alone.gain, last.gain), (first.gain, first.gain));
    }

    /// Terms full of numbers are spoken a little slower than prose.
    #[tokio::test]
    async fn numbers_are_not_faster_than_prose() {
        let text = "Your team at the bank has an idea or two for you today. The 4.25% APY applies to balances of \
            $1,250.50 until 12/31/2026. Call 1-800-555-0100 or 1-800-555-0101.";
        let (lines, take) = spoken(text, 170).await;
        let rate = |index: usize| {
            let words = u16::try_from(lines[index].utterance.spoken_words()).unwrap();
            f64::from(words) * 60.0 / take.speeches[index].seconds()
        };
        assert!((0.92..=1.0).contains(&(rate(1) / rate(0))), "{} {}", rate(1), rate(0));
        assert!(rate(2) < rate(0) * 0.95, "{} {}", rate(2), rate(0));
    }
}
