//! The Amazon Polly engine, behind the port to speech services: neural voices with speech marks for words.
//!
//! The service accepts few requests per second, so one document holds as many sentences as its limits allow. A `mark`
//! element and a pause before each sentence show where its audio starts.

use std::fmt::Write as _;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::Language;
use contracts::speech::{MAX_BILLED, MAX_CHARACTERS, MarkKind, SAMPLE_RATE, SpeechError, SpeechMark};
use policy::disclosure::{Gate, Permit, SpeechService};

use crate::error::{Error, VoiceSource};
use crate::narrator::{Narrator, Order, Speech};
use crate::sound::frames;

/// Polly's neural voices, default voice first. The last four speak US or Mexican Spanish.
pub const VOICES: [&str; 21] = [
    "Joanna", "Danielle", "Gregory", "Ivy", "Joey", "Justin", "Kendra", "Kevin", "Kimberly", "Matthew", "Ruth",
    "Salli", "Stephen", "Amy", "Arthur", "Brian", "Emma", "Lupe", "Pedro", "Mia", "Andres",
];

/// The voices that speak Spanish.
const SPANISH: [&str; 4] = ["Lupe", "Pedro", "Mia", "Andres"];

/// Returns the default voice of a language.
#[must_use]
pub const fn default_voice(language: Language) -> &'static str {
    match language {
        Language::English => VOICES[0],
        Language::Spanish => SPANISH[0],
    }
}

/// Returns the language of a voice.
#[must_use]
pub fn language_of(voice: &str) -> Option<Language> {
    let language = if SPANISH.contains(&voice) { Language::Spanish } else { Language::English };
    VOICES.contains(&voice).then_some(language)
}

/// The milliseconds of silence between the sentences of a document.
const BREAK: u32 = 500;

/// How many seconds before its mark a sentence's audio is cut, within the silence.
const LEAD: f64 = 0.15;

