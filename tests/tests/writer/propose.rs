//! Tests `bespoke phrases propose` with a model service on this machine.

use bespoke_tests::{Sandbox, report, root};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const GOOD: &str = "{product} gives something back on what you buy every week.";

/// Returns a service that proposes these lines, and a sandbox with a copy of the sample phrasebook.
async fn propose(lines: &[&str]) -> (MockServer, Sandbox, std::process::Output) {
    let server = MockServer::start().await;
    let message = json!({ "role": "assistant", "content": json!({ "lines": lines }).to_string() });
    let answer = json!({ "model": "served", "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }] });
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&server).await;
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"));
    for file in ["en.toml", "en.approvals.csv"] {
        std::fs::copy(root().join("data/phrases").join(file), sandbox.path().join(file)).unwrap();
    }
    let settings = format!("[writer.model]\nenabled = true\nbase_url = \"{}/v1\"\n", server.uri());
    std::fs::write(sandbox.path().join("bespoke.toml"), settings).unwrap();
    let arguments = ["phrases", "propose", "--product", "cash-back-card", "--ground", "need:rewards", "--lines", "5"];
    let output =
        tokio::task::block_in_place(|| sandbox.run(&[&arguments[..], &["--book", "en.toml", "--json"]].concat()));
    (server, sandbox, output)
}

#[tokio::test(flavor = "multi_thread")]
async fn proposed_line_waits_for_an_approval() {
    let (server, sandbox, output) = propose(&[
        GOOD,
        "You are already approved for {product}, guaranteed.",
        "{product} pays 5 % on every purchase.",
        "{product} pairs well with your neighbor's Meridian Travel Rewards Card.",
        "{income} is a good reason for {product}.",
    ])
    .await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report = report(&output);
    let id = "reason.cash-back-card.need-rewards.proposed-01";
    assert_eq!(report["filed"], json!([{ "id": id, "text": GOOD }]), "{report}");
    assert_eq!(report["refused"].as_array().unwrap().len(), 4, "{report}");

    let read = |file: &str| std::fs::read_to_string(sandbox.path().join(file)).unwrap();
    let book = phrases::Phrasebook::parse(&read("en.toml"), &read("en.approvals.csv")).unwrap();
    assert_eq!(book.line(id).unwrap().author, "model served");
    assert_eq!(book.live_approval(id), None, "no customer hears the line before a person approves it");
    assert_eq!(
        read("en.approvals.csv"),
        std::fs::read_to_string(root().join("data/phrases/en.approvals.csv")).unwrap()
    );

    // The service must not learn anything about a customer.
    let requests = server.received_requests().await.unwrap();
    let sent: Value = requests[0].body_json().unwrap();
    let document: Value = serde_json::from_str(sent["messages"][1]["content"].as_str().unwrap()).unwrap();
    let mut fields: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!((requests.len(), fields), (1, vec!["count", "existing", "ground", "product", "what_it_is"]));

    let approve = ["phrases", "approve", id, "--book", "en.toml", "--by", "Rita"];
    assert!(tokio::task::block_in_place(|| sandbox.run(&approve)).status.success());
    let book = phrases::Phrasebook::parse(&read("en.toml"), &read("en.approvals.csv")).unwrap();
    assert!(book.live_approval(id).unwrap().by.ends_with(" on behalf of Rita"));
}

#[tokio::test(flavor = "multi_thread")]
async fn phrasebook_is_unchanged_if_no_line_passes() {
    let (_server, sandbox, output) = propose(&["You are guaranteed to win with {product}."]).await;
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let book = std::fs::read_to_string(sandbox.path().join("en.toml")).unwrap();
    assert_eq!(book, std::fs::read_to_string(root().join("data/phrases/en.toml")).unwrap());
}
