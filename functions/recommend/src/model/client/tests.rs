use std::time::{Duration, SystemTime};

use contracts::model::{AnswerForm, ModelTraits, ReasoningEffort, TokenLimit};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::super::service::{Completion, Message};
use super::*;

/// Hardly a wait, so that the tests do not.
const PACE: Pace = Pace {
    first_wait: Duration::from_millis(1),
    longest_wait: Duration::from_millis(2),
    idle: Duration::from_millis(300),
    attempts: 4,
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

/// Answers with each response once, in turn, the last one ever after.
async fn server(responses: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let last = responses.len() - 1;
    for (at, response) in responses.into_iter().enumerate() {
        let mock = Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(response);
        if at == last { mock.mount(&server).await } else { mock.up_to_n_times(1).mount(&server).await }
    }
    server
}

/// A service of its own, at the path `v1` of the server.
fn at(server: &MockServer) -> ModelSettings {
    ModelSettings { base_url: format!("{}/v1", server.uri()), ..ModelSettings::default() }
}

async fn ask_of(service: &ModelSettings, takes: ModelTraits, deadline: Duration) -> Result<Completion, ServiceError> {
    let http = outbound::client().unwrap();
    let (key, limiter) = (Some(SecretString::from("k")), Limiter::default());
    let client = Client::new(&http, service, key, Instant::now() + deadline, PACE, &limiter);
    let messages = [Message::user("hello")];
    let schema = json!({ "type": "object" });
    let chat = Chat { model: "m", takes, messages: &messages, temperature: 0.7, max_tokens: 250, schema: &schema };
    client.complete(&chat).await
}

async fn ask_within(server: &MockServer, deadline: Duration) -> Result<Completion, ServiceError> {
    ask_of(&at(server), ModelTraits::default(), deadline).await
}

async fn ask(server: &MockServer) -> Result<Completion, ServiceError> {
    ask_within(server, Duration::from_secs(20)).await
}

async fn bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| request.body_json().unwrap()).collect()
}

#[tokio::test]
async fn a_whole_answer_is_taken_with_its_tokens_and_the_key_is_sent() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer k")).respond_with(good()).mount(&server).await;
    let expected =
        Completion { content: "fine".to_owned(), model: "served".to_owned(), tokens_read: 7, tokens_written: 3 };
    assert_eq!(ask(&server).await.unwrap(), expected);
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for status in [408, 409, 429, 500, 502, 503, 529] {
        let server = server(vec![error(status, Value::Null), error(status, json!(7)), good()]).await;
        assert!(ask(&server).await.is_ok(), "{status}");
        assert_eq!(bodies(&server).await.len(), 3);
    }
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    for status in [400, 401, 403, 404, 422] {
        let server = server(vec![error(status, json!("no")), good()]).await;
        let error = ask(&server).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the model service answered {status} (no)"));
        assert_eq!(bodies(&server).await.len(), 1);
    }
}

#[tokio::test]
async fn the_service_itself_says_whether_to_try_again() {
    let stop = server(vec![error(503, Value::Null).insert_header("x-should-retry", "false"), good()]).await;
    assert!(ask(&stop).await.is_err());
    let go = server(vec![error(404, Value::Null).insert_header("x-should-retry", "true"), good()]).await;
    assert!(ask(&go).await.is_ok());
}

#[tokio::test]
async fn a_used_up_quota_is_never_tried_again() {
    let response = error(429, json!("insufficient_quota")).insert_header("x-should-retry", "true");
    let server = server(vec![response, good()]).await;
    assert!(matches!(ask(&server).await.unwrap_err(), ServiceError::QuotaUsedUp));
    assert_eq!(bodies(&server).await.len(), 1);
}

