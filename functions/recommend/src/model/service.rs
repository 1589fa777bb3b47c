//! The messages and errors of the chat completions protocol.

use std::time::Duration;

use contracts::model::{AnswerForm, ModelTraits, TokenLimit};
use policy::disclosure::Withheld;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

/// A message in the conversation.
#[derive(Clone, Debug, Serialize)]
pub struct ChatMessage {
    role: &'static str,
    content: String,
}

impl ChatMessage {
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

/// A chat completion request.
pub struct ChatRequest<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The parameters that the model supports.
    pub takes: ModelTraits,
    /// The conversation so far.
    pub messages: &'a [ChatMessage],
    /// The sampling temperature from 0 to 2. Omitted for models that reject it.
    pub temperature: f64,
    /// The token limit for the answer.
    pub max_tokens: u32,
    /// The JSON schema for the answer.
    pub schema: &'a Value,
}

/// Parameters that a service may reject and that the request can omit.
const OPTIONAL_PARAMETERS: [&str; 6] =
    ["temperature", "reasoning_effort", "response_format", "max_completion_tokens", "stream_options", "stream"];

impl ChatRequest<'_> {
    /// Returns the body of the request. It requests a streamed answer, which shows whether a service is slow or
    /// stalled.
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
                let schema = json!({ "name": "recommendation", "strict": true, "schema": self.schema });
                Some(json!({ "type": "json_schema", "json_schema": schema }))
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

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The model's text.
    pub content: String,
    /// The model's name as the service reports it.
    pub model: String,
    /// The number of tokens in the prompt.
    pub tokens_read: u64,
    /// The number of tokens in the answer.
    pub tokens_written: u64,
}

/// A failed call. Its message never contains a prompt, an answer or a key, nor the service's own message, which may
/// repeat them.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The address in the settings is neither an HTTPS address nor on this machine.
    #[error("writer.model.base_url is neither an https address nor on this machine")]
    Address,
    /// The connection failed or was interrupted.
    #[error("the model service cannot be reached")]
    Unreachable(#[source] outbound::Error),
    /// The service sent no answer within `writer.model.read_seconds`, or paused within its answer for more than 4 s.
    #[error("the model service did not answer in time")]
    Silent,
    /// The service responded with an error.
    #[error("the model service answered {status}{}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Status {
        /// The HTTP status.
        status: u16,
        /// The service's error code, if it is a plain word or number.
        code: Option<String>,
    },
    /// The account's quota is used up, so a retry cannot succeed.
    #[error("the model service's quota is used up")]
    QuotaUsedUp,
    /// The model refused to answer.
    #[error("the model refused")]
    Refused,
    /// The service truncated or filtered the answer.
    #[error("the answer is not complete: finish reason {0}")]
    Incomplete(String),
    /// The answer ended without a finish reason.
    #[error("the model service's answer was cut short")]
    Truncated,
    /// The answer violates the protocol.
    #[error("the model service's answer is not a chat completion")]
    Malformed,
    /// The answer exceeds the size limit.
    #[error("the model service's answer is too large")]
    TooLarge,
    /// The customer's deadline has passed, or will pass before the next attempt may start.
    #[error("the deadline of writer.model.deadline_seconds passed")]
    Deadline(#[source] Option<Box<ServiceError>>),
    /// The gate gave no permit for the call.
    #[error(transparent)]
    Withheld(#[from] Withheld),
}

impl ServiceError {
    /// Decides whether to retry after a response with status 200 and no usable answer. A damaged answer may arrive
    /// intact next time, but the model's own decision is final.
    pub(super) fn retry_decision(&self) -> RetryDecision {
        match self {
            Self::Truncated | Self::Malformed | Self::Silent | Self::Unreachable(_) => RetryDecision::Retry(None),
            Self::Address
            | Self::Status { .. }
            | Self::QuotaUsedUp
            | Self::Refused
            | Self::Incomplete(_)
            | Self::TooLarge
            | Self::Deadline(_)
            | Self::Withheld(_) => RetryDecision::Stop,
        }
    }

    /// Returns whether the service is throttling requests, in which case a later call may succeed.
    pub(super) fn is_throttling(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 429,
            Self::Deadline(cause) => cause.as_ref().is_some_and(|cause| cause.is_throttling()),
            Self::Address
            | Self::Unreachable(_)
            | Self::Silent
            | Self::QuotaUsedUp
            | Self::Refused
            | Self::Incomplete(_)
            | Self::Truncated
            | Self::Malformed
            | Self::TooLarge
            | Self::Withheld(_) => false,
        }
    }
}

