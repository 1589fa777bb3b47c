//! Lets a model select lines. The model receives the permitted facts and the suitable approved lines, and answers with
//! ids. If it answers anything else, the phrasebook writer picks the lines, so none of the model's words can reach the
//! customer's text.

use contracts::catalogue::Product;
use contracts::facts::Offer;
use contracts::script::{InsteadOfModel, LineSelection, Script, SentData, Usage};
use phrases::{GroundKey, LiveLine};
use policy::disclosure::Withheld;
use serde::Deserialize;
use serde_json::{Value, json};
use storage::secret::SecretError;

use super::answer;
use super::client::ModelClient;
use super::prompt::{self, customer_facts};
use super::service::{ChatMessage, ChatRequest, Completion, ServiceError};
use super::{Connection, ModelRequest, THROTTLED, connect};
use crate::brief::Brief;
use crate::phrasing::{Choice, PhraseWriter, Slots};

/// The outcome of selecting with the model.
pub(crate) enum SelectOutcome {
    /// The script with the selected lines. It has passed the guard.
    Selected(Box<Script>),
    /// The service is throttling requests; a later call may succeed.
    Throttled,
    /// The model could not be called, its answer cannot be used, or the guard rejected the script.
    Failed(InsteadOfModel),
    /// The gate gave no permit for a call, so the stage must end.
    Withheld(Withheld),
}

/// Selects lines with the model. Adds the tokens used to `usage`.
pub(crate) async fn select<'a>(
    brief: &'a Brief<'a>,
    phrases: &PhraseWriter<'a>,
    request: &ModelRequest<'_>,
    usage: &mut Usage,
) -> Result<SelectOutcome, SecretError> {
    let client = match connect(request).await? {
        Connection::Ready(client) => client,
        Connection::Throttled => return Ok(SelectOutcome::Throttled),
        Connection::NotCalled(instead) => return Ok(SelectOutcome::Failed(instead)),
    };
    let allowed = &request.settings.model.fields;
    let may_send = |field: &str| allowed.iter().any(|allowed| allowed == field);
    // A line reveals the ground and the mood that it is written for, so it is sent only if the model may know them.
    let slots = phrases.slots(may_send("mood"), |ground| match ground {
        GroundKey::Spending(_) => may_send("spending"),
        GroundKey::Holds(_) => may_send("products_held"),
        GroundKey::Need(_) => true,
    });
    let Ok(slots) = slots else {
        let why = "the phrasebook has no lines to select from".to_owned();
        return Ok(SelectOutcome::Failed(InsteadOfModel { why, given: None }));
    };
    let prompt = SelectPrompt::new(brief, phrases, &slots, allowed);
    let given = |usage| SentData { service: client.service_address(), fields: prompt.fields.clone(), usage };
    let failed = |why: String, usage| SelectOutcome::Failed(InsteadOfModel { why, given: Some(given(usage)) });
    if request.skip {
        return Ok(failed(THROTTLED.to_owned(), *usage));
    }
    let completion = match ask(&client, request, &prompt).await {
        Ok(completion) => completion,
        Err(ServiceError::Withheld(withheld)) => return Ok(SelectOutcome::Withheld(withheld)),
        Err(error) if error.is_throttling() => return Ok(SelectOutcome::Throttled),
        Err(error) => return Ok(failed(contracts::error::chain(&error), *usage)),
    };
    *usage += request.settings.model.usage(completion.tokens_read, completion.tokens_written);
    let choice = match parse_choice(&slots, &completion.content) {
        Ok(choice) => choice,
        Err(why) => return Ok(failed(format!("the answer cannot be used: {why}"), *usage)),
    };
    let selected_by = LineSelection { model: completion.model, given: given(*usage), prompt: prompt::digest() };
    let script = phrases.write_selected(&choice, selected_by, request.keys);
    if script.verdict.passed() {
        Ok(SelectOutcome::Selected(Box::new(script)))
    } else {
        Ok(failed(format!("the guard found: {}", script.verdict.failed().join(", ")), *usage))
    }
}

async fn ask(
    client: &ModelClient<'_>,
    request: &ModelRequest<'_>,
    prompt: &SelectPrompt,
) -> Result<Completion, ServiceError> {
    let messages = [ChatMessage::system(prompt::SELECT), ChatMessage::user(&prompt.document)];
    let chat = ChatRequest {
        model: &request.settings.model.name,
        takes: request.settings.model_traits(),
        messages: &messages,
        temperature: request.settings.model.temperature,
        max_tokens: request.settings.model.max_tokens,
        schema: &prompt.schema,
    };
    client.complete(&chat).await
}

