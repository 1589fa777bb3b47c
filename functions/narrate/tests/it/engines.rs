//! The engines behind the port: the choice of the engine, its record in the narration, and the real Kokoro.
//!
//! The Kokoro tests need the files that `bespoke voices install` provides. `make test` runs that command first.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::narration::{Narration, Timing};
use contracts::settings::{EngineChoice, SpeechServiceSettings, VoiceSettings};
use contracts::{ErrorName, NamedError};
use narrate::kokoro::Files;
use narrate::spoken::{Lexicon, Utterance};
use narrate::{Engines, Error, Pronunciations, SpeechText, speak_text};
use serde_json::{Value, json};
use storage::secret::{SecretError, SecretName, SecretString, Secrets};
use tokio::sync::OnceCell;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::tone::{ToneService, tone};

const TEXT: &str = "Savings earn 4.25% APY. Ask Dr. Lee of the bank, José.\n\nThank you for banking with us.";

struct Key;

#[async_trait]
impl Secrets for Key {
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError> {
        Ok((name == SecretName::ModelKey).then(|| "k3y".into()))
    }
}

fn engines() -> Engines {
    Engines::new("espeak-ng".into(), outbound::Client::new().unwrap())
}

async fn spoken(text: &str, settings: &VoiceSettings, engines: &Engines) -> Result<(Narration, Vec<u8>), Error> {
    let speech = SpeechText { text, language: contracts::Language::English, voice: None };
    speak_text(speech, settings, engines, &Pronunciations::default(), &Key).await
}

fn chosen(engine: EngineChoice) -> VoiceSettings {
    VoiceSettings { engine, ..VoiceSettings::default() }
}

// Kokoro

/// Returns Kokoro's files from the installer's folder.
fn files() -> Option<Files> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || variable("XDG_CACHE_HOME").unwrap_or_else(|| variable("HOME").unwrap().join(".cache"));
    let folder = variable("BESPOKE_VOICES").unwrap_or_else(|| cache().join("bespoke/voices"));
    let files = Files::find(&folder);
    assert!(files.is_some(), "Kokoro is not in {}: run \"bespoke voices install\"", folder.display());
    files
}

/// Returns the engines with Kokoro, loaded once for all tests in this file.
async fn kokoro() -> &'static Engines {
    static ENGINES: OnceCell<Engines> = OnceCell::const_new();
    ENGINES.get_or_init(|| async { engines().with_kokoro(files()) }).await
}

