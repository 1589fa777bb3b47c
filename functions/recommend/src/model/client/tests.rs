use std::time::{Duration, SystemTime};

use contracts::model::{AnswerForm, ModelTraits, ReasoningEffort, TokenLimit};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::super::service::{ChatMessage, Completion};
use super::*;

mod field;

/// Three retries with short waits, to keep the tests fast.
const RETRIES: RetryPolicy = RetryPolicy {
    backoff: ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(1))
        .with_max_delay(Duration::from_millis(2))
        .with_max_times(3),
    throttled_pause: Duration::from_millis(2),
    idle: Duration::from_millis(300),
};

fn good() -> ResponseTemplate {
    let message = json!({ "role": "assistant", "content": "fine" });
    ResponseTemplate::new(200).set_body_json(json!({
        "model": "served", "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 7, "completion_tokens": 3 },
    }))
}

fn error(status: u16, code: impl Into<Value>) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "error": { "message": "secret words", "code": code.into() } }))
}

/// Starts a server that sends each response once, and repeats the last one for all further requests.
async fn server(responses: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let last = responses.len() - 1;
    for (index, response) in responses.into_iter().enumerate() {
        let mock = Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(response);
        if index == last { mock.mount(&server).await } else { mock.up_to_n_times(1).mount(&server).await }
    }
    server
}

/// Returns the settings for a service at the server's `v1` path.
fn service_of(server: &MockServer) -> ModelSettings {
    ModelSettings { base_url: format!("{}/v1", server.uri()), ..ModelSettings::default() }
}

fn client<'a>(http: &'a outbound::Client, service: &'a ModelSettings, limiter: &'a Limiter) -> ModelClient<'a> {
    const GATE: &Gate = &Gate::without_customer();
    let key = Some(SecretString::from("k"));
    let deadline = Instant::now() + Duration::from_secs(20);
    ModelClient { http, gate: GATE, service, key, deadline, retries: RETRIES, limiter }
}

fn chat_request<'a>(messages: &'a [ChatMessage], takes: ModelTraits, schema: &'a Value) -> ChatRequest<'a> {
    ChatRequest { model: "m", takes, messages, temperature: 0.7, max_tokens: 250, schema }
}

async fn call_service(
    service: &ModelSettings,
    takes: ModelTraits,
    time_limit: Duration,
) -> Result<Completion, ServiceError> {
    let http = outbound::Client::new().unwrap();
    let limiter = Limiter::default();
    let client = ModelClient { deadline: Instant::now() + time_limit, ..client(&http, service, &limiter) };
    let messages = [ChatMessage::user("hello")];
    let schema = json!({ "type": "object" });
    client.complete(&chat_request(&messages, takes, &schema)).await
}

async fn call_within(server: &MockServer, time_limit: Duration) -> Result<Completion, ServiceError> {
    call_service(&service_of(server), ModelTraits::default(), time_limit).await
}

async fn call(server: &MockServer) -> Result<Completion, ServiceError> {
    call_within(server, Duration::from_secs(20)).await
}

async fn bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| request.body_json().unwrap()).collect()
}

#[tokio::test]
async fn answer_has_token_counts_and_request_has_key() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer k")).respond_with(good()).mount(&server).await;
    let expected =
        Completion { content: "fine".to_owned(), model: "served".to_owned(), tokens_read: 7, tokens_written: 3 };
    assert_eq!(call(&server).await.unwrap(), expected);
}

#[tokio::test]
async fn transient_error_is_retried() {
    for status in [408, 409, 429, 500, 502, 503, 529] {
        let server = server(vec![error(status, Value::Null), error(status, json!(7)), good()]).await;
        assert!(call(&server).await.is_ok(), "{status}");
        assert_eq!(bodies(&server).await.len(), 3);
    }
}

#[tokio::test]
async fn permanent_error_is_not_retried() {
    for status in [400, 401, 403, 404, 422] {
        let server = server(vec![error(status, json!("no")), good()]).await;
        let error = call(&server).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the model service answered {status} (no)"));
        assert_eq!(bodies(&server).await.len(), 1);
    }
}