#[tokio::test]
async fn tries_come_to_an_end() {
    let server = server(vec![error(500, Value::Null)]).await;
    assert!(ask(&server).await.is_err());
    assert_eq!(bodies(&server).await.len(), 4);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_given_up_at_once() {
    let date = jiff::Timestamp::try_from(SystemTime::now() + Duration::from_hours(1)).unwrap();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
    for (name, value) in [("retry-after", "3600"), ("retry-after-ms", "3600000"), ("retry-after", date.as_str())] {
        let server = server(vec![error(429, Value::Null).insert_header(name, value), good()]).await;
        let started = std::time::Instant::now();
        let error = ask(&server).await.unwrap_err();
        assert!(matches!(error, ServiceError::Deadline(Some(_))), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(bodies(&server).await.len(), 1);
    }
}

#[tokio::test]
async fn a_short_wait_is_obeyed() {
    let response = error(429, Value::Null).insert_header("retry-after-ms", "60").insert_header("retry-after", "3600");
    let server = server(vec![response, good()]).await;
    let started = std::time::Instant::now();
    assert!(ask(&server).await.is_ok());
    assert!(started.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_service_that_stalls_is_left_at_the_deadline() {
    let server = server(vec![good().set_delay(Duration::from_mins(1))]).await;
    let error = ask_within(&server, Duration::from_millis(100)).await.unwrap_err();
    assert!(matches!(error, ServiceError::Deadline(_)), "{error}");
}

#[tokio::test]
async fn a_service_that_is_silent_is_asked_again() {
    let server = server(vec![good().set_delay(Duration::from_mins(1)), good()]).await;
    let hasty = ModelSettings { read_seconds: 1, ..at(&server) };
    assert!(ask_of(&hasty, ModelTraits::default(), Duration::from_secs(20)).await.is_ok());
}

/// An answer as server-sent events.
fn streamed(events: &[&str]) -> ResponseTemplate {
    let lines = [": hello".to_owned()].into_iter().chain(events.iter().map(|event| format!("data: {event}")));
    let body = lines.collect::<Vec<_>>().join("\r\n\r\n") + "\r\n\r\n";
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream; charset=utf-8")
}

const BEGUN: &str =
    r#"{"model":"served","choices":[{"delta":{"role":"assistant","content":"fi"},"finish_reason":null}]}"#;
const ENDED: &str = r#"{"choices":[{"delta":{"content":"ne"},"finish_reason":"stop"}]}"#;
const COUNTED: &str = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;

#[tokio::test]
async fn a_streamed_answer_is_put_together() {
    let server = server(vec![streamed(&[BEGUN, ENDED, COUNTED, "[DONE]"])]).await;
    let expected =
        Completion { content: "fine".to_owned(), model: "served".to_owned(), tokens_read: 7, tokens_written: 3 };
    assert_eq!(ask(&server).await.unwrap(), expected);
}

#[tokio::test]
async fn a_stream_that_is_cut_or_garbled_is_no_answer_and_asked_for_again() {
    for bad in [
        streamed(&[BEGUN]),
        streamed(&[BEGUN, "[DONE]"]),
        streamed(&[BEGUN, "{\"choices\": [{"]),
        streamed(&[BEGUN, r#"{"error":{"message":"overloaded"}}"#]),
        streamed(&[]),
    ] {
        let server = server(vec![bad, streamed(&[BEGUN, ENDED, "[DONE]"])]).await;
        assert_eq!(ask(&server).await.unwrap().content, "fine");
        assert_eq!(bodies(&server).await.len(), 2);
    }
}

#[tokio::test]
async fn what_the_model_decided_in_a_stream_stands() {
    let refusal = r#"{"choices":[{"delta":{"refusal":"I will not"},"finish_reason":"stop"}]}"#;
    let too_long = r#"{"choices":[{"delta":{"content":"ne"},"finish_reason":"length"}]}"#;
    for (events, expected) in [
        ([BEGUN, refusal, "[DONE]"], "the model refused"),
        ([BEGUN, too_long, "[DONE]"], "the answer is not complete: finish reason length"),
    ] {
        let server = server(vec![streamed(&events), good()]).await;
        assert_eq!(ask(&server).await.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn an_azure_style_service_gets_its_version_in_the_address_and_the_key_in_its_own_header() {
    let server = MockServer::start().await;
    let asked = Mock::given(path("/openai/deployments/writer/chat/completions"));
    let asked = asked.and(query_param("api-version", "2024-10-21")).and(header("api-key", "k"));
    asked.respond_with(good()).mount(&server).await;
    let base_url = format!("{}/openai/deployments/writer", server.uri());
    let service = ModelSettings { base_url, api_version: "2024-10-21".to_owned(), ..ModelSettings::default() };
    assert!(ask_of(&service, ModelTraits::default(), Duration::from_secs(20)).await.is_ok());
    let request = &server.received_requests().await.unwrap()[0];
    assert!(request.headers.get("authorization").is_none());
}

#[tokio::test]
async fn a_model_is_sent_what_it_takes_and_nothing_else() {
    let server = server(vec![good()]).await;
    let older =
        ModelTraits { token_limit: TokenLimit::MaxTokens, answer: AnswerForm::JsonObject, ..ModelTraits::default() };
    ask_of(&at(&server), older, Duration::from_secs(20)).await.unwrap();
    let thinker = ModelTraits {
        temperature: false,
        reasoning_effort: Some(ReasoningEffort::Low),
        answer: AnswerForm::Text,
        ..ModelTraits::default()
    };
    ask_of(&at(&server), thinker, Duration::from_secs(20)).await.unwrap();
    let bodies = bodies(&server).await;
    assert_eq!((&bodies[0]["max_tokens"], &bodies[0]["temperature"]), (&json!(250), &json!(0.7)));
    assert_eq!(bodies[0]["response_format"], json!({ "type": "json_object" }));
    assert_eq!((&bodies[1]["max_completion_tokens"], &bodies[1]["reasoning_effort"]), (&json!(250), &json!("low")));
    assert!(bodies[1].get("temperature").is_none() && bodies[1].get("response_format").is_none());
}

#[tokio::test]
async fn an_answer_that_is_garbled_on_its_way_is_asked_for_again() {
    for garbled in
        ["<html>", "{}", r#"{"choices":[]}"#, r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#]
    {
        let server = server(vec![ResponseTemplate::new(200).set_body_string(garbled), good()]).await;
        assert!(ask(&server).await.is_ok(), "{garbled}");
        let stubborn = self::server(vec![ResponseTemplate::new(200).set_body_string(garbled)]).await;
        assert_eq!(
            ask(&stubborn).await.unwrap_err().to_string(),
            "the model service's answer is not a chat completion"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_filtered_or_refused_is_no_answer() {
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
            ResponseTemplate::new(200).set_body_bytes(vec![b' '; LARGEST_ANSWER + 1]),
            "the model service's answer is too large",
        ),
    ] {
        let server = server(vec![response, good()]).await;
        assert_eq!(ask(&server).await.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn a_parameter_that_the_service_does_not_know_is_dropped_once() {
    let body = json!({ "error": {
        "message": "Unsupported parameter: 'max_completion_tokens'", "code": "unsupported_parameter", "param": "max_completion_tokens",
    }});
    let refused = ResponseTemplate::new(400).set_body_json(body);
    let server = server(vec![refused.clone(), good()]).await;
    assert!(ask(&server).await.is_ok());
    let bodies = bodies(&server).await;
    assert_eq!(bodies[0]["max_completion_tokens"], 250);
    assert_eq!((bodies[1].get("max_completion_tokens"), &bodies[1]["max_tokens"]), (None, &json!(250)));

    let message = json!({ "error": { "message": "temperature is not supported with this model", "code": 400 } });
    let stubborn = ResponseTemplate::new(400).set_body_json(message);
    let server = self::server(vec![stubborn]).await;
    assert!(ask(&server).await.is_err());
    assert_eq!(self::bodies(&server).await.len(), 2);
}

#[tokio::test]
async fn when_one_call_is_told_to_wait_no_other_is_made_meanwhile() {
    let patience = error(429, Value::Null).insert_header("retry-after-ms", "300");
    let server = server(vec![patience, good()]).await;
    let (http, service, limiter) = (outbound::client().unwrap(), at(&server), Limiter::default());
    let deadline = Instant::now() + Duration::from_secs(20);
    let client = || Client::new(&http, &service, Some(SecretString::from("k")), deadline, PACE, &limiter);
    let messages = [Message::user("hello")];
    let schema = json!({ "type": "object" });
    let takes = ModelTraits::default();
    let chat = Chat { model: "m", takes, messages: &messages, temperature: 0.7, max_tokens: 250, schema: &schema };
    let first = client();
    let begun = std::time::Instant::now();
    let another = async {
        while bodies(&server).await.is_empty() {
            tokio::task::yield_now().await;
        }
        // The first call is being answered, or was.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(limiter.ready(&service, Duration::from_secs(5)).await);
        begun.elapsed()
    };
    let (answered, waited) = tokio::join!(first.complete(&chat), another);
    answered.unwrap();
    assert!(waited >= Duration::from_millis(300), "{waited:?}");
}

#[tokio::test]
async fn no_message_repeats_what_the_service_said_or_where_it_is() {
    let server = server(vec![error(400, json!("bad \"secret words\""))]).await;
    let said = contracts::error::chain(&ask(&server).await.unwrap_err());
    assert!(!said.contains("secret words"), "{said}");
    let http = outbound::client().unwrap();
    let service =
        ModelSettings { base_url: "http://me:hush@127.0.0.1:9/v1?k=hush".to_owned(), ..ModelSettings::default() };
    let limiter = Limiter::default();
    let client = Client::new(&http, &service, None, Instant::now() + Duration::from_secs(2), PACE, &limiter);
    assert_eq!(client.service(), "http://127.0.0.1:9/v1");
    let messages = [Message::user("hello")];
    let takes = ModelTraits::default();
    let chat = Chat { model: "m", takes, messages: &messages, temperature: 0.0, max_tokens: 1, schema: &Value::Null };
    let said = contracts::error::chain(&client.complete(&chat).await.unwrap_err());
    assert!(said.starts_with("the model service cannot be reached") && !said.contains("hush"), "{said}");
}

#[test]
fn only_this_machine_needs_no_key() {
    for near in ["http://127.0.0.1:8080/v1", "http://localhost/v1", "http://[::1]:1/v1"] {
        assert!(!needs_key(near), "{near}");
    }
    for far in [
        "https://api.openai.com/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil.example",
        "nonsense",
        "",
    ] {
        assert!(needs_key(far), "{far}");
    }
}
