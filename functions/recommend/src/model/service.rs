//! The words of the chat completions protocol, and what can go wrong with it.

use std::time::Duration;

use contracts::model::{AnswerForm, ModelTraits, TokenLimit};
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
    /// What it takes.
    pub takes: ModelTraits,
    /// The conversation so far.
    pub messages: &'a [Message],
    /// 0 to 2; left out for models that refuse it.
    pub temperature: f64,
    /// The most tokens of the answer.
    pub max_tokens: u32,
    /// The JSON schema of the answer.
    pub schema: &'a Value,
}

/// Parameters that a service may refuse and that can be left out.
const DROPPABLE: [&str; 6] =
    ["temperature", "reasoning_effort", "response_format", "max_completion_tokens", "stream_options", "stream"];

impl Chat<'_> {
    /// The request's body. The answer is streamed so that a service that stalls is told from one that is slow.
    pub(super) fn body(&self) -> Map<String, Value> {
        let limit = match self.takes.token_limit {
            TokenLimit::MaxCompletionTokens => "max_completion_tokens",
            TokenLimit::MaxTokens => "max_tokens",
        };
        let mut body = Map::from_iter([
            ("model".to_owned(), json!(self.model)),
            ("messages".to_owned(), json!(self.messages)),
            (limit.to_owned(), json!(self.max_tokens)),
            ("stream".to_owned(), json!(true)),
            ("stream_options".to_owned(), json!({ "include_usage": true })),
        ]);
        let format = match self.takes.answer {
            AnswerForm::JsonSchema => {
                let named = json!({ "name": "recommendation", "strict": true, "schema": self.schema });
                Some(json!({ "type": "json_schema", "json_schema": named }))
            }
            AnswerForm::JsonObject => Some(json!({ "type": "json_object" })),
            AnswerForm::Text => None,
        };
        body.extend(format.map(|format| ("response_format".to_owned(), format)));
        if self.takes.temperature {
            body.insert("temperature".to_owned(), json!(self.temperature));
        }
        body.extend(self.takes.reasoning_effort.map(|effort| ("reasoning_effort".to_owned(), json!(effort))));
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
    /// The service was silent for longer than `writer.model.read_seconds`, or within its answer for longer than 4 s.
    #[error("the model service did not answer in time")]
    Silent,
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
    /// The answer ended before the service said that it was whole.
    #[error("the model service's answer was cut short")]
    Cut,
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
    /// What to do after an answer of status 200 that is none. What was damaged on its way may come whole another time;
    /// what the model decided stands.
    pub(super) fn next(&self) -> Next {
        match self {
            Self::Cut | Self::Malformed | Self::Silent | Self::Unreachable(_) => Next::Retry(None),
            Self::Address
            | Self::Status { .. }
            | Self::QuotaUsedUp
            | Self::Refused
            | Self::Incomplete(_)
            | Self::TooLarge
            | Self::Deadline(_) => Next::Stop,
        }
    }

    /// Whether the service asks for patience, so that a later call may succeed.
    pub(super) fn is_throttling(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 429,
            Self::Deadline(last) => last.as_ref().is_some_and(|last| last.is_throttling()),
            Self::Address
            | Self::Unreachable(_)
            | Self::Silent
            | Self::QuotaUsedUp
            | Self::Refused
            | Self::Incomplete(_)
            | Self::Cut
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
    Without(&'static str),
    /// Give up.
    Stop,
}

/// An answer, or a piece of one that is streamed.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Usage>,
    /// What went wrong after the answer had begun.
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    /// The whole message, or what a piece adds to it.
    #[serde(alias = "delta", default)]
    message: Answered,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
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

/// An answer as it comes in.
#[derive(Default)]
pub(super) struct Answer {
    content: String,
    refusal: String,
    finish_reason: Option<String>,
    model: Option<String>,
    usage: Usage,
    began: bool,
}

impl Answer {
    /// Adds a piece, or the whole.
    pub(super) fn add(&mut self, json: &[u8]) -> Result<(), ServiceError> {
        let envelope: Envelope = serde_json::from_slice(json).map_err(|_| ServiceError::Malformed)?;
        if envelope.error.is_some() {
            return Err(ServiceError::Malformed);
        }
        if let Some(choice) = envelope.choices.into_iter().next() {
            self.began = true;
            self.content.push_str(&choice.message.content.unwrap_or_default());
            self.refusal.push_str(&choice.message.refusal.unwrap_or_default());
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        }
        self.model = envelope.model.filter(|model| !model.is_empty()).or(self.model.take());
        self.usage = envelope.usage.unwrap_or(std::mem::take(&mut self.usage));
        Ok(())
    }

    /// The completion, if the service said that it is whole.
    pub(super) fn end(self, asked: &str) -> Result<Completion, ServiceError> {
        if !self.began {
            return Err(ServiceError::Malformed);
        }
        if !self.refusal.is_empty() {
            return Err(ServiceError::Refused);
        }
        match self.finish_reason.as_deref() {
            Some("stop") => {}
            Some(other) => return Err(ServiceError::Incomplete(plain(other))),
            None => return Err(ServiceError::Cut),
        }
        if self.content.trim().is_empty() {
            return Err(ServiceError::Malformed);
        }
        Ok(Completion {
            content: self.content,
            model: self.model.filter(|name| is_name(name)).unwrap_or_else(|| asked.to_owned()),
            tokens_read: self.usage.prompt_tokens,
            tokens_written: self.usage.completion_tokens,
        })
    }
}

/// Whether what a service calls its model may be shown to a customer: a short name, and no sentence or path.
fn is_name(model: &str) -> bool {
    model.len() <= 64 && model.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))
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
    pub(super) fn unsupported(&self, body: &Map<String, Value>) -> Option<&'static str> {
        let says = |word: &str| self.text.to_lowercase().contains(word);
        let unsupported = self.code.as_deref().is_some_and(|code| code.starts_with("unsupported"))
            || [
                "unsupported",
                "not supported",
                "does not support",
                "not permitted",
                "unrecognized",
                "unknown parameter",
                "unknown field",
                "unexpected",
            ]
            .into_iter()
            .any(says);
        let named = |name: &&str| {
            body.contains_key(*name)
                && match &self.param {
                    Some(param) => param.split('.').next() == Some(*name),
                    None => self.text.contains(*name),
                }
        };
        unsupported.then(|| DROPPABLE.into_iter().find(named)).flatten()
    }
}

/// A word of the service that may stand in a message of ours.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(40).collect()
}