/// A decision about the next attempt after an error.
pub(super) enum RetryDecision {
    /// Retry, after at least this delay if the service sent one.
    Retry(Option<Duration>),
    /// Retry without this parameter.
    RetryWithout(&'static str),
    /// Do not retry.
    Stop,
}

/// A whole answer, or one chunk of a streamed answer.
#[derive(Deserialize)]
struct CompletionChunk {
    #[serde(default)]
    choices: Vec<CompletionChoice>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<TokenCounts>,
    /// An error after the start of the answer.
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct CompletionChoice {
    /// The whole message, or the text that a chunk adds.
    #[serde(alias = "delta", default)]
    message: ChoiceMessage,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct ChoiceMessage {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Default, Deserialize)]
struct TokenCounts {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// A partially received answer.
#[derive(Default)]
pub(super) struct PartialCompletion {
    content: String,
    refusal: String,
    finish_reason: Option<String>,
    model: Option<String>,
    usage: TokenCounts,
    has_choice: bool,
}

impl PartialCompletion {
    /// Adds a chunk or a whole answer.
    pub(super) fn add(&mut self, json: &[u8]) -> Result<(), ServiceError> {
        let chunk: CompletionChunk = serde_json::from_slice(json).map_err(|_| ServiceError::Malformed)?;
        if chunk.error.is_some() {
            return Err(ServiceError::Malformed);
        }
        if let Some(choice) = chunk.choices.into_iter().next() {
            self.has_choice = true;
            self.content.push_str(&choice.message.content.unwrap_or_default());
            self.refusal.push_str(&choice.message.refusal.unwrap_or_default());
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        }
        self.model = chunk.model.filter(|model| !model.is_empty()).or(self.model.take());
        self.usage = chunk.usage.unwrap_or(std::mem::take(&mut self.usage));
        Ok(())
    }

    /// Returns the completion if the service marked it as complete. `requested_model` is the model name to use if the
    /// service does not report one.
    pub(super) fn finish(self, requested_model: &str) -> Result<Completion, ServiceError> {
        if !self.has_choice {
            return Err(ServiceError::Malformed);
        }
        if !self.refusal.is_empty() {
            return Err(ServiceError::Refused);
        }
        match self.finish_reason.as_deref() {
            Some("stop") => {}
            Some(other) => return Err(ServiceError::Incomplete(sanitized(other))),
            None => return Err(ServiceError::Truncated),
        }
        if self.content.trim().is_empty() {
            return Err(ServiceError::Malformed);
        }
        Ok(Completion {
            content: self.content,
            model: self.model.filter(|name| is_model_name(name)).unwrap_or_else(|| requested_model.to_owned()),
            tokens_read: self.usage.prompt_tokens,
            tokens_written: self.usage.completion_tokens,
        })
    }
}

/// Returns whether a reported model name may be shown to a customer: short, and neither a sentence nor a path.
fn is_model_name(model: &str) -> bool {
    model.len() <= 64 && model.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))
}

/// The body of an error response.
#[derive(Default)]
pub(super) struct ErrorBody {
    pub code: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    message: String,
}

impl ErrorBody {
    /// Parses a body. All fields are empty if it is not JSON.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return Self::default() };
        let error = body.get("error").unwrap_or(&body);
        // A code may be a string, a number or null.
        let field = |name: &str| match error.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        Self {
            code: field("code").map(|code| sanitized(&code)),
            kind: field("type"),
            param: field("param"),
            message: field("message").unwrap_or_default(),
        }
    }

    /// Returns whether the account's quota is used up.
    pub(super) fn is_quota(&self) -> bool {
        [&self.code, &self.kind].into_iter().any(|word| word.as_deref() == Some("insufficient_quota"))
    }

    /// Returns the request's optional parameter that the error reports as unsupported.
    pub(super) fn unsupported_parameter(&self, body: &Map<String, Value>) -> Option<&'static str> {
        let message = self.message.to_lowercase();
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
            .any(|phrase| message.contains(phrase));
        let is_named = |name: &&str| {
            body.contains_key(*name)
                && match &self.param {
                    Some(param) => param.split('.').next() == Some(*name),
                    None => self.message.contains(*name),
                }
        };
        unsupported.then(|| OPTIONAL_PARAMETERS.into_iter().find(is_named)).flatten()
    }
}

/// Returns a word from a service in a form that is safe for an error message.
fn sanitized(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(40).collect()
}
