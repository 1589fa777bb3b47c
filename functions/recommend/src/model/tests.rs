//! The first fifty outputs of a small careless model (`SmolLM2`, 135 million parameters, temperature 0.7, seeds 0 to 49):
//! letters that it was asked for freely, and answers to this program's own prompt and schema.

use contracts::facts::{Facts, Need, Stance};
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::fixtures;
use crate::guard::{GuardContext, check_text};

/// Those of the fifty that a person read and found harmless, by number, counted from 0.
const HARMLESS: &[usize] = &[];

#[derive(Deserialize)]
struct Output {
    form: String,
    offered: Vec<String>,
    text: String,
}

/// What is found wrong with an output, if anything is.
fn objection(output: &Output) -> Option<String> {
    let (catalogue, brand) = (fixtures::shipped(), fixtures::brand());
    let offers = output.offered.iter().map(|id| fixtures::offer(id, Need::Saving, Vec::new())).collect();
    let facts = Facts { stance: Stance::Recommend { offers }, mood: None, ..fixtures::facts("José") };
    let brief = Brief::new(&facts, &catalogue, &brand).unwrap();
    let verdict = if output.form == "letter" {
        let offered = brief.offers().iter().map(|(_, product)| *product).collect();
        let instructions = prompt::PROMPTS.to_vec();
        let names = ["José", "Dana"].map(Into::into).into();
        check_text(&output.text, &GuardContext { offered, catalogue: &catalogue, names, posts: None, instructions })
    } else {
        let draft = match prompt::read(&brief, &output.text) {
            Ok(draft) => draft,
            Err(why) => return Some(why),
        };
        let written_by = WrittenBy::Template { instead_of_model: None };
        compose::compose(&brief, &draft, &fixtures::keys(), prompt::PROMPTS.to_vec(), written_by).verdict
    };
    (!verdict.passed()).then(|| verdict.failed().join(", "))
}

#[test]
fn what_a_careless_model_writes_is_caught_or_truly_harmless() {
    let outputs = include_str!("../../tests/corpus/careless-model.jsonl").lines();
    let outputs: Vec<Output> = outputs.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outputs.len(), 50);
    let judged = outputs.iter().enumerate();
    let passed: Vec<(usize, &str)> = judged
        .filter(|(_, output)| objection(output).is_none())
        .map(|(at, output)| (at, output.text.as_str()))
        .collect();
    assert!(passed.iter().all(|(at, _)| HARMLESS.contains(at)), "{passed:#?}");
}

#[test]
fn a_customers_name_hides_nothing_that_a_model_writes() {
    let (catalogue, brand) = (fixtures::catalogue(), fixtures::brand());
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
        let brief = Brief::new(&facts, &catalogue, &brand).unwrap();
        let draft = prompt::read(&brief, &written.to_string()).unwrap();
        let written_by = WrittenBy::Template { instead_of_model: None };
        let script = compose::compose(&brief, &draft, &fixtures::keys(), Vec::new(), written_by);
        assert_eq!(script.verdict.failed(), failed, "{name}, {word}");
        // What is sent back to the model tells no name.
        assert_eq!(prompt::objections(&script.verdict).contains("no minimum"), word == "No", "{name}, {word}");
        assert!(script.segments[0].text.starts_with(&format!("Hello {name}, and")), "{}", script.segments[0].text);
        assert!(script.segments.iter().all(|segment| !segment.text.contains("{{")));
    }
}
