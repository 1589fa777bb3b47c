//! The Kokoro-82M engine: a neural voice that runs locally on ONNX Runtime, with phonemes from espeak-ng.
//!
//! The model reports the duration of each phoneme, so word times are exact.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use contracts::Language;
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::Tensor;
use tokio::sync::Semaphore;

use crate::error::{Error, VoiceSource};
use crate::narrator::{Narrator, Order, Speech};
use crate::phonemes::{Accent, Phonemizer, Pronounced, token};
use crate::spoken::Utterance;

/// Kokoro's voices, default voice first. The prefix encodes the accent (`a` American, `b` British, `e` Spanish) and the
/// gender (`f` female, `m` male).
pub const VOICES: [&str; 31] = [
    "af_heart",
    "af_alloy",
    "af_aoede",
    "af_bella",
    "af_jessica",
    "af_kore",
    "af_nicole",
    "af_nova",
    "af_river",
    "af_sarah",
    "af_sky",
    "am_adam",
    "am_echo",
    "am_eric",
    "am_fenrir",
    "am_liam",
    "am_michael",
    "am_onyx",
    "am_puck",
    "am_santa",
    "bf_alice",
    "bf_emma",
    "bf_isabella",
    "bf_lily",
    "bm_daniel",
    "bm_fable",
    "bm_george",
    "bm_lewis",
    "ef_dora",
    "em_alex",
    "em_santa",
];

/// Returns the default voice of a language.
#[must_use]
pub const fn default_voice(language: Language) -> &'static str {
    match language {
        Language::English => VOICES[0],
        Language::Spanish => "ef_dora",
    }
}

/// Returns the language of a voice.
#[must_use]
pub fn language_of(voice: &str) -> Option<Language> {
    match voice.as_bytes().first()? {
        b'a' | b'b' => Some(Language::English),
        b'e' => Some(Language::Spanish),
        _ => None,
    }
}

/// Samples per second.
const RATE: u32 = 24_000;
/// Samples per frame. Phoneme durations are counted in frames.
const FRAME: usize = 600;
/// The maximum number of tokens per call. A voice has one row for each number of tokens from 0 to this one. Longer
/// sentences are split.
const MAX_TOKENS: usize = 509;
/// The number of values in each row of a voice.
const ROW_LENGTH: usize = 256;
/// How many seconds before the frames of its first phoneme a word becomes audible: three frames.
///
/// The value comes from the timestamp code of the kokoro library. `make voice-check` measures it.
const ONSET_LEAD: f64 = 0.075;
/// The measured properties of a voice.
struct VoiceFacts {
    /// The seconds per phoneme at pace 1.
    seconds_per_phoneme: f64,
    /// The gain in decibels that brings the voice to the loudness of a narration.
    gain: f64,
}

/// The facts about common voices, measured over three sentences at 140 words per minute. To find the tempo of any other
/// voice, the reference text is spoken once and measured.
const VOICE_FACTS: [(&str, VoiceFacts); 9] = [
    ("af_heart", VoiceFacts { seconds_per_phoneme: 0.0535, gain: 6.8 }),
    ("af_alloy", VoiceFacts { seconds_per_phoneme: 0.0528, gain: 6.7 }),
    ("af_aoede", VoiceFacts { seconds_per_phoneme: 0.0500, gain: 2.3 }),
    ("af_bella", VoiceFacts { seconds_per_phoneme: 0.0571, gain: 6.1 }),
    ("af_jessica", VoiceFacts { seconds_per_phoneme: 0.0462, gain: 6.7 }),
    ("af_kore", VoiceFacts { seconds_per_phoneme: 0.0538, gain: 2.7 }),
    ("af_nicole", VoiceFacts { seconds_per_phoneme: 0.0813, gain: 6.3 }),
    ("af_nova", VoiceFacts { seconds_per_phoneme: 0.0504, gain: 11.5 }),
    ("af_river", VoiceFacts { seconds_per_phoneme: 0.0471, gain: 6.2 }),
];

/// The seconds per phoneme of a voice that is not listed.
const SECONDS_PER_PHONEME: f64 = 0.053;

/// Returns the facts about a listed voice.
fn voice_facts(voice: &str) -> Option<&'static VoiceFacts> {
    VOICE_FACTS.iter().find(|(name, _)| *name == voice).map(|(_, facts)| facts)
}

/// The node in the model's graph that holds the durations. The original model does not declare it as an output.
const DURATIONS: &str = "/encoder/Clip_output_0";

