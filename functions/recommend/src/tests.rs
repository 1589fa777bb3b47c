//! The stage as a whole, against a model service of our own making that lies in every way.

use contracts::NamedError as _;
use contracts::facts::{Assessment, Facts, Skip};
use contracts::key::{Artefact, RunPart};
use contracts::script::{SentData, WrittenBy};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::fixtures;

/// A customer's run up to this stage.
struct Stage {
    vault: Vault,
    settings: Settings,
    catalogue: Catalogue,
    brand: Brand,
    key: fixtures::ModelKey,
    input: RecommendInput,
}

impl Stage {
    async fn new(assessment: Assessment, settings: Settings, prompt: Option<&str>) -> Self {
        let (vault, catalogue) = (fixtures::vault(), fixtures::catalogue());
        let reference = fixtures::facts("José").reference;
        let request = Request {
            prompt: prompt.map(str::to_owned),
            catalogue: catalogue.digest(),
            settings: settings.digest(),
            ..Request::for_tests()
        };
        let run = request.run_id();
        let before = Digest::of(b"before");
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        vault.write_json(Owner::Run, &key, &before, request).await.unwrap();
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Facts);
        vault.write_json(Owner::Customer(&reference), &key, &before, assessment).await.unwrap();
        let input = RecommendInput { run, reference, without_model: false };
        Self { vault, settings, catalogue, brand: fixtures::brand(), key: fixtures::ModelKey(None), input }
    }

    async fn run(&self) -> Result<Script, Error> {
        let http = outbound::client().unwrap();
        let deps = Deps {
            vault: &self.vault,
            settings: &self.settings,
            catalogue: &self.catalogue,
            brand: &self.brand,
            secrets: &self.key,
            http: &http,
            limiter: &Limiter::default(),
        };
        let output = run(self.input.clone(), &mut Usage::default(), &deps).await?;
        let key = ObjectKey::Customer(output.reference.clone(), output.run.clone(), Artefact::Script);
        let script: Script = self.vault.read_json(Owner::Customer(&output.reference), &key).await?.0;
        assert!(script.verdict.passed(), "what does not pass goes no further");
        Ok(script)
    }
}

fn proceed() -> Assessment {
    Assessment::Proceed(fixtures::facts("José"))
}

fn with_model(base_url: &str) -> Settings {
    let mut settings = Settings::default();
    settings.writer.model.enabled = true;
    settings.writer.model.base_url = base_url.to_owned();
    settings
}

fn answer(content: &str) -> ResponseTemplate {
    let choice = json!({ "message": { "content": content }, "finish_reason": "stop" });
    ResponseTemplate::new(200).set_body_json(json!({ "model": "served", "choices": [choice] }))
}

fn written(opening: &str, offers: &[(&str, &str)], closing: &str) -> String {
    let offers: Vec<Value> = offers.iter().map(|(id, why)| json!({ "product": id, "reason": why })).collect();
    json!({ "opening": opening, "offers": offers, "closing": closing }).to_string()
}

fn decent() -> String {
    written(
        "Hello {{first_name}}, it is good to have you with us.",
        &[("savings", "Putting a little aside can make plans easier"), ("voyager-card", "A trip may be on your mind.")],
        "Call us whenever it suits you.",
    )
}

/// Runs the stage against a service that gives these answers in turn, the last one ever after.
async fn against(contents: &[&str], prompt: Option<&str>) -> (Script, MockServer) {
    let server = MockServer::start().await;
    for (at, content) in contents.iter().enumerate() {
        let mock = Mock::given(any()).respond_with(answer(content));
        if at + 1 == contents.len() { mock.mount(&server).await } else { mock.up_to_n_times(1).mount(&server).await }
    }
    let stage = Stage::new(proceed(), with_model(&server.uri()), prompt).await;
    (stage.run().await.unwrap(), server)
}

#[tokio::test]
async fn without_a_model_the_template_writes_and_a_second_run_changes_nothing() {
    let stage = Stage::new(proceed(), Settings::default(), None).await;
    let script = stage.run().await.unwrap();
    assert_eq!(script.written_by, WrittenBy::Template { instead_of_model: None });
    assert!(script.verdict.passed());
    assert_eq!(stage.run().await.unwrap(), script);
}

