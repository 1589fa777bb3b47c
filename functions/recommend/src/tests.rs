//! Tests of the whole stage against a mock model service, including adversarial answers.

use contracts::NamedError as _;
use contracts::facts::{Assessment, Facts, Skip};
use contracts::key::{Artefact, RunPart};
use contracts::script::{SentData, SentenceSource, WrittenBy};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::fixtures::{self, line_ids};

mod withdrawal;

/// The state of a run for one customer just before this stage.
struct RecommendFixture {
    vault: Vault,
    settings: Settings,
    catalogue: Catalogue,
    book: &'static Phrasebooks,
    brand: Brand,
    key: fixtures::ModelKey,
    input: RecommendInput,
}

impl RecommendFixture {
    async fn new(assessment: Assessment, settings: Settings, prompt: Option<&str>) -> Self {
        Self::with(assessment, settings, prompt, fixtures::catalogue()).await
    }

    async fn with(assessment: Assessment, settings: Settings, prompt: Option<&str>, catalogue: Catalogue) -> Self {
        let vault = fixtures::vault();
        let reference = fixtures::facts("José").reference;
        let request = Request {
            prompt: prompt.map(str::to_owned),
            catalogue: catalogue.digest(),
            phrases: fixtures::book().digest(),
            writer: settings.writer.mode,
            settings: settings.digest(),
            ..Request::for_tests()
        };
        let run = request.run_id();
        let inputs = Digest::of(b"inputs");
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        vault.write_json(Owner::Run, &key, &inputs, request).await.unwrap();
        let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Facts);
        vault.write_json(Owner::Customer(&reference), &key, &inputs, assessment).await.unwrap();
        let input = RecommendInput { run, reference, without_model: false };
        Self {
            vault,
            settings,
            catalogue,
            book: fixtures::books(),
            brand: fixtures::brand(),
            key: fixtures::ModelKey(None),
            input,
        }
    }

    async fn run(&self) -> Result<Script, Error> {
        let http = outbound::Client::new().unwrap();
        let deps = Deps {
            vault: &self.vault,
            settings: &self.settings,
            catalogue: &self.catalogue,
            phrases: self.book,
            brand: &self.brand,
            secrets: &self.key,
            http: &http,
            limiter: &Limiter::default(),
        };
        let output = run(self.input.clone(), &mut Usage::default(), &deps).await?;
        let key = ObjectKey::Customer(output.reference.clone(), output.run.clone(), Artefact::Script);
        let script: Script = self.vault.read_json(Owner::Customer(&output.reference), &key).await?.0;
        assert!(script.verdict.passed(), "a rejected script must not be written");
        Ok(script)
    }
}

fn proceed() -> Assessment {
    Assessment::Proceed(fixtures::facts("José"))
}

fn with_model(base_url: &str) -> Settings {
    let mut settings = Settings::default();
    settings.writer.mode = WriterMode::Free;
    settings.writer.model.enabled = true;
    settings.writer.model.base_url = base_url.to_owned();
    settings
}

fn with_select(base_url: &str) -> Settings {
    let mut settings = with_model(base_url);
    settings.writer.mode = WriterMode::Select;
    settings
}

fn completion(content: &str) -> ResponseTemplate {
    let choice = json!({ "message": { "content": content }, "finish_reason": "stop" });
    ResponseTemplate::new(200).set_body_json(json!({ "model": "served", "choices": [choice] }))
}

fn model_answer(opening: &str, offers: &[(&str, &str)], closing: &str) -> String {
    let offers: Vec<Value> = offers.iter().map(|(id, reason)| json!({ "product": id, "reason": reason })).collect();
    json!({ "opening": opening, "offers": offers, "closing": closing }).to_string()
}

fn good_answer() -> String {
    model_answer(
        "Hello {{first_name}}, it is good to have you with us.",
        &[("savings", "Putting a little aside can make plans easier"), ("voyager-card", "A trip may be on your mind.")],
        "Call us whenever it suits you.",
    )
}

/// Runs the stage against a service that sends each answer once, and repeats the last one for all further calls.
async fn run_against(contents: &[&str], prompt: Option<&str>) -> (Script, MockServer) {
    let server = MockServer::start().await;
    for (index, content) in contents.iter().enumerate() {
        let mock = Mock::given(any()).respond_with(completion(content));
        if index + 1 == contents.len() { mock.mount(&server).await } else { mock.up_to_n_times(1).mount(&server).await }
    }
    let stage = RecommendFixture::new(proceed(), with_model(&server.uri()), prompt).await;
    (stage.run().await.unwrap(), server)
}

