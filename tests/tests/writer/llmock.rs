//! The client against a model service that was made to break its clients, and that grades how they take it: llmock, which
//! `infra/tools.sh llmock` installs.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bespoke_tests::root;
use contracts::NamedError as _;
use contracts::facts::Stance;
use contracts::script::{Script, WrittenBy};
use contracts::settings::Settings;
use serde_json::{Value, json};

use crate::campaign::Campaign;

/// The mock's process, ended when it is dropped.
struct Mock {
    process: Child,
    address: String,
    http: reqwest::Client,
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Mock {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = root().join("target/tools/llmock/bin/llmock");
        let mut process = Command::new(&program)
            .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string(), "--log-level", "info"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; infra/tools.sh llmock installs it", program.display()));
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let mock = Self { process, address: format!("http://127.0.0.1:{port}"), http: outbound::client().unwrap() };
        // It says so when it listens; what it says later is read too, so that its pipe never fills.
        assert!(said.any(|line| line.unwrap().contains("Uvicorn running")), "llmock does not start");
        std::thread::spawn(move || said.count());
        mock
    }

    /// What the next requests meet, in place of what earlier ones left.
    async fn script(&self, behaviours: Value) {
        let reset = self.http.post(format!("{}/_llmock/reset", self.address)).send().await.unwrap();
        assert!(reset.status().is_success());
        let scenario = self.http.post(format!("{}/_llmock/scenario", self.address));
        let accepted = scenario.json(&json!({ "behaviors": behaviours })).send().await.unwrap();
        assert_eq!(accepted.status(), 201, "{}", accepted.text().await.unwrap());
    }

    async fn get(&self, what: &str) -> Value {
        self.http.get(format!("{}/_llmock/{what}", self.address)).send().await.unwrap().json().await.unwrap()
    }

    /// The mock's own verdict of its client: nothing that it fails one for, and what it warns of.
    async fn verdict(&self, scenario: &str) -> Value {
        let verdict = self.get("verdict").await;
        assert_eq!(verdict["passed"], true, "{scenario}: {verdict:#}");
        assert_eq!(verdict["errors"], 0, "{scenario}: {verdict:#}");
        verdict
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.writer.model.enabled = true;
        settings.writer.model.base_url = format!("{}/v1", self.address);
        settings
    }
}

/// Writes to the first customer who is offered something, and says how long that took.
async fn written(mock: &Mock) -> (Result<Script, recommend::Error>, Duration) {
    let campaign = Campaign::of(1, mock.settings()).await;
    let begun = Instant::now();
    let script = campaign.write(&campaign.customers[0]).await;
    (script, begun.elapsed())
}

/// An answer that passes the guard.
async fn good_answer(mock: &Mock) -> String {
    let campaign = Campaign::of(1, mock.settings()).await;
    let facts = campaign.facts(&campaign.customers[0]).await;
    let Stance::Recommend { offers } = facts.stance else { panic!("nothing is offered") };
    let offers: Vec<Value> = offers
        .iter()
        .map(|offer| json!({ "product": offer.product, "reason": "It could be useful for what you have in mind." }))
        .collect();
    json!({
        "opening": "Hello {{first_name}}, it is good to have you with us.",
        "offers": offers,
        "closing": "Call us whenever it suits you.",
    })
    .to_string()
}

#[tokio::test]
async fn a_service_that_breaks_in_every_way_finds_no_fault_with_its_client() {
    let mock = Mock::start();
    let answer = good_answer(&mock).await;
    let reply = json!({ "type": "reply", "text": answer, "times": null });
    let fault = |fault: Value| json!([fault, reply.clone()]);
    let unsupported = "Unsupported parameter: 'max_completion_tokens' is not supported with this model.";

    // What passes: the model's text is used.
    for (scenario, behaviours, attempts) in [
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
        mock.script(behaviours).await;
        let (script, took) = written(&mock).await;
        let script = script.unwrap();
        let WrittenBy::Model { usage, .. } = &script.written_by else { panic!("{scenario}: {:?}", script.written_by) };
        assert!(usage.tokens_read > 0 && usage.tokens_written > 0 && usage.usd > 0.0, "{scenario}: {usage:?}");
        assert_eq!(mock.verdict(scenario).await["attempts"], attempts, "{scenario}");
        assert!(took < Duration::from_secs(12), "{scenario}: {took:?}");
    }

    // What does not pass: the template writes, and the script says why.
    for (scenario, behaviours, why, attempts) in [
        (
            "a refusal",
            json!([{ "type": "reply", "text": "I'm sorry, but I can't help with that.", "times": null }]),
            "the answer cannot be used: it is not JSON of the schema, also after one repair",
            2,
        ),
        (
            "an answer cut at the limit of tokens",
            json!([{ "type": "reply", "text": answer, "finish_reason": "length", "times": null }]),
            "the answer is not complete: finish reason length",
            1,
        ),
        ("a wrong key", json!([{ "type": "fail", "status": 401, "times": null }]), "the model service answered 401", 1),
    ] {
        mock.script(behaviours).await;
        let (script, _) = written(&mock).await;
        let script = script.unwrap();
        let WrittenBy::Template { instead_of_model: Some(instead) } = &script.written_by else {
            panic!("{scenario}: {:?}", script.written_by)
        };
        assert!(instead.why.starts_with(why), "{scenario}: {}", instead.why);
        assert!(script.verdict.passed());
        assert_eq!(mock.verdict(scenario).await["attempts"], attempts, "{scenario}");
    }

    // What asks for more patience than there is time: given up at once, by name, for the workflow to try again.
    mock.script(fault(json!({ "type": "fail", "status": 429, "retry_after": 600 }))).await;
    let (script, took) = written(&mock).await;
    assert_eq!(script.unwrap_err().name(), contracts::ErrorName::WriterThrottled);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(mock.verdict("a Retry-After of 600 s").await["attempts"], 1);
}
