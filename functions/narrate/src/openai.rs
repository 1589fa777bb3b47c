//! The engine `openai`: an outside speech service, asked for one sentence at a time. It tells no times of words.

use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;
use contracts::settings::SpeechServiceSettings;
use contracts::speech::SpeechError;
use reqwest::header::RETRY_AFTER;
use reqwest::{StatusCode, Url};
use serde_json::json;
use storage::secret::{ExposeSecret as _, SecretString};

use crate::Error;
use crate::error::VoiceFrom;
use crate::narrator::{Narrator, Speech};
use crate::spoken::Utterance;

/// Its voices, the default one first.
pub const VOICES: [&str; 9] = ["nova", "alloy", "ash", "coral", "echo", "fable", "onyx", "sage", "shimmer"];

/// Samples a second of its PCM.
const RATE: u32 = 24_000;
/// How often a sentence is asked for.
const ATTEMPTS: u32 = 4;
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(30);
/// The longest wait that the service may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The service with one of its voices.
pub struct Openai {
    http: reqwest::Client,
    key: Option<SecretString>,
    settings: SpeechServiceSettings,
    voice: String,
    engine: String,
}

impl Openai {
    /// Checks that there is such a voice, and that the settings let text be sent there. A service on this machine needs
    /// no key.
    pub fn new(
        http: reqwest::Client,
        key: Option<SecretString>,
        settings: &SpeechServiceSettings,
        voice: &str,
        from: VoiceFrom,
    ) -> Result<Self, Error> {
        if !settings.enabled {
            return Err(Error::SwitchedOff);
        }
        if !VOICES.contains(&voice) {
            return Err(Error::UnknownVoice { from, available: VOICES.map(str::to_owned).to_vec() });
        }
        let engine = format!("openai {}", settings.model);
        Ok(Self { http, key, settings: settings.clone(), voice: voice.to_owned(), engine })
    }

    fn address(&self) -> Result<Url, SpeechError> {
        let none = || SpeechError::Refused("voice.openai.base_url is not an http address".to_owned());
        let mut url = Url::parse(&self.settings.base_url).map_err(|_| none())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(none());
        }
        url.path_segments_mut().map_err(|()| none())?.pop_if_empty().extend(["audio", "speech"]);
        Ok(url)
    }

    /// One attempt: the PCM, or why not and, if trying again makes sense, when.
    async fn attempt(&self, url: &Url, body: &serde_json::Value) -> Result<Vec<u8>, (SpeechError, Option<Duration>)> {
        let soon = Some(Duration::ZERO);
        let unreachable =
            |error: reqwest::Error| (SpeechError::Unavailable(contracts::error::chain(&error.without_url())), soon);
        let mut request = self.http.post(url.clone()).timeout(ATTEMPT).json(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret().trim());
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response.bytes().await.map_err(unreachable)?.to_vec());
        }
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let wait = asked.map_or(Duration::ZERO, Duration::from_secs);
        // The service's own words may repeat what it was given.
        let text = format!("it answered {}", status.as_u16());
        Err(match status.as_u16() {
            408 | 409 | 429 | 500..=599 => (SpeechError::Unavailable(text), Some(wait).filter(|w| *w <= LONGEST_WAIT)),
            _ => (SpeechError::Refused(text), None),
        })
    }

    async fn ask(&self, text: &str, pace: f64) -> Result<Vec<u8>, SpeechError> {
        let url = self.address()?;
        let body = json!({
            "model": self.settings.model,
            "voice": self.voice,
            "input": text,
            "response_format": "pcm",
            "speed": (pace * 100.0).round() / 100.0,
        });
        let mut pause = Duration::from_millis(400);
        for _ in 1..ATTEMPTS {
            match self.attempt(&url, &body).await {
                Ok(pcm) => return Ok(pcm),
                Err((error, None)) => return Err(error),
                Err((_, Some(wait))) => tokio::time::sleep(wait.max(pause)).await,
            }
            pause *= 2;
        }
        self.attempt(&url, &body).await.map_err(|(error, _)| error)
    }
}

#[async_trait]
impl Narrator for Openai {
    fn engine(&self) -> &str {
        &self.engine
    }

    fn voice(&self) -> &str {
        &self.voice
    }

    fn paces(&self) -> RangeInclusive<f64> {
        0.25..=4.0
    }

    fn rounds(&self) -> usize {
        2
    }

    fn at_once(&self) -> usize {
        4
    }

    fn outside(&self) -> Option<String> {
        Some(self.settings.base_url.trim_end_matches('/').to_owned())
    }

    async fn say(&self, sentence: &Utterance, pace: f64, at: &str) -> Result<Speech, Error> {
        let failed = |source: SpeechError| Error::Service { place: at.to_owned(), source };
        let pcm = self.ask(&sentence.text(), pace).await.map_err(failed)?;
        let (samples, rest) = pcm.as_chunks::<2>();
        if samples.is_empty() || !rest.is_empty() {
            return Err(failed(SpeechError::Malformed("the sound is no PCM of 16 bits")));
        }
        let samples = samples.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0).collect();
        Ok(Speech { samples, rate: RATE, words: None })
    }
}