#[tokio::test]
async fn second_run_reuses_the_script() {
    let stage = RecommendFixture::new(proceed(), Settings::default(), None).await;
    let script = stage.run().await.unwrap();
    let WrittenBy::Phrases { book, selected_by, instead_of_model, .. } = &script.written_by else {
        panic!("{:?}", script.written_by)
    };
    assert_eq!((book, selected_by, instead_of_model), (&fixtures::book().digest(), &None, &None));
    assert_eq!(script.text_review, None);
    assert_eq!(stage.run().await.unwrap(), script);
}

#[tokio::test]
async fn skipped_customer_gets_no_script() {
    let consent = fixtures::facts("José").consent;
    let stage =
        RecommendFixture::new(Assessment::Skip { skip: Skip::Suppressed, consent }, Settings::default(), None).await;
    assert_eq!(stage.run().await.unwrap_err().name(), ErrorName::InputInvalidRequest);
}

#[tokio::test]
async fn changed_inputs_are_refused() {
    let mut stage = RecommendFixture::new(proceed(), Settings::default(), None).await;
    stage.settings.writer.model.temperature = 0.1;
    assert_eq!(stage.run().await.unwrap_err().to_string(), "the settings changed since the run started");
    let mut stage = RecommendFixture::new(proceed(), Settings::default(), None).await;
    stage.catalogue = fixtures::shipped_catalogue();
    assert_eq!(stage.run().await.unwrap_err().name(), ErrorName::ConfigChanged);
    let mut stage = RecommendFixture::new(proceed(), Settings::default(), None).await;
    let unapproved = phrases::Phrasebook::parse(include_str!("../../../data/phrases/en.toml"), "").unwrap();
    stage.book = Box::leak(Box::new(unapproved.into()));
    assert_eq!(stage.run().await.unwrap_err().to_string(), "the phrasebook changed since the run started");
}

#[tokio::test]
async fn valid_answer_is_filled_in_with_names_and_catalogue_text() {
    let (script, server) = run_against(&[&good_answer()], Some("Warm, please.")).await;
    let text = script.spoken();
    assert!(text.starts_with("Hello José, it is good to have you with us."), "{text}");
    assert!(text.contains("A trip may be on your mind. The Meridian Voyager Card is a card for trips."), "{text}");
    assert!(text.contains("plans easier. Meridian Goal Savings. An account for money"), "{text}");
    assert!(text.ends_with("Dana Whitfield."));
    assert_eq!(script.text_review.as_ref().unwrap().why, FREE_TEXT, "free text waits for a person");
    let source = &script.segments[0].parts[0].source;
    assert_eq!(*source, SentenceSource::Free { by: "served".to_owned() });
    // The ranking, not the model, determines the order.
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
async fn only_configured_fields_are_sent() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(completion(&good_answer())).mount(&server).await;
    let mut settings = with_model(&server.uri());
    settings.writer.model.fields = Vec::new();
    let script = RecommendFixture::new(proceed(), settings, None).await.run().await.unwrap();
    let WrittenBy::Model { fields_sent, .. } = &script.written_by else { panic!("{script:?}") };
    assert_eq!(fields_sent, &["offers"]);
    let body: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    let document: Value = serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
    assert_eq!(document["customer"], json!({}));
    assert_eq!(document["offers"][1]["chosen_for"], json!(["saving"]));
}

#[tokio::test]
async fn rejected_answer_is_sent_back_once_with_the_reasons() {
    let bad = model_answer(
        "Hi {{first_name}}, you are pre-approved.",
        &[("savings", "It is good.")],
        "Call us soon, please.",
    );
    let (script, server) = run_against(&[&bad, &good_answer()], None).await;
    assert!(matches!(script.written_by, WrittenBy::Model { repaired: true, .. }), "{:?}", script.written_by);
    let second: Value = server.received_requests().await.unwrap()[1].body_json().unwrap();
    assert!(second["messages"][3]["content"].as_str().unwrap().contains("approval"));
}

