//! The engines behind the port: which speaks, what is recorded of it, and the real Kokoro.
//!
//! `make` puts Kokoro's files where the command looks for them ("bespoke voices install"); without them the tests of
//! Kokoro fail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::narration::{Narration, Timing};
use contracts::settings::{EngineChoice, SpeechServiceSettings, VoiceSettings};
use contracts::speech::{SpeechError, SpeechService, WordMark};
use contracts::{ErrorName, NamedError};
use narrate::kokoro::Files;
use narrate::{Engines, Error, Pronunciations, speak_text};
use serde_json::{Value, json};
use storage::secret::{SecretError, SecretName, SecretString, Secrets};
use tokio::sync::OnceCell;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const TEXT: &str = "Savings earn 4.25% APY. Ask Dr. Lee of the bank, José.\n\nThank you for banking with us.";

struct Key;

#[async_trait]
impl Secrets for Key {
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError> {
        Ok((name == SecretName::ModelKey).then(|| "k3y".into()))
    }
}

fn engines() -> Engines {
    Engines::new("espeak-ng".into(), outbound::client().unwrap())
}

async fn spoken(text: &str, settings: &VoiceSettings, engines: &Engines) -> Result<(Narration, Vec<u8>), Error> {
    speak_text(text, None, settings, engines, &Pronunciations::default(), &Key).await
}

fn chosen(engine: EngineChoice) -> VoiceSettings {
    VoiceSettings { engine, ..VoiceSettings::default() }
}

// ---------------------------------------------------------------- Kokoro

/// Where the installer puts Kokoro's files.
fn files() -> Option<Files> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").unwrap_or_else(|| set("HOME").unwrap().join(".cache"));
    let folder = set("BESPOKE_VOICES").unwrap_or_else(|| cache().join("bespoke/voices"));
    let files = Files::find(&folder);
    assert!(files.is_some(), "Kokoro is not in {}: run \"bespoke voices install\"", folder.display());
    files
}

/// Kokoro, loaded once for all tests of this file.
async fn kokoro() -> &'static Engines {
    static ENGINES: OnceCell<Engines> = OnceCell::const_new();
    ENGINES.get_or_init(|| async { engines().with_kokoro(files()) }).await
}

fn samples(wav: Vec<u8>) -> Vec<f32> {
    let reader = hound::WavReader::new(std::io::Cursor::new(wav)).unwrap();
    assert_eq!(reader.spec().sample_rate, 48_000);
    reader.into_samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a short narration")]
fn loudest(samples: &[f32], from: f64, to: f64) -> f32 {
    let at = |seconds: f64| ((seconds * 48_000.0) as usize).min(samples.len());
    samples[at(from)..at(to)].iter().fold(0.0, |most, sample| most.max(sample.abs()))
}

#[tokio::test]
async fn kokoro_speaks_every_word_when_it_says_and_at_the_rate_that_was_asked_for() {
    for rate in [120, 140, 170] {
        let settings = VoiceSettings { words_per_minute: rate, ..chosen(EngineChoice::Kokoro) };
        let (narration, wav) = spoken(TEXT, &settings, kokoro().await).await.unwrap();
        let off = narration.words_per_minute / f64::from(rate) - 1.0;
        assert!(off.abs() < 0.05, "{rate}: {}", narration.words_per_minute);
        assert_eq!(narration.timing, Timing::Exact);
        assert_eq!(narration.voice, "af_heart");
        assert!((narration.loudness + 16.0).abs() < 0.5, "{} LUFS", narration.loudness);
        let shown: Vec<&str> = narration.sentences.iter().flat_map(|s| &s.words).map(|w| w.text.as_str()).collect();
        assert_eq!(shown.join(" "), TEXT.split_whitespace().collect::<Vec<_>>().join(" "));
        let samples = samples(wav);
        for sentence in &narration.sentences {
            let mut at = sentence.start;
            for word in &sentence.words {
                assert!(word.start >= at - 0.03 && word.end > word.start, "{word:?}");
                assert!(loudest(&samples, word.start, word.end) > 0.02, "silent: {word:?}");
                at = word.end;
            }
        }
        let said = |text: &str| {
            let mut words = narration.sentences.iter().flat_map(|sentence| &sentence.words);
            let word = words.find(|word| word.text == text).unwrap();
            word.end - word.start
        };
        assert!(said("4.25%") > 3.0 * said("of"), "\"four point two five percent\" is heard for \"4.25%\"");
    }
}

#[tokio::test]
async fn the_same_text_gives_the_same_sound_and_another_voice_another() {
    let text = "Thank you for banking with us.";
    let settings = chosen(EngineChoice::Kokoro);
    let (first, _) = spoken(text, &settings, kokoro().await).await.unwrap();
    let fresh = engines().with_kokoro(files());
    assert_eq!(spoken(text, &settings, &fresh).await.unwrap().0, first, "whatever was spoken before");
    let british = VoiceSettings { name: "bm_george".to_owned(), ..settings };
    let (other, _) = spoken(text, &british, kokoro().await).await.unwrap();
    assert_eq!(other.voice, "bm_george");
    assert_ne!(other.audio, first.audio);
}

#[tokio::test]
async fn an_engine_that_was_chosen_and_is_not_here_is_an_error_that_says_how_to_get_it() {
    let error = spoken(TEXT, &chosen(EngineChoice::Kokoro), &engines()).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateEngineMissing);
    assert!(error.help().unwrap().contains("bespoke voices install"));
    let error = spoken(TEXT, &chosen(EngineChoice::Polly), &engines()).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateEngineMissing);
}

