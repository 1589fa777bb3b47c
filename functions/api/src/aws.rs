//! The backend on AWS: the workflow, the bucket, and the authorizer of the API gateway.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::middleware::{self, Next};
use axum::response::IntoResponse as _;
use bespoke_aws::executions::StateMachine;
use bespoke_aws::{Failure, Host, environment, host};
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::executions::Executions;
use contracts::key::RunPart;
use contracts::settings::Settings;
use contracts::stage::WorkflowLimits;
use contracts::voice::Engine;
use contracts::{Batch, CustomerRef, Digest, ObjectKey, RunId};
use http::Request;
use http::request::Parts;
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use serde::Deserialize;
use serde_json::Value;
use start::{BoundedExecutions, BucketSource, CampaignRecord, Source};
use storage::store::UrlSigner;
use storage::vault::Vault;

use crate::backend::{Backend, CampaignBounds, CampaignState, DryRunDecision, EventLog, SignIn};
use crate::live::LiveCounts;
use crate::polling::PolledExecutions;
use crate::problem::Problem;
use crate::role::{Identity, Role};
use crate::runs;
use crate::view::VoiceOption;

/// The backend of the Lambda function.
pub struct AwsBackend {
    source: BucketSource,
    executions: PolledExecutions<StateMachine>,
    live: LiveCounts,
    limits: WorkflowLimits,
    origins: Vec<String>,
    sign_in: Option<SignIn>,
    brand: Brand,
}

impl AwsBackend {
    /// Builds the backend from the function's environment.
    pub async fn start() -> Result<Self, Failure> {
        let source = BucketSource::new(Host::start().await?);
        let executions = PolledExecutions::new(source.host().workflow()?, Instant::now);
        let live = LiveCounts::default();
        let limits = environment::limits()?;
        let sign_in = environment::sign_in().map(|(address, client)| SignIn { address, client });
        Ok(Self { source, executions, live, limits, origins: environment::origins(), sign_in, brand: host::brand()? })
    }
}

/// Returns the person described by a token's claims. Only an ID token contains the email address.
fn identity(claims: &HashMap<String, String>) -> Option<Identity> {
    let subject = claims.get("sub")?.clone();
    let name = match claims.get("email").or_else(|| claims.get("username")).filter(|name| **name != subject) {
        Some(name) => format!("{name} ({subject})"),
        None => subject.clone(),
    };
    // The gateway formats a list as `[a b]`.
    let groups = claims.get("cognito:groups").map(|groups| groups.trim_matches(['[', ']'])).unwrap_or_default();
    let roles = groups.split([' ', ',']).filter_map(Role::of_group).collect();
    Some(Identity { subject, name, roles })
}

/// Splits the forecast of a dry run from the decisions for its customers.
fn split_forecast(forecast: Option<Value>) -> (Option<Value>, Vec<DryRunDecision>) {
    let Some(mut forecast) = forecast else { return (None, Vec::new()) };
    let each = forecast.as_object_mut().and_then(|fields| fields.remove("each")).unwrap_or_default();
    let each: Vec<EachDecision> = serde_json::from_value(each).unwrap_or_default();
    let decisions = each.into_iter();
    let decisions = decisions.map(|each| DryRunDecision { reference: each.reference, skip_reason: each.because });
    (Some(forecast), decisions.collect())
}

/// The decision for one customer in `forecast.json`.
#[derive(Deserialize)]
struct EachDecision {
    reference: CustomerRef,
    because: Option<String>,
}

/// Makes `router` accept only requests that come through the edge. They have this key in the `x-edge-key` header, which
/// `CloudFront` adds, so a direct call to the origin cannot bypass the firewall.
pub fn behind_edge(router: Router, key: &str) -> Router {
    let expected = Digest::of(key.as_bytes());
    router.layer(middleware::from_fn(move |request: Request<Body>, next: Next| async move {
        let given = request.headers().get("x-edge-key").map(|key| Digest::of(key.as_bytes()));
        if given == Some(expected) { next.run(request).await } else { Problem::not_found().into_response() }
    }))
}

#[async_trait]
impl Backend for AwsBackend {
    /// Reads the token that the authorizer has verified.
    fn identify(&self, request: &Parts) -> Option<Identity> {
        let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
        identity(&context.authorizer.as_ref()?.jwt.as_ref()?.claims)
    }

