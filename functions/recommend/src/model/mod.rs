//! The use of models: [`write`] lets a model write the text for the offered products, [`select`] lets one select among
//! approved lines, and [`propose()`] asks one for new lines. A model never sees a person's name. The stage uses a
//! model's text only after the guard has passed it.

mod answer;
mod client;
mod limiter;
mod prompt;
mod propose;
mod reader;
mod select;
mod service;

use std::time::Duration;

use contracts::catalogue::Category;
use contracts::script::{InsteadOfModel, Script, SentData, Usage, WrittenBy};
use contracts::settings::WriterSettings;
use policy::disclosure::{Gate, Withheld};
use storage::secret::{ExposeSecret as _, SecretError, SecretName, Secrets};
use storage::vault::Keys;
use tokio::time::Instant;

use crate::brief::{Brief, known_words};
use crate::compose;
use crate::guard;

use client::ModelClient;
use prompt::Prompt;
use service::{ChatMessage, ChatRequest, Completion, ServiceError};

pub(crate) use client::RetryPolicy;
pub use client::needs_key;
pub use limiter::Limiter;
pub use prompt::PROMPTS;
pub(crate) use prompt::digest as prompt_digest;
pub use propose::{Proposal, ProposalError, ProposalRequest, propose};
pub(crate) use select::{SelectOutcome, select};

/// The maximum length, in characters, of a caller's prompt. With a longer one, the model is not called. The API has the
/// same limit.
const MAX_WISH_CHARACTERS: usize = 2000;

/// The outcome of writing with the model.
pub(crate) enum ModelOutcome {
    /// The model's text passed the guard.
    Written(Box<Script>),
    /// The service is throttling requests; a later call may succeed.
    Throttled,
    /// The model could not be called, or did not answer.
    Unavailable(InsteadOfModel),
    /// The guard rejected the model's text, even after one repair. `None` if the last answer was malformed.
    Refused(InsteadOfModel, Option<Box<Script>>),
    /// The gate gave no permit for a call, so the stage must end.
    Withheld(Withheld),
}

/// The inputs for writing with the model, in addition to the brief.
pub(crate) struct ModelRequest<'a> {
    pub settings: &'a WriterSettings,
    /// The lines of business in the request.
    pub categories: &'a [Category],
    pub secrets: &'a dyn Secrets,
    pub http: &'a outbound::Client,
    /// The gate for the customer's data.
    pub gate: &'a Gate,
    pub limiter: &'a Limiter,
    pub keys: &'a Keys,
    /// The caller's prompt, which asks for a tone or an emphasis.
    pub wish: Option<&'a str>,
    /// Whether to skip the model because the service throttled all earlier calls.
    pub skip: bool,
    pub retries: RetryPolicy,
}

/// A client that may call the service, or the reason why there is none.
enum Connection<'a> {
    Ready(ModelClient<'a>),
    /// The service is throttling requests; a later call may succeed.
    Throttled,
    NotCalled(InsteadOfModel),
}

/// Prepares a client if the settings enable the model and its key is set. A service on this machine needs no key. Waits
/// for a slot in the limiter.
async fn connect<'a>(request: &ModelRequest<'a>) -> Result<Connection<'a>, SecretError> {
    let settings = &request.settings.model;
    let not_called = |why: String| Ok(Connection::NotCalled(InsteadOfModel { why, given: None }));
    if !settings.enabled {
        return not_called("writer.model.enabled is false".to_owned());
    }
    let key = request.secrets.find(SecretName::ModelKey).await?.filter(|key| !key.expose_secret().trim().is_empty());
    if key.is_none() && needs_key(&settings.base_url) {
        return not_called(format!("the secret {} is not set", SecretName::ModelKey.variable()));
    }
    if let Some(why) = request.limiter.given_up(client::service_id(settings, key.as_ref())) {
        return not_called(format!("{why}; the service is not called again in this run"));
    }
    let time_limit = Duration::from_secs(settings.deadline_seconds);
    if !request.skip && !request.limiter.ready(settings, time_limit).await {
        return Ok(Connection::Throttled);
    }
    Ok(Connection::Ready(ModelClient {
        http: request.http,
        gate: request.gate,
        service: settings,
        key,
        deadline: Instant::now() + time_limit,
        retries: request.retries,
        limiter: request.limiter,
    }))
}

/// The reason for the fallback if the service has throttled every call.
const THROTTLED: &str = "the model service throttled every call";

