//! The words of the chat completions protocol, and what can go wrong with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

/// A message of the conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    role: &'static str,
    content: String,
}

impl Message {
    pub(super) fn system(text: &str) -> Self {
        Self { role: "system", content: text.to_owned() }
    }

    pub(super) fn user(text: &str) -> Self {
        Self { role: "user", content: text.to_owned() }
    }

    pub(super) fn assistant(text: &str) -> Self {
        Self { role: "assistant", content: text.to_owned() }
    }
}

/// What is asked of the model.
pub struct Chat<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The conversation so far.
    pub messages: &'a [Message],
    /// 0 to 2; left out for models that refuse it.
    pub temperature: f64,
    /// The most tokens of the answer.
    pub max_tokens: u32,
    /// The JSON schema of the answer.
    pub schema: &'a Value,
}

/// What a family of models takes, told by the start of its name; the first that fits holds. Reasoning models refuse a
/// temperature, and reason away the tokens of a short answer unless told not to.
const FAMILIES: &[(&str, bool, Option<&str>)] = &[
    ("gpt-5", false, Some("none")),
    ("o1", false, Some("low")),
    ("o3", false, Some("low")),
    ("o4", false, Some("low")),
    ("", true, None),
];

impl Chat<'_> {
    /// The request's body.
    pub(super) fn body(&self) -> Map<String, Value> {
        let format = json!({ "name": "recommendation", "strict": true, "schema": self.schema });
        let family = FAMILIES.iter().find(|(start, ..)| self.model.starts_with(start));
        let mut body = Map::from_iter([
            ("model".to_owned(), json!(self.model)),
            ("messages".to_owned(), json!(self.messages)),
            ("max_completion_tokens".to_owned(), json!(self.max_tokens)),
            ("response_format".to_owned(), json!({ "type": "json_schema", "json_schema": format })),
        ]);
        if let Some((_, takes_temperature, effort)) = family {
            if *takes_temperature {
                body.insert("temperature".to_owned(), json!(self.temperature));
            }
            if let Some(effort) = effort {
                body.insert("reasoning_effort".to_owned(), json!(effort));
            }
        }
        body
    }
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What the model wrote.
    pub content: String,
    /// The model's name, as the service reports it.
    pub model: String,
    /// Tokens read.
    pub tokens_read: u64,
    /// Tokens written.
    pub tokens_written: u64,
}

/// Why there is no answer. Never holds a prompt, an answer or a key, nor the service's own words, which may repeat them.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The address in the settings is none.
    #[error("writer.model.base_url is not an http address")]
    Address,
    /// The service did not answer.
    #[error("the model service cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The service answered with an error.
    #[error("the model service answered {status}{}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Status {
        /// The HTTP status.
        status: u16,
        /// The error's code, if it is a plain word or number.
        code: Option<String>,
    },
    /// The account's quota is used up; trying again does not help.
    #[error("the model service's quota is used up")]
    QuotaUsedUp,
    /// The model refused.
    #[error("the model refused")]
    Refused,
    /// The answer was cut, filtered, or ended for another reason than that it was complete.
    #[error("the answer is not complete: finish reason {0}")]
    Incomplete(String),
    /// The answer is not what the protocol says.
    #[error("the model service's answer is not a chat completion")]
    Malformed,
    /// The answer is larger than any answer should be.
    #[error("the model service's answer is too large")]
    TooLarge,
    /// The time for this customer's writing is over, or will be before the service wants to be asked again.
    #[error("the deadline of writer.model.deadline_seconds passed")]
    Deadline(#[source] Option<Box<ServiceError>>),
}

impl ServiceError {
    /// Whether the service asks for patience, so that a later call may succeed.
    pub(super) fn is_throttling(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 429,
            Self::Deadline(last) => last.as_ref().is_some_and(|last| last.is_throttling()),
            Self::Address
            | Self::Unreachable(_)
            | Self::QuotaUsedUp
            | Self::Refused
            | Self::Incomplete(_)
            | Self::Malformed
            | Self::TooLarge => false,
        }
    }
}

/// How the service wants to be treated after an error.
pub(super) enum Next {
    /// Ask again, no sooner than this if the service says when.
    Retry(Option<Duration>),
    /// Ask again without this parameter.
    Without(String),
    /// Give up.
    Stop,
}

#[derive(Deserialize)]
struct Envelope {
    choices: Vec<Choice>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Answered,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Default, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Reads an answer of status 200.
pub(super) fn completion(bytes: &[u8], asked: &str) -> Result<Completion, ServiceError> {
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(|_| ServiceError::Malformed)?;
    let choice = envelope.choices.into_iter().next().ok_or(ServiceError::Malformed)?;
    if choice.message.refusal.is_some_and(|refusal| !refusal.is_empty()) {
        return Err(ServiceError::Refused);
    }
    match choice.finish_reason.as_deref() {
        Some("stop") => {}
        other => return Err(ServiceError::Incomplete(plain(other.unwrap_or("none")))),
    }
    let content = choice.message.content.filter(|content| !content.trim().is_empty()).ok_or(ServiceError::Malformed)?;
    let usage = envelope.usage.unwrap_or_default();
    Ok(Completion {
        content,
        model: envelope.model.filter(|model| !model.is_empty()).unwrap_or_else(|| asked.to_owned()),
        tokens_read: usage.prompt_tokens,
        tokens_written: usage.completion_tokens,
    })
}

/// What the body of an error says.
#[derive(Default)]
pub(super) struct Complaint {
    pub code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    text: String,
}

impl Complaint {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return Self::default() };
        let error = body.get("error").unwrap_or(&body);
        // A code may be a word, a number or null.
        let text = |field: &str| match error.get(field) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        Self {
            code: text("code").map(|code| plain(&code)),
            kind: text("type"),
            param: text("param"),
            text: text("message").unwrap_or_default(),
        }
    }

    pub(super) fn is_quota(&self) -> bool {
        [&self.code, &self.kind].into_iter().any(|word| word.as_deref() == Some("insufficient_quota"))
    }

    /// The parameter of the request that a 400 names as not supported.
    pub(super) fn unsupported(&self, body: &Map<String, Value>) -> Option<String> {
        let says = |word: &str| self.text.to_lowercase().contains(word);
        let unsupported = self.code.as_deref().is_some_and(|code| code.starts_with("unsupported"))
            || ["unsupported", "not supported", "does not support", "unrecognized", "unknown parameter", "unexpected"]
                .into_iter()
                .any(says);
        let droppable = ["temperature", "reasoning_effort", "response_format", "max_completion_tokens"];
        let named = |name: &&str| {
            body.contains_key(*name)
                && match &self.param {
                    Some(param) => param.split('.').next() == Some(*name),
                    None => self.text.contains(*name),
                }
        };
        unsupported.then(|| droppable.into_iter().find(named).map(str::to_owned)).flatten()
    }
}

/// A word of the service that may stand in a message of ours.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(40).collect()
}
