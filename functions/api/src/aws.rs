//! The backend on AWS: the workflow, the bucket, and the authorizer of the API gateway.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bespoke_aws::executions::StateMachine;
use bespoke_aws::{Failure, Host, environment, host};
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::executions::Executions;
use contracts::settings::Settings;
use contracts::stage::WorkflowLimits;
use contracts::voice::Engine;
use contracts::{Batch, CustomerRef, Digest, ObjectKey, RunId};
use http::request::Parts;
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use start::{BucketSource, Source};
use storage::store::UrlSigner;
use storage::vault::Vault;

use crate::backend::{Backend, CampaignBounds, CampaignState, EventLog};
use crate::problem::Problem;
use crate::view::VoiceOption;

/// The group of the user pool whose members may review.
const REVIEWERS: &str = "reviewers";

/// The backend of the Lambda function.
pub struct AwsBackend {
    source: BucketSource,
    executions: StateMachine,
    limits: WorkflowLimits,
    origins: Vec<String>,
    brand: Brand,
}

impl AwsBackend {
    /// Builds the backend from the function's environment.
    pub async fn start() -> Result<Self, Failure> {
        let source = BucketSource::new(Host::start().await?);
        let executions = source.host().workflow()?;
        let limits = environment::limits()?;
        Ok(Self { source, executions, limits, origins: environment::origins(), brand: host::brand()? })
    }
}

#[async_trait]
impl Backend for AwsBackend {
    /// Returns the subject of the token that the authorizer has verified.
    fn caller(&self, request: &Parts) -> Option<String> {
        let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
        context.authorizer.as_ref()?.jwt.as_ref()?.claims.get("sub").cloned()
    }

    /// Returns the user name of a member of the group `reviewers`.
    fn reviewer(&self, request: &Parts) -> Option<String> {
        let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
        let claims = &context.authorizer.as_ref()?.jwt.as_ref()?.claims;
        // The gateway writes a list as `[a b]`.
        let groups = claims.get("cognito:groups")?.trim_matches(['[', ']']);
        let is_reviewer = groups.split([' ', ',']).any(|group| group == REVIEWERS);
        is_reviewer.then(|| claims.get("username").or_else(|| claims.get("sub")).cloned())?
    }

    /// The record of a decision invokes `publish`. Without a decision, another object does.
    async fn complete_review(&self, run: &RunId, reference: &CustomerRef, decided: bool) -> Result<(), Problem> {
        if !decided {
            let key = ObjectKey::ReviewEnded(run.clone(), reference.clone());
            self.vault().store().put(&key, "".into()).await?;
        }
        Ok(())
    }

    /// Does nothing: there are no copies, and the record of the recall triggers `deliver`.
    async fn complete_recall(&self, _: &RunId, _: BTreeSet<Digest>) -> Result<(), Problem> {
        Ok(())
    }

    fn vault(&self) -> &Vault {
        &self.source.host().vault
    }

    fn source(&self) -> &dyn Source {
        &self.source
    }

    async fn catalogue(&self) -> Result<Catalogue, Problem> {
        Ok(self.source.host().catalogue().await?)
    }

    async fn brand(&self) -> Result<Brand, Problem> {
        Ok(self.brand.clone())
    }

    async fn settings(&self) -> Result<Settings, Problem> {
        Ok(self.source.host().settings().await?)
    }

    fn executions(&self) -> &dyn Executions {
        &self.executions
    }

    fn limits(&self) -> WorkflowLimits {
        self.limits
    }

    fn campaign_executions(
        &self,
        bounds: CampaignBounds,
        dry_run: bool,
    ) -> Result<(Box<dyn Executions + '_>, WorkflowLimits), Problem> {
        let CampaignBounds { customers, concurrency, budget_usd } = bounds;
        if dry_run || customers.is_some() || budget_usd.is_some() {
            return Err(Problem::invalid(
                "only a local server supports dry_run, max_customers and budget_usd; use bespoke serve or bespoke campaign",
            ));
        }
        let concurrency = concurrency.map_or(u32::MAX, |customers| u32::try_from(customers).unwrap_or(u32::MAX));
        let limits = WorkflowLimits { concurrency: self.limits.concurrency.min(concurrency), ..self.limits };
        Ok((Box::new(self.executions.clone()), limits))
    }

    async fn campaign_state(&self, _: &RunId) -> Result<Option<CampaignState>, Problem> {
        Ok(None)
    }

    fn event_log(&self) -> Option<&dyn EventLog> {
        None
    }

    fn links(&self) -> &dyn UrlSigner {
        &self.source.host().bucket
    }

    fn default_batch(&self) -> Option<Batch> {
        None
    }

    async fn voices(&self) -> Vec<VoiceOption> {
        let voice = |engine: Engine, label: &str, default| VoiceOption {
            engine,
            name: engine.as_str().to_owned(),
            label: label.to_owned(),
            default,
            installed: true,
        };
        vec![voice(Engine::Polly, "Amazon Polly", true), voice(Engine::Espeak, "espeak-ng", false)]
    }

    fn origins(&self) -> &[String] {
        &self.origins
    }

    fn is_local(&self) -> bool {
        false
    }
}
