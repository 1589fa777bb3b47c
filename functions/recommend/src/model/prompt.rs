//! The model's prompt, and the format of its answer.

use contracts::Digest;
use contracts::catalogue::{Category, Product};
use contracts::facts::Ground;
use contracts::script::{SentenceSource, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer;
use crate::brief::{ADVISER, Brief, FIRST_NAME};
use crate::compose::{Draft, OfferDraft, Sentence};
use crate::guard;

/// The system prompt for a model that writes, with a placeholder for the lines of business.
const SYSTEM: &str = include_str!("../../prompts/system.txt");
pub(super) const REPAIR: &str = include_str!("../../prompts/repair.txt");

/// The greeting to add before an opening that lacks the customer's name.
const GREETING: &str = include_str!("../../prompts/greeting.txt");
/// The signature to add after a model's closing that ends with neither the adviser's name nor the bank's.
const SIGN_OFF: &str = include_str!("../../prompts/sign-off.txt");
/// The system prompt for a model that selects approved lines.
pub(super) const SELECT: &str = include_str!("../../prompts/select.txt");

/// The prompt files for a model that writes. Its text must not echo them.
pub const PROMPTS: [&str; 2] = [SYSTEM, REPAIR];

/// Returns the digest of all prompts and additions that affect a customer's text.
pub(crate) fn digest() -> Digest {
    Digest::of_parts([SYSTEM, REPAIR, GREETING, SIGN_OFF, SELECT].map(str::as_bytes))
}

/// Returns the facts about the customer that may be sent, with the names of the sent fields.
pub(super) fn customer_facts(brief: &Brief<'_>, allowed: &[String]) -> (serde_json::Map<String, Value>, Vec<String>) {
    let mut fields = vec!["offers".to_owned()];
    let mut customer = serde_json::Map::new();
    let mut send = |field: &str, value: Value| {
        if allowed.iter().any(|allowed| allowed == field) {
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
    (customer, fields)
}

/// The prompt for one customer.
pub(super) struct Prompt {
    /// The system prompt.
    pub system: String,
    /// The user message. It is JSON, so no value can break out of its field.
    pub document: String,
    /// The answer's JSON schema.
    pub schema: Value,
    /// The names of the sent fields, for the evidence.
    pub fields: Vec<String>,
}

impl Prompt {
    pub(super) fn new(brief: &Brief<'_>, categories: &[Category], allowed: &[String], wish: Option<&str>) -> Self {
        let may_send = |field: &str| allowed.iter().any(|allowed| allowed == field);
        let (customer, mut fields) = customer_facts(brief, allowed);
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

/// Returns the JSON schema for the answer. It requires every field, does not allow others, and limits product ids to
/// the ranked products.
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
struct ModelAnswer {
    opening: String,
    offers: Vec<ModelAnswerOffer>,
    closing: String,
}

#[derive(Deserialize)]
struct ModelAnswerOffer {
    #[serde(alias = "id")]
    product: String,
    reason: String,
}

/// Parses an answer from the model named `by`. The error describes the problem with its format and never repeats the
/// answer.
pub(super) fn parse_answer(brief: &Brief<'_>, content: &str, by: &str) -> Result<Draft, String> {
    let answer: ModelAnswer = answer::parse(content).ok_or("it is not JSON that matches the schema")?;
    let mut reasons: Vec<(usize, Option<String>)> = Vec::new();
    for offer in &answer.offers {
        let position = brief.offers().iter().position(|(_, product)| product.id.as_str() == offer.product);
        let position = position.ok_or("it recommends a product that was not offered to it")?;
        if reasons.iter().any(|(other, _)| *other == position) {
            return Err("it recommends a product twice".to_owned());
        }
        let reason = tidy_sentences(&offer.reason);
        if reason.is_empty() {
            return Err("a part of it is empty".to_owned());
        }
        reasons.push((position, without_catalogue_texts(&reason, brief.offers()[position].1)));
    }
    if reasons.is_empty() {
        return Err("it recommends nothing".to_owned());
    }
    if answer.opening.trim().is_empty() || answer.closing.trim().is_empty() {
        return Err("a part of it is empty".to_owned());
    }
    // Offers keep the order of the ranking, not the model's.
    reasons.sort_by_key(|(position, _)| *position);
    let free = |text: &str| {
        let masked = text.replace("{{bank}}", &brief.brand.name);
        let said = brief.with_personal_names(&masked);
        Sentence { masked, said, source: SentenceSource::Free { by: by.to_owned() } }
    };
    let opening = tidy_sentences(&answer.opening);
    let greeting = if opening.contains(FIRST_NAME) { "" } else { GREETING };
    let reason = |(position, reason): (usize, Option<String>)| OfferDraft {
        position,
        link: None,
        reason: reason.map(|reason| free(&reason)),
    };
    let closing = without_bare_sign_off(&tidy_placeholders(&answer.closing));
    let closing = tidy_sentences(&closing);
    let is_signed = [ADVISER, "{{bank}}", brief.brand.name.as_str()]
        .into_iter()
        .any(|name| closing.trim_end_matches(['.', '!']).ends_with(name));
    let sign_off = if is_signed { "" } else { SIGN_OFF.trim() };
    Ok(Draft {
        opening: free(format!("{} {opening}", greeting.trim()).trim()),
        offers: reasons.into_iter().map(reason).collect(),
        service: None,
        closing: free(format!("{closing} {sign_off}").trim()),
        is_brief: false,
    })
}

/// Removes the summary and the claims from a reason, because code adds catalog text after it. Returns `None` if nothing
/// else remains.
fn without_catalogue_texts(reason: &str, product: &Product) -> Option<String> {
    let texts = || std::iter::once(&product.summary).chain(&product.approved_claims);
    let words = guard::plain_words(reason);
    if texts().any(|text| guard::plain_words(text) == words) {
        return None;
    }
    let rest = texts().fold(reason.to_owned(), |rest, text| rest.replace(text.trim(), ""));
    let rest = tidy_sentences(&rest);
    rest.chars().any(char::is_alphanumeric).then_some(rest)
}

/// Removes a final sign-off that lacks a name, such as "Warm regards,", because the program adds one with a name.
fn without_bare_sign_off(closing: &str) -> String {
    let closing = closing.trim();
    if !closing.ends_with(',') {
        return closing.to_owned();
    }
    closing.rfind(['.', '!', '?']).map_or(String::new(), |end| closing[..=end].to_owned())
}

/// Normalizes placeholders: `{{ first_name }}` becomes `{{first_name}}`.
fn tidy_placeholders(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(end) = rest[start..].find("}}").map(|end| start + end) else { break };
        let name = rest[start + 2..end].trim();
        tidy.extend([&rest[..start], "{{", name, "}}"]);
        rest = &rest[end + 2..];
    }
    tidy.push_str(rest);
    tidy
}

/// Collapses whitespace, tidies placeholders and adds a missing period.
fn tidy_sentences(text: &str) -> String {
    let text = tidy_placeholders(text);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

/// Formats the guard's violations for the repair message.
pub(super) fn objections(verdict: &Verdict) -> String {
    let failed = verdict.checks.iter().filter(|check| !check.violations.is_empty());
    failed.map(|check| format!("- {}: {}", check.name, check.violations.join("; "))).collect::<Vec<_>>().join("\n")
}
