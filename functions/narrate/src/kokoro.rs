//! The engine Kokoro-82M: a neural voice on the machine itself, by ONNX Runtime, with phonemes from espeak-ng.
//!
//! The model tells how long each phoneme lasts, so that the times of the words are exact.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::Tensor;
use tokio::sync::Semaphore;

use crate::Error;
use crate::error::VoiceFrom;
use crate::narrator::{Narrator, Speech};
use crate::phonemes::{Phonemizer, Sound, token};
use crate::spoken::Utterance;

/// Its voices of English, the default one first: `a` for American, `b` for British, `f` and `m` for a woman's and a
/// man's.
pub const VOICES: [&str; 28] = [
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
];

/// Samples a second.
const RATE: u32 = 24_000;
/// Samples for each frame of a phoneme's duration.
const FRAME: usize = 600;
/// The most tokens of one call, as the voices have rows; longer sentences are spoken in parts.
const MOST_TOKENS: usize = 509;
/// Numbers in a row of a voice.
const ROW: usize = 256;
/// Seconds by which a word is heard before the frames of its first phoneme begin: three frames, as in the library
/// kokoro, whose reader of timestamps this follows; `make voice-check` measures it.
const AHEAD: f64 = 0.075;
/// Seconds that a phoneme lasts at pace 1, measured over two sentences: from which the first guess of the pace comes.
/// Voices that are not listed are near the last.
const SECONDS_A_PHONEME: [(&str, f64); 14] = [
    ("af_alloy", 0.0568),
    ("af_aoede", 0.0581),
    ("af_bella", 0.0612),
    ("af_heart", 0.0581),
    ("af_jessica", 0.0525),
    ("af_kore", 0.0590),
    ("af_nicole", 0.0932),
    ("af_nova", 0.0561),
    ("af_river", 0.0520),
    ("af_sarah", 0.0567),
    ("af_sky", 0.0562),
    ("am_adam", 0.0562),
    ("am_echo", 0.0565),
    ("", 0.0565),
];

/// The model's output that tells the durations: the graph has it, but does not give it out.
const DURATIONS: &str = "/encoder/Clip_output_0";

/// What is appended to the model so that it gives its durations out: a second `graph` (field 7 of `ModelProto`) that
/// holds nothing but an `output` (field 12 of `GraphProto`), a tensor of floats named as [`DURATIONS`]. A message that
/// comes twice is merged by every reader of protocol buffers (Protocol Buffers, Encoding, "Last One Wins").
fn giving_durations() -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).expect("short messages");
        [&[number << 3 | 2, length], content].concat()
    };
    let tensor_of_floats = field(1, &[1 << 3, 1]);
    let output = [field(1, DURATIONS.as_bytes()), field(2, &tensor_of_floats)].concat();
    field(7, &field(12, &output))
}

/// Where its files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The model, `kokoro-v1.0.int8.onnx`.
    pub model: PathBuf,
    /// The folder of `VOICE.bin`.
    pub voices: PathBuf,
    /// The library of ONNX Runtime.
    pub runtime: PathBuf,
}

impl Files {
    /// The files in `folder`, if they are there; whether they are what they must be, the installer has seen.
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

/// The loaded model. Kept across customers: to load it takes as long as to speak a second.
///
/// ONNX Runtime's sessions are not to be used by two threads at once, so there is one for each sentence that is spoken
/// at the same time. A session runs on one thread: two threads take a third more CPU time for the same sentence.
pub struct Model {
    files: Files,
    environment: Environment,
    idle: Mutex<Vec<Session>>,
    places: Semaphore,
    at_once: usize,
    voices: Mutex<HashMap<String, Arc<Vec<f32>>>>,
}

impl Model {
    /// Loads the runtime and the model. `at_once` is how many sentences are spoken at the same time.
    pub fn load(files: Files, at_once: usize) -> Result<Self, Error> {
        let environment = environment(&files.runtime)?;
        let model = Self {
            files,
            environment,
            idle: Mutex::default(),
            places: Semaphore::new(at_once.max(1)),
            at_once: at_once.max(1),
            voices: Mutex::default(),
        };
        let first = model.session()?;
        model.put_back(first);
        Ok(model)
    }

    fn session(&self) -> Result<Session, Error> {
        if let Some(idle) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(idle);
        }
        let broken = |reason: String| Error::VoiceFiles { file: self.files.model.clone(), reason };
        let mut bytes = std::fs::read(&self.files.model).map_err(|error| broken(error.to_string()))?;
        bytes.extend(giving_durations());
        let build = || -> Result<Session, ort::Error> {
            Session::builder(&self.environment)?
                .with_intra_threads(1)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .commit_from_memory(&bytes)
        };
        build().map_err(|error| broken(error.to_string()))
    }