    /// If there is a decision, its record invokes `publish`. Otherwise, this writes another object that does.
    async fn complete_review(&self, run: &RunId, reference: &CustomerRef, decided: bool) -> Result<(), Problem> {
        if !decided {
            let key = ObjectKey::ReviewEnded(run.clone(), reference.clone());
            self.vault().store().put(&key, "".into()).await?;
        }
        Ok(())
    }

    /// Does nothing: there are no copies, and the recall record triggers `deliver`.
    async fn complete_recall(&self, _: &RunId, _: BTreeSet<Digest>) -> Result<(), Problem> {
        Ok(())
    }

    /// Does nothing, because the record of the answer triggers `notify`.
    async fn complete_answer(&self, _: &RunId, _: &CustomerRef) -> Result<(), Problem> {
        Ok(())
    }

    fn erases(&self) -> bool {
        false
    }

    /// Does nothing, because the function `retract` erases customers, and there are no copies.
    async fn complete_erasure(&self, _: &CustomerRef, _: BTreeSet<Digest>) -> Result<(), Problem> {
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

    async fn brand_file(&self, path: &str) -> Result<Bytes, Problem> {
        Ok(host::brand_file(path)?.into())
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
        let concurrency = bounds.concurrency.map_or(u32::MAX, |customers| u32::try_from(customers).unwrap_or(u32::MAX));
        let limits = WorkflowLimits {
            concurrency: self.limits.concurrency.min(concurrency),
            customers: bounds.customers,
            dry_run,
            ..self.limits
        };
        let record = CampaignRecord { dry_run, bounds };
        let executions = BoundedExecutions { executions: &self.executions, vault: self.vault(), record };
        Ok((Box::new(executions), limits))
    }

    async fn campaign_state(&self, run: &RunId) -> Result<Option<CampaignState>, Problem> {
        let store = self.vault().store();
        let record: Option<CampaignRecord> = runs::find_json(store, &ObjectKey::Campaign(run.clone())).await?;
        let Some(CampaignRecord { dry_run, bounds }) = record else { return Ok(None) };
        let mut state = CampaignState { dry_run, bounds, ..CampaignState::default() };
        if dry_run {
            let forecast: Option<Value> =
                runs::find_json(store, &ObjectKey::Run(run.clone(), RunPart::Forecast)).await?;
            (state.forecast, state.decisions) = split_forecast(forecast);
        } else {
            let customers = async || runs::count_customers(run, store).await;
            state.progress = Some(self.live.progress(run, store, customers).await?);
        }
        Ok(Some(state))
    }

    fn event_log(&self) -> Option<&dyn EventLog> {
        None
    }

    fn links(&self) -> &dyn UrlSigner {
        &self.source.host().bucket
    }

    fn sign_in(&self) -> Option<&SignIn> {
        self.sign_in.as_ref()
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn claims_identify_the_person_and_their_roles() {
        let claims = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let rita =
            claims(&[("sub", "1-2"), ("email", "rita@bank.example"), ("cognito:groups", "[reviewers compliance x]")]);
        let rita = identity(&rita).unwrap();
        assert_eq!((rita.subject.as_str(), rita.name.as_str()), ("1-2", "rita@bank.example (1-2)"));
        assert_eq!(rita.roles, BTreeSet::from([Role::Reviewer, Role::Compliance]));
        let nobody = identity(&claims(&[("sub", "1-2"), ("username", "1-2")])).unwrap();
        assert_eq!((nobody.name.as_str(), nobody.roles.len()), ("1-2", 0), "no group gives no role");
        assert!(identity(&claims(&[("email", "rita@bank.example")])).is_none());
    }

    #[tokio::test]
    async fn links_work_only_through_the_edge() {
        let router = behind_edge(Router::new().route("/l/token", get(async || "a page")), "0123456789");
        let status = async |key: Option<&str>| {
            let request =
                key.into_iter().fold(Request::get("/l/token"), |request, key| request.header("x-edge-key", key));
            router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
        };
        assert_eq!(status(Some("0123456789")).await, StatusCode::OK);
        for wrong in [None, Some(""), Some("0123456788")] {
            assert_eq!(status(wrong).await, StatusCode::NOT_FOUND, "{wrong:?}");
        }
    }
}
