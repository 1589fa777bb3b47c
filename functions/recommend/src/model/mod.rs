//! The model writer. The model picks products out of those ranked and writes reasons; it never sees a name, and nothing
//! that it writes is used before the guard has passed it.

mod client;
mod prompt;
mod service;

use service::{Chat, Message, ServiceError};

use std::time::Duration;

use contracts::script::{Given, InsteadOfModel, Script, WrittenBy};
use contracts::secret::{ExposeSecret as _, SecretError, SecretName, Secrets};
use contracts::settings::Model;
use contracts::vault::Keys;
use tokio::time::Instant;

use crate::Usage;
use crate::brief::Brief;
use crate::compose;
use crate::guard;

use client::Client;
pub(crate) use client::Pace;
pub(crate) use prompt::digest as prompt_digest;

/// What came of asking the model.
pub(crate) enum Outcome {
    /// It may not be asked.
    NotAsked,
    /// Its text passed the guard.
    Written(Box<Script>),
    /// Its service throttles, and a later call may be served.
    Throttled,
    /// It was asked, or should have been, and did not serve.
    Instead(InsteadOfModel),
}

/// What asking takes.
pub(crate) struct Asking<'a> {
    pub settings: &'a Model,
    pub secrets: &'a dyn Secrets,
    pub http: &'a reqwest::Client,
    pub keys: &'a Keys,
    pub wish: Option<&'a str>,
    /// Its service throttled until now, and the model is to be left out.
    pub given_up: bool,
    pub pace: Pace,
}

/// Why an answer did not serve.
struct Unserved {
    why: String,
    throttled: bool,
}

impl From<ServiceError> for Unserved {
    fn from(error: ServiceError) -> Self {
        Self { why: contracts::error::chain(&error), throttled: error.is_throttling() }
    }
}

/// Asks the model, and once more if the guard sends its text back. Adds the tokens to `usage`.
pub(crate) async fn write(brief: &Brief<'_>, asking: &Asking<'_>, usage: &mut Usage) -> Result<Outcome, SecretError> {
    let settings = asking.settings;
    if !settings.enabled || brief.offers().is_empty() {
        return Ok(Outcome::NotAsked);
    }
    let unasked = |why: String| Ok(Outcome::Instead(InsteadOfModel { why, given: None }));
    let wish = asking.wish.map(str::trim).filter(|wish| !wish.is_empty());
    if let Some(wish) = wish {
        let verdict = guard::check_prompt(wish);
        if !verdict.passed() {
            return unasked(format!("the request's prompt does not pass: {}", verdict.failed().join(", ")));
        }
        if brief.is_personal(wish) {
            return unasked("the request's prompt holds a name, a number or an address".to_owned());
        }
    }
    let key = asking.secrets.find(SecretName::ModelKey).await?.filter(|key| !key.expose_secret().trim().is_empty());
    if key.is_none() && !client::is_loopback(&settings.base_url) {
        return unasked(format!("the secret {} is not set", SecretName::ModelKey.variable()));
    }
    let deadline = Instant::now() + Duration::from_secs(settings.deadline_seconds);
    let client = Client::new(asking.http, &settings.base_url, key, deadline, asking.pace);
    let told = prompt::Told::new(brief, &settings.fields, wish);
    // The earlier calls gave the service all that this one would have.
    let given = || Some(Given { service: client.service(), fields: told.fields.clone() });
    if asking.given_up {
        let why = "the model service throttled every call".to_owned();
        return Ok(Outcome::Instead(InsteadOfModel { why, given: given() }));
    }
    match converse(brief, asking, wish, &told, &client, usage).await {
        Ok(script) => Ok(Outcome::Written(Box::new(script))),
        Err(Unserved { throttled: true, .. }) => Ok(Outcome::Throttled),
        Err(Unserved { why, .. }) => Ok(Outcome::Instead(InsteadOfModel { why, given: given() })),
    }
}

/// The conversation: at most two answers. The error says why neither served.
async fn converse(
    brief: &Brief<'_>,
    asking: &Asking<'_>,
    wish: Option<&str>,
    told: &prompt::Told,
    client: &Client<'_>,
    usage: &mut Usage,
) -> Result<Script, Unserved> {
    let mut messages = vec![Message::system(prompt::SYSTEM), Message::user(&told.document)];
    let mut objections = String::new();
    for repaired in [false, true] {
        let chat = Chat {
            model: &asking.settings.name,
            messages: &messages,
            temperature: asking.settings.temperature,
            max_tokens: asking.settings.max_tokens,
            schema: &told.schema,
        };
        let completion = client.complete(&chat).await?;
        usage.tokens_read += completion.tokens_read;
        usage.tokens_written += completion.tokens_written;
        let violations = match prompt::read(brief, &completion.content) {
            Ok(draft) => {
                let written_by = WrittenBy::Model {
                    model: completion.model.clone(),
                    service: client.service(),
                    fields_sent: told.fields.clone(),
                    prompt: prompt::digest(),
                    repaired,
                    prompt_tokens: usage.tokens_read,
                    completion_tokens: usage.tokens_written,
                };
                let mut instructions = vec![prompt::SYSTEM, prompt::REPAIR];
                instructions.extend(wish);
                let script = compose::compose(brief, &draft, asking.keys, instructions, written_by);
                if script.verdict.passed() {
                    return Ok(script);
                }
                objections = format!("the guard found: {}", script.verdict.failed().join(", "));
                prompt::objections(&script.verdict)
            }
            Err(why) => {
                objections = format!("the answer cannot be used: {why}");
                format!("- form: {why}")
            }
        };
        messages.push(Message::assistant(&completion.content));
        messages.push(Message::user(&format!("{}{violations}\n", prompt::REPAIR)));
    }
    Err(Unserved { why: format!("{objections}, also after one repair"), throttled: false })
}