    fn put_back(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    /// A voice: for each count of tokens a row of [`ROW`] numbers.
    fn voice(&self, name: &str) -> Result<Arc<Vec<f32>>, Error> {
        let mut voices = self.voices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(voice) = voices.get(name) {
            return Ok(voice.clone());
        }
        let file = self.files.voices.join(format!("{name}.bin"));
        let broken = |reason: String| Error::VoiceFiles { file: file.clone(), reason };
        let bytes = std::fs::read(&file).map_err(|error| broken(error.to_string()))?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || numbers.len() != (MOST_TOKENS + 1) * ROW {
            return Err(broken("not a voice of Kokoro".to_owned()));
        }
        let voice = Arc::new(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect::<Vec<f32>>());
        voices.insert(name.to_owned(), voice.clone());
        Ok(voice)
    }

    /// Speaks tokens: the samples, and the frames that each token lasts, the two at the ends with them.
    fn speak(&self, tokens: &[i64], voice: &[f32], speed: f32, at: &str) -> Result<(Vec<f32>, Vec<usize>), Error> {
        let failed = |reason: String| Error::EngineOutput { place: at.to_owned(), reason };
        let row = tokens.len().min(MOST_TOKENS) * ROW;
        let padded: Vec<i64> = [&[0], tokens, &[0]].concat();
        let mut session = self.session()?;
        let call = |session: &mut Session| -> Result<(Vec<f32>, Vec<f32>), ort::Error> {
            let outputs = session.run(ort::inputs![
                "tokens" => Tensor::from_array(([1, padded.len()], padded))?,
                "style" => Tensor::from_array(([1, ROW], voice[row..row + ROW].to_vec()))?,
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
            return Err(failed("the durations are not those of the sound".to_owned()));
        }
        if samples.iter().any(|sample| !sample.is_finite()) {
            return Err(failed("the sound is none".to_owned()));
        }
        Ok((samples, frames))
    }
}

/// The process has one environment of the runtime.
fn environment(runtime: &Path) -> Result<Environment, Error> {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment.clone());
    }
    let broken = |reason: String| Error::VoiceFiles { file: runtime.to_owned(), reason };
    let builder = ort::init_from(runtime).map_err(|error| broken(error.to_string()))?;
    let built =
        builder.with_name("bespoke").with_telemetry(false).build().map_err(|error| broken(error.to_string()))?;
    Ok(ENVIRONMENT.get_or_init(|| built).clone())
}

/// The model with one of its voices.
pub struct Kokoro {
    model: Arc<Model>,
    phonemizer: Phonemizer,
    engine: String,
    voice: String,
    style: Arc<Vec<f32>>,
}

impl Kokoro {
    /// Checks that there is such a voice. `espeak` is the program with which it finds the phonemes.
    pub async fn new(model: Arc<Model>, espeak: &Path, voice: &str, from: VoiceFrom) -> Result<Self, Error> {
        if !VOICES.contains(&voice) {
            return Err(Error::UnknownVoice { from, available: VOICES.map(str::to_owned).to_vec() });
        }
        let phonemes_from = crate::espeak::engine_version(espeak).await?;
        let engine = format!("kokoro-82m 1.0 int8, {phonemes_from}");
        let style = model.voice(voice)?;
        let phonemizer = Phonemizer::new(espeak.to_owned(), voice.starts_with('b'));
        Ok(Self { model, phonemizer, engine, voice: voice.to_owned(), style })
    }

