//! The messages and errors of the chat completions protocol.

use std::time::Duration;

use contracts::model::{AnswerForm, ModelTraits, TokenLimit};
use policy::disclosure::Withheld;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::answer::has_whole_json;

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
    /// The sampling temperature, from 0 to 2. The request omits it for models that reject it.
    pub temperature: f64,
    /// The token limit for the answer.
    pub max_tokens: u32,
    /// The JSON schema for the answer.
    pub schema: &'a Value,
}

/// Parameters that a service may reject and that the request can omit.
const OPTIONAL_PARAMETERS: [&str; 7] = [
    "response_format",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "reasoning_effort",
    "stream_options",
    "stream",
];

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
    /// The model's name as the service reports it, or the requested name if it reports none that may be shown.
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
    /// The connection failed or was interrupted. The message omits the address.
    #[error("the model service cannot be reached")]
    Unreachable(#[source] outbound::Error),
    /// The service did not begin its answer within `writer.model.read_seconds`, or paused for more than 4 s within it.
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
    /// The service reported an error inside an answer with status 200.
    #[error("the model service reported an error{}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Reported {
        /// The service's error code, if it is a plain word or number.
        code: Option<String>,
        /// Whether a later attempt may succeed.
        is_transient: bool,
    },
    /// The service answered with a web page, such as a sign-in page.
    #[error("the model service answered with a web page; check writer.model.base_url")]
    WebPage,
    /// The answer exceeds the size limit.
    #[error("the model service's answer is too large")]
    TooLarge,
    /// The customer's deadline has passed, or will pass before the next attempt may start.
    #[error("the deadline in writer.model.deadline_seconds has passed")]
    Deadline(#[source] Option<Box<ServiceError>>),
    /// The gate gave no permit for the call.
    #[error(transparent)]
    Withheld(#[from] Withheld),
}

impl ServiceError {
    /// Decides whether to retry after an error other than an HTTP status. A damaged answer may arrive intact next time,
    /// but the model's own decision is final.
    pub(super) fn retry_decision(&self) -> RetryDecision {
        match self {
            Self::Truncated
            | Self::Malformed
            | Self::Silent
            | Self::Unreachable(_)
            | Self::Reported { is_transient: true, .. } => RetryDecision::Retry(None),
            Self::Address
            | Self::Status { .. }
            | Self::QuotaUsedUp
            | Self::Refused
            | Self::Reported { .. }
            | Self::WebPage
            | Self::Incomplete(_)
            | Self::TooLarge
            | Self::Deadline(_)
            | Self::Withheld(_) => RetryDecision::Stop,
        }
    }

    /// Returns whether no call with this address, model and key can succeed, so the process should not call again.
    pub(super) const fn is_hopeless(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(*status, 401..=404),
            Self::QuotaUsedUp | Self::WebPage | Self::Address => true,
            _ => false,
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
            | Self::Reported { .. }
            | Self::WebPage
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

/// The tokens of an answer.
#[derive(Default, Deserialize)]
struct TokenCounts {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// The finish reasons, in lower case, that mark an answer as cut off, filtered or failed.
const CUT_OFF: [&str; 12] = [
    "length",
    "max_tokens",
    "model_length",
    "content_filter",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "error",
    "abort",
    "cancelled",
];

/// An answer that is still arriving.
#[derive(Default)]
pub(super) struct PartialCompletion {
    content: String,
    /// The arguments of a tool call, in which some services put structured answers.
    arguments: String,
    /// The model's reasoning, in which some services put the whole answer.
    reasoning: String,
    refusal: String,
    finish_reason: Option<String>,
    model: Option<String>,
    usage: TokenCounts,
    has_choice: bool,
}

impl PartialCompletion {
    /// Adds a chunk of a stream.
    pub(super) fn add(&mut self, json: &[u8]) -> Result<(), ServiceError> {
        let chunk: Value = serde_json::from_slice(json).map_err(|_| ServiceError::Malformed)?;
        self.add_value(&chunk)
    }

    /// Adds a whole answer, or a chunk of one.
    pub(super) fn add_value(&mut self, chunk: &Value) -> Result<(), ServiceError> {
        // Some services put an error into a list.
        let chunk = chunk.as_array().and_then(|list| list.first()).unwrap_or(chunk);
        if chunk.get("error").is_some_and(|error| !error.is_null()) || chunk["object"] == "error" {
            return Err(ErrorBody::of(chunk).reported());
        }
        if let Some(choice) = chunk["choices"].as_array().and_then(|choices| choices.first()) {
            self.has_choice = true;
            let message = choice.get("message").or_else(|| choice.get("delta")).unwrap_or(&Value::Null);
            self.content.push_str(&text_of(&message["content"]));
            self.refusal.push_str(&text_of(&message["refusal"]));
            let reasoning = message.get("reasoning_content").or_else(|| message.get("reasoning"));
            self.reasoning.push_str(&reasoning.map(text_of).unwrap_or_default());
            let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| &call["function"]);
            for call in calls.chain(message.get("function_call")) {
                match &call["arguments"] {
                    Value::Null => {}
                    Value::String(arguments) => self.arguments.push_str(arguments),
                    arguments => self.arguments.push_str(&arguments.to_string()),
                }
            }
            let reason = choice["finish_reason"].as_str().map(str::to_owned);
            self.finish_reason = reason.or(self.finish_reason.take());
        }
        self.model = chunk["model"].as_str().filter(|model| !model.is_empty()).map(str::to_owned).or(self.model.take());
        if let Ok(Some(usage)) = Option::<TokenCounts>::deserialize(&chunk["usage"]) {
            self.usage = usage;
        }
        Ok(())
    }

    /// Returns the answer's text, wherever the service put it.
    fn text(&self) -> &str {
        let places = [&self.content, &self.arguments, &self.reasoning];
        places.into_iter().find(|text| !text.trim().is_empty()).map_or("", |text| text.as_str())
    }

    /// Returns whether any words have arrived.
    pub(super) fn has_words(&self) -> bool {
        !self.text().is_empty()
    }

    /// Returns whether the service marked the answer as complete.
    pub(super) fn is_whole(&self) -> bool {
        self.finish_reason.is_some() && self.ended().is_ok() && self.refusal.is_empty() && self.has_words()
    }

    /// Checks the finish reason. Services use many words for a normal end. If there is none, the JSON must be complete.
    fn ended(&self) -> Result<(), ServiceError> {
        let reason = self.finish_reason.as_deref().unwrap_or_default();
        let word = reason.to_lowercase();
        if CUT_OFF.contains(&word.as_str()) {
            return Err(ServiceError::Incomplete(sanitized(reason)));
        }
        if word == "stop" || has_whole_json(self.text()) {
            return Ok(());
        }
        Err(if word.is_empty() { ServiceError::Truncated } else { ServiceError::Incomplete(sanitized(reason)) })
    }

    /// Returns the completion if the service marked it as complete. `requested_model` is the name to use if the service
    /// reports none.
    pub(super) fn finish(self, requested_model: &str) -> Result<Completion, ServiceError> {
        if !self.has_choice {
            return Err(ServiceError::Malformed);
        }
        if !self.refusal.is_empty() {
            return Err(ServiceError::Refused);
        }
        self.ended()?;
        if !self.has_words() {
            return Err(ServiceError::Malformed);
        }
        Ok(Completion {
            content: self.text().to_owned(),
            model: self.model.filter(|name| is_model_name(name)).unwrap_or_else(|| requested_model.to_owned()),
            tokens_read: self.usage.prompt_tokens,
            tokens_written: self.usage.completion_tokens,
        })
    }
}

/// Returns the text of a content field: a string, or a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let text = |part: &Value| part.as_str().or_else(|| part["text"].as_str()).unwrap_or_default().to_owned();
            parts.iter().map(text).collect()
        }
        _ => String::new(),
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
    /// The whole body in lower case.
    text: String,
}

/// Words that mark an error as transient.
const TRANSIENT: [&str; 14] = [
    "overloaded",
    "rate_limit",
    "rate limit",
    "too many requests",
    "server_error",
    "internal error",
    "timeout",
    "timed out",
    "unavailable",
    "busy",
    "capacity",
    "try again",
    "429",
    "503",
];
/// Words in an error message that refer to the answer's format.
const FORMAT_WORDS: [&str; 5] = ["json_schema", "json_object", "structured output", "guided", "grammar"];
/// Codes of errors that no change of parameters can avoid.
const FINAL_CODES: [&str; 4] = ["content_filter", "context_length_exceeded", "model_not_found", "invalid_api_key"];

impl ErrorBody {
    /// Parses a body. If it is not JSON, sets only the text.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(bytes) {
            Ok(body) => Self::of(&body),
            Err(_) => Self { text: String::from_utf8_lossy(bytes).to_lowercase(), ..Self::default() },
        }
    }

    /// Reads an error: an object, an object with an `error`, or an `error` that is a string.
    pub(super) fn of(body: &Value) -> Self {
        let error = body.get("error").unwrap_or(body);
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
            text: body.to_string().to_lowercase(),
        }
    }

    /// Returns whether the account's quota is used up.
    pub(super) fn is_quota(&self) -> bool {
        [&self.code, &self.kind].into_iter().any(|word| word.as_deref() == Some("insufficient_quota"))
            || ["exceeded your current quota", "insufficient credits", "insufficient_quota", "credit balance"]
                .into_iter()
                .any(|words| self.text.contains(words))
    }

    /// Returns the error that an answer with status 200 reports.
    fn reported(self) -> ServiceError {
        if self.is_quota() {
            return ServiceError::QuotaUsedUp;
        }
        let is_transient = TRANSIENT.into_iter().any(|word| self.text.contains(word));
        ServiceError::Reported { code: self.code, is_transient }
    }

    /// Returns whether the error says nothing about its cause.
    pub(super) fn is_silent(&self) -> bool {
        !self.text.chars().any(char::is_alphabetic)
            || ["{}", "\"bad request\"", "bad request", "{\"error\":{}}", "{\"error\":null}"]
                .contains(&self.text.trim())
    }

    /// Returns the optional parameter of the request that the error names: in its `param`, or else anywhere in its
    /// text. A word for the answer's format counts as the name of `response_format`.
    pub(super) fn named_parameter(&self, body: &Map<String, Value>, status: u16) -> Option<&'static str> {
        if self.code.as_deref().is_some_and(|code| FINAL_CODES.contains(&code)) {
            return None;
        }
        let sent = OPTIONAL_PARAMETERS.into_iter().filter(|name| body.contains_key(*name));
        // A server error is rarely about a parameter, so only an unmistakable name counts.
        let sent: Vec<&str> = sent.filter(|name| status < 500 || name.contains('_')).collect();
        if let Some(param) = &self.param {
            let first = param.split(['.', '[']).next().unwrap_or_default();
            return sent.into_iter().find(|name| *name == first);
        }
        let by_name = sent.iter().copied().find(|name| contains_word(&self.text, name));
        let by_format = || {
            let names_format = FORMAT_WORDS.into_iter().any(|words| self.text.contains(words));
            sent.iter().copied().find(|name| *name == "response_format" && names_format)
        };
        by_name.or_else(by_format)
    }
}

/// Returns whether the text contains the name, and not only as part of a longer one.
fn contains_word(text: &str, name: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(name)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + name.len()..].chars().next()))
}

/// Returns the first 40 letters, digits, `_` and `-` of a word from a service, which are safe for an error message.
fn sanitized(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(40).collect()
}
