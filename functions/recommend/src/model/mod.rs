//! The model writer. The model picks products out of those ranked and writes reasons; it never sees a name, and nothing
//! that it writes is used before the guard has passed it.

mod client;
mod limiter;
mod prompt;
mod service;

use service::{Chat, Completion, Message, ServiceError};

use std::time::Duration;

use contracts::catalogue::Category;
use contracts::script::{InsteadOfModel, Script, SentData, Usage, WrittenBy};
use contracts::settings::WriterSettings;
use storage::secret::{ExposeSecret as _, SecretError, SecretName, Secrets};
use storage::vault::Keys;
use tokio::time::Instant;

use crate::brief::Brief;
use crate::compose;
use crate::guard;

use client::Client;
pub(crate) use client::Pace;
pub use client::needs_key;
pub use limiter::Limiter;
pub use prompt::PROMPTS;
pub(crate) use prompt::digest as prompt_digest;

/// The longest wish of a caller that is sent, in characters; the API takes no longer one.
const LONGEST_WISH: usize = 2000;

/// What came of asking the model.
pub(crate) enum Outcome {
    /// It may not be asked.
    NotAsked,
    /// Its text passed the guard.
    Written(Box<Script>),
    /// Its service throttles, and a later call may be served.
    Throttled,
    /// It should have been asked and could not be, or did not answer.
    Unavailable(InsteadOfModel),
    /// It answered, and what it wrote may not be used, also after one repair. The text is there unless it had no form.
    Refused(InsteadOfModel, Option<Box<Script>>),
}

/// What asking takes.
pub(crate) struct Asking<'a> {
    pub settings: &'a WriterSettings,
    /// The lines of business that the request is for.
    pub categories: &'a [Category],
    pub secrets: &'a dyn Secrets,
    pub http: &'a reqwest::Client,
    pub limiter: &'a Limiter,
    pub keys: &'a Keys,
    pub wish: Option<&'a str>,
    /// Its service throttled until now, and the model is to be left out.
    pub given_up: bool,
    pub pace: Pace,
}

/// Asks the model, and once more if the guard sends its text back. Adds the tokens to `usage`.
pub(crate) async fn write(brief: &Brief<'_>, asking: &Asking<'_>, usage: &mut Usage) -> Result<Outcome, SecretError> {
    let settings = &asking.settings.model;
    if !settings.enabled || brief.offers().is_empty() {
        return Ok(Outcome::NotAsked);
    }
    let unasked = |why: String| Ok(Outcome::Unavailable(InsteadOfModel { why, given: None }));
    let wish = asking.wish.map(str::trim).filter(|wish| !wish.is_empty());
    if let Some(wish) = wish {
        if wish.chars().count() > LONGEST_WISH {
            return unasked(format!("the request's prompt is longer than {LONGEST_WISH} characters"));
        }
        let verdict = guard::check_prompt(wish);
        if !verdict.passed() {
            return unasked(format!("the request's prompt does not pass: {}", verdict.failed().join(", ")));
        }
        if brief.is_personal(wish) {
            return unasked("the request's prompt holds a name, a number or an address".to_owned());
        }
    }
    let key = asking.secrets.find(SecretName::ModelKey).await?.filter(|key| !key.expose_secret().trim().is_empty());
    if key.is_none() && needs_key(&settings.base_url) {
        return unasked(format!("the secret {} is not set", SecretName::ModelKey.variable()));
    }
    let patience = Duration::from_secs(settings.deadline_seconds);
    if !asking.given_up && !asking.limiter.ready(settings, patience).await {
        return Ok(Outcome::Throttled);
    }
    let client = Client::new(asking.http, settings, key, Instant::now() + patience, asking.pace, asking.limiter);
    let told = prompt::Told::new(brief, asking.categories, &settings.fields, wish);
    // The earlier calls gave the service all that this one would have.
    let instead = |why: String, usage: Usage| {
        let given = SentData { service: client.service(), fields: told.fields.clone(), usage };
        InsteadOfModel { why, given: Some(given) }
    };
    if asking.given_up {
        return Ok(Outcome::Unavailable(instead("the model service throttled every call".to_owned(), *usage)));
    }
    let mut conversation = Conversation { brief, asking, wish, told: &told, client: &client, usage };
    Ok(match conversation.hold().await {
        Ok(Ended::Written(script)) => Outcome::Written(script),
        Ok(Ended::Refused(why, script)) => Outcome::Refused(instead(why, *usage), script),
        Err(error) if error.is_throttling() => Outcome::Throttled,
        Err(error) => Outcome::Unavailable(instead(contracts::error::chain(&error), *usage)),
    })
}

/// How a conversation ended.
enum Ended {
    /// With a text that passes.
    Written(Box<Script>),
    /// With why none passes, and the last one, unless it had no form.
    Refused(String, Option<Box<Script>>),
}

/// At most two answers of the model: one, and one that is told what was wrong with the first.
struct Conversation<'a> {
    brief: &'a Brief<'a>,
    asking: &'a Asking<'a>,
    wish: Option<&'a str>,
    told: &'a prompt::Told,
    client: &'a Client<'a>,
    usage: &'a mut Usage,
}

impl Conversation<'_> {
    async fn hold(&mut self) -> Result<Ended, ServiceError> {
        let mut messages = vec![Message::system(&self.told.system), Message::user(&self.told.document)];
        let mut ended = Ended::Refused(String::new(), None);
        for repaired in [false, true] {
            if repaired {
                self.client.turn().await?;
            }
            let completion = self.client.complete(&self.chat(&messages)).await?;
            *self.usage += self.asking.settings.model.usage(completion.tokens_read, completion.tokens_written);
            let objections = match self.script(&completion, repaired) {
                Ok(script) if script.verdict.passed() => return Ok(Ended::Written(Box::new(script))),
                Ok(script) => {
                    let objections = prompt::objections(&script.verdict);
                    let why = format!("the guard found: {}", script.verdict.failed().join(", "));
                    ended = Ended::Refused(why, Some(Box::new(script)));
                    objections
                }
                Err(why) => {
                    let objections = format!("- form: {why}");
                    ended = Ended::Refused(format!("the answer cannot be used: {why}"), None);
                    objections
                }
            };
            messages.push(Message::assistant(&completion.content));
            messages.push(Message::user(&format!("{}{objections}\n", prompt::REPAIR)));
        }
        if let Ended::Refused(why, _) = &mut ended {
            why.push_str(", also after one repair");
        }
        Ok(ended)
    }

    fn chat<'c>(&'c self, messages: &'c [Message]) -> Chat<'c> {
        let WriterSettings { model, .. } = self.asking.settings;
        Chat {
            model: &model.name,
            takes: self.asking.settings.model_traits(),
            messages,
            temperature: model.temperature,
            max_tokens: model.max_tokens,
            schema: &self.told.schema,
        }
    }

    /// The script of an answer, judged; or what is wrong with the answer's form.
    fn script(&self, completion: &Completion, repaired: bool) -> Result<Script, String> {
        let draft = prompt::read(self.brief, &completion.content)?;
        let written_by = WrittenBy::Model {
            model: completion.model.clone(),
            service: self.client.service(),
            fields_sent: self.told.fields.clone(),
            prompt: prompt::digest(),
            repaired,
            usage: *self.usage,
        };
        let mut instructions = vec![self.told.system.as_str(), prompt::REPAIR];
        instructions.extend(self.wish);
        Ok(compose::compose(self.brief, &draft, self.asking.keys, instructions, written_by))
    }
}

#[cfg(test)]
mod tests;