#[tokio::test]
async fn should_retry_header_overrides_status() {
    let final_error = server(vec![error(503, Value::Null).insert_header("x-should-retry", "false"), good()]).await;
    assert!(call(&final_error).await.is_err());
    let transient_error = server(vec![error(404, Value::Null).insert_header("x-should-retry", "true"), good()]).await;
    assert!(call(&transient_error).await.is_ok());
}

#[tokio::test]
async fn used_up_quota_is_not_retried() {
    let response = error(429, json!("insufficient_quota")).insert_header("x-should-retry", "true");
    let server = server(vec![response, good()]).await;
    assert!(matches!(call(&server).await.unwrap_err(), ServiceError::QuotaUsedUp));
    assert_eq!(bodies(&server).await.len(), 1);
}

#[tokio::test]
async fn retries_are_limited() {
    let server = server(vec![error(500, Value::Null)]).await;
    assert!(call(&server).await.is_err());
    assert_eq!(bodies(&server).await.len(), 4);
}

#[tokio::test]
async fn requested_wait_beyond_the_deadline_fails_immediately() {
    let date = jiff::Timestamp::try_from(SystemTime::now() + Duration::from_hours(1)).unwrap();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
    for (name, value) in [("retry-after", "3600"), ("retry-after-ms", "3600000"), ("retry-after", date.as_str())] {
        let server = server(vec![error(429, Value::Null).insert_header(name, value), good()]).await;
        let started = std::time::Instant::now();
        let error = call(&server).await.unwrap_err();
        assert!(matches!(error, ServiceError::Deadline(Some(_))), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(bodies(&server).await.len(), 1);
    }
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let response = error(429, Value::Null).insert_header("retry-after-ms", "60").insert_header("retry-after", "3600");
    let server = server(vec![response, good()]).await;
    let started = std::time::Instant::now();
    assert!(call(&server).await.is_ok());
    assert!(started.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn stalled_call_ends_at_the_deadline() {
    let server = server(vec![good().set_delay(Duration::from_mins(1))]).await;
    let error = call_within(&server, Duration::from_millis(100)).await.unwrap_err();
    assert!(matches!(error, ServiceError::Deadline(_)), "{error}");
}

#[tokio::test]
async fn silent_service_is_retried() {
    let server = server(vec![good().set_delay(Duration::from_mins(1)), good()]).await;
    let impatient = ModelSettings { read_seconds: 1, ..service_of(&server) };
    assert!(call_service(&impatient, ModelTraits::default(), Duration::from_secs(20)).await.is_ok());
}

/// Returns an answer as server-sent events.
fn streamed(events: &[&str]) -> ResponseTemplate {
    let lines = [": hello".to_owned()].into_iter().chain(events.iter().map(|event| format!("data: {event}")));
    let body = lines.collect::<Vec<_>>().join("\r\n\r\n") + "\r\n\r\n";
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream; charset=utf-8")
}

const FIRST_CHUNK: &str =
    r#"{"model":"served","choices":[{"delta":{"role":"assistant","content":"fi"},"finish_reason":null}]}"#;
const LAST_CHUNK: &str = r#"{"choices":[{"delta":{"content":"ne"},"finish_reason":"stop"}]}"#;
const USAGE_CHUNK: &str = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;

#[tokio::test]
async fn streamed_answer_is_assembled() {
    let server = server(vec![streamed(&[FIRST_CHUNK, LAST_CHUNK, USAGE_CHUNK, "[DONE]"])]).await;
    let expected =
        Completion { content: "fine".to_owned(), model: "served".to_owned(), tokens_read: 7, tokens_written: 3 };
    assert_eq!(call(&server).await.unwrap(), expected);
}

#[tokio::test]
async fn damaged_stream_is_retried() {
    for bad in [
        streamed(&[FIRST_CHUNK]),
        streamed(&[FIRST_CHUNK, "[DONE]"]),
        streamed(&[FIRST_CHUNK, "{\"choices\": [{"]),
        streamed(&[FIRST_CHUNK, r#"{"error":{"message":"overloaded"}}"#]),
        streamed(&[]),
    ] {
        let server = server(vec![bad, streamed(&[FIRST_CHUNK, LAST_CHUNK, "[DONE]"])]).await;
        assert_eq!(call(&server).await.unwrap().content, "fine");
        assert_eq!(bodies(&server).await.len(), 2);
    }
}

#[tokio::test]
async fn streamed_refusal_or_length_limit_is_final() {
    let refusal = r#"{"choices":[{"delta":{"refusal":"I will not"},"finish_reason":"stop"}]}"#;
    let too_long = r#"{"choices":[{"delta":{"content":"ne"},"finish_reason":"length"}]}"#;
    for (events, expected) in [
        ([FIRST_CHUNK, refusal, "[DONE]"], "the model refused"),
        ([FIRST_CHUNK, too_long, "[DONE]"], "the answer is not complete: finish reason length"),
    ] {
        let server = server(vec![streamed(&events), good()]).await;
        assert_eq!(call(&server).await.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn api_version_selects_azure_style_request() {
    let server = MockServer::start().await;
    let mock = Mock::given(path("/openai/deployments/writer/chat/completions"));
    let mock = mock.and(query_param("api-version", "2024-10-21")).and(header("api-key", "k"));
    mock.respond_with(good()).mount(&server).await;
    let base_url = format!("{}/openai/deployments/writer", server.uri());
    let service = ModelSettings { base_url, api_version: "2024-10-21".to_owned(), ..ModelSettings::default() };
    assert!(call_service(&service, ModelTraits::default(), Duration::from_secs(20)).await.is_ok());
    let request = &server.received_requests().await.unwrap()[0];
    assert!(request.headers.get("authorization").is_none());
}

#[tokio::test]
async fn request_has_only_supported_parameters() {
    let server = server(vec![good()]).await;
    let older =
        ModelTraits { token_limit: TokenLimit::MaxTokens, answer: AnswerForm::JsonObject, ..ModelTraits::default() };
    call_service(&service_of(&server), older, Duration::from_secs(20)).await.unwrap();
    let reasoning = ModelTraits {
        temperature: false,
        reasoning_effort: Some(ReasoningEffort::Low),
        answer: AnswerForm::Text,
        ..ModelTraits::default()
    };
    call_service(&service_of(&server), reasoning, Duration::from_secs(20)).await.unwrap();
    let bodies = bodies(&server).await;
    assert_eq!((&bodies[0]["max_tokens"], &bodies[0]["temperature"]), (&json!(250), &json!(0.7)));
    assert_eq!(bodies[0]["response_format"], json!({ "type": "json_object" }));
    assert_eq!((&bodies[1]["max_completion_tokens"], &bodies[1]["reasoning_effort"]), (&json!(250), &json!("low")));
    assert!(bodies[1].get("temperature").is_none() && bodies[1].get("response_format").is_none());
}

#[tokio::test]
async fn damaged_answer_is_retried() {
    for garbled in ["{}", r#"{"choices":[]}"#, r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#] {
        let server = server(vec![ResponseTemplate::new(200).set_body_string(garbled), good()]).await;
        assert!(call(&server).await.is_ok(), "{garbled}");
        let stubborn = self::server(vec![ResponseTemplate::new(200).set_body_string(garbled)]).await;
        assert_eq!(
            call(&stubborn).await.unwrap_err().to_string(),
            "the model service's answer is not a chat completion"
        );
    }
}

#[tokio::test]
async fn truncated_filtered_or_refused_answer_is_final() {
    let answer = |message: Value, reason: Value| {
        let choice = json!({ "message": message, "finish_reason": reason });
        ResponseTemplate::new(200).set_body_json(json!({ "choices": [choice] }))
    };
    let text = json!({ "content": "half a sen" });
    for (response, expected) in [
        (answer(text.clone(), json!("length")), "the answer is not complete: finish reason length"),
        (answer(text, json!("content_filter")), "the answer is not complete: finish reason content_filter"),
        (answer(json!({ "refusal": "no" }), json!("stop")), "the model refused"),
        (
            ResponseTemplate::new(200).set_body_bytes(vec![b' '; MAX_ANSWER_BYTES + 1]),
            "the model service's answer is too large",
        ),
    ] {
        let server = server(vec![response, good()]).await;
        assert_eq!(call(&server).await.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn unsupported_parameter_is_dropped_once() {
    let body = json!({ "error": {
        "message": "Unsupported parameter: 'max_completion_tokens'", "code": "unsupported_parameter", "param": "max_completion_tokens",
    }});
    let refused = ResponseTemplate::new(400).set_body_json(body);
    let server = server(vec![refused.clone(), good()]).await;
    assert!(call(&server).await.is_ok());
    let bodies = bodies(&server).await;
    assert_eq!(bodies[0]["max_completion_tokens"], 250);
    assert_eq!((bodies[1].get("max_completion_tokens"), &bodies[1]["max_tokens"]), (None, &json!(250)));

    let message = json!({ "error": { "message": "temperature is not supported with this model", "code": 400 } });
    let stubborn = ResponseTemplate::new(400).set_body_json(message);
    let server = self::server(vec![stubborn]).await;
    assert!(call(&server).await.is_err());
    assert_eq!(self::bodies(&server).await.len(), 2);
}

#[tokio::test]
async fn retry_after_pauses_all_calls() {
    let throttled = error(429, Value::Null).insert_header("retry-after-ms", "300");
    let server = server(vec![throttled, good()]).await;
    let http = outbound::Client::new().unwrap();
    let service = service_of(&server);
    let limiter = Limiter::default();
    let client = client(&http, &service, &limiter);
    let messages = [ChatMessage::user("hello")];
    let schema = json!({ "type": "object" });
    let chat = chat_request(&messages, ModelTraits::default(), &schema);
    let start = std::time::Instant::now();
    let second_call = async {
        while bodies(&server).await.is_empty() {
            tokio::task::yield_now().await;
        }
        // Give the first call time to receive its answer.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(limiter.ready(&service, Duration::from_secs(5)).await);
        start.elapsed()
    };
    let (completion, wait) = tokio::join!(client.complete(&chat), second_call);
    completion.unwrap();
    assert!(wait >= Duration::from_millis(300), "{wait:?}");
}

#[tokio::test]
async fn errors_leak_neither_the_services_text_nor_its_address() {
    let server = server(vec![error(400, json!("bad \"secret words\""))]).await;
    let message = contracts::error::chain(&call(&server).await.unwrap_err());
    assert!(!message.contains("secret words"), "{message}");
    let http = outbound::Client::new().unwrap();
    let service =
        ModelSettings { base_url: "http://me:hush@127.0.0.1:9/v1?k=hush".to_owned(), ..ModelSettings::default() };
    let limiter = Limiter::default();
    let deadline = Instant::now() + Duration::from_secs(2);
    let client = ModelClient { key: None, deadline, ..client(&http, &service, &limiter) };
    assert_eq!(client.service_address(), "http://127.0.0.1:9/v1");
    let messages = [ChatMessage::user("hello")];
    let chat = chat_request(&messages, ModelTraits::default(), &Value::Null);
    let message = contracts::error::chain(&client.complete(&chat).await.unwrap_err());
    assert!(message.starts_with("the model service cannot be reached") && !message.contains("hush"), "{message}");
}

#[test]
fn only_a_local_service_needs_no_key() {
    for local in ["http://127.0.0.1:8080/v1", "http://localhost/v1", "http://[::1]:1/v1"] {
        assert!(!needs_key(local), "{local}");
    }
    for remote in [
        "https://api.openai.com/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil.example",
        "nonsense",
        "",
    ] {
        assert!(needs_key(remote), "{remote}");
    }
}