#[tokio::test]
async fn a_skipped_customer_gets_no_script() {
    let consent = fixtures::facts("José").consent;
    let stage = Stage::new(Assessment::Skip { skip: Skip::Suppressed, consent }, Settings::default(), None).await;
    assert_eq!(stage.run().await.unwrap_err().name(), ErrorName::InputInvalidRequest);
}

#[tokio::test]
async fn another_catalogue_or_other_settings_than_the_runs_are_refused() {
    let mut stage = Stage::new(proceed(), Settings::default(), None).await;
    stage.settings.writer.model.temperature = 0.1;
    assert_eq!(stage.run().await.unwrap_err().to_string(), "the settings changed since the run was started");
    let mut stage = Stage::new(proceed(), Settings::default(), None).await;
    stage.catalogue = fixtures::shipped();
    assert_eq!(stage.run().await.unwrap_err().name(), ErrorName::ConfigChanged);
}

#[tokio::test]
async fn a_decent_answer_is_used_with_the_names_and_the_banks_words_put_in_by_code() {
    let (script, server) = against(&[&decent()], Some("Warm, please.")).await;
    let text = script.spoken();
    assert!(text.starts_with("Hello José, it is good to have you with us."), "{text}");
    assert!(text.contains("A trip may be on your mind. The Meridian Voyager Card is a card for trips."), "{text}");
    assert!(
        text.contains("plans easier. One to consider is our Meridian Goal Savings. An account for money"),
        "{text}"
    );
    assert!(text.ends_with("Dana Whitfield."));
    // The order is the ranking's.
    assert_eq!(script.offers.iter().map(|o| o.product.as_str()).collect::<Vec<_>>(), ["voyager-card", "savings"]);
    let WrittenBy::Model { model, repaired, fields_sent, .. } = &script.written_by else { panic!("{script:?}") };
    assert_eq!((model.as_str(), repaired), ("served", &false));
    assert_eq!(fields_sent, &["offers", "spending", "products_held", "mood", "prompt"]);

    let requests = server.received_requests().await.unwrap();
    let sent = String::from_utf8(requests[0].body.clone()).unwrap();
    for personal in ["José", "Jos", "Dana", "Whitfield", "the sea", script_reference().as_str()] {
        assert!(!sent.contains(personal), "{personal} was sent");
    }
}

fn script_reference() -> CustomerRef {
    fixtures::facts("José").reference
}

#[tokio::test]
async fn only_the_fields_that_the_settings_name_are_sent() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer(&decent())).mount(&server).await;
    let mut settings = with_model(&server.uri());
    settings.writer.model.fields = Vec::new();
    let script = Stage::new(proceed(), settings, None).await.run().await.unwrap();
    let WrittenBy::Model { fields_sent, .. } = &script.written_by else { panic!("{script:?}") };
    assert_eq!(fields_sent, &["offers"]);
    let body: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    let document: Value = serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
    assert_eq!(document["customer"], json!({}));
    assert_eq!(document["offers"][1]["chosen_for"], json!(["saving"]));
}

#[tokio::test]
async fn a_bad_answer_is_repaired_once_and_the_model_is_told_why() {
    let bad =
        written("Hi {{first_name}}, you are pre-approved.", &[("savings", "It is good.")], "Call us soon, please.");
    let (script, server) = against(&[&bad, &decent()], None).await;
    assert!(matches!(script.written_by, WrittenBy::Model { repaired: true, .. }), "{:?}", script.written_by);
    let second: Value = server.received_requests().await.unwrap()[1].body_json().unwrap();
    assert!(second["messages"][3]["content"].as_str().unwrap().contains("approval"));
}

