//! Tests of behaviors that real model services have shown. Each case states the expected result.

use super::*;

/// An answer as real models give it.
const WHOLE: &str = r#"{"opening":"a"}"#;

fn refused(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string(body)
}

fn json_body(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn choice(message: &Value, finish_reason: &Value) -> ResponseTemplate {
    json_body(&json!({ "choices": [{ "message": message, "finish_reason": finish_reason }] }))
}

fn raw(body: impl Into<Vec<u8>>, content_type: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body, content_type)
}

fn traits() -> ModelTraits {
    ModelTraits { reasoning_effort: Some(ReasoningEffort::Low), ..ModelTraits::default() }
}

/// Calls the service twice with one limiter. Returns the first result and the bodies of both calls.
async fn call_twice(responses: Vec<ResponseTemplate>) -> (Result<Completion, ServiceError>, Vec<Value>) {
    let server = server(responses).await;
    let http = outbound::Client::new().unwrap();
    let service = service_of(&server);
    let limiter = Limiter::default();
    let client = client(&http, &service, &limiter);
    let messages = [ChatMessage::user("hello")];
    let schema = json!({ "type": "object" });
    let chat = chat_request(&messages, traits(), &schema);
    let first = client.complete(&chat).await;
    let _second = client.complete(&chat).await;
    (first, bodies(&server).await)
}

