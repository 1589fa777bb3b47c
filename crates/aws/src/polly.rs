//! Speech from Amazon Polly.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_polly::Client;
use aws_sdk_polly::config::Builder;
use aws_sdk_polly::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_polly::operation::synthesize_speech::SynthesizeSpeechError;
use aws_sdk_polly::operation::synthesize_speech::builders::SynthesizeSpeechFluentBuilder;
use aws_sdk_polly::types::{Engine, OutputFormat, SpeechMarkType, TextType, VoiceId};
use contracts::error::chain;
use contracts::speech::{MarkKind, SAMPLE_RATE, SpeechError, SpeechMark};
use policy::disclosure::{Permit, SpeechService};
use serde::Deserialize;

/// The neural voices of Polly in one region.
#[derive(Clone, Debug)]
pub struct Polly {
    client: Client,
    service: String,
}

impl Polly {
    /// Returns Polly with clients from `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let region = config.region().map_or("no region", |region| region.as_ref());
        // The SDK makes no retries. The caller repeats failed calls, because each attempt needs a permit of its own.
        let client = Client::from_conf(Builder::from(config).retry_config(RetryConfig::disabled()).build());
        Self { client, service: format!("Amazon Polly, {region}") }
    }

    fn speech(&self, ssml: &str, voice: &str) -> SynthesizeSpeechFluentBuilder {
        let request = self.client.synthesize_speech().engine(Engine::Neural).voice_id(VoiceId::from(voice));
        request.text_type(TextType::Ssml).text(ssml)
    }
}

/// One line of speech marks.
#[derive(Deserialize)]
struct Mark {
    #[serde(rename = "type")]
    kind: String,
    time: u32,
    start: usize,
}

/// Makes the one request that the permit allows.
async fn answer(_permit: Permit, request: SynthesizeSpeechFluentBuilder) -> Result<Vec<u8>, SpeechError> {
    let output = request.send().await.map_err(|error| speech_error(&error))?;
    let body = output.audio_stream.collect().await;
    Ok(body.map_err(|error| SpeechError::Unavailable(chain(&error)))?.to_vec())
}

/// Returns the error for a failed call, with its code. Drops the service's message, which may repeat the text.
fn speech_error(error: &SdkError<SynthesizeSpeechError>) -> SpeechError {
    let code = error.code().map(str::to_owned);
    match (error, code) {
        (SdkError::ServiceError(refused), code) => {
            let status = refused.raw().status().as_u16();
            let code = code.unwrap_or_else(|| status.to_string());
            if status == 429
                || code.contains("Throttl")
                || code.contains("LimitExceeded")
                || code == "TooManyRequestsException"
            {
                SpeechError::Throttled(code)
            } else if status >= 500 {
                SpeechError::Unavailable(code)
            } else {
                SpeechError::Refused(code)
            }
        }
        (other, _) => SpeechError::Unavailable(chain(other)),
    }
}

#[async_trait]
impl SpeechService for Polly {
    fn service(&self) -> String {
        self.service.clone()
    }

    async fn sound(&self, permit: Permit, ssml: &str, voice: &str) -> Result<Vec<u8>, SpeechError> {
        let request = self.speech(ssml, voice).output_format(OutputFormat::Pcm);
        answer(permit, request.sample_rate(SAMPLE_RATE.to_string())).await
    }

    async fn marks(&self, permit: Permit, ssml: &str, voice: &str) -> Result<Vec<SpeechMark>, SpeechError> {
        let request = self.speech(ssml, voice).output_format(OutputFormat::Json);
        let body =
            answer(permit, request.speech_mark_types(SpeechMarkType::Ssml).speech_mark_types(SpeechMarkType::Word))
                .await?;
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut marks = Vec::new();
        for line in lines {
            let mark: Mark = serde_json::from_slice(line)
                .map_err(|_| SpeechError::Malformed("the speech marks are not lines of JSON"))?;
            let kind = match mark.kind.as_str() {
                "word" => MarkKind::Word,
                "ssml" => MarkKind::Element,
                _ => continue,
            };
            marks.push(SpeechMark { kind, start: mark.start, milliseconds: mark.time });
        }
        Ok(marks)
    }
}
