//! The `openai` engine: an outside voice service that speaks one sentence per request and reports no word times.

use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;
use contracts::Language;
use contracts::settings::SpeechServiceSettings;
use contracts::speech::SpeechError;
use outbound::header::RETRY_AFTER;
use outbound::{Post, StatusCode, Url};
use policy::disclosure::{Gate, Withheld};
use serde_json::json;
use storage::secret::{ExposeSecret as _, SecretString};

use crate::error::{Error, VoiceSource};
use crate::narrator::{Narrator, Order, Speech};

/// The service's voices, default voice first.
pub const VOICES: [&str; 9] = ["nova", "alloy", "ash", "coral", "echo", "fable", "onyx", "sage", "shimmer"];

/// Samples per second of the service's PCM.
const RATE: u32 = 24_000;
/// The maximum number of attempts per sentence.
const MAX_ATTEMPTS: u32 = 4;
/// The time limit for one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum `Retry-After` that is accepted.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(20);

/// The service with one of its voices.
pub struct Openai {
    http: outbound::Client,
    gate: Gate,
    key: Option<SecretString>,
    settings: SpeechServiceSettings,
    voice: String,
    engine: String,
    language: Language,
}

impl Openai {
    /// Checks that the voice exists and that the settings allow sending text to the service.
    ///
    /// A service on this machine needs no key.
    pub fn new(
        http: outbound::Client,
        gate: Gate,
        key: Option<SecretString>,
        settings: &SpeechServiceSettings,
        voice: &str,
        source: VoiceSource,
    ) -> Result<Self, Error> {
        if !settings.enabled {
            return Err(Error::ServiceDisabled);
        }
        if !VOICES.contains(&voice) {
            return Err(Error::UnknownVoice { from: source, available: VOICES.map(str::to_owned).to_vec() });
        }
        let engine = format!("openai {}", settings.model);
        let language = Language::default();
        Ok(Self { http, gate, key, settings: settings.clone(), voice: voice.to_owned(), engine, language })
    }

    /// Sets the language, which each of the service's voices speaks.
    #[must_use]
    pub fn speaking(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// Returns the HTTP request with `body`. Fails if the address in the settings is unusable.
    fn request(&self, body: &serde_json::Value) -> Result<Post, SpeechError> {
        let invalid = || {
            let why = "voice.openai.base_url is neither an https address nor on this machine";
            SpeechError::Refused(why.to_owned())
        };
        let mut url = Url::parse(&self.settings.base_url).map_err(|_| invalid())?;
        url.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().extend(["audio", "speech"]);
        let request = self.http.post(url).ok_or_else(invalid)?.timeout(ATTEMPT_TIMEOUT).json(body);
        Ok(match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret().trim()),
            None => request,
        })
    }

    /// Makes one attempt and returns the PCM.
    async fn attempt(&self, body: &serde_json::Value) -> Result<Vec<u8>, AttemptError> {
        let unreachable = |error: outbound::Error| {
            let error = SpeechError::Unavailable(contracts::error::chain(&error.without_url()));
            AttemptError::Service(error, Some(Duration::ZERO))
        };
        let request = self.request(body).map_err(|error| AttemptError::Service(error, None))?;
        let permit = self.gate.permit().await?;
        let response = request.send(permit).await.map_err(unreachable)?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response.bytes().await.map_err(unreachable)?.to_vec());
        }
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let wait = retry_after.map_or(Duration::ZERO, Duration::from_secs);
        // The response body may quote the text, so the error leaves it out.
        let reason = format!("it answered {}", status.as_u16());
        Err(match status.as_u16() {
            408 | 409 | 429 | 500..=599 => {
                let wait = Some(wait).filter(|wait| *wait <= MAX_RETRY_AFTER);
                let error = if status == StatusCode::TOO_MANY_REQUESTS {
                    SpeechError::Throttled(reason)
                } else {
                    SpeechError::Unavailable(reason)
                };
                AttemptError::Service(error, wait)
            }
            _ => AttemptError::Service(SpeechError::Refused(reason), None),
        })
    }

    /// Returns the PCM audio for `text`, after retries if necessary.
    async fn pcm(&self, text: &str, pace: f64) -> Result<Vec<u8>, AttemptError> {
        let body = json!({
            "model": self.settings.model,
            "voice": self.voice,
            "input": text,
            "response_format": "pcm",
            "speed": (pace * 100.0).round() / 100.0,
        });
        let mut pause = Duration::from_millis(400);
        for _ in 1..MAX_ATTEMPTS {
            match self.attempt(&body).await {
                Err(AttemptError::Service(_, Some(wait))) => tokio::time::sleep(wait.max(pause)).await,
                ended => return ended,
            }
            pause *= 2;
        }
        self.attempt(&body).await
    }
}

/// A failed attempt.
enum AttemptError {
    /// The service failed. The time to wait is `None` if a retry would also fail, or would have to wait too long.
    Service(SpeechError, Option<Duration>),
    /// The gate refused a permit.
    Withheld(Withheld),
}

impl From<Withheld> for AttemptError {
    fn from(withheld: Withheld) -> Self {
        Self::Withheld(withheld)
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

    fn language(&self) -> Language {
        self.language
    }

    fn paces(&self) -> RangeInclusive<f64> {
        0.25..=4.0
    }

    fn max_rounds(&self) -> usize {
        2
    }

    fn concurrency(&self) -> usize {
        4
    }

    fn external_service(&self) -> Option<String> {
        Some(self.settings.base_url.trim_end_matches('/').to_owned())
    }

    async fn speak(&self, order: Order<'_>) -> Result<Speech, Error> {
        let failed = |source| Error::of_service(order.location, source);
        let pcm = self.pcm(&order.sentence.text(), order.pace).await.map_err(|error| match error {
            AttemptError::Service(error, _) => failed(error),
            AttemptError::Withheld(withheld) => withheld.into(),
        })?;
        let (samples, rest) = pcm.as_chunks::<2>();
        if samples.is_empty() || !rest.is_empty() {
            return Err(failed(SpeechError::Malformed("the sound is not 16-bit PCM")));
        }
        let samples = samples.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0).collect();
        Ok(Speech { samples, rate: RATE, words: None })
    }
}