#[tokio::test]
async fn rejected_parameter_is_changed_and_the_change_is_remembered() {
    let format = "response_format";
    let cases = [
        (
            400,
            r#"{"error":{"message":"This response_format type is unavailable now","type":"invalid_request_error"}}"#,
            format,
        ),
        (400, r#"{"error":"'response_format.type' must be 'text'"}"#, format),
        (400, r#"{"error":{"message":"json_schema is not available for this model"}}"#, format),
        (400, r#"{"message":"Structured output with a grammar is switched off"}"#, format),
        (500, r#"{"error":{"message":"KeyError: response_format","code":500}}"#, format),
        (500, "Internal Server Error: invalid response_format", format),
        (400, "", format),
        (400, "{}", format),
        (
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted"}]}"#,
            "max_completion_tokens",
        ),
        (
            400,
            r#"{"object":"error","message":"Extra inputs are not permitted: max_completion_tokens"}"#,
            "max_completion_tokens",
        ),
        (422, r#"{"detail":"unexpected keyword argument max_completion_tokens"}"#, "max_completion_tokens"),
        (
            400,
            r#"{"error":{"message":"temperature: only the default (1) is accepted","param":"temperature"}}"#,
            "temperature",
        ),
        (400, r#"{"error":{"message":"reasoning_effort is invalid here"}}"#, "reasoning_effort"),
        (422, r#"{"error":{"message":"stream_options requires a license"}}"#, "stream_options"),
        (400, r#"{"error":{"message":"this deployment cannot stream"}}"#, "stream"),
    ];
    for (status, body, parameter) in cases {
        let (first, bodies) = call_twice(vec![refused(status, body), good()]).await;
        assert!(first.is_ok(), "{status} {body}: {first:?}");
        assert_eq!(bodies.len(), 3, "{status} {body}: the second call needs one request");
        assert_ne!(bodies[1].get(parameter), bodies[0].get(parameter), "{status} {body}");
        assert_eq!(bodies[2].get(parameter), bodies[1].get(parameter), "{status} {body}");
    }
}

#[tokio::test]
async fn answer_format_falls_back_from_schema_to_object_to_none() {
    let refusal = || refused(400, r#"{"error":{"message":"response_format is not supported"}}"#);
    let (first, bodies) = call_twice(vec![refusal(), refusal(), good()]).await;
    assert!(first.is_ok());
    let formats: Vec<&Value> = bodies.iter().map(|body| &body["response_format"]["type"]).collect();
    assert_eq!(formats, [&json!("json_schema"), &json!("json_object"), &Value::Null, &Value::Null]);
}

#[tokio::test]
async fn token_limit_is_renamed_once_and_then_left_out() {
    let (first, bodies) = call_twice(vec![
        refused(400, r#"{"error":{"message":"unknown field max_completion_tokens"}}"#),
        refused(400, r#"{"error":{"message":"unknown field max_tokens"}}"#),
        good(),
    ])
    .await;
    assert!(first.is_ok());
    assert_eq!((&bodies[1]["max_tokens"], bodies[1].get("max_completion_tokens")), (&json!(250), None));
    assert_eq!((bodies[2].get("max_tokens"), bodies[2].get("max_completion_tokens")), (None, None));
}

#[tokio::test]
async fn service_that_rejects_every_request_is_given_up() {
    for body in ["", r#"{"error":{"message":"response_format max_completion_tokens max_tokens temperature stream"}}"#] {
        let (first, bodies) = call_twice(vec![refused(400, body)]).await;
        assert!(first.is_err());
        assert!(bodies.len() < 24, "{}", bodies.len());
    }
}

#[tokio::test]
async fn final_errors_are_not_retried_with_other_parameters() {
    for body in [
        r#"{"error":{"code":"content_filter","message":"The prompt was filtered; see response_format"}}"#,
        r#"{"error":{"code":"context_length_exceeded","message":"too long for max_completion_tokens"}}"#,
        r#"{"error":{"message":"no such tenant"}}"#,
    ] {
        let server = server(vec![refused(400, body), good()]).await;
        assert!(call(&server).await.is_err(), "{body}");
        assert_eq!(bodies(&server).await.len(), 1, "{body}");
    }
}

#[tokio::test]
async fn service_is_not_called_again_after_a_hopeless_error() {
    for response in [
        refused(401, r#"{"error":{"message":"wrong key","code":"invalid_api_key"}}"#),
        refused(402, "{}"),
        refused(403, "forbidden"),
        refused(404, r#"{"error":{"message":"model not found","code":"model_not_found"}}"#),
        refused(429, r#"{"error":{"code":"insufficient_quota"}}"#),
        refused(429, r#"{"error":{"message":"You exceeded your current quota, please check your plan"}}"#),
        json_body(&json!({ "error": { "message": "quota", "code": "insufficient_quota" } })),
        raw("<!doctype html><title>Sign in</title>", "text/html"),
    ] {
        let server = server(vec![response, good()]).await;
        let http = outbound::Client::new().unwrap();
        let service = service_of(&server);
        let limiter = Limiter::default();
        let client = client(&http, &service, &limiter);
        let messages = [ChatMessage::user("hello")];
        let chat = chat_request(&messages, ModelTraits::default(), &Value::Null);
        let error = client.complete(&chat).await.unwrap_err();
        assert_eq!(limiter.given_up(client.service_id()), Some(error.to_string()));
        assert_eq!(bodies(&server).await.len(), 1, "{error}");
        let other_key = ModelClient { key: Some(SecretString::from("new")), ..client };
        assert_eq!(limiter.given_up(other_key.service_id()), None, "with a new key, the service is tried again");
    }
}

#[tokio::test]
async fn all_finish_reasons_for_a_complete_answer_are_accepted() {
    for reason in ["stop", "STOP", "end_turn", "eos_token", "eos", "complete", "", "tool_calls"] {
        let server = server(vec![choice(&json!({ "content": WHOLE }), &json!(reason))]).await;
        assert_eq!(call(&server).await.unwrap().content, WHOLE, "{reason}");
    }
    let server = server(vec![choice(&json!({ "content": WHOLE }), &Value::Null)]).await;
    assert_eq!(call(&server).await.unwrap().content, WHOLE);
    for reason in ["length", "content_filter", "MAX_TOKENS", "SAFETY"] {
        let server = self::server(vec![choice(&json!({ "content": WHOLE }), &json!(reason)), good()]).await;
        assert!(matches!(call(&server).await, Err(ServiceError::Incomplete(_))), "{reason}");
    }
    let server = self::server(vec![choice(&json!({ "content": "{\"opening\":" }), &json!("end_turn")), good()]).await;
    assert!(matches!(call(&server).await, Err(ServiceError::Incomplete(_))), "the answer is not complete");
}

#[tokio::test]
async fn answer_is_read_from_any_field() {
    let call_of =
        |arguments: Value| json!([{ "type": "function", "function": { "name": "answer", "arguments": arguments } }]);
    for message in [
        json!({ "content": [{ "type": "text", "text": WHOLE }] }),
        json!({ "content": [{ "type": "text", "text": "{\"opening\":" }, { "type": "text", "text": "\"a\"}" }] }),
        json!({ "content": null, "tool_calls": call_of(json!(WHOLE)) }),
        json!({ "content": "", "tool_calls": call_of(json!({ "opening": "a" })) }),
        json!({ "content": null, "function_call": { "name": "answer", "arguments": WHOLE } }),
        json!({ "content": "", "reasoning_content": WHOLE }),
        json!({ "content": WHOLE, "reasoning_content": "first I think" }),
        json!({ "content": WHOLE, "refusal": null, "tool_calls": null }),
    ] {
        for reason in ["stop", "tool_calls"] {
            let server = server(vec![choice(&message, &json!(reason))]).await;
            assert_eq!(call(&server).await.unwrap().content, WHOLE, "{message}");
        }
    }
}

fn event(content: &str, finish_reason: Option<&str>) -> String {
    let delta = json!({ "choices": [{ "delta": { "content": content }, "finish_reason": finish_reason }] });
    format!("data: {delta}\n\n")
}

#[tokio::test]
async fn body_is_read_regardless_of_its_content_type() {
    let events = event("{\"opening\":", None) + &event("\"a\"}", Some("stop"));
    let document = json!({ "choices": [{ "message": { "content": WHOLE }, "finish_reason": "stop" }] }).to_string();
    for (body, content_type) in [
        (format!("{events}data: [DONE]\n\n"), "application/json"),
        (format!("{events}data: [DONE]\n\n"), "text/plain"),
        (events.clone(), "text/event-stream"),
        (format!("\u{feff}{events}"), "text/event-stream"),
        (
            format!(": OPENROUTER PROCESSING\n\ndata: : PROCESSING\n\ndata:\n\nevent: message\n{events}"),
            "text/event-stream",
        ),
        (events.replace('\n', "\r\n"), "text/event-stream"),
        (events.trim_end().to_owned(), "text/event-stream"),
        (document.clone(), "text/event-stream"),
        (format!("\u{feff}{document}"), "application/json"),
        (document.clone(), "text/html"),
        (format!("[{document}]"), "application/json"),
    ] {
        let server = server(vec![raw(body.clone(), content_type), good()]).await;
        assert_eq!(call(&server).await.unwrap().content, WHOLE, "{content_type}: {body}");
        assert_eq!(bodies(&server).await.len(), 1);
    }
}

#[tokio::test]
async fn complete_answer_survives_damaged_data_after_it() {
    let answer = event(WHOLE, Some("stop"));
    for rest in [
        "data: {\"choices\": null, \"usage\": null}\n\n",
        "data: {\"choices\": [], \"usage\": {\"prompt_tokens\": null}}\n\n",
        "data: {\"choi\n\n",
        "data: {\"error\": {\"message\": \"late\"}}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":null,\"content_filter_offsets\":{}}]}\n\n",
    ] {
        let server = server(vec![raw(format!("{answer}{rest}"), "text/event-stream"), good()]).await;
        assert_eq!(call(&server).await.unwrap().content, WHOLE, "{rest}");
        assert_eq!(bodies(&server).await.len(), 1, "{rest}");
    }
    let document = json!({ "choices": [{ "message": { "content": WHOLE }, "finish_reason": "stop" }], "usage": null });
    let server = server(vec![json_body(&document), good()]).await;
    let completion = call(&server).await.unwrap();
    assert_eq!((completion.content.as_str(), completion.tokens_read), (WHOLE, 0));
}

#[tokio::test]
async fn error_inside_an_answer_is_reported_by_its_code() {
    let overloaded = json!({ "error": { "message": "The engine is overloaded", "code": 529 } });
    for response in [json_body(&overloaded), raw(format!("data: {overloaded}\n\n"), "text/event-stream")] {
        let server = server(vec![response, good()]).await;
        assert!(call(&server).await.is_ok(), "overload is retried");
        assert_eq!(bodies(&server).await.len(), 2);
    }
    for body in [
        json!({ "error": { "message": "no access to this model", "code": "model_terms_required" } }),
        json!({ "object": "error", "message": "no", "code": "model_terms_required" }),
        json!([{ "error": { "message": "no", "code": "model_terms_required" } }]),
    ] {
        let server = server(vec![json_body(&body), good()]).await;
        let error = call(&server).await.unwrap_err();
        assert_eq!(error.to_string(), "the model service reported an error (model_terms_required)");
        assert_eq!(bodies(&server).await.len(), 1);
    }
}

/// The server keeps the connection alive with comments, and answers after more time than may pass within an answer.
#[tokio::test]
async fn comments_before_the_first_word_keep_the_call_alive() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = ModelSettings {
        base_url: format!("http://{}/v1", listener.local_addr().unwrap()),
        read_seconds: 20,
        ..ModelSettings::default()
    };
    let serve = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _read = connection.read(&mut request).await.unwrap();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        connection.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..3 {
            connection.write_all(b": PROCESSING\n\n").await.unwrap();
            tokio::time::sleep(RETRIES.idle + Duration::from_millis(50)).await;
        }
        connection.write_all(event(WHOLE, Some("stop")).as_bytes()).await.unwrap();
    };
    let (completion, ()) = tokio::join!(call_service(&service, ModelTraits::default(), Duration::from_secs(20)), serve);
    assert_eq!(completion.unwrap().content, WHOLE);
}