/// Has the model write the text. If the answer is malformed or the guard rejects it, asks the model once to repair it.
/// Adds the tokens used to `usage`.
pub(crate) async fn write(
    brief: &Brief<'_>,
    request: &ModelRequest<'_>,
    usage: &mut Usage,
) -> Result<ModelOutcome, SecretError> {
    let wish = request.wish.map(str::trim).filter(|wish| !wish.is_empty());
    if let Some(why) = wish.and_then(|wish| wish_problem(wish, brief)).filter(|_| request.settings.model.enabled) {
        return Ok(ModelOutcome::Unavailable(InsteadOfModel { why, given: None }));
    }
    let client = match connect(request).await? {
        Connection::Ready(client) => client,
        Connection::Throttled => return Ok(ModelOutcome::Throttled),
        Connection::NotCalled(instead) => return Ok(ModelOutcome::Unavailable(instead)),
    };
    let sent = wish.map(|wish| known_words(wish, brief.phrases)).filter(|words| !words.is_empty());
    let prompt = Prompt::new(brief, request.categories, &request.settings.model.fields, sent.as_deref());
    let instead_of_model = |why: String, usage: Usage| {
        let given = SentData { service: client.service_address(), fields: prompt.fields.clone(), usage };
        InsteadOfModel { why, given: Some(given) }
    };
    if request.skip {
        // The throttled calls sent the same prompt, so the evidence must list its fields.
        return Ok(ModelOutcome::Unavailable(instead_of_model(THROTTLED.to_owned(), *usage)));
    }
    let mut conversation = Conversation { brief, request, wish, prompt: &prompt, client: &client, usage };
    Ok(match conversation.run().await {
        Ok(ConversationEnd::Written(script)) => ModelOutcome::Written(script),
        Ok(ConversationEnd::Refused(why, script)) => ModelOutcome::Refused(instead_of_model(why, *usage), script),
        Err(ServiceError::Withheld(withheld)) => ModelOutcome::Withheld(withheld),
        Err(error) if error.is_throttling() => ModelOutcome::Throttled,
        Err(error) => ModelOutcome::Unavailable(instead_of_model(contracts::error::chain(&error), *usage)),
    })
}

/// Returns the reason why no part of a caller's prompt may be sent to the model, or `None` if its known words may be
/// sent.
fn wish_problem(wish: &str, brief: &Brief<'_>) -> Option<String> {
    if wish.chars().count() > MAX_WISH_CHARACTERS {
        return Some(format!("the request's prompt is longer than {MAX_WISH_CHARACTERS} characters"));
    }
    let verdict = guard::check_prompt(wish);
    if !verdict.passed() {
        return Some(format!("the request's prompt was refused by the rule `{}`", verdict.failed().join(", ")));
    }
    brief.is_personal(wish).then(|| "the request's prompt contains a name, a number or an e-mail address".to_owned())
}

/// The end of a conversation with the model.
enum ConversationEnd {
    /// The text has passed the guard.
    Written(Box<Script>),
    /// No text has passed the guard. Contains the reason, and the last text unless the answer was malformed.
    Refused(String, Option<Box<Script>>),
}

/// A conversation with at most two answers: the first one, and one that repairs it.
struct Conversation<'a> {
    brief: &'a Brief<'a>,
    request: &'a ModelRequest<'a>,
    wish: Option<&'a str>,
    prompt: &'a Prompt,
    client: &'a ModelClient<'a>,
    usage: &'a mut Usage,
}

impl Conversation<'_> {
    async fn run(&mut self) -> Result<ConversationEnd, ServiceError> {
        let mut messages = vec![ChatMessage::system(&self.prompt.system), ChatMessage::user(&self.prompt.document)];
        let mut end = ConversationEnd::Refused(String::new(), None);
        for repaired in [false, true] {
            if repaired {
                self.client.wait_for_slot().await?;
            }
            let completion = self.client.complete(&self.chat_request(&messages)).await?;
            *self.usage += self.request.settings.model.usage(completion.tokens_read, completion.tokens_written);
            let objections = match self.script(&completion, repaired) {
                Ok(script) if script.verdict.passed() => return Ok(ConversationEnd::Written(Box::new(script))),
                Ok(script) => {
                    let objections = prompt::objections(&script.verdict);
                    let why = format!("the guard found: {}", script.verdict.failed().join(", "));
                    end = ConversationEnd::Refused(why, Some(Box::new(script)));
                    objections
                }
                Err(why) => {
                    let objections = format!("- form: {why}");
                    end = ConversationEnd::Refused(format!("the answer cannot be used: {why}"), None);
                    objections
                }
            };
            messages.push(ChatMessage::assistant(&completion.content));
            messages.push(ChatMessage::user(&format!("{}{objections}\n", prompt::REPAIR)));
        }
        if let ConversationEnd::Refused(why, _) = &mut end {
            why.push_str(", even after one repair");
        }
        Ok(end)
    }

    fn chat_request<'c>(&'c self, messages: &'c [ChatMessage]) -> ChatRequest<'c> {
        let WriterSettings { model, .. } = self.request.settings;
        ChatRequest {
            model: &model.name,
            takes: self.request.settings.model_traits(),
            messages,
            temperature: model.temperature,
            max_tokens: model.max_tokens,
            schema: &self.prompt.schema,
        }
    }

    /// Turns an answer into a script with a verdict. Fails with a description of the problem if the answer is
    /// malformed.
    fn script(&self, completion: &Completion, repaired: bool) -> Result<Script, String> {
        let draft = prompt::parse_answer(self.brief, &completion.content, &completion.model)?;
        let written_by = WrittenBy::Model {
            model: completion.model.clone(),
            service: self.client.service_address(),
            fields_sent: self.prompt.fields.clone(),
            prompt: prompt::digest(),
            repaired,
            usage: *self.usage,
        };
        let mut instructions = vec![self.prompt.system.as_str(), prompt::REPAIR];
        instructions.extend(self.wish);
        Ok(compose::compose(self.brief, &draft, self.request.keys, instructions, written_by))
    }
}

#[cfg(test)]
mod tests;