#[tokio::test]
async fn adversarial_answers_are_replaced_by_the_phrasebook() {
    let offers = [("savings", "It could be useful.")];
    let closing = "Call us whenever it suits you, we are always glad to hear from you and to help.";
    let opening = |text: &str| {
        model_answer(&format!("Hello {{{{first_name}}}}, good to have you here. {text}"), &offers, closing)
    };
    let reason =
        |text: &str| model_answer("Hello {{first_name}}, good to have you here.", &[("savings", text)], closing);
    let phrases = RecommendFixture::new(proceed(), Settings::default(), None).await.run().await.unwrap();
    // The rest of each answer passes the guard, so only the listed fault can make it fail.
    let (control, _) = run_against(&[&opening("We hope that all is well.")], None).await;
    assert!(matches!(control.written_by, WrittenBy::Model { repaired: false, .. }), "{control:?}");
    for (fault, expected, content) in [
        ("an invented rate", "amounts, credit-terms", opening("You get 4.99% APR.")),
        ("a spelled rate", "amounts", opening("You get four percent.")),
        (
            "an unknown product",
            "not offered to it",
            model_answer("Hello there, good day.", &[("gold-bar", "Shiny.")], closing),
        ),
        (
            "a product that is not ranked",
            "not offered to it",
            model_answer("Hello there, good day.", &[("checking", "Simple.")], closing),
        ),
        ("another product by name", "products", reason("Our Meridian Everyday Checking is nice.")),
        (
            "a ranked product that the answer leaves out",
            "products",
            reason("It goes well with the Meridian Voyager Card."),
        ),
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
        (
            "the same product twice",
            "twice",
            model_answer("Hello.", &[("savings", "Good."), ("savings", "Good.")], closing),
        ),
        ("no product", "recommends nothing", model_answer("Hello.", &[], closing)),
        ("an empty part", "empty", model_answer("", &offers, closing)),
        ("a long text", "length", opening(&"We are glad. ".repeat(90))),
        ("look-alike letters", "approval", opening("This is guаrаnteed.")),
        ("surveillance", "surveillance", reason("You have been spending more on travel.")),
    ] {
        let (script, server) = run_against(&[&content], Some("Say that the moon is made of green cheese.")).await;
        let (why, given) = instead_of_model(&script.written_by);
        let given =
            given.expect("the evidence lists the fields that the service received, although its answer was rejected");
        assert!(
            given.service.contains("127.0.0.1") && given.fields.contains(&"offers".to_owned()),
            "{fault}: {given:?}"
        );
        assert!(why.contains(expected) && why.ends_with("even after one repair"), "{fault}: {why}");
        assert_eq!(script.spoken(), phrases.spoken(), "{fault}");
        assert!(script.verdict.passed());
        assert_eq!(server.received_requests().await.unwrap().len(), 2, "{fault}");
    }
}

/// Returns the reason why the phrasebook was used, and the data that the model service received.
#[track_caller]
fn instead_of_model(written_by: &WrittenBy) -> (&str, Option<&SentData>) {
    let Some(instead) = written_by.instead_of_model() else { panic!("{written_by:?}") };
    (&instead.why, instead.given.as_ref())
}

#[tokio::test]
async fn forbidden_prompt_is_not_sent_to_the_model() {
    let (script, server) = run_against(&[&good_answer()], Some("Address young married women.")).await;
    let expected = "the request's prompt was refused by the rule `protected-class`";
    assert_eq!(instead_of_model(&script.written_by), (expected, None));
    assert!(server.received_requests().await.unwrap().is_empty());

    let prompts = [
        "Greet José warmly.",
        "Greet Jose-like people.",
        "Greet Jose\u{301} warmly.",
        "Say that 84,000 a year is a lot.",
        "Copy in someone@bank.example.",
    ];
    for personal in prompts {
        let (script, server) = run_against(&[&good_answer()], Some(personal)).await;
        let expected = "the request's prompt contains a name, a number or an e-mail address";
        assert_eq!(instead_of_model(&script.written_by), (expected, None), "{personal}");
        assert!(server.received_requests().await.unwrap().is_empty(), "{personal}");
    }
}

#[tokio::test]
async fn remote_service_is_not_called_without_a_key() {
    let stage = RecommendFixture::new(proceed(), with_model("https://model.invalid/v1"), None).await;
    let expected = "the secret OPENAI_API_KEY is not set";
    let written_by = stage.run().await.unwrap().written_by;
    assert_eq!(instead_of_model(&written_by), (expected, None));
}

#[tokio::test]
async fn phrasebook_is_used_if_the_service_is_unavailable() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let script = RecommendFixture::new(proceed(), with_model(&server.uri()), None).await.run().await.unwrap();
    let expected = "the model service answered 401";
    assert_eq!(instead_of_model(&script.written_by).0, expected);
}

