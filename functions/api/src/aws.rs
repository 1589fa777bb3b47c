//! The host on AWS: the workflow, the bucket, and the gateway's authorizer.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bespoke_aws::executions::StateMachine;
use bespoke_aws::{Failure, Host as Function, environment, host};
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::executions::{Executions, Tasks as _};
use contracts::settings::Settings;
use contracts::stage::WorkflowLimits;
use contracts::voice::Engine;
use contracts::{Batch, CustomerRef, Digest, RunId};
use http::request::Parts;
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use start::{OfHost, Source};
use storage::store::UrlSigner;
use storage::vault::Vault;

use crate::{Host, Machine, Problem, Voice};

/// The group of the user pool whose members may decide about what waits for a person.
const REVIEWERS: &str = "reviewers";

/// What the function works with, built once.
pub struct OnAws {
    source: OfHost,
    executions: StateMachine,
    limits: WorkflowLimits,
    origins: Vec<String>,
    brand: Brand,
}

impl OnAws {
    /// From the environment.
    pub async fn start() -> Result<Self, Failure> {
        let source = OfHost::new(Function::start().await?);
        let (executions, limits) = (source.host().workflow()?, environment::limits()?);
        Ok(Self { source, executions, limits, origins: environment::origins(), brand: host::brand()? })
    }
}

#[async_trait]
impl Host for OnAws {
    /// The subject of the token that the gateway's authorizer has checked.
    fn caller(&self, request: &Parts) -> Option<String> {
        let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
        context.authorizer.as_ref()?.jwt.as_ref()?.claims.get("sub").cloned()
    }

    /// The members of the user pool's group `reviewers`.
    fn reviewer(&self, request: &Parts) -> Option<String> {
        let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
        let claims = &context.authorizer.as_ref()?.jwt.as_ref()?.claims;
        // The gateway writes a list as `[a b]`.
        let groups = claims.get("cognito:groups")?.trim_matches(['[', ']']);
        let is_one = groups.split([' ', ',']).any(|group| group == REVIEWERS);
        is_one.then(|| claims.get("username").or_else(|| claims.get("sub")).cloned())?
    }

    async fn follow(&self, _: &RunId, _: &CustomerRef, task: Option<String>) -> Result<(), Problem> {
        match task {
            Some(token) => Ok(self.source.host().tasks().succeed(&token).await?),
            // Whoever takes the run up again finds the decision.
            None => Ok(()),
        }
    }

    /// There are no copies, and the record of the recall itself is the event by which `deliver` is called.
    async fn recalled(&self, _: &RunId, _: BTreeSet<Digest>) -> Result<(), Problem> {
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

    fn links(&self) -> &dyn UrlSigner {
        &self.source.host().bucket
    }

    fn batch(&self) -> Option<Batch> {
        None
    }

    async fn voices(&self) -> Vec<Voice> {
        let voice = |engine: Engine, label: &str, default| Voice {
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

    fn machine(&self) -> Option<&dyn Machine> {
        None
    }
}