#[tokio::test]
async fn a_broken_model_is_named_and_espeak_speaks_instead() {
    let folder = std::env::temp_dir().join(format!("bespoke-broken-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("voices")).unwrap();
    for file in ["kokoro-v1.0.int8.onnx", "libonnxruntime.so", "libonnxruntime.dylib", "voices/af_heart.bin"] {
        std::fs::write(folder.join(file), "broken").unwrap();
    }
    let broken = engines().with_kokoro(Files::find(&folder));
    let (narration, _) = spoken(TEXT, &VoiceSettings::default(), &broken).await.unwrap();
    assert!(narration.engine.starts_with("espeak-ng"));
    assert!(narration.instead_of[0].starts_with("kokoro: "), "{:?}", narration.instead_of);
    let error = spoken(TEXT, &chosen(EngineChoice::Kokoro), &broken).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateEngineMissing);
    std::fs::remove_dir_all(&folder).unwrap();
}

// ---------------------------------------------------------------- Polly

/// Says a tone of 0.3 s for each word of the document, at its pace.
struct Tones {
    refuses: bool,
}

impl Tones {
    fn words(ssml: &str) -> Vec<(usize, f64)> {
        let (head, rest) = ssml.split_once("%\">").unwrap();
        let pace: f64 = head.rsplit('"').next().unwrap().parse().unwrap();
        let text = rest.split('<').next().unwrap();
        let mut at = ssml.len() - rest.len();
        let mut words = Vec::new();
        for word in text.split(' ') {
            words.push((at, 0.3 * 100.0 / pace));
            at += word.len() + 1;
        }
        words
    }
}

#[async_trait]
impl SpeechService for Tones {
    fn service(&self) -> String {
        "a speech service, nowhere".to_owned()
    }

    async fn sound(&self, ssml: &str, voice: &str) -> Result<Vec<u8>, SpeechError> {
        assert_eq!(voice, "Joanna");
        if self.refuses {
            return Err(SpeechError::Refused("AccessDeniedException".to_owned()));
        }
        let seconds: f64 = Self::words(ssml).iter().map(|(_, seconds)| seconds).sum();
        Ok(tone(seconds * 16_000.0))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds of sound")]
    async fn marks(&self, ssml: &str, _: &str) -> Result<Vec<WordMark>, SpeechError> {
        let mut at = 0.0;
        let mark = |(start, seconds): (usize, f64)| {
            let mark = WordMark { start, milliseconds: (at * 1000.0) as u32 };
            at += seconds;
            mark
        };
        Ok(Self::words(ssml).into_iter().map(mark).collect())
    }
}

#[tokio::test]
async fn polly_gives_exact_times_and_who_was_given_the_text_is_recorded() {
    let polly = engines().with_polly(Arc::new(Tones { refuses: false }));
    let (narration, _) = spoken(TEXT, &chosen(EngineChoice::Polly), &polly).await.unwrap();
    assert_eq!((narration.timing, narration.engine.as_str()), (Timing::Exact, "polly neural"));
    assert!((narration.words_per_minute / 140.0 - 1.0).abs() < 0.05, "{}", narration.words_per_minute);
    assert_eq!(narration.outside.keys().collect::<Vec<_>>(), ["a speech service, nowhere"]);
    let words = &narration.sentences[0].words;
    let length = |index: usize| words[index].end - words[index].start;
    // "4.25%" is five words, "Savings" is one.
    assert!((length(2) / length(0) - 5.0).abs() < 0.4, "{words:?}");
}

#[tokio::test]
async fn a_service_that_refuses_is_told_by_its_code() {
    let polly = engines().with_polly(Arc::new(Tones { refuses: true }));
    let error = spoken(TEXT, &chosen(EngineChoice::Polly), &polly).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateFailed);
    assert!(contracts::error::chain(&error).ends_with("refuses: AccessDeniedException"), "{error:?}");
}

// ---------------------------------------------------------------- OpenAI

fn openai(server: &MockServer) -> VoiceSettings {
    let openai = SpeechServiceSettings {
        enabled: true,
        base_url: format!("{}/v1", server.uri()),
        ..SpeechServiceSettings::default()
    };
    VoiceSettings { openai, ..chosen(EngineChoice::Openai) }
}

/// PCM of as many seconds as the service's usual speech would take: 0.3 s a word, at the speed that is asked for.
fn pcm(request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let words = body["input"].as_str().unwrap().split(' ').count();
    let words = f64::from(u32::try_from(words).unwrap());
    let seconds = words * 0.3 / body["speed"].as_f64().unwrap();
    ResponseTemplate::new(200).set_body_raw(tone(seconds * 24_000.0), "audio/pcm")
}

/// So many samples of 16 bits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds of sound")]
fn tone(samples: f64) -> Vec<u8> {
    (0..samples as u32).flat_map(|n| (((f64::from(n) * 0.2).sin() * 9_000.0) as i16).to_le_bytes()).collect()
}

#[tokio::test]
async fn the_outside_service_is_asked_sentence_by_sentence_in_its_own_protocol() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/audio/speech"))
        .and(header("authorization", "Bearer k3y"))
        .and(header("content-type", "application/json"))
        .respond_with(pcm)
        .mount(&server)
        .await;
    let (narration, _) = spoken(TEXT, &openai(&server), &engines()).await.unwrap();
    assert_eq!((narration.timing, narration.voice.as_str()), (Timing::Estimated, "nova"));
    assert!((narration.words_per_minute / 140.0 - 1.0).abs() < 0.05, "{}", narration.words_per_minute);
    assert_eq!(narration.outside[&format!("{}/v1", server.uri())], ["the spoken text, first name included"]);
    let bodies: Vec<Value> = server.received_requests().await.unwrap().iter().map(|r| r.body_json().unwrap()).collect();
    let first = json!({
        "model": "tts-1", "voice": "nova", "response_format": "pcm", "speed": bodies[0]["speed"],
        "input": "Savings earn four point two five percent A.P.Y.",
    });
    assert!(bodies.contains(&first), "{bodies:?}");
    assert!(bodies.iter().any(|body| body["input"] == "Ask doctor Lee of the bank, José."), "{bodies:?}");
}

#[tokio::test]
async fn a_busy_service_is_asked_again_and_one_that_refuses_is_not() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "0");
    Mock::given(path("/v1/audio/speech")).respond_with(busy).up_to_n_times(1).mount(&server).await;
    Mock::given(path("/v1/audio/speech")).respond_with(pcm).mount(&server).await;
    assert!(spoken("Thank you.", &openai(&server), &engines()).await.is_ok());

    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(401).set_body_json(json!({"error": {"message": "Thank you. is wrong"}}));
    Mock::given(path("/v1/audio/speech")).respond_with(refusal).mount(&server).await;
    let error = spoken("Thank you.", &openai(&server), &engines()).await.unwrap_err();
    assert_eq!(contracts::error::chain(&error).split(": ").last(), Some("it answered 401"));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_alone_sends_no_text_anywhere() {
    let server = MockServer::start().await;
    let mut settings = openai(&server);
    settings.openai.enabled = false;
    let error = spoken(TEXT, &settings, &engines()).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigInvalid);
    assert!(server.received_requests().await.unwrap().is_empty());
}
