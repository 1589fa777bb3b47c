//! Finds the pace at which the whole narration has the rate that was asked for.
//!
//! The rate is: words as written ÷ minutes from the start of the first sentence to the end of the last, pauses
//! included. An engine's own idea of words a minute is another one, so the pace is found by measuring.

use std::ops::RangeInclusive;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::narrator::{Narrator, Speech};
use crate::sound::trim;
use crate::spoken::Utterance;

/// Seconds of silence between two sentences of a segment.
pub const BETWEEN_SENTENCES: f64 = 0.35;
/// Seconds of silence between two segments.
pub const BETWEEN_SEGMENTS: f64 = 0.7;
/// How near the rate must come, as a share.
const NEAR: f64 = 0.01;
/// The steps in which the pace is chosen, as a share: few paces, so that a sentence which comes again is spoken once.
const STEP: f64 = 0.02;

/// How much the pauses may be stretched so that nobody notices.
const SMALL_STRETCH: RangeInclusive<f64> = 0.7..=1.45;

/// A sentence of the script.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The index of its segment.
    pub segment: usize,
    /// Names it in errors.
    pub place: String,
    /// What is said.
    pub utterance: Utterance,
}

/// Every sentence spoken, and the seconds of silence before each.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// Trimmed speech, a sentence each.
    pub speeches: Vec<Speech>,
    /// Seconds before each sentence; none before the first.
    pub pauses: Vec<f64>,
}

impl Take {
    /// Seconds from the start of the first sentence to the end of the last.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.spoken() + self.pauses.iter().sum::<f64>()
    }

    fn spoken(&self) -> f64 {
        self.speeches.iter().map(Speech::seconds).sum()
    }
}

/// Speaks the script at `words_per_minute`. Where the engine's slowest or fastest pace does not reach it, the pauses
/// give way, down to half and up to 1.7 times their length, which is still under 1.5 s.
pub async fn speak(narrator: &dyn Narrator, lines: &[Line], words_per_minute: u16) -> Result<Take, Error> {
    let words: usize = lines.iter().map(|line| line.utterance.words().len()).sum();
    #[expect(clippy::cast_precision_loss, reason = "some hundred words")]
    let wanted = words as f64 * 60.0 / f64::from(words_per_minute);
    let pauses = pauses(lines);
    let silent: f64 = pauses.iter().sum();
    let paces = narrator.paces();

    let step = |pace: f64| ((pace / STEP).round() * STEP).clamp(*paces.start(), *paces.end());
    // A sentence of an engine without a pace of its own cannot be made shorter than its words need.
    let available = (wanted - silent).max(wanted / 4.0);
    let mut pace = step(match guess(narrator, lines).await? {
        Some(seconds) => seconds / available,
        None => f64::from(words_per_minute) / 140.0,
    });
    let mut best: Option<Take> = None;
    for _ in 0..narrator.rounds() {
        let take = Take { speeches: say_all(narrator, lines, pace).await?, pauses: pauses.clone() };
        let next = step(pace * take.spoken() / available);
        let off = |take: &Take| (take.seconds() / wanted - 1.0).abs();
        // Where speaking is dear, the pauses take up what is left, if that is little.
        let dear = narrator.rounds() <= 3 && SMALL_STRETCH.contains(&((wanted - take.spoken()) / silent));
        let settled = off(&take) < NEAR || dear || (next - pace).abs() < STEP / 2.0;
        if best.as_ref().is_none_or(|before| off(&take) < off(before)) {
            best = Some(take);
        }
        if settled {
            break;
        }
        pace = next;
    }
    let mut take = best.ok_or(Error::Nothing)?;
    if silent > 0.0 && (take.seconds() / wanted - 1.0).abs() > NEAR {
        let stretch = ((wanted - take.spoken()) / silent).clamp(0.5, 1.7);
        take.pauses.iter_mut().for_each(|pause| *pause *= stretch);
    }
    Ok(take)
}

/// How long all lines last at pace 1, if the engine can tell.
async fn guess(narrator: &dyn Narrator, lines: &[Line]) -> Result<Option<f64>, Error> {
    let mut sum = 0.0;
    for line in lines {
        match narrator.guess(&line.utterance, &line.place).await? {
            Some(seconds) => sum += seconds,
            None => return Ok(None),
        }
    }
    Ok(Some(sum))
}

async fn say_all(narrator: &dyn Narrator, lines: &[Line], pace: f64) -> Result<Vec<Speech>, Error> {
    let say = async |line: &Line| {
        let speech = trim(narrator.say(&line.utterance, pace, &line.place).await?);
        if speech.samples.is_empty() {
            return Err(Error::EngineOutput { place: line.place.clone(), reason: "it is silent".to_owned() });
        }
        Ok(speech)
    };
    stream::iter(lines.iter().map(say)).buffered(narrator.at_once()).try_collect().await
}

fn pauses(lines: &[Line]) -> Vec<f64> {
    let mut before = None;
    let pause = |line: &Line| {
        let pause = match before {
            None => 0.0,
            Some(segment) if segment == line.segment => BETWEEN_SENTENCES,
            Some(_) => BETWEEN_SEGMENTS,
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

    /// Says a word in 0.3 s at pace 1, but is slower than its pace promises, as real engines are.
    struct Drawler;

    #[async_trait]
    impl Narrator for Drawler {
        fn engine(&self) -> &'static str {
            "drawler 1"
        }
        fn voice(&self) -> &'static str {
            "any"
        }
        fn paces(&self) -> RangeInclusive<f64> {
            0.6..=1.5
        }
        fn rounds(&self) -> usize {
            5
        }
        async fn say(&self, sentence: &Utterance, pace: f64, _: &str) -> Result<Speech, Error> {
            let words = u16::try_from(sentence.words().len()).unwrap();
            let seconds = f64::from(words) * 0.3 / pace.powf(0.8) + 0.1;
            Ok(Speech { samples: vec![0.1; crate::sound::frames(seconds, 22_050)], rate: 22_050, words: None })
        }
    }

    fn script() -> Vec<Line> {
        let line = |segment, text: &str| Line {
            segment,
            place: String::new(),
            utterance: Utterance::of(text, &crate::Pronunciations::default()).unwrap().unwrap(),
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
        let take = speak(&Drawler, &lines, rate).await.unwrap();
        (f64::from(u16::try_from(words).unwrap()) * 60.0 / take.seconds(), take)
    }

    #[tokio::test]
    async fn the_rate_is_met_whatever_the_engine_thinks_of_its_pace() {
        for rate in [120, 140, 180] {
            let (reached, take) = reached(rate).await;
            assert!((reached / f64::from(rate) - 1.0).abs() < 0.015, "{rate}: {reached}");
            assert_eq!(take.pauses, [0.0, BETWEEN_SEGMENTS, BETWEEN_SENTENCES]);
        }
    }

    #[tokio::test]
    async fn beyond_the_engines_range_the_pauses_give_way_within_bounds() {
        for rate in [80, 220] {
            let (_, take) = reached(rate).await;
            assert!(take.pauses.iter().all(|pause| *pause <= 1.2), "{:?}", take.pauses);
            assert!(take.pauses[1] >= 0.35, "{:?}", take.pauses);
        }
    }
}