/// The maximum number of attempts per request. After that, the narration fails and the workflow may retry it.
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

    /// Speaks one document. Sends two requests, one after the other, so only a failed one is repeated.
    async fn speak_document(&self, document: &Document, location: &str) -> Result<Vec<Speech>, Error> {
        let ssml = &document.ssml;
        let pcm = self.attempt(location, |permit| self.service.sound(permit, ssml, &self.voice)).await?;
        let marks = self.attempt(location, |permit| self.service.marks(permit, ssml, &self.voice)).await?;
        let (samples, rest) = pcm.as_chunks::<2>();
        if samples.is_empty() || !rest.is_empty() {
            return Err(Error::of_service(location, SpeechError::Malformed("the sound is not 16-bit PCM")));
        }
        let samples: Vec<f32> =
            samples.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0).collect();
        document.cut(&samples, &marks).map_err(|error| Error::of_service(location, error))
    }

    /// Repeats a request until it succeeds, fails in a way that a retry cannot fix, or runs out of attempts. Each
    /// attempt has its own permit.
    async fn attempt<T, F>(&self, location: &str, request: impl Fn(Permit) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, SpeechError>>,
    {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            match request(self.gate.permit().await?).await {
                Ok(answer) => return Ok(answer),
                Err(SpeechError::Unavailable(_) | SpeechError::Throttled(_)) if attempt < MAX_ATTEMPTS => {}
                Err(source) => return Err(Error::of_service(location, source)),
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

    fn language(&self) -> Language {
        language_of(&self.voice).unwrap_or_default()
    }

    /// Returns the range of rates that Polly accepts in the `prosody` SSML element.
    fn paces(&self) -> RangeInclusive<f64> {
        0.5..=2.0
    }

    fn max_rounds(&self) -> usize {
        2
    }

    fn external_service(&self) -> Option<String> {
        Some(self.service.service())
    }

    async fn speak(&self, order: Order<'_>) -> Result<Speech, Error> {
        let spoken = self.speak_all(&[order]).await?.pop();
        spoken.ok_or_else(|| Error::of_service(order.location, SpeechError::Malformed("it lacks the sentence")))
    }

    async fn speak_all(&self, orders: &[Order<'_>]) -> Result<Vec<Speech>, Error> {
        let mut speeches = Vec::with_capacity(orders.len());
        for document in documents(orders) {
            let location = orders.get(speeches.len()).map_or("", |order| order.location);
            speeches.extend(self.speak_document(&document, location).await?);
        }
        Ok(speeches)
    }
}

/// A sentence within a document.
#[derive(Debug, PartialEq)]
struct Sentence {
    /// The sentence's bytes, from its `mark` element on.
    span: Range<usize>,
    /// The byte offset of each written word.
    words: Vec<usize>,
}

/// An SSML document with the places of its sentences.
#[derive(Debug)]
struct Document {
    ssml: String,
    sentences: Vec<Sentence>,
    billed: usize,
}

const OPENING: &str = "<speak>";
const CLOSING: &str = "</speak>";

/// Returns the fewest documents that hold all sentences in order.
fn documents(orders: &[Order<'_>]) -> Vec<Document> {
    let mut documents: Vec<Document> = Vec::new();
    for order in orders {
        let billed = order.sentence.text().chars().count();
        let has_room = |document: &&mut Document| {
            // Markup takes up to about 90 characters per sentence.
            let characters = document.ssml.len() + billed + 100;
            document.billed + billed <= MAX_BILLED && characters <= MAX_CHARACTERS
        };
        if let Some(document) = documents.last_mut().filter(has_room) {
            document.push(order, billed);
        } else {
            let mut document = Document { ssml: OPENING.to_owned(), sentences: Vec::new(), billed: 0 };
            document.push(order, billed);
            documents.push(document);
        }
    }
    for document in &mut documents {
        document.ssml.push_str(CLOSING);
    }
    documents
}

impl Document {
    fn push(&mut self, order: &Order<'_>, billed: usize) {
        // An utterance contains no characters that have a special meaning in XML, so no write can produce markup.
        if !self.sentences.is_empty() {
            let _infallible = write!(self.ssml, "<break time=\"{BREAK}ms\"/>");
        }
        let start = self.ssml.len();
        let _infallible = write!(self.ssml, "<mark name=\"{}\"/>", self.sentences.len());
        let _infallible = write!(self.ssml, "<prosody rate=\"{:.0}%\">", order.pace * 100.0);
        let mut words = Vec::with_capacity(order.sentence.words().len());
        for (index, word) in order.sentence.words().iter().enumerate() {
            if index > 0 {
                self.ssml.push(' ');
            }
            words.push(self.ssml.len());
            let _infallible = write!(self.ssml, "{}{}", word.said, word.pause.map_or(String::new(), String::from));
        }
        self.ssml.push_str("</prosody>");
        self.sentences.push(Sentence { span: start..self.ssml.len(), words });
        self.billed += billed;
    }

    /// Cuts the sound into its sentences, with the time of each word.
    fn cut(&self, samples: &[f32], marks: &[SpeechMark]) -> Result<Vec<Speech>, SpeechError> {
        let mut starts = Vec::with_capacity(self.sentences.len() + 1);
        for (index, sentence) in self.sentences.iter().enumerate() {
            let within = |mark: &&SpeechMark| sentence.span.contains(&mark.start);
            let element = marks.iter().filter(within).find(|mark| mark.kind == MarkKind::Element);
            let first = element.or_else(|| marks.iter().find(within));
            let first = first.ok_or(SpeechError::Malformed("a sentence has no speech mark"))?;
            let seconds = f64::from(first.milliseconds) / 1000.0 - LEAD;
            starts.push(if index == 0 { 0 } else { frames(seconds, SAMPLE_RATE).min(samples.len()) });
        }
        starts.push(samples.len());
        if starts.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(SpeechError::Malformed("the speech marks do not fit the sound"));
        }
        let cut = self.sentences.iter().zip(starts.windows(2)).map(|(sentence, bounds)| {
            let samples = samples[bounds[0]..bounds[1]].to_vec();
            let from = crate::sound::seconds(bounds[0], SAMPLE_RATE);
            let seconds = crate::sound::seconds(samples.len(), SAMPLE_RATE);
            let words = sentence.word_times(marks, from, seconds);
            Speech { samples, rate: SAMPLE_RATE, words }
        });
        Ok(cut.collect())
    }
}

impl Sentence {
    /// Returns the span of each word, from its first mark to the next word's first mark, in seconds after `from`.
    /// Returns `None` if a word has no mark.
    fn word_times(&self, marks: &[SpeechMark], from: f64, seconds: f64) -> Option<Vec<(f64, f64)>> {
        let ends = self.words.iter().skip(1).copied().chain([self.span.end]);
        let starts: Option<Vec<f64>> = self
            .words
            .iter()
            .zip(ends)
            .map(|(start, end)| {
                let is_first = |mark: &&SpeechMark| mark.kind == MarkKind::Word && (*start..end).contains(&mark.start);
                Some((f64::from(marks.iter().find(is_first)?.milliseconds) / 1000.0 - from).clamp(0.0, seconds))
            })
            .collect();
        let starts = starts?;
        let end = |index: usize| starts.get(index + 1).copied().unwrap_or(seconds);
        Some(starts.iter().enumerate().map(|(index, start)| (*start, end(index).max(*start))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spoken::{Lexicon, Utterance};

    fn utterance(text: &str) -> Utterance {
        Utterance::of(text, Lexicon::default()).unwrap().unwrap()
    }

    fn order(sentence: &Utterance, pace: f64) -> Order<'_> {
        Order { sentence, pace, location: "" }
    }

    #[test]
    fn one_document_holds_a_script() {
        let sentences = [utterance("Earn 4.25% today."), utterance("Thank you.")];
        let documents = documents(&[order(&sentences[0], 0.96), order(&sentences[1], 1.02)]);
        assert_eq!(
            documents[0].ssml,
            "<speak><mark name=\"0\"/><prosody rate=\"96%\">Earn four point two five percent today.</prosody>\
             <break time=\"500ms\"/><mark name=\"1\"/><prosody rate=\"102%\">Thank you.</prosody></speak>"
        );
        assert_eq!(documents.len(), 1);
    }

    #[test]
    fn documents_stay_within_the_limits() {
        for length in [1, 3, 12, 400] {
            let sentence = utterance(&"savings ".repeat(length));
            let orders = vec![order(&sentence, 1.0); 60];
            let documents = documents(&orders);
            assert_eq!(documents.iter().map(|document| document.sentences.len()).sum::<usize>(), 60);
            let billed = sentence.text().len();
            for document in &documents {
                let alone = document.sentences.len() == 1;
                assert!(document.billed <= MAX_BILLED || alone, "{length}: {}", document.billed);
                assert!(document.ssml.len() <= MAX_CHARACTERS, "{length}: {}", document.ssml.len());
                assert_eq!(document.billed, billed * document.sentences.len());
            }
        }
    }

    #[test]
    fn marks_map_to_sentences_and_written_words() {
        let sentences = [utterance("Earn 4.25% today."), utterance("Thank you.")];
        let document = documents(&[order(&sentences[0], 1.0), order(&sentences[1], 1.0)]).remove(0);
        let at = |text: &str| document.ssml.find(text).unwrap();
        let mark = |kind, text: &str, milliseconds| SpeechMark { kind, start: at(text), milliseconds };
        let word = |text: &str, milliseconds| mark(MarkKind::Word, text, milliseconds);
        let marks = [
            mark(MarkKind::Element, "<mark name=\"0\"/>", 0),
            word("Earn", 6),
            word("four", 300),
            word("percent", 1200),
            word("today", 1800),
            mark(MarkKind::Element, "<mark name=\"1\"/>", 2900),
            word("Thank", 2900),
            word("you", 3200),
        ];
        let speeches = document.cut(&vec![0.1; 4 * 16_000], &marks).unwrap();
        let near = |found: &[(f64, f64)], expected: &[(f64, f64)]| {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found.0 - expected.0).abs() < 1e-3 && (found.1 - expected.1).abs() < 1e-3, "{found:?}");
            }
        };
        near(speeches[0].words.as_ref().unwrap(), &[(0.006, 0.3), (0.3, 1.8), (1.8, 2.75)]);
        near(speeches[1].words.as_ref().unwrap(), &[(0.15, 0.45), (0.45, 1.25)]);
        assert!((speeches[0].seconds() - 2.75).abs() < 1e-3 && (speeches[1].seconds() - 1.25).abs() < 1e-3);
    }

    #[test]
    fn missing_mark_gives_no_times_or_an_error() {
        let sentences = [utterance("Thank you."), utterance("Good bye.")];
        let document = documents(&[order(&sentences[0], 1.0), order(&sentences[1], 1.0)]).remove(0);
        let start = document.ssml.find("<mark name=\"1\"/>").unwrap();
        let marks = [
            SpeechMark { kind: MarkKind::Element, start: OPENING.len(), milliseconds: 0 },
            SpeechMark { kind: MarkKind::Element, start, milliseconds: 1_000 },
        ];
        let speeches = document.cut(&vec![0.1; 32_000], &marks).unwrap();
        assert!(speeches.iter().all(|speech| speech.words.is_none()));
        assert!(document.cut(&vec![0.1; 32_000], &marks[..1]).is_err());
        assert!(document.cut(&vec![0.1; 8_000], &marks).is_err(), "the mark is after the end");
    }
}