/// Returns bytes that declare the durations as an output when they are appended to the model.
///
/// The bytes contain a second `graph` (field 7 of `ModelProto`) with one `output` (field 12 of `GraphProto`): a float
/// tensor named [`DURATIONS`]. Protocol buffer readers merge repeated messages (Protocol Buffers, Encoding, "Last One
/// Wins").
fn durations_output() -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).expect("short messages");
        [&[number << 3 | 2, length], content].concat()
    };
    let tensor_of_floats = field(1, &[1 << 3, 1]);
    let output = [field(1, DURATIONS.as_bytes()), field(2, &tensor_of_floats)].concat();
    field(7, &field(12, &output))
}

/// The paths of Kokoro's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The model, `kokoro-v1.0.int8.onnx`.
    pub model: PathBuf,
    /// The folder that contains one `VOICE.bin` per voice.
    pub voices: PathBuf,
    /// The ONNX Runtime library.
    pub runtime: PathBuf,
}

impl Files {
    /// Returns the files in `folder` if they exist. The installer has already verified their digests.
    #[must_use]
    pub fn find(folder: &Path) -> Option<Self> {
        let files = Self {
            model: folder.join("kokoro-v1.0.int8.onnx"),
            voices: folder.join("voices"),
            runtime: folder.join(if cfg!(target_os = "macos") { "libonnxruntime.dylib" } else { "libonnxruntime.so" }),
        };
        let default = files.voices.join(format!("{}.bin", VOICES[0]));
        [&files.model, &files.runtime, &default].iter().all(|file| file.is_file()).then_some(files)
    }
}

/// The loaded model, shared by all customers. Loading it takes as long as synthesizing one second of speech.
///
/// Two threads must not use an ONNX Runtime session at once, so each sentence in progress has its own session. A
/// session runs on one thread, because two threads take a third more CPU time for the same sentence.
pub struct Model {
    files: Files,
    environment: Environment,
    idle_sessions: Mutex<Vec<Session>>,
    permits: Semaphore,
    concurrency: usize,
    voices: Mutex<HashMap<String, Arc<Vec<f32>>>>,
}

impl Model {
    /// Loads the runtime and the model. `concurrency` is the number of sentences synthesized in parallel.
    pub fn load(files: Files, concurrency: usize) -> Result<Self, Error> {
        let environment = environment(&files.runtime)?;
        let model = Self {
            files,
            environment,
            idle_sessions: Mutex::default(),
            permits: Semaphore::new(concurrency.max(1)),
            concurrency: concurrency.max(1),
            voices: Mutex::default(),
        };
        let session = model.session()?;
        model.put_back(session);
        Ok(model)
    }

    fn session(&self) -> Result<Session, Error> {
        if let Some(idle) = self.idle_sessions.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(idle);
        }
        let invalid = |reason: String| Error::VoiceFiles { file: self.files.model.clone(), reason };
        let mut bytes = std::fs::read(&self.files.model).map_err(|error| invalid(error.to_string()))?;
        bytes.extend(durations_output());
        let build = || -> Result<Session, ort::Error> {
            Session::builder(&self.environment)?
                .with_intra_threads(1)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .commit_from_memory(&bytes)
        };
        build().map_err(|error| invalid(error.to_string()))
    }

    fn put_back(&self, session: Session) {
        self.idle_sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    /// Returns a voice: one row of [`ROW_LENGTH`] numbers for each possible number of tokens.
    fn voice(&self, name: &str) -> Result<Arc<Vec<f32>>, Error> {
        let mut voices = self.voices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(voice) = voices.get(name) {
            return Ok(voice.clone());
        }
        let file = self.files.voices.join(format!("{name}.bin"));
        let invalid = |reason: String| Error::VoiceFiles { file: file.clone(), reason };
        let bytes = std::fs::read(&file).map_err(|error| invalid(error.to_string()))?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || numbers.len() != (MAX_TOKENS + 1) * ROW_LENGTH {
            return Err(invalid("not a Kokoro voice".to_owned()));
        }
        let voice = Arc::new(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect::<Vec<f32>>());
        voices.insert(name.to_owned(), voice.clone());
        Ok(voice)
    }

    /// Speaks tokens. Returns the samples and each token's duration in frames, padding tokens included.
    fn speak(
        &self,
        tokens: &[i64],
        voice: &[f32],
        speed: f32,
        location: &str,
    ) -> Result<(Vec<f32>, Vec<usize>), Error> {
        let failed = |reason: String| Error::EngineOutput { place: location.to_owned(), reason };
        let row = tokens.len().min(MAX_TOKENS) * ROW_LENGTH;
        let padded: Vec<i64> = [&[0], tokens, &[0]].concat();
        let mut session = self.session()?;
        let call = |session: &mut Session| -> Result<(Vec<f32>, Vec<f32>), ort::Error> {
            let outputs = session.run(ort::inputs![
                "tokens" => Tensor::from_array(([1, padded.len()], padded))?,
                "style" => Tensor::from_array(([1, ROW_LENGTH], voice[row..row + ROW_LENGTH].to_vec()))?,
                "speed" => Tensor::from_array(([1], vec![speed]))?,
            ])?;
            let (_, samples) = outputs["audio"].try_extract_tensor::<f32>()?;
            let (_, frames) = outputs[DURATIONS].try_extract_tensor::<f32>()?;
            Ok((samples.to_vec(), frames.to_vec()))
        };
        let spoken = call(&mut session).map_err(|error| failed(error.to_string()));
        self.put_back(session);
        let (samples, frames) = spoken?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "frames of 1 to 50, whole numbers")]
        let frames: Vec<usize> = frames.into_iter().map(|frames| frames.round() as usize).collect();
        if frames.len() != tokens.len() + 2 || frames.iter().sum::<usize>() * FRAME != samples.len() {
            return Err(failed("the durations do not match the length of the sound".to_owned()));
        }
        if samples.iter().any(|sample| !sample.is_finite()) {
            return Err(failed("the sound contains invalid samples".to_owned()));
        }
        Ok((samples, frames))
    }
}

