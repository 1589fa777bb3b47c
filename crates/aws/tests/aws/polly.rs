//! Tests of the Polly adapter against a loopback server that speaks its protocol (REST and JSON).

use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_polly::config::{Credentials, SharedCredentialsProvider};
use bespoke_aws::polly::Polly;
use contracts::speech::{MarkKind, SpeechError, SpeechMark};
use policy::disclosure::{Gate, Permit, SpeechService};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header_regex, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SSML: &str = "<speak><prosody rate=\"96%\">Hello there.</prosody></speak>";

async fn permit() -> Permit {
    Gate::without_customer().permit().await.expect("no customer is concerned")
}

fn polly(server: &MockServer) -> Arc<dyn SpeechService> {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "key", None, None, "tests")))
        .region(Region::new("us-east-1"))
        .endpoint_url(server.uri())
        .http_client(bespoke_aws::host::https_client())
        .retry_config(RetryConfig::standard())
        .build();
    Arc::new(Polly::new(&config))
}

/// Responds to the documented AWS request, a signed `POST /v1/speech` with exactly this body.
async fn answer(server: &MockServer, body: Value, response: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path("/v1/speech"))
        .and(header_regex("authorization", "^AWS4-HMAC-SHA256 Credential=id/[0-9]{8}/us-east-1/polly/aws4_request"))
        .and(body_json(body))
        .respond_with(response)
        .mount(server)
        .await;
}

fn request(more: &Value) -> Value {
    let mut body = json!({"Engine": "neural", "VoiceId": "Ruth", "TextType": "ssml", "Text": SSML});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

#[tokio::test]
async fn audio_is_requested_as_pcm_from_a_neural_voice() {
    let server = MockServer::start().await;
    let pcm = ResponseTemplate::new(200).set_body_raw([1, 0, 255, 127], "audio/pcm");
    answer(&server, request(&json!({"OutputFormat": "pcm", "SampleRate": "16000"})), pcm).await;
    let sound = polly(&server).sound(permit().await, SSML, "Ruth").await.expect("a sound");
    assert_eq!(sound, [1, 0, 255, 127]);
}

#[tokio::test]
async fn word_and_element_times_are_read_from_speech_marks() {
    let server = MockServer::start().await;
    let lines = concat!(
        "{\"time\":0,\"type\":\"sentence\",\"start\":27,\"end\":39,\"value\":\"Hello there.\"}\n",
        "{\"time\":6,\"type\":\"ssml\",\"start\":7,\"end\":23,\"value\":\"0\"}\n",
        "{\"time\":6,\"type\":\"word\",\"start\":27,\"end\":32,\"value\":\"Hello\"}\n",
        "{\"time\":373,\"type\":\"word\",\"start\":33,\"end\":38,\"value\":\"there\"}\n",
    );
    let marks = ResponseTemplate::new(200).set_body_raw(lines, "application/x-json-stream");
    answer(&server, request(&json!({"OutputFormat": "json", "SpeechMarkTypes": ["ssml", "word"]})), marks).await;
    let marks = polly(&server).marks(permit().await, SSML, "Ruth").await.expect("marks");
    let mark = |kind, start, milliseconds| SpeechMark { kind, start, milliseconds };
    let expected = [mark(MarkKind::Element, 7, 6), mark(MarkKind::Word, 27, 6), mark(MarkKind::Word, 33, 373)];
    assert_eq!(marks, expected);
    assert_eq!(&SSML[27..32], "Hello");
}

#[tokio::test]
async fn throttled_call_is_not_repeated_and_its_error_hides_the_text() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(400)
        .insert_header("x-amzn-errortype", "ThrottlingException")
        .set_body_json(json!({"message": "Rate exceeded for Hello there."}));
    Mock::given(path("/v1/speech")).respond_with(busy).mount(&server).await;
    let error = polly(&server).sound(permit().await, SSML, "Ruth").await.expect_err("it throttles");
    assert!(matches!(error, SpeechError::Throttled(_)), "{error}");
    assert!(!error.to_string().contains("Hello"), "{error}");
    assert_eq!(server.received_requests().await.expect("recorded").len(), 1, "a permit allows one request");
}

#[tokio::test]
async fn refusal_error_contains_the_code_but_not_the_text() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(403)
        .insert_header("x-amzn-errortype", "AccessDeniedException")
        .set_body_json(json!({"message": "not authorized to speak Hello there."}));
    Mock::given(path("/v1/speech")).respond_with(refusal).mount(&server).await;
    let error = polly(&server).marks(permit().await, SSML, "Ruth").await.expect_err("it refuses");
    assert_eq!(error.to_string(), "the speech service refuses: AccessDeniedException");
    assert_eq!(server.received_requests().await.expect("recorded").len(), 1, "a refusal is not retried");
}