    async fn speak(&self, tokens: Vec<i64>, pace: f64, at: &str) -> Result<(Vec<f32>, Vec<usize>), Error> {
        let _place = self.model.places.acquire().await.expect("the semaphore is never closed");
        let (model, style, at) = (self.model.clone(), self.style.clone(), at.to_owned());
        #[expect(clippy::cast_possible_truncation, reason = "a pace needs no more digits")]
        let work = move || model.speak(&tokens, &style, pace as f32, &at);
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

    /// The model takes any, but slurs and stumbles beyond these.
    fn paces(&self) -> RangeInclusive<f64> {
        0.6..=1.6
    }

    /// A sentence costs half as much CPU time as it lasts.
    fn rounds(&self) -> usize {
        3
    }

    fn at_once(&self) -> usize {
        self.model.at_once
    }

    async fn guess(&self, sentence: &Utterance, at: &str) -> Result<Option<f64>, Error> {
        let phonemes: usize = self.phonemizer.sounds(sentence, at).await?.iter().map(Written::length).sum();
        #[expect(clippy::cast_precision_loss, reason = "some hundred phonemes")]
        let phonemes = phonemes as f64;
        let own = SECONDS_A_PHONEME.iter().find(|(voice, _)| *voice == self.voice || voice.is_empty());
        Ok(own.map(|(_, seconds)| phonemes * seconds))
    }

    async fn say(&self, sentence: &Utterance, pace: f64, at: &str) -> Result<Speech, Error> {
        let sounds = self.phonemizer.sounds(sentence, at).await?;
        let mut samples = Vec::new();
        let mut words = vec![(f64::MAX, 0.0_f64); sentence.words().len()];
        for part in parts(&sounds) {
            let written = Written::of(part);
            let (heard, frames) = self.speak(written.tokens, pace, at).await?;
            let begun = crate::sound::seconds(samples.len(), RATE);
            samples.extend(heard);
            for (sound, span) in part.iter().zip(written.spans) {
                // The frames begin with those of the silence before the first token.
                let time = |token: usize| {
                    let before: usize = frames[..=token].iter().sum();
                    (begun + crate::sound::seconds(before * FRAME, RATE) - AHEAD).max(0.0)
                };
                let word = &mut words[sound.word];
                *word = (word.0.min(time(span.0)), word.1.max(time(span.1)));
            }
        }
        Ok(Speech { samples, rate: RATE, words: Some(words) })
    }
}

/// Sounds as the model reads them.
struct Written {
    tokens: Vec<i64>,
    /// The tokens of each sound, from and to.
    spans: Vec<(usize, usize)>,
}

impl Written {
    fn of(sounds: &[Sound]) -> Self {
        let known = |letter: char| token(letter).expect("the phonemizer lets only known letters through");
        let mut written = Self { tokens: Vec::new(), spans: Vec::new() };
        for sound in sounds {
            if sound.spaced && !written.tokens.is_empty() {
                written.tokens.push(known(' '));
            }
            let from = written.tokens.len();
            written.tokens.extend(sound.phonemes.chars().map(known));
            written.spans.push((from, written.tokens.len()));
            written.tokens.extend(sound.pause.map(known));
        }
        written
    }

    /// How many tokens a sound takes.
    fn length(sound: &Sound) -> usize {
        sound.phonemes.chars().count() + usize::from(sound.spaced) + usize::from(sound.pause.is_some())
    }
}

/// The sounds in parts that the model can take at once: halved at the pause nearest to the middle until they fit.
fn parts(sounds: &[Sound]) -> Vec<&[Sound]> {
    if sounds.len() < 2 || sounds.iter().map(Written::length).sum::<usize>() <= MOST_TOKENS {
        return vec![sounds];
    }
    let off = |at: &usize| at.abs_diff(sounds.len() / 2);
    let at_pause = (1..sounds.len()).filter(|at| sounds[at - 1].pause.is_some()).min_by_key(off);
    let at = at_pause.unwrap_or(sounds.len() / 2);
    [parts(&sounds[..at]), parts(&sounds[at..])].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sounds(count: usize) -> Vec<Sound> {
        let sound =
            |word| Sound {
                word, phonemes: "sˈAvɪŋz".to_owned(), spaced: true, pause: (word % 10 == 9).then_some(',')
            };
        (0..count).map(sound).collect()
    }

    #[test]
    fn every_sound_keeps_its_place_among_the_tokens() {
        let sounds = sounds(11);
        let written = Written::of(&sounds);
        for (sound, (from, to)) in sounds.iter().zip(&written.spans) {
            let expected: Vec<i64> = sound.phonemes.chars().map(|letter| token(letter).unwrap()).collect();
            assert_eq!(written.tokens[*from..*to], expected);
        }
        let most: usize = sounds.iter().map(Written::length).sum();
        assert!(written.tokens.len() <= most && written.tokens.len() + 1 >= most);
    }

    #[test]
    fn a_sentence_too_long_for_one_call_is_cut_at_pauses_and_loses_nothing() {
        let sounds = sounds(200);
        let parts = parts(&sounds);
        assert!(parts.iter().all(|part| Written::of(part).tokens.len() <= MOST_TOKENS));
        assert!(parts[..parts.len() - 1].iter().all(|part| part.last().unwrap().pause.is_some()));
        assert_eq!(parts.concat(), sounds);
    }

    #[test]
    fn what_is_appended_is_an_output_of_the_graph() {
        // As Python's onnx package writes `ModelProto(graph=GraphProto(output=[…]))`.
        let expected = "3a20621e0a162f656e636f6465722f436c69705f6f75747075745f3012040a020801";
        let bytes = expected.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let expected: Vec<u8> = bytes.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        assert_eq!(giving_durations(), expected);
    }
}