/// Returns the runtime's environment, which the whole process shares.
fn environment(runtime: &Path) -> Result<Environment, Error> {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment.clone());
    }
    let invalid = |reason: String| Error::VoiceFiles { file: runtime.to_owned(), reason };
    let builder = ort::init_from(runtime).map_err(|error| invalid(error.to_string()))?;
    let built =
        builder.with_name("bespoke").with_telemetry(false).build().map_err(|error| invalid(error.to_string()))?;
    Ok(ENVIRONMENT.get_or_init(|| built).clone())
}

/// Kokoro with one of its voices.
pub struct Kokoro {
    model: Arc<Model>,
    phonemizer: Phonemizer,
    engine: String,
    voice: String,
    style: Arc<Vec<f32>>,
}

impl Kokoro {
    /// Checks that the voice exists. `espeak` is the program that provides the phonemes.
    pub async fn new(model: Arc<Model>, espeak: &Path, voice: &str, source: VoiceSource) -> Result<Self, Error> {
        if !VOICES.contains(&voice) {
            return Err(Error::UnknownVoice { from: source, available: VOICES.map(str::to_owned).to_vec() });
        }
        let phonemizer = crate::espeak::engine_version(espeak).await?;
        let engine = format!("kokoro-82m 1.0 int8, {phonemizer}");
        let style = model.voice(voice)?;
        let phonemizer = Phonemizer::new(espeak.to_owned(), Accent::of_voice(voice));
        Ok(Self { model, phonemizer, engine, voice: voice.to_owned(), style })
    }

    async fn speak_tokens(&self, tokens: Vec<i64>, pace: f64, location: &str) -> Result<(Vec<f32>, Vec<usize>), Error> {
        let _permit = self.model.permits.acquire().await.expect("the semaphore is never closed");
        let model = self.model.clone();
        let style = self.style.clone();
        let location = location.to_owned();
        #[expect(clippy::cast_possible_truncation, reason = "a pace needs no more digits")]
        let work = move || model.speak(&tokens, &style, pace as f32, &location);
        tokio::task::spawn_blocking(work).await?
    }
}

#[async_trait]
impl Narrator for Kokoro {
    fn engine(&self) -> &str {
        &self.engine
    }

    fn voice(&self) -> &str {
        &self.voice
    }

    fn language(&self) -> Language {
        language_of(&self.voice).unwrap_or_default()
    }

    /// The model accepts any pace, but its speech becomes slurred outside this range.
    fn paces(&self) -> RangeInclusive<f64> {
        0.6..=1.6
    }

    /// Synthesis takes about half as much CPU time as the sentence lasts, so only one round is affordable.
    fn max_rounds(&self) -> usize {
        1
    }

    fn concurrency(&self) -> usize {
        self.model.concurrency
    }

    fn gain(&self) -> Option<f64> {
        voice_facts(&self.voice).map(|facts| facts.gain)
    }

    async fn estimate_seconds(&self, sentence: &Utterance, location: &str) -> Result<f64, Error> {
        let phonemes: usize = self.phonemizer.pronounce(sentence, location).await?.iter().map(Tokens::length).sum();
        #[expect(clippy::cast_precision_loss, reason = "some hundred phonemes")]
        let phonemes = phonemes as f64;
        let seconds = voice_facts(&self.voice).map_or(SECONDS_PER_PHONEME, |facts| facts.seconds_per_phoneme);
        Ok(phonemes * seconds)
    }

