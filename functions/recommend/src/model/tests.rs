//! Tests the guard against fifty outputs from a small, careless model: `SmolLM2` with 135 million parameters,
//! temperature 0.7, seeds 0 to 49. Some are free-form letters, and the others are answers to this program's prompt and
//! schema.

use contracts::facts::{Facts, Need, Stance};
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::fixtures;
use crate::guard::{GuardContext, check_text};

/// The indexes of outputs that a person read and found harmless.
const HARMLESS: &[usize] = &[];

#[derive(Deserialize)]
struct CarelessOutput {
    form: String,
    offered: Vec<String>,
    text: String,
}

/// Returns the problem with an output, or `None` if it passes.
fn objection(output: &CarelessOutput) -> Option<String> {
    let catalogue = fixtures::shipped_catalogue();
    let brand = fixtures::brand();
    let book = fixtures::book();
    let offers = output.offered.iter().map(|id| fixtures::offer(id, Need::Saving, Vec::new())).collect();
    let facts = Facts { stance: Stance::Recommend { offers }, mood: None, ..fixtures::facts("José") };
    let brief = Brief::new(&facts, &catalogue, &brand, book).unwrap();
    let verdict = if output.form == "letter" {
        let offered = brief.offers().iter().map(|(_, product)| *product).collect();
        let instructions = prompt::PROMPTS.to_vec();
        let names = ["José", "Dana"].map(Into::into).into();
        check_text(
            &output.text,
            &GuardContext {
                language: contracts::Language::English,
                offered,
                held: Vec::new(),
                catalogue: &catalogue,
                names,
                posts: None,
                instructions,
            },
        )
    } else {
        let draft = match prompt::parse_answer(&brief, &output.text, "a model") {
            Ok(draft) => draft,
            Err(why) => return Some(why),
        };
        let written_by = WrittenBy::Template { instead_of_model: None };
        compose::compose(&brief, &draft, &fixtures::keys(), prompt::PROMPTS.to_vec(), written_by).verdict
    };
    (!verdict.passed()).then(|| verdict.failed().join(", "))
}

#[test]
fn every_careless_output_is_rejected_or_harmless() {
    let outputs = include_str!("../../tests/corpus/careless-model.jsonl").lines();
    let outputs: Vec<CarelessOutput> = outputs.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outputs.len(), 50);
    let passed: Vec<(usize, &str)> = outputs
        .iter()
        .enumerate()
        .filter(|(_, output)| objection(output).is_none())
        .map(|(index, output)| (index, output.text.as_str()))
        .collect();
    assert!(passed.iter().all(|(index, _)| HARMLESS.contains(index)), "{passed:#?}");
}

#[test]
fn customers_name_does_not_hide_a_violation() {
    let catalogue = fixtures::catalogue();
    let brand = fixtures::brand();
    let book = fixtures::book();
    let refused: &[&str] = &["deposit-terms"];
    for (name, word, failed) in [
        ("José", "No", refused),
        ("No", "No", refused),
        ("No", "{{first_name}}", refused),
        ("José", "{{first_name}}", &[]),
    ] {
        let written = json!({
            "opening": "Hello {{first_name}}, and thank you for taking a moment for this short note about your plans.",
            "offers": [{ "product": "savings", "reason": format!("There is {word} minimum to begin with") }],
            "closing": "Call {{adviser}} whenever it suits you.",
        });
        let offers = vec![fixtures::offer("savings", Need::Saving, Vec::new())];
        let facts = Facts { stance: Stance::Recommend { offers }, mood: None, ..fixtures::facts(name) };
        let brief = Brief::new(&facts, &catalogue, &brand, book).unwrap();
        let draft = prompt::parse_answer(&brief, &written.to_string(), "a model").unwrap();
        let written_by = WrittenBy::Template { instead_of_model: None };
        let script = compose::compose(&brief, &draft, &fixtures::keys(), Vec::new(), written_by);
        assert_eq!(script.verdict.failed(), failed, "{name}, {word}");
        // The repair message must not reveal the name.
        assert_eq!(prompt::objections(&script.verdict).contains("no minimum"), word == "No", "{name}, {word}");
        assert!(script.segments[0].text.starts_with(&format!("Hello {name}, and")), "{}", script.segments[0].text);
        assert!(script.segments.iter().all(|segment| !segment.text.contains("{{")));
    }
}

