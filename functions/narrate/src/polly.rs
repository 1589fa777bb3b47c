//! The Amazon Polly engine, behind the port to speech services: neural voices with speech marks for words.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::speech::{SAMPLE_RATE, SpeechError, WordMark};
use policy::disclosure::{Gate, Permit, SpeechService};

use crate::error::{Error, VoiceSource};
use crate::narrator::{Narrator, Speech};
use crate::spoken::Utterance;

/// Polly's neural English voices, default voice first.
pub const VOICES: [&str; 17] = [
    "Joanna", "Danielle", "Gregory", "Ivy", "Joey", "Justin", "Kendra", "Kevin", "Kimberly", "Matthew", "Ruth",
    "Salli", "Stephen", "Amy", "Arthur", "Brian", "Emma",
];

/// The maximum number of attempts per request. Polly throttles when many customers are narrated at a time.
const MAX_ATTEMPTS: u32 = 6;
/// The pause after the first failed attempt. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The service with one of its voices.
pub struct Polly {
    service: Arc<dyn SpeechService>,
    gate: Gate,
    voice: String,
}

impl Polly {
    /// Checks that the voice exists.
    pub fn new(service: Arc<dyn SpeechService>, gate: Gate, voice: &str, source: VoiceSource) -> Result<Self, Error> {
        if !VOICES.contains(&voice) {
            return Err(Error::UnknownVoice { from: source, available: VOICES.map(str::to_owned).to_vec() });
        }
        Ok(Self { service, gate, voice: voice.to_owned() })
    }

    /// Makes a request until it succeeds, or fails for good. Each attempt has its own permit.
    async fn attempt<T, F>(&self, location: &str, request: impl Fn(Permit) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, SpeechError>>,
    {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            match request(self.gate.permit().await?).await {
                Ok(answer) => return Ok(answer),
                Err(SpeechError::Unavailable(_)) if attempt < MAX_ATTEMPTS => {}
                Err(source) => return Err(Error::Service { place: location.to_owned(), source }),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }
}

#[async_trait]
impl Narrator for Polly {
    fn engine(&self) -> &'static str {
        "polly neural"
    }

    fn voice(&self) -> &str {
        &self.voice
    }

    /// Returns the range of the `prosody` SSML element in Polly.
    fn paces(&self) -> RangeInclusive<f64> {
        0.5..=2.0
    }

    fn max_rounds(&self) -> usize {
        2
    }

    /// Stays well below the quota of 8 requests per second for neural voices. A sentence takes two requests.
    fn concurrency(&self) -> usize {
        2
    }

    fn external_service(&self) -> Option<String> {
        Some(self.service.service())
    }

    async fn speak(&self, sentence: &Utterance, pace: f64, location: &str) -> Result<Speech, Error> {
        let failed = |source: SpeechError| Error::Service { place: location.to_owned(), source };
        let (ssml, offsets) = ssml(sentence, pace);
        let (pcm, marks) = tokio::try_join!(
            self.attempt(location, |permit| self.service.sound(permit, &ssml, &self.voice)),
            self.attempt(location, |permit| self.service.marks(permit, &ssml, &self.voice)),
        )?;
        let (samples, rest) = pcm.as_chunks::<2>();
        if samples.is_empty() || !rest.is_empty() {
            return Err(failed(SpeechError::Malformed("the sound is not 16-bit PCM")));
        }
        let samples: Vec<f32> =
            samples.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0).collect();
        let seconds = crate::sound::seconds(samples.len(), SAMPLE_RATE);
        Ok(Speech { samples, rate: SAMPLE_RATE, words: word_times(&offsets, &marks, seconds) })
    }
}

/// Returns the sentence as an SSML document, with the byte offset of each written word.
fn ssml(sentence: &Utterance, pace: f64) -> (String, Vec<usize>) {
    let mut document = format!("<speak><prosody rate=\"{:.0}%\">", pace * 100.0);
    let mut offsets = Vec::with_capacity(sentence.words().len());
    for (index, word) in sentence.words().iter().enumerate() {
        if index > 0 {
            document.push(' ');
        }
        offsets.push(document.len());
        // An utterance contains no characters that have a special meaning in XML.
        let _infallible = write!(document, "{}{}", word.said, word.pause.map_or(String::new(), String::from));
    }
    document.push_str("</prosody></speak>");
    (document, offsets)
}

/// Returns the span of each word, from its first mark to the next word's first mark. Returns `None` if a word has no
/// mark.
fn word_times(offsets: &[usize], marks: &[WordMark], seconds: f64) -> Option<Vec<(f64, f64)>> {
    let starts: Option<Vec<f64>> = offsets
        .iter()
        .enumerate()
        .map(|(index, from)| {
            let to = offsets.get(index + 1).copied().unwrap_or(usize::MAX);
            let first = marks.iter().find(|mark| (*from..to).contains(&mark.start))?;
            Some(f64::from(first.milliseconds) / 1000.0)
        })
        .collect();
    let starts = starts?;
    let end = |index: usize| starts.get(index + 1).copied().unwrap_or(seconds);
    Some(starts.iter().enumerate().map(|(index, start)| (*start, end(index).max(*start))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spoken::Lexicon;

    #[test]
    fn marks_map_to_written_words() {
        let sentence = Utterance::of("Earn 4.25% today.", Lexicon::default()).unwrap().unwrap();
        let (document, offsets) = ssml(&sentence, 0.96);
        assert_eq!(document, "<speak><prosody rate=\"96%\">Earn four point two five percent today.</prosody></speak>");
        let mark = |word: &str, milliseconds| WordMark { start: document.find(word).unwrap(), milliseconds };
        let marks =
            [mark("Earn", 6), mark("four", 300), mark("point", 560), mark("percent", 1200), mark("today", 1800)];
        let times = word_times(&offsets, &marks, 2.4).unwrap();
        assert_eq!(times, [(0.006, 0.3), (0.3, 1.8), (1.8, 2.4)]);
    }

    #[test]
    fn missing_mark_gives_no_times() {
        assert_eq!(word_times(&[0, 10], &[WordMark { start: 0, milliseconds: 5 }], 1.0), None);
    }
}