    async fn speak(&self, order: Order<'_>) -> Result<Speech, Error> {
        let Order { sentence, pace, location } = order;
        let pronounced = self.phonemizer.pronounce(sentence, location).await?;
        let mut samples = Vec::new();
        let mut words = vec![(f64::MAX, 0.0_f64); sentence.words().len()];
        for part in parts(&pronounced) {
            let tokens = Tokens::of(part);
            let (part_samples, frames) = self.speak_tokens(tokens.ids, pace, location).await?;
            let part_start = crate::sound::seconds(samples.len(), RATE);
            samples.extend(part_samples);
            for (sound, span) in part.iter().zip(tokens.spans) {
                // The first entry of `frames` is the silence before the first token.
                let time = |token: usize| {
                    let before: usize = frames[..=token].iter().sum();
                    (part_start + crate::sound::seconds(before * FRAME, RATE) - ONSET_LEAD).max(0.0)
                };
                let word = &mut words[sound.word];
                *word = (word.0.min(time(span.0)), word.1.max(time(span.1)));
            }
        }
        Ok(Speech { samples, rate: RATE, words: Some(words) })
    }
}

/// Pronounced words as tokens of the model.
struct Tokens {
    ids: Vec<i64>,
    /// The range of token indexes for each word: start, end.
    spans: Vec<(usize, usize)>,
}

impl Tokens {
    fn of(words: &[Pronounced]) -> Self {
        let id = |letter: char| token(letter).expect("the phonemizer returns only known letters");
        let mut tokens = Self { ids: Vec::new(), spans: Vec::new() };
        for word in words {
            if word.spaced && !tokens.ids.is_empty() {
                tokens.ids.push(id(' '));
            }
            let start = tokens.ids.len();
            tokens.ids.extend(word.phonemes.chars().map(id));
            tokens.spans.push((start, tokens.ids.len()));
            tokens.ids.extend(word.pause.map(id));
        }
        tokens
    }

    /// Returns the number of tokens in a word, including its space and its pause.
    fn length(word: &Pronounced) -> usize {
        word.phonemes.chars().count() + usize::from(word.spaced) + usize::from(word.pause.is_some())
    }
}

/// Splits words into parts that each fit into one call of the model.
///
/// Splits at the pause nearest to the middle, or at the middle if there is no pause, until every part fits or is a
/// single word.
fn parts(words: &[Pronounced]) -> Vec<&[Pronounced]> {
    if words.len() < 2 || words.iter().map(Tokens::length).sum::<usize>() <= MAX_TOKENS {
        return vec![words];
    }
    let distance = |at: &usize| at.abs_diff(words.len() / 2);
    let pause = (1..words.len()).filter(|at| words[at - 1].pause.is_some()).min_by_key(distance);
    let at = pause.unwrap_or(words.len() / 2);
    [parts(&words[..at]), parts(&words[at..])].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(count: usize) -> Vec<Pronounced> {
        let word = |index| Pronounced {
            word: index,
            phonemes: "sˈAvɪŋz".to_owned(),
            spaced: true,
            pause: (index % 10 == 9).then_some(','),
        };
        (0..count).map(word).collect()
    }

    #[test]
    fn spans_locate_each_word_among_the_tokens() {
        let words = words(11);
        let tokens = Tokens::of(&words);
        for (word, (start, end)) in words.iter().zip(&tokens.spans) {
            let expected: Vec<i64> = word.phonemes.chars().map(|letter| token(letter).unwrap()).collect();
            assert_eq!(tokens.ids[*start..*end], expected);
        }
        let most: usize = words.iter().map(Tokens::length).sum();
        assert!(tokens.ids.len() <= most && tokens.ids.len() + 1 >= most);
    }

    #[test]
    fn long_sentence_is_split_at_pauses() {
        let words = words(200);
        let parts = parts(&words);
        assert!(parts.iter().all(|part| Tokens::of(part).ids.len() <= MAX_TOKENS));
        assert!(parts[..parts.len() - 1].iter().all(|part| part.last().unwrap().pause.is_some()));
        assert_eq!(parts.concat(), words);
    }

    #[test]
    fn appended_bytes_declare_an_output() {
        // The output of Python's onnx package for `ModelProto(graph=GraphProto(output=[…]))`.
        let expected = "3a20621e0a162f656e636f6465722f436c69705f6f75747075745f3012040a020801";
        let bytes = expected.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let expected: Vec<u8> = bytes.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        assert_eq!(durations_output(), expected);
    }
}
