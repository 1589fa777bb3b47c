//! The prompt of the model, and the form of its answer.

use contracts::Digest;
use contracts::catalogue::Category;
use contracts::facts::Ground;
use contracts::script::Verdict;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::brief::Brief;
use crate::compose::Draft;
use crate::words::en;

/// The system prompt, with a placeholder for the lines of business.
const SYSTEM: &str = include_str!("../../prompts/system.txt");
pub(super) const REPAIR: &str = include_str!("../../prompts/repair.txt");

/// The prompt files. A text must not echo them.
pub const PROMPTS: [&str; 2] = [SYSTEM, REPAIR];

/// Returns the digest of the prompt files.
pub(crate) fn digest() -> Digest {
    Digest::of_parts(PROMPTS.map(str::as_bytes))
}

/// The prompt for one customer.
pub(super) struct Prompt {
    /// The system prompt.
    pub system: String,
    /// The user message. It is JSON, so that no value can break out of its field.
    pub document: String,
    /// The answer's JSON schema.
    pub schema: Value,
    /// The names of the sent fields, for the evidence.
    pub fields: Vec<String>,
}

impl Prompt {
    pub(super) fn new(brief: &Brief<'_>, categories: &[Category], allowed: &[String], wish: Option<&str>) -> Self {
        let may_send = |field: &str| allowed.iter().any(|allowed| allowed == field);
        let mut fields = vec!["offers".to_owned()];
        let mut customer = serde_json::Map::new();
        let mut send = |field: &str, value: Value| {
            if may_send(field) {
                customer.insert(field.to_owned(), value);
                fields.push(field.to_owned());
            }
        };
        let facts = brief.facts;
        let spending =
            facts.spending.iter().map(|s| json!({ "on": s.category.words(), "part": s.share, "trend": s.trend }));
        send("spending", spending.collect());
        let held = facts.products_held.iter().filter_map(|id| brief.catalogue.product(id)).map(|p| p.name.as_str());
        send("products_held", held.collect());
        if let Some(mood) = &facts.mood {
            let topics = mood.topics.iter().map(|t| json!({ "topic": t.topic.words(), "tone": t.sentiment }));
            send("mood", json!({ "tone": mood.sentiment, "topics": topics.collect::<Value>() }));
        }
        if wish.is_some() {
            fields.push("prompt".to_owned());
        }

        let offers = brief.offers().iter().map(|(offer, product)| {
            let ground = |ground: &Ground| match ground {
                Ground::Spending { category, .. } => may_send("spending").then(|| category.words()),
                Ground::Holds { .. } => may_send("products_held").then_some("goes with what the customer has"),
                Ground::Need { need } => Some(need.words()),
            };
            let chosen_for: Vec<&str> = offer.grounds.iter().filter_map(ground).chain([offer.need.words()]).collect();
            let summary = &product.summary;
            json!({ "product": product.id, "name": product.name, "what_it_is": summary, "chosen_for": chosen_for })
        });
        let document = json!({ "offers": offers.collect::<Value>(), "customer": customer, "wish": wish });
        let categories: Vec<&str> = categories.iter().map(|category| category.name()).collect();
        let system = SYSTEM.replace("{{categories}}", &categories.join("; "));
        Self { system, document: document.to_string(), schema: schema(brief), fields }
    }
}

/// Returns the JSON schema of the answer. It requires every field, allows no others, and limits product ids to the
/// ranked products.
fn schema(brief: &Brief<'_>) -> Value {
    let ids: Vec<&str> = brief.offers().iter().map(|(_, product)| product.id.as_str()).collect();
    let object = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let offer = object(
        json!({ "product": { "type": "string", "enum": ids }, "reason": { "type": "string" } }),
        &["product", "reason"],
    );
    object(
        json!({
            "opening": { "type": "string" },
            "offers": { "type": "array", "items": offer },
            "closing": { "type": "string" },
        }),
        &["opening", "offers", "closing"],
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelAnswer {
    opening: String,
    offers: Vec<ModelAnswerOffer>,
    closing: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelAnswerOffer {
    product: String,
    reason: String,
}

/// Parses an answer. The error describes the problem of its form and never repeats the answer.
pub(super) fn parse_answer(brief: &Brief<'_>, content: &str) -> Result<Draft, String> {
    // A service without structured output may wrap its JSON in prose or a fence.
    let bounds = content.find('{').zip(content.rfind('}')).filter(|(start, end)| start < end);
    let json = bounds.map_or("", |(start, end)| &content[start..=end]);
    let answer: ModelAnswer = serde_json::from_str(json).map_err(|_| "it is not JSON of the schema".to_owned())?;
    let mut reasons: Vec<(usize, String)> = Vec::new();
    for offer in &answer.offers {
        let position = brief.offers().iter().position(|(_, product)| product.id.as_str() == offer.product);
        let position = position.ok_or("it recommends a product that is not among the offers")?;
        if reasons.iter().any(|(other, _)| *other == position) {
            return Err("it recommends a product twice".to_owned());
        }
        reasons.push((position, tidy_sentences(&offer.reason)));
    }
    if reasons.is_empty() {
        return Err("it recommends nothing".to_owned());
    }
    let has_empty_reason = reasons.iter().any(|(_, reason)| reason.is_empty());
    if answer.opening.is_empty() || answer.closing.is_empty() || has_empty_reason {
        return Err("a part of it is empty".to_owned());
    }
    // The order of the ranking replaces the model's order.
    reasons.sort_by_key(|(position, _)| *position);
    let greeting = if answer.opening.contains(en::FIRST_NAME) { "" } else { "Hello {{first_name}}. " };
    Ok(Draft {
        opening: format!("{greeting}{}", tidy_sentences(&answer.opening)),
        reasons,
        service: None,
        closing: format!("{} {}", tidy_sentences(&answer.closing), en::SIGN_OFF),
    })
}

/// Collapses whitespace and adds a missing period.
fn tidy_sentences(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

/// Formats the guard's violations for the repair message.
pub(super) fn objections(verdict: &Verdict) -> String {
    let failed = verdict.checks.iter().filter(|check| !check.violations.is_empty());
    failed.map(|check| format!("- {}: {}", check.name, check.violations.join("; "))).collect::<Vec<_>>().join("\n")
}
