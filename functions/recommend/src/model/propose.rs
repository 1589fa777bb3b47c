//! Asks a model for new phrasebook lines. The request contains no data about a customer. People must approve the lines
//! before Bespoke uses them.

use std::time::Duration;

use contracts::catalogue::Product;
use contracts::settings::WriterSettings;
use policy::disclosure::Gate;
use serde::Deserialize;
use serde_json::json;
use storage::secret::{ExposeSecret as _, SecretError, SecretName, Secrets};
use thiserror::Error;
use tokio::time::Instant;

use super::answer;
use super::client::{ModelClient, RetryPolicy, needs_key};
use super::limiter::Limiter;
use super::service::{ChatMessage, ChatRequest, ServiceError};

const PROPOSE: &str = include_str!("../../prompts/propose.txt");
/// The number of tokens that an answer may have for each requested line, if that exceeds the limit in the settings.
const TOKENS_PER_LINE: u32 = 60;

/// A request for new lines.
#[derive(Clone, Debug)]
pub struct ProposalRequest<'a> {
    /// The product.
    pub product: &'a Product,
    /// The name of the ground, as it is spoken.
    pub ground: &'a str,
    /// The phrasebook's lines for the product and the ground.
    pub existing: Vec<&'a str>,
    /// The maximum number of new lines.
    pub count: u32,
}

/// The lines that a model proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The model's name, according to the service.
    pub model: String,
    /// The lines, before any checks.
    pub lines: Vec<String>,
}

/// The reason why there are no proposals. Its message never contains a prompt, an answer or a key.
#[derive(Debug, Error)]
pub enum ProposalError {
    /// The settings do not allow a model.
    #[error("writer.model.enabled is false")]
    Disabled,
    /// The key is missing.
    #[error("the secret {} is not set", SecretName::ModelKey.variable())]
    NoKey,
    /// The secrets could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The call to the service failed.
    #[error("the model service did not propose lines: {}", contracts::error::chain(.0))]
    Service(ServiceError),
    /// The answer does not contain a list of lines.
    #[error("the model's answer is not JSON that matches the schema")]
    Answer,
}

#[derive(Deserialize)]
struct ProposalAnswer {
    lines: Vec<String>,
}

/// Requests new lines from the model in the settings.
pub async fn propose(
    request: &ProposalRequest<'_>,
    settings: &WriterSettings,
    secrets: &dyn Secrets,
    http: &outbound::Client,
) -> Result<Proposal, ProposalError> {
    let model = &settings.model;
    if !model.enabled {
        return Err(ProposalError::Disabled);
    }
    let key = secrets.find(SecretName::ModelKey).await?.filter(|key| !key.expose_secret().trim().is_empty());
    if key.is_none() && needs_key(&model.base_url) {
        return Err(ProposalError::NoKey);
    }
    let time_limit = Duration::from_secs(model.deadline_seconds);
    let limiter = Limiter::default();
    let gate = Gate::without_customer();
    let client = ModelClient {
        http,
        gate: &gate,
        service: model,
        key,
        deadline: Instant::now() + time_limit,
        retries: RetryPolicy::default(),
        limiter: &limiter,
    };
    let document = json!({
        "product": request.product.name, "what_it_is": request.product.summary, "ground": request.ground,
        "existing": request.existing, "count": request.count,
    });
    let schema = json!({
        "type": "object",
        "properties": { "lines": { "type": "array", "items": { "type": "string" }, "maxItems": request.count } },
        "required": ["lines"],
        "additionalProperties": false,
    });
    let messages = [ChatMessage::system(PROPOSE), ChatMessage::user(&document.to_string())];
    let chat = ChatRequest {
        model: &model.name,
        takes: settings.model_traits(),
        messages: &messages,
        temperature: model.temperature,
        max_tokens: model.max_tokens.max(request.count.saturating_mul(TOKENS_PER_LINE)),
        schema: &schema,
    };
    let completion = client.complete(&chat).await.map_err(ProposalError::Service)?;
    let answer: ProposalAnswer = answer::parse(&completion.content).ok_or(ProposalError::Answer)?;
    let mut lines: Vec<String> = answer.lines.iter().map(|line| tidy(line)).filter(|line| !line.is_empty()).collect();
    lines.truncate(usize::try_from(request.count).unwrap_or(usize::MAX));
    Ok(Proposal { model: completion.model, lines })
}

/// Returns a line with single spaces.
fn tidy(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