fn samples(wav: Vec<u8>) -> Vec<f32> {
    let reader = hound::WavReader::new(std::io::Cursor::new(wav)).unwrap();
    assert_eq!(reader.spec().sample_rate, 24_000);
    reader.into_samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a short narration")]
fn peak(samples: &[f32], from: f64, to: f64) -> f32 {
    let at = |seconds: f64| ((seconds * 24_000.0) as usize).min(samples.len());
    samples[at(from)..at(to)].iter().fold(0.0, |most, sample| most.max(sample.abs()))
}

#[tokio::test]
async fn kokoro_reaches_the_rate_with_exact_word_times() {
    for rate in [120, 140, 170] {
        let settings = VoiceSettings { words_per_minute: rate, ..chosen(EngineChoice::Kokoro) };
        let (narration, wav) = spoken(TEXT, &settings, kokoro().await).await.unwrap();
        let off = narration.words_per_minute / f64::from(rate) - 1.0;
        // The tempo does not depend on the script, so three short sentences can deviate more than a whole script.
        assert!(off.abs() < 0.07, "{rate}: {}", narration.words_per_minute);
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
                assert!(peak(&samples, word.start, word.end) > 0.02, "silent: {word:?}");
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

/// Tests that terms full of numbers are spoken at the same rate as prose, and numbers to write down more slowly.
#[tokio::test]
async fn kokoro_speaks_numbers_no_faster_than_prose() {
    const PROSE: &str = "You spend on groceries and dining out, so the card may suit you. It earns points on daily \
        purchases, and there is no annual fee. Please talk to your adviser before you decide.";
    const TERMS: &str = "The rate is 4.25% on balances of $1,250.50 or more, until 12/31/2026. The fee is 3% of each \
        transfer, at least $10. A variable rate of 19.49% to 27.49% applies.";
    const DICTATED: &str = "Call 1-800-555-0199 or 1-800-555-0142.";
    let text = [PROSE, TERMS, DICTATED].join("\n\n");
    let (narration, _) = spoken(&text, &chosen(EngineChoice::Kokoro), kokoro().await).await.unwrap();
    let rate = |segment: usize| {
        let sentences = narration.sentences.iter().filter(|sentence| sentence.segment == segment);
        let mut words = 0;
        let mut seconds = 0.0;
        for sentence in sentences {
            let text: Vec<&str> = sentence.words.iter().map(|word| word.text.as_str()).collect();
            words += Utterance::of(&text.join(" "), Lexicon::default()).unwrap().unwrap().spoken_words();
            seconds += sentence.end - sentence.start;
        }
        f64::from(u32::try_from(words).unwrap()) * 60.0 / seconds
    };
    let prose = rate(0);
    let terms = rate(1);
    let dictated = rate(2);
    let relative = terms / prose;
    assert!((0.92..=1.05).contains(&relative), "prose {prose}, terms {terms}, dictated {dictated}");
    assert!(dictated < prose * 0.95, "prose {prose}, terms {terms}, dictated {dictated}");
}

#[tokio::test]
async fn kokoro_is_deterministic_per_voice() {
    let text = "Thank you for banking with us.";
    let settings = chosen(EngineChoice::Kokoro);
    let (first, _) = spoken(text, &settings, kokoro().await).await.unwrap();
    let fresh = engines().with_kokoro(files());
    assert_eq!(spoken(text, &settings, &fresh).await.unwrap().0, first, "earlier sentences change nothing");
    let bella = VoiceSettings { name: "af_bella".to_owned(), ..settings };
    let (other, _) = spoken(text, &bella, kokoro().await).await.unwrap();
    assert_eq!(other.voice, "af_bella");
    assert_ne!(other.audio, first.audio);
}

#[tokio::test]
async fn unavailable_chosen_engine_is_an_error_with_help() {
    let error = spoken(TEXT, &chosen(EngineChoice::Kokoro), &engines()).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateEngineMissing);
    assert!(error.help().unwrap().contains("bespoke voices install"));
    let error = spoken(TEXT, &chosen(EngineChoice::Polly), &engines()).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateEngineMissing);
}

#[tokio::test]
async fn broken_model_falls_back_to_espeak() {
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

// Polly

#[tokio::test]
async fn polly_reports_exact_times_and_is_recorded_as_a_recipient() {
    let polly = engines().with_polly(Arc::new(ToneService::default()));
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
async fn refusal_is_reported_with_the_service_code() {
    let polly = engines().with_polly(Arc::new(ToneService::refusing()));
    let error = spoken(TEXT, &chosen(EngineChoice::Polly), &polly).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NarrateFailed);
    assert!(contracts::error::chain(&error).ends_with("refused the request: AccessDeniedException"), "{error:?}");
}

// OpenAI

fn openai(server: &MockServer) -> VoiceSettings {
    let openai = SpeechServiceSettings {
        enabled: true,
        base_url: format!("{}/v1", server.uri()),
        ..SpeechServiceSettings::default()
    };
    VoiceSettings { openai, ..chosen(EngineChoice::Openai) }
}

/// Returns PCM of 0.3 s per word, scaled by the requested speed.
fn pcm(request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let words = body["input"].as_str().unwrap().split(' ').count();
    let words = f64::from(u32::try_from(words).unwrap());
    let seconds = words * 0.3 / body["speed"].as_f64().unwrap();
    ResponseTemplate::new(200).set_body_raw(tone(seconds * 24_000.0), "audio/pcm")
}

#[tokio::test]
async fn openai_gets_one_request_per_sentence() {
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
    let first = bodies.iter().find(|body| body["input"] == "Savings earn four point two five percent A.P.Y.").unwrap();
    let expected = json!({
        "model": "tts-1", "voice": "nova", "response_format": "pcm", "speed": first["speed"], "input": first["input"],
    });
    assert_eq!(*first, expected);
    assert!(bodies.iter().any(|body| body["input"] == "Ask doctor Lee of the bank, José."), "{bodies:?}");
}

#[tokio::test]
async fn busy_service_is_retried_and_refusal_is_not() {
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
    let mut bodies: Vec<_> = server.received_requests().await.unwrap().iter().map(|r| r.body.clone()).collect();
    let requests = bodies.len();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), requests, "no sentence is sent twice");
}

#[tokio::test]
async fn key_without_permission_sends_nothing() {
    let server = MockServer::start().await;
    let mut settings = openai(&server);
    settings.openai.enabled = false;
    let error = spoken(TEXT, &settings, &engines()).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::ConfigInvalid);
    assert!(server.received_requests().await.unwrap().is_empty());
}