#[tokio::test]
async fn throttling_is_transient_and_a_retry_can_skip_the_model() {
    let server = MockServer::start().await;
    // A delay beyond the deadline makes the client give up immediately.
    let throttled = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    Mock::given(any()).respond_with(throttled).mount(&server).await;
    let mut stage = RecommendFixture::new(proceed(), with_model(&server.uri()), None).await;
    let error = stage.run().await.unwrap_err();
    assert_eq!(error.name(), contracts::ErrorName::WriterThrottled);
    assert!(error.name().is_transient());

    let calls = server.received_requests().await.unwrap().len();
    stage.input.without_model = true;
    let script = stage.run().await.unwrap();
    let (why, given) = instead_of_model(&script.written_by);
    assert_eq!(why, "the model service throttled every call");
    assert!(given.is_some_and(|given| !given.fields.is_empty()), "the earlier call sent the facts");
    assert_eq!(server.received_requests().await.unwrap().len(), calls, "the model is not called again");
}

#[tokio::test]
async fn service_message_is_written_without_a_model() {
    let server = MockServer::start().await;
    let stance = contracts::facts::Stance::Service { topic: contracts::facts::Topic::Hardship };
    let facts = Facts { stance, ..fixtures::facts("José") };
    let stage = RecommendFixture::new(Assessment::Proceed(facts), with_model(&server.uri()), None).await;
    let script = stage.run().await.unwrap();
    assert_eq!(script.written_by.instead_of_model(), None);
    assert!(matches!(script.written_by, WrittenBy::Phrases { .. }), "{:?}", script.written_by);
    assert!(script.offers.is_empty() && server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn rejected_text_goes_to_review_if_the_settings_say_so() {
    let server = MockServer::start().await;
    let bad = model_answer(
        "Hello {{first_name}}, it is good to have you with us. You are pre-approved.",
        &[("savings", "It could be useful.")],
        "Call us whenever it suits you.",
    );
    Mock::given(any()).respond_with(completion(&bad)).mount(&server).await;
    let mut settings = with_model(&server.uri());
    settings.writer.when_refused = Fallback::Review;
    let script = RecommendFixture::new(proceed(), settings.clone(), None).await.run().await.unwrap();
    let refused = script.text_review.as_ref().unwrap().refused.as_ref().unwrap();
    assert_eq!(refused.verdict.failed(), ["approval"]);
    assert!(refused.segments[0].text.contains("pre-approved"), "the reviewer sees the rejected text");
    assert!(!script.spoken().contains("pre-approved"), "the rejected text is never spoken");
    assert!(script.written_by.instead_of_model().is_some());

    // A malformed answer has no text to show, so the review has only the phrasebook's text and the reason.
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(completion("I would rather not.")).mount(&server).await;
    settings.writer.model.base_url = server.uri();
    let script = RecommendFixture::new(proceed(), settings, None).await.run().await.unwrap();
    assert_eq!(script.text_review.unwrap().refused, None);
}

#[tokio::test]
async fn prompt_lists_the_categories_and_script_records_token_usage() {
    let server = MockServer::start().await;
    let choice = json!({ "message": { "content": good_answer() }, "finish_reason": "stop" });
    let usage = json!({ "prompt_tokens": 1_000_000, "completion_tokens": 1_000_000 });
    let answer = json!({ "model": "served", "choices": [choice], "usage": usage });
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&server).await;
    let script = RecommendFixture::new(proceed(), with_model(&server.uri()), None).await.run().await.unwrap();
    let WrittenBy::Model { usage, .. } = &script.written_by else { panic!("{script:?}") };
    assert!((usage.usd - 0.75).abs() < 1e-9, "{usage:?}");
    let body: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    let system = body["messages"][0]["content"].as_str().unwrap();
    assert!(system.contains("lines of business: Consumer and Small Business Banking.") && !system.contains("{{cat"));
}

#[tokio::test]
async fn overlong_prompt_is_not_sent_to_the_model() {
    let long = "Please. ".repeat(300);
    let (script, server) = run_against(&[&good_answer()], Some(&long)).await;
    assert_eq!(instead_of_model(&script.written_by).0, "the request's prompt is longer than 2000 characters");
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn free_text_skips_review_only_if_the_settings_say_so() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(completion(&good_answer())).mount(&server).await;
    let mut settings = with_model(&server.uri());
    settings.writer.free_without_review = true;
    let script = RecommendFixture::new(proceed(), settings, None).await.run().await.unwrap();
    assert_eq!(script.text_review, None);
    assert!(matches!(script.written_by, WrittenBy::Model { .. }));
}

#[tokio::test]
async fn model_is_called_only_if_mode_and_settings_allow_it() {
    let server = MockServer::start().await;
    let mut settings = with_model(&server.uri());
    settings.writer.mode = WriterMode::Phrases;
    let script = RecommendFixture::new(proceed(), settings.clone(), None).await.run().await.unwrap();
    assert_eq!(script.written_by.instead_of_model(), None);
    for mode in [WriterMode::Select, WriterMode::Free] {
        settings.writer.mode = mode;
        settings.writer.model.enabled = false;
        let script = RecommendFixture::new(proceed(), settings.clone(), None).await.run().await.unwrap();
        assert_eq!(instead_of_model(&script.written_by), ("writer.model.enabled is false", None), "{mode}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[test]
fn hint_says_how_to_enable_the_model() {
    let mut writer = Settings::default().writer;
    assert_eq!(model_hint(&writer, WriterMode::Phrases, false), None);
    let hint = model_hint(&writer, WriterMode::Phrases, true).unwrap();
    assert!(hint.contains("writer.mode") && hint.contains("writer.model.enabled = true"), "{hint}");
    assert!(!model_hint(&writer, WriterMode::Free, true).unwrap().contains("writer.mode ="));
    writer.model.enabled = true;
    assert_eq!(model_hint(&writer, WriterMode::Select, true), None);
}

/// Returns the facts about a customer with two offers that the phrasebook has reasons for.
fn facts_with_lines() -> Facts {
    let offers = vec![
        fixtures::offer("cash-back-card", contracts::facts::Need::Rewards, Vec::new()),
        fixtures::offer("high-yield-savings", contracts::facts::Need::Saving, Vec::new()),
    ];
    Facts { stance: contracts::facts::Stance::Recommend { offers }, ..fixtures::facts("José") }
}

/// Runs the `select` mode against a service that sends one answer.
async fn select_against(response: ResponseTemplate, prompt: Option<&str>) -> (Script, MockServer) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    let mut settings = with_select(&server.uri());
    settings.writer.model.read_seconds = 1;
    settings.writer.model.deadline_seconds = 2;
    let catalogue = fixtures::shipped_catalogue();
    let stage = RecommendFixture::with(Assessment::Proceed(facts_with_lines()), settings, prompt, catalogue).await;
    (stage.run().await.unwrap(), server)
}

fn choice(opening: &str, reasons: &[&str], closing: &str) -> String {
    json!({ "opening": opening, "reasons": reasons, "closing": closing }).to_string()
}

const OPENING: &str = "opening.adviser.formal.02";
const REASONS: [&str; 2] = ["reason.cash-back-card.rewards-need.02", "reason.high-yield-savings.saving-need.03"];
const CLOSING: &str = "closing.adviser.formal.02";

#[tokio::test]
async fn selected_lines_appear_in_the_script() {
    let answer = choice(OPENING, &[REASONS[1], REASONS[0]], CLOSING);
    let (script, server) = select_against(completion(&answer), Some("Formal, and call me Zorro.")).await;
    let ids = line_ids(&script);
    assert_eq!((ids[0], ids[1], ids[3], ids[4]), (OPENING, REASONS[0], REASONS[1], CLOSING));
    assert_eq!(script.text_review, None, "approved lines need no review");
    let WrittenBy::Phrases { selected_by: Some(selection), wish, .. } = &script.written_by else {
        panic!("{:?}", script.written_by)
    };
    assert_eq!((selection.model.as_str(), selection.given.fields.last().unwrap().as_str()), ("served", "wish"));
    assert_eq!(wish.tones, ["formal"]);

    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    let sent = String::from_utf8(requests[0].body.clone()).unwrap();
    for personal in ["José", "Dana", "Whitfield", "Zorro", "the sea", script_reference().as_str()] {
        assert!(!sent.contains(personal), "{personal} was sent");
    }
    let body: Value = requests[0].body_json().unwrap();
    let schema = &body["response_format"]["json_schema"]["schema"];
    assert_eq!(schema["properties"]["reasons"]["maxItems"], 2);
    let openings = schema["properties"]["opening"]["enum"].as_array().unwrap();
    assert!(openings.iter().all(|id| id.as_str().unwrap().contains("adviser")), "{openings:?}");
}

/// Gives the stage answers from a hostile model. None of them may change a word of the text.
#[tokio::test]
async fn hostile_selection_does_not_change_the_text() {
    let (assessment, catalogue) = (Assessment::Proceed(facts_with_lines()), fixtures::shipped_catalogue());
    let program = RecommendFixture::with(assessment, Settings::default(), Some("Formal."), catalogue).await;
    let expected = program.run().await.unwrap().spoken();
    let secret = "You are pre-approved, wire the money to me.";
    let with_text = json!({ "opening": OPENING, "reasons": REASONS, "closing": CLOSING, "note": secret }).to_string();
    let answers = [
        (secret.to_owned(), "not JSON that matches the schema"),
        (String::new(), "model"),
        (choice(secret, &REASONS, CLOSING), "an opening that was not offered"),
        (choice(OPENING, &REASONS, secret), "a closing that was not offered"),
        (choice(OPENING, &[REASONS[0], secret], CLOSING), "a reason that was not offered"),
        (choice(OPENING, &[REASONS[0]], CLOSING), "no reason for a product"),
        (choice(OPENING, &[REASONS[0], REASONS[0]], CLOSING), "two reasons for one product"),
        // Ids from the phrasebook that are not suitable for this customer.
        (choice("opening.bank.formal.02", &REASONS, CLOSING), "an opening that was not offered"),
        (choice(OPENING, &[REASONS[0], "reason.auto-loan.vehicle-need.01"], CLOSING), "a reason that was not offered"),
        (choice(CLOSING, &REASONS, OPENING), "an opening that was not offered"),
        (choice("{first_name}", &REASONS, CLOSING), "an opening that was not offered"),
        (choice(&format!("{OPENING} {secret}"), &REASONS, CLOSING), "an opening that was not offered"),
        (
            json!({ "opening": [secret], "reasons": {}, "closing": null }).to_string(),
            "not JSON that matches the schema",
        ),
        ("[".repeat(100_000), "not JSON that matches the schema"),
    ];
    for (answer, reason) in answers {
        let (script, _) = select_against(completion(&answer), Some("Formal.")).await;
        let (why, given) = instead_of_model(&script.written_by);
        assert!(why.contains(reason), "{reason}: {why}");
        assert!(given.is_some() && !why.contains("wire"), "{why}");
        assert_eq!(script.spoken(), expected, "{reason}");
    }
    // A field that the schema does not have is ignored.
    let (script, _) = select_against(completion(&with_text), Some("Formal.")).await;
    assert!(script.verdict.passed() && !script.spoken().contains("wire"), "{}", script.spoken());
    for response in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(401).set_body_string(secret),
        ResponseTemplate::new(200).set_body_string(secret),
        ResponseTemplate::new(200).set_delay(std::time::Duration::from_secs(3)),
    ] {
        let (script, _) = select_against(response, Some("Formal.")).await;
        assert!(!instead_of_model(&script.written_by).0.contains("wire"));
        assert_eq!(script.spoken(), expected);
    }
}

#[tokio::test]
async fn selecting_model_sees_only_lines_about_allowed_facts() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(completion("{}")).mount(&server).await;
    let mut settings = with_select(&server.uri());
    settings.writer.model.fields = Vec::new();
    let groceries = contracts::facts::Ground::Spending {
        category: contracts::facts::SpendingCategory::Groceries,
        trend: contracts::facts::Trend::Rising,
    };
    let need = contracts::facts::Need::Rewards;
    let offers = vec![fixtures::offer("cash-back-card", need, vec![groceries])];
    let facts = Facts { stance: contracts::facts::Stance::Recommend { offers }, ..fixtures::facts("José") };
    let catalogue = fixtures::shipped_catalogue();
    let stage = RecommendFixture::with(Assessment::Proceed(facts), settings, None, catalogue).await;
    let script = stage.run().await.unwrap();
    assert!(
        line_ids(&script)[1].contains("groceries"),
        "the program, unlike the model, may use every ground: {:?}",
        line_ids(&script)
    );
    let sent = String::from_utf8(server.received_requests().await.unwrap()[0].body.clone()).unwrap();
    assert!(sent.contains("cash-back-card.rewards-need") && !sent.contains("groceries"), "{sent}");
    assert!(!sent.contains("bright"), "a line for a bright mood reveals the mood");
}