fn parsed(answer: &serde_json::Value, wrap: impl Fn(&str) -> String) -> Result<crate::compose::Draft, String> {
    let catalogue = fixtures::catalogue();
    let brand = fixtures::brand();
    let facts = fixtures::facts("José");
    let brief = Brief::new(&facts, &catalogue, &brand, fixtures::book()).unwrap();
    prompt::parse_answer(&brief, &wrap(&answer.to_string()), "a model")
}

fn answer(opening: &str, reason: &str, closing: &str) -> serde_json::Value {
    json!({ "opening": opening, "offers": [{ "product": "voyager-card", "reason": reason }], "closing": closing })
}

#[test]
fn answer_may_be_wrapped_and_have_extra_fields() {
    let plain = answer("Hello {{ first_name }}.", "It suits trips.", "Call me.");
    let mut other = plain.clone();
    other["offers"][0] = json!({ "id": "voyager-card", "name": "Voyager", "reason": "It suits trips." });
    other["confidence"] = json!(0.9);
    for answer in [plain, other] {
        for wrap in [
            |text: &str| text.to_owned(),
            |text: &str| {
                format!(
                    "<think>{{\"opening\": 1}}</think>Sure! Here you go:\n```json\n{text}\n```\nI kept {{first_name}}."
                )
            },
            |text: &str| format!("{{\"recommendation\": {text}}}"),
            |text: &str| format!("[{text}]"),
        ] {
            let draft = parsed(&answer, wrap).unwrap();
            assert_eq!(draft.opening.said, "Hello José.");
            assert_eq!(draft.offers[0].reason.as_ref().unwrap().said, "It suits trips.");
        }
    }
}

#[test]
fn malformed_placeholder_is_a_violation() {
    for opening in ["Hello {first_name}.", "Hello [Name]."] {
        let draft = parsed(&answer(opening, "It suits trips.", "Call me."), str::to_owned).unwrap();
        assert!(draft.opening.said.contains(['{', '[']), "{}", draft.opening.said);
        let catalogue = fixtures::catalogue();
        let brand = fixtures::brand();
        let facts = fixtures::facts("José");
        let brief = Brief::new(&facts, &catalogue, &brand, fixtures::book()).unwrap();
        let written_by = WrittenBy::Template { instead_of_model: None };
        let script = compose::compose(&brief, &draft, &fixtures::keys(), Vec::new(), written_by);
        assert!(script.verdict.failed().contains(&"plain-text"), "{opening}");
    }
}

#[test]
fn catalogue_text_and_sign_off_are_not_repeated() {
    let summary = "The Meridian Voyager Card is a card for trips.";
    let reason = |text: &str| {
        let draft = parsed(&answer("Hello {{first_name}}.", text, "Call me."), str::to_owned).unwrap();
        draft.offers[0].reason.as_ref().map(|reason| reason.said.clone())
    };
    assert_eq!(reason(summary), None, "code adds the summary anyway");
    assert_eq!(reason("the meridian voyager card is a card for trips"), None);
    assert_eq!(reason(&format!("It suits you. {summary}")).as_deref(), Some("It suits you."));
    let closing = |text: &str| {
        parsed(&answer("Hello {{first_name}}.", "It suits trips.", text), str::to_owned).unwrap().closing.said
    };
    assert_eq!(closing("Call me."), "Call me. With warm regards, Dana Whitfield.");
    for signed in ["Call me. Warm regards, {{adviser}}", "Call me. Warm regards, {{ adviser }}."] {
        assert_eq!(closing(signed), "Call me. Warm regards, Dana Whitfield.");
    }
    assert_eq!(closing("Call me. Warm regards,"), "Call me. With warm regards, Dana Whitfield.");
}
