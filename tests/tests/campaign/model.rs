//! A model service that responds to every call with text that passes the guard, and counts the calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bespoke_tests::fitting_reason;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The service and the number of its calls.
pub struct Model {
    server: MockServer,
    calls: Arc<AtomicUsize>,
}

struct Writer(Arc<AtomicUsize>);

impl Respond for Writer {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.fetch_add(1, Ordering::SeqCst);
        let body: Value = request.body_json().unwrap();
        let offer = &body["response_format"]["json_schema"]["schema"]["properties"]["offers"]["items"];
        let products = offer["properties"]["product"]["enum"].as_array().unwrap();
        let reason = |product: &Value| fitting_reason(product.as_str().unwrap());
        let offers = products.iter().map(|product| json!({ "product": product, "reason": reason(product) }));
        let answer = json!({
            "opening": "Hello {{first_name}}, it is good to have you with us.",
            "offers": offers.collect::<Value>(),
            "closing": "Call us whenever it suits you.",
        });
        let message = json!({ "role": "assistant", "content": answer.to_string() });
        // Because of the delay, calls overlap.
        ResponseTemplate::new(200).set_delay(Duration::from_millis(200)).set_body_json(json!({
            "model": "counting", "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 1000, "completion_tokens": 250 },
        }))
    }
}

impl Model {
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let calls = Arc::default();
        Mock::given(any()).respond_with(Writer(Arc::clone(&calls))).mount(&server).await;
        Self { server, calls }
    }

    /// Returns settings that point to the service.
    pub fn settings(&self) -> String {
        format!(
            "[writer]\nmode = \"free\"\nfree_without_review = true\n[writer.model]\nenabled = true\nbase_url = \"{}/v1\"\n",
            self.server.uri()
        )
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}
