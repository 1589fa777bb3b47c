//! The engine Amazon Polly, behind the port to speech services: its neural voices, with marks for the words.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::speech::{SAMPLE_RATE, SpeechError, SpeechService, WordMark};

use crate::Error;
use crate::error::VoiceFrom;
use crate::narrator::{Narrator, Speech};
use crate::spoken::Utterance;

/// Its neural voices of English, the default one first.
pub const VOICES: [&str; 17] = [
    "Joanna", "Danielle", "Gregory", "Ivy", "Joey", "Justin", "Kendra", "Kevin", "Kimberly", "Matthew", "Ruth",
    "Salli", "Stephen", "Amy", "Arthur", "Brian", "Emma",
];

/// The service with one of its voices.
pub struct Polly {
    service: Arc<dyn SpeechService>,
    voice: String,
}

impl Polly {
    /// Checks that there is such a voice.
    pub fn new(service: Arc<dyn SpeechService>, voice: &str, from: VoiceFrom) -> Result<Self, Error> {
        if !VOICES.contains(&voice) {
            return Err(Error::UnknownVoice { from, available: VOICES.map(str::to_owned).to_vec() });
        }
        Ok(Self { service, voice: voice.to_owned() })
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

    /// What SSML's `prosody` takes there.
    fn paces(&self) -> RangeInclusive<f64> {
        0.5..=2.0
    }

    fn rounds(&self) -> usize {
        2
    }

    /// Well below the service's quota of 8 requests a second for neural voices, two requests a sentence.
    fn at_once(&self) -> usize {
        2
    }

    fn outside(&self) -> Option<String> {
        Some(self.service.service())
    }

    async fn say(&self, sentence: &Utterance, pace: f64, at: &str) -> Result<Speech, Error> {
        let failed = |source: SpeechError| Error::Service { place: at.to_owned(), source };
        let (ssml, places) = ssml(sentence, pace);
        let ask =
            async { tokio::try_join!(self.service.sound(&ssml, &self.voice), self.service.marks(&ssml, &self.voice)) };
        let (pcm, marks) = ask.await.map_err(failed)?;
        let (samples, rest) = pcm.as_chunks::<2>();
        if samples.is_empty() || !rest.is_empty() {
            return Err(failed(SpeechError::Malformed("the sound is no PCM of 16 bits")));
        }
        let samples: Vec<f32> =
            samples.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0).collect();
        let seconds = crate::sound::seconds(samples.len(), SAMPLE_RATE);
        Ok(Speech { samples, rate: SAMPLE_RATE, words: times(&places, &marks, seconds) })
    }
}

/// The sentence as a document, and the first byte of each of its words in it.
fn ssml(sentence: &Utterance, pace: f64) -> (String, Vec<usize>) {
    let mut document = format!("<speak><prosody rate=\"{:.0}%\">", pace * 100.0);
    let mut places = Vec::with_capacity(sentence.words().len());
    for (index, word) in sentence.words().iter().enumerate() {
        if index > 0 {
            document.push(' ');
        }
        places.push(document.len());
        // Nothing that means something to XML is left in what is said: the utterance's own invariant.
        let _infallible = write!(document, "{}{}", word.said, word.pause.map_or(String::new(), String::from));
    }
    document.push_str("</prosody></speak>");
    (document, places)
}

/// When each word is heard: from its first mark to the next word's. Nothing, if a word has no mark.
fn times(places: &[usize], marks: &[WordMark], seconds: f64) -> Option<Vec<(f64, f64)>> {
    let starts: Option<Vec<f64>> = places
        .iter()
        .enumerate()
        .map(|(index, from)| {
            let to = places.get(index + 1).copied().unwrap_or(usize::MAX);
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

    #[test]
    fn a_mark_belongs_to_the_written_word_whose_sound_it_is_in() {
        let sentence = Utterance::of("Earn 4.25% today.", &crate::Pronunciations::default()).unwrap().unwrap();
        let (document, places) = ssml(&sentence, 0.96);
        assert_eq!(document, "<speak><prosody rate=\"96%\">Earn four point two five percent today.</prosody></speak>");
        let mark = |word: &str, milliseconds| WordMark { start: document.find(word).unwrap(), milliseconds };
        let marks =
            [mark("Earn", 6), mark("four", 300), mark("point", 560), mark("percent", 1200), mark("today", 1800)];
        let times = times(&places, &marks, 2.4).unwrap();
        assert_eq!(times, [(0.006, 0.3), (0.3, 1.8), (1.8, 2.4)]);
    }

    #[test]
    fn a_word_without_a_mark_leaves_the_times_unknown() {
        assert_eq!(times(&[0, 10], &[WordMark { start: 0, milliseconds: 5 }], 1.0), None);
    }
}
