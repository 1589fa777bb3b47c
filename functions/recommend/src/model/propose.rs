//! Asks a model for new lines of a phrasebook. Nothing about a customer is sent, and nothing is published: people approve
//! the lines.

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
/// The token limit of an answer, for each line.
const TOKENS_PER_LINE: u32 = 60;

/// The lines to ask for.
#[derive(Clone, Debug)]
pub struct ProposalRequest<'a> {
    /// The product.
    pub product: &'a Product,
    /// The name of the ground, as a listener hears it.
    pub ground: &'a str,
    /// The phrasebook's lines for the product and the ground.
    pub existing: Vec<&'a str>,
    /// The number of new lines.
    pub count: u32,
}

/// The lines that a model proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The model, as the service names it.
    pub model: String,
    /// The lines, unchecked.
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
    /// The service did not answer.
    #[error("the model service did not propose lines: {}", contracts::error::chain(.0))]
    Service(ServiceError),
    /// The answer has no list of lines.
    #[error("the model's answer is not JSON of the schema")]
    Answer,
}

#[derive(Deserialize)]
struct ProposalAnswer {
    lines: Vec<String>,
}

/// Asks the model of the settings for new lines.
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