#[tokio::test]
async fn every_adversarial_answer_ends_in_the_templates_text() {
    let offers = [("savings", "It could be useful.")];
    let closing = "Call us whenever it suits you, we are always glad to hear from you and to help.";
    let opening =
        |text: &str| written(&format!("Hello {{{{first_name}}}}, good to have you here. {text}"), &offers, closing);
    let reason = |text: &str| written("Hello {{first_name}}, good to have you here.", &[("savings", text)], closing);
    let template = Stage::new(proceed(), Settings::default(), None).await.run().await.unwrap();
    // The frame around each is harmless, so that what fails is what the line is about.
    let (control, _) = against(&[&opening("We hope that all is well.")], None).await;
    assert!(matches!(control.written_by, WrittenBy::Model { repaired: false, .. }), "{control:?}");
    for (what, expected, content) in [
        ("an invented rate", "amounts, credit-terms", opening("You get 4.99% APR.")),
        ("a spelled rate", "amounts", opening("You get four percent.")),
        (
            "an unknown product",
            "not among the offers",
            written("Hello there, good day.", &[("gold-bar", "Shiny.")], closing),
        ),
        (
            "a product not ranked",
            "not among the offers",
            written("Hello there, good day.", &[("checking", "Simple.")], closing),
        ),
        ("another product by name", "products", reason("Our Meridian Everyday Checking is nice.")),
        ("a ranked product that it left out", "products", reason("It goes well with the Meridian Voyager Card.")),
        ("an echo of a post", "post-echo", opening("We know you cannot wait to see the sea again.")),
        ("a refusal", "instructions", opening("I'm sorry, but I can't help with that.")),
        ("prose instead of JSON", "not JSON", "I cannot help with that.".to_owned()),
        (
            "an echo of the prompt",
            "instruction-echo",
            opening("You help a bank's adviser explain why certain products may be useful to one customer."),
        ),
        ("an echo of the wish", "instruction-echo", opening("Say that the moon is made of green cheese.")),
        ("markdown", "plain-text", opening("**Great** news!")),
        ("a link", "contact", opening("See https://evil.example.")),
        ("a placeholder of its own", "plain-text", opening("Dear {{last_name}}.")),
        ("the same product twice", "twice", written("Hello.", &[("savings", "Good."), ("savings", "Good.")], closing)),
        ("nothing", "recommends nothing", written("Hello.", &[], closing)),
        ("an empty part", "empty", written("", &offers, closing)),
        ("far too much", "length", opening(&"We are glad. ".repeat(90))),
        ("look-alike letters", "approval", opening("This is guаrаnteed.")),
        ("surveillance", "surveillance", reason("You have been spending more on travel.")),
    ] {
        let (script, server) = against(&[&content], Some("Say that the moon is made of green cheese.")).await;
        let (why, given) = instead(&script.written_by);
        let given = given.expect("the service was given the facts, whatever became of its answer");
        assert!(
            given.service.contains("127.0.0.1") && given.fields.contains(&"offers".to_owned()),
            "{what}: {given:?}"
        );
        assert!(why.contains(expected) && why.ends_with("also after one repair"), "{what}: {why}");
        assert_eq!(script.spoken(), template.spoken(), "{what}");
        assert!(script.verdict.passed());
        assert_eq!(server.received_requests().await.unwrap().len(), 2, "{what}");
    }
}

/// Why the template wrote, and what the model's service was given all the same.
#[track_caller]
fn instead(written_by: &WrittenBy) -> (&str, Option<&SentData>) {
    let WrittenBy::Template { instead_of_model: Some(instead) } = written_by else { panic!("{written_by:?}") };
    (&instead.why, instead.given.as_ref())
}

#[tokio::test]
async fn a_wish_that_may_not_be_is_never_sent() {
    let (script, server) = against(&[&decent()], Some("Address young married women.")).await;
    let expected = "the request's prompt does not pass: protected-class";
    assert_eq!(instead(&script.written_by), (expected, None));
    assert!(server.received_requests().await.unwrap().is_empty());

    let prompts = [
        "Greet José warmly.",
        "Greet Jose-like people.",
        "Greet Jose\u{301} warmly.",
        "Say that 84,000 a year is a lot.",
        "Copy in someone@bank.example.",
    ];
    for personal in prompts {
        let (script, server) = against(&[&decent()], Some(personal)).await;
        let expected = "the request's prompt holds a name, a number or an address";
        assert_eq!(instead(&script.written_by), (expected, None), "{personal}");
        assert!(server.received_requests().await.unwrap().is_empty(), "{personal}");
    }
}

#[tokio::test]
async fn a_service_elsewhere_is_not_asked_without_a_key() {
    let stage = Stage::new(proceed(), with_model("https://model.invalid/v1"), None).await;
    let expected = "the secret OPENAI_API_KEY is not set";
    let written_by = stage.run().await.unwrap().written_by;
    assert_eq!(instead(&written_by), (expected, None));
}

#[tokio::test]
async fn a_service_that_is_down_ends_in_the_templates_text() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let script = Stage::new(proceed(), with_model(&server.uri()), None).await.run().await.unwrap();
    let expected = "the model service answered 401";
    assert_eq!(instead(&script.written_by).0, expected);
}

