//! Tests the client against llmock, a mock model service that injects faults and reports errors in its clients' behavior.
//! `infra/tools.sh llmock` installs it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bespoke_tests::{fitting_reason, root};
use contracts::NamedError as _;
use contracts::facts::Stance;
use contracts::model::WriterMode;
use contracts::script::{Script, WrittenBy};
use contracts::settings::Settings;
use serde_json::{Value, json};

use crate::assessed_run::AssessedRun;

/// An llmock process, which is killed on drop.
struct LlmockServer {
    process: Child,
    address: String,
    http: reqwest::Client,
}

impl Drop for LlmockServer {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl LlmockServer {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = root().join("target/tools/llmock/bin/llmock");
        let mut process = Command::new(&program)
            .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string(), "--log-level", "info"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; infra/tools.sh llmock installs it", program.display()));
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let mock =
            Self { process, address: format!("http://127.0.0.1:{port}"), http: outbound::builder().build().unwrap() };
        // Waits for the line that reports the listening port. The thread reads the rest, so the pipe never fills up.
        assert!(log.any(|line| line.unwrap().contains("Uvicorn running")), "llmock did not start");
        std::thread::spawn(move || log.count());
        mock
    }

    /// Replaces the behaviors for the next requests.
    async fn set_behaviors(&self, behaviors: Value) {
        let reset = self.http.post(format!("{}/_llmock/reset", self.address)).send().await.unwrap();
        assert!(reset.status().is_success());
        let scenario = self.http.post(format!("{}/_llmock/scenario", self.address));
        let accepted = scenario.json(&json!({ "behaviors": behaviors })).send().await.unwrap();
        assert_eq!(accepted.status(), 201, "{}", accepted.text().await.unwrap());
    }

    async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}/_llmock/{path}", self.address)).send().await.unwrap().json().await.unwrap()
    }

    /// Asserts that llmock found no client error, and returns its verdict.
    async fn passing_verdict(&self, scenario: &str) -> Value {
        let verdict = self.get("verdict").await;
        assert_eq!(verdict["passed"], true, "{scenario}: {verdict:#}");
        assert_eq!(verdict["errors"], 0, "{scenario}: {verdict:#}");
        verdict
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.writer.mode = WriterMode::Free;
        settings.writer.free_without_review = true;
        settings.writer.model.enabled = true;
        settings.writer.model.base_url = format!("{}/v1", self.address);
        settings
    }
}

/// Writes the script of the first customer. Returns the result and the elapsed time.
async fn write_script(mock: &LlmockServer) -> (Result<Script, recommend::Error>, Duration) {
    let run = AssessedRun::new(1, mock.settings()).await;
    let start = Instant::now();
    let script = run.write(&run.customers[0]).await;
    (script, start.elapsed())
}

/// Returns an answer that passes the guard.
async fn good_answer(mock: &LlmockServer) -> String {
    let run = AssessedRun::new(1, mock.settings()).await;
    let facts = run.facts(&run.customers[0]).await;
    let Stance::Recommend { offers } = facts.stance else { panic!("the customer has no offer") };
    let offers: Vec<Value> = offers
        .iter()
        .map(|offer| json!({ "product": offer.product, "reason": fitting_reason(offer.product.as_str()) }))
        .collect();
    json!({
        "opening": "Hello {{first_name}}, it is good to have you with us.",
        "offers": offers,
        "closing": "Call us whenever it suits you.",
    })
    .to_string()
}

#[tokio::test]
async fn client_handles_every_fault_of_the_service() {
    let mock = LlmockServer::start();
    let answer = good_answer(&mock).await;
    let reply = json!({ "type": "reply", "text": answer, "times": null });
    let fault = |fault: Value| json!([fault, reply.clone()]);
    let unsupported = "Unsupported parameter: 'max_completion_tokens' is not supported with this model.";

    // In these scenarios, the client recovers, and the script has the model's text.
    for (scenario, behaviors, attempts) in [
        ("nothing wrong", json!([reply.clone()]), 1),
        ("429 with Retry-After", fault(json!({ "type": "fail", "status": 429, "retry_after": 1.2 })), 2),
        ("500 twice", fault(json!({ "type": "fail", "status": 500, "times": 2 })), 3),
        ("a body cut short", fault(json!({ "type": "stream_fault", "kind": "truncate", "after_chunks": 5 })), 2),
        ("a connection cut", fault(json!({ "type": "stream_fault", "kind": "disconnect", "after_chunks": 5 })), 2),
        ("a malformed body", fault(json!({ "type": "stream_fault", "kind": "malformed", "after_chunks": 5 })), 2),
        (
            "a stall",
            fault(json!({ "type": "stream_fault", "kind": "stall", "after_chunks": 5, "stall_seconds": 20 })),
            2,
        ),
        (
            "an unsupported parameter",
            fault(json!({ "type": "fail", "status": 400, "code": "unsupported_parameter", "message": unsupported })),
            2,
        ),
    ] {
        mock.set_behaviors(behaviors).await;
        let (script, elapsed) = write_script(&mock).await;
        let script = script.unwrap();
        let WrittenBy::Model { usage, .. } = &script.written_by else { panic!("{scenario}: {:?}", script.written_by) };
        assert!(usage.tokens_read > 0 && usage.tokens_written > 0 && usage.usd > 0.0, "{scenario}: {usage:?}");
        assert_eq!(mock.passing_verdict(scenario).await["attempts"], attempts, "{scenario}");
        assert!(elapsed < Duration::from_secs(12), "{scenario}: {elapsed:?}");
    }

    // In these scenarios, the client gives up, the phrasebook is used, and the script records the reason.
    for (scenario, behaviors, why, attempts) in [
        (
            "a refusal",
            json!([{ "type": "reply", "text": "I'm sorry, but I can't help with that.", "times": null }]),
            "the answer cannot be used: it is not JSON that matches the schema, even after one repair",
            2,
        ),
        (
            "an answer cut off at the token limit",
            json!([{ "type": "reply", "text": answer, "finish_reason": "length", "times": null }]),
            "the answer is not complete: finish reason length",
            1,
        ),
        ("a wrong key", json!([{ "type": "fail", "status": 401, "times": null }]), "the model service answered 401", 1),
    ] {
        mock.set_behaviors(behaviors).await;
        let (script, _) = write_script(&mock).await;
        let script = script.unwrap();
        let Some(instead) = script.written_by.instead_of_model() else { panic!("{scenario}: {:?}", script.written_by) };
        assert!(instead.why.starts_with(why), "{scenario}: {}", instead.why);
        assert!(script.verdict.passed());
        assert_eq!(mock.passing_verdict(scenario).await["attempts"], attempts, "{scenario}");
    }

    // If the requested delay exceeds the deadline, the call fails immediately with a named error, so the workflow can retry
    // later.
    mock.set_behaviors(fault(json!({ "type": "fail", "status": 429, "retry_after": 600 }))).await;
    let (script, elapsed) = write_script(&mock).await;
    assert_eq!(script.unwrap_err().name(), contracts::ErrorName::WriterThrottled);
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    assert_eq!(mock.passing_verdict("a Retry-After of 600 s").await["attempts"], 1);
}