/// The prompt for one customer.
struct SelectPrompt {
    /// The user message. It is JSON, so no value can break out of its field.
    document: String,
    /// The answer's JSON schema.
    schema: Value,
    /// The names of the sent fields, for the evidence.
    fields: Vec<String>,
}

impl SelectPrompt {
    fn new(brief: &Brief<'_>, phrases: &PhraseWriter<'_>, slots: &Slots<'_>, allowed: &[String]) -> Self {
        let (customer, mut fields) = customer_facts(brief, allowed);
        let wish = phrases.wish();
        let has_wish = !wish.tones.is_empty() || !wish.emphases.is_empty();
        if has_wish {
            fields.push("wish".to_owned());
        }
        let offer = |((_, product), lines): (&(&Offer, &Product), &Vec<LiveLine<'_>>)| json!({ "product": product.id, "name": product.name, "what_it_is": product.summary, "lines": shown(lines) });
        let offers = brief.offers().iter().zip(&slots.reasons).filter(|(_, lines)| !lines.is_empty()).map(offer);
        let document = json!({
            "customer": customer,
            "wish": has_wish.then(|| json!({ "tones": wish.tones, "grounds": wish.emphases })),
            "opening": shown(&slots.opening),
            "offers": offers.collect::<Value>(),
            "closing": shown(&slots.closing),
        });
        Self { document: document.to_string(), schema: schema(slots), fields }
    }
}

/// Returns the lines as the model sees them, with unfilled slots.
fn shown(lines: &[LiveLine<'_>]) -> Value {
    lines.iter().map(|(line, _)| json!({ "id": line.id, "text": line.text.as_str() })).collect()
}

/// Returns the JSON schema for the answer, which allows only ids of suitable lines.
fn schema(slots: &Slots<'_>) -> Value {
    let one_of = |lines: &mut dyn Iterator<Item = &LiveLine<'_>>| {
        let ids: Vec<&str> = lines.map(|(line, _)| line.id.as_str()).collect();
        json!({ "type": "string", "enum": ids })
    };
    let mut properties = json!({
        "opening": one_of(&mut slots.opening.iter()),
        "closing": one_of(&mut slots.closing.iter()),
    });
    let mut required = vec!["opening", "closing"];
    let count = slots.reasons.iter().filter(|lines| !lines.is_empty()).count();
    if count > 0 {
        let items = one_of(&mut slots.reasons.iter().flatten());
        properties["reasons"] = json!({ "type": "array", "items": items, "minItems": count, "maxItems": count });
        required.push("reasons");
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

#[derive(Deserialize)]
struct Answer {
    opening: String,
    #[serde(default)]
    reasons: Vec<String>,
    closing: String,
}

/// Parses an answer. It must contain one suitable line id for each position. The error never repeats the answer.
fn parse_choice<'b>(slots: &Slots<'b>, content: &str) -> Result<Choice<'b>, String> {
    let answer: Answer = answer::parse(content).ok_or("it is not JSON that matches the schema")?;
    let find = |lines: &[LiveLine<'b>], id: &str| lines.iter().find(|(line, _)| line.id == id).copied();
    let mut reasons: Vec<Option<LiveLine<'b>>> = vec![None; slots.reasons.len()];
    for id in &answer.reasons {
        let position = slots.reasons.iter().position(|lines| find(lines, id).is_some());
        let position = position.ok_or("it names a reason that was not offered")?;
        if reasons[position].is_some() {
            return Err("it names two reasons for one product".to_owned());
        }
        reasons[position] = find(&slots.reasons[position], id);
    }
    if reasons.iter().zip(&slots.reasons).any(|(reason, lines)| reason.is_none() && !lines.is_empty()) {
        return Err("it names no reason for a product".to_owned());
    }
    Ok(Choice {
        opening: find(&slots.opening, &answer.opening).ok_or("it names an opening that was not offered")?,
        reasons,
        closing: find(&slots.closing, &answer.closing).ok_or("it names a closing that was not offered")?,
    })
}

#[cfg(test)]
mod tests;