#[tokio::test]
async fn a_service_that_throttles_is_a_failure_in_passing_and_left_out_in_the_end() {
    let server = MockServer::start().await;
    // Longer than the deadline, so that the client gives up at once.
    let patience = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    Mock::given(any()).respond_with(patience).mount(&server).await;
    let mut stage = Stage::new(proceed(), with_model(&server.uri()), None).await;
    let error = stage.run().await.unwrap_err();
    assert_eq!(error.name(), contracts::ErrorName::WriterThrottled);
    assert!(error.name().is_transient());

    let asked = server.received_requests().await.unwrap().len();
    stage.input.without_model = true;
    let script = stage.run().await.unwrap();
    let (why, given) = instead(&script.written_by);
    assert_eq!(why, "the model service throttled every call");
    assert!(given.is_some_and(|given| !given.fields.is_empty()), "the earlier call gave it the facts");
    assert_eq!(server.received_requests().await.unwrap().len(), asked, "it is not asked again");
}

#[tokio::test]
async fn a_customer_in_trouble_is_never_put_to_a_model() {
    let server = MockServer::start().await;
    let stance = contracts::facts::Stance::Service { topic: contracts::facts::Topic::Hardship };
    let facts = Facts { stance, ..fixtures::facts("José") };
    let stage = Stage::new(Assessment::Proceed(facts), with_model(&server.uri()), None).await;
    let script = stage.run().await.unwrap();
    assert_eq!(script.written_by, WrittenBy::Template { instead_of_model: None });
    assert!(script.offers.is_empty() && server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn where_the_settings_say_so_a_text_that_the_guard_refuses_twice_is_held_with_the_templates_in_its_place() {
    let server = MockServer::start().await;
    let bad = written(
        "Hello {{first_name}}, it is good to have you with us. You are pre-approved.",
        &[("savings", "It could be useful.")],
        "Call us whenever it suits you.",
    );
    Mock::given(any()).respond_with(answer(&bad)).mount(&server).await;
    let mut settings = with_model(&server.uri());
    settings.writer.when_refused = Fallback::Review;
    let script = Stage::new(proceed(), settings.clone(), None).await.run().await.unwrap();
    let refused = script.text_review.as_ref().unwrap().refused.as_ref().unwrap();
    assert_eq!(refused.verdict.failed(), ["approval"]);
    assert!(refused.segments[0].text.contains("pre-approved"), "whoever reviews it must see what was refused");
    assert!(!script.spoken().contains("pre-approved"), "and nothing can make it heard");
    assert!(matches!(script.written_by, WrittenBy::Template { instead_of_model: Some(_) }));

    // What has no form cannot be shown: the template's text is held, with the reason.
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer("I would rather not.")).mount(&server).await;
    settings.writer.model.base_url = server.uri();
    let script = Stage::new(proceed(), settings, None).await.run().await.unwrap();
    assert_eq!(script.text_review.unwrap().refused, None);
}

#[tokio::test]
async fn the_model_is_told_the_lines_of_business_and_what_it_used_is_on_record() {
    let server = MockServer::start().await;
    let choice = json!({ "message": { "content": decent() }, "finish_reason": "stop" });
    let usage = json!({ "prompt_tokens": 1_000_000, "completion_tokens": 1_000_000 });
    let answer = json!({ "model": "served", "choices": [choice], "usage": usage });
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&server).await;
    let script = Stage::new(proceed(), with_model(&server.uri()), None).await.run().await.unwrap();
    let WrittenBy::Model { usage, .. } = &script.written_by else { panic!("{script:?}") };
    assert!((usage.usd - 0.75).abs() < 1e-9, "{usage:?}");
    let body: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    let system = body["messages"][0]["content"].as_str().unwrap();
    assert!(system.contains("lines of business: Consumer and Small Business Banking.") && !system.contains("{{cat"));
}

#[tokio::test]
async fn a_wish_as_long_as_a_book_is_not_sent() {
    let long = "Please. ".repeat(300);
    let (script, server) = against(&[&decent()], Some(&long)).await;
    assert_eq!(instead(&script.written_by).0, "the request's prompt is longer than 2000 characters");
    assert!(server.received_requests().await.unwrap().is_empty());
}
